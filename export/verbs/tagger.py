"""`edgescribe-export tagger NAME`: the ONNX bundle of a tuned tagger; prints its path."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = sub.add_parser("tagger", help="build the bundle of a tuned tagger")
    parser.add_argument(
        "tagger", help="name of a folder in models/taggers, or a folder of `edgescribe-training tagger`"
    )
    parser.add_argument("--base", default="all-minilm-l6-v2", metavar="NAME", help="its base in export/catalog.toml")
    parser.add_argument("--as", dest="bundle", metavar="NAME", help="name of the bundle (default: tagger-NAME)")
    parser.add_argument("--precision", choices=("int8", "fp32"), default="int8")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for bundles (default: models/bundles)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Build, compare with the source, pack, sign for this machine; prints the bundle's folder.

    Raises BaseModelError, BundleError, UsageError.
    """
    import sys

    from edge.paths import checkout
    from export.bundles import bundle_folder
    from export.machine import sign_here
    from export.progress import bar
    from export.to_tagger import make_tagger_bundle

    folder = Path(args.tagger).expanduser()
    root = checkout()
    if not folder.is_dir() and root is not None:
        folder = root / "models" / "taggers" / args.tagger
    target = bundle_folder(args.bundle or f"tagger-{folder.resolve().name}", args.out)
    with bar() as progress:
        bundle = make_tagger_bundle(args.base, folder, target.name, target.parent, args.precision, progress)
    manifest = bundle.manifest
    assert manifest.gate is not None
    agreement = manifest.gate.measured["agreement"]
    size = sum(entry.size for entry in manifest.files) / 1e6
    words = f"{size:.0f} MB, {agreement:.2%} of its decisions as in float32, signed by {sign_here(bundle.folder)}"
    print(f"{manifest.name}: {words}", file=sys.stderr)
    print(bundle.folder)
    return 0
