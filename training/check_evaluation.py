"""Figures of the checks of edge.evidence: planted errors, sources, statements without one, omissions, summaries.

Everything is measured through the product's own code; nothing here is tuned. training/check_report.py makes the page.
"""

from __future__ import annotations

import csv
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.contract.facts import Flag, Severity
from edge.evidence import judged, omissions, support
from edge.evidence.checks import age_sex
from edge.evidence.conversation import Conversation, converse
from edge.evidence.judging import PairJudge
from edge.evidence.links import link
from edge.evidence.review import NO_SOURCE, FactFinder, review, statement
from edge.evidence.statements import split
from edge.evidence.view import View
from edge.reading.conversation import parse
from edge.text import sanitise
from training import check_sets, intervals, judge_data, medec_head, planted, sources
from training.check_sets import Visit
from training.runlog import Say

CHECK_OF = {
    "age_sex": "age and sex",
    "planned": "planned or done",
    "stopped": "stopped or current",
    "allergy": "allergy or intolerance",
}
_BACK = 4
EACH = 110  # planted notes of a kind
PLANTED_SECTIONS = 500  # of MTS-Dialog, in which errors are planted; others stay untouched


@dataclass(frozen=True)
class Trial:
    """One note with an error. found: the check that is meant for it flags the statement; any: some check does."""

    kind: str
    found: bool
    any: bool


def planted_errors(
    visits: Sequence[Visit], untouched: Sequence[Visit], seed: int = 1, judge: PairJudge | None = None
) -> dict[str, Any]:
    """Precision and recall of each check: notes with one error each, beside notes as people wrote them.

    A flag that a note raises without the error, and that does not stand on a piece without a source, is false.
    """
    by_id = {one.id: one for one in visits}
    talks = {one.id: converse(one.transcript) for one in [*visits, *untouched]}
    trials, false, notes = [], Counter[str](), 0
    before: dict[str, set[tuple[str, str]]] = {}
    for one in [*visits, *untouched]:
        notes += 1
        flags = _flags(talks[one.id], one.note, judge)
        before[one.id] = {(flag.check, text) for flag, text, _ in flags}
        false.update(
            flag.check for flag, _, at in flags if not any(a < at[1] and b > at[0] for a, b in one.unsupported)
        )
    for error in planted.plant_all([(one.id, one.note) for one in visits], EACH, seed):
        visit = by_id[error.id.split("/")[0]]
        got = {
            flag.check
            for flag, text, at in _flags(talks[visit.id], error.note, judge, (error.start, error.end))
            if (flag.check, text) not in before[visit.id]
        }
        trials.append(Trial(error.kind, CHECK_OF.get(error.kind, error.kind) in got, bool(got)))
    return {"notes with an error": len(trials), "notes untouched": notes, "checks": _by_kind(trials, false, notes)}


def _flags(
    talk: Conversation, note: str, judge: PairJudge | None, only: tuple[int, int] | None = None
) -> list[tuple[Flag, str, tuple[int, int]]]:
    """Flags of a note's statements, or of those alone that lie in a stretch, with each one's text and place."""
    pieces = split(note)
    inside = [n for n, one in enumerate(pieces) if only is None or (one.start < only[1] and one.end > only[0])]
    pieces = pieces[max(0, inside[0] - _BACK) : inside[-1] + 1] if inside else []  # the ranking looks a few back
    linked = [
        (piece, held)
        for piece, held in zip(pieces, link(talk.index, pieces), strict=True)
        if only is None or (piece.start < only[1] and piece.end > only[0])
    ]
    answers = judged.answers([piece for piece, _ in linked], [held for _, held in linked], talk, judge)
    found = []
    for (piece, held), said in zip(linked, answers, strict=True):
        one = statement(piece, held, talk, note, said)
        found += [(flag, one.text, (one.start, one.end)) for flag in one.flags if flag.check != NO_SOURCE]
    return found


def _by_kind(trials: Sequence[Trial], false: Counter[str], notes: int) -> dict[str, Any]:
    """precision: of a pile of as many notes with the error as without one."""
    found = {}
    for kind in planted.KINDS:
        these = [one for one in trials if one.kind == kind]
        check = CHECK_OF.get(kind, kind)
        rate = false[check] / notes
        recall = intervals.mean([float(one.found) for one in these])
        low, high = intervals.interval(these, lambda some: intervals.mean([float(one.found) for one in some]))
        found[kind] = {
            "n": len(these), "recall": recall, "recall interval": [low, high],
            "any flag": intervals.mean([float(one.any) for one in these]),
            "false flags a note": rate, "precision": recall / (recall + rate) if recall + rate else 0.0,
        }  # fmt: skip
    return found


def first_sources(visits: Sequence[Visit]) -> dict[str, Any]:
    """How often the first link of a statement that has a source is one of the turns that people named."""
    right: list[float] = []
    among: list[float] = []
    for visit in visits:
        pieces = split(visit.note)
        for piece, held in zip(pieces, link(converse(visit.transcript).index, pieces), strict=True):
            gold = [
                q
                for one in visit.facts
                if one.in_note and one.in_note[0] < piece.end and one.in_note[1] > piece.start
                for q in one.fact.evidence
            ]
            if gold:
                hits = [any(q.start < s.quote.end and q.end > s.quote.start for q in gold) for s in held]
                right.append(float(bool(hits) and hits[0]))
                among.append(float(any(hits)))
    return {
        "statements": len(right),
        "first": intervals.mean(right),
        "first interval": list(intervals.interval(right, intervals.mean)),
        "one of three": intervals.mean(among),
    }


def unsupported(visits: Sequence[Visit]) -> dict[str, Any]:
    """Claims called without a source against the pieces that people listed."""
    called = right = wanted = 0
    hit: set[tuple[str, int]] = set()
    for visit in visits:
        talk = converse(visit.transcript)
        pieces = split(visit.note)
        wanted += len(visit.unsupported)
        for piece, held in zip(pieces, link(talk.index, pieces), strict=True):
            for claim in support.unsupported(piece, talk, held):
                low, high = piece.start + claim.start, piece.start + claim.end
                these = {(visit.id, n) for n, (a, b) in enumerate(visit.unsupported) if a < high and b > low}
                called, right, hit = called + 1, right + bool(these), hit | these
    return {
        "called": called,
        "precision": right / called if called else 0.0,
        "pieces": wanted,
        "recall": len(hit) / wanted if wanted else 0.0,
    }


def left_out(
    visits: Sequence[Visit], finder: FactFinder | None = None, judge: PairJudge | None = None
) -> dict[str, Any]:
    """Critical facts listed as missing: with the facts that people listed, or with those that a finder found.

    A found omission is right if half of a listed fact's quote that the note leaves out lies in it.
    """
    listed = right = wanted = 0
    hit = 0
    for visit in visits:
        talk = converse(visit.transcript)
        facts = tuple(one.fact for one in visit.facts) if finder is None else tuple(finder(visit.transcript))
        found = [one for one in omissions.find(facts, split(visit.note), talk) if one.critical]
        gold = [one for one in visit.facts if one.in_note is None]
        critical = [one for one in gold if one.fact.critical]
        wanted += len(critical)
        listed += len(found)
        right += sum(any(_same(one.quote.start, one.quote.end, g) for g in gold) for one in found)
        hit += sum(any(_same(one.quote.start, one.quote.end, g) for one in found) for g in critical)
    return {
        "listed": listed,
        "precision": right / listed if listed else 0.0,
        "left out": wanted,
        "recall": hit / wanted if wanted else 0.0,
    }


def _same(start: int, end: int, gold: check_sets.Gold) -> bool:
    for quote in gold.fact.evidence:
        shared = min(end, quote.end) - max(start, quote.start)
        if shared * 2 >= min(end - start, quote.end - quote.start) > 0:
            return True
    return False


def checklists(folder: Path, judge: PairJudge | None = None) -> dict[str, Any]:
    """The ten trap visits: high flags on their true notes, and wrong statements of the checklists that get a flag."""
    worst = 0
    caught: list[float] = []
    critical: list[float] = []
    rows = [
        json.loads(line)
        for line in (folder / "facts_dev" / "encounters.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    second = {
        r["id"]: r["note"]
        for r in map(
            json.loads, (folder / "facts_dev" / "paraphrase_notes.jsonl").read_text(encoding="utf-8").splitlines()
        )
    }
    for row in rows:
        transcript = parse(sanitise(row["dialogue"]))
        for note in (row["note"], second[row["id"]]):
            worst = max(
                worst, sum(flag.severity is Severity.HIGH for flag in review(note, transcript, judge=judge).flags)
            )
        for wrong in row["forbidden"]:
            for text in (wrong["example_bad"], *wrong["example_bad_more"]):
                flagged = float(any(flag.check != NO_SOURCE for flag in review(text, transcript, judge=judge).flags))
                caught.append(flagged)
                critical += [flagged] if wrong["critical"] else []
    return {
        "most high flags on a true note": worst, "wrong statements": len(caught), "flagged": intervals.mean(caught),
        "critical wrong statements": len(critical), "critical flagged": intervals.mean(critical),
    }  # fmt: skip


def summaries(folder: Path, judge: PairJudge | None = None) -> dict[str, Any]:
    """The 400 hand-scored automatic summaries of MTS-Dialog: flags against the hallucinations that people counted."""
    place = folder / "mts_dialog"
    texts = list(
        csv.DictReader((place / "MTS-Dialog-Automatic-Summaries-ValidationSet.csv").open(encoding="utf-8-sig"))
    )
    scores = list(csv.DictReader((place / "MTS-Dialog-Manual-Scores4CorrelationStudy.csv").open(encoding="utf-8-sig")))
    pairs = []
    for text, score in zip(texts, scores, strict=True):
        summary = sanitise(text["Automatic Summary"]).strip()
        flags = review(summary, parse(sanitise(text["Dialogue"])), judge=judge).flags if summary else ()
        pairs.append((bool(flags), float(score["HallucinationRate"]) > 0, float(score["FactualPrecision"]) < 1))
    called = sum(flagged for flagged, _, _ in pairs)
    both = sum(flagged and invented for flagged, invented, _ in pairs)
    invented = sum(one for _, one, _ in pairs)
    unfactual = sum(flagged and wrong for flagged, _, wrong in pairs)
    return {
        "summaries": len(pairs), "with a hallucination": invented, "flagged": called,
        "precision": both / called if called else 0.0, "recall": both / invented if invented else 0.0,
        "flagged and not wholly factual": unfactual,
    }  # fmt: skip


def medec(folder: Path) -> dict[str, Any]:
    """MEDEC dev has no conversation: only what a text says against itself can be checked (age and sex)."""
    rows = sources.medec(folder, "dev")
    right = []
    for row in rows:
        talk = converse(parse("[doctor] hello"))
        flagged = any(list(age_sex.check(View(piece, talk, (), row.raw))) for piece in split(row.raw))
        wrong = row.tasks[0].target.strip().rstrip(".").casefold() != "none"
        right.append(float(flagged == wrong))
    wrong_share = intervals.mean([float(row.tasks[0].target.strip().rstrip(".").casefold() != "none") for row in rows])
    return {
        "texts": len(rows),
        "flag accuracy": intervals.mean(right),
        "interval": list(intervals.interval(right, intervals.mean)),
        "majority": max(wrong_share, 1 - wrong_share),
    }


def _every_other(folder: Path) -> list[Visit]:
    """The training visits that people spoke and those that were written, for rules, which learn no wording."""
    return [*check_sets.visits(folder, "aci-train"), *check_sets.visits(folder, "synthetic")]


def evaluate(
    folder: Path, say: Say, finder: FactFinder | None = None, test: bool = False, judge: PairJudge | None = None,
    encoder: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Every figure. test: the annotated visits of ACI test 1 in place of validation, once, at the end. encoder: Hugging
    Face folder for the head over MEDEC's sentences, None for none.

    Errors are planted in all annotated visits but test 1; where a judge is measured, in notes that it was not trained
    on: validation, the synthetic visits kept aside, sections of MTS-Dialog.
    """
    name = "aci-test1" if test else "aci-valid"
    held = check_sets.visits(folder, name)
    started = time.perf_counter()
    say(f"{len(held)} visits of {name}")
    result: dict[str, Any] = {
        "set": name, "judge": judge is not None, "first sources": first_sources(held),
        "without a source": unsupported(held), "omissions, listed facts": left_out(held),
    }  # fmt: skip
    if finder is not None:
        result["omissions, found facts"] = left_out(held, finder)
    if not test:
        sections = check_sets.sections(folder)
        visits = [*held, *(judge_data.visits(folder, "synthetic-rest") if judge else _every_other(folder))]
        visits += sections[:PLANTED_SECTIONS] if judge else []
        say("planting errors")
        rest = sections[PLANTED_SECTIONS:] if judge else sections
        result["planted"] = planted_errors(visits, rest[: max(0, 1000 - len(visits))], judge=judge)
        result |= {"checklists": checklists(folder, judge), "summaries": summaries(folder, judge)}
        result["medec-dev"] = medec(folder)
        if encoder is not None:
            result["medec head"] = medec_head.evaluate(folder, encoder)
    return result | {"seconds": round(time.perf_counter() - started, 1)}
