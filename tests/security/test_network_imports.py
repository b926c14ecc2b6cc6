"""No network client is imported by, or importable from, the laptop's code. `socket` and `ssl` are no clients: asyncio
and email (which importlib.metadata reads packages with) import them; what they may do, the kernel decides."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from edge.seal.imports import CLIENTS

ROOT = Path(__file__).resolve().parents[2]
# Modules of ours that name `socket`: the auditor's attempts and listeners, and the macOS self-test.
MAY_NAME_SOCKET = {
    "edge/audit/attempts.py",
    "edge/audit/kernel_calls.py",
    "edge/audit/listener.py",
    "edge/audit/stage.py",
    "edge/seal/macos.py",
}
LOW_LEVEL = {"socket", "ssl", "asyncio", "selectors", "_socket", "_ssl"}


def imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def laptop_files() -> list[Path]:
    return [file for package in ("edge", "tui") for file in sorted((ROOT / package).rglob("*.py"))]


def test_no_file_of_ours_names_a_client() -> None:
    files = laptop_files()
    assert len(files) >= 90
    named = {
        file.relative_to(ROOT).as_posix(): sorted(
            n for n in imports(file) if n in CLIENTS or n.split(".")[0] in CLIENTS
        )
        for file in files
    }
    assert {file: names for file, names in named.items() if names} == {}


def test_only_the_named_files_of_edge_use_sockets() -> None:
    using = {
        file.relative_to(ROOT).as_posix()
        for file in laptop_files()
        if file.is_relative_to(ROOT / "edge") and {n.split(".")[0] for n in imports(file)} & (LOW_LEVEL - {"asyncio"})
    }
    assert using == MAY_NAME_SOCKET


def test_the_program_asks_for_no_client_by_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {line.split("=")[0].split(">")[0].split("<")[0].split(";")[0].strip() for line in project["dependencies"]}
    assert len(names) >= 9
    assert not {name.replace("-", "_") for name in names} & CLIENTS


IMPORT_ALL = """
import importlib, json, os, pkgutil, sys
sys.path.append({root!r})
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
from edge.seal import imports
imports.refuse_clients()
names = []
for package in ("edge", "tui"):
    top = importlib.import_module(package)
    names += [m.name for m in pkgutil.walk_packages(top.__path__, package + ".")]
names = [name for name in names if name not in ("edge.seal.boot", "edge.engine.mlx")]
for name in names:
    importlib.import_module(name)
third = ["onnxruntime", "onnxruntime_genai", "tokenizers", "sqlcipher3", "argon2", "cryptography", "pydantic"]
third += ["rapidfuzz", "llguidance", "textual.app", "textual.widgets", "textual.drivers.linux_driver"]
for name in third:
    importlib.import_module(name)
import textual.widgets
for name in textual.widgets.__all__:
    getattr(textual.widgets, name)
print(json.dumps([len(names), sorted(imports.CLIENTS & sys.modules.keys())]))
"""


def test_everything_can_be_imported_where_no_client_can() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", IMPORT_ALL.format(root=str(ROOT))], capture_output=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    count, clients = json.loads(done.stdout)
    assert count >= 90
    assert clients == []


def test_a_client_would_be_noticed() -> None:
    code = (
        f"import sys; sys.path.append({str(ROOT)!r})\nimport http.client, json\nfrom edge.seal import imports\n"
        "imports.refuse_clients()\nfound = sorted(imports.CLIENTS & sys.modules.keys())\n"
        "try:\n    import ftplib\nexcept ImportError as why:\n    found.append(why.name)\nprint(json.dumps(found))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, timeout=600, check=True)
    found: Any = json.loads(done.stdout)
    assert found == ["_ssl", "http.client", "ssl", "ftplib"]
