"""Notes whose content comes from facts that were found: lists from facts alone, prose from its own turns, mended.

What is in the note is decided by the facts; the language model only words the prose sections, each from the turns of
its facts. A section without facts is absent. Every step of mending is kept with the note (ComposingStep).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from edge.contract import templates
from edge.contract.events import TaskEvent
from edge.contract.facts import Fact, FactKind, Severity
from edge.contract.note import EncounterNote, Section
from edge.contract.section_turns import own_turns, section_of
from edge.contract.templates import SectionSpec, Template
from edge.contract.transcript import Transcript
from edge.engine.base import Engine
from edge.evidence import lines, omissions
from edge.evidence.conversation import converse
from edge.evidence.review import review, review_sections
from edge.evidence.statements import split
from edge.tasks.note import Note, NoteFinished, write_note

FORMS = ("turns", "lists", "facts")  # beside the whole visit by division, which needs no facts
RULES = "lines-1"  # name of the rules that word a fact, kept with each note
_LISTED = frozenset(
    {"medications", "allergies", "family_history", "review_of_systems", "physical_examination", "results"}
)
_ADDED = "Said, not in the draft: "  # what a mended line begins with


@dataclass(frozen=True)
class ComposingStep:
    """One change of the draft before a clinician saw it. what: "left out" or "added"; why: checks or kind of fact."""

    what: str
    section: str
    text: str = field(repr=False)
    why: str


@dataclass(frozen=True)
class Composed:
    """Last event of compose: the note, its content with statements, and what was mended."""

    note: Note
    steps: tuple[ComposingStep, ...]

    def parameters(self, form: str) -> dict[str, Any]:
        """What the origin of the note names beside the decoding."""
        return {"form": form, "rules": RULES, "steps": [asdict(one) for one in self.steps]}


def compose(
    engine: Engine | None, transcript: Transcript, facts: Sequence[Fact], form: str, mend: bool = True
) -> Iterator[TaskEvent | Composed]:
    """Write a note from facts. form: of FORMS; engine: None only for "facts", which needs no model.

    Raises InputError as write_note, ValueError for an unknown form.
    """
    if form not in FORMS or (engine is None and form != "facts"):
        raise ValueError(f"form {form!r}")
    started = time.perf_counter()
    facts = lines.prepared(facts, converse(transcript))
    template = templates.get("sections")
    listed = {spec.key for spec in template.sections if form == "facts" or (form == "lists" and spec.key in _LISTED)}
    prose = replace(template, sections=tuple(spec for spec in template.sections if spec.key not in listed))
    written = Note(template.name, "", (), False, (), 0, 0, 0.0)
    if engine is not None and prose.sections:
        for event in write_note(engine, transcript, prose, _turns(facts)):
            if isinstance(event, NoteFinished):
                written = event.note
            else:
                yield event
    sections = _joined(template, written, [_list(spec, facts) for spec in template.sections if spec.key in listed])
    steps: tuple[ComposingStep, ...] = ()
    if mend:
        sections, steps = _mended(sections, template, transcript, facts)
    text = EncounterNote(template.name, sections).text()
    seconds = time.perf_counter() - started
    yield Composed(replace(written, text=text, sections=sections, seconds=seconds), steps)


def as_note(
    engine: Engine, transcript: Transcript, facts: Sequence[Fact], form: str, made: list[Composed]
) -> Iterator[TaskEvent | NoteFinished]:
    """The events of compose() as those of any other note; what was mended goes into made."""
    for event in compose(engine, transcript, facts, form):
        if isinstance(event, Composed):
            made.append(event)
            yield NoteFinished(event.note)
        else:
            yield event


def _turns(facts: Sequence[Fact]) -> dict[str, set[int]]:
    return own_turns((fact, [quote.turn for quote in fact.evidence]) for fact in facts)


def _list(spec: SectionSpec, facts: Sequence[Fact]) -> Section:
    """A list section from its facts alone."""
    own = [fact for fact in facts if section_of(fact) == spec.key]
    text = "\n".join(f"- {one.text}" for one in lines.lines(own, tuple(FactKind)))
    return Section(spec.title.upper(), text, spec.key, "end")


def _joined(template: Template, written: Note, listed: Sequence[Section]) -> tuple[Section, ...]:
    """Sections in the order of the template; those without text are left out."""
    found = [*written.sections, *listed]
    keys = [spec.key for spec in template.sections]
    order = {key: at for at, key in enumerate(keys)}
    kept = [one for one in found if one.text.strip()]
    return tuple(sorted(kept, key=lambda one: order.get(one.key.split(".")[0], len(keys))))


def _mended(
    sections: tuple[Section, ...], template: Template, transcript: Transcript, facts: Sequence[Fact]
) -> tuple[tuple[Section, ...], tuple[ComposingStep, ...]]:
    """Statements that the conversation contradicts are left out; critical facts that are missing are added."""
    steps: list[ComposingStep] = []
    if sections:
        checked, _ = review_sections(EncounterNote(template.name, sections), transcript)
        sections = tuple(_without_wrong(one, steps) for one in checked.sections)
        sections = tuple(replace(one, statements=()) for one in sections if one.text.strip())
    talk = converse(transcript)
    pieces = split("\n\n".join(f"{one.heading}\n\n{one.text}" for one in sections))
    missing = {one.quote for one in omissions.find(facts, pieces, talk) if one.critical}
    for fact in facts:
        text = lines.line(fact) if fact.critical and fact.evidence[0] in missing else ""
        if text and not _contradicted(text, section_of(fact), template, transcript):
            sections = _with_line(sections, template, section_of(fact), text)
            steps.append(ComposingStep("added", section_of(fact), text, fact.kind.value))
    return sections, tuple(steps)


def _contradicted(text: str, key: str, template: Template, transcript: Transcript) -> bool:
    """Whether a check speaks against a line in its section."""
    spec = next(spec for spec in template.sections if spec.key == key)
    return any(flag.severity is Severity.HIGH for flag in review(f"{spec.title.upper()}\n\n{text}", transcript).flags)


def _without_wrong(section: Section, steps: list[ComposingStep]) -> Section:
    text = section.text
    for one in reversed(section.statements):
        wrong = [flag.check for flag in one.flags if flag.severity is Severity.HIGH]
        if wrong:
            steps.append(ComposingStep("left out", section.key, one.text, ", ".join(wrong)))
            text = text[: one.start].rstrip(" ") + " " + text[one.end :].lstrip(" ")
    kept = [line.rstrip() for line in text.split("\n") if line.strip(" -•*")]
    return replace(section, text="\n".join(kept).strip()) if text != section.text else section


def _with_line(sections: tuple[Section, ...], template: Template, key: str, text: str) -> tuple[Section, ...]:
    """The sections with a marked line at the end of one of them, which is made if it is not there."""
    line = f"- {_ADDED}{text}"
    for at, one in enumerate(sections):
        if one.key.split(".")[0] == key:
            return (*sections[:at], replace(one, text=f"{one.text}\n{line}"), *sections[at + 1 :])
    spec = next(spec for spec in template.sections if spec.key == key)
    order = [one.key for one in template.sections]
    before = [one for one in sections if order.index(one.key.split(".")[0]) < order.index(key)]
    made = Section(spec.title.upper(), line, key, "end")
    return (*before, made, *sections[len(before) :])
