"""`edgescribe audit log …` and `audit head`: what was done to the vault, and whether that account is whole."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from edge import foreign
from edge.errors import DamagedVaultError, InputError
from edge.text import one_line
from edge.verbs import vault_options
from edge.verbs.narrate import Narrator

_LARGEST_HEAD = 4096


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `log` and `head` to the actions of `edgescribe audit`."""
    log = actions.add_parser("log", help="show or verify the audit chain of the vault")
    verbs = log.add_subparsers(dest="log_action", metavar="ACTION", required=True)
    show = verbs.add_parser("show", help="print the entries, oldest first")
    show.add_argument("--after", type=int, default=0, metavar="N", help="only entries after number N")
    show.add_argument("--json", action="store_true", help="one JSON object a line")
    verify = verbs.add_parser("verify", help="recompute the chain; name the first entry that does not fit")
    verify.add_argument(
        "--head", metavar="FILE", help="also hold it against a head that `audit head` printed (- for stdin)"
    )
    head = actions.add_parser("head", help="print where the chain stands, signed, to keep elsewhere")
    for parser, run in ((show, _show), (verify, _verify), (head, _head)):
        vault_options.add_options(parser)
        parser.set_defaults(run=run, write_dirs=_write_dirs)


def _write_dirs(args: argparse.Namespace) -> tuple[Path, ...]:
    return (args.vault.absolute().parent,) if args.vault else ()


def _show(args: argparse.Namespace) -> int:
    from edge import vaults

    with vaults.open_vault(args.vault, args.passphrase_file, beside=True) as vault:
        for entry in vault.admin.entries(after=args.after):
            if args.json:
                fields = {"seq": entry.seq, "at": entry.at, "event": entry.event, "subject": entry.subject}
                print(
                    json.dumps(
                        fields | {"detail": json.loads(entry.detail), "actor": entry.actor, "mac": entry.mac.hex()}
                    )
                )
            else:
                detail = "" if entry.detail == "{}" else entry.detail
                print(one_line(f"{entry.seq:>6} {entry.at} {entry.actor} {entry.event} {entry.subject} {detail}"))
    return 0


def _verify(args: argparse.Namespace) -> int:
    from edge import paths, vaults

    head = _read_head(args.head) if args.head else None
    with (
        vaults.ask(args.passphrase_file) as passphrase,
        vaults.Vault.open(args.vault or paths.default_vault(), passphrase, beside=True) as vault,
    ):
        report = vault.admin.verify_chain(passphrase, head)
    for seq in report.clock_back:
        Narrator().say(f"Note: the clock stood earlier at entry {seq} than at one before it.")
    if report.good:
        print(f"{report.entries} entries, whole{' and not older than the head' if head else ''}.")
        print(
            f"From entry {report.vouches_from} on, each vouches for the state of the records; `vault verify` compares."
            if report.vouches_from
            else "No entry vouches for the state of the records."
        )
        return 0
    print(f"First bad entry: {report.first_bad} ({report.why}). {report.entries} entries before it are whole.")
    return DamagedVaultError.exit_code


def _read_head(name: str) -> str:
    try:
        if name == "-":
            return sys.stdin.read(_LARGEST_HEAD)
        return foreign.read(name, _LARGEST_HEAD).decode()
    except (OSError, ValueError):
        raise InputError(f"The head {name} cannot be read.") from None


def _head(args: argparse.Namespace) -> int:
    from edge import paths, vaults

    with (
        vaults.ask(args.passphrase_file) as passphrase,
        vaults.Vault.open(args.vault or paths.default_vault(), passphrase, beside=True) as vault,
    ):
        print(vault.admin.signed_head(passphrase), end="")
    return 0
