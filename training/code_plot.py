"""The reliability diagram of candidate codes as SVG: confidence across, the share that is right up."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from training.code_scores import Reliability

_SIZE, _MARGIN = 320, 44


def plot(bins: Sequence[Reliability], title: str) -> str:
    """SVG of the bins; the area of a point grows with its candidates, whose number stands beside it."""

    def x(value: float) -> float:
        return round(_MARGIN + value * _SIZE, 1)

    def y(value: float) -> float:
        return round(_MARGIN + (1 - value) * _SIZE, 1)

    whole = _SIZE + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole}" font-size="11">',
        f'<rect width="{whole}" height="{whole}" fill="white"/>',
        f'<text x="{_MARGIN}" y="20" font-size="13">{escape(title)}</text>',
        f'<path d="M{x(0)} {y(0)}H{x(1)}M{x(0)} {y(0)}V{y(1)}" stroke="black" fill="none"/>',
        f'<path d="M{x(0)} {y(0)}L{x(1)} {y(1)}" stroke="grey" stroke-dasharray="4"/>',
        f'<text x="{x(0.5)}" y="{whole - 8}" text-anchor="middle">confidence</text>',
        f'<text x="12" y="{y(0.5)}" transform="rotate(-90 12 {y(0.5)})" text-anchor="middle">share right</text>',
    ]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(f'<text x="{x(tick)}" y="{y(0) + 14}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text x="{x(0) - 6}" y="{y(tick) + 4}" text-anchor="end">{tick:g}</text>')
    for one in bins:
        radius = round(2 + one.count**0.5, 1)
        across, up = x(one.confidence), y(one.right)
        parts.append(f'<circle cx="{across}" cy="{up}" r="{radius}" fill="steelblue" fill-opacity="0.7"/>')
        parts.append(f'<text x="{round(across + radius + 3, 1)}" y="{up + 4}">{one.count}</text>')
    return "\n".join([*parts, "</svg>", ""])
