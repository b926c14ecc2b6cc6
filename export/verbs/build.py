"""`edgescribe-export build NAME --runtime onnx|mlx|both`: bundles for one or both runtimes; prints their paths."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from edge.contract.bundle import Bundle
from export.options import ALGORITHMS, BLOCKS, OnnxOptions
from export.to_onnx import Build


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `build`, and `onnx` and `mlx` as its short forms."""
    for verb, help_text in (
        ("build", "build bundles from a base and an adapter"),
        ("onnx", "build an ONNX bundle"),
        ("mlx", "build an MLX bundle (Apple Silicon)"),
    ):
        parser = sub.add_parser(verb, help=help_text)
        _add_arguments(parser, verb)
        parser.set_defaults(run=run)


def _add_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
    parser.add_argument("name", help="base model, a name in export/catalog.toml")
    parser.add_argument("--adapter", type=Path, metavar="DIR", help="adapter to merge, written by edgescribe-training")
    parser.add_argument("--as", dest="bundle", metavar="NAME", help="name of the bundle (default: that of the base)")
    parser.add_argument(
        "--languages", nargs="+", default=(), metavar="CODE", help="languages of the notes that the model was "
        "trained to write (default: those that the adapter names, else en)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for bundles (default: models/bundles)")
    parser.add_argument("--verify", action="store_true", help="then compare with the source, as `verify` does")
    if verb == "build":
        parser.add_argument("--runtime", choices=("onnx", "mlx", "both"), default="onnx")
    else:
        parser.set_defaults(runtime=verb)
    precisions = ("int4", "int8", "fp16") if verb == "mlx" else ("int4", "int8", "fp16", "fp32")
    parser.add_argument("--precision", choices=precisions, default="int4")
    if verb != "mlx":
        parser.add_argument("--algorithm", choices=ALGORITHMS, help="ONNX: rounding rule in int4")
        parser.add_argument("--block", type=int, choices=BLOCKS, help="ONNX: weights that share a scale, at most")
        parser.add_argument("--symmetric", action=argparse.BooleanOptionalAction, help="ONNX: no zero points")
        parser.add_argument(
            "--full-head", action="store_true", help="ONNX: logits of every token, not of the last only"
        )


def run(args: argparse.Namespace) -> int:
    """Build, pack, verify, sign for this machine, print the paths. Raises BaseModelError, BundleError, UsageError."""
    from export.bundles import make_mlx_bundle, make_onnx_bundle
    from export.machine import sign_here
    from export.progress import bar

    if args.runtime == "both" and args.bundle is not None:
        from edge.errors import UsageError

        raise UsageError("--as names one bundle.", "--runtime both builds two.", "Build them one at a time.")
    done = []
    with bar() as progress:
        if args.runtime in ("onnx", "both"):
            options = OnnxOptions.of(args.precision, args.algorithm, args.block, args.symmetric)
            options = replace(options, prune_head=not args.full_head)
            made = make_onnx_bundle(
                args.name, options, args.adapter, args.bundle, args.out, progress=progress, languages=args.languages
            )
            done.append(made)
        if args.runtime in ("mlx", "both"):
            done.append(
                make_mlx_bundle(
                    args.name,
                    args.precision,
                    args.adapter,
                    args.bundle,
                    args.out,
                    progress=progress,
                    languages=args.languages,
                )
            )
    for bundle, built in done:
        _report(bundle, built, sign_here(bundle.folder))
    if not args.verify:
        return 0
    from export.verbs.verify import compare_and_record
    from export.verify import VerifyTrial

    return compare_and_record([bundle.folder for bundle, _ in done], VerifyTrial(adapter=args.adapter))


def _report(bundle: Bundle, built: Build, signer: str) -> None:
    size = sum(entry.size for entry in bundle.manifest.files)
    cost = (
        f"built in {built.seconds:.0f} s, peak {built.peak_bytes / 1e9:.1f} GB" if built.seconds else "from the cache"
    )
    print(f"{bundle.manifest.name}: {size / 1e6:,.0f} MB, {cost}, signed by {signer}", file=sys.stderr)
    print(bundle.folder)
