"""`edgescribe records` that end the work on a record: sign it, amend a signed one, export its note."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edge.text import one_line
from edge.verbs import vault_options
from edge.verbs.narrate import Narrator

DRAFT_MARK = "DRAFT: not signed by a clinician."


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add signing, amending and exporting to the actions of `edgescribe records`."""
    sign = actions.add_parser("sign", help="sign a record: its text is final from then on")
    sign.add_argument("--signer", metavar="NAME", help="who signs (default: your name as set in the app)")
    sign.add_argument("--yes", action="store_true", help="do not ask")
    amend = actions.add_parser("amend", help="begin the next version of a signed record")
    export = actions.add_parser("export", help="write the note to a file that anybody can read")
    export.add_argument("--out", type=Path, metavar="DIR", required=True, help="folder for the file")
    export.add_argument(
        "--form", choices=("md", "txt", "fhir"), default="md", help="Markdown (default), plain text, FHIR R4"
    )
    export.add_argument("--sources", action="store_true", help="with the turns that the note stands on, as footnotes")
    export.add_argument("--titled", action="store_true", help="the file's name holds the title, too")
    export.add_argument("--draft", action="store_true", help="the text that is not signed yet, marked DRAFT")
    for action, run in ((sign, _sign), (amend, _amend), (export, _export)):
        vault_options.on_record(action, run)
    export.set_defaults(write_dirs=lambda args: (*vault_options.vault_folder(args), args.out.absolute()))


def _sign(args: argparse.Namespace) -> int:
    from edge.encounters import keeping, reviewing
    from edge.encounters.checking import Checker

    with vault_options.open_vault(args) as vault:
        record = vault.encounters.peek(args.id)
        one = record.summary
        if record.incomplete:
            Narrator().say("This record is marked INCOMPLETE: writing stopped early somewhere. Read it with care.")
        shown = reviewing.shown_at_signing(Checker.open(), record)
        for line in shown.lines():
            Narrator().say(one_line(line))
        signer = args.signer or vault.session.actor
        if not vault_options.confirmed(args, f"Sign {one.id} ({one_line(one.title, 60)}) as {signer}?"):
            return 0
        signed = keeping.sign(vault, one.id, signer, shown)
    Narrator().say(f"Encounter {signed.id} is signed by {one_line(signer, 100)}. A change now makes a new version.")
    return 0


def _amend(args: argparse.Namespace) -> int:
    from edge.encounters import keeping

    with vault_options.open_vault(args) as vault:
        one = keeping.amend(vault, args.id)
    Narrator().say(f"Encounter {one.id} can be edited again; the signed version stays as it is.")
    return 0


def _export(args: argparse.Namespace) -> int:
    from edge.encounters.export import publish

    with vault_options.open_vault(args) as vault:
        file = publish(vault, args.id, args.out, args.form, DRAFT_MARK, args.sources, args.draft, args.titled)
    print(file)
    print("This file is not encrypted: whoever can read the folder can read it.", file=sys.stderr)
    return 0
