"""`edgescribe-export fetch NAME`: a base model into the cache, verified; prints its path."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from export.catalog import Base


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = sub.add_parser("fetch", help="fetch a base model and verify it")
    parser.add_argument("name", nargs="?", help="name in export/catalog.toml; without one, all are listed")
    parser.add_argument("--from", dest="source", metavar="PATH", help='file or folder on disk, or "hub"')
    parser.add_argument("--sha256", help="digest that a folder without known hashes must have")
    parser.add_argument("--accept-terms", action="store_true", help="accept the publisher's licence of this base")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fetch, verify, print the path; without a name, list what is known. Raises BaseModelError."""
    import sys

    from edge.errors import BaseModelError
    from export.base import base_digest, hf_folder
    from export.catalog import get, load
    from export.fetch import fetch
    from export.progress import bar

    if args.name is None:
        print("\n".join(line for base in load().values() for line in described(base)))
        return 0
    base = get(args.name)
    if base.terms and not args.accept_terms:
        raise BaseModelError(
            f"{base.name} has a licence that must be accepted: {base.licence}.",
            f"Read it where {base.origin} is published.", "Then fetch it again with --accept-terms.",
        )  # fmt: skip
    with bar() as progress:
        if base.gated:
            path = hf_folder(base.name, from_=args.source, progress=progress, sha256=args.sha256)
        else:
            path = fetch(base, args.source, progress=progress)
    print(f"{base.name}: sha256 {base_digest(base, path)} verified ({base.licence}, {base.origin})", file=sys.stderr)
    print(path)
    return 0


def described(base: Base) -> list[str]:
    """A base for people: what it is good for, size, memory, licence, and whether its bytes are known."""
    memory = base.bundle_bytes * 1.35 + 1.8e9  # as edge.contract.choice counts it
    size = f"int4 about {base.bundle_bytes / 1e9:.1f} GB, a laptop with {max(4, round(memory / 1e9 + 0.5))} GB"
    kind = "" if base.kind == "decoder" else ", an encoder for taggers"
    known = "" if base.pinned else "; no known hash: a test model until --sha256 pins what was fetched"
    terms = "; --accept-terms" if base.terms else ""
    return [
        f"{base.name}  ({base.parameters / 1e9:.2g}B{kind}, {base.licence}{terms})",
        f"    {base.good_for or 'Not tried yet.'}",
        f"    {size if base.kind == 'decoder' else 'as part of a tagger'}; {base.origin}{known}",
    ]
