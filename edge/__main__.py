"""Where `edgescribe` starts: a Ctrl-C that is answered in words from the first moment on, and the app without delay."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; returns the exit code."""
    try:
        if sys.argv[1:] in ([], ["app"]) and sys.stdin.isatty() and sys.stdout.isatty():
            from tui.launcher import main as launch  # what tui.verb would do, without a parser of all options

            return launch(["window"])
        from edge.cli import main as run

        return run()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
