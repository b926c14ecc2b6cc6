"""Tables of segments with a heading line: TSV of Whisper (milliseconds), CSV of whisper.cpp and of other programs."""

from __future__ import annotations

import csv
from itertools import islice

from edge.errors import InputError
from edge.reading.captions import Cue
from edge.reading.scan import MAX_LINES, Checkpoint, clock, go_on, refuse_turns, steps

_TEXT = ("text", "transcript", "content", "utterance", "words", "sentence")
_SPEAKER = ("speaker", "speaker_label", "speaker_name", "name", "role", "who")
_BEGIN = ("start", "begin", "start_time", "from", "time", "start (ms)", "timestamp")
_END = ("end", "end_time", "to", "stop", "end (ms)")
_FIELD = 1_000_000  # characters


def separator_of(text: str) -> str:
    """What separates the columns of a table of segments; "" if the first line is no heading of one."""
    first = text.lstrip("\ufeff\ufffd \t\n")[:300].split("\n")[0].casefold()
    for sign in ("\t", ";", ","):
        names = [name.strip().strip('"') for name in first.split(sign)]
        if len(names) >= 2 and any(n in _TEXT for n in names) and any(n in (*_BEGIN, *_SPEAKER) for n in names):
            return sign
    return ""


def read_table(text: str, checkpoint: Checkpoint = go_on) -> list[Cue]:
    """The segments of a table. Raises InputError if it has none or is no table after all."""
    sign, step = separator_of(text), steps(checkpoint)
    csv.field_size_limit(_FIELD)
    try:
        plain = text.strip("\ufeff\ufffd\n").split("\n")
        # Whisper's TSV quotes nothing: a quotation mark there is a word's own.
        tabs = csv.reader(plain, delimiter=sign, quoting=csv.QUOTE_NONE)
        rows = tabs if sign == "\t" else csv.reader(plain, delimiter=sign)
        names = [name.strip().casefold().strip('"') for name in next(rows)]
        where = [_column(names, wanted) for wanted in (_TEXT, _SPEAKER, _BEGIN, _END)]
        found = []
        for row in islice(rows, MAX_LINES):
            step()
            found.append([row[at] if at is not None and at < len(row) else "" for at in where])
    except csv.Error:
        raise InputError("This table of segments is damaged.", "A cell has no end.", "Export it again.") from None
    unit = 0.001 if all(r[2].isdecimal() for r in found if r[2]) and any(len(r[2]) > 3 for r in found) else 1.0
    cues = [Cue(r[1].strip(), " ".join(r[0].split()), _at(r[2], unit), _at(r[3], unit)) for r in found if r[0].strip()]
    if not cues:
        raise InputError("This table holds no words.", "", "Export it again, with the text of each segment.")
    refuse_turns(len(cues))
    return cues


def _column(names: list[str], wanted: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _at(cell: str, unit: float) -> float | None:
    cell = cell.strip()[:40]
    if (found := clock(cell, 0)) is not None:
        return found[0]
    try:
        return float(cell) * unit
    except ValueError:
        return None
