"""Training data for wording one fact: what was said of it, and the line of a note that states it.

Documents are the quotes of the annotated facts (the data folder's facts/), targets their statements. The tagger's spans
are often longer than people's quotes: in two of five training samples each quote is longer by up to eight words of its
turn on either side, with the same line to write. A statement that names a number or drug which its quotes lack, or
whose words mostly stand elsewhere, is left out: it would teach to add.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from edge.contract import prompts
from edge.contract.facts import Polarity
from edge.contract.transcript import Transcript, Turn, render
from edge.evidence.reading import read
from edge.reading import conversation as talk
from training import facts, gold, sources
from training.gold import GoldFact
from training.sources import Task, TrainingDocument

_LONGER = 0.4  # share of training samples whose quotes are longer than people's
_WORDS = 8
_HELD = 0.65  # share of a statement's words of content that its quotes must hold


def _document(said: Iterable[tuple[str, str]]) -> str:
    """What was said of one fact: (speaker, words) in the order spoken."""
    turns = tuple(Turn(speaker, words, 0, 0) for speaker, words in said)
    return prompts.conversation_document(render(Transcript("", turns)))


def _instruction(fact: GoldFact) -> str:
    """The task, by the kind and polarity of the fact."""
    label = fact.kind.value.replace("_", " ")
    if fact.polarity is not Polarity.AFFIRMED:
        label += f", {fact.polarity.value}"
    return f"Word this as one line of the clinical note ({label})."


def wordings(folder: Path, split: str) -> list[TrainingDocument]:
    """One document a fact. Raises TrainingError."""
    documents = sources.aci(folder, split)
    if split == "train":
        documents += sources.synthetic_visits(folder, split)
    known = gold.read(folder, split)
    found = []
    for document in documents:
        if document.id not in known:
            continue
        turns, lines = talk.parse(document.raw).turns, gold.line_turns(document.raw)
        for number, fact in enumerate(known[document.id].facts):
            name = f"{document.id}-line-{number}"
            said = _said(fact, turns, lines, random.Random(name) if split == "train" else None)
            text = _document(said)
            if said and _holds(" ".join(words for _, words in said), fact.statement):
                task = Task("line", _instruction(fact), fact.statement, fact.kind.value)
                found.append(TrainingDocument(name, "wordings", split, text, (task,), document.lang, text))
    return found


def _said(
    fact: GoldFact, turns: Sequence[Turn], lines: Sequence[int], rng: random.Random | None
) -> list[tuple[str, str]]:
    """(speaker, words) of the quotes that stand in their turn, in the order spoken; longer by chance."""
    placed = []
    longer = rng is not None and rng.random() < _LONGER
    for line, quote in fact.quotes:
        turn = lines[line]
        start = turns[turn].text.find(quote)
        if start < 0:
            return []
        end = start + len(quote)
        if longer and rng is not None:
            start, end = _extended(turns[turn].text, start, end, rng)
        placed.append((turn, start, turns[turn].text[start:end]))
    return [(turns[turn].speaker, words) for turn, _, words in sorted(placed)]


def _extended(text: str, start: int, end: int, rng: random.Random) -> tuple[int, int]:
    before, behind = text[:start].split(" "), text[end:].split(" ")
    left, right = rng.randint(0, _WORDS), rng.randint(0, _WORDS)
    start -= len(" ".join(before[-left - 1 :])) if left else 0
    end += len(" ".join(behind[: right + 1])) if right else 0
    return max(0, start), min(len(text), end)


def _holds(said: str, statement: str) -> bool:
    """Whether the quotes hold the statement: its numbers and drugs, and most of its words."""
    if facts.unsupported_numbers(statement, said) or facts.unsupported_drugs(statement, said):
        return False
    wanted, held = set(read(statement).features), set(read(said).features)
    return bool(wanted) and len(wanted & held) >= _HELD * len(wanted)
