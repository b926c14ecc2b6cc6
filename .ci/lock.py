"""Write locks/*.txt: every package of the project with the sha256 of its files, for all systems and Pythons. No index.

Needs uv (on the PATH, or from the package index into a temporary environment). torch and what comes with its builds
are left out: which build suits depends on the machine, and its hash with it. Pins that still fit are kept.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"all": ("training", "export", "dev"), "laptop": ()}  # the second with the versions of the first
_BUILDS = re.compile(r"^(torch|triton|nvidia-|cuda-)")
HEAD = "# Made by `make lock` from pyproject.toml; do not edit. torch is apart: its builds differ by machine.\n"


def uv(folder: Path) -> str:
    """The command uv, installed into folder if there is none."""
    if found := shutil.which("uv"):
        return found
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "uv"], check=True)
    return str(folder / "bin" / "uv")


def without_builds(text: str) -> str:
    """The lock without torch's family: a package is its line and the hashes below it."""
    blocks = re.split(r"(?m)^(?=[a-zA-Z0-9])", text)
    return "".join(block for block in blocks if not _BUILDS.match(block))


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        command = [uv(Path(name)), "pip", "compile", "-q", "pyproject.toml", "--universal", "--python-version", "3.11"]
        command += ["--generate-hashes", "--no-header", "--no-annotate"]
        for lock, extras in LOCKS.items():
            target = ROOT / "locks" / f"{lock}.txt"
            made = Path(name) / f"{lock}.txt"
            if target.exists():
                shutil.copyfile(target, made)
            options = [word for extra in extras for word in ("--extra", extra)]
            options += [] if extras else ["--constraint", str(ROOT / "locks" / "all.txt")]
            subprocess.run([*command, *options, "-o", str(made)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            text = made.read_text(encoding="utf-8").removeprefix(HEAD)
            target.write_text(HEAD + without_builds(text), encoding="utf-8")


if __name__ == "__main__":
    main()
