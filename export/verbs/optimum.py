"""`edgescribe-export optimum DIR --as NAME`: the ONNX bundle of an encoder-decoder or embedding model, by optimum."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = sub.add_parser("optimum", help="build the bundle of an encoder-decoder or embedding model")
    parser.add_argument("folder", type=Path, help="Hugging Face folder: safetensors, config.json, tokenizer.json")
    parser.add_argument("--as", dest="bundle", required=True, metavar="NAME", help="name of the bundle")
    parser.add_argument("--origin", required=True, metavar="TEXT", help="where the weights come from, for the manifest")
    parser.add_argument("--licence", required=True, metavar="TEXT", help="their licence, for the manifest")
    parser.add_argument("--adapter", type=Path, metavar="DIR", help="LoRA adapter to merge, from edgescribe-training")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for bundles (default: models/bundles)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Merge, export, compare with the source, pack, sign for this machine; prints the bundle's folder.

    Raises BaseModelError, BundleError, UsageError.
    """
    import sys

    from export.bundles import bundle_folder
    from export.machine import sign_here
    from export.progress import bar
    from export.to_optimum import make_optimum_bundle

    target = bundle_folder(args.bundle, args.out)
    with bar() as progress:
        bundle = make_optimum_bundle(
            args.folder, target.name, args.origin, args.licence, target.parent, args.adapter, progress
        )
    manifest = bundle.manifest
    assert manifest.gate is not None
    difference = manifest.gate.measured["largest_difference"]
    words = (
        f"{manifest.kind}, differs from its source by {difference:.1e} at most, signed by {sign_here(bundle.folder)}"
    )
    print(f"{manifest.name}: {words}", file=sys.stderr)
    print(bundle.folder)
    return 0
