"""Tables over evaluations: model x set x quantisation x figure, with the floors and the published rows beside ours.

One Markdown file and one self-contained HTML file; nothing in either is fetched from anywhere.
"""

from __future__ import annotations

import html
import json
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from edge.errors import TrainingError

NOTE_COLUMNS = {
    "rouge1": "R1", "rouge2": "R2", "rougeL": "RL", "rougeLsum": "RLsum", "entity.f1": "entity F1",
    "unsupported.numbers": "numbers", "unsupported.doses": "doses", "unsupported.drugs": "drugs",
    "omitted.words": "omitted %", "length.ratio": "length", "loop": "loops %", "cut": "cut %", "empty": "empty %",
}  # fmt: skip
SPAN_COLUMNS = {
    "span.f1.relaxed": "F1 relaxed", "span.f1.exact": "F1 exact", "json.valid": "JSON valid %",
    "verbatim": "verbatim %", "field.rouge1": "field R1", "loop": "loops %", "cut": "cut %",
}  # fmt: skip
_BERTSCORE = "bertscore "
CHECK_COLUMNS = {"flag.accuracy": "flag %", "sentence.accuracy": "sentence %", "loop": "loops %", "cut": "cut %"}


@dataclass(frozen=True)
class Row:
    """One line of a table. kind: "ours", "floor" or "published"."""

    name: str
    kind: str
    n: int
    figures: dict[str, float]
    intervals: dict[str, list[float]]


def load(paths: Sequence[Path]) -> dict[str, list[Row]]:
    """Rows by set from result.json files (or folders of them), published rows last. Raises TrainingError."""
    tables: dict[str, list[Row]] = {}
    floors: dict[tuple[str, str], Row] = {}
    files = [f for p in paths for f in (sorted(p.rglob("result.json")) if p.is_dir() else [p])]
    if not files:
        raise TrainingError("There is no evaluation to report.", "No result.json was found.", "Run evaluate first.")
    for file in files:
        try:
            raw = json.loads(file.read_text(encoding="utf-8"))
            tables.setdefault(raw["set"], []).append(_row(f"{raw['model']} ({raw['precision']})", "ours", raw))
            for name, floor in raw["floors"].items():
                title = "reference (by people)" if name == "reference" else f"{name} floor"
                known = floors.get((raw["set"], name))
                if known is None or known.n < int(floor["n"]):  # shown once a set, over the most documents
                    floors[raw["set"], name] = _row(title, "floor", floor)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"{file} is no evaluation.", type(error).__name__, "Leave it out.") from None
    published = tomllib.loads(resources.files("training").joinpath("published.toml").read_text(encoding="utf-8"))
    for name, rows in tables.items():
        rows += [row for (where, _), row in floors.items() if where == name]
        for line in published.get(name, {}).get("rows", []):
            figures = {k: float(v) for k, v in line.items() if k != "name"}
            rows.append(Row(line["name"], "published", 0, figures, {}))
    return tables


def _row(name: str, kind: str, raw: dict[str, Any]) -> Row:
    figures = dict(raw["figures"])
    if "bertscore" in figures:  # comparable only within one encoder, so each has a column of its own
        figures[f"{_BERTSCORE}{raw['encoder']}"] = figures.pop("bertscore")
    return Row(name, kind, int(raw["n"]), figures, dict(raw["intervals"]))


def columns(rows: Sequence[Row]) -> dict[str, str]:
    """Figures to show for a table, as key -> heading."""
    chosen = SPAN_COLUMNS if any("span.f1.relaxed" in r.figures for r in rows) else NOTE_COLUMNS
    if any("flag.accuracy" in r.figures for r in rows):
        chosen = CHECK_COLUMNS
    encoders = sorted({key for r in rows for key in r.figures if key.startswith(_BERTSCORE)})
    chosen = chosen | {key: f"BERTScore ({key.removeprefix(_BERTSCORE)})" for key in encoders}
    return {key: title for key, title in chosen.items() if any(key in r.figures for r in rows)}


def cell(row: Row, key: str) -> str:
    """A figure with its 95 % interval, a dash where there is none."""
    if key not in row.figures:
        return "–"
    value = row.figures[key]
    text = f"{value:.2f}" if key.startswith("unsupported") or key == "length.ratio" else f"{value:.1f}"
    low_high = row.intervals.get(key)
    return f"{text} [{low_high[0]:.1f}–{low_high[1]:.1f}]" if low_high and key != "unsupported.numbers" else text


def _lines(rows: Sequence[Row]) -> Iterator[list[str]]:
    shown = columns(rows)
    yield ["", "n", *shown.values()]
    for row in rows:
        name = f"{row.name} (published)" if row.kind == "published" else row.name
        yield [name, str(row.n) if row.n else "–", *(cell(row, key) for key in shown)]


NOTES = (
    "ROUGE and span F1 are F1 x 100 without stemming, in brackets the 95 % bootstrap interval; entity F1 compares the "
    "ICD-10-CM terms and drugs that answer and reference name, negated or not; numbers, doses and drugs are those a "
    "note holds and its source does not, mean a note; a floor is what needs no model: the source copied, or the answer "
    "of the nearest training example; the reference's own numbers, doses and drugs are what the counting gets wrong. "
    "Published rows are other people's systems and evaluators."
)


def markdown(tables: dict[str, list[Row]]) -> str:
    """All tables as Markdown."""
    parts = [NOTES]
    for name, rows in sorted(tables.items()):
        head, *body = _lines(rows)
        lines = ["| " + " | ".join(c.replace("|", "/") for c in line) + " |" for line in (head, *body)]
        lines.insert(1, "|" + "---|" * len(head))
        parts.append(f"## {name}\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem;color:#1a1a1a}"
    "table{border-collapse:collapse;font-size:13px;display:block;overflow-x:auto}"
    "th,td{padding:.3rem .6rem;border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}"
    "th:first-child,td:first-child{text-align:left}tr.ours{font-weight:600}tr.published{color:#555;font-style:italic}"
)


def page(tables: dict[str, list[Row]]) -> str:
    """All tables as one HTML page without scripts or links."""
    parts = []
    for name, rows in sorted(tables.items()):
        head, *body = _lines(rows)
        lines = ["<tr>" + "".join(f"<th>{html.escape(c)}</th>" for c in head) + "</tr>"]
        for row, line in zip(rows, body, strict=True):
            lines.append(f'<tr class="{row.kind}">' + "".join(f"<td>{html.escape(c)}</td>" for c in line) + "</tr>")
        parts.append(f"<h2>{html.escape(name)}</h2><table>{''.join(lines)}</table>")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Evaluation</title><style>{_STYLE}</style>'
        f"<h1>Evaluation</h1><p>{html.escape(NOTES)}</p>{''.join(parts)}</html>\n"
    )
