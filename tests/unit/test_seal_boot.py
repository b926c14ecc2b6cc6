"""The second start finds its packages without site.py, so that no file among them runs before the seal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.seal.environment import boot_command, clean

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="virtual environments are laid out in another way there"
)
LEAVES_A_MARK = "import os; open(os.environ['EDGESCRIBE_MARK'], 'a').write('{name} ')"


AFTER = """import runpy, sys
sys.argv = ["x", "--version"]
try:
    runpy.run_path({boot!r}, run_name="__main__")
except SystemExit:
    import linked
    print(linked.__file__)
"""


def start(folder: Path, shared: str, lib: bool = True) -> str:
    """Start the program in a virtual environment with .pth files and a sitecustomize; which of them ran."""
    python = folder / "bin/python"
    python.parent.mkdir()
    python.symlink_to(os.path.realpath(sys.executable))
    home = Path(os.path.realpath(sys.executable)).parent
    (folder / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = {shared}\n", encoding="utf-8")
    if lib:
        packages = folder / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
        packages.mkdir(parents=True)
        (packages / "a.pth").write_text(LEAVES_A_MARK.format(name="pth") + "\n", encoding="utf-8")
        (packages / "sitecustomize.py").write_text(LEAVES_A_MARK.format(name="custom") + "\n", encoding="utf-8")
        (folder / "elsewhere").mkdir()
        (folder / "elsewhere" / "linked.py").write_text("", encoding="utf-8")
        (packages / "b.pth").write_text(f"# a comment\n{folder / 'elsewhere'}\n/nowhere\n", encoding="utf-8")
        if shared == "false":  # site.py itself ends at such files
            (packages / "c.pth").mkdir()
            (packages / "d.pth").write_bytes(b"\xff\x00/\x8a\n" + os.urandom(300))
    mark = folder / "mark"
    environ = clean({**os.environ, "EDGESCRIBE_MARK": str(mark)})
    boot = boot_command(["--version"])
    command = [str(python), *(["-I", "-S", "-c", AFTER.format(boot=boot[3])] if lib else boot[1:])]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("edgescribe ")
    assert not lib or done.stdout.splitlines()[-1] == str(folder / "elsewhere/linked.py")
    return mark.read_text(encoding="utf-8") if mark.exists() else ""


def test_nothing_among_the_packages_runs(tmp_path: Path) -> None:
    assert start(tmp_path, "false") == ""


def test_where_only_site_knows_the_packages_it_is_asked(tmp_path: Path) -> None:
    assert {*start(tmp_path, "true").split()} == {"pth", "custom"}


def test_an_environment_without_a_folder_of_packages_starts_too(tmp_path: Path) -> None:
    assert start(tmp_path, "false", lib=False) == ""


def test_the_packages_of_this_environment_are_found() -> None:
    code = f"import runpy, sys; sys.argv = ['x', '--version']\nfile = {boot_command([])[3]!r}\n" + (
        "try:\n    runpy.run_path(file, run_name='__main__')\nexcept SystemExit:\n    import textual, gc, sys\n"
        "    print(gc.isenabled(), 'site' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], env=clean(os.environ), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False False"
