"""Notes whose content comes from facts that were found: lists from facts alone, prose from its own turns, mended.

What is in the note is decided by the facts; the language model only words the prose sections, each from the turns of
its facts. A section without facts is absent. Every step of mending is kept with the note (ComposingStep).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edge.composing import allergies, denials, lines, quotes
from edge.composing.mending import MendingStep, Rewriter, replaced, tidy, wrong_in
from edge.composing.words import Words, words_of
from edge.contract import templates
from edge.contract.events import Finished, SectionFinished, SectionStarted, TaskEvent, Text
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Severity
from edge.contract.note import EncounterNote, Section
from edge.contract.section_turns import DIVISION_OF, own_turns, section_of
from edge.contract.templates import Contradicted, SectionSpec, Template
from edge.contract.transcript import Transcript
from edge.engine import copied as copied_rule
from edge.engine.base import Engine, EngineInfo
from edge.evidence import omissions
from edge.evidence.checks.allergy import NAME as ALLERGY_OR_INTOLERANCE
from edge.evidence.conversation import Conversation, converse
from edge.evidence.review import FactFinder, review_sections
from edge.evidence.statements import split
from edge.tasks.note import Note, NoteFinished, write_note

FORMS = ("turns", "lists", "facts")  # beside the whole visit by division, which needs no facts
RULES = "lines-10"  # name of the rules that word a fact, kept with each note
# Least score of a fact that is written, critical, denied or another: chosen on facts_dev (docs/evidence.md). What lies
# below is listed as said and not in the note.
CRITICAL, DENIED, OTHER = 0.45, 0.6, 0.9
_LISTED = frozenset(
    {"medications", "allergies", "family_history", "review_of_systems", "physical_examination", "results"}
)
_PLAN = ("assessment_and_plan", "assessment", "plan")  # one section, or two where the template has two
_SOAP = {"S": (), "O": ("physical_examination", "results"), "A": ("assessment",), "P": ("plan",)}
AGAIN: Contradicted = "out"  # what is done with a contradicted statement of a model, where the template does not say
COPIES = True  # whether what a language model writes is masked to what was said (measured: docs/evidence.md)
_LEAST_LEFT = 3  # words of a line that is left when others are said before
_SECTIONS = "sections"  # the template whose sections facts are sorted into


@dataclass(frozen=True)
class Composed:
    """Last event of compose: the note, its content with statements, and what was mended."""

    note: Note
    steps: tuple[MendingStep, ...]
    copies: bool = False

    def parameters(self, form: str) -> dict[str, Any]:
        """What the origin of the note names beside the decoding."""
        found: dict[str, Any] = {"form": form, "rules": RULES, "steps": [one.as_json() for one in self.steps]}
        if self.copies:
            found["copied"] = copied_rule.RULE
        return found


@dataclass(frozen=True)
class _Shape:
    """How the sections of facts make up a template: the template of sections that facts are sorted into, and for each
    key of the chosen template those that stand under it."""

    inner: Template
    under: Mapping[str, tuple[str, ...]]

    def place(self, fact: Fact) -> str:
        """Key of the section that a fact is written in."""
        key = section_of(fact)
        if key == _PLAN[0] and _PLAN[0] not in self.keys:
            return _PLAN[1] if fact.kind is FactKind.DIAGNOSIS else _PLAN[2]
        return key

    @property
    def keys(self) -> list[str]:
        """Keys of the sections that facts are sorted into, in order."""
        return [spec.key for spec in self.inner.sections]


def _shape(chosen: Template) -> _Shape | None:
    """The shape of a template, None if it has a section that no fact is sorted into."""
    inner = templates.get(_SECTIONS)
    divided: dict[str, tuple[str, ...]] = {}
    for key in (spec.key for spec in inner.sections):
        divided[key] = (key,)
        divided[DIVISION_OF[key]] = (*(divided.get(DIVISION_OF[key], ()) if DIVISION_OF[key] != key else ()), key)
    if any(spec.key in _SOAP for spec in chosen.sections):
        last = inner.sections[-1]
        parts = tuple(replace(last, key=key) for key in _PLAN[1:])
        inner = replace(inner, sections=(*inner.sections[:-1], *parts))
        divided = {**_SOAP, "S": divided["subjective"]}
    if not all(spec.key in divided for spec in chosen.sections):
        return None
    return _Shape(inner, {spec.key: divided[spec.key] for spec in chosen.sections})


def takes_facts(template: Template) -> bool:
    """Whether a note of this template can be made from facts: each of its sections is one that facts are sorted into,
    a division of them, or one of the four of a SOAP note."""
    return _shape(template) is not None


def compose(
    engine: Engine | None,
    transcript: Transcript,
    facts: Sequence[Fact],
    form: str,
    mend: bool = True,
    template: Template | None = None,
    copies: bool = COPIES,
    contradicted: Contradicted = AGAIN,
) -> Iterator[TaskEvent | Composed]:
    """Write a note from facts. form: of FORMS; engine: None only for "facts", which needs no model; template: one that
    takes_facts() (default: "sections"); copies: numbers, units and drugs of what a language model writes are masked to
    those of a section's own turns (edge.engine.copied); contradicted: what is done with a statement of the model that
    the conversation contradicts, where the template does not say it.

    Raises InputError as write_note, ValueError for an unknown form or a template that does not fit.
    """
    chosen = template or templates.get(_SECTIONS)
    shape = _shape(chosen)
    if form not in FORMS or (engine is None and form != "facts") or shape is None:
        raise ValueError(f"form {form!r}")
    started = time.perf_counter()
    talk = converse(transcript)
    facts = lines.prepared([fact for fact in facts if _sure(fact, talk)], talk)
    listed = [s for s in shape.inner.sections if form == "facts" or (form == "lists" and s.key in _LISTED)]
    prose = replace(shape.inner, sections=tuple(spec for spec in shape.inner.sections if spec not in listed))
    written = Note(chosen.name, "", (), False, (), 0, 0, 0.0)
    if engine is not None and prose.sections:
        for event in write_note(engine, transcript, prose, _turns(facts, shape), copies=copies):
            if isinstance(event, NoteFinished):
                written = event.note
            else:
                yield event
    words = words_of(transcript)
    made = _once(
        {s: _lines([f for f in facts if shape.place(f) == s.key], transcript, words) for s in listed}, transcript, words
    )
    ways = _ways(shape, chosen, listed, contradicted)
    source = _Source(shape, talk, words, ways, Rewriter(engine, talk) if engine is not None else None)
    made_of = _made_of(written, made, source, facts if mend else None)
    if form == "facts":
        yield from _told(chosen, made_of.note.sections, words)
    note = replace(made_of.note, template=chosen.name, seconds=time.perf_counter() - started)
    yield replace(made_of, note=note, copies=copies and engine is not None and bool(prose.sections))


def _made_of(
    written: Note, made: Mapping[SectionSpec, Sequence[lines.Line]], source: _Source, facts: Sequence[Fact] | None
) -> Composed:
    """The note of what the model wrote and the lines of facts, mended by the facts where they are given."""
    sections = _joined(source.shape, written, [_list(spec, own, source.words) for spec, own in made.items()])
    steps: tuple[MendingStep, ...] = ()
    every = [one for own in made.values() for one in own]
    if facts is not None:
        sections, steps = _mended(sections, frozenset(one.text for one in every if one.verbatim), source, facts)
    sections = _under(source.shape, sections)
    text = EncounterNote(written.template, sections).text()
    tokens = written.generated_tokens + source.tokens
    note = replace(written, text=text, sections=sections, generated_tokens=tokens)
    return Composed(note, steps)


def _ways(
    shape: _Shape, chosen: Template, listed: Sequence[SectionSpec], default: Contradicted
) -> dict[str, Contradicted]:
    """What is done with contradicted statements, by key of the inner section; lines of rules are left out."""
    ways: dict[str, Contradicted] = {}
    by_rules = {spec.key for spec in listed}
    for spec in chosen.sections:
        for key in shape.under[spec.key]:
            way = spec.contradicted or default
            ways[key] = "out" if key in by_rules and way == "again" else way
    return ways


def _sure(fact: Fact, talk: Conversation) -> bool:
    least = CRITICAL if fact.critical else DENIED if fact.polarity is Polarity.DENIED else OTHER
    surely = (denials.is_plain, lines.is_measured)
    return fact.score >= least or allergies.is_named(fact, talk) or any(rule(fact) for rule in surely)


def _under(shape: _Shape, sections: Sequence[Section]) -> tuple[Section, ...]:
    """The sections in the template's order, those of a division with its key before their own, as a note that was
    written by division has them."""
    found: list[Section] = []
    for key, under in shape.under.items():
        own = [one for one in sections if one.key.split(".")[0] in under]
        if under != (key,):
            own = [replace(one, key=f"{key}.{one.key}" if len(own) > 1 else key) for one in own]
        found += own
    return tuple(found)


def _told(template: Template, sections: Sequence[Section], words: Words) -> Iterator[TaskEvent]:
    """The events of a note that is there at once, section by section as a model's."""
    total = len(template.sections)
    for index, spec in enumerate(template.sections):
        title = words.title(spec.title)
        own = [one for one in sections if one.key == spec.key or one.key.startswith(f"{spec.key}.")]
        text = "\n\n".join(f"{one.heading}\n\n{one.text}" for one in own)
        yield SectionStarted(index, total, spec.key, title)
        if text:
            yield Text(text)
        yield Finished(text, "end", 0, 0, 0, 0.0)
        yield SectionFinished(index, spec.key, title, text, "end", not text)


def as_note(
    engine: Engine, transcript: Transcript, find: FactFinder, form: str, template: Template, tagger: EngineInfo
) -> Iterator[TaskEvent | NoteFinished]:
    """The events of compose() over the facts that find gives, as those of any other note.

    Its parameters name the form, the rules, the tagger and what was mended; where no language model was asked, the
    tagger is what made it.
    """
    started = time.perf_counter()
    for event in compose(engine, transcript, find(transcript), form, template=template):
        if isinstance(event, Composed):
            note = replace(event.note, seconds=time.perf_counter() - started)
            parameters = event.parameters(form) | {"tagger": tagger.bundle, "tagger_sha256": tagger.bundle_sha256}
            yield NoteFinished(replace(note, parameters=parameters, writer=tagger if form == "facts" else None))
        else:
            yield event


def _turns(facts: Sequence[Fact], shape: _Shape) -> dict[str, set[int]]:
    placed = [(fact, [quote.turn for quote in fact.evidence]) for fact in facts]
    if _PLAN[0] in shape.keys:
        return own_turns(placed)
    found = {key: turns for key, turns in own_turns(placed).items() if key != _PLAN[0]}
    for fact, turns in placed:
        if section_of(fact) == _PLAN[0]:
            found.setdefault(shape.place(fact), set()).update(turns)
    return found


def _lines(facts: Sequence[Fact], transcript: Transcript, words: Words) -> list[lines.Line]:
    """The lines of a list section, from its facts alone."""
    return lines.lines(facts, tuple(FactKind), transcript.turns, words)


def _once(
    made: dict[SectionSpec, list[lines.Line]], transcript: Transcript, words: Words
) -> dict[SectionSpec, list[lines.Line]]:
    """The same without a line that an earlier section has, and without words that an earlier line has as they were
    said: a complaint is often the history's first line, too."""
    seen: set[str] = set()
    said: dict[int, list[Quote]] = {}  # by turn: a long conversation is not searched for every line
    kept = {}
    for spec, own in made.items():
        new = [_new(one, said, transcript, words) for one in own]
        kept[spec] = [one for one in new if one is not None and one.text not in seen]
        seen |= {one.text for one in kept[spec]}
        for quote in (quote for one in kept[spec] if one.verbatim for quote in quotes.kept(one.fact.evidence)):
            said.setdefault(quote.turn, []).append(quote)
    return kept


def _new(
    one: lines.Line, said: Mapping[int, Sequence[Quote]], transcript: Transcript, words: Words
) -> lines.Line | None:
    """A line without the quotes that stand in an earlier one; None if nothing is left of it. Questions stay with their
    answers."""
    own = quotes.kept(one.fact.evidence)
    left = [quote for quote in own if not any(quotes.within(quote, other) for other in said.get(quote.turn, ()))]
    if not one.verbatim or len(left) == len(own) or any("?" in quote.text for quote in own):
        return one
    if not left:
        return None
    fact = replace(one.fact, evidence=tuple(left))
    text = lines.line(fact, transcript.turns, words)
    return replace(one, text=text, fact=fact) if len(text.split()) > _LEAST_LEFT else one


def _list(spec: SectionSpec, own: Sequence[lines.Line], words: Words) -> Section:
    return Section(words.headings[spec.key], "\n".join(f"- {one.text}" for one in own), spec.key, "end")


def _joined(shape: _Shape, written: Note, listed: Sequence[Section]) -> tuple[Section, ...]:
    """Sections in the order of the shape; those without text are left out."""
    order = {key: at for at, key in enumerate(shape.keys)}
    kept = [one for one in (*written.sections, *listed) if one.text.strip()]
    return tuple(sorted(kept, key=lambda one: order.get(one.key.split(".")[0], len(order))))


@dataclass(frozen=True)
class _Source:
    """What a note of facts is mended by."""

    shape: _Shape
    talk: Conversation = field(repr=False)
    words: Words
    ways: Mapping[str, Contradicted]
    rewriter: Rewriter | None

    @property
    def tokens(self) -> int:
        """Tokens of statements that were written again."""
        return self.rewriter.tokens if self.rewriter is not None else 0


def _mended(
    sections: tuple[Section, ...], said: frozenset[str], source: _Source, facts: Sequence[Fact]
) -> tuple[tuple[Section, ...], tuple[MendingStep, ...]]:
    """Statements that the conversation contradicts are written again or left out, but none that repeats it word for
    word (said); critical facts that are missing are added."""
    steps: list[MendingStep] = []
    shape, talk, words = source.shape, source.talk, source.words
    if sections:
        checked, _ = review_sections(EncounterNote(shape.inner.name, sections), talk)
        sections = tuple(_without_wrong(one, said, source, steps) for one in checked.sections)
        sections = tuple(replace(one, statements=()) for one in sections if one.text.strip())
    pieces = split("\n\n".join(f"{one.heading}\n\n{one.text}" for one in sections))
    missing = {one.quote for one in omissions.find(facts, pieces, talk) if one.critical}
    left = [fact for fact in facts if fact.critical and fact.evidence[0] in missing]
    said_of = [(fact, shape.place(fact), lines.line(fact, talk.transcript.turns, words)) for fact in left]
    there = {line.removeprefix("- ") for one in sections for line in one.text.splitlines()}
    new = [one for one in said_of if one[2] and one[2] not in there]
    for fact, key, text in _uncontradicted(new, shape.inner, talk):
        sections = _with_line(sections, source, key, text)
        steps.append(MendingStep("added", key, text, fact.kind.value))
    return sections, tuple(steps)


def _uncontradicted(
    found: Sequence[tuple[Fact, str, str]], template: Template, talk: Conversation
) -> list[tuple[Fact, str, str]]:
    """The lines, each with its fact and the key of its section, that no check speaks against."""
    if not found:
        return []
    titles = {spec.key: spec.title.upper() for spec in template.sections}
    lone = tuple(Section(titles[key], text, key, "end") for _, key, text in found)
    checked, _ = review_sections(EncounterNote(template.name, lone), talk)
    flagged = [any(f.severity is Severity.HIGH for one in section.statements for f in one.flags)
               for section in checked.sections]  # fmt: skip
    return [one for one, wrong in zip(found, flagged, strict=True) if not wrong]


def _without_wrong(section: Section, said: frozenset[str], source: _Source, steps: list[MendingStep]) -> Section:
    text, way = section.text, source.ways.get(section.key.split(".")[0], "out")
    for one in reversed(section.statements if way != "shown" else ()):
        wrong = wrong_in(one)
        if not wrong or any(one.text in line for line in said):
            continue
        what, new = "put right", ""
        if wrong == ALLERGY_OR_INTOLERANCE:
            new = source.words.intolerance.format(one.text.rstrip("."))
        elif way == "again" and source.rewriter is not None:
            what, new = "written again", source.rewriter.again(replace(section, text=text), one)
        instead = new if what == "written again" else ""
        steps.append(MendingStep(what if new else "left out", section.key, one.text, wrong, instead))
        text = replaced(text, one, new)
    return replace(section, text=tidy(text)) if text != section.text else section


def _with_line(sections: tuple[Section, ...], source: _Source, key: str, text: str) -> tuple[Section, ...]:
    """The sections with a marked line at the end of one of them, which is made if it is not there."""
    line = f"- {source.words.added}{text}"
    for at, one in enumerate(sections):
        if one.key.split(".")[0] == key:
            return (*sections[:at], replace(one, text=f"{one.text}\n{line}"), *sections[at + 1 :])
    order = source.shape.keys
    before = [one for one in sections if order.index(one.key.split(".")[0]) < order.index(key)]
    made = Section(source.words.headings[key], line, key, "end")
    return (*before, made, *sections[len(before) :])
