"""`edgescribe-export verify BUNDLE`: compare a bundle with its source, and record the verdict in it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from export.verify import VerifyTrial


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = sub.add_parser("verify", help="compare a bundle with its source in float32, and record the verdict")
    parser.add_argument("bundle", nargs="+", help="name or folder; several of one source are measured together")
    parser.add_argument("--against", type=Path, metavar="HF_DIR", help="the source (default: its base from the cache)")
    parser.add_argument("--adapter", type=Path, metavar="DIR", help="the adapter that was merged into the bundle")
    parser.add_argument(
        "--documents", type=Path, metavar="JSONL", help="held documents (default: MTS-Dialog validation)"
    )
    parser.add_argument("--count", type=int, default=50, help="how many documents (default: 50)")
    parser.add_argument(
        "--notes", type=int, default=3, help="conversations of each set to write about, for ROUGE (default: 3)"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="data folder (default: EDGESCRIBE_DATA)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, judge, record; prints a JSON object for each bundle. Exit code 4 if one did not pass the gate.

    Raises BundleError.
    """
    from edge.contract.bundle import find_bundle
    from export.bundles import bundles_folder
    from export.verify import VerifyTrial

    folders = [find_bundle(name, [bundles_folder()]) for name in args.bundle]
    trial = VerifyTrial(args.against, args.adapter, args.documents, args.count, args.notes, args.data)
    return compare_and_record(folders, trial)


def compare_and_record(folders: list[Path], trial: VerifyTrial) -> int:
    """The work of `verify`; returns its exit code. Raises BundleError."""
    import json
    import sys

    from export.gate import failures, record
    from export.machine import built_here, sign_here
    from export.progress import bar
    from export.verify import measure

    with bar() as progress:
        gates = measure(folders, trial, progress)
    for folder, gate in zip(folders, gates, strict=True):
        ours = built_here(folder)
        record(folder, gate)
        if ours:
            sign_here(folder)
        print(json.dumps({"bundle": folder.name, **gate.model_dump()}))
        verdict = "The gate was passed." if gate.passed else f"The gate was not passed: {failures(gate)}."
        print(f"{folder.name}: {verdict}", file=sys.stderr)
    return 0 if all(gate.passed for gate in gates) else 4
