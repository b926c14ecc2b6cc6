"""One evaluation from start to end: load the model, write answers, score them and the floors, save the result."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.contract.events import EngineEvent
from edge.contract.prompts import Prompt
from edge.engine.base import Engine, EngineInfo, Request
from edge.engine.repeats import BY_DEFAULT, RULE
from edge.errors import TrainingError, UsageError
from edge.paths import cache_dir
from training import answering, folders, mixing, scoring, sources
from training.answering import SETS, Item, Written
from training.config import BaseConfig
from training.sources import TrainingDocument

ADAPTER = "adapter_model.safetensors"


@dataclass(frozen=True)
class Evaluation:
    """What to evaluate. Exactly one of bundle, base and answers (a file of another system's) is set.

    train: data set or file that the nearest-example floor and retrieved examples are drawn from, "" = the training part
    of a known set.
    """

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
    train: str = ""
    answers: Path | None = None
    repeats: bool = BY_DEFAULT  # the rule against repeats
    tagger: Path | None = None  # tagger bundle of the strategy "judge"


class Decoding:
    """An engine that writes with the rule against repeats, or without it."""

    def __init__(self, engine: Engine, repeats: bool) -> None:
        self._engine, self._repeats = engine, repeats

    @property
    def info(self) -> EngineInfo:
        return self._engine.info

    def count(self, prompt: Prompt) -> int:
        return self._engine.count(prompt)

    def stream(self, request: Request) -> Iterator[EngineEvent]:
        return self._engine.stream(replace(request, no_repeats=self._repeats))

    def cancel(self) -> None:
        self._engine.cancel()

    def close(self) -> None:
        self._engine.close()


def check_options(chosen: Evaluation) -> None:
    """Raise UsageError for options that do not go together."""
    if not (chosen.bundle or chosen.base or chosen.answers):
        raise UsageError("Give what to evaluate.", "--bundle, --base or --answers.", "")
    if chosen.adapter and not chosen.base:
        raise UsageError("--adapter needs --base.", "A bundle has its adapter built in.", "Give --base NAME.")
    if chosen.threads < 0:
        raise UsageError(f"--threads is {chosen.threads}.", "", "Give how many, or 0 for all.")
    if chosen.bundle and (chosen.format or chosen.kind != "decoder"):
        raise UsageError("--format and --kind need --base.", "A bundle says both itself.", "Leave them out.")


def run(chosen: Evaluation, say: Callable[[str], None]) -> dict[str, Any]:
    """Return (and write to out/result.json) the figures of a model and of the floors. Raises named errors."""
    check_options(chosen)
    found = answering.documents(chosen.set, chosen.data, chosen.limit)
    train = _train(chosen, found)
    if chosen.encoder is not None:
        from training import bertscore

        bertscore.load(chosen.encoder)  # a wrong folder is told now, not after hours of writing
    label = _label(chosen)
    folder = chosen.out or cache_dir() / "evaluations" / _plain(label) / _plain(chosen.set)
    if chosen.answers is not None:
        facts, answers = _given(chosen, label, folder, found)
    else:
        facts, answers = _answered(chosen, label, folder, found, train, say)
    if not train:
        say("No nearest-example floor: name training documents with --train.")
    items = [answering.item(document) for document in found]
    result = {**facts, **_summary(items, answers, chosen.encoder), "floors": _floors(chosen, items, train)}
    with folders.writing(folder):
        folders.replace(folder / "result.json", json.dumps(result, indent=2, ensure_ascii=False))
    return result


def _answered(
    chosen: Evaluation, label: str, folder: Path, found: list[TrainingDocument], train: list[TrainingDocument],
    say: Callable[[str], None],
) -> tuple[dict[str, Any], list[Written]]:  # fmt: skip
    """Have the model write, into a folder that is its own."""
    writer = _writer(chosen, found, train)
    engine = Decoding(_engine(chosen), chosen.repeats)
    try:
        facts = _facts(chosen, label, engine)
        with folders.hold(folder, f"The evaluation {folder}"), folders.writing(folder):
            _same_model(folder, facts)
            return facts, answering.write_all(engine, found, folder / "answers.jsonl", say, writer)
    finally:
        engine.close()


def _given(
    chosen: Evaluation, label: str, folder: Path, found: list[TrainingDocument]
) -> tuple[dict[str, Any], list[Written]]:
    """Read what another system wrote."""
    from training import answers

    assert chosen.answers is not None
    if not chosen.label:
        raise UsageError("--answers needs --label.", "Tables must say whose answers these are.", "Give --label NAME.")
    if chosen.strategy or chosen.adapter:
        raise UsageError("--answers takes no --strategy or --adapter.", "The answers are written.", "Leave them out.")
    written = answers.read(chosen.answers, found)
    facts = {
        "model": label,
        "precision": "",
        "set": Path(chosen.set).name,
        "answers_sha256": folders.sha256(chosen.answers),
        "set_sha256": _set_digest(chosen),
    }
    with folders.hold(folder, f"The evaluation {folder}"), folders.writing(folder):
        _same_model(folder, facts)
    return facts, written


def _facts(chosen: Evaluation, label: str, engine: Engine) -> dict[str, Any]:
    """What answers belong to: two evaluations with the same facts may share a folder."""
    return {
        "model": label,
        "precision": _precision(chosen),
        "set": Path(chosen.set).name,
        "prompt_version": engine.info.prompt_version,
        "bundle_sha256": engine.info.bundle_sha256,
        "strategy": chosen.strategy,
        "decoding": f"greedy, {RULE}" if chosen.repeats else "greedy",
        "prompt_format": engine.info.prompt_format,
        "base_sha256": folders.fingerprint(Path(chosen.base)) if chosen.base and Path(chosen.base).is_dir() else "",
        "adapter_sha256": folders.sha256(chosen.adapter / ADAPTER) if chosen.adapter else "",
        "set_sha256": _set_digest(chosen),
    }


def _set_digest(chosen: Evaluation) -> str:
    return folders.sha256(Path(chosen.set)) if sources.is_own(chosen.set) else ""


def _engine(chosen: Evaluation) -> Engine:
    if chosen.bundle is not None and (chosen.strategy == "tagger" or chosen.strategy.startswith("found-facts")):
        from edge.contract.bundle import verify_bundle
        from training.ladder import TaggerOnly

        return TaggerOnly(verify_bundle(chosen.bundle))
    if chosen.bundle is not None:
        from edge.engine.loader import load_engine

        return load_engine(
            chosen.bundle, allow_unsigned=True, threads=chosen.threads
        )  # measured before anybody signs it
    base = BaseConfig(name=chosen.base or "", format=chosen.format, kind=chosen.kind)
    return checkpoint_engine(base, chosen.adapter, chosen.threads)


def checkpoint_engine(base: BaseConfig, adapter: Path | None, threads: int) -> Engine:
    """An engine over transformers weights, of either kind of base. Raises BaseModelError, TrainingError."""
    lacking = [n for n in ("adapter_config.json", ADAPTER) if adapter is not None and not (adapter / n).is_file()]
    if lacking:
        raise TrainingError(f"There is no adapter in {adapter}.", f"{lacking[0]} is missing.", "Check --adapter.")
    from training.seq2seq import Seq2SeqEngine, check_kind

    check_kind(Path(base.name), base.kind)
    if base.kind == "encoder-decoder":
        return Seq2SeqEngine(base, adapter)
    from training.torch_engine import load_checkpoint

    return load_checkpoint(base, adapter, threads)


def _writer(chosen: Evaluation, found: list[TrainingDocument], train: list[TrainingDocument]) -> answering.Writer:
    """How answers are written: as the product does it, or by a prompting strategy of the ELMTEX study."""
    if not chosen.strategy:
        return answering.write
    from training import found as forms
    from training import ladder, prompting, strategies

    if chosen.strategy in forms.STRATEGIES:
        return forms.writer(chosen.strategy, chosen.tagger or chosen.bundle, chosen.threads)
    if chosen.strategy in ladder.STRATEGIES:
        tagger = chosen.bundle if chosen.strategy == "tagger" else chosen.tagger
        return ladder.writer(chosen.strategy, tagger, chosen.threads)
    if chosen.strategy in strategies.STRATEGIES:
        known = strategies.known_facts(chosen.set, sources.data_dir(chosen.data))
        return strategies.writer(chosen.strategy, known)
    prompting.instruction(chosen.strategy)
    if any(document.tasks[0].name != "extract" for document in found):
        raise UsageError("--strategy is for extraction.", "", "Give a set of reports, such as elmtex-valid.")
    if chosen.strategy == "examples" and not train:
        raise UsageError("There are no reports to take examples from.", "", "Name them with --train.")
    similar = prompting.nearest(train, chosen.encoder)

    def writer(engine: Engine, document: TrainingDocument) -> Written:
        try:
            done = prompting.extract(engine, document, chosen.strategy, train, similar)
        except answering.UNANSWERED as error:
            return Written(document.id, "", ("error",), 0, 0.0, error.what)
        return answering.extracted(document, done)

    return writer


def _summary(items: list[Item], answers: list[Written], encoder: Path | None) -> dict[str, Any]:
    summary = scoring.summary(items, answers)
    if encoder is not None:
        from training import bertscore

        pairs = [pair for item, answer in zip(items, answers, strict=True) for pair in scoring.texts(item, answer)]
        summary["figures"]["bertscore"] = bertscore.f1([a for a, _ in pairs], [b for _, b in pairs], encoder)
        summary["encoder"] = encoder.resolve().name
    return summary


def _floors(chosen: Evaluation, items: list[Item], train: list[TrainingDocument]) -> dict[str, Any]:
    return {
        name: _summary(items, answers, chosen.encoder) for name, answers in scoring.floor_answers(items, train).items()
    }


def _train(chosen: Evaluation, found: list[TrainingDocument]) -> list[TrainingDocument]:
    """Documents for the nearest-example floor, without those that are themselves asked; [] where none are named."""
    if chosen.train:
        folder = Path() if sources.is_own(chosen.train) else sources.data_dir(chosen.data)
        return mixing.drop_leaks(sources.read(chosen.train, folder, "train"), found, Counter())
    if chosen.set not in SETS:
        return []
    source, folder = SETS[chosen.set][0], sources.data_dir(chosen.data)
    documents = sources.read("aci" if source == "facts_dev" else source, folder, "train")
    if source != "mts":
        return documents
    return mixing.drop_leaks(documents, [*sources.mts(folder, "valid"), *sources.mts(folder, "test1")], Counter())


def _label(chosen: Evaluation) -> str:
    label = chosen.label or _name(chosen)
    if chosen.repeats != BY_DEFAULT:
        label = f"{label}, {RULE if chosen.repeats else 'plain greedy'}"
    if not chosen.strategy or chosen.strategy == "tagger":
        return label
    if chosen.strategy == "judge":
        return f"{chosen.tagger.resolve().name if chosen.tagger else 'tagger'}, doubtful spans judged by {label}"
    from training import prompting, strategies

    if chosen.strategy in strategies.STRATEGIES:
        return f"{label}, {chosen.strategy}, annotated turns"
    return f"{label}, {prompting.title(chosen.strategy, chosen.encoder)}"


def _name(chosen: Evaluation) -> str:
    if chosen.bundle is not None:
        return chosen.bundle.resolve().name
    base = Path(chosen.base or "").name
    if chosen.adapter is None:
        return base
    folder = chosen.adapter.resolve()
    return f"{base}+{folder.parent.name if folder.name == 'adapter' else folder.name}"  # that of a run has its id


def _precision(chosen: Evaluation) -> str:
    if chosen.bundle is not None:
        from edge.contract.bundle import verify_bundle

        return verify_bundle(chosen.bundle).manifest.precision
    import torch

    return "bf16" if torch.cuda.is_available() else "fp32"


def _same_model(folder: Path, facts: dict[str, Any]) -> None:
    """Refuse to mix the answers of two models, or to two versions of a file, in one folder."""
    mark = folder / "model.json"
    try:
        known = json.loads(mark.read_text(encoding="utf-8")) if mark.is_file() else {}
    except ValueError:
        raise UsageError(f"{mark} is damaged.", "", "Give another --out.") from None
    if any(known[key] != facts[key] for key in facts.keys() & known.keys()):
        raise UsageError(
            f"{folder} holds the answers of another model.",
            "Bundle, adapter, precision, prompt or the file with the questions differ.",
            "Give another --out.",
        )
    folders.replace(mark, json.dumps(facts))


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_.+" else "-" for c in name).strip(".") or "unnamed"
