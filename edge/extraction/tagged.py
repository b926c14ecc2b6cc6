"""Fields by a tagger: spans of an encoder, completed by the rules of edge.clinical. No language model is loaded."""

from __future__ import annotations

import time
from dataclasses import replace

from edge.clinical.entries import Phrase, assemble
from edge.clinical.language import language
from edge.contract.schemas import FIELD_KEYS
from edge.contract.tagging import TaggerTask
from edge.errors import BundleError, InputError
from edge.reading.reports import unwrapped
from edge.tagging.tagger import MAX_CHARACTERS, Span, Tagger
from edge.tagging.windows import of_report
from edge.tasks.extract import Extraction

TASK = "fields"


def report_task(tagger: Tagger) -> TaggerTask:
    """The task of a tagger that reads reports: the one called "fields", else its only one. Raises BundleError."""
    named = tagger.spec.task(TASK)
    others = [task for task in tagger.spec.tasks if task.source == "report"]
    found = named or (others[0] if len(others) == 1 else None)
    if found is None:
        raise BundleError(
            "The tagger reads no reports.",
            f"Its tasks: {', '.join(task.key for task in tagger.spec.tasks)}.",
            "Use a bundle with the task 'fields'.",
        )
    return found


def check_report(report: str) -> None:
    """Raises InputError for a report that is empty, too long, or in neither of the languages that taggers know."""
    if not report.strip():
        raise InputError("The report is empty.")
    if len(report) > MAX_CHARACTERS:
        raise InputError(
            "The report is too long.",
            f"It has {len(report):,} characters, {MAX_CHARACTERS:,} are read at most.",
            "Split it.",
        )
    if language(report) == "other":
        raise InputError(
            "The report is in neither English nor German, as far as its words tell.",
            "Fields of it would be guesses.",
            "Give a report in one of the two languages.",
        )


def extract(tagger: Tagger, report: str) -> Extraction:
    """Fields of a report. Raises InputError if it is empty, too long or in another language, BundleError."""
    check_report(report)
    task = report_task(tagger)
    started = time.perf_counter()
    read = unwrapped(report)
    spans = tagger.tag(task.key, read, of_report(read))
    return as_written(finished(task, read, spans, started), report)


def as_written(extraction: Extraction, report: str) -> Extraction:
    """The extraction from a report's unwrapped lines with the words as they stand in the report."""
    fields = {
        key: tuple(
            entry if entry.start is None else replace(entry, text=report[entry.start : entry.end]) for entry in entries
        )
        for key, entries in extraction.fields.items()
    }
    return replace(extraction, fields=fields)


def finished(task: TaggerTask, report: str, spans: list[Span], started: float) -> Extraction:
    """The extraction that spans make. started: time.perf_counter() when it began."""
    keys = tuple(label.key for label in task.labels)
    own = FIELD_KEYS if set(keys) == set(FIELD_KEYS) else keys
    found = assemble(report, [Phrase(span.label, span.start, span.end, span.score) for span in spans], own)
    fields = {key: found[key] for key in own}
    return Extraction(fields, False, 0, 0, time.perf_counter() - started, "end")
