"""Tables and plots of tests.bench.bench_speed, and the part of docs/performance.md that holds them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_WALL, _CPU = 0, 1
_CURVES = (
    ("read", _CPU, 1.0, True),
    ("write", _CPU, 1e3, False),
    ("sections", _CPU, 1.0, True),
    ("queue", _CPU, 1.0, True),
)
_AXES = (
    ("reading", "tokens", "s"),
    ("a token written", "tokens before it", "ms"),
    ("sections of one conversation", "sections", "s"),
    ("encounters in a row", "encounters", "s"),
)


@dataclass(frozen=True)
class Options:
    """rounds: of each measurement. machine: in words, with a comma or blank before them."""

    rounds: int
    machine: str = ""


def rate(run: Mapping[str, Any], what: str, clock: int) -> float:
    """Tokens a second of "read", "write", "plain" (without guesses) or "fields"."""
    return float(run[f"{what}_tokens"] / max(run[what][clock], 1e-9))


def exponent(points: Mapping[Any, float]) -> float:
    """Slope of log(cost) over log(work), by least squares: 1 is in proportion, 2 is with the square."""
    xs, ys = [math.log(float(x)) for x in points], [math.log(max(y, 1e-9)) for y in points.values()]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    over = sum((x - mean_x) ** 2 for x in xs)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / over if over else 0.0


def measured(rows: Sequence[Mapping[str, Any]], grown: Sequence[Mapping[str, Any]], options: Options) -> str:
    """The tables in Markdown: those of each number of threads, then how cost grows."""
    lines: list[str] = []
    for threads in sorted({row["threads"] for row in rows}):
        lines += [*_beside([row for row in rows if row["threads"] == threads], threads, options), ""]
    for one in grown:
        lines += [*_growth(one), ""]
    return "\n".join(lines[:-1]) + "\n"


def _beside(rows: Sequence[Mapping[str, Any]], threads: int, options: Options) -> list[str]:
    """The tables of measurements with so many threads."""
    clocks = _clocks(rows[0])
    each = "one thread" if threads == 1 else f"{threads} threads"
    said = "processor time" if clocks == (_CPU,) else "wall time / processor time"
    busy = {
        (1, 2): " On a machine that does other work the second is the one to trust.",
        (2, 2): " A thread that waits for another may spin, and processor time counts that.",
    }.get((min(threads, 2), len(clocks)), "")
    return [
        f"{_rounds(options.rounds)}, {each} each, int4 builds beside the published GGUF of the same base"
        f"{options.machine}: {said}. Ratios are llama.cpp's seconds divided by ours for the same tokens (over 1: we "
        f"are faster).{busy}",
        "",
        *_head(
            f"{each}: model, conversation",
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
            f"{each}: model, conversation",
            "reading, tok/s: ours, theirs",
            "writing: ours, without guesses, theirs",
            "tokens a pass",
            "first word after reading, s",
            "load, s",
            "peak, MB: ours, over the weights, theirs",
        ),
        *(_figures(row) for row in rows),
        "",
        '"Without guesses" fills passes up to two rows as well, and writes the first two sections only.',
        *_default_form([row for row in rows if "facts" in row]),
    ]


def _rounds(number: int) -> str:
    return "One round" if number == 1 else f"Medians of {number} rounds in turns"


def _clocks(row: Mapping[str, Any]) -> tuple[int, ...]:
    """Which seconds are told: of a machine that others used as well those of the processor alone."""
    return (_CPU,) if row.get("busy") else (_WALL, _CPU)


def _ratios(row: Mapping[str, Any]) -> str:
    name, ours, theirs = f"{row['name']}, {row['tokens']:,}", row["ours"], row.get("theirs")
    if theirs is None:
        return f"| {name} |" + " – |" * 7

    def faster(what: str) -> str:
        other = "read" if what == "read" else "write"
        return " / ".join(f"{rate(ours, what, clock) / rate(theirs, other, clock):.2f}" for clock in _clocks(row))

    def share(which: str) -> str:
        held = theirs.get(which)
        return " / ".join(f"{ours['visit'][c] / held[c]:.2f}" for c in _clocks(row)) if held else "–"

    cells = [faster(what) for what in ("read", "write", "plain", "fields")]
    cells += [share("anew"), share("visit"), f"{ours['peak'] / theirs['peak']:.2f}"]
    return f"| {name} | {' | '.join(cells)} |"


def _figures(row: Mapping[str, Any]) -> str:
    ours, theirs = row["ours"], row.get("theirs")

    def tokens(run: Mapping[str, Any] | None, what: str) -> str:
        return "–" if run is None else " / ".join(f"{rate(run, what, clock):.0f}" for clock in _clocks(row))

    def seconds(what: str) -> str:
        return " / ".join(f"{ours[what][clock]:.2f}" for clock in _clocks(row))

    peak = f"{ours['peak'] / 1e6:.0f}, {(ours['peak'] - row['weights']) / 1e6:.0f}"
    cells = [
        f"{tokens(ours, 'read')}, {tokens(theirs, 'read')}",
        f"{tokens(ours, 'write')}, {tokens(ours, 'plain')}, {tokens(theirs, 'write')}",
        f"{ours['write_tokens'] / max(ours['passes'], 1):.2f}",
        seconds("first"),
        seconds("loaded"),
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
        return " / ".join(f"{ours['visit'][clock] / theirs[which][clock]:.3f}" for clock in _clocks(row))

    seconds = [" / ".join(f"{ours[what][clock]:.2f}" for clock in _clocks(row)) for what in ("note", "visit")]
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
    return [f"Growth, by processor time ({grown['name']}):", "", *_head("work", "cost", "fitted exponent"), *table]


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


def write(docs: Path, text: str, grown: Sequence[Mapping[str, Any]]) -> None:
    """Put the tables between the marks of docs/performance.md, and the plots beside it."""
    page = docs / "performance.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}", encoding="utf-8")
    if grown:
        plot(docs / "performance-growth.svg", grown)


def plot(path: Path, grown: Sequence[Mapping[str, Any]]) -> None:
    """Four curves a model: reading, a token, sections, encounters; processor time, dashes: in proportion."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "performance"  # the same figures make the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(9, 6.5))
    for one in grown:
        for axis, (key, part, scale, line) in zip(axes.flat, _CURVES, strict=True):
            points = {int(number): value[part] * scale for number, value in one[key].items()}
            xs, ys = list(points), list(points.values())
            axis.plot(xs, ys, "o-", markersize=3, label=one["name"])
            if line:
                axis.plot(xs, [ys[0] * x / xs[0] for x in xs], "--", linewidth=0.8, color="grey")
    for axis, (title, across, unit) in zip(axes.flat, _AXES, strict=True):
        axis.set(title=title, xlabel=across, ylabel=unit)
        axis.set_ylim(bottom=0)
    axes.flat[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
