"""`edgescribe-export onnx NAME [--adapter DIR]`: an ONNX bundle under models/bundles; prints its path."""

from __future__ import annotations

import argparse
from pathlib import Path

from export.options import ALGORITHMS, BLOCKS, OnnxOptions


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = sub.add_parser("onnx", help="build an ONNX bundle from a base and an adapter")
    defaults = OnnxOptions()
    parser.add_argument("name", help="base model, a name in models/catalog.toml")
    parser.add_argument("--adapter", type=Path, metavar="DIR", help="adapter to merge, written by edgescribe-training")
    parser.add_argument("--as", dest="bundle", metavar="NAME", help="name of the bundle (default: that of the base)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for bundles (default: models/bundles)")
    parser.add_argument("--precision", choices=("int4", "fp16", "fp32"), default=defaults.precision)
    parser.add_argument("--algorithm", choices=ALGORITHMS, default=defaults.algorithm, help="rounding rule for int4")
    parser.add_argument("--block", type=int, choices=BLOCKS, default=defaults.block, help="weights that share a scale")
    parser.add_argument("--asymmetric", action="store_true", default=not defaults.symmetric, help="zero points too")
    parser.add_argument("--full-head", action="store_true", help="logits of every token, not of the last one only")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Build, pack, verify, print the path. Raises BaseModelError, BundleError."""
    import sys

    from export.bundles import make_onnx_bundle
    from export.progress import bar

    options = OnnxOptions(
        precision=args.precision,
        algorithm=args.algorithm,
        block=args.block,
        symmetric=not args.asymmetric,
        prune_head=not args.full_head,
    )
    with bar() as progress:
        bundle, built = make_onnx_bundle(args.name, options, args.adapter, args.bundle, args.out, progress=progress)
    size = sum(entry.size for entry in bundle.manifest.files)
    cost = (
        f"built in {built.seconds:.0f} s, peak {built.peak_bytes / 1e9:.1f} GB" if built.seconds else "from the cache"
    )
    print(f"{bundle.manifest.name}: {size / 1e6:,.0f} MB, {cost}, manifest {bundle.sha256}", file=sys.stderr)
    print(bundle.folder)
    return 0
