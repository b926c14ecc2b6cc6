"""Tables over evaluations: model x set x quantisation x figure, with the floors and the published rows beside ours.

Runs that differ by their seed alone (a label that ends in "seed0", "seed 1" …) have a row of their mean and spread
under them. One Markdown file and one self-contained HTML file; nothing in either is fetched from anywhere.
"""

from __future__ import annotations

import dataclasses
import html
import json
import re
import statistics
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from edge.contract.schemas import FIELD_KEYS, FIELDS
from edge.errors import TrainingError
from edge.text import one_line

NOTE_COLUMNS = {
    "rouge1": "R1", "rouge2": "R2", "rougeL": "RL", "rougeLsum": "RLsum", "entity.f1": "entity F1",
    "unsupported.numbers": "numbers", "unsupported.doses": "doses", "unsupported.drugs": "drugs",
    "unsupported.numbers.per100": "numbers/100 words", "unsupported.doses.per100": "doses/100 words",
    "omitted.words": "omitted %", "header.f1": "headers F1", "length.ratio": "length", "loop": "loops %",
    "cut": "cut %", "empty": "empty %",
}  # fmt: skip
SPAN_COLUMNS = {
    "span.f1.relaxed": "F1 relaxed", "span.f1.exact": "F1 exact", "json.valid": "JSON valid %",
    "verbatim": "verbatim %", "field.rouge1": "field R1", "loop": "loops %", "cut": "cut %", "seconds": "s a report",
}  # fmt: skip
FACT_COLUMNS = {
    "critical.recall": "critical facts %", "fact.recall": "all facts %", "forbidden.critical": "critical forbidden",
    "forbidden.share": "critical forbidden %", "words.ratio": "words", "incomplete": "INCOMPLETE %", "loop": "loops %",
    "cut": "cut %", "unsupported.numbers": "numbers", "unsupported.doses": "doses", "unsupported.drugs": "drugs",
    "rouge1": "R1", "rouge2": "R2", "rougeLsum": "RLsum", "entity.f1": "entity F1", "omitted.words": "omitted %",
}  # fmt: skip
_BERTSCORE = "bertscore "
_ERROR = {"error": "errors %"}  # shown where there are any
_FIELD = "span.f1.relaxed."
_SEED = re.compile(r"[-_+, ]*seed[ -]?\d+$")
CHECK_COLUMNS = {"flag.accuracy": "flag %", "sentence.accuracy": "sentence %", "loop": "loops %", "cut": "cut %"}


@dataclass(frozen=True)
class ReportRow:
    """One line of a table. kind: "ours", "seeds", "floor" or "published". weights: int4, fp32 …, "" if not known.

    spread: standard deviation over seeds.
    """

    name: str
    kind: str
    n: int
    figures: dict[str, float]
    intervals: dict[str, list[float]]
    weights: str = ""
    spread: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class _Result:
    """One result.json. digest: sha256 of the set where it is a user's own file, else ""."""

    set: str
    digest: str
    row: ReportRow
    floors: list[ReportRow]


def files(paths: Sequence[Path]) -> list[Path]:
    """result.json files, those in folders found, each once."""
    found = [f for p in paths for f in (sorted(p.rglob("result.json")) if p.is_dir() else [p])]
    return list({file.resolve(): file for file in found}.values())


def load(paths: Sequence[Path]) -> dict[str, list[ReportRow]]:
    """Rows by set from result.json files (or folders of them), published rows last. Raises TrainingError."""
    found = [_read(file) for file in files(paths)]
    if not found:
        raise TrainingError("There is no evaluation to report.", "No result.json was found.", "Run evaluate first.")
    tables: dict[str, list[ReportRow]] = {}
    floors: dict[tuple[str, str], ReportRow] = {}
    contents: dict[str, set[str]] = {}
    for one in found:
        contents.setdefault(one.set, set()).add(one.digest)
    for one in found:  # two files of one name are two tables
        title = f"{one.set} ({one.digest[:8]})" if one.digest and len(contents[one.set]) > 1 else one.set
        tables.setdefault(title, []).append(one.row)
        for floor in one.floors:
            known = floors.get((title, floor.name))
            if known is None or known.n < floor.n:  # shown once a set, over the most documents
                floors[title, floor.name] = floor
    published = tomllib.loads(resources.files("training").joinpath("published.toml").read_text(encoding="utf-8"))
    for name, rows in tables.items():
        rows[:] = _with_seeds(rows)
        rows += [row for (where, _), row in floors.items() if where == name]
        for line in published.get(name, {}).get("rows", []):
            figures = {k: float(v) for k, v in line.items() if k not in {"name", "weights"}}
            rows.append(ReportRow(line["name"], "published", 0, figures, {}, line.get("weights", "")))
    return tables


def _read(file: Path) -> _Result:
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        if not (isinstance(raw["set"], str) and isinstance(raw["model"], str)):
            raise TypeError
        floors = [
            _row("reference (by people)" if name == "reference" else f"{name} floor", "floor", floor)
            for name, floor in raw["floors"].items()
        ]
        row = _row(raw["model"], "ours", raw, raw["precision"])
        return _Result(one_line(raw["set"]), one_line(str(raw.get("set_sha256") or "")), row, floors)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TrainingError(f"{file} is not an evaluation.", type(error).__name__, "Leave it out.") from None


def _with_seeds(rows: Sequence[ReportRow]) -> list[ReportRow]:
    """Rows in their order, the seeds of a run side by side with a row of their mean under them."""
    groups: dict[tuple[str, str, int], list[ReportRow]] = {}
    for row in rows:
        groups.setdefault((_SEED.sub("", row.name) or row.name, row.weights, row.n), []).append(row)
    found: list[ReportRow] = []
    for (name, weights, n), group in groups.items():
        found += group
        seeds = {row.name for row in group if _SEED.search(row.name)}
        if 1 < len(seeds) == len(group):
            shared = [k for k in group[0].figures if all(k in row.figures for row in group)]
            values = {k: [row.figures[k] for row in group] for k in shared}
            means = {k: statistics.mean(v) for k, v in values.items()}
            spread = {k: statistics.stdev(v) for k, v in values.items()}
            found.append(
                ReportRow(f"{name}, mean ± spread of {len(group)} seeds", "seeds", n, means, {}, weights, spread)
            )
    return found


def _row(name: str, kind: str, raw: dict[str, Any], weights: str = "") -> ReportRow:
    figures = {key: float(value) for key, value in raw["figures"].items()}
    if "bertscore" in figures:  # comparable only within one encoder, so each has a column of its own
        figures[f"{_BERTSCORE}{one_line(str(raw['encoder']))}"] = figures.pop("bertscore")
    intervals = {key: [float(low), float(high)] for key, (low, high) in raw["intervals"].items()}
    return ReportRow(one_line(str(name)), kind, int(raw["n"]), figures, intervals, one_line(str(weights)))


def columns(rows: Sequence[ReportRow]) -> dict[str, str]:
    """Figures to show for a table, as key -> heading."""
    chosen = SPAN_COLUMNS if any("span.f1.relaxed" in r.figures for r in rows) else NOTE_COLUMNS
    if any("flag.accuracy" in r.figures for r in rows):
        chosen = CHECK_COLUMNS
    if any("critical.recall" in r.figures for r in rows):
        chosen = FACT_COLUMNS
    encoders = sorted({key for r in rows for key in r.figures if key.startswith(_BERTSCORE)})
    if any(r.figures.get("error") for r in rows):
        chosen = chosen | _ERROR
    chosen = chosen | {key: f"BERTScore ({key.removeprefix(_BERTSCORE)})" for key in encoders}
    return {key: title for key, title in chosen.items() if any(key in r.figures for r in rows)}


def cell(row: ReportRow, key: str) -> str:
    """A figure with its 95 % interval or its spread over seeds, a dash where there is none."""
    if key not in row.figures:
        return "–"
    places = 2 if key.startswith("unsupported") or key in {"length.ratio", "words.ratio"} else 1
    text = f"{row.figures[key]:.{places}f}"
    if key in row.spread:
        return f"{text} ± {row.spread[key]:.{places}f}"
    low_high = row.intervals.get(key)
    return f"{text} [{low_high[0]:.{places}f}–{low_high[1]:.{places}f}]" if low_high else text


def _lines(rows: Sequence[ReportRow]) -> Iterator[list[str]]:
    shown = columns(rows)
    yield ["", "weights", "n", *shown.values()]
    for row in rows:
        yield [_name(row), row.weights or "–", str(row.n) if row.n else "–", *(cell(row, key) for key in shown)]


def _name(row: ReportRow) -> str:
    return f"{row.name} (published)" if row.kind == "published" else row.name


def _by_field(rows: Sequence[ReportRow]) -> list[list[str]]:
    """Relaxed span F1 / ROUGE-1 of each of the 15 fields; no line where a set has none."""
    measured = [row for row in rows if any(key.startswith(_FIELD) for key in row.figures)]
    lines = [["", "weights", *(field.label for field in FIELDS)]] if measured else []
    for row in measured:
        cells = [f"{cell(row, _FIELD + key)} / {cell(row, f'field.rouge1.{key}')}" for key in FIELD_KEYS]
        lines.append([_name(row), row.weights or "–", *cells])
    return lines


NOTES = (
    "ROUGE and span F1 are F1 x 100 without stemming, in brackets the 95 % bootstrap interval; entity F1 compares the "
    "ICD-10-CM terms and drugs that answer and reference name, negated or not; numbers, doses and drugs are those a "
    "note holds and its source does not, mean a note; a floor is what needs no model: the source copied, or the answer "
    "of the nearest training example; the reference's own numbers, doses and drugs are what the counting gets wrong. "
    "Critical facts: those of a visit's checklist that a note states, of all visits together; critical forbidden: "
    "statements that would be wrong and are made, mean a note and as a share of the list; words: those of the notes "
    "for one of the references. ± is the standard deviation over seeds. Weights: what the figures were measured with, "
    "int4 and int8 through the "
    "engine that ships. A row marked (published) is other people's systems and other people's evaluators, as printed."
)
FIELD_NOTE = "By field: relaxed span F1 / ROUGE-1, the latter over the reports whose reference has the field."


def markdown(tables: dict[str, list[ReportRow]], by_field: bool = False) -> str:
    """All tables as Markdown. by_field: extraction by each of its fields, too."""
    parts = [NOTES]
    for name, rows in sorted(tables.items()):
        parts.append(f"## {plain(name)}\n\n{_markdown(list(_lines(rows)))}")
        if by_field and (lines := _by_field(rows)):
            parts.append(f"{FIELD_NOTE}\n\n{_markdown(lines)}")
    return "\n\n".join(parts) + "\n"


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    head, *body = ["| " + " | ".join(plain(c) for c in line) + " |" for line in lines]
    return "\n".join([head, "|" + "---|" * len(lines[0]), *body])


def plain(text: str) -> str:
    """Text that can't end a table's cell or line, nor be read as a mark of HTML or obeyed by a terminal."""
    return one_line(text).replace("|", "/").replace("<", "‹").replace(">", "›")


_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:96rem;padding:0 1rem;color:#1a1a1a;"
    "background:#fff}h2{margin-top:2.5rem}.wide{overflow-x:auto}p{max-width:60rem}"
    "table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}"
    "small{display:block;font-weight:400;color:#555}"
    "th,td{padding:.25rem .5rem;vertical-align:top;border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}"
    "thead th{border-bottom:2px solid #888;vertical-align:bottom;white-space:normal}"
    "th:first-child{text-align:left;font-weight:inherit;white-space:normal;min-width:11rem;position:sticky;left:0;background:#fff}"
    "tr.ours,tr.seeds{font-weight:600}tr.seeds td,tr.seeds th{background:#eef3fb}"
    "tr.floor{color:#444}tr.published{color:#555;font-style:italic}"
    "tr.published td,tr.published th{background:#f6f1e4}tr.first>*{border-top:2px solid #bbb}"
    "@media print{body{max-width:none;font-size:9px;margin:0}table{font-size:6.5px}th,td{padding:.1rem .2rem}"
    "th:first-child{position:static;min-width:6rem}@page{size:landscape;margin:1cm}}"
)


def page(tables: dict[str, list[ReportRow]]) -> str:
    """All tables as one HTML page without scripts or links, extraction by each of its fields, too."""
    parts = []
    for name, rows in sorted(tables.items()):
        parts.append(f"<h2>{html.escape(name)}</h2>{_table(list(_lines(rows)), [row.kind for row in rows])}")
        if lines := _by_field(rows):
            kinds = [row.kind for row in rows if any(key.startswith(_FIELD) for key in row.figures)]
            parts.append(f"<p>{html.escape(FIELD_NOTE)}</p>{_table(lines, kinds)}")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Evaluation</title><style>{_STYLE}</style>'
        f"<h1>Evaluation</h1><p>{html.escape(NOTES)}</p>{''.join(parts)}</html>\n"
    )


def _figure(text: str) -> str:
    """A cell with its interval under the figure, which keeps the table narrow."""
    return html.escape(text).replace(" [", "<small>[").replace("]", "]</small>") if "[" in text else html.escape(text)


def _table(lines: Sequence[Sequence[str]], kinds: Sequence[str]) -> str:
    head, *body = lines
    rows = ["<thead><tr>" + "".join(f'<th scope="col">{html.escape(c)}</th>' for c in head) + "</tr></thead><tbody>"]
    before = "ours"
    for kind, (name, *cells) in zip(kinds, body, strict=True):
        turn = " first" if kind in {"floor", "published"} and kind != before else ""
        shown = "".join(f"<td>{_figure(c)}</td>" for c in cells)
        rows.append(f'<tr class="{kind}{turn}"><th scope="row">{html.escape(name)}</th>{shown}</tr>')
        before = kind
    return f'<div class="wide"><table>{"".join(rows)}</tbody></table></div>'
