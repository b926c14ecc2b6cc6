"""edgescribe-training: prepare, run, evaluate, report. Data goes to stdout, narration to stderr."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from edge.command import run_verb
from training import verbs


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code. Named errors are printed without a traceback."""
    parser = argparse.ArgumentParser(prog="edgescribe-training", description="LoRA adapters for clinical notes.")
    verbs.add_parsers(parser.add_subparsers(dest="verb", required=True, metavar="VERB"))
    args = parser.parse_args(argv)
    training = args.verb == "run"
    again = "Resume with: edgescribe-training run --resume ID" if training else "The same command goes on where it was."
    return run_verb(args, f"Stopped. {again}")


if __name__ == "__main__":
    sys.exit(main())
