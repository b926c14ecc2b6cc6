"""From the spans of a conversation to facts: question and answer joined, corrections heard, repeats merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.transcript import Transcript
from edge.tagging import pairs
from edge.tagging.corrections import corrected
from edge.tagging.lists import framed
from edge.tagging.merging import merged, says_something
from edge.tagging.polarity import worded
from edge.tagging.tagger import Span, Tagger
from edge.tagging.windows import of_transcript

TASK = "facts"
# Kinds of which a yes or no tells whether they are so; asked and not answered, they are no facts. What is asked at the
# examination ("is that painful?") is answered by what is seen, too.
_ASKED = {FactKind.SYMPTOM, FactKind.HISTORY, FactKind.ALLERGY, FactKind.SOCIAL, FactKind.FAMILY}
_ANSWERED = _ASKED | {FactKind.EXAM}


def find_facts(tagger: Tagger, transcript: Transcript) -> list[Fact]:
    """Facts of a conversation in order of place. Raises InputError if it is too long."""
    segments = of_transcript(transcript)
    return facts_of(tagger.tag(TASK, transcript.source, segments), transcript)


def facts_of(spans: Sequence[Span], transcript: Transcript) -> list[Fact]:
    """Facts of the spans of the task TASK."""
    found = [fact for span in spans if says_something((fact := _fact(span, transcript)).evidence[0].text)]
    return framed(merged(_answered(found, transcript)), transcript.source)


def _fact(span: Span, transcript: Transcript) -> Fact:
    source, values = transcript.source, span.attributes
    end = corrected(source, span.start, span.end, transcript.turns[span.segment].end)
    return Fact(
        FactKind(span.label),
        Polarity(values["polarity"].value),
        Subject(values["subject"].value),
        Time(values["time"].value),
        values["critical"].value == "yes",
        (Quote(span.segment, span.start, end, source[span.start : end]),),
        span.score,
    )


def _answered(facts: Sequence[Fact], transcript: Transcript) -> list[Fact]:
    """The facts with their questions and answers. What was asked and not answered is no fact; what was asked and is
    told in the answer is that fact, with the question as a further quote."""
    told = {(fact.kind, fact.evidence[0].turn) for fact in facts}
    asked: dict[tuple[FactKind, int], Quote] = {}
    kept: list[Fact] = []
    for fact in facts:
        quote = fact.evidence[0]
        if (question := asked.get((fact.kind, quote.turn))) is not None and question.turn == quote.turn - 1:
            fact = replace(fact, evidence=(*fact.evidence, question))
            del asked[fact.kind, quote.turn]
        answer = _answer(fact, transcript)
        if fact.kind in _ANSWERED and answer is not None:
            if fact.kind in _ASKED and (answer.yes is None or (fact.kind, quote.turn + 1) in told):
                asked.setdefault((fact.kind, quote.turn + 1), quote)
                continue
            if answer.yes is not None and fact.polarity is not Polarity.UNCERTAIN:
                denied = pairs.denied(quote.text, answer.yes)
                fact = replace(fact, polarity=Polarity.DENIED if denied else Polarity.AFFIRMED)
        kept.append(_with_pair(worded(fact) if answer is None else fact, answer, transcript))
    return kept


def _answer(fact: Fact, transcript: Transcript) -> pairs.PairAnswer | None:
    """The answer to a fact that is asked; without words of its own where there is none; None if it is not asked."""
    quote = fact.evidence[0]
    source, turns = transcript.source, transcript.turns
    if not pairs.is_asked(source, turns[quote.turn], quote.end):
        return None
    found = pairs.answer(source, turns, quote.turn)
    if found is None and "?" not in source[quote.end : turns[quote.turn].end]:
        return None  # the last words of a turn, and nobody answers: a statement
    return found or pairs.PairAnswer(None, quote.end, quote.end)


def _with_pair(fact: Fact, answer: pairs.PairAnswer | None, transcript: Transcript) -> Fact:
    """The fact with the answer to its question, or the question to its answer, among its quotes."""
    source, turns = transcript.source, transcript.turns
    quote = fact.evidence[0]
    if pairs.is_short_answer(quote.text):
        asked = pairs.question_before(source, turns, quote.turn)
        return replace(fact, evidence=(*fact.evidence, asked)) if asked else fact
    if answer is None or answer.end <= answer.start:
        return fact
    return replace(fact, evidence=(*fact.evidence, pairs.quote(source, quote.turn + 1, answer.start, answer.end)))
