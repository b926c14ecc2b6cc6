"""`edgescribe-export verify BUNDLE`: compare a bundle with its source, and record the verdict in it."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = sub.add_parser("verify", help="compare a bundle with its source in float32, and record the verdict")
    parser.add_argument("bundle", help="name or folder")
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
    """Measure, judge, record; prints the figures. Exit code 4 if the gate was not passed. Raises BundleError."""
    import json
    import sys

    from edge.contract.bundle import find_bundle
    from export.bundles import bundles_folder
    from export.gate import failures, record
    from export.machine import built_here, sign_here
    from export.progress import bar
    from export.verify import measure

    folder = find_bundle(args.bundle, [bundles_folder()])
    ours = built_here(folder)
    with bar() as progress:
        gate = measure(folder, args.against, args.adapter, args.documents, args.count, args.notes, args.data, progress)
    record(folder, gate)
    if ours:
        sign_here(folder)
    print(json.dumps(gate.model_dump(), indent=1))
    if not gate.passed:
        print(f"The gate was not passed: {failures(gate)}.", file=sys.stderr)
        return 4
    print("The gate was passed.", file=sys.stderr)
    return 0
