"""The changes of `edgescribe records` that change a record or let it leave: edit, restore, sign, amend, export.

Everything the app does with a record can be done here too, for screen readers and scripts.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import InputError, UsageError
from edge.text import one_line
from edge.verbs import vault_options
from edge.verbs.narrate import Narrator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.contract.note import Section
    from edge.vaults import Vault

DRAFT_MARK = "DRAFT: not signed by a clinician."


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Mount the actions beside list, show, search and delete."""
    edit = actions.add_parser("edit", help="replace the text of a note; every older text is kept")
    edit.add_argument("--from", dest="text", metavar="FILE", required=True, help="new text as `show` prints it, or -")
    restore = actions.add_parser("restore", help="bring an older text of a note back, as a new revision")
    restore.add_argument("--revision", type=int, metavar="N", required=True, help="its number in `history`")
    sign = actions.add_parser("sign", help="sign a record: its text is final from then on")
    sign.add_argument("--signer", metavar="NAME", help="who signs (default: your user name)")
    sign.add_argument("--yes", action="store_true", help="do not ask")
    amend = actions.add_parser("amend", help="begin the next version of a signed record")
    history = actions.add_parser("history", help="list every revision and signature of a note")
    for action in (restore, history):
        action.add_argument("--fields", action="store_true", help="of the extracted fields, not of the note")
    export = actions.add_parser("export", help="write the note to a file that anybody can read")
    export.add_argument("--out", type=Path, metavar="DIR", required=True, help="folder for the file")
    export.add_argument("--form", choices=("md", "txt"), default="md", help="Markdown (default) or plain text")
    for action, run in (
        (edit, _edit), (restore, _restore), (sign, _sign), (amend, _amend), (history, _history), (export, _export),
    ):  # fmt: skip
        vault_options.on_record(action, run)
    export.set_defaults(write_dirs=lambda args: (*vault_options.vault_folder(args), args.out.absolute()))


def parse_sections(text: str, before: Sequence[Section]) -> list[tuple[str, str]]:
    """Headings and texts of an edited note, split at lines that are headings of the note before or all in capitals.

    A line in capitals that stood in the section before is text there. Raises InputError where no heading is.
    """
    known = {one_line(one.heading): one.heading for one in before}
    inside = {one.heading: {line.strip() for line in one.text.splitlines()} for one in before}
    sections: list[tuple[str, list[str]]] = []
    for line in text.split("\n"):
        bare = line.strip().lstrip("#").strip()
        here = inside.get(sections[-1][0], set()) if sections else set()
        capitals = len(bare) > 2 and bare.isupper() and bare.replace(" ", "").isalpha() and bare not in here
        if bare in known or capitals:
            sections.append((known.get(bare, bare), []))
        elif sections:
            sections[-1][1].append(line)
        elif bare:
            raise InputError("The text does not begin with a heading.", "", f"Begin with one of: {', '.join(known)}.")
    if not sections:
        raise InputError("The text holds no section.", "", f"Headings of this note: {', '.join(known)}.")
    return [(heading, "\n".join(lines).strip()) for heading, lines in sections]


def _edit(args: argparse.Namespace) -> int:
    from edge.contract.note import edited_sections
    from edge.encounters import writing

    given = writing.read_document(args.text)  # read before the vault opens: standard input may be slow
    with vault_options.open_vault(args) as vault:
        record = vault.encounters.get(args.id)
        note = record.note
        if note is None:
            raise UsageError("This record has no note to edit.")
        before = note.content.sections
        content = replace(note.content, sections=edited_sections(before, parse_sections(given.text, before)))
        vault.edits.commit(note.id)
        number = vault.edits.save(note.id, content)
    Narrator().say(f"Saved as revision {number}; the older ones are kept (`edgescribe records history {args.id}`).")
    return 0


def _restore(args: argparse.Namespace) -> int:
    with vault_options.open_vault(args) as vault:
        number = vault.edits.restore(_document(vault, args), args.revision)
    Narrator().say(f"Revision {args.revision} is back, as revision {number}.")
    return 0


def _document(vault: Vault, args: argparse.Namespace) -> int:
    """Document.id of the record's note, or of its fields."""
    from edge.contract.encounter import Kind

    return vault.edits.document_of(args.id, Kind.EXTRACTION if args.fields else Kind.NOTE)


def _sign(args: argparse.Namespace) -> int:
    with vault_options.open_vault(args) as vault:
        record = vault.encounters.peek(args.id)
        one = record.summary
        if record.incomplete:
            Narrator().say("This record is marked INCOMPLETE: writing stopped early somewhere. Read it with care.")
        signer = args.signer or vault.session.actor
        if not vault_options.confirmed(args, f"Sign {one.id} ({one_line(one.title, 60)}) as {signer}?"):
            return 0
        signed = vault.edits.sign(one.id, signer)
    Narrator().say(f"Encounter {signed.id} is signed by {one_line(signer, 100)}. A change now makes a new version.")
    return 0


def _amend(args: argparse.Namespace) -> int:
    with vault_options.open_vault(args) as vault:
        one = vault.edits.amend(args.id)
    Narrator().say(f"Encounter {one.id} can be edited again; the signed version stays as it is.")
    return 0


def _history(args: argparse.Namespace) -> int:
    with vault_options.open_vault(args) as vault:
        revisions = vault.edits.history(_document(vault, args))
        signatures = vault.edits.signatures(args.id)
    for r in revisions:
        print(f"{r.number:>4}  version {r.version}  {_when(r.created)}  {one_line(r.author, 30)}  {r.reason}")
    for s in signatures:
        print(f"signed version {s.version}  {_when(s.at)}  {one_line(s.signer, 60)}")
    return 0


def _when(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _export(args: argparse.Namespace) -> int:
    from edge import workbench

    with vault_options.open_vault(args) as vault:
        file = workbench.publish(vault, args.id, args.out, args.form, DRAFT_MARK)
    print(file)
    print("This file is not encrypted: whoever can read the folder can read it.", file=sys.stderr)
    return 0
