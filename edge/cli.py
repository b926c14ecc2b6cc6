"""The command line. It knows the verbs' names and how a verb ends; what a verb does is in edge/verbs/<verb>.py.

Exit codes: 0 done · 1 some of several files failed · 2 usage · 3 input · 4 bundle · 5 vault · 6 engine · 7 seal ·
10 catalogue of codes · 130 stopped by the user.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge import __version__
from edge.errors import EdgescribeError
from edge.seal import crash, guard_output
from edge.verbs.narrate import complain

if TYPE_CHECKING:
    from edge.seal import SealStatus

VERBS = (
    "app", "demo", "read", "note", "extract", "annotate", "facts", "code", "check", "records", "vault", "bundle",
    "audit", "doctor",
)  # fmt: skip


def _module(verb: str) -> Any:
    """The module of a verb. Imported by name when it is asked for (downwards, so no layer is passed over): each start
    loads one verb only. The app's verb is above this one's layer, and named.
    """
    if verb in ("app", "window"):
        from tui import verb as app

        return app
    return importlib.import_module(f"edge.verbs.{verb}")


def build_parser(verb: str | None = None) -> argparse.ArgumentParser:
    """The parser of one verb, whose start then waits for no other's imports; of all of them if there is none so named.

    verb: a name of VERBS, or the app's own "window".
    """
    parser = argparse.ArgumentParser(
        prog="edgescribe",
        description="A clinical scribe that runs wholly on this machine. Its notes are drafts: the clinician signs.",
        epilog="Exit codes: 0 done, 1 some files failed, 2 usage, 3 input, 4 bundle, 5 vault, 6 engine, 7 seal, "
        "10 catalogue, 130 stopped.",
    )
    parser.add_argument("--version", action="version", version=f"edgescribe {__version__}")
    parser.add_argument(
        "--unsealed", action="store_true", help="go on where the system cannot keep this program off the network"
    )
    sub = parser.add_subparsers(dest="verb", metavar="VERB")
    for name in (verb,) if verb in (*VERBS, "window") else VERBS:
        _module(str(name)).add_parser(sub)
    parser.set_defaults(parser_of_all=build_parser)
    return parser


def seal(args: argparse.Namespace) -> SealStatus:
    """Seal this process before anything of the verb is imported: a clean environment first, then the kernel's rules.

    What a verb may write besides the data folder, its write_dirs(args) says; what it needs of an inherited descriptor,
    its before_seal(args) takes.
    """
    from edge import paths
    from edge.seal import SealPolicy, enforce, reexec_clean

    reexec_clean()
    if hasattr(args, "before_seal"):
        args.before_seal(args)
    chosen = args.write_dirs(args) if hasattr(args, "write_dirs") else ()
    folders = (paths.data_dir(), *(Path(folder).resolve() for folder in chosen))
    return enforce(SealPolicy(write_dirs=folders, allow_unsealed=args.unsealed))


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    guard_output()  # before argparse repeats what was typed
    crash.install()  # an uncaught fault says where it happened, never a document's words
    words = list(sys.argv[1:] if argv is None else argv)
    verb = next((word for word in words if not word.startswith("-")), None)
    if verb is None and sys.stdin.isatty() and sys.stdout.isatty() and not {"-h", "--help", "--version"} & {*words}:
        verb = "app"
        words.append(verb)
    parser = build_parser(verb)
    args = parser.parse_args(words)
    if args.verb is None:
        parser.print_help()
        return 0
    try:
        if getattr(args, "sealed", True):
            args.seal = seal(args)
            if args.seal.level != "kernel":
                print(f"edgescribe: {args.seal.line()}", file=sys.stderr)
        gc.enable()  # off since boot.py
        if hasattr(args, "passphrase_file"):
            from edge.verbs.vault_options import warn_of_passphrase_file

            warn_of_passphrase_file(args)
        return int(args.run(args))
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader went away; nothing more to say
        return 128 + signal.SIGPIPE
    except EdgescribeError as error:
        complain(error)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
