"""Where the clean, isolated interpreter starts (see environment.py). Run as a file, never imported."""

import gc
import os
import sys


def _packages() -> bool:
    """Let packages of the virtual environment be found without site.py. Returns False where only that knows them.

    site.py runs sitecustomize, usercustomize and every line of code in a .pth file that lies among the packages: code
    of others, before the seal. A virtual environment needs none of it: its folder of packages is known, and so are the
    folders that .pth files name.
    """
    home = os.path.dirname(os.path.dirname(os.path.abspath(sys.executable)))
    try:
        with open(os.path.join(home, "pyvenv.cfg"), encoding="utf-8", errors="replace") as file:
            words = file.read().lower().replace(" ", "").splitlines()
    except OSError:
        return False
    parts = ("Lib",) if os.name == "nt" else ("lib", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    folder = os.path.join(home, *parts, "site-packages")
    if "include-system-site-packages=true" in words or not os.path.isdir(folder):
        return False
    sys.prefix = sys.exec_prefix = home
    sys.path.append(folder)
    for name in sorted(os.listdir(folder)):
        if name.endswith(".pth"):
            _follow(folder, name)
    return True


def _follow(folder: str, name: str) -> None:
    """Append the folders that a .pth file names; its lines of code are left alone, and so is one that can't be read."""
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file]
    except OSError:
        return
    for line in lines:
        path = os.path.join(folder, line)
        if line and not line.startswith(("#", "import ", "import\t")) and os.path.isdir(path) and path not in sys.path:
            sys.path.append(path)


if __name__ == "__main__":
    gc.disable()  # nothing that is loaded before the verb runs is garbage: edge.cli switches it on again
    if not _packages():
        import site

        site.main()
    # `-I` leaves the current folder out of the path; a source checkout is then found from this file's own place. Last,
    # so that nothing in it can stand in for a module of the standard library.
    _ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if _ROOT not in sys.path:
        sys.path.append(_ROOT)
    sys.argv[0] = "edgescribe"

    from edge.__main__ import main

    sys.exit(main())
