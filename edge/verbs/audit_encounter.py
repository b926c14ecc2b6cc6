"""`edgescribe audit encounter`: the account of one note, in one file that can be checked without this program."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edge.verbs import vault_options


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `encounter` to the actions of `edgescribe audit`."""
    parser = actions.add_parser(
        "encounter",
        help="write the account of one note: source, model, every edit, statements with quotes, signatures, chain",
        description="One JSON file with everything that is kept of one note and everything that its hashes cover, "
        "so that it can be checked with sha256sum, openssl and Python (docs/reconstruction.md). It holds the "
        "patient's words: encrypt it to the auditor's certificate, or ask for plain text by name.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write; must not exist")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--to", type=Path, metavar="CERT", help="encrypt to this X.509 certificate (RSA; PEM or DER)")
    how.add_argument("--plain", action="store_true", help="in plain text")
    vault_options.on_record(parser, run)
    parser.set_defaults(write_dirs=lambda args: (*vault_options.vault_folder(args), args.out.absolute().parent))


def run(args: argparse.Namespace) -> int:
    from edge.encounters import reconstruction

    recipient = reconstruction.certificate(args.to) if args.to else None
    with vault_options.open_vault(args) as vault:
        digest = reconstruction.write(vault, args.id, args.out, recipient)
    print(f"{digest}  {args.out}")
    if recipient is None:
        print("This file is not encrypted: whoever can read the folder can read it.", file=sys.stderr)
    return 0
