"""Taggers as rows of the ladder of strategies: fields as `edgescribe extract` finds them, scored as every other answer.

"tagger" loads no language model; "judge" has a language model judge the tagger's doubtful spans.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.contract.bundle import Bundle, verify_bundle
from edge.contract.events import EngineEvent, Finished
from edge.contract.prompts import Prompt
from edge.contract.schemas import FIELD_KEYS
from edge.engine.base import Engine, EngineInfo, Request
from edge.errors import InputError, UsageError
from edge.extraction import judge, tagged
from edge.tagging.onnx import open_tagger
from edge.tasks.extract import Extraction, ExtractionFinished
from training.answering import Written
from training.sources import TrainingDocument

STRATEGIES = ("tagger", "judge")


class TaggerOnly:
    """What stands where an engine is asked for: it says which bundle works, and writes nothing."""

    def __init__(self, bundle: Bundle) -> None:
        manifest = bundle.manifest
        self._info = EngineInfo(
            manifest.name, bundle.sha256, manifest.prompt_format, manifest.prompt_version, manifest.context_length,
            manifest.runtime, manifest.purpose, bundle.signed_by,
        )  # fmt: skip

    @property
    def info(self) -> EngineInfo:
        return self._info

    def count(self, prompt: Prompt) -> int:
        return 0

    def stream(self, request: Request) -> Iterator[EngineEvent]:
        raise UsageError("A tagger writes no text.", "", "Choose a set of reports.")

    def cancel(self) -> None:
        """Nothing is being written."""

    def close(self) -> None:
        """Nothing is held."""


def writer(
    strategy: str, tagger_bundle: Path | None, threads: int = 0
) -> Callable[[Engine, TrainingDocument], Written]:
    """Writes the fields of a report by a strategy. Raises UsageError without a tagger, BundleError."""
    if tagger_bundle is None:
        raise UsageError(f"--strategy {strategy} needs a tagger.", "", "Give --tagger DIR.")
    tagger = open_tagger(verify_bundle(tagger_bundle), threads)

    def write(engine: Engine, document: TrainingDocument) -> Written:
        if document.tasks[0].name != "extract":
            raise UsageError("A tagger of fields reads reports.", "", "Give a set of reports, such as elmtex-valid.")
        started, tokens = time.perf_counter(), 0
        try:
            if strategy == "tagger":
                found: Extraction | None = tagged.extract(tagger, document.raw)
            else:
                found = None
                for event in judge.extract(tagger, engine, document.raw):
                    tokens += event.generated_tokens if isinstance(event, Finished) else 0
                    found = event.extraction if isinstance(event, ExtractionFinished) else found
        except InputError as error:
            return Written(document.id, "", ("error",), 0, time.perf_counter() - started, error.what)
        assert found is not None
        return Written(document.id, as_json(found), ("end",), tokens, time.perf_counter() - started)

    return write


def as_json(extraction: Extraction) -> str:
    """Fields as an answer: the same words once a field."""
    fields: dict[str, dict[str, str]] = {key: {} for key in FIELD_KEYS}
    for key in FIELD_KEYS:
        for entry in extraction.fields.get(key, ()):
            fields[key].setdefault(" ".join(entry.text.casefold().split()), entry.text)
    return json.dumps({key: list(words.values()) for key, words in fields.items()}, ensure_ascii=False)
