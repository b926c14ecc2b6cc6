"""`edgescribe-export`: what hospital IT types. A verb is a module of export.verbs; stdout is data."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from edge.command import run_verb

VERBS = ("fetch", "hf", "build", "optimum", "tagger", "coding", "verify", "keygen", "sign", "table")


def parser() -> argparse.ArgumentParser:
    """The whole command line; imports no model library."""
    top = argparse.ArgumentParser(
        prog="edgescribe-export", description="From a base model and an adapter to a bundle that a laptop can run."
    )
    sub = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        import_module(f"export.verbs.{verb}").add_parser(sub)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb. Exit codes: 0 done, 2 usage, 4 bundle, 8 base model, 130 stopped, 143 by SIGTERM."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    return run_verb(parser().parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
