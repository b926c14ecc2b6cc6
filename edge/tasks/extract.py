"""Clinical report in, the 15 ELMTEX fields out: JSON under a grammar whose entries stand verbatim in the report."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from edge.contract import prompts
from edge.contract.events import EngineEvent, Finished, StopReason
from edge.contract.fields import FieldEntry, Fields
from edge.contract.schemas import ELMTEX, FieldSchema, extraction_instruction
from edge.engine.base import Engine, Request
from edge.engine.constrain import extraction_grammar
from edge.errors import InputError, OutputError
from edge.reading.reports import for_model

FRAME_TOKENS = 300  # the 15 keys take about 170
TOKENS_A_TOKEN = 1.5  # of answer for one of report; people's annotations take at most 0.94 (113 training reports)
MIN_SCORE = 0.75  # below it a closest passage is no place to point at
_EMPTY = re.compile(r'"(\w+)":\s*\[')


@dataclass(frozen=True)
class Extraction:
    """All 15 fields (empty tuples where nothing was found).

    incomplete: fields or entries may be missing. stop: why, as the engine says it ("loop": a list that began to repeat
    was closed and the next field begun); "schema" if the answer lacks a field all the same.
    """

    fields: dict[str, tuple[FieldEntry, ...]]
    incomplete: bool
    prompt_tokens: int
    generated_tokens: int
    seconds: float
    stop: StopReason | Literal["schema"]

    @property
    def content(self) -> Fields:
        """The fields as they are kept."""
        return Fields(self.fields)


@dataclass(frozen=True)
class ExtractionFinished:
    """Last event of extract_fields."""

    extraction: Extraction


def extract_fields(
    engine: Engine, report: str, schema: FieldSchema = ELMTEX, *, instruction: str = "", shown: str = ""
) -> Iterator[EngineEvent | ExtractionFinished]:
    """Yield progress and raw text, then ExtractionFinished. report: sanitised text; offsets refer to it.

    instruction: other words for the task than the trained ones. shown: worked examples that stand before the report.
    Raises InputError if the report is empty or too long, OutputError if the answer breaks the schema.
    """
    if not report.strip():
        raise InputError("The report is empty.")
    read = for_model(report)  # of the same length: a place in one is a place in the other
    document = shown + prompts.report_document(read)
    task = instruction or extraction_instruction(schema)
    prompt = prompts.render(engine.info.prompt_format, document, task, engine.info.prompt_version)
    room = engine.info.context_length - engine.count(prompt)
    if room < 200:
        raise InputError(
            "The report is too long for this model.",
            f"It leaves room for {max(room, 0)} tokens of the {engine.info.context_length:,} that the model holds.",
            "Split the report, or use a bundle with a longer context.",
        )
    started = time.perf_counter()
    limit = min(answer_tokens(engine, prompt), room)
    for event in engine.stream(Request(prompt, limit, extraction_grammar(read.strip(), schema.keys))):
        yield event
        if isinstance(event, Finished):
            fields, whole = read_answer(event, schema)
            yield ExtractionFinished(
                Extraction(
                    {
                        key: tuple(verbatim(entry, report) for entry in locate_all(fields.get(key, []), read))
                        for key in schema.keys
                    },
                    not whole or event.reason != "end",
                    event.prompt_tokens,
                    event.generated_tokens,
                    time.perf_counter() - started,
                    event.reason if whole or event.reason != "end" else "schema",
                )
            )


def verbatim(entry: FieldEntry, report: str) -> FieldEntry:
    """An entry that was found word for word, with its words as they stand in the report, line breaks and all."""
    if entry.start is None or entry.score < 1.0:
        return entry
    return replace(entry, text=report[entry.start : entry.end])


def answer_tokens(engine: Engine, prompt: prompts.Prompt) -> int:
    """Most tokens that an extraction may take: each phrase of a report belongs under about one field."""
    return FRAME_TOKENS + int(TOKENS_A_TOKEN * engine.count(prompts.Prompt(prompt.document, ())))


def read_answer(done: Finished, schema: FieldSchema = ELMTEX) -> tuple[dict[str, list[str]], bool]:
    """Return the fields of what an engine wrote, as the product shows them, and whether the answer was whole.

    Raises OutputError if the text is not a (possibly cut) answer of the schema.
    """
    fields, whole = parse_answer(done.text, schema)
    if done.reason == "loop":
        fields = {key: without_stump(entries) for key, entries in fields.items()}
    return fields, whole


def parse_answer(text: str, schema: FieldSchema = ELMTEX) -> tuple[dict[str, list[str]], bool]:
    """Return the fields of an answer and whether it was whole. A cut answer keeps its complete entries.

    Raises OutputError if the text is not a (possibly cut) answer of the schema.
    """
    try:
        raw, whole = json.loads(text), True
    except json.JSONDecodeError:
        raw, whole = _repair(text), False
    if not isinstance(raw, dict) or not set(raw) <= set(schema.keys):
        raise OutputError(
            "The model's extraction does not follow the schema.", "", "Use a bundle trained for extraction."
        )
    fields: dict[str, list[str]] = {}
    for key, entries in raw.items():
        if not isinstance(entries, list) or not all(isinstance(e, str) for e in entries):
            raise OutputError(f"The model's extraction holds no list under {key!r}.")
        fields[key] = list(dict.fromkeys(e.strip() for e in entries if e.strip()))
    return fields, whole and set(raw) == set(schema.keys)


def without_stump(entries: list[str]) -> list[str]:
    """The entries of a list that was closed as it began to repeat one of them: the started repeat is no entry."""
    *before, last = entries or [""]
    stump = any(entry.startswith(last) for entry in before)
    return before if stump else entries


def _repair(text: str) -> dict[str, list[str]]:
    """Complete entries of an answer that was cut off."""
    fields: dict[str, list[str]] = {}
    starts = list(_EMPTY.finditer(text))
    for i, start in enumerate(starts):
        body = text[start.end() : starts[i + 1].start() if i + 1 < len(starts) else len(text)]
        fields[start[1]] = [json.loads(s) for s in re.findall(r'"(?:[^"\\]|\\.)*"', body)]
    return fields


def locate_all(entries: list[str], report: str) -> list[FieldEntry]:
    """Place entries in the report: exact, else the closest passage with its score, else without a place."""
    placed = []
    after = 0
    for text in entries:
        start = report.find(text, after)
        start = start if start >= 0 else report.find(text)
        if start >= 0:
            after = start
            placed.append(FieldEntry(text, start, start + len(text), 1.0))
        else:
            placed.append(_closest(text, report))
    return placed


def _closest(text: str, report: str) -> FieldEntry:
    from rapidfuzz import fuzz

    found = fuzz.partial_ratio_alignment(text.lower(), report.lower())
    same_length = len(report.lower()) == len(report)  # a few letters ("İ") grow in lower case; offsets would be off
    if found is None or not same_length or found.score / 100 < MIN_SCORE:
        return FieldEntry(text, None, None, round(found.score / 100, 3) if found is not None else 0.0)
    return FieldEntry(text, found.dest_start, found.dest_end, round(found.score / 100, 3))


def elmtex(extraction: Extraction) -> dict[str, str]:
    """The printed ELMTEX form: entries joined by "; ", "N/A" where a field is empty."""
    return {key: "; ".join(e.text for e in entries) or "N/A" for key, entries in extraction.fields.items()}
