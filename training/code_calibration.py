"""Fits what a candidate's score is worth: isotonic regression on the visits that this project coded itself.

Pool adjacent violators (Ayer et al. 1955; as a calibration Zadrozny & Elkan 2002); then each step is drawn by two
candidates towards the share of all, so that few candidates don't claim certainty. Codes of ACI-Bench notes are not
fitted on: their licence allows evaluation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from edge.coding.candidates import Coder
from edge.coding.confidence import FILE
from edge.terminology.index import open_catalogue
from training import code_evaluation, code_sets, folders

SET = "icd-synthetic"
_PRIOR = 2.0


def fit(data: Path, out: Path) -> Path:
    """Write confidence.toml into a folder; returns its path. Raises TrainingError."""
    notes = code_sets.coded_notes(data, SET)
    catalogue = open_catalogue()
    try:
        coder = Coder(catalogue)
        scored = code_evaluation.confidences(notes, [coder.code(note.note, 0.0) for note in notes], raw=True)
    finally:
        catalogue.close()
    rows = "".join(f"  [{score}, {share}],\n" for score, share in isotonic(scored))
    text = f"# Fitted on {len(scored)} candidates of {SET} (training/code_calibration.py).\npoints = [\n{rows}]\n"
    with folders.writing(out):
        out.mkdir(parents=True, exist_ok=True)
        folders.replace(out / FILE, text)
    return out / FILE


def isotonic(scored: Sequence[tuple[float, bool]]) -> list[tuple[float, float]]:
    """(score, share of right ones) that never falls, a point for the lowest and highest score of each step."""
    by_score: dict[float, list[float]] = defaultdict(list)
    for score, true in scored:
        by_score[score].append(float(true))
    overall = sum(true for _, true in scored) / max(1, len(scored))
    blocks: list[tuple[float, float, float, float]] = []  # lowest score, highest score, right, weight
    for score in sorted(by_score):
        held = by_score[score]
        blocks.append((score, score, sum(held), len(held)))
        while len(blocks) > 1 and _share(blocks[-2]) >= _share(blocks[-1]):
            (low, _, right, weight), (_, high, more, other) = blocks[-2:]
            blocks[-2:] = [(low, high, right + more, weight + other)]
    steps: list[tuple[float, float]] = []
    for low, high, right, weight in blocks:
        share = max((right + _PRIOR * overall) / (weight + _PRIOR), steps[-1][1] if steps else 0.0)
        steps += [(score, round(share, 3)) for score in dict.fromkeys((low, high))]
    return steps


def _share(block: tuple[float, float, float, float]) -> float:
    return block[2] / block[3]
