"""Options of every verb that opens the vault, and how a verb opens one."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import UsageError

if TYPE_CHECKING:
    from edge.vaults import Vault


def add_options(parser: argparse.ArgumentParser) -> None:
    """--vault and where the passphrase comes from."""
    parser.set_defaults(write_dirs=vault_folder)
    group = parser.add_argument_group("vault")
    group.add_argument("--vault", type=Path, metavar="FILE", help="vault file (default: your own)")
    group.add_argument(
        "--passphrase-file",
        metavar="FILE",
        help="read the passphrase from this file instead of asking (also: EDGESCRIBE_PASSPHRASE_FILE)",
    )


def on_record(action: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    """What every action on one record has: its id, the vault, and what to run."""
    action.add_argument("id", metavar="ID", help="record id, or its beginning")
    add_options(action)
    action.set_defaults(run=run)


def vault_folder(args: argparse.Namespace) -> tuple[Path, ...]:
    """Folders that the seal must leave writable for these options."""
    return () if args.vault is None else (args.vault.resolve().parent,)


def open_vault(args: argparse.Namespace, create: bool = False) -> Vault:
    """Open the vault that the options name; create: make it first if there is none. Raises VaultError."""
    from edge import paths, vaults
    from edge.verbs.narrate import Narrator

    path = args.vault or paths.default_vault()
    if create and not path.exists():
        Narrator().say(
            f"There is no vault yet; making one at {path}. Its passphrase cannot be recovered: keep it well."
        )
        vault = vaults.create(path, args.passphrase_file)
    else:
        vault = vaults.open_vault(path, args.passphrase_file)
    warn(vault)
    return vault


def warn(vault: Vault) -> None:
    """Say on standard error what is wrong with the vault's place: a synced folder, a network file system."""
    from edge.verbs.narrate import Narrator

    if (warning := vault.warning()) is not None:
        Narrator().say(f"WARNING: {warning}")


def warn_of_passphrase_file(args: argparse.Namespace) -> None:
    """Say on standard error that others of this machine may read the passphrase, if they may."""
    from edge import foreign, vaults
    from edge.verbs.narrate import Narrator

    named = getattr(args, "passphrase_file", None) or os.environ.get(vaults.PASSPHRASE_FILE_VARIABLE)
    if named and (loose := foreign.loose(Path(named))):
        Narrator().say(f"WARNING: {loose}")


def confirmed(args: argparse.Namespace, question: str) -> bool:
    """Ask for a yes on the terminal (--yes answers it). Raises UsageError if there is nobody to ask."""
    if args.yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("This needs a yes.", "There is no terminal to ask on.", "Add --yes.")
    print(f"{question} [y/N] ", file=sys.stderr, end="", flush=True)
    if input().strip().lower() in {"y", "yes", "j", "ja"}:
        return True
    print("Nothing was changed.", file=sys.stderr)
    return False
