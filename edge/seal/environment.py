"""The environment: an allow-list, and one re-execution of the interpreter with it.

Variables can load code (LD_PRELOAD, PYTHONSTARTUP, GCONV_PATH), redirect traffic (proxies), write screens to disk
(TEXTUAL_SCREENSHOT) or wake a client (HF_*). A list of bad names is never complete, so only the names below survive.
Variables that act at load time have acted when Python code first runs: hence the re-execution, with `-I`, which also
ignores the user's site-packages and the current folder, and `-S`: no code of a .pth file runs (boot.py).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from edge.errors import SealError

_KEPT = (
    "HOME PATH USER LOGNAME SHELL TMPDIR TZ LANG LANGUAGE "
    "TERM COLORTERM COLORFGBG TERM_PROGRAM TERM_PROGRAM_VERSION COLUMNS LINES NO_COLOR FORCE_COLOR CLICOLOR "
    "TMUX TMUX_PANE STY VTE_VERSION KITTY_WINDOW_ID KONSOLE_VERSION WT_SESSION WSL_DISTRO_NAME "
    "XDG_DATA_HOME XDG_CACHE_HOME XDG_CONFIG_HOME "
    # Windows cannot start a process without these.
    "SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT TEMP TMP USERPROFILE USERNAME APPDATA LOCALAPPDATA PROGRAMDATA "
    "NUMBER_OF_PROCESSORS PROCESSOR_ARCHITECTURE"
)
KEPT = frozenset(_KEPT.split())
KEPT_PREFIXES = ("EDGESCRIBE_", "LC_")
# Version 1.28.0 of the runtime carries no collector; later ones do, and this is the switch that they obey.
FORCED = {"ORT_DISABLE_TELEMETRY": "1"}
_MARK = "EDGESCRIBE_CLEAN_START"


def is_kept(name: str) -> bool:
    """Return True if a variable of this name survives."""
    return name in KEPT or name.startswith(KEPT_PREFIXES) or FORCED.get(name) is not None


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the part of environ that is kept, with the forced variables set."""
    return {k: v for k, v in environ.items() if is_kept(k) and k != _MARK} | FORCED


def scrub() -> None:
    """Remove every variable that is not kept from this process and its future children."""
    wanted = clean(os.environ)
    for name in [k for k in os.environ if k not in wanted]:
        del os.environ[name]
    os.environ.update(wanted)


def is_clean() -> bool:
    """Return True if the interpreter is isolated (-I, -S) and holds no variable that would be scrubbed."""
    return bool(sys.flags.isolated and sys.flags.no_site) and all(is_kept(k) for k in os.environ)


def boot_command(argv: Sequence[str]) -> list[str]:
    """Return the command line that starts the program again, isolated, with these arguments."""
    boot = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boot.py")
    return [sys.executable, "-I", "-S", boot, *argv]


def reexec_clean(argv: Sequence[str] | None = None) -> None:
    """Start the program again with a clean environment and `-I`; return only when this already is that start.

    argv: arguments after the program's name (sys.argv[1:] if None). Standard streams, working folder and process id
    stay. Raises SealError if the second start is not clean either, or there is no interpreter to start.
    """
    if is_clean():
        scrub()
        return
    if _MARK in os.environ:
        raise SealError(
            "The program could not be started in a clean environment.",
            "A variable comes back after it was removed.",
            "Look for a wrapper or site-packages file (sitecustomize, *.pth) that sets environment variables.",
        )
    if not sys.executable:
        raise SealError("The program could not be started in a clean environment.", "No interpreter path is known.")
    command = boot_command(sys.argv[1:] if argv is None else argv)
    environ = clean(os.environ) | {_MARK: "1"}
    if sys.platform == "win32":  # os.exec on Windows returns to the shell before the new process is done
        import subprocess

        raise SystemExit(subprocess.call(command, env=environ))
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os.execve(command[0], command, environ)
