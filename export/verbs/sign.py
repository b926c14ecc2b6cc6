"""`edgescribe-export sign BUNDLE --key FILE`: vouch for a bundle that passed the gate; prints its folder."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = sub.add_parser("sign", help="sign a bundle, and pack it for laptops")
    parser.add_argument("bundle", help="name or folder")
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="private key made by keygen")
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE")
    parser.add_argument(
        "--accept", metavar="REASON", help="sign although the gate was not passed; kept in the manifest"
    )
    parser.add_argument("--tar", type=Path, metavar="FILE", help="also pack it for `edgescribe bundle install`")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check, sign, pack. Raises BundleError if the gate was not passed, UsageError for a wrong key."""
    import sys

    from edge.contract.bundle import find_bundle, verify_bundle
    from export.archive import pack_archive
    from export.bundles import bundles_folder
    from export.gate import may_be_signed, record
    from export.passphrase import passphrase
    from export.progress import bar
    from export.sign import sign

    folder = find_bundle(args.bundle, [bundles_folder()])
    gate = may_be_signed(verify_bundle(folder).manifest, args.accept)
    if gate is not None:
        record(folder, gate)
    public = sign(folder, args.key, passphrase(args.passphrase_file))
    bundle = verify_bundle(folder, keys={public.key_id: public}, require_signature=True)
    print(f"{bundle.manifest.name}: signed by {public.name}, manifest {bundle.sha256}", file=sys.stderr)
    if args.tar is None:
        print(folder)
        return 0
    with bar() as progress:
        pack_archive(folder, args.tar, progress)
    print(args.tar)
    return 0
