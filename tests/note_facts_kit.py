"""Facts of a conversation written in a test, and the lines that are made of them."""

from __future__ import annotations

from edge.composing import lines
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.transcript import Transcript
from edge.evidence.conversation import converse
from edge.reading.conversation import parse

Said = tuple[FactKind, str, Time]


def facts(talk: Transcript, *said: Said) -> list[Fact]:
    """A fact each, at the first place where its words stand."""
    found = []
    for kind, words, time in said:
        start = talk.source.index(words)
        turn = next(n for n, one in enumerate(talk.turns) if one.start <= start < one.end)
        quote = Quote(turn, start, start + len(words), words)
        found.append(Fact(kind, Polarity.AFFIRMED, Subject.PATIENT, time, True, (quote,)))
    return found


def written(source: str, *said: Said) -> list[str]:
    """The lines of a conversation's facts, as a note has them."""
    talk = parse(source)
    made = lines.prepared(facts(talk, *said), converse(talk))
    return [one.text for one in lines.lines(made, tuple(FactKind), talk.turns)]
