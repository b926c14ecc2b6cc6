"""`edgescribe-export table NAME`: measure every way of rounding a base, into docs/quantisation.md; prints that path."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = sub.add_parser("table", help="measure quantisation variants of a base into docs/quantisation.md")
    parser.add_argument("name", help="base model, a name in export/catalog.toml")
    parser.add_argument("--count", type=int, default=50, help="held documents (default: 50)")
    parser.add_argument(
        "--documents", type=Path, metavar="JSONL", help="held documents (default: MTS-Dialog validation)"
    )
    parser.add_argument("--notes", type=int, default=3, help="conversations of each set to write about (default: 3)")
    parser.add_argument("--rounds", type=int, default=3, help="timing rounds, best counts (default: 3)")
    parser.add_argument(
        "--without", action="append", default=[], metavar="WORD", help="leave out variants named so (k_quant, fp32, …)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder (default: docs of the checkout)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Build, measure, write. Raises BaseModelError, BundleError, InputError."""
    import os
    import platform

    from edge.paths import checkout
    from export.catalog import get
    from export.held import load_held
    from export.notes import load_sets
    from export.progress import bar
    from export.table import markdown, measure_table, plot_svg, replace_section

    base = get(args.name)
    folder = args.out or (checkout() or Path.cwd()) / "docs"
    with bar() as progress:
        held, sets = load_held(args.count, args.documents), load_sets(args.notes)
        rows = measure_table(base, held, sets, args.rounds, args.without, progress)
    rounds = "one round" if args.rounds == 1 else f"best of {args.rounds} rounds"
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {rounds}; compare within the table only" + (
        f". Left out (--without): {', '.join(args.without)}" if args.without else ""
    )
    page, plot = folder / "quantisation.md", f"quantisation-{base.name}.svg"
    plot_svg(base, rows, folder / plot)
    page.write_text(
        replace_section(page.read_text(encoding="utf-8"), base.name, markdown(base, rows, args.notes, machine, plot)),
        encoding="utf-8",
    )
    print(page)
    return 0
