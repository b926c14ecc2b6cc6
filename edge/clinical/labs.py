"""Laboratory results by rules: rows of tables and values in running text, each with name, values, unit and flag.

An entry reaches from the analyte to the unit: the reference interval is not the patient's. Works a line at a time, in
time linear in the text; a row is known by its columns (tabs or runs of spaces), a value in a sentence by its analyte.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from edge.clinical import numbers
from edge.clinical.sections import Headings

MAX_ROW = 2_000  # characters; a longer line is no row of a table
_AMOUNT = (
    r"(?:[mµμunpkf]?g|[mµμunp]?mol|[mµ]?mval|ml|mm|[kmµunp]?U|[mkµ]?IU|[mµ]?IE|mE|mOsm|c?mm|fl|pg|G|T|Tsd\.?|Mio\.?"
    r"|[x×]\s?10\S{1,3}|10[*^]\d{1,2}|K|cells|Zellen|copies)?"
)
_VOLUME = r"(?:[dmnµμup]?l|kg|h|min|mmol|mol|24\s?h|g|1\.73m2|L FEU)"
_UNIT = rf"{_AMOUNT}/{_VOLUME}(?:/1[.,]73\s?m[2²])?(?:\s?FEU)?"
_OTHER_UNIT = r"%|mmHg|fl|fL|pg|mm/h|s(?:ec|ek)?\b|G/l|‰|mm|mg"
_UNITS = re.compile(rf"[ \t]*(?:(?i:{_UNIT})|{_OTHER_UNIT})(?![\w])")
_FLAG = re.compile(
    r"[ \t]*(?:\((?:H|L|HH|LL|h|l|\+{1,3}|-|↑{1,3}|↓{1,3})\)|(?:HH|LL|H|L|↑{1,3}|↓{1,3}|\*H|\*L|\*)(?![\w]))"
)
_VALUE = re.compile(rf"[<>≤≥]?[ \t]?(?:{numbers.NUMBER})")
_EMPTY = re.compile(r"(?:-|–|n\. ?b\.|n/a|ausstehend|folgt|pending)(?=\s|$)")
_BETWEEN = re.compile(
    r"[ \t]*(?:(?:was|of|is|at|war|von|bei|beträgt|betrug|level|only|auf|i\. ?S\.)[ \t]+|[:=][ \t]*|-(?=[\d\[])|[ \t]+)"
)
_CELL = re.compile(r"\t+|[ ]{2,}")
_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.(?:\d{2,4})?|\d{1,2}/\d{1,2}(?:/\d{2,4})?|\d{4}-\d{2}-\d{2}")
_RANGE = re.compile(rf"(?:{numbers.NUMBER})\s?(?:-|–|bis|to)\s?(?:{numbers.NUMBER})$|[<>≤≥]\s?(?:{numbers.NUMBER})$")


_COLUMN = re.compile(
    r"(?:Labor\w*|Parameter|Analyt|Einheit|Norm\w*|Referenz\w*|Ref\.?|Wert|Units?|Reference.*|Ref\. range|Result|Test"
    r"|Flag|LABS?)",
    re.IGNORECASE,
)
_COURSE = re.compile(rf"[ \t]?(?:→|->|auf|to)[ \t]?([<>≤≥]?(?:{numbers.NUMBER}))(?![\d/.-])")
_FORMER = re.compile(
    r"[ \t]?\((?!Norm|norm|ref|Ref|<|>|normal)(?:(?:baseline|Vorwert|VW|vorher|prev\w*|was)[ :]*)?\d[\d.,]*"
    r"(?: [a-z ]{1,12})?\)"
)
_CONDITION = re.compile(
    r"(?:\bbei|\bif|\bwenn|\bfalls|\bunless|\buntil|\bbis|\bfor|\bZiel\w*|\btarget|\bgoal)[ \t]*$", re.IGNORECASE
)


_OTHER_NUMBER = re.compile(
    r"\s?(?:mcg|µg|mg|IE|IU)\b(?!/)|[./-]\d{1,2}\.|:\d\d|\s?x\b|-\d-\d|\s?(?:weeks?|months?|days?|Wochen|Tagen?)\b"
)


@dataclass(frozen=True)
class Lab:
    """One result: text[start:end]. values: one a column of the table, in its order. flag: "high", "low", "" or "*"."""

    start: int
    end: int
    name: str
    values: tuple[float, ...]
    unit: str
    flag: str

    def as_json(self) -> dict[str, Any]:
        """{"name", "value" (of the last column), "values" (where there are several), "unit", "flag"}."""
        found: dict[str, Any] = {"name": self.name}
        if self.values:
            found["value"] = self.values[-1]
        if len(self.values) > 1:
            found["values"] = list(self.values)
        return found | ({"unit": self.unit} if self.unit else {}) | ({"flag": self.flag} if self.flag else {})


@cache
def _names() -> re.Pattern[str]:
    raw = tomllib.loads(resources.files("edge.clinical").joinpath("analytes.toml").read_text(encoding="utf-8"))
    exact = set(raw["exact"])
    loose = {name for name in raw["names"] if name not in {e.casefold() for e in exact}}
    branches = [rf"(?i:{re.escape(name)})" for name in loose] + [re.escape(name) for name in exact]
    ordered = sorted(branches, key=len, reverse=True)
    return re.compile(rf"(?<![\w/-])(?:{'|'.join(ordered)})(?![^\W\d_])")


def find(text: str, german: bool, headings: Headings | None = None) -> list[Lab]:
    """Laboratory results of a text in order of place."""
    headings = headings or Headings(text)
    found: list[Lab] = []
    at = 0
    table = False  # whether the lines before were rows
    for line in text.split("\n"):
        row = _row(line, at, german) if len(line) <= MAX_ROW and _rows_expected(headings, at, table) else None
        if row is not None:
            found.append(row)
        else:
            found += _inline(line, at, german)
        table = row is not None or _heads_table(line[:MAX_ROW]) or (table and bool(_CELL.search(line.strip())))
        at += len(line) + 1
    return found


def _rows_expected(headings: Headings, at: int, table: bool) -> bool:
    return table or headings.key(at) == "results"


def _heads_table(line: str) -> bool:
    """Whether a line names the columns of a table of results."""
    cells = [cell for _, _, cell in _cells(line)]
    return len(cells) > 1 and any(_COLUMN.fullmatch(cell) for cell in cells)


def _row(line: str, at: int, german: bool) -> Lab | None:
    """A row of a table: analyte, values and flags in any order, unit, reference."""
    cells = list(_cells(line))
    if len(cells) < 2 or not cells[0][2][0].isalpha() or len(cells[0][2]) > 40:
        return None
    start, _, name = cells[0]
    if _DATE.fullmatch(name) or name.endswith(":") or _VALUE.fullmatch(name):
        return None
    values: list[float] = []
    unit, flag, end, seen = "", "", 0, 0
    for begin, stop, cell in cells[1:]:
        if unit and not _VALUE.match(cell):
            break
        if (bare := _UNITS.fullmatch(cell)) is not None:
            unit, end = bare[0].strip(), stop
            break
        if _DATE.fullmatch(cell):
            return None
        if seen and _RANGE.fullmatch(cell):
            break
        if (mark := _FLAG.fullmatch(cell)) is not None:
            flag = flag or _flag(mark[0])
            continue
        if _EMPTY.fullmatch(cell):
            end = stop if seen else end
            continue
        value = _VALUE.match(cell)
        if value is None:
            return None if not seen else Lab(at + start, at + end, name, tuple(values), unit, flag)
        number = numbers.parse(value[0].lstrip("<>≤≥ "), german)
        values += [number] if number is not None else []
        seen += 1
        tail = value.end()
        if (mark := _FLAG.match(cell, tail)) is not None:
            flag, tail = flag or _flag(mark[0]), mark.end()
        end = begin + tail
        if (own := _UNITS.match(cell, value.end())) is not None:
            unit, end = own[0].strip(), begin + own.end()
            after = _FLAG.match(cell, own.end())
            flag = flag or (_flag(after[0]) if after else "")
            break
    return Lab(at + start, at + end, name, tuple(values), unit, flag) if seen else None


def _cells(line: str) -> Iterator[tuple[int, int, str]]:
    at = 0
    for gap in [*_CELL.finditer(line), None]:
        stop = gap.start() if gap else len(line)
        piece = line[at:stop]
        if piece.strip():
            left = at + len(piece) - len(piece.lstrip())
            yield left, at + len(piece.rstrip()), piece.strip()
        at = gap.end() if gap else stop


def _inline(line: str, at: int, german: bool) -> Iterator[Lab]:
    """Values in running text, each behind an analyte's name."""
    after = 0
    for match in _names().finditer(line):
        if match.start() < after or _CONDITION.search(line, max(0, match.start() - 12), match.start()):
            continue
        between = _BETWEEN.match(line, match.end())
        value = _VALUE.match(line, between.end()) if between else None
        if value is None or _not_a_result(line, value):
            continue
        end, values, unit, flag = _measured(line, value, german)
        after = end
        yield Lab(at + match.start(), at + end, match[0], values, unit, flag)


def _measured(line: str, first: re.Match[str], german: bool) -> tuple[int, tuple[float, ...], str, str]:
    """(end, values, unit, flag) of what begins with a value: its course ("10,1 → 12,0"), marks, unit, former value."""
    shown, end, unit, flag = [first[0]], first.end(), "", ""
    for _ in range(8):
        if (mark := _FLAG.match(line, end)) is not None and not flag:
            flag, end = _flag(mark[0]), mark.end()
        elif (own := _UNITS.match(line, end)) is not None and not unit:
            unit, end = own[0].strip(), own.end()
        elif (course := _COURSE.match(line, end)) is not None:
            shown.append(course[1])
            end = course.end()
        else:
            break
    if (former := _FORMER.match(line, end)) is not None:
        end = former.end()
    numbers_ = (numbers.parse(one.lstrip("<>≤≥ "), german) for one in shown)
    return end, tuple(number for number in numbers_ if number is not None), unit, flag


def _not_a_result(line: str, value: re.Match[str]) -> bool:
    """A date, a time, a fraction of a dose, or a number that goes on as a word ("B12 1000 mcg weekly", "K 2x")."""
    rest = line[value.end() : value.end() + 14]
    return bool(_OTHER_NUMBER.match(rest))


def _flag(mark: str) -> str:
    mark = mark.strip(" \t()").lstrip("*") or "*"
    if mark[0] in "Hh+↑":
        return "high"
    return "low" if mark[0] in "Ll-↓" else "*"
