"""Fits the weights of edge.evidence: the ranking of turns, the votes of negation, the signs of an omission.

Softmax or logistic regression on the ACI training visits and the English synthetic ones; validation is never looked at.
The weights are written as the TOML files that ship, three figures behind the point: the same data give the same files.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edge.evidence import links, omissions
from edge.evidence.checks import negation
from edge.evidence.conversation import converse
from edge.evidence.statements import split
from edge.evidence.view import View
from training import check_sets, planted
from training.check_sets import Visit

SYNTHETIC = 0.5  # weight of a synthetic visit's example beside one that people spoke
_STEPS = 200
_HEAD = "# {what}\n# Fitted by `edgescribe-training fit-checks` on the ACI training and the English synthetic visits.\n"


def fit(folder: Path, out: Path) -> list[Path]:
    """Fit all three; writes link_weights.toml, omission_weights.toml, negation_weights.toml. Returns their paths."""
    spoken, written = check_sets.visits(folder, "aci-train"), check_sets.visits(folder, "synthetic")
    files = {
        "link_weights.toml": _links(spoken, written),
        "omission_weights.toml": _omissions(spoken, written),
        "negation_weights.toml": _negation([*spoken, *written]),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")
    return [out / name for name in files]


def _minimise(loss: Any, start: Any) -> Any:
    """The minimum of loss(weights) by L-BFGS. start: float32, shape (weights,)."""
    weights = start.clone().requires_grad_(True)
    optimiser = torch.optim.LBFGS([weights], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def closure() -> Any:
        optimiser.zero_grad()
        value = loss(weights)
        value.backward()
        return value

    optimiser.step(closure)
    return weights.detach().numpy().astype(float)


def _links(spoken: Sequence[Visit], written: Sequence[Visit]) -> str:
    examples = [
        (rows, right, share)
        for visits, share in ((spoken, 1.0), (written, SYNTHETIC))
        for rows, right in _ranked(visits)
    ]
    turns, width = max(len(right) for _, right, _ in examples), examples[0][0].shape[1]
    table = torch.zeros(len(examples), turns, width)
    right_, there = (
        torch.zeros(len(examples), turns, dtype=torch.bool),
        torch.zeros(len(examples), turns, dtype=torch.bool),
    )
    for at, (rows, right, _) in enumerate(examples):
        table[at, : len(right)] = torch.tensor(rows, dtype=torch.float32)
        right_[at, : len(right)], there[at, : len(right)] = torch.tensor(right), True
    shares = torch.tensor([share for _, _, share in examples])

    def loss(weights: Any) -> Any:
        scores = (table @ weights).masked_fill(~there, -1e9)
        wrong = torch.logsumexp(scores, 1) - torch.logsumexp(scores.masked_fill(~right_, -1e9), 1)
        return (wrong * shares).mean() + 0.0005 * (weights**2).sum()

    start = torch.zeros(width)
    start[0] = 8.0
    found = _minimise(loss, start)
    text = _HEAD.format(what="Weights of the ranking of turns for a statement (edge/evidence/links.py).") + "[turn]\n"
    text += "".join(f"{_key(name)} = {found[at]:.3f}\n" for at, name in enumerate(links.FEATURES)) + "\n[section]\n"
    for at, section in enumerate(links.SECTIONS):
        first = len(links.FEATURES)
        parts = (
            f"{part} = {found[first + n * len(links.SECTIONS) + at]:.3f}" for n, part in enumerate(links.PER_SECTION)
        )
        text += f"{_key(section)} = {{ {', '.join(parts)} }}\n"
    return text


def _ranked(visits: Sequence[Visit]) -> list[tuple[Any, Any]]:
    """(features of every turn, which turns people named) of every statement that has a source."""
    found = []
    for visit in visits:
        held, pieces = links.index(visit.transcript), split(visit.note)
        for piece, rows in zip(pieces, links.table(held, pieces), strict=True):
            quotes = [
                quote for one in visit.facts
                if one.in_note and one.in_note[0] < piece.end and one.in_note[1] > piece.start
                for quote in one.fact.evidence
            ]  # fmt: skip
            right = np.array([any(q.start < t.end and q.end > t.start for q in quotes) for t in visit.transcript.turns])
            if right.any():
                found.append((rows, right))
    return found


def _logistic(
    rows: Sequence[tuple[dict[str, float], bool, float]], names: Sequence[str], decay: float, what: str
) -> str:
    table = torch.tensor([[values[name] for name in names] for values, _, _ in rows], dtype=torch.float32)
    wanted = torch.tensor([float(answer) for _, answer, _ in rows])
    shares = torch.tensor([share for _, _, share in rows])

    def loss(weights: Any) -> Any:
        scores = table @ weights[:-1] + weights[-1]
        wrong = torch.nn.functional.binary_cross_entropy_with_logits(scores, wanted, reduction="none")
        return (wrong * shares).mean() + decay * (weights[:-1] ** 2).sum()

    found = _minimise(loss, torch.zeros(len(names) + 1))
    return _HEAD.format(what=what) + "".join(
        f"{_key(name)} = {found[at]:.3f}\n" for at, name in enumerate([*names, "base"])
    )


def _omissions(spoken: Sequence[Visit], written: Sequence[Visit]) -> str:
    rows = []
    for visits, share in ((spoken, 1.0), (written, 0.3)):
        for visit in visits:
            talk = converse(visit.transcript)
            held = omissions.written(split(visit.note))
            rows += [(omissions.signs(one.fact, held, talk), one.in_note is None, share) for one in visit.facts]
    return _logistic(
        rows, omissions.SIGNS, 0.0005, "Weights of the signs that a fact is left out (edge/evidence/omissions.py)."
    )


def _negation(visits: Sequence[Visit]) -> str:
    rows = []
    for visit in visits:
        talk = converse(visit.transcript)
        for note, only in [(visit.note, None), *_planted(visit)]:
            pieces = split(note)
            for piece, sources in zip(pieces, links.link(talk.index, pieces), strict=True):
                if only is None or (piece.start < only[1] and piece.end > only[0]):
                    view = View(piece, talk, sources, note)
                    votes = [negation.votes(view, one) for one in view.named if negation.votes_on(one)]
                    rows += [(found, only is not None, 1.0) for found in votes if found["against"]]
    return _logistic(
        rows, negation.VOTES, 0.003, "Weights of the votes in the negation check (edge/evidence/checks/negation.py)."
    )


def _planted(visit: Visit) -> list[tuple[str, tuple[int, int]]]:
    found = (planted.plant(visit.id, visit.note, "negation", random.Random(f"fit-{visit.id}-{n}")) for n in range(3))
    return [(one.note, (one.start, one.end)) for one in found if one is not None]


def _key(name: str) -> str:
    return name if name.isidentifier() else f'"{name}"'
