"""Make .venv: the packages of locks/all.txt in a cached environment, plus this checkout's own commands.

Needs only Python 3.11+ (with venv). Every package is checked against its hash; torch is installed by its version, for
its builds differ by machine. The cached environment is built once for each lock and each Python; it counts only when
it is complete, so a broken install is never used.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("training", "export", "dev")
LOCK = ROOT / "locks" / "all.txt"


def torch() -> str:
    """The requirement of torch in pyproject.toml. Ends the program where the lock lacks any other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    lines = {*project["dependencies"], *(line for extra in EXTRAS for line in optional[extra])}
    locked = set(re.findall(r"(?m)^([a-z0-9-]+)==", LOCK.read_text(encoding="utf-8")))
    names = {re.split(r"[^A-Za-z0-9._-]", line)[0].lower().replace("_", "-") for line in lines}
    if lacking := sorted(names - locked - {"torch"}):
        raise SystemExit(f"locks/all.txt lacks {', '.join(lacking)}: run `make lock`.")
    return next(line for line in lines if line.startswith("torch=="))


def cached_environment() -> Path:
    """Folder of the environment that holds these packages, built if it is not there."""
    own = torch()
    lines = [sys.version, sys.prefix, LOCK.read_text(encoding="utf-8"), own]
    key = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("EDGESCRIBE_CACHE", str(Path.home() / ".cache" / "edgescribe")))
    ready = cache / f"python-{key}"
    if (ready / "complete").is_file():
        return ready
    if ready.exists():
        shutil.rmtree(ready)
    print("Installing the packages (once; about two to four minutes) …", file=sys.stderr, flush=True)
    cache.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", str(ready)], check=True)
    for words in (["--no-deps", "--require-hashes", "-r", str(LOCK)], [own]):
        install(ready, words)
    (ready / "complete").touch()
    return ready


def install(ready: Path, words: list[str]) -> None:
    """Run pip there. Removes the environment and ends the program if it fails."""
    pip = [str(ready / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "on"]
    running = subprocess.Popen([*pip, *words], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    show_progress(running.stdout)
    if running.wait() != 0:
        shutil.rmtree(ready, ignore_errors=True)
        raise SystemExit("The packages could not be installed: see pip's message above. Then run make again.")


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
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--python", str(venv / "bin" / "python")]
    subprocess.run([*pip, "install", *options], check=True)
    # A sealed process cannot write __pycache__; without it every start would compile anew.
    subprocess.run([str(venv / "bin" / "python"), "-m", "compileall", "-q", "edge", "tui"], cwd=ROOT, check=True)
    (venv / "ready").touch()


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - said in words before anything fails
        raise SystemExit(f"edgescribe needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    link(cached_environment())


if __name__ == "__main__":
    main()
