"""`edgescribe-export hf NAME`: the base as a Hugging Face folder for training; prints its path."""

from __future__ import annotations

import argparse


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = sub.add_parser("hf", help="print the path of a base as a Hugging Face folder, made if needed")
    parser.add_argument("name", help="name in export/catalog.toml")
    parser.add_argument("--from", dest="source", metavar="PATH", help='file or folder on disk, or "hub"')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fetch and convert if needed, print the folder. Raises BaseModelError."""
    from export.base import hf_folder
    from export.progress import bar

    with bar() as progress:
        folder = hf_folder(args.name, from_=args.source, progress=progress)
    print(folder)
    return 0
