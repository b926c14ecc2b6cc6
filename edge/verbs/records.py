"""`edgescribe records`: list, search, show, name and delete what the vault keeps; records_*.py change it."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from edge.errors import UsageError
from edge.text import one_line, sanitise
from edge.verbs import records_codes, records_fields, records_note, records_sign, records_speaker, vault_options
from edge.verbs.narrate import Narrator

if TYPE_CHECKING:
    from edge.contract.encounter import Content, EncounterSummary, KeptDocument


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = sub.add_parser("records", help="list, search, show, edit, sign, export or delete what the vault keeps")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list records, last changed first")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="records shown (default 50)")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    search = actions.add_parser("search", help="find records by words, quoted phrases or beginnings of words")
    search.add_argument("words", nargs="+", metavar="WORD")
    search.add_argument("--limit", type=int, default=50, metavar="N", help="records shown (default 50)")
    show = actions.add_parser("show", help="print one record")
    show.add_argument("id", metavar="ID", help="record id, or its beginning")
    show.add_argument("--source", action="store_true", help="print the source document too")
    show.add_argument("--footnotes", action="store_true", help="with the turns that the note stands on, as footnotes")
    show.add_argument("--draft", action="store_true", help="the text that is not signed yet, instead of the signed one")
    show.add_argument("--json", action="store_true", help="the whole record as JSON")
    delete = actions.add_parser("delete", help="wipe one record and all that belongs to it")
    delete.add_argument("id", metavar="ID", help="record id, or its beginning")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    delete.add_argument("--signed-too", action="store_true", help="also if it is signed")
    for action, run in ((listing, _list), (search, _search), (show, _show), (delete, _delete)):
        vault_options.add_options(action)
        action.set_defaults(run=run)
    title = actions.add_parser("title", help="give a record another title")
    vault_options.on_record(title, _title)
    title.add_argument("title", metavar="TITLE")
    for part in (records_note, records_codes, records_fields, records_speaker, records_sign):
        part.add_actions(actions)


def _list(args: argparse.Namespace) -> int:
    from edge.vaults import EncounterFilter

    with vault_options.open_vault(args) as vault:
        found = vault.encounters.list(limit=max(1, args.limit))
        total = vault.encounters.count(EncounterFilter(sample=False))
    if args.json:
        for one in found:
            print(json.dumps(asdict(one), ensure_ascii=False))
        return 0
    for one in found:
        print(line(one))
    shown = sum(not one.sample for one in found)
    Narrator().say("No records yet." if not found else f"{shown} of {total} records.")
    return 0


def line(one: EncounterSummary) -> str:
    marks = (" INCOMPLETE" if one.incomplete else "") + (" SAMPLE" if one.sample else "")
    when = one.updated[:16].replace("T", " ")
    kinds = "+".join(one.kinds)
    bundle = one_line(one.bundle, 60)
    return f"{one.id}  {when}  {one.state.value:<7} {kinds:<16} {one_line(one.title, 40)}  {bundle}{marks}"


def _search(args: argparse.Namespace) -> int:
    with vault_options.open_vault(args) as vault:
        hits = vault.search.find(" ".join(args.words), limit=max(1, args.limit))
    for hit in hits:
        print(line(hit.summary))
        print(f"          {one_line(hit.snippet, 100)}")
    Narrator().say(f"{len(hits)} records found." if hits else "Nothing found.")
    return 0


def _show(args: argparse.Namespace) -> int:
    from edge.encounters.showing import view

    with vault_options.open_vault(args) as vault:
        found = view(vault, args.id, args.draft)
    record = found.record
    if args.json:
        print(json.dumps(found.to_json(), ensure_ascii=False))
        return 0
    print(line(replace(record.summary, incomplete=record.incomplete)))
    print(one_line(found.label()) + "\n")
    if args.source:
        for source in record.sources:
            print(f"SOURCE {one_line(source.name)}\n\n{sanitise(source.text)}\n")
        if (talk := record.conversation.text) not in {source.text for source in record.sources}:
            print(f"CONVERSATION AS CORRECTED\n\n{sanitise(talk)}\n")
    for document in record.documents:
        print(_printed(document, args.footnotes) + "\n")
    return 0


def _printed(document: KeptDocument[Content], sources: bool = False) -> str:
    from edge.contract.codes import Codes
    from edge.contract.evidence import Evidence
    from edge.contract.fields import Fields
    from edge.contract.note import EncounterNote, without_heading
    from edge.encounters.export import footnotes

    content = document.content
    if isinstance(content, EncounterNote):
        texts, notes = footnotes(content.sections) if sources else ([s.text for s in content.sections], [])
        bodies = [(s.heading, without_heading(t, s.heading)) for s, t in zip(content.sections, texts, strict=True)]
        parts = [f"{one_line(heading)}\n\n{sanitise(body)}" for heading, body in bodies]
        return "\n\n".join([*parts, *(["SOURCES\n\n" + sanitise("\n".join(notes))] if notes else [])])
    if isinstance(content, Fields):
        shown = ((key, "; ".join(sanitise(e.text) for e in es)) for key, es in content.entries.items())
        return "\n".join(f"{one_line(key)}: {entries or '–'}" for key, entries in shown)
    if isinstance(content, Evidence):
        return sanitise("\n".join(content.lines()))
    if isinstance(content, Codes):
        return sanitise("\n".join(content.lines()))
    return sanitise(json.dumps(content.to_json(), ensure_ascii=False))


def _delete(args: argparse.Namespace) -> int:
    with vault_options.open_vault(args) as vault:
        one = vault.encounters.summary(args.id)
        if not vault_options.confirmed(args, f"{line(one)}\nWipe this record? Its content cannot be brought back."):
            return 0
        vault.encounters.delete(one.id, signed_too=args.signed_too)
    Narrator().say(f"Encounter {one.id} is deleted.")
    return 0


def _title(args: argparse.Namespace) -> int:
    words = one_line(args.title)
    if not words:
        raise UsageError("There are no words for a title.", "", "`edgescribe records title ID TITLE`.")
    with vault_options.open_vault(args) as vault:
        summary = vault.encounters.rename(args.id, words)
    Narrator().say(f"Record {summary.id} is called {summary.title!r}.")
    return 0
