"""`edgescribe-export coding [NAME]`: the bundle that finds codes by meaning; prints its path."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = sub.add_parser("coding", help="build the bundle that finds codes by meaning")
    parser.add_argument(
        "tuned", nargs="?", metavar="NAME", help="name of a folder in models/coding, or a folder of "
        "`edgescribe-training coding` (default: the base as it comes)"
    )  # fmt: skip
    parser.add_argument("--base", default="all-minilm-l6-v2", metavar="NAME", help="its base in export/catalog.toml")
    parser.add_argument("--as", dest="bundle", metavar="NAME", help="name of the bundle (default: coding-NAME)")
    parser.add_argument(
        "--edition", type=Path, metavar="FILE", help="another edition, ClaML or tabular XML (default: ICD-10-CM)"
    )
    parser.add_argument(
        "--precision",
        choices=("int8", "fp32"),
        default="int8",
        help="of the encoder's weights; it computes in fp32, and the vectors are int8 (default: int8)",
    )
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="0 for as many as there are")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for bundles (default: models/bundles)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Build, compare with the source, pack, sign for this machine; prints the bundle's folder.

    Raises BaseModelError, BundleError, CatalogueError, UsageError.
    """
    import sys

    from edge.paths import checkout
    from edge.terminology.index import open_catalogue, open_edition
    from export.bundles import bundle_folder
    from export.machine import sign_here
    from export.progress import bar
    from export.to_coding import make_coding_bundle

    tuned, root = (Path(args.tuned).expanduser() if args.tuned else None), checkout()
    if tuned is not None and not tuned.is_dir() and root is not None:
        tuned = root / "models" / "coding" / args.tuned
    target = bundle_folder(args.bundle or f"coding-{tuned.resolve().name if tuned else args.base}", args.out)
    catalogue = open_edition(args.edition) if args.edition else open_catalogue()
    try:
        with bar() as progress:
            bundle = make_coding_bundle(
                args.base, tuned, target.name, target.parent, catalogue, args.precision, args.threads, progress
            )
    finally:
        catalogue.close()
    size = sum(entry.size for entry in bundle.manifest.files) / 1e6
    print(f"{bundle.manifest.name}: {size:.0f} MB, signed by {sign_here(bundle.folder)}", file=sys.stderr)
    print(bundle.folder)
    return 0
