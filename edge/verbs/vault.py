"""`edgescribe vault`: make, check, back up, restore and export the encrypted file; its passphrase and its keys."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import UsageError
from edge.verbs import vault_options
from edge.verbs.narrate import Narrator

if TYPE_CHECKING:
    from edge.contract.encounter import State
    from edge.vaults import BackupManifest, Passphrase, Progress, Report, Secret, Vault

VaultAction = Callable[[argparse.Namespace], int]


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = sub.add_parser("vault", help="make, check, back up, restore and export the encrypted records")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, run: VaultAction, text: str) -> argparse.ArgumentParser:
        one = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        vault_options.add_options(one)
        one.set_defaults(run=run, write_dirs=_write_dirs)
        return one

    create = action("create", _create, "make a new vault")
    create.add_argument("--recovery-key", action="store_true", help="also make a recovery key and print it")
    action(
        "verify",
        _verify,
        "check every page, the structure, the state of every record, the search index and all signatures",
    )
    passphrase = action("passphrase", _passphrase, "set another passphrase; nothing is re-encrypted")
    passphrase.add_argument("--new-passphrase-file", metavar="FILE", help="read the new passphrase from this file")
    _recovery_option(passphrase)
    recovery = action("recovery-key", _recovery, "make a new recovery key and print it; an older one stops working")
    recovery.add_argument("--remove", action="store_true", help="take the recovery key away instead")
    action("rotate", _rotate, "re-encrypt everything under new keys; the passphrase stays")
    backup = action("backup", _backup, "write a checked backup, also while the program is in use")
    backup.add_argument("destination", type=Path, metavar="DEST", help="folder (a dated name is given) or file")
    backup.add_argument("--keep", type=int, metavar="N", help="keep the newest N dated backups in the folder")
    restore = action("restore", _restore, "make a vault from a backup, after all of the backup was checked")
    restore.add_argument("backup", type=Path, metavar="BACKUP")
    restore.add_argument("--replace", action="store_true", help="set a vault that is there aside, under a dated name")
    restore.add_argument("--check", action="store_true", help="only check the backup")
    _recovery_option(restore)
    export = action("export", _export, "write all records to a file that anybody can read")
    export.add_argument("--plain", action="store_true", required=True, help="needed: the file is not encrypted")
    export.add_argument("file", type=Path, metavar="FILE", help="new file: a JSON object a line")
    retention = action("retention", _retention, "show or set how long records are kept; delete what is due")
    retention.add_argument(
        "--set", nargs=2, action="append", metavar=("STATE", "DAYS"), help="Draft, Edited or Signed; DAYS or ever"
    )
    retention.add_argument("--purge", action="store_true", help="delete what is due; without it, only show it")
    hold = action("hold", _hold, "put a record on legal hold: nothing deletes it")
    hold.add_argument("id", metavar="ID")
    hold.add_argument("--lift", action="store_true", help="end the hold")


def _recovery_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--with-recovery-key", action="store_true", help="ask for the recovery key, not the passphrase")
    parser.add_argument("--recovery-key-file", metavar="FILE", help="read the recovery key from this file")


def _write_dirs(args: argparse.Namespace) -> tuple[Path, ...]:
    """Folders that the seal leaves writable: that of the vault, and where a backup or an export goes."""
    found = [args.vault.absolute().parent] if args.vault else []
    destination = getattr(args, "destination", None)
    if destination is not None:
        found.append(destination.absolute() if destination.is_dir() else destination.absolute().parent)
    if getattr(args, "file", None) is not None:
        found.append(args.file.absolute().parent)
    return tuple(found)


def _secret(args: argparse.Namespace) -> Secret:
    from edge import vaults

    if args.with_recovery_key or args.recovery_key_file:
        return vaults.ask_recovery_key(args.recovery_key_file)
    return vaults.ask(args.passphrase_file)


def _create(args: argparse.Namespace) -> int:
    from edge import paths, vaults

    narrator = Narrator()
    vaults.check_free(args.vault)
    with (
        vaults.ask_new(args.passphrase_file) as passphrase,
        vaults.Vault.create(args.vault or paths.default_vault(), passphrase) as vault,
    ):
        narrator.say(f"The vault is at {vault.paths.database}, its sealed keys in {vault.paths.header.name}.")
        vault_options.warn(vault)
        if args.recovery_key:
            _print_recovery_key(vault, passphrase)
    narrator.say("Nobody can open it without the passphrase or a recovery key.")
    return 0


def _print_recovery_key(vault: Vault, passphrase: Passphrase) -> None:
    with vault.admin.new_recovery_key(passphrase) as key:
        print(key.text())
    Narrator().say("This is the recovery key. Write it on paper and lock that away; it is not shown again.")


def _verify(args: argparse.Namespace) -> int:
    from edge import vaults
    from edge.errors import DamagedVaultError

    with vaults.ask(args.passphrase_file) as passphrase, vaults.open_beside_if_busy(args.vault, passphrase) as vault:
        vault_options.warn(vault)
        Narrator().say("Checking …")
        if found := vault.verify():
            print("\n".join(found))
            return DamagedVaultError.exit_code
        report = vault.admin.verify_chain(passphrase)
        if not report.good:
            print(f"audit chain: first bad entry {report.first_bad} ({report.why})")
            return DamagedVaultError.exit_code
        for one in vault.encounters.signed():
            vault.edits.signatures(one)
        count = vault.encounters.count()
    Narrator().say(f"{count} records; pages, structure, search index, signatures and the audit chain are sound.")
    Narrator().say(f"{_vouched(report)} A whole older vault passes too: hold it against a head kept elsewhere.")
    return 0


def _vouched(report: Report) -> str:
    """What the chain says of the state of records, in a sentence."""
    return (
        f"The state of every record is the one that the chain vouches for, from its entry {report.vouches_from} on;"
        " unsaved drafts are not covered."
    )


def _passphrase(args: argparse.Namespace) -> int:
    from edge import paths, vaults

    with (
        _secret(args) as current,
        vaults.Vault.open(args.vault or paths.default_vault(), current) as vault,
        _new_passphrase(args.new_passphrase_file) as new,
    ):
        vault.admin.change_passphrase(current, new)
    Narrator().say("The passphrase is changed. Backups made before open with the old one.")
    return 0


def _new_passphrase(file: str | None) -> Passphrase:
    """Never from where the present one comes: it would be set to itself."""
    from edge import vaults

    return vaults.ask(file) if file else vaults.ask_new_on_terminal()


def _recovery(args: argparse.Namespace) -> int:
    from edge import paths, vaults

    with (
        vaults.ask(args.passphrase_file) as passphrase,
        vaults.Vault.open(args.vault or paths.default_vault(), passphrase) as vault,
    ):
        if args.remove:
            vault.admin.remove_key(passphrase, vaults.RECOVERY)
            Narrator().say("The recovery key opens nothing any more.")
        else:
            _print_recovery_key(vault, passphrase)
    return 0


def _rotate(args: argparse.Namespace) -> int:
    from edge import paths, vaults

    narrator = Narrator()
    with (
        vaults.ask(args.passphrase_file) as passphrase,
        vaults.Vault.open(args.vault or paths.default_vault(), passphrase) as vault,
    ):
        narrator.say("Re-encrypting …")
        vault.rotate_keys(passphrase, _told(narrator, copying="Re-encrypting"))
    narrator.say("All records are under new keys. Backups made before still open with the keys of their time.")
    return 0


def _told(narrator: Narrator, **labels: str) -> Progress:
    """Percent of each step on the progress line; labels: other words than the step's own for a step."""
    words = {"copying": "Copying", "checking": "Checking", "writing": "Writing", "reading": "Reading back"} | labels

    def tell(step: str, done: int, total: int) -> None:
        if step in words:
            narrator.progress(words[step], done, total)

    return tell


def _backup(args: argparse.Namespace) -> int:
    if args.keep is not None and args.keep < 1:
        raise UsageError("--keep must be 1 or more.")
    from edge import vaults

    narrator = Narrator()
    with vaults.open_or_beside(args.vault, args.passphrase_file) as vault:
        narrator.say("Copying and checking …")
        file, manifest = vault.admin.backup(args.destination, args.keep, _told(narrator))
    narrator.clear()
    print(file)
    narrator.say(f"{_what(manifest)}, checked.")
    return 0


def _what(manifest: BackupManifest) -> str:
    return f"{manifest.counts['encounter']} records, audit chain of {manifest.chain_seq} entries, made {manifest.made}"


def _restore(args: argparse.Namespace) -> int:
    from edge import vaults

    narrator = Narrator()
    with _secret(args) as secret:
        narrator.say("Checking the backup …")
        if args.check:
            manifest = vaults.check_backup(args.backup, secret, _told(narrator))
        else:
            manifest = vaults.restore(args.backup, secret, args.vault, replace=args.replace, progress=_told(narrator))
    narrator.say(f"{'The backup is sound' if args.check else 'Restored'}: {_what(manifest)}.")
    return 0


def _export(args: argparse.Namespace) -> int:
    from edge import vaults

    with (
        vault_options.open_vault(args) as vault,
        vaults.ask(args.passphrase_file, "Passphrase again, to write everything in clear: ") as passphrase,
    ):
        count = vault.export_plain(passphrase, args.file)
    Narrator().say(f"{count} records are in {args.file}, readable by whoever gets that file.")
    return 0


def _retention(args: argparse.Namespace) -> int:
    from edge.contract.encounter import State

    with vault_options.open_vault(args) as vault:
        if args.set:
            vault.retention.set_policy({_state(name): _days(text) for name, text in args.set})
        plan = vault.retention.purge() if args.purge else vault.retention.plan()
        policy = vault.retention.policy()
    for state in State:
        print(f"{state.value}: {f'{policy[state]} days' if state in policy else 'for ever'}")
    for one in plan.due:
        print(f"{'deleted' if args.purge else 'due'} {one.id} {one.state.value} {one.updated[:10]}")
    Narrator().say(f"{len(plan.due)} records {'deleted' if args.purge else 'due'}, {plan.held} kept by legal hold.")
    return 0


def _state(name: str) -> State:
    from edge.contract.encounter import State

    for state in State:
        if state.value.casefold() == name.casefold():
            return state
    raise UsageError(f"There is no state {name!r}.", f"It is one of {', '.join(State)}.")


def _days(text: str) -> int | None:
    if text == "ever":
        return None
    if not text.isdigit():
        raise UsageError(f"{text!r} is not a number of days.", "", 'Give a number, or "ever".')
    return int(text)


def _hold(args: argparse.Namespace) -> int:
    with vault_options.open_vault(args) as vault:
        one = vault.encounters.hold(args.id, not args.lift)
    print(f"{one.id} legal hold: {'on' if one.legal_hold else 'off'}", file=sys.stdout)
    return 0
