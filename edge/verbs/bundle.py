"""`edgescribe bundle list|verify|install|rollback|trust`: the model bundles of this machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.verbs.narrate import Narrator

if TYPE_CHECKING:
    from edge.contract.manifest import Manifest


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = sub.add_parser("bundle", help="list, verify and install model bundles")
    verbs = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = verbs.add_parser("list", help="bundles on this machine, one a line")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    listing.set_defaults(run=run_list)
    verify = verbs.add_parser("verify", help="check every byte of a bundle against its manifest")
    verify.add_argument("bundle", help="name or path")
    verify.add_argument("--json", action="store_true", help="the manifest as JSON")
    verify.add_argument("--require-signature", action="store_true", help="fail unless a trusted key signed it")
    verify.set_defaults(run=run_verify)
    install = verbs.add_parser("install", help="install a bundle from a .tar; the one before is kept")
    install.add_argument("archive", type=Path, help="the file that IT gave out")
    install.add_argument("--trust", type=Path, metavar="FILE.pub", help="trust this public key from now on")
    install.add_argument("--allow-unsigned", action="store_true", help="install although no trusted key signed it")
    install.set_defaults(run=run_install)
    rollback = verbs.add_parser("rollback", help="put the previous version of a bundle back")
    rollback.add_argument("bundle", help="name")
    rollback.set_defaults(run=run_rollback)
    trust = verbs.add_parser("trust", help="trust the bundles that a key signed")
    trust.add_argument("key", type=Path, help="public key file from IT")
    trust.set_defaults(run=run_trust)


def run_list(args: argparse.Namespace) -> int:
    """Print every bundle; one that cannot be read is named on stderr and makes the exit code 4."""
    import json

    from edge.contract.bundle import scan_bundles, signed_by
    from edge.contract.manifest import Manifest
    from edge.paths import bundle_dirs

    narrator, broken = Narrator(), 0
    dirs = bundle_dirs()
    found = scan_bundles(dirs)
    for folder, entry in found:
        if not isinstance(entry, Manifest):
            broken += 1
            narrator.say(f"{folder}: {entry}")
        elif args.json:
            facts = {**_facts(entry), "signed_by": signed_by(folder)}
            print(json.dumps({"name": folder.name, "path": str(folder), **facts}))
        else:
            note = _note(entry, signed_by(folder))
            print(f"{folder.name:<34} {entry.runtime:<5} {entry.precision:<5} {_size(entry):>8}  {note}")
    if not found:
        narrator.say(f"No bundles. Looked in {', '.join(str(d) for d in dirs)}.")
    return 4 if broken else 0


def run_verify(args: argparse.Namespace) -> int:
    """Verify one bundle; prints its identity. Raises BundleError."""
    from edge.contract.bundle import find_bundle, verify_bundle
    from edge.contract.manifest import manifest_bytes
    from edge.paths import bundle_dirs

    narrator = Narrator()
    folder = find_bundle(args.bundle, bundle_dirs())
    bundle = verify_bundle(
        folder,
        lambda done, total: narrator.progress("Verifying", done, total),
        require_signature=args.require_signature,
    )
    narrator.clear()
    if args.json:
        sys.stdout.write(manifest_bytes(bundle.manifest).decode("ascii"))
        return 0
    manifest = bundle.manifest
    print(f"{manifest.name}: verified, {len(manifest.files)} files, {_size(manifest)}")
    print(f"  manifest sha256  {bundle.sha256}")
    print(f"  base             {manifest.base.name} ({manifest.base.licence}), sha256 {manifest.base.sha256}")
    print(f"  adapter          {_adapter(manifest)}")
    print(f"  runtime          {manifest.runtime} {manifest.runtime_version}, {manifest.precision}")
    print(f"  signature        {'by ' + bundle.signed_by if bundle.signed_by else 'none that this machine trusts'}")
    return 0


def run_install(args: argparse.Namespace) -> int:
    """Install an archive; prints the bundle's folder. Raises BundleError, UsageError."""
    from edge.contract.signing import trust
    from edge.install import install

    narrator = Narrator()
    if args.trust is not None:
        key = trust(args.trust)
        narrator.say(f"Trusting bundles signed by {key.name} (key {key.key_id}) from now on.")
    bundle = install(
        args.archive,
        allow_unsigned=args.allow_unsigned,
        progress=lambda done, total: narrator.progress("Installing", done, total),
    )
    signed = f"signed by {bundle.signed_by}" if bundle.signed_by else "NOT SIGNED by anyone this machine trusts"
    narrator.say(f"Installed {bundle.manifest.name} ({_size(bundle.manifest)}), {signed}.")
    print(bundle.folder)
    return 0


def run_rollback(args: argparse.Namespace) -> int:
    """Swap a bundle with its previous version; prints its folder. Raises BundleError."""
    from edge.contract.bundle import read_manifest
    from edge.install import rollback

    folder = rollback(args.bundle)
    manifest = read_manifest(folder)[0]
    Narrator().say(f"{manifest.name} is the previous version again ({manifest.built_by}, {_adapter(manifest)}).")
    print(folder)
    return 0


def run_trust(args: argparse.Namespace) -> int:
    """Pin a public key; prints its id. Raises UsageError."""
    from edge.contract.signing import trust

    key = trust(args.key)
    Narrator().say(f"Bundles signed by {key.name} are trusted from now on.")
    print(key.key_id)
    return 0


def _facts(manifest: Manifest) -> dict[str, object]:
    from edge.contract.manifest import served_strategies

    return {
        "runtime": manifest.runtime,
        "precision": manifest.precision,
        "kind": manifest.kind,
        "purpose": manifest.purpose,
        "base": manifest.base.name,
        "parameters": manifest.base.parameters,
        "strategies": list(served_strategies(manifest)),
        "bytes": sum(entry.size for entry in manifest.files),
    }


def _size(manifest: Manifest) -> str:
    return f"{sum(entry.size for entry in manifest.files) / 1e6:,.0f} MB"


def _note(manifest: Manifest, signer: str | None) -> str:
    about = "a test model: not fit for patients" if manifest.purpose == "test" else _adapter(manifest)
    if manifest.kind != "decoder":
        from edge.contract.manifest import served_strategies

        serves = ", ".join(served_strategies(manifest))
        about = f"{manifest.kind}: writes no notes{f'; extract by {serves}' if serves else ''}"
    return f"{about}, {f'signed by {signer}' if signer else 'UNSIGNED'}"


def _adapter(manifest: Manifest) -> str:
    return f"adapter {manifest.adapter.name}" if manifest.adapter else "no adapter"
