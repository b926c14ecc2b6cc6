"""A tagger bundle held against annotated texts, as the laptop runs it: figures with intervals, label by label.

Sets: facts-valid and facts-test1 (conversations); elmtex-valid, elmtex-test1 and elmtex-synthetic-valid (reports).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from edge.contract.bundle import verify_bundle
from edge.contract.tagging import TaggerTask
from edge.errors import UsageError
from edge.tagging.onnx import open_tagger
from edge.tagging.tagger import Tagger
from training import fact_scores, folders, intervals, sources, tagger_data, tagger_train
from training.fact_scores import FactCounts
from training.spans import Counts, report_counts
from training.tagger_data import TaggerExample

FACT_SETS = {"facts-valid": "aci-valid", "facts-test1": "aci-test1"}
REPORT_SETS = {
    "elmtex-valid": ("elmtex_aci", "valid"),
    "elmtex-test1": ("elmtex_aci", "test1"),
    "elmtex-synthetic-valid": ("elmtex_synthetic", "valid"),
}
_MAIN = ("facts.f1", "facts.precision", "facts.recall", "facts.critical.recall", "facts.polarity", "facts.subject")


@dataclass(frozen=True)
class _Scored:
    """One text: its counts by label and the seconds that it took. lang: "en" or "de"."""

    seconds: float
    facts: dict[str, FactCounts] = field(default_factory=dict)
    relaxed: dict[str, Counts] = field(default_factory=dict)
    exact: dict[str, Counts] = field(default_factory=dict)
    total: FactCounts = field(default_factory=FactCounts)
    lang: str = "en"


def is_tagger(folder: Path) -> bool:
    """Whether the bundle in a folder is a tagger. Raises BundleError."""
    from edge.contract.bundle import read_manifest

    return read_manifest(folder)[0].kind == "tagger"


def run(
    folder: Path, name: str, data: Path | None, out: Path | None, threads: int, limit: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Return (and write to out/result.json) the figures of a tagger bundle on a set. Raises UsageError, BundleError."""
    bundle = verify_bundle(folder)
    tagger = open_tagger(bundle, threads)
    examples = _examples(name, sources.data_dir(data))
    examples = examples[:limit] if limit else examples
    key = "facts" if name in FACT_SETS else "fields"
    task = tagger.spec.task(key)
    if task is None:
        raise UsageError(f"The bundle {bundle.manifest.name!r} has no task {key!r}.", "", "Choose another --set.")
    scored = []
    for number, example in enumerate(examples, 1):
        scored.append(_facts(tagger, example) if key == "facts" else _fields(tagger, task, example))
        say(f"{number}/{len(examples)}  {scored[-1].seconds:.2f} s")
    seconds = [one.seconds for one in scored]
    result = {
        "model": bundle.manifest.name, "precision": bundle.manifest.precision, "set": name,
        "bundle_sha256": bundle.sha256, "n": len(examples),
        **(_fact_figures(scored) if key == "facts" else _field_figures(scored)),
        "seconds": {"mean": intervals.mean(seconds), "most": max(seconds)},
    }  # fmt: skip
    if out is not None:
        with folders.writing(out):
            out.mkdir(parents=True, exist_ok=True)
            folders.replace(out / "result.json", json.dumps(result, indent=2, ensure_ascii=False))
    return result


def _examples(name: str, folder: Path) -> list[TaggerExample]:
    if name in FACT_SETS:
        return tagger_data.facts(folder, FACT_SETS[name])
    if name in REPORT_SETS:
        return tagger_data.reports(REPORT_SETS[name][0], folder, REPORT_SETS[name][1])
    raise UsageError(f"A tagger has no set {name!r}.", f"Known: {', '.join((*FACT_SETS, *REPORT_SETS))}.", "")


def _facts(tagger: Tagger, example: TaggerExample) -> _Scored:
    started = time.perf_counter()
    found = tagger_train.find(tagger, example)
    seconds = time.perf_counter() - started
    kinds = fact_scores.by_kind(found, example.facts)
    return _Scored(seconds, kinds, total=fact_scores.count(found, example.facts), lang=example.lang)


def _fields(tagger: Tagger, task: TaggerTask, example: TaggerExample) -> _Scored:
    started = time.perf_counter()
    found = tagger_train.entries(task, example.text, tagger.tag(task.key, example.text, list(example.segments)))
    seconds = time.perf_counter() - started
    keys = [label.key for label in task.labels]
    relaxed, exact = (report_counts(example.fields, found, kind, keys) for kind in (True, False))
    return _Scored(seconds, {}, relaxed, exact, lang=example.lang)


def _fact_figures(scored: Sequence[_Scored]) -> dict[str, Any]:
    def figure(name: str) -> Callable[[Sequence[_Scored]], float]:
        return lambda some: sum((one.total for one in some), FactCounts()).figures()[name]

    kinds = sorted({kind for one in scored for kind in one.facts})
    by_kind = {
        kind: sum((one.facts.get(kind, FactCounts()) for one in scored), FactCounts()).figures() for kind in kinds
    }
    total = sum((one.total for one in scored), FactCounts())
    ranges = {name: intervals.interval(scored, figure(name)) for name in _MAIN}
    return {"figures": total.figures(), "intervals": ranges, "by_kind": by_kind}


def _field_figures(scored: Sequence[_Scored]) -> dict[str, Any]:
    def micro(some: Sequence[_Scored], kind: str) -> float:
        return sum((count for one in some for count in getattr(one, kind).values()), Counts()).f1

    figures: dict[str, float] = {}
    ranges: dict[str, tuple[float, float]] = {}
    for kind in ("relaxed", "exact"):
        figures[f"span.f1.{kind}"] = micro(scored, kind)
        ranges[f"span.f1.{kind}"] = intervals.interval(scored, partial(micro, kind=kind))
    for lang in sorted({one.lang for one in scored}):
        for kind in ("relaxed", "exact"):
            figures[f"span.f1.{kind}.{lang}"] = micro([one for one in scored if one.lang == lang], kind)
    by_field = {
        key: {kind: sum((getattr(one, kind)[key] for one in scored), Counts()).f1 for kind in ("relaxed", "exact")}
        for key in scored[0].relaxed
    }
    return {"figures": figures, "intervals": ranges, "by_field": by_field}
