"""Make .venv: the packages of pyproject.toml in a cached environment, plus this checkout's own commands.

Needs only Python 3.11+ (with venv). The cached environment is built once for each content of pyproject.toml's
dependencies and each Python; it is made under a temporary name and renamed, so a broken install is never used.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("training", "export", "dev")


def requirements() -> list[str]:
    """Dependencies of the laptop install and the extras, in a fixed order."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    return sorted({*project["dependencies"], *(line for extra in EXTRAS for line in optional[extra])})


def cached_environment(lines: list[str]) -> Path:
    """Folder of the environment that holds these requirements, built if it is not there."""
    key = hashlib.sha256("\n".join([sys.version, sys.prefix, *lines]).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("EDGESCRIBE_CACHE", str(Path.home() / ".cache" / "edgescribe")))
    ready = cache / f"python-{key}"
    if (ready / "complete").is_file():
        return ready
    if ready.exists():
        shutil.rmtree(ready)
    print(f"Installing {len(lines)} packages (once; about two to four minutes) …", file=sys.stderr, flush=True)
    cache.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", str(ready)], check=True)
    pip = [str(ready / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "on"]
    install = subprocess.Popen([*pip, *lines, "setuptools>=77", "wheel"], stdout=subprocess.PIPE, text=True)
    assert install.stdout is not None
    show_progress(install.stdout)
    if install.wait() != 0:
        shutil.rmtree(ready, ignore_errors=True)
        raise SystemExit("The packages could not be installed: see pip's message above. Then run make again.")
    (ready / "complete").touch()
    return ready


def show_progress(lines: object) -> None:
    """One line on the screen that says what pip is doing; pip's own warnings go straight to standard error."""
    live = sys.stderr.isatty()
    count = 0
    for line in lines:  # type: ignore[attr-defined]
        count += line.startswith(("Collecting", "  Downloading", "  Using cached"))
        if live:
            sys.stderr.write(f"\r\x1b[2K  {count:4} {line.strip()[:100]}")
        elif line.startswith("Installing collected"):
            print("  unpacking …", file=sys.stderr, flush=True)
    if live:
        sys.stderr.write("\r\x1b[2K")


def link(packages: Path) -> None:
    """Make .venv with a path file to the packages, and install this checkout's commands into it."""
    venv = ROOT / ".venv"
    if venv.exists():
        shutil.rmtree(venv)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    library = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    (venv / library / "_packages.pth").write_text(f"{packages / library}\n", encoding="utf-8")
    python = str(packages / "bin" / "python")
    options = ["--no-deps", "--no-build-isolation", "--no-cache-dir", "-q", "-e", str(ROOT)]
    subprocess.run(
        [
            python,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--python",
            str(venv / "bin" / "python"),
            "install",
            *options,
        ],
        check=True,
    )
    # A sealed process cannot write __pycache__; without it every start would compile anew.
    subprocess.run([str(venv / "bin" / "python"), "-m", "compileall", "-q", "edge", "tui"], cwd=ROOT, check=True)
    (venv / "ready").touch()


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - said in words before anything fails
        raise SystemExit(f"edgescribe needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    link(cached_environment(requirements()))


if __name__ == "__main__":
    main()
