"""Training data for writing a section from its own turns: visits cut to the turns that each section's facts stand in.

A section's answer is what the reference note says in it, statement by statement; its document is the turns that those
statements stand on, by the annotated facts, or by shared words where a statement has none. A statement that nothing
supports is left out. In two of three samples a quarter of the turns is dropped, or as many foreign ones are added:
then the statements whose turns are gone go, too, so that a model learns to leave out and never to fill up.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from edge.contract import prompts, section_turns, templates
from edge.contract.transcript import Turn
from edge.evidence import statements
from edge.evidence.statements import Piece
from edge.reading import conversation as talk
from training import divisions, facts, gold, sources
from training.gold import GoldFact, GoldVisit
from training.sources import Task, TrainingDocument

NOISE = 0.25  # share of a section's turns that is dropped or added
_SHARED = 0.5  # share of a statement's content words that its turn must hold where no fact says which turn it is
_SECTION = {
    "complaint": "chief_complaint", "past": "past_history", "medications": "medications", "allergies": "allergies",
    "family": "family_history", "social": "social_history", "ros": "review_of_systems",
    "exam": "physical_examination", "vitals": "physical_examination", "results": "results",
    "assessment": "assessment_and_plan", "plan": "assessment_and_plan", "assessment_plan": "assessment_and_plan",
}  # fmt: skip
_APART = frozenset({"allergies", "family_history", "social_history", "past_history", "medications"})


@dataclass(frozen=True)
class _Stated:
    """A statement of a note with its section and the turns that it stands on; all of first must be there for it."""

    piece: Piece
    key: str
    turns: frozenset[int]
    first: frozenset[int]


@dataclass(frozen=True)
class _Visit:
    document: TrainingDocument
    turns: Sequence[Turn]
    stated: tuple[_Stated, ...]


def sections(folder: Path, split: str) -> list[TrainingDocument]:
    """Narrow sections (template "sections"), each from its own turns, and for each visit one that says "None."."""
    return [one for visit in _visits(folder, split) for one in _sections(visit, split)]


def own_divisions(folder: Path, split: str) -> list[TrainingDocument]:
    """Divisions of the visit note (template "visit"), each from its own turns."""
    specs = templates.get("visit").sections
    found = []
    for visit in _visits(folder, split):
        for spec in specs:
            chosen = [s for s in visit.stated if section_turns.DIVISION_OF[s.key] == spec.key]
            if one := _sample(visit, spec.key, spec.instruction, chosen, split, headings=True):
                found.append(replace(one, source="own_divisions"))
    return found


def statement_pairs(folder: Path, split: str) -> list[TrainingDocument]:
    """Single statements: the turns of a statement's facts, and the statement as the note words it."""
    found = []
    for visit in _visits(folder, split):
        for number, one in enumerate(s for s in visit.stated if s.first):
            text = prompts.turns_document(visit.turns, one.turns)
            if not _supported(one.piece.text, text):
                continue
            task = Task("statement", prompts.STATEMENT_INSTRUCTION, one.piece.text, one.key)
            name = f"{visit.document.id}-statement-{number}"
            found.append(TrainingDocument(name, "statements", split, text, (task,), visit.document.lang, text))
    return found


def german_sections(folder: Path, split: str) -> list[TrainingDocument]:
    """The sections of the German visits, so that a mix can hold more of them."""
    german = [visit for visit in _visits(folder, split) if visit.document.lang == "de"]
    return [one for visit in german for one in _sections(visit, split)]


@lru_cache(maxsize=2)  # read for each of the sets that are made from them
def _visits(folder: Path, split: str) -> tuple[_Visit, ...]:
    documents = sources.aci(folder, split)
    if split == "train":
        documents += sources.synthetic_visits(folder, split)
    known = gold.read(folder, split)
    return tuple(_visit(document, known[document.id]) for document in documents if document.id in known)


def _visit(document: TrainingDocument, known: GoldVisit) -> _Visit:
    turns = talk.parse(document.raw).turns
    lines = gold.line_turns(document.raw)
    placed = [replace(fact, turns=tuple(dict.fromkeys(lines[n] for n in fact.turns))) for fact in known.facts]
    spans = [(at, at + len(f.in_note), f) for f in placed if f.in_note and (at := document.note.find(f.in_note)) >= 0]
    words = [facts.content_words(turn.text) for turn in turns]
    stated = []
    for piece in statements.split(document.note):
        if any(text and text in piece.text for text in known.unsupported):
            continue
        own = [fact for start, end, fact in spans if start < piece.end and piece.start < end]
        every, first = _turns(own, piece, words)
        every |= _holding(piece.text, turns, every)
        if every:
            stated.append(_Stated(piece, _key(piece, own), every, first))
    return _Visit(document, turns, tuple(stated))


def _turns(own: Sequence[GoldFact], piece: Piece, words: Sequence[set[str]]) -> tuple[frozenset[int], frozenset[int]]:
    """All turns of a statement, and those without which it can't be said; without facts, by shared words."""
    if own:
        return frozenset(n for f in own for n in f.turns), frozenset(f.turns[0] for f in own if f.turns)
    wanted = facts.content_words(piece.text)
    best = max(range(len(words)), key=lambda n: (len(wanted & words[n]), -n), default=-1)
    if best < 0 or len(wanted & words[best]) < max(2, _SHARED * len(wanted)):
        return frozenset(), frozenset()
    return frozenset({best}), frozenset({best})


def _supported(text: str, document: str) -> bool:
    """True if the document holds every number and drug of a text: what it lacks must not be taught.

    A dose's unit may be left unsaid, as people do ("eighty a day").
    """
    return not (facts.unsupported_numbers(text, document) or facts.unsupported_drugs(text, document))


def _holding(text: str, turns: Sequence[Turn], known: frozenset[int]) -> frozenset[int]:
    """Turns, the first of each, that hold drugs and numbers of a statement which its own turns lack."""
    if not known:
        return known
    own = "\n".join(turns[n].text for n in sorted(known))
    found = set()
    for drug in facts.unsupported_drugs(text, own):
        found.update([n for n, turn in enumerate(turns) if drug in facts.drugs(turn.text)][:1])
    if facts.unsupported_numbers(text, own):
        around = {n + step for n in known for step in (-1, 1) if 0 <= n + step < len(turns)}
        found |= {n for n in around if set(facts.numbers(text)) & facts.readings(turns[n].text)}
    return frozenset(found)


def _key(piece: Piece, own: Sequence[GoldFact]) -> str:
    """Section of a statement: by the heading it stands under; in the history, and where there is none, by its facts."""
    if piece.section in _SECTION:
        return _SECTION[piece.section]
    keys = {section_turns.section_of(fact) for fact in own}
    if len(keys) == 1 and keys <= _APART:
        return keys.pop()
    if piece.section == "history" or not keys:
        return "history_of_present_illness"
    return next((key for key in section_turns.DIVISION_OF if key in keys), "history_of_present_illness")


def _sections(visit: _Visit, split: str) -> Iterator[TrainingDocument]:
    specs = templates.get("sections").sections
    absent = []
    for spec in specs:
        chosen = [s for s in visit.stated if s.key == spec.key]
        one = _sample(visit, spec.key, spec.instruction, chosen, split)
        if one:
            yield one
        else:
            absent.append(spec)
    rng = random.Random(f"{visit.document.id}-none")
    if absent and len(visit.turns) > 1:
        spec = rng.choice(absent)
        text = prompts.turns_document(visit.turns, rng.sample(range(len(visit.turns)), min(4, len(visit.turns))))
        task = Task("own", spec.instruction, prompts.ABSENT, spec.key)
        yield TrainingDocument(
            f"{visit.document.id}-{spec.key}", "sections", split, text, (task,), visit.document.lang, text
        )


def _sample(
    visit: _Visit, key: str, instruction: str, chosen: Sequence[_Stated], split: str, headings: bool = False
) -> TrainingDocument | None:
    """One section from its own turns, some of them dropped or foreign ones added; None if the note has no such one."""
    own = sorted({n for s in chosen for n in s.turns})
    if not own:
        return None
    document = visit.document
    rng = random.Random(f"{document.id}-{key}-{headings}")
    change = rng.choice(("none", "drop", "add")) if split == "train" else "none"
    count = max(1, round(NOISE * len(own)))
    shown = set(own)
    if change == "drop" and len(own) > 1:
        shown -= set(rng.sample(own, min(count, len(own) - 1)))
    elif change == "add":
        foreign = [n for n in range(len(visit.turns)) if n not in shown]
        shown |= set(rng.sample(foreign, min(count, len(foreign))))
    text = prompts.turns_document(visit.turns, shown)
    kept = [s.piece for s in chosen if s.first <= shown and _supported(s.piece.text, text)]
    target = rebuilt(document.note, kept, headings) or prompts.ABSENT
    task = Task("own", instruction, target, key)
    return TrainingDocument(f"{document.id}-{key}", "sections", split, text, (task,), document.lang, text)


def rebuilt(note: str, kept: Sequence[Piece], headings: bool) -> str:
    """The statements as the note lays them out: its lines, their bullets and numerals; headings where asked for."""
    lines: list[str] = []
    at = 0
    for line in note.split("\n"):
        inside = [piece for piece in kept if at <= piece.start < at + len(line) + 1]
        if inside:
            opening = note[at : inside[0].start].strip()
            whole = opening if opening and not opening[-1].isalnum() and len(opening) < 4 else ""
            lines.append(" ".join(filter(None, (whole, *(" ".join(piece.text.split()) for piece in inside)))))
        elif headings and divisions.heading(line):
            lines.append(f"\n{divisions.heading(line)}\n")
        at += len(line) + 1
    return _without_empty_headings("\n".join(lines))


def _without_empty_headings(text: str) -> str:
    lines = [line for line in text.split("\n") if line.strip()]
    kept = [
        line for line, after in zip(lines, [*lines[1:], ""], strict=False)
        if not divisions.heading(line) or (after and not divisions.heading(after))
    ]  # fmt: skip
    parts = [f"\n{line}\n" if divisions.heading(line) else line for line in kept]
    return divisions.normalise("\n".join(parts))
