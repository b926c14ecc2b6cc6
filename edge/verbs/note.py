"""`edgescribe note`: a conversation becomes a clinical note."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge.errors import Cancelled
from edge.text import one_line
from edge.verbs import model_verbs, read_options
from edge.verbs.narrate import Narrator

if TYPE_CHECKING:
    from edge.contract.document import Document
    from edge.contract.events import TaskEvent
    from edge.encounters.checking import Review
    from edge.encounters.writing import Note, NoteFinished, Scribe

EMPTY = "The note is empty: nothing that belongs in one was found in this conversation."
_REASONS = {
    "length": "stopped at its length limit",
    "loop": "the model began to repeat itself; the repeats were cut",
    "cancelled": "stopped",
}


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = sub.add_parser(
        "note",
        help="write a clinical note from a conversation",
        description="Write a clinical note from a conversation, in any form that `edgescribe read` knows: plain text, "
        "captions, JSON of recognisers, TextGrid, DOCX, ODT, RTF, PDF. The note is a draft; a clinician checks and "
        "signs it.",
    )
    parser.add_argument(
        "--template", default="visit", metavar="T", help="visit (default), soap, section:KEY, or one of your own"
    )
    parser.add_argument(
        "--form",
        choices=("auto", "whole", "turns", "lists", "facts"),
        help="what a note is made of. facts: what was found in the conversation, worded by rules, without a language "
        "model. whole: a language model writes from the whole visit. turns: it writes each section from the turns of "
        "its facts; lists: the same, lists by rules. auto (default): facts where a tagger that this machine trusts "
        "serves, else whole. With --bundle the default is whole",
    )
    model_verbs.add_options(parser)
    read_options.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from edge.encounters import templates

    templates.get(args.template)  # a wrong name is said before the model loads
    return model_verbs.run_all(args, write, read_options.conversations(args))


def write(scribe: Scribe, document: Document, args: argparse.Namespace, narrator: Narrator) -> model_verbs.VerbResult:
    from edge.contract.encounter import Generated
    from edge.encounters import templates, writing

    form = scribe.form_of(templates.get(args.template), document.text)
    foreign = "" if form == writing.FACTS else writing.foreign_language(scribe.engine.info, document.text)
    if foreign:
        narrator.warn(foreign)
    note = follow(scribe.note(document, args.template), args, narrator)
    if not args.json:
        if not streamed(args, note):
            model_verbs.out(note.text + "\n")
        account(note, scribe, narrator)
    checker = scribe.facts_finder()
    content, found = checker.check_written(note.content, document)
    if found is not None and not args.json:
        checked(found, narrator)
    if checker.lacking:
        narrator.say(f"Nothing is said about what was left out of the note. {one_line(checker.lacking)}")
    origin = writing.origin(note.writer or scribe.engine.info, document, note)
    steps = note.parameters.get("steps", ())
    for step in steps if not args.json else ():
        words = f"{one_line(step['text'], 90)}{_instead(step)}"
        narrator.say(f"Mended: {step['what']} in {step['section']}: {words} ({step['why']})")
    omissions = {"omissions": [one.as_json() for one in found.omissions] if found is not None else []}
    printed = note_json(replace(note, sections=content.sections)) | omissions
    printed["warnings"] = [foreign] if foreign else []
    if not note.text.strip() and not note.incomplete:
        printed["warnings"].append(EMPTY)
        narrator.warn(EMPTY)
    if note.parts:
        printed["parts"] = origin.parameters["parts"]
        printed["warnings"].append(in_parts(max(len(found) for found in note.parts.values())))
    if steps:
        printed["steps"] = list(steps)
    return model_verbs.VerbResult(
        {"text": note.text, **printed, **model_verbs.envelope(origin)}, "transcript", Generated(content, origin)
    )


def _instead(step: Mapping[str, str]) -> str:
    """The new words of a statement that was written again."""
    return f" → {one_line(step['instead'], 90)}" if step.get("instead") else ""


def note_json(note: Note) -> dict[str, Any]:
    """The note as `note --json` prints it, and as it is kept, with "stop" only where a section was cut."""
    sections = [s if s.cut else replace(s, stop="") for s in note.sections]
    return replace(note.content, sections=tuple(sections)).to_json()


def checked(found: Review, narrator: Narrator) -> None:
    """Say which statements the conversation contradicts and what critical was said and is not in the note."""
    for one in found.statements:
        for flag in one.flags:
            if flag.severity.value == "high":
                narrator.say(f"!! {flag.check}: {one_line(flag.message)}")
    left_out = [one for one in found.omissions if one.critical]
    if left_out:
        first = "; ".join(one_line(one.statement, 80) for one in left_out[:5])
        narrator.say(f"Said, not in the note ({len(left_out)} critical): {first}")


def account(note: Note, scribe: Scribe, narrator: Narrator) -> None:
    """Say what is missing of a note, what it took, and that it is a draft."""
    for key, reason in note.reasons:
        if reason != "end":
            narrator.say(f"INCOMPLETE: section {key}: {_REASONS[reason]}.")
    if note.writer is not None:
        narrator.say(
            f"{note.seconds:.1f} s, from facts that {note.writer.bundle} found, without a language model. "
            "A draft: check it before you sign."
        )
        return
    narrator.say(
        f"{note.generated_tokens} tokens from {note.prompt_tokens} in {note.seconds:.1f} s "
        f"with {scribe.engine.info.bundle}. A draft: check it before you sign."
    )


def live(args: argparse.Namespace) -> bool:
    """Show words as they come: on a terminal, and wherever a verb asks for it."""
    return not getattr(args, "json", False) and (sys.stdout.isatty() or getattr(args, "live", False))


def streamed(args: argparse.Namespace, note: Note) -> bool:
    """Whether the note was shown as it came: what parts of a long visit gave is merged before it is shown, and what a
    language model wrote may have been mended since."""
    mended = note.writer is None and bool(note.parameters.get("steps"))
    return live(args) and not note.parts and not mended


def in_parts(count: int) -> str:
    """What must be said of a note that was written from parts of the conversation."""
    return (
        f"The conversation is longer than the model reads at once: the note is written from {count} overlapping parts. "
        "A line above each passage names its part; what parts say differently stands side by side. "
        "`--form facts` makes a note from facts alone, in seconds."
    )


def follow(events: Iterable[TaskEvent | NoteFinished], args: argparse.Namespace, narrator: Narrator) -> Note:
    """Run a generation, showing progress, and on a terminal the text as it is written. Raises Cancelled."""
    from edge.contract.events import Finished, Reading, SectionStarted, Text
    from edge.encounters.writing import NoteFinished

    label, parted, told = "", False, False
    for event in events:
        if isinstance(event, SectionStarted):
            label = f"[{event.index + 1}/{event.total}] {event.title}"
            parted = event.parts > 1
            if parted:
                label += f", part {event.part + 1} of {event.parts}"
            if parted and not told:
                narrator.say(in_parts(event.parts))
                told = True
            narrator.progress(f"Reading for {label}", 0, 1)
            if live(args) and not parted:
                model_verbs.out("\n\n" if event.index else "")
                narrator.say(label)
        elif isinstance(event, Reading):
            narrator.progress(f"Reading for {label}", event.done, event.total)
        elif isinstance(event, Text):
            narrator.clear()
            if live(args) and not parted:
                model_verbs.out(event.text)
        elif isinstance(event, Finished):
            narrator.clear()
            if event.reason == "cancelled":
                raise Cancelled("Stopped.", "Nothing was saved.")
            if event.reason == "loop" and live(args) and not parted:
                model_verbs.out(" […]")
        elif isinstance(event, NoteFinished):
            if streamed(args, event.note):
                model_verbs.out("\n")
            return event.note
    raise Cancelled("Stopped.", "Nothing was saved.")
