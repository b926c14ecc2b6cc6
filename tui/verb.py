"""`edgescribe` alone, or `edgescribe app`: the terminal app. A launcher without secrets starts `window`, sealed.

The seal can't be widened later, so `window` asks for the export folder when it starts: a folder that is chosen in the
app counts from the next unlock, which is a new process. It stands here, not with the other verbs: it imports upwards of
them. Everything is imported late: the parser of all verbs must not load the app.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import sys
from pathlib import Path

from edge.errors import UsageError
from edge.verbs import bundle_options


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    app = sub.add_parser("app", help="open the app (as edgescribe alone does)", description=__doc__)
    _options(app)
    app.set_defaults(run=launch, sealed=False)
    window = sub.add_parser("window", description="The app in this process, until it locks.")
    _options(window)
    window.add_argument("--beat", type=int, help=argparse.SUPPRESS)  # the launcher's: where it looks for signs of life
    window.add_argument("--ended", action="store_true", help=argparse.SUPPRESS)  # the window before did not answer
    window.set_defaults(run=run, write_dirs=_write_dirs, before_seal=_before_seal)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--vault", type=Path, metavar="FILE", help="vault file (default: your own)")
    bundle_options.add_bundle(parser, "as set in the app")
    bundle_options.add_threads(parser)


def _before_seal(args: argparse.Namespace) -> None:
    """Map the memory in which the launcher sees that this window lives: the seal closes its descriptor."""
    if args.beat is not None:
        from tui.terminal.beat import Beat

        args.life = Beat.of(args.beat)


def _write_dirs(args: argparse.Namespace) -> tuple[Path, ...]:
    """The vault's folder and the export folder; one that can't be made is left out, and exporting will say so."""
    from tui import settings

    wanted = [settings.load().exports()]
    if args.vault is not None:
        wanted.append(args.vault.resolve().parent)
    folders = []
    for folder in wanted:
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folders.append(folder)
    return tuple(folders)


def launch(args: argparse.Namespace) -> int:
    """Start the window, and again after every lock; returns its last exit code. Raises UsageError off a terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "The app needs a terminal.", "", "Every action is also a verb for scripts: see edgescribe --help."
        )
    options = ["--unsealed"] if args.unsealed else []
    options.append("window")
    options += ["--allow-unsigned"] if args.allow_unsigned else []
    for name in ("vault", "bundle", "threads"):
        if value := getattr(args, name, None):
            options += [f"--{name}", str(value)]
    from tui import launcher

    return launcher.main(options)


def run(args: argparse.Namespace) -> int:
    """Run the window in this process, which is sealed by now."""
    gc.disable()  # until the first screen stands: collecting while modules load is a tenth of the way there
    from tui import app

    return app.main(args)
