"""Sentences of the core in the language in use: its errors, the checks' messages, remarks on what was read.

The core speaks English, and what it says is kept with the notes that it checked. So the English sentence itself is the
key: core_<language>.json gives for each the same in that language, with {1}, {2} for what stands in it. A sentence
that is not in the table is shown as it is (tests/unit/test_core_texts.py counts that none is missing in German; in
English only those differ whose words a clinician need not know: a bundle is a model here).
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from edge.errors import EdgescribeError
from edge.text import one_line
from tui.texts import current

_PLACE = re.compile(r"\{(\d)\}")
_SENTENCES = re.compile(r"(?<=[.!?]) +")


class _Pattern(NamedTuple):
    form: re.Pattern[str]
    hold: str  # its longest fixed part, which is looked for first
    meant: str


@cache
def table(language: str) -> dict[str, str]:
    """English sentence -> the same in a language."""
    path = Path(__file__).with_name(f"core_{language}.json")
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return known


@cache
def _patterns(language: str) -> list[_Pattern]:
    """Sentences with places, those with most words of their own first."""
    found = []
    for sentence, meant in table(language).items():
        if _PLACE.search(sentence):
            fixed = _PLACE.split(sentence)[::2]
            form = re.compile("(.+?)".join(map(re.escape, fixed)), re.DOTALL)
            found.append((sum(map(len, fixed)), _Pattern(form, max(fixed, key=len), meant)))
    return [one for _, one in sorted(found, key=lambda pair: -pair[0])]


def told(text: str) -> str:
    """What the core says, in the language in use: as a whole, or sentence by sentence."""
    whole = _meant(text, current())
    if whole is None:
        whole = " ".join(_meant(one, current()) or one for one in _SENTENCES.split(text))
    return whole


def in_table(sentence: str, language: str) -> bool:
    """Whether a sentence is known in a language."""
    return _meant(sentence, language) is not None


def _meant(sentence: str, language: str) -> str | None:
    known = table(language)
    if sentence in known:
        return known[sentence]
    for one in _patterns(language):
        if one.hold in sentence and (found := one.form.fullmatch(sentence)) is not None:
            return _filled(one.meant, [known.get(value, value) for value in found.groups()])
    return None


def _filled(sentence: str, values: list[str]) -> str:
    return _PLACE.sub(lambda place: values[int(place[1]) - 1], sentence)


def reason(text: str) -> str:
    """Reasons with semicolons between them, each in the language in use."""
    return "; ".join(told(one) for one in text.split("; "))


def hint_label(hint: str) -> str:
    """What to do about an error, without what can only be typed on a command line."""
    sentences = re.split(r"(?<=[.!?]) +", hint)
    return " ".join(one for one in sentences if not re.search(r"`|(?:^|\s)--?(?:\w|\s|$)|standard input", one))


def error_line(error: EdgescribeError, hint: bool = True) -> str:
    """An error in one line: what happened, why and, unless hint is False, what to do about it here."""
    parts = [error.what, error.why, hint_label(error.hint) if hint else ""]
    return one_line(" ".join(told(one) for one in parts if one))
