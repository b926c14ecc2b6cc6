"""edgescribe-training: prepare, run, evaluate, report. Data goes to stdout, narration to stderr."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from edge.errors import EdgescribeError
from training import verbs


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code. Named errors are printed without a traceback."""
    parser = argparse.ArgumentParser(prog="edgescribe-training", description="LoRA adapters for clinical notes.")
    verbs.add_parsers(parser.add_subparsers(dest="verb", required=True, metavar="VERB"))
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except EdgescribeError as error:
        print(f"{error.title}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Stopped. Resume with: edgescribe-training run --resume ID", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
