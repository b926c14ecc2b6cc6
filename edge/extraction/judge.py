"""A tagger whose doubtful spans a language model judges: one question a span, answered yes or no under a grammar.

The report is read once by the model; each question costs some thirty tokens more. Only spans near their label's
threshold are asked about, the nearest first, at most QUESTIONS of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from edge.clinical.language import is_german
from edge.contract import prompts
from edge.contract.events import EngineEvent, Finished
from edge.contract.schemas import ELMTEX, FieldSchema
from edge.engine.base import Engine, Request
from edge.engine.constrain import YES_OR_NO
from edge.extraction.tagged import as_written, check_report, finished, report_task
from edge.reading.reports import unwrapped
from edge.tagging.tagger import Span, Tagger
from edge.tagging.windows import of_report
from edge.tasks.extract import ExtractionFinished
from edge.text import one_line

DOUBT = 0.12  # of the threshold, to either side
QUESTIONS = 24
_ANSWER = 4  # tokens
_PHRASE = 200  # characters


def extract(
    tagger: Tagger, engine: Engine, report: str, schema: FieldSchema = ELMTEX
) -> Iterator[EngineEvent | ExtractionFinished]:
    """Yield the model's events, then ExtractionFinished. Raises InputError, BundleError, EngineError.

    A cancelled question ends the asking: the spans not asked about count as the tagger has them.
    """
    check_report(report)
    started = time.perf_counter()
    task = report_task(tagger)
    written, report = report, unwrapped(report)
    reading = tagger.read(of_report(report))
    every = [candidate.span for candidate in tagger.candidates(task.key, report, reading)]
    least = task.least(is_german(report))
    kept = {id(span) for span in every if span.score >= least[span.label]}
    doubtful = sorted(
        (span for span in every if abs(span.score - least[span.label]) <= DOUBT),
        key=lambda span: abs(span.score - least[span.label]),
    )
    for span in doubtful[:QUESTIONS]:
        answer = None
        for event in engine.stream(Request(_question(engine, report, span, schema), _ANSWER, YES_OR_NO)):
            yield event
            answer = event if isinstance(event, Finished) else answer
        if answer is None or answer.reason == "cancelled":
            break
        (kept.add if answer.text.strip() == "yes" else kept.discard)(id(span))
    spans = [span for span in every if id(span) in kept]
    yield ExtractionFinished(as_written(finished(task, report, spans, started), written))


def _question(engine: Engine, report: str, span: Span, schema: FieldSchema) -> prompts.Prompt:
    field = next((one for one in schema.fields if one.key == span.label), None)
    what = f"{field.label} ({field.definition})" if field else span.label
    phrase = one_line(report[span.start : span.end], _PHRASE)
    words = f'Does the phrase "{phrase}" of this report belong under the field {what}? Answer yes or no.'
    info = engine.info
    return prompts.render(info.prompt_format, prompts.report_document(report), words, info.prompt_version)
