"""From the spans of a conversation to facts: question and answer joined, repeats merged, rules where they are surer."""

from __future__ import annotations

from collections.abc import Sequence

from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.transcript import Transcript
from edge.tagging.tagger import Span, Tagger
from edge.tagging.windows import of_transcript

TASK = "facts"


def find_facts(tagger: Tagger, transcript: Transcript) -> list[Fact]:
    """Facts of a conversation in order of place. Raises InputError if it is too long."""
    segments = of_transcript(transcript)
    return facts_of(tagger.tag(TASK, transcript.source, segments), transcript)


def facts_of(spans: Sequence[Span], transcript: Transcript) -> list[Fact]:
    """Facts of the spans of the task TASK."""
    return [_fact(span, transcript) for span in spans]


def _fact(span: Span, transcript: Transcript) -> Fact:
    values = span.attributes
    quote = Quote(span.segment, span.start, span.end, transcript.source[span.start : span.end])
    return Fact(
        FactKind(span.label),
        Polarity(values["polarity"].value),
        Subject(values["subject"].value),
        Time(values["time"].value),
        values["critical"].value == "yes",
        (quote,),
        span.score,
    )
