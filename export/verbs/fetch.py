"""`edgescribe-export fetch NAME`: a base model into the cache, verified; prints its path."""

from __future__ import annotations

import argparse


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = sub.add_parser("fetch", help="fetch a base model and verify it")
    parser.add_argument("name", help="name in export/catalog.toml")
    parser.add_argument("--from", dest="source", metavar="PATH", help='file or folder on disk, or "hub"')
    parser.add_argument("--sha256", help="digest that a folder without known hashes must have")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fetch, verify, print the path. Raises BaseModelError."""
    import sys

    from export.base import base_digest, hf_folder
    from export.catalog import get
    from export.fetch import fetch
    from export.progress import bar

    base = get(args.name)
    with bar() as progress:
        if base.gated:
            path = hf_folder(base.name, from_=args.source, progress=progress, sha256=args.sha256)
        else:
            path = fetch(base, args.source, progress=progress)
    print(f"{base.name}: sha256 {base_digest(base, path)} verified ({base.licence}, {base.origin})", file=sys.stderr)
    print(path)
    return 0
