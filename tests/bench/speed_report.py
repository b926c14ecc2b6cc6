"""Tables and plots of tests.bench.bench_speed, and the part of docs/performance.md that holds them."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_WALL, _CPU = 0, 1


def rate(run: Mapping[str, Any], what: str, clock: int) -> float:
    """Tokens a second of "read", "write", "plain" (without guesses) or "fields"."""
    return float(run[f"{what}_tokens"] / max(run[what][clock], 1e-9))


def exponent(points: Mapping[Any, float]) -> float:
    """Slope of log(cost) over log(work), by least squares: 1 is in proportion, 2 is with the square."""
    xs, ys = [math.log(float(x)) for x in points], [math.log(max(y, 1e-9)) for y in points.values()]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    over = sum((x - mean_x) ** 2 for x in xs)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / over if over else 0.0


def measured(
    rows: Sequence[Mapping[str, Any]], grown: Mapping[str, Any] | None, threads: int, options: argparse.Namespace
) -> str:
    """The tables in Markdown."""
    lines = [
        f"Medians of {options.rounds} rounds in turns, {threads} thread(s) each, int4 builds beside the published GGUF "
        "of the same base. Ratios are llama.cpp's seconds divided by ours for the same tokens (over 1: we are faster): "
        "wall time / processor time. On a machine that does other work the second is the one to trust.",
        "",
        *_head(
            "model, conversation",
            "reading",
            "writing a note",
            "writing without guesses",
            "fields",
            "visit ÷ theirs anew",
            "visit ÷ theirs with its cache",
            "peak ÷ theirs",
        ),
        *(_ratios(row) for row in rows),
        "",
        *_head(
            "model, conversation",
            "reading, tok/s: ours, theirs",
            "writing: ours, without guesses, theirs",
            "tokens a pass",
            "first word after reading, s",
            "load, s",
            "peak, MB: ours, over the weights, theirs",
        ),
        *(_figures(row) for row in rows),
        "",
        "Figures are by wall time / by processor time.",
        *_default_form([row for row in rows if "facts" in row]),
    ]
    if grown is not None:
        lines += ["", *_growth(grown)]
    return "\n".join(lines) + "\n"


def _ratios(row: Mapping[str, Any]) -> str:
    name, ours, theirs = f"{row['name']}, {row['tokens']:,}", row["ours"], row.get("theirs")
    if theirs is None:
        return f"| {name} |" + " – |" * 7

    def faster(what: str) -> str:
        other = "read" if what == "read" else "write"
        return " / ".join(f"{rate(ours, what, clock) / rate(theirs, other, clock):.2f}" for clock in (_WALL, _CPU))

    def share(which: str) -> str:
        held = theirs.get(which)
        return " / ".join(f"{ours['visit'][c] / held[c]:.2f}" for c in (_WALL, _CPU)) if held else "–"

    cells = [faster(what) for what in ("read", "write", "plain", "fields")]
    cells += [share("anew"), share("visit"), f"{ours['peak'] / theirs['peak']:.2f}"]
    return f"| {name} | {' | '.join(cells)} |"


def _figures(row: Mapping[str, Any]) -> str:
    ours, theirs = row["ours"], row.get("theirs")

    def tokens(run: Mapping[str, Any] | None, what: str) -> str:
        return "–" if run is None else f"{rate(run, what, _WALL):.0f} / {rate(run, what, _CPU):.0f}"

    peak = f"{ours['peak'] / 1e6:.0f}, {(ours['peak'] - row['weights']) / 1e6:.0f}"
    cells = [
        f"{tokens(ours, 'read')}, {tokens(theirs, 'read')}",
        f"{tokens(ours, 'write')}, {tokens(ours, 'plain')}, {tokens(theirs, 'write')}",
        f"{ours['write_tokens'] / max(ours['passes'], 1):.2f}",
        f"{ours['first'][_WALL]:.2f} / {ours['first'][_CPU]:.2f}",
        f"{ours['loaded'][_WALL]:.2f} / {ours['loaded'][_CPU]:.2f}",
        f"{peak}, {theirs['peak'] / 1e6:.0f}" if theirs else f"{peak}, –",
    ]
    return f"| {row['name']}, {row['tokens']:,} | {' | '.join(cells)} |"


def _default_form(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The table of the visit in the default form of a note, beside llama.cpp with each base."""
    if not rows:
        return []
    head = _head(
        "conversation, llama.cpp with",
        "note, s",
        "note, check and fields, s",
        "÷ theirs anew",
        "÷ theirs with its cache",
        "peak, MB: ours, theirs",
    )
    return [
        "",
        "The same visit in the default form of a note: facts found and worded, checked, then fields, by the tagger.",
        "",
        *head,
        *(_default_row(row) for row in rows),
    ]


def _default_row(row: Mapping[str, Any]) -> str:
    ours, theirs = row["facts"], row.get("theirs")

    def share(which: str) -> str:
        if theirs is None:
            return "–"
        return " / ".join(f"{ours['visit'][clock] / theirs[which][clock]:.3f}" for clock in (_WALL, _CPU))

    seconds = [f"{ours[what][_WALL]:.2f} / {ours[what][_CPU]:.2f}" for what in ("note", "visit")]
    peak = f"{ours['peak'] / 1e6:.0f}, {theirs['peak'] / 1e6:.0f}" if theirs else f"{ours['peak'] / 1e6:.0f}, –"
    return f"| {row['tokens']:,}, {row['name']} | {' | '.join([*seconds, share('anew'), share('visit'), peak])} |"


def _growth(grown: Mapping[str, Any]) -> list[str]:
    read = {int(k): v[_CPU] for k, v in grown["read"].items()}
    write = {int(k): v[_CPU] * 1000 for k, v in grown["write"].items()}
    late = {k: v for k, v in read.items() if k >= 2000}
    sections, queue = (
        {part: {int(k): v[part] for k, v in grown[what].items()} for part in (1, 2)} for what in ("sections", "queue")
    )
    rows = [
        (
            f"reading {_span(read)} tokens",
            _cost(read, "s"),
            f"{exponent(read):.2f}; from 2,000 on {exponent(late):.2f}",
        ),
        (f"a token written after {_span(write)} tokens", _cost(write, "ms"), f"{exponent(write):.2f}"),
        (
            f"{_span(sections[2])} sections of one conversation, tokens read anew",
            _cost(sections[2], ""),
            f"{_step(sections[2]):.0f} a section after the first",
        ),
        ("the same, seconds", _cost(sections[1], "s"), f"{_step(sections[1]):.2f} s a section after the first"),
        (f"{_span(queue[1])} encounters in a row", _cost(queue[1], "s"), f"{exponent(queue[1]):.2f}"),
    ]
    table = [f"| {' | '.join(row)} |" for row in rows]
    return ["Growth, by processor time:", "", *_head("work", "cost", "fitted exponent"), *table]


def _head(*names: str) -> list[str]:
    return [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]


def _span(points: Mapping[int, Any]) -> str:
    return f"{min(points):,} to {max(points):,}"


def _cost(points: Mapping[int, float], unit: str) -> str:
    values = list(points.values())
    return f"{values[0]:,.1f} to {values[-1]:,.1f} {unit}".strip()


def _step(points: Mapping[int, float]) -> float:
    """What one more costs on average, the first aside."""
    numbers = sorted(points)
    return (points[numbers[-1]] - points[numbers[0]]) / max(1, numbers[-1] - numbers[0])


def write(docs: Path, text: str, grown: Mapping[str, Any] | None) -> None:
    """Put the tables between the marks of docs/performance.md, and the plots beside it."""
    page = docs / "performance.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}", encoding="utf-8")
    if grown is not None:
        plot(docs / "performance-growth.svg", grown)


def plot(path: Path, grown: Mapping[str, Any]) -> None:
    """Four curves: reading, a token, sections, encounters; processor time, dashes: in proportion to the first point."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "performance"  # the same figures make the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(9, 6.5))
    curves = (
        ("reading", "tokens", "s", {int(k): v[_CPU] for k, v in grown["read"].items()}, True),
        (
            "a token written",
            "tokens before it",
            "ms",
            {int(k): v[_CPU] * 1e3 for k, v in grown["write"].items()},
            False,
        ),
        ("sections of one conversation", "sections", "s", {int(k): v[1] for k, v in grown["sections"].items()}, True),
        ("encounters in a row", "encounters", "s", {int(k): v[1] for k, v in grown["queue"].items()}, True),
    )
    for axis, (title, across, unit, points, line) in zip(axes.flat, curves, strict=True):
        xs, ys = list(points), list(points.values())
        axis.plot(xs, ys, "o-", markersize=3)
        if line:
            axis.plot(xs, [ys[0] * x / xs[0] for x in xs], "--", linewidth=0.8, color="grey")
        axis.set(title=title, xlabel=across, ylabel=unit)
        axis.set_ylim(bottom=0)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
