"""Figures of a set of answers: every measure of every item, their means, and 95 % intervals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from edge.contract.schemas import FIELD_KEYS, extraction_target
from edge.tasks.note import is_absent
from training import checklists, divisions, entities, facts, floors, intervals, rouge, spans
from training.answering import Item, Written
from training.sources import TrainingDocument

Figures = dict[str, float]
_RATE = ".per100"
_WORDS = "words.ratio"
_SHARES = {
    "critical.recall": ("_critical.stated", "_critical.all"),
    "fact.recall": ("_fact.stated", "_fact.all"),
    "forbidden.share": ("_forbidden.hit", "_forbidden.all"),
    _WORDS: ("words", "_reference.words"),
}


def score_item(item: Item, written: Written) -> Figures:
    """Every per-item figure. ROUGE x 100; counts as counts; shares 0 to 100."""
    if item.kind == "extract":
        return _extraction(item, written)
    if item.kind == "check":
        return _check(item, written)
    figures = _rouge(item.reference, written.text)
    figures |= faithfulness(item, written.text)
    figures |= _parts("_entity", entities.count(item.reference, written.text))
    figures |= _stops(written) | _listed(item, written)
    if len(written.parts) > 1:
        wanted, got = divisions.split(item.reference), divisions.split(written.text)
        for name in divisions.DIVISIONS:
            if name in wanted:
                figures[f"{name}.rouge1"] = rouge.score(wanted[name], got.get(name, ""))["rouge1"]
        headers = _headers(item.reference)
        figures["header.recall"] = 100 * len(headers & _headers(written.text)) / len(headers) if headers else 100.0
    if item.kind == "note" and item.key in divisions.DIVISIONS:
        wanted_names, found_names = divisions.headings(item.reference), divisions.headings(written.text)
        counts = spans.Counts(len(wanted_names & found_names), len(found_names), len(wanted_names))
        figures["header.f1"] = counts.f1 if written.text.strip() else 0.0
    return figures


def texts(item: Item, written: Written) -> list[tuple[str, str]]:
    """(reference, answer) pairs that can be compared as text: of an extraction, one a field that the reference has."""
    if item.kind != "extract":
        return [(item.reference, written.text)]
    wanted, fields = json.loads(item.reference), spans.parse(written.text) or {}
    return [("\n".join(wanted[key]), "\n".join(fields.get(key, []))) for key in FIELD_KEYS if wanted[key]]


def _rouge(reference: str, text: str) -> Figures:
    plain, stemmed = rouge.score(reference, text), rouge.score(reference, text, stem=True)
    return plain | {f"{kind}.stem": value for kind, value in stemmed.items()}


def faithfulness(item: Item, text: str) -> Figures:
    """Numbers, doses and drugs that the source does not hold, the reference's words missing, words, length ratio."""
    return {
        "words": float(len(text.split())),
        "unsupported.numbers": float(len(facts.unsupported_numbers(text, item.source))),
        "unsupported.doses": float(len(facts.unsupported_doses(text, item.source))),
        "unsupported.drugs": float(len(facts.unsupported_drugs(text, item.source))),
        "omitted.words": facts.omission(item.reference, text),
        "length.ratio": len(text.split()) / max(1, len(item.reference.split())),
        "empty": 0.0 if text.strip() else 100.0,
    }


def _listed(item: Item, written: Written) -> Figures:
    """What a checklist finds in a note, as counts, and whether the product would mark the note INCOMPLETE."""
    if item.checklist is None:
        return {}
    marks = checklists.mark(item.checklist, written.text)
    hits = [point for point, _ in marks.hits]
    critical = sum(point.critical for point in hits)
    figures: Figures = {
        "forbidden": float(len(hits)),
        "forbidden.critical": float(critical),
        "_critical.stated": float(sum(point.critical for point in marks.stated)),
        "_critical.all": float(sum(point.critical for point in item.checklist.facts)),
        "_fact.stated": float(len(marks.stated)),
        "_fact.all": float(len(item.checklist.facts)),
        "_forbidden.hit": float(critical),
        "_forbidden.all": float(sum(point.critical for point in item.checklist.forbidden)),
        "_reference.words": float(len(item.reference.split())),
    }
    if written.reasons:
        figures["incomplete"] = 0.0 if set(written.reasons) == {"end"} else 100.0
    return figures


def _stops(written: Written) -> Figures:
    if not written.reasons:  # another system's answer: nobody knows why it ended
        return {}
    answers = max(1, len(written.reasons))
    return {
        "loop": 100 * written.reasons.count("loop") / answers,
        "cut": 100 * written.reasons.count("length") / answers,
        "error": 100.0 if written.error else 0.0,
        "tokens": float(written.tokens),
        "seconds": written.seconds,
    }


def _check(item: Item, written: Written) -> Figures:
    """Error flag and sentence, as MEDEC scores them: an answer that says none is a flag of 0; no answer is wrong."""
    wrong = not is_absent(item.reference)
    answered = bool(written.text.strip())
    flagged = not is_absent(written.text)
    same = " ".join(written.text.split()).casefold() == " ".join(item.reference.split()).casefold()
    figures = {"flag.accuracy": 100.0 if answered and flagged == wrong else 0.0}
    return (
        figures
        | {"sentence.accuracy": 100.0 if same or not (wrong or flagged or not answered) else 0.0}
        | _stops(written)
    )


def _headers(text: str) -> set[str]:
    return {name for line in text.split("\n") if (name := divisions.heading(line))}


def _extraction(item: Item, written: Written) -> Figures:
    wanted = json.loads(item.reference)
    parsed = spans.parse(written.text)
    fields = parsed or {}
    figures: Figures = {"json.valid": 100.0 if parsed is not None and "length" not in written.reasons else 0.0}
    for name, relaxed in (("exact", False), ("relaxed", True)):
        counts = spans.report_counts(wanted, fields, relaxed)
        for key in FIELD_KEYS:
            figures |= _parts(f"_{name}.{key}", counts[key])
    written_spans = [s for entries in fields.values() for s in entries]
    figures["verbatim"] = 100.0 * intervals.mean([float(s in item.source) for s in written_spans])
    per_field = [
        rouge.score("\n".join(wanted[k]), "\n".join(fields.get(k, [])))["rouge1"] if wanted[k] else
        (0.0 if parsed is None or fields.get(k) else 100.0)  # an answer that does not parse gets nothing for it
        for k in FIELD_KEYS
    ]  # fmt: skip
    for key in FIELD_KEYS:
        if wanted[key]:
            figures |= _field_rouge(key, "\n".join(wanted[key]), "\n".join(fields.get(key, [])))
    return figures | {"field.rouge1": intervals.mean(per_field)} | _stops(written)


def _field_rouge(key: str, reference: str, text: str) -> Figures:
    """ROUGE of one field, in the reports whose reference has it."""
    found = rouge.score(reference, text, kinds=("rouge1", "rouge2", "rougeL"))
    return {f"field.{kind}.{key}": value for kind, value in found.items()}


def _parts(name: str, counts: spans.Counts) -> Figures:
    """Counts as figures that are summed over items, not averaged."""
    return {f"{name}.{part}": float(getattr(counts, part)) for part in ("matched", "predicted", "wanted")}


def figures(scored: Sequence[Figures]) -> Figures:
    """Means over items; over all items together (micro) span and entity F1, and unsupported facts a hundred words.

    Span F1 stands there for each field, too.
    """
    names = dict.fromkeys(name for one in scored for name in one if not name.startswith("_"))
    found = {name: intervals.mean([one[name] for one in scored if name in one]) for name in names}
    for kind in ("exact", "relaxed"):
        if any(f"_{kind}.{FIELD_KEYS[0]}.matched" in one for one in scored):
            found[f"span.f1.{kind}"] = _micro(scored, [f"_{kind}.{key}" for key in FIELD_KEYS])
            found |= {f"span.f1.{kind}.{key}": _micro(scored, [f"_{kind}.{key}"]) for key in FIELD_KEYS}
    if any("_entity.matched" in one for one in scored):
        found["entity.f1"] = _micro(scored, ["_entity"])
    if any("_fact.all" in one for one in scored):
        found |= {name: _share(scored, name) for name in _SHARES}
    if any(one.get("words") for one in scored):
        found |= {f"{name}{_RATE}": _rate(scored, name) for name in names if name.startswith("unsupported.")}
    return found


def _share(scored: Sequence[Figures], name: str) -> float:
    """A share over all items together: of facts stated, of forbidden statements made, of the reference's words used."""
    part, whole = (sum(one.get(key, 0.0) for one in scored) for key in _SHARES[name])
    return (1.0 if name == _WORDS else 100.0) * part / (whole or 1.0)


def _rate(scored: Sequence[Figures], name: str) -> float:
    """A count for each hundred words of all answers together."""
    return 100 * sum(one[name] for one in scored) / (sum(one["words"] for one in scored) or 1.0)


def _micro(scored: Sequence[Figures], names: Sequence[str]) -> float:
    total = [
        sum(one.get(f"{name}.{part}", 0.0) for one in scored for name in names)
        for part in ("matched", "predicted", "wanted")
    ]
    return spans.Counts(int(total[0]), int(total[1]), int(total[2])).f1


MAIN = (
    "critical.recall",
    "fact.recall",
    "forbidden.share",
    "flag.accuracy",
    "sentence.accuracy",
    "rouge1",
    "rouge2",
    "rougeL",
    "rougeLsum",
    "entity.f1",
    "span.f1.relaxed",
    "span.f1.exact",
    "unsupported.numbers",
    "unsupported.doses",
    "unsupported.drugs",
    "unsupported.numbers.per100",
    "unsupported.doses.per100",
    "omitted.words",
    "header.f1",
    "length.ratio",
    "field.rouge1",
)


def summary(items: Sequence[Item], answers: Sequence[Written]) -> dict[str, Any]:
    """{"n", "figures", "intervals"}; intervals for the main figures only."""
    scored = [score_item(i, w) for i, w in zip(items, answers, strict=True)]
    found = figures(scored)
    ranges = {name: intervals.interval(scored, partial(_one, name=name)) for name in MAIN if name in found}
    return {"n": len(items), "figures": found, "intervals": ranges}


def _one(scored: Sequence[Figures], name: str) -> float:
    if name in _SHARES:
        return _share(scored, name)
    if name == "entity.f1":
        return _micro(scored, ["_entity"])
    if name.startswith("span.f1."):
        kind = name.rsplit(".", 1)[-1]
        return _micro(scored, [f"_{kind}.{key}" for key in FIELD_KEYS])
    if name.endswith(_RATE):
        return _rate(scored, name.removesuffix(_RATE))
    return intervals.mean([one[name] for one in scored if name in one])


def floor_answers(items: Sequence[Item], train: Sequence[TrainingDocument]) -> dict[str, list[Written]]:
    """Answers of the two floors, and the reference itself, whose unsupported facts are what the counting gets wrong.

    The copy of a report stands as the one entry of each of its fields. Without training documents there is no nearest
    example.
    """
    found: dict[str, list[Written]] = {}
    if train:
        targets = [(d.raw, d.tasks[0].key, d.note or d.tasks[0].target) for d in train]
        nearest = floors.Nearest([t[0] for t in targets], [t[1] for t in targets])
        best = [targets[nearest.find(i.source, i.key)][2] for i in items]
        found["nearest"] = [Written(i.id, text, ("end",), 0, 0.0) for i, text in zip(items, best, strict=True)]
    if all(i.kind == "check" for i in items):
        found["always none"] = [Written(i.id, "None.", ("end",), 0, 0.0) for i in items]
    elif all(i.kind != "extract" for i in items):
        found["reference"] = [Written(i.id, i.reference, ("end",), 0, 0.0) for i in items]
    found["copy"] = [Written(i.id, _copied(i), ("end",), 0, 0.0) for i in items]
    return found


def _copied(item: Item) -> str:
    return extraction_target({key: [item.source] for key in FIELD_KEYS}) if item.kind == "extract" else item.source
