"""Which tools extract the fields of a report, opening them, and the extraction itself. Under both doors.

Strategies, after the ELMTEX study (Guluzade et al. 2025): "naive", "advanced" and "examples" prompt a language model,
"tuned" gives a tuned one the instruction that it was trained with; "tagger" loads no language model; "judge" is the
tagger with a language model that judges its doubtful spans.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edge import paths
from edge.clinical.entries import with_attributes
from edge.contract.bundle import read_manifest, verify_bundle
from edge.contract.document import Document
from edge.contract.origin import Origin
from edge.contract.schemas import ELMTEX, FieldSchema, naive_instruction
from edge.encounters import writing
from edge.encounters.writing import Scribe
from edge.engine.base import EngineInfo
from edge.engine.repeats import DECODING
from edge.errors import BundleError, UsageError
from edge.extraction import examples as worked
from edge.tagging.installed import tagger_folder
from edge.tasks.extract import Extraction, ExtractionFinished, extract_fields

if TYPE_CHECKING:
    from edge.tagging.tagger import Tagger

Strategy = Literal["naive", "advanced", "examples", "tuned", "tagger", "judge"]
STRATEGIES: tuple[Strategy, ...] = ("naive", "advanced", "examples", "tuned", "tagger", "judge")
_TASK = "fields"


@dataclass(frozen=True)
class Wish:
    """What somebody asks for. strategy, bundle: None for the best there is. schema: the fields. threads: of the
    models; 0 for what this process may use."""

    strategy: Strategy | None = None
    bundle: str | None = None
    allow_unsigned: bool = False
    schema: FieldSchema = ELMTEX
    examples: Path | None = None
    threads: int = 0


@dataclass
class Extractor:
    """The open tools of one strategy. Close it, or use it as a context manager."""

    strategy: Strategy
    schema: FieldSchema
    info: EngineInfo
    tagger: Tagger | None = field(default=None, repr=False)
    scribe: Scribe | None = field(default=None, repr=False)
    examples: list[worked.Example] = field(default_factory=list, repr=False)
    fallback: bool = False  # the language model serves because there is no tagger

    @classmethod
    def open(cls, wish: Wish, progress: Callable[[int, int], None] | None = None) -> Extractor:
        """Verify and load what the strategy needs. Raises UsageError, BundleError, EngineError, InputError."""
        strategy, fallback = _chosen(wish)
        if strategy == "examples" and wish.examples is None:
            raise UsageError("--strategy examples needs annotated reports.", "", "Give --examples FILE.jsonl.")
        shown = worked.read(wish.examples) if wish.examples is not None and strategy == "examples" else []
        tagger, info = None, None
        if strategy in ("tagger", "judge"):
            tagger, info = _open_tagger(wish, strategy, progress)
        scribe = None
        if strategy != "tagger":
            named = wish.bundle if strategy != "judge" or _kind(wish.bundle) == "decoder" else None
            scribe = Scribe.open(named, progress, wish.allow_unsigned, wish.threads)
            info = info or scribe.engine.info
        assert info is not None
        return cls(strategy, wish.schema, info, tagger, scribe, shown, fallback)

    @classmethod
    def of(cls, scribe: Scribe, strategy: Strategy = "tuned") -> Extractor:
        """An extractor over a language model that is open already; close the scribe, not this."""
        return cls(strategy, ELMTEX, scribe.engine.info, None, scribe)

    def __enter__(self) -> Extractor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the models."""
        if self.scribe is not None:
            self.scribe.engine.close()

    def extract(self, document: Document) -> Iterator[Any]:
        """Yield engine events where a language model works, then ExtractionFinished.

        Raises InputError for an empty, too long or foreign report, OutputError, EngineError.
        """
        report = document.text
        if self.strategy == "tagger" and self.tagger is not None:
            from edge.extraction import tagged

            yield ExtractionFinished(tagged.extract(self.tagger, report))
            return
        assert self.scribe is not None
        engine = self.scribe.engine
        if self.strategy == "judge" and self.tagger is not None:
            from edge.extraction import judge

            yield from judge.extract(self.tagger, engine, report, self.schema)
            return
        started = time.perf_counter()
        instruction = naive_instruction(self.schema) if self.strategy == "naive" else ""
        shown = worked.shown(worked.nearest(self.examples, report), self.schema) if self.examples else ""
        for event in extract_fields(engine, report, self.schema, instruction=instruction, shown=shown):
            yield _completed(event, report, started) if isinstance(event, ExtractionFinished) else event

    def origin(self, document: Document, extraction: Extraction) -> Origin:
        """Where an extraction comes from, its strategy among the parameters."""
        made = writing.origin(self.info, document, extraction)
        decoding = {} if self.strategy == "tagger" else DECODING
        own = {} if self.schema is ELMTEX else {"schema": self.schema.name}
        return replace(made, parameters={**decoding, "strategy": self.strategy, **own})


def _completed(event: ExtractionFinished, report: str, started: float) -> ExtractionFinished:
    """The extraction with attributes for every entry that has a place."""
    found = event.extraction
    fields = with_attributes(found.content, report)
    kept = {key: fields[key] for key in (*found.fields, *(k for k in fields.entries if k not in found.fields))}
    return ExtractionFinished(replace(found, fields=kept, seconds=time.perf_counter() - started))


def _kind(bundle: str | None) -> str:
    if bundle is None:
        return ""
    from edge.contract.bundle import find_bundle

    return read_manifest(find_bundle(bundle, paths.bundle_dirs()))[0].kind


def _chosen(wish: Wish) -> tuple[Strategy, bool]:
    """The strategy, and whether it is there only because no tagger is."""
    own = wish.schema is not ELMTEX
    if wish.strategy is not None:
        if own and wish.strategy in ("tagger", "judge") and wish.bundle is None:
            raise UsageError(
                "A tagger for fields of your own needs its name.", "", "Give --bundle, or --strategy advanced."
            )
        return wish.strategy, False
    if wish.bundle is not None:
        return ("tagger" if _kind(wish.bundle) == "tagger" else "advanced" if own else "tuned"), False
    if own:
        return "advanced", False
    try:
        tagger_folder(_TASK, paths.bundle_dirs())
    except BundleError:
        return "tuned", True
    return "tagger", False


def _open_tagger(
    wish: Wish, strategy: Strategy, progress: Callable[[int, int], None] | None
) -> tuple[Tagger, EngineInfo]:
    named = wish.bundle if strategy == "tagger" or _kind(wish.bundle) == "tagger" else None
    folder = tagger_folder(_TASK, paths.bundle_dirs(), named)
    bundle = verify_bundle(folder, progress, require_signature=not wish.allow_unsigned)
    from edge.extraction.tagged import report_task
    from edge.tagging.onnx import open_tagger

    tagger = open_tagger(bundle, wish.threads)
    keys = {label.key for label in report_task(tagger).labels}
    if keys != set(wish.schema.keys) and wish.schema is not ELMTEX:
        raise UsageError(
            f"The tagger {bundle.manifest.name!r} has other fields than the schema {wish.schema.name!r}.",
            "",
            "Train one.",
        )
    return tagger, EngineInfo.of(bundle)
