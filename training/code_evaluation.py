"""Candidate codes held against people's, stage by stage: extraction alone, with retrieval, with verification.

Recall of retrieval is asked twice: with every sentence of the note as a query ("words"), and with those sentences only
that the program takes for diagnoses of the patient ("end to end"). Everything runs through the code that ships.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.coding.candidates import LIKELY, Coder, Coding
from edge.coding.encoder import CodingModel, open_model
from edge.coding.retrieval import Retriever, fuse
from edge.coding.structure import lines
from edge.terminology.catalogue import Catalogue
from edge.terminology.index import open_catalogue
from training import code_plot, code_scores, code_sets, folders, intervals, sources
from training.code_scores import CodeCounts, Ranks, Reliability
from training.code_sets import CodedNote
from training.runlog import Say

SETS = code_sets.SETS
_DEPTH = 50
_KINDS = ("lexical", "dense", "fused")


@dataclass(frozen=True)
class _Stage:
    """A way to code notes, with the seconds that each took."""

    codings: tuple[Coding, ...]
    seconds: tuple[float, ...]


def run(bundle: Path | None, name: str, data: Path | None, out: Path | None, limit: int, say: Say) -> dict[str, Any]:
    """Return (and write to out/result.json) the figures of a set. Raises UsageError, TrainingError, BundleError."""
    notes = code_sets.coded_notes(sources.data_dir(data), name)
    notes = notes[:limit] if limit else notes
    model = open_model(bundle) if bundle is not None else None
    catalogue = open_catalogue()
    try:
        result = _measure(name, notes, catalogue, model, say)
    finally:
        catalogue.close()
    if out is not None:
        with folders.writing(out):
            out.mkdir(parents=True, exist_ok=True)
            folders.replace(out / "result.json", json.dumps(result, indent=2, ensure_ascii=False) + "\n")
            bins = [Reliability(*one.values()) for one in result["calibration"]["bins"]]
            folders.replace(out / "calibration.svg", code_plot.plot(bins, f"{name}, {result['n']} notes"))
    return result


def _measure(
    name: str, notes: Sequence[CodedNote], catalogue: Catalogue, model: CodingModel | None, say: Say
) -> dict[str, Any]:
    stages = {
        label: _coded(notes, coder, say, f"{name}, {label}") for label, coder in _coders(catalogue, model).items()
    }
    final = list(stages.values())[-1]
    retriever = model.retriever(catalogue) if model is not None else Retriever(catalogue)
    say(f"{name}, retrieval")
    return {
        "model": model.name if model is not None else "rules",
        "set": name,
        "edition": catalogue.edition,
        "n": len(notes),
        "codes": sum(len(note.codes) for note in notes),
        "stages": {label: _figures(notes, stage) for label, stage in stages.items()},
        "retrieval": _retrieval(notes, catalogue, retriever, final.codings),
        "calibration": _calibration(notes, final.codings),
        "quotes verbatim": _verbatim(notes, final.codings),
        "peak megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _coders(catalogue: Catalogue, model: CodingModel | None) -> dict[str, Coder]:
    coders = {"extraction": Coder(catalogue)}
    if model is not None:
        retriever = model.retriever(catalogue)
        coders["extraction, retrieval"] = Coder(catalogue, retriever, verify=False)
        coders["extraction, retrieval, verification"] = Coder(catalogue, retriever)
    return coders


def _coded(notes: Sequence[CodedNote], coder: Coder, say: Say, label: str) -> _Stage:
    codings, seconds = [], []
    for note in notes:
        started = time.perf_counter()
        codings.append(coder.code(note.note, 0.0))
        seconds.append(time.perf_counter() - started)
    say(f"{label}: {intervals.mean(seconds):.2f} s a note")
    return _Stage(tuple(codings), tuple(seconds))


def shown(coding: Coding) -> list[str]:
    """The codes that are shown without being asked for more."""
    return [one.code.code for one in coding.codes if one.confidence >= LIKELY]


def _figures(notes: Sequence[CodedNote], stage: _Stage) -> dict[str, Any]:
    pairs = list(zip(notes, stage.codings, strict=True))
    exact = [code_scores.count(shown(coding), note) for note, coding in pairs]
    category = [code_scores.count(shown(coding), note, 3) for note, coding in pairs]
    total = sum(exact, CodeCounts())
    everything = sum((code_scores.count([c.code.code for c in g.codes], n) for n, g in pairs), CodeCounts())
    return {
        "exact": code_scores.figures(exact),
        "category": code_scores.figures(category),
        "right, given, wanted": [total.right, total.given, total.wanted],
        "recall of all candidates": round(100 * everything.recall, 1),
        "seconds": {"mean": round(intervals.mean(stage.seconds), 3), "most": round(max(stage.seconds, default=0.0), 3)},
    }


def _retrieval(
    notes: Sequence[CodedNote], catalogue: Catalogue, retriever: Retriever, codings: Sequence[Coding]
) -> dict[str, Any]:
    """recall@10 and @50 of each list: "words" over all sentences; "end to end" over sentences with a candidate."""
    words = {note.id: best_ranks(note.note, retriever) for note in notes}
    found = {
        note.id: best_ranks(note.note, retriever, [c.start for c in coding.codes])
        for note, coding in zip(notes, codings, strict=True)
    }
    kinds = _KINDS if retriever.has_dense else _KINDS[:1]

    def recall(table: dict[str, dict[str, dict[str, int]]], kind: str) -> dict[str, float]:
        return _at(rank_of(notes, catalogue, {key: best[kind] for key, best in table.items()}))

    return {
        place: {kind: recall(table, kind) for kind in kinds}
        for place, table in (("words", words), ("end to end", found))
    }


def _at(ranks: Ranks) -> dict[str, float]:
    return {"recall@10": ranks.within(10), "recall@50": ranks.within(_DEPTH)}


def rank_of(notes: Sequence[CodedNote], catalogue: Catalogue, best: dict[str, dict[str, int]]) -> Ranks:
    """Ranks of the wanted codes. A code made by a seventh character is found with the entry that it extends."""

    def rank(note: CodedNote, code: str) -> int | None:
        places = best[note.id]
        entry = catalogue.get(code)
        above = entry.parent if entry is not None and len(code) == 8 else ""
        return min((places[one] for one in (code, above) if one in places), default=None)

    return code_scores.ranks(notes, rank)


def best_ranks(note: str, retriever: Retriever, at: Sequence[int] | None = None) -> dict[str, dict[str, int]]:
    """kind of list -> code -> its best rank over the sentences of a note, or over those that hold a place of at."""
    held = [
        line.text
        for line in lines(note)
        if at is None or any(line.start <= place < line.start + len(line.text) for place in at)
    ]
    best: dict[str, dict[str, int]] = {kind: {} for kind in _KINDS}
    meanings = retriever.dense(held, _DEPTH) if retriever.has_dense else [[] for _ in held]
    for text, meaning in zip(held, meanings, strict=True):
        words = retriever.lexical(text, _DEPTH)
        lists = {
            "lexical": words, "dense": [code for code, _ in meaning],
            "fused": [one.code for one in fuse(words, meaning)[:_DEPTH]],
        }  # fmt: skip
        for kind, codes in lists.items():
            for rank, code in enumerate(codes):
                best[kind][code] = min(rank, best[kind].get(code, rank))
    return best


def confidences(notes: Sequence[CodedNote], codings: Sequence[Coding], raw: bool = False) -> list[tuple[float, bool]]:
    """(confidence, whether it is right) of every candidate that is not optional; raw: its score, not calibrated."""
    found = []
    for note, coding in zip(notes, codings, strict=True):
        right = {other for code in note.codes for other in note.meant(code)}
        found += [
            (one.score if raw else one.confidence, one.code.code in right)
            for one in coding.codes
            if one.code.code in right or one.code.code not in note.optional
        ]
    return found


def _calibration(notes: Sequence[CodedNote], codings: Sequence[Coding]) -> dict[str, Any]:
    bins = code_scores.reliability(confidences(notes, codings))
    return {
        "error": round(code_scores.calibration_error(bins), 3),
        "bins": [
            {"from": one.low, "to": one.high, "candidates": one.count, "confidence": round(one.confidence, 3),
             "right": round(one.right, 3)}
            for one in bins
        ],
    }  # fmt: skip


def _verbatim(notes: Sequence[CodedNote], codings: Sequence[Coding]) -> float:
    """Share of quotes that stand in the note at their place, in per cent."""
    pairs = [(note.note[c.start : c.end], c.quote) for note, g in zip(notes, codings, strict=True) for c in g.codes]
    return round(100 * intervals.mean([float(there == quote) for there, quote in pairs]), 2) if pairs else 100.0
