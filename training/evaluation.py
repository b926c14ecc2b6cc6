"""One evaluation from start to end: load, write, score, put the floors beside it, keep the result."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.engine.base import Engine
from edge.errors import EdgescribeError, UsageError
from edge.paths import cache_dir
from training import evaluate, mixing, scoring, sources
from training.config import Base
from training.evaluate import SETS, Item, Written
from training.sources import Document


@dataclass(frozen=True)
class Evaluation:
    """What to evaluate. Exactly one of bundle and base is set."""

    set: str
    bundle: Path | None = None
    base: str | None = None
    adapter: Path | None = None
    format: str = ""
    kind: str = "decoder"
    limit: int = 0
    strategy: str = ""
    label: str = ""
    out: Path | None = None
    encoder: Path | None = None
    threads: int = 0
    data: Path | None = None


def run(chosen: Evaluation, say: Callable[[str], None], stop_at: float = math.inf) -> dict[str, Any]:
    """Return (and write to out/result.json) the figures of a model and of the floors. Raises named errors.

    stop_at: time.monotonic() after which no further answer is begun; then nothing is scored and {} returned.
    """
    if chosen.adapter and not chosen.base:
        raise UsageError("--adapter needs --base.", "A bundle has its adapter built in.", "Give --base NAME.")
    found = evaluate.documents(chosen.set, chosen.data, chosen.limit)
    engine = _engine(chosen)
    label = chosen.label or _label(chosen)
    if chosen.strategy:
        from training.prompting import title

        label = f"{label}, {title(chosen.strategy, chosen.encoder)}"
    folder = chosen.out or cache_dir() / "evaluations" / _plain(label) / _plain(chosen.set)
    facts = {
        "model": label,
        "precision": _precision(chosen),
        "set": Path(chosen.set).name,
        "prompt_version": engine.info.prompt_version,
        "bundle_sha256": engine.info.bundle_sha256,
        "strategy": chosen.strategy,
    }
    _same_model(folder, facts)
    try:
        answers = evaluate.write_all(engine, found, folder / "answers.jsonl", say, stop_at, _writer(chosen))
    finally:
        engine.close()
    if len(answers) < len(found):
        return {}
    items = [evaluate.item(document) for document in found]
    result = {**facts, **_summary(items, answers, chosen.encoder), "floors": _floors(chosen, items)}
    (folder / "result.json").write_text(json.dumps(result, indent=2, ensure_ascii=False), encoding="utf-8")
    return result


def _engine(chosen: Evaluation) -> Engine:
    if chosen.bundle is not None:
        from edge.engine.loader import load_engine

        return load_engine(chosen.bundle, allow_unsigned=True)  # measured before anybody signs it
    base = Base(name=chosen.base or "", format=chosen.format, kind=chosen.kind)
    return checkpoint_engine(base, chosen.adapter, chosen.threads)


def checkpoint_engine(base: Base, adapter: Path | None, threads: int) -> Engine:
    """An engine over transformers weights, of either kind of base. Raises BaseModelError, TrainingError."""
    if base.kind == "encoder-decoder":
        from training.seq2seq import Seq2SeqEngine

        return Seq2SeqEngine(base, adapter)
    from training.torch_engine import load_checkpoint

    return load_checkpoint(base, adapter, threads)


def _writer(chosen: Evaluation) -> evaluate.Writer:
    """How answers are written: as the product does it, or by a prompting strategy of the ELMTEX study."""
    if not chosen.strategy:
        return evaluate.write
    from training import prompting

    prompting.instruction(chosen.strategy)
    if SETS.get(chosen.set, ("", ""))[0] != "elmtex_aci":
        raise UsageError("--strategy is for extraction.", "", "Give --set elmtex-valid or elmtex-test1.")
    train = _train("elmtex_aci", sources.data_dir(chosen.data))
    similar = prompting.nearest(train, chosen.encoder)

    def writer(engine: Engine, document: Document) -> Written:
        try:
            done = prompting.extract(engine, document, chosen.strategy, train, similar)
        except EdgescribeError as error:
            return Written(document.id, "", ("error",), 0, 0.0, error.what)
        return Written(document.id, done.text, (done.reason,), done.generated_tokens, done.seconds)

    return writer


def _summary(items: list[Item], answers: list[Written], encoder: Path | None) -> dict[str, Any]:
    summary = scoring.summary(items, answers)
    if encoder is not None and items[0].kind != "extract":
        from training import bertscore

        figure = bertscore.f1([i.reference for i in items], [a.text for a in answers], encoder)
        summary["figures"]["bertscore"] = figure
        summary["encoder"] = encoder.resolve().name
    return summary


def _floors(chosen: Evaluation, items: list[Item]) -> dict[str, Any]:
    if chosen.set not in SETS:
        return {}
    train = _train(SETS[chosen.set][0], sources.data_dir(chosen.data))
    return {
        name: _summary(items, answers, chosen.encoder) for name, answers in scoring.floor_answers(items, train).items()
    }


def _train(source: str, folder: Path) -> list[Document]:
    documents = sources.read(source, folder, "train")
    if source != "mts":
        return documents
    return mixing.drop_leaks(documents, [*sources.mts(folder, "valid"), *sources.mts(folder, "test1")], Counter())


def _label(chosen: Evaluation) -> str:
    if chosen.bundle is not None:
        return chosen.bundle.resolve().name
    base = Path(chosen.base or "").name
    return f"{base}+{chosen.adapter.resolve().name}" if chosen.adapter else base


def _precision(chosen: Evaluation) -> str:
    if chosen.bundle is not None:
        from edge.contract.bundle import verify_bundle

        return verify_bundle(chosen.bundle).manifest.precision
    import torch

    return "bf16" if torch.cuda.is_available() else "fp32"


def _same_model(folder: Path, facts: dict[str, Any]) -> None:
    """Refuse to mix the answers of two models in one folder."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / "model.json"
    if mark.is_file() and json.loads(mark.read_text(encoding="utf-8")) != facts:
        raise UsageError(
            f"{folder} holds the answers of another model.",
            "Bundle, precision or prompt differ.",
            "Give another --out.",
        )
    mark.write_text(json.dumps(facts), encoding="utf-8")


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_.+" else "-" for c in name).strip(".") or "unnamed"
