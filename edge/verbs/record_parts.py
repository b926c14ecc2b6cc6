"""The changes of `edgescribe records` on parts of a record: who spoke, one extracted field, one section written anew.

Each does what the app does with the same part, and every older state stays in the history.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from edge.errors import UsageError
from edge.text import one_line, sanitise
from edge.verbs import bundle_options, generate, vault_options
from edge.verbs.narrate import Narrator

if TYPE_CHECKING:
    from edge.contract.encounter import Content, Document, Encounter
    from edge.contract.fields import FieldEntry, Fields
    from edge.contract.note import Section
    from edge.contract.transcript import Turn
    from edge.encounters.writing import Scribe
    from edge.vaults import Vault

_NAME = 60  # characters of a name or heading that is told


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Mount the actions beside those of record_work.py."""
    speaker = actions.add_parser("speaker", help="correct who speaks in the conversation of a record")
    which = speaker.add_mutually_exclusive_group(required=True)
    which.add_argument("--list", action="store_true", help="print the numbered turns with their speakers")
    which.add_argument("--turn", type=int, action="append", metavar="N", help="number of a turn; may be given again")
    speaker.add_argument(
        "--as", dest="name", metavar="NAME", help="Doctor, Patient, Nurse, Guest or another speaker of the conversation"
    )
    field = actions.add_parser("field", help="correct, add or remove one extracted fact")
    change = field.add_mutually_exclusive_group(required=True)
    change.add_argument("--list", action="store_true", help="print the numbered entries with their places")
    change.add_argument("--set", metavar="TEXT", help="the right words for an entry")
    change.add_argument("--add", metavar="TEXT", help="one more entry")
    change.add_argument("--remove", action="store_true", help="take an entry away")
    field.add_argument("--entry", type=int, metavar="N", help="number of the entry, where the field has several")
    rewrite = actions.add_parser("rewrite", help="write one section of a note anew from its conversation")
    rewrite.add_argument("--wish", default="", metavar="TEXT", help="what to change, in plain words")
    bundle_options.add_bundle(rewrite)
    generate.add_quiet(rewrite)
    for action, run in ((speaker, _speaker), (field, _field), (rewrite, _rewrite)):
        vault_options.on_record(action, run)
    field.add_argument("field", nargs="?", metavar="FIELD", help="key of the field, as `--list` prints it")
    rewrite.add_argument("section", metavar="SECTION", help="heading, key or number of the section")


def _save(vault: Vault, document: Document[Content], content: Content, history: str) -> None:
    """Keep content as a new revision, after a draft that the app left, which becomes one of its own."""
    vault.edits.commit(document.id)
    number = vault.edits.save(document.id, content)
    Narrator().say(f"Saved as revision {number}; the older ones are kept (`edgescribe records history {history}`).")


# -- who spoke ---------------------------------------------------------------------------------------------------------


def _speaker(args: argparse.Namespace) -> int:
    from edge import workbench
    from edge.reading import conversation

    with vault_options.open_vault(args) as vault:
        record = vault.encounters.get(args.id)
        turns = conversation.parse(workbench.conversation_of(record).text).turns
        if args.list:
            for number, turn in enumerate(turns, start=1):
                print(f"{number:>4}  {_told(turn)}")
            Narrator().say(f"{len(turns)} turns.")
            return 0
        vault.encounters.refuse_signed(record.summary.id)
        text = corrected(turns, args.turn, args.name or "")
        _keep_talk(vault, record, text)
    turns = conversation.parse(text).turns
    for number in sorted(set(args.turn)):
        print(f"{number:>4}  {_told(turns[number - 1])}")
    return 0


def _told(turn: Turn) -> str:
    return f"{one_line(turn.speaker, _NAME) or '–'}: {one_line(turn.text)}"


def corrected(turns: Sequence[Turn], numbers: Sequence[int], name: str) -> str:
    """The conversation with another speaker at the turns with these numbers (from 1).

    Raises UsageError for a turn or a speaker that there is not, or one that would not be read as a speaker then.
    """
    from edge.contract import transcript
    from edge.reading import conversation

    if any(not 1 <= number <= len(turns) for number in numbers):
        raise UsageError(
            "There is no such turn.",
            f"The conversation has {len(turns)}, counted from 1.",
            "`edgescribe records speaker ID --list` shows them.",
        )
    own = {one_line(turn.speaker).casefold(): turn.speaker for turn in turns if turn.speaker}
    speaker = own.get(one_line(name).casefold()) or transcript.role(one_line(name))
    if speaker is None:
        raise UsageError(
            f"There is no speaker {one_line(name, _NAME)!r}." if name else "Who speaks there?",
            "",
            f"Add --as with one of {', '.join(transcript.SPEAKERS)}, or another speaker of this conversation.",
        )
    at = [number - 1 for number in numbers]
    text = conversation.with_speaker(turns, at, speaker)
    if not conversation.keeps_speakers(turns, at, speaker, text):
        raise UsageError(
            "The conversation would lose a speaker.",
            f"A speaker besides {', '.join(transcript.SPEAKERS)} needs two turns or more to be known as one.",
            "Correct all turns of that speaker at once: --turn may be given several times.",
        )
    return text


def _keep_talk(vault: Vault, record: Encounter, text: str) -> None:
    """Keep a corrected conversation as the app does: with the note, or with an empty one where there is none."""
    from edge import workbench

    note = record.note
    if note is not None:
        _save(vault, note, replace(note.content, conversation=text), record.summary.id)
        return
    source, generated = workbench.begun_by_hand(workbench.conversation_of(record).name, text)
    vault.encounters.save(record.summary.title, source, [generated], record.summary.id)
    Narrator().say("Saved; the conversation as it was given is kept.")


# -- one extracted field -----------------------------------------------------------------------------------------------


def _field(args: argparse.Namespace) -> int:
    from edge import workbench

    with vault_options.open_vault(args) as vault:
        record = vault.encounters.get(args.id)
        found = record.fields
        if found is None:
            raise UsageError("This record has no fields.", "", "`edgescribe extract FILE --save` reads them.")
        fields = found.content
        key = _known(args.field, required=not args.list)
        if not args.list:
            vault.encounters.refuse_signed(record.summary.id)
            fields = fields.with_entries(key, changed(fields[key], args, workbench.basis_of(record)))
            _save(vault, found, fields, f"{record.summary.id} --fields")
    _print_entries(fields, key)
    return 0


def _known(field: str | None, required: bool) -> str:
    """The field's key; "" for all of them where none is required. Raises UsageError."""
    from edge.contract.schemas import FIELD_KEYS

    if field is None and not required:
        return ""
    if field not in FIELD_KEYS:
        what = "Which field?" if field is None else f"There is no field {one_line(field, _NAME)!r}."
        raise UsageError(what, f"Known: {', '.join(FIELD_KEYS)}.")
    return field


def changed(before: tuple[FieldEntry, ...], args: argparse.Namespace, basis: str) -> tuple[FieldEntry, ...]:
    """The entries changed as asked; the place of changed words is looked up again. Raises UsageError."""
    from edge import workbench

    entries = list(before)
    given = one_line((args.set if args.add is None else args.add) or "")
    if not (given or args.remove):
        raise UsageError("There are no words to keep.", "", "Give some, or take the entry away with --remove.")
    if args.add is not None and args.entry is not None:
        raise UsageError("--entry goes with --set or --remove.", "", "A new entry is the last one.")
    entry = workbench.place([given], basis)[0]
    if args.add is not None or (not entries and args.entry is None and not args.remove):
        return (*entries, entry)
    number = 1 if args.entry is None and len(entries) == 1 else args.entry
    if number is None or not 1 <= number <= len(entries):
        raise UsageError(
            "Which entry?" if number is None else "There is no such entry.",
            f"The field has {len(entries)}, counted from 1.",
            "`edgescribe records field ID FIELD --list` shows them; --entry takes the number.",
        )
    entries[number - 1 : number] = [] if args.remove else [entries[number - 1].with_place(entry)]
    return tuple(entries)


def _print_entries(fields: Fields, only: str) -> None:
    from edge.contract.schemas import FIELD_KEYS

    for key in FIELD_KEYS:
        if only in ("", key):
            for number, entry in enumerate(fields[key], start=1):
                place = "[no place found]" if entry.start is None else f"[{entry.start}–{entry.end}]"
                print(f"{key} {number}  {one_line(entry.text)}  {place}")
            if not fields[key]:
                print(f"{key} –")


# -- one section anew --------------------------------------------------------------------------------------------------


def _rewrite(args: argparse.Namespace) -> int:
    from edge import workbench

    narrator = Narrator(args.quiet)
    bench = generate.Bench(args, narrator)
    with vault_options.open_vault(args) as vault:
        try:
            record = vault.encounters.get(args.id)
            note = record.note
            if note is None:
                raise UsageError("This record has no note.", "", "`edgescribe note FILE --save` writes and keeps one.")
            vault.encounters.refuse_signed(record.summary.id)
            at = pick(note.content.sections, args.section)
            talk = workbench.conversation_of(record).text
            new = _write(bench.scribe(), args, narrator, talk, note.content.template, note.content.sections[at])
            if new is None:
                narrator.say("The model found nothing for this section; the note stays as it is.")
                return 0
            # What the app kept of a writing that was cut off becomes a revision of its own.
            _save(vault, note, replace(note.content.with_section(at, new), unfinished=None), record.summary.id)
        finally:
            narrator.clear()
            bench.close()
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


def _write(
    scribe: Scribe, args: argparse.Namespace, narrator: Narrator, talk: str, template: str, section: Section
) -> Section | None:
    """Write the section and show it; None if nothing came of it. Raises Cancelled."""
    from edge import workbench
    from edge.verbs import note as note_verb

    heading = one_line(section.heading)
    spec = workbench.section_spec(one_line(section.key) or heading, heading, template)
    named = replace(spec, key=heading)  # what a person knows it by
    events = workbench.rewrite(scribe, talk, named, section.text, args.wish)
    note = note_verb.follow(events, args, narrator)
    new = workbench.rewritten(section, note, scribe.engine.info, args.wish)
    if not note_verb.live(args) and new is not None:
        generate.out(sanitise(new.text) + "\n")
    note_verb.account(note, scribe, narrator)
    return new
