"""From the spans of a conversation to facts: question and answer joined, corrections heard, repeats merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.transcript import Transcript
from edge.tagging import pairs
from edge.tagging.corrections import corrected
from edge.tagging.merging import merged
from edge.tagging.tagger import Span, Tagger
from edge.tagging.windows import of_transcript

TASK = "facts"
# Kinds of which a yes or no tells whether they are so.
_ANSWERED = {FactKind.SYMPTOM, FactKind.HISTORY, FactKind.ALLERGY, FactKind.SOCIAL, FactKind.FAMILY}
_SURE = 0.9  # of the model's own polarity: no rule speaks against it


def find_facts(tagger: Tagger, transcript: Transcript) -> list[Fact]:
    """Facts of a conversation in order of place. Raises InputError if it is too long."""
    segments = of_transcript(transcript)
    return facts_of(tagger.tag(TASK, transcript.source, segments), transcript)


def facts_of(spans: Sequence[Span], transcript: Transcript) -> list[Fact]:
    """Facts of the spans of the task TASK."""
    return merged([_fact(span, transcript) for span in spans])


def _fact(span: Span, transcript: Transcript) -> Fact:
    source, turns = transcript.source, transcript.turns
    values = span.attributes
    end = corrected(source, span.start, span.end, turns[span.segment].end)
    quote = Quote(span.segment, span.start, end, source[span.start : end])
    fact = Fact(
        FactKind(span.label),
        Polarity(values["polarity"].value),
        Subject(values["subject"].value),
        Time(values["time"].value),
        values["critical"].value == "yes",
        (quote,),
        span.score,
    )
    return _with_pair(fact, transcript, values["polarity"].score)


def _with_pair(fact: Fact, transcript: Transcript, sure: float) -> Fact:
    """The fact with the answer to its question, or the question to its answer, among its quotes."""
    source, turns = transcript.source, transcript.turns
    quote = fact.evidence[0]
    if pairs.is_short_answer(quote.text):
        asked = pairs.question_before(source, turns, quote.turn)
        return replace(fact, evidence=(quote, asked)) if asked else fact
    if not pairs.is_asked(source, turns[quote.turn], quote.end):
        return fact
    found = pairs.answer(source, turns, quote.turn)
    if found is None:
        return fact
    fact = replace(fact, evidence=(quote, pairs.quote(source, quote.turn + 1, found.start, found.end)))
    if found.yes is not None and fact.kind in _ANSWERED and sure < _SURE and fact.polarity != Polarity.UNCERTAIN:
        polarity = Polarity.DENIED if pairs.denied(quote.text, found.yes) else Polarity.AFFIRMED
        return replace(fact, polarity=polarity)
    return fact
