"""`edgescribe-export keygen NAME`: a signing key for bundles, the private half sealed under a passphrase."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = sub.add_parser("keygen", help="make a signing key")
    parser.add_argument("name", help="name of the key, shown to clinicians as the signer")
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="folder for NAME.key and NAME.pub")
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the key; prints the path of the public half. Raises UsageError."""
    import sys

    from export.passphrase import new_passphrase
    from export.sign import keygen

    private, public = keygen(args.name, args.out, new_passphrase(args.passphrase_file))
    print(f"{private} is private: keep it, and its passphrase, where bundles are signed.", file=sys.stderr)
    print("Give the public key to every laptop: `edgescribe bundle trust`.", file=sys.stderr)
    print(public)
    return 0
