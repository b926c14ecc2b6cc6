"""`edgescribe records` on the note of a record: edit, rewrite a section, write anew, restore, history.

Each does what the app does with the same note, and every older state stays in the history.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from edge.errors import InputError, UsageError
from edge.text import one_line, sanitise
from edge.verbs import bundle_options, model_verbs, vault_options
from edge.verbs.narrate import Narrator

if TYPE_CHECKING:
    from edge.contract.document import Document
    from edge.contract.encounter import Encounter, Kind
    from edge.contract.note import Section
    from edge.encounters.open_encounter import OpenEncounter, OpenSection
    from edge.encounters.writing import Note, Scribe

_NAME = 60  # characters of a heading that is told


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the actions on a note to those of `edgescribe records`."""
    edit = actions.add_parser("edit", help="replace the text of a note; every older text is kept")
    edit.add_argument("--from", dest="text", metavar="FILE", required=True, help="new text as `show` prints it, or -")
    rewrite = actions.add_parser("rewrite", help="write one section of a note anew from its conversation")
    rewrite.add_argument("--wish", default="", metavar="TEXT", help="what to change, in plain words")
    write = actions.add_parser("write", help="write a whole note anew from the kept conversation")
    write.add_argument(
        "--template", metavar="T", help="as `note` takes it (default: that of the note there is, or visit)"
    )
    write.set_defaults(json=False, form=None)
    accept = actions.add_parser(
        "accept", help="take a section that was cut as complete; it is marked INCOMPLETE until then"
    )
    accept.add_argument("--yes", action="store_true", help="do not ask")
    restore = actions.add_parser("restore", help="bring an older text of a note back, as a new revision")
    restore.add_argument("--revision", type=int, metavar="N", required=True, help="its number in `history`")
    history = actions.add_parser("history", help="list every revision and signature of a note")
    for action in (restore, history):
        action.add_argument("--fields", action="store_true", help="of the extracted fields, not of the note")
    for action in (rewrite, write):
        bundle_options.add_bundle(action)
        bundle_options.add_threads(action)
        model_verbs.add_quiet(action)
    runs = (
        (edit, _edit),
        (rewrite, _rewrite),
        (write, _write),
        (accept, _accept),
        (restore, _restore),
        (history, _history),
    )
    for action, run in runs:
        vault_options.on_record(action, run)
    rewrite.add_argument("section", metavar="SECTION", help="heading, key or number of the section")
    accept.add_argument(
        "section", metavar="SECTION", help='heading, key or number of the section; "fields": the fields'
    )


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
    from edge.encounters import keeping, reviewing
    from edge.encounters.checking import Checker
    from edge.encounters.writing import read_document

    given = read_document(args.text)  # read before the vault opens: standard input may be slow
    with vault_options.open_vault(args) as vault:
        encounter = keeping.to_change(vault, args.id)
        _has_note(encounter, "to edit")
        before = {(one.heading, one.text) for one in encounter.sections}
        encounter.replace_text(parse_sections(given.text, encounter.note_content().sections))
        edited = [at for at, one in enumerate(encounter.sections) if (one.heading, one.text) not in before]
        if edited and encounter.has_note:  # what was edited is checked anew, as the app does it
            found = reviewing.review(Checker.open(), encounter.note_content(), encounter.conversation)
            encounter.reviewed(found, edited)
        keeping.save(vault, encounter)
        revisions, _ = keeping.revisions(vault, encounter.id)
    _tell(revisions[-1].number, encounter.id)
    for line in encounter.shown_at_signing().lines():
        Narrator().say(one_line(line))
    return 0


def _has_note(encounter: OpenEncounter, what: str = "") -> None:
    from edge.contract.encounter import Kind

    if Kind.NOTE not in encounter.documents:
        raise UsageError(
            f"This record has no note {what}".rstrip() + ".", "", "`edgescribe note FILE --save` writes and keeps one."
        )


def _tell(number: int, identifier: str) -> None:
    older = f"the older ones are kept (`edgescribe records history {identifier}`)"
    Narrator().say(f"Saved as revision {number}; {older}.")


def _rewrite(args: argparse.Namespace) -> int:
    from edge.encounters import keeping

    narrator = Narrator(args.quiet)
    bundle = model_verbs.OpenBundle(args, narrator)
    with vault_options.open_vault(args) as vault:
        try:
            encounter = keeping.to_change(vault, args.id)
            _has_note(encounter)
            at = pick(encounter.note_content().sections, args.section)
            if not _anew(bundle.scribe(), args, narrator, encounter, encounter.sections[at]):
                narrator.say("The model found nothing for this section; the note stays as it is.")
                return 0
            keeping.save(vault, encounter)
            revisions, _ = keeping.revisions(vault, encounter.id)
            _tell(revisions[-1].number, encounter.id)
        finally:
            narrator.clear()
            bundle.close()
    return 0


def pick(sections: Sequence[Section], wanted: str) -> int:
    """Position of a section by its heading, key or number (from 1). Raises UsageError, with what there is."""
    name = one_line(wanted).casefold()
    names = [{one_line(word).casefold() for word in (s.heading, s.key)} - {""} for s in sections]
    found = [position for position, own in enumerate(names) if name in own]
    if not found and name.isdecimal() and len(name) < 5 and 1 <= int(name) <= len(sections):
        found = [int(name) - 1]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{n} {one_line(s.heading, _NAME)}" for n, s in enumerate(sections, start=1))
    many = "Several sections of the note are called" if found else "The note has no section"
    raise UsageError(
        f"{many} {one_line(wanted, _NAME)!r}.",
        f"Known: {known}." if known else "The note is empty.",
        "Give a number." if found else "",
    )


def _anew(
    scribe: Scribe, args: argparse.Namespace, narrator: Narrator, encounter: OpenEncounter, section: OpenSection
) -> bool:
    """Write the section and show it; False if nothing came of it. Raises Cancelled."""
    from edge.verbs import note as note_verb

    named = replace(encounter.spec_of(section), key=one_line(section.heading))  # what a person knows it by
    events = scribe.rewrite(encounter.conversation, named, section.text, args.wish)
    note: Note = note_verb.follow(events, args, narrator)
    new = encounter.section_rewritten(section, note, scribe.engine.info, args.wish)
    if new and not note_verb.streamed(args, note):
        model_verbs.out(sanitise(section.text) + "\n")
    note_verb.account(note, scribe, narrator)
    return new


def _write(args: argparse.Namespace) -> int:
    from edge.encounters import templates
    from edge.encounters.open_encounter import typed
    from edge.reading import substance
    from edge.verbs import note

    def conversation(kept: Encounter) -> Document:
        talk = kept.conversation
        if talk.kind == "report" or not talk.text.strip():
            raise UsageError("This record has no conversation.", "", "`edgescribe note FILE --save` keeps one.")
        args.template = args.template or (kept.note.content.template if kept.note else "") or "visit"
        templates.get(args.template)  # a wrong name is said before the model loads
        substance.visit(talk.text)
        return typed(talk.text, talk.name)

    narrator = Narrator(args.quiet)
    bundle = model_verbs.OpenBundle(args, narrator)
    return model_verbs.run_on_kept(args, narrator, conversation, note.write, bundle.scribe, bundle.close)


def _accept(args: argparse.Namespace) -> int:
    from edge.encounters import keeping

    with vault_options.open_vault(args) as vault:
        encounter = keeping.to_change(vault, args.id)
        fields = args.section.casefold() == "fields"
        if not fields:
            _has_note(encounter)
        section = None if fields else encounter.sections[pick(encounter.note_content().sections, args.section)]
        encounter.check_acceptable(section)
        name = "the fields" if section is None else one_line(section.heading, _NAME)
        if section is not None:
            print(f"{name}\n\n{sanitise(section.text)}\n")
        if not vault_options.confirmed(args, f"Writing of {name} stopped early. Is it complete as it stands?"):
            return 0
        keeping.accept(vault, encounter, section)
        still = vault.encounters.peek(encounter.id).incomplete
    Narrator().say(f"Accepted as complete: {name}. The record is {'still INCOMPLETE' if still else 'complete'}.")
    return 0


def _restore(args: argparse.Namespace) -> int:
    from edge.encounters import keeping

    with vault_options.open_vault(args) as vault:
        number = keeping.restore(vault, args.id, args.revision, _kind(args))
    Narrator().say(f"Revision {args.revision} is back, as revision {number}.")
    return 0


def _kind(args: argparse.Namespace) -> Kind:
    from edge.contract.encounter import Kind

    return Kind.EXTRACTION if args.fields else Kind.NOTE


def _history(args: argparse.Namespace) -> int:
    from edge.encounters import keeping

    with vault_options.open_vault(args) as vault:
        revisions, signatures = keeping.revisions(vault, args.id, _kind(args))
    for r in revisions:
        print(f"{r.number:>4}  version {r.version}  {_when(r.created)}  {one_line(r.author, 30)}  {r.reason}")
    for s in signatures:
        print(f"signed version {s.version}  {_when(s.at)}  {one_line(s.signer, 60)}")
    return 0


def _when(moment: str) -> str:
    return moment[:16].replace("T", " ")
