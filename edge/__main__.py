"""Where `edgescribe` starts: nothing but a Ctrl-C that is answered in words from the first moment on."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; returns the exit code."""
    try:
        from edge.cli import main as run

        return run()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
