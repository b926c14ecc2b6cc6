"""Whole answers, not single tokens: what source and bundle write about held conversations, by ROUGE-1 (F1 x 100).

Both write through the product's own decoder, greedily, with its loop guard, so they differ by their weights alone. Few
conversations say little: two rounded copies of one model write different words, and chance moves a mean over three
notes by some points. The number of notes stands beside every figure.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.contract import prompts, templates
from edge.contract.events import Finished
from edge.contract.manifest import canonical
from edge.contract.prompts import PROMPT_VERSION, chat_format, load_tokenizer
from edge.engine import decode, loops, repeats
from edge.engine.base import Engine, EngineInfo, Request
from edge.engine.decode import Decoder
from edge.engine.host import EngineHost, Loaded
from edge.engine.loader import Model
from edge.errors import InputError
from edge.reading.conversation import parse
from edge.tasks import note
from edge.tasks.note import NoteFinished, write_note
from edge.text import sanitise
from export.files import new_file
from export.held import Held, data_folder, load_held
from export.progress import BuildProgress, silent

ACI, MTS, OWN = "aci-valid", "mts-validation", "own"
_ACI_FILE = Path("aci_bench") / "valid.csv"
_ANSWER = 200  # tokens at most, of one section


@dataclass(frozen=True)
class NotedVisit:
    """A conversation and the whole note that a clinician wrote about it."""

    dialogue: str
    note: str


Sets = Mapping[str, Sequence[Held | NotedVisit]]


def load_sets(count: int, own: Path | None = None, data: Path | None = None) -> dict[str, list[Held | NotedVisit]]:
    """The first count items of every set: aci-valid and mts-validation, or the caller's own file alone.

    Raises InputError.
    """
    if count <= 0:
        return {}
    if own is not None:
        return {OWN: list(load_held(count, own))}
    path = data_folder(data) / _ACI_FILE
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))[:count]
        visits = [NotedVisit(sanitise(row["dialogue"]), sanitise(row["note"])) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError) as error:
        raise InputError(
            f"The conversations {path} cannot be read.",
            type(error).__name__,
            "Name the data folder (--data, or EDGESCRIBE_DATA), or give documents of your own with --documents.",
        ) from None
    return {ACI: list(visits), MTS: list(load_held(count, None, data))}


def start_engine(model: Model, tokenizer_file: Path, prompt_format: str, ends: Sequence[str], context: int) -> Engine:
    """The product's decoder over weights that are not in a bundle (the source, or a build)."""
    tokenizer = load_tokenizer(tokenizer_file)
    ids = sorted({tokenizer.token_to_id(token) for token in (chat_format(prompt_format).end.token, *ends)})

    def no_grammar() -> Any:
        raise NotImplementedError

    info = EngineInfo(tokenizer_file.parent.name, "", prompt_format, PROMPT_VERSION, context, "measured")
    decoder = Decoder(tokenizer, model.open_session, no_grammar, ids, context)
    return EngineHost(lambda: Loaded(info, decoder, tokenizer))


def write_all(
    engine: Engine,
    sets: Sets,
    progress: BuildProgress = silent,
    known: Mapping[str, str] | None = None,
    keep: Callable[[str, str], None] = lambda key, text: None,
) -> dict[str, list[str]]:
    """What the engine writes about every item, in order. Raises EngineError, InputError.

    known: answers that need not be written again, by item_key. keep: called with the key and text of each new one.
    """
    total, done = sum(map(len, sets.values())), 0
    written: dict[str, list[str]] = {name: [] for name in sets}
    for name, items in sets.items():
        for item in items:
            progress(f"Writing with {engine.info.bundle}", done, total)
            text = (known or {}).get(item_key(item))
            if text is None:
                text = _write(engine, item)
                keep(item_key(item), text)
            written[name].append(text)
            done += 1
    return written


def item_key(item: Held | NotedVisit) -> str:
    """Names a conversation and what is asked about it."""
    asked = [repr(item), *([repr(templates.get("visit"))] if isinstance(item, NotedVisit) else [])]
    return hashlib.sha256(canonical(asked)).hexdigest()[:16]


def answers_key(weights: str, adapter: str) -> str:
    """Names what some weights write with this decoder and these prompts."""
    code = [
        hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest() for module in (decode, loops, repeats, note)
    ]
    return hashlib.sha256(canonical([weights, adapter, PROMPT_VERSION, *code])).hexdigest()[:16]


def written_by(start: Callable[[], Engine], sets: Sets, progress: BuildProgress = silent) -> dict[str, list[str]]:
    """write_all of an engine that lives no longer than that, and starts only if there is work."""
    if not sets:
        return {}
    engine = start()
    try:
        return write_all(engine, sets, progress)
    finally:
        engine.close()


def remembered(
    key: str, cache: Path, start: Callable[[], Engine], sets: Sets, progress: BuildProgress = silent
) -> dict[str, list[str]]:
    """written_by weights that never change: each answer about a public set is kept, also when the run ends early."""
    path = cache / "answers" / f"{key}.json"
    known = _kept(path)
    if all(item_key(item) in known for items in sets.values() for item in items):
        return {name: [known[item_key(item)] for item in items] for name, items in sets.items()}
    path.parent.mkdir(parents=True, exist_ok=True)

    def keep(item: str, text: str) -> None:
        known[item] = text
        with new_file(path) as temporary:
            temporary.write_text(json.dumps(known, ensure_ascii=False, indent=1), encoding="utf-8")

    engine = start()
    try:
        return write_all(engine, sets, progress, dict(known), keep)
    finally:
        engine.close()


def _kept(path: Path) -> dict[str, str]:
    """What is kept there, nothing if it was not written yet, or not by us."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    good = isinstance(kept, dict) and all(isinstance(text, str) for text in kept.values())
    return kept if good else {}


def scores(sets: Sets, written: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Mean ROUGE-1 of every set."""
    return {
        name: sum(rouge1(_expected(item), text) for item, text in zip(items, written[name], strict=True)) / len(items)
        for name, items in sets.items()
    }


def losses(sets: Sets, source: Mapping[str, Sequence[str]], bundle: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """For the gate: both means and the number of notes of every set, and the largest loss of them ("rouge1_loss")."""
    before, after = scores(sets, source), scores(sets, bundle)
    found: dict[str, float] = {}
    for name, items in sets.items():
        found |= {f"rouge1_{name}_source": before[name], f"rouge1_{name}": after[name]}
        found[f"notes_{name}"] = float(len(items))
    if sets:
        found["rouge1_loss"] = max(before[name] - after[name] for name in sets)
    return {name: round(value, 5) for name, value in found.items()}


def rouge1(reference: str, candidate: str) -> float:
    """F1 x 100 of single words, without stemming (rouge-score, as ACI-Bench's figures are published)."""
    from rouge_score.rouge_scorer import RougeScorer

    return 100 * float(RougeScorer(["rouge1"]).score(reference, candidate)["rouge1"].fmeasure)


def _expected(item: Held | NotedVisit) -> str:
    return item.note if isinstance(item, NotedVisit) else item.answer


def _write(engine: Engine, item: Held | NotedVisit) -> str:
    if isinstance(item, NotedVisit):
        for part in write_note(engine, parse(item.dialogue), templates.get("visit")):
            if isinstance(part, NoteFinished):
                return part.note.text
        return ""
    prompt = prompts.render(engine.info.prompt_format, item.document, item.instruction)
    for event in engine.stream(Request(prompt, _ANSWER)):
        if isinstance(event, Finished):
            return event.text
    return ""
