"""Random notes and fields that hold everything that may be kept, and keys of a newer program in every place."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from edge.contract.facts import Severity
from edge.contract.schemas import FIELD_KEYS

WORDS = st.lists(
    st.sampled_from(["knee", "pain,", "no", "fever.", "Grüße", "400", "mg", "rest", "\U0001f600"]), min_size=1
)
LINES = st.lists(WORDS.map(" ".join), max_size=3).map("\n".join)
SCORES = st.sampled_from([0.0, 0.5, 0.75, 0.913, 1.0, 1])
NEWER = st.dictionaries(
    st.sampled_from(["x_codes", "x_author", "x_seen"]),
    st.none() | st.booleans() | st.integers(-9, 9) | LINES | st.lists(st.dictionaries(st.just("a"), LINES), max_size=2),
    max_size=2,
)


def _object(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with these values, and keys that this program does not know before and behind them."""
    return st.tuples(NEWER, st.fixed_dictionaries(values), NEWER).map(lambda parts: parts[0] | parts[1] | parts[2])


def _some(
    optional: dict[str, st.SearchStrategy[Any]], **values: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    chosen = st.fixed_dictionaries(values, optional=optional)
    return st.tuples(NEWER, chosen, NEWER).map(lambda parts: parts[0] | parts[1] | parts[2])


PLACES = st.integers(0, 400)
LINKS = _object(turn=st.integers(0, 40), start=PLACES, end=PLACES, quote=LINES, score=SCORES)
FLAGS = _object(
    check=st.sampled_from(["number", "negation"]), severity=st.sampled_from([one.value for one in Severity]),
    message=LINES, quotes=st.lists(LINES, max_size=2),
)  # fmt: skip
MADE = _some({"wish": LINES}, bundle=st.sampled_from(["small", "large"]), sha256=st.just("a" * 64))
STOPS = st.sampled_from(["end", "length", "loop", "cancelled", "interrupted"])


@st.composite
def _sections(draw: st.DrawFn, heading: str, key: str) -> dict[str, Any]:
    text = draw(LINES)
    section = draw(
        _some(
            {"stop": STOPS, "made": MADE, "edited": st.just(True), "accepted": st.just(True), "key": st.just(key)},
            heading=st.just(heading),
        )
    )
    section["text"] = text
    if text.strip() and draw(st.booleans()):
        section["statements"] = [
            draw(_object(text=st.just(line), start=st.just(text.index(line)), end=st.just(text.index(line) + len(line)),
                         sources=st.lists(LINKS, max_size=2), flags=st.lists(FLAGS, max_size=1),
                         supported=st.booleans()))
            for line in text.split("\n")
        ]  # fmt: skip
    return section


PROMISE = {
    "bundle": "small", "bundle_sha256": "a" * 64, "prompt_version": "1", "source_sha256": "5" * 64,
    "parameters": {}, "prompt_tokens": 0, "generated_tokens": 0, "seconds": 0.0, "incomplete": True,
}  # fmt: skip
KEYS = {"SUBJECTIVE": "S", "OBJECTIVE": "O", "ASSESSMENT": "A", "PLAN": "P", "Remarks of the day": "remarks"}


@st.composite
def _notes(draw: st.DrawFn, unfinished: bool) -> dict[str, Any]:
    headings = draw(st.lists(st.sampled_from([*KEYS]), min_size=1, max_size=5, unique=True))
    sections = [draw(_sections(heading, KEYS[heading])) for heading in headings]
    optional: dict[str, st.SearchStrategy[Any]] = {"conversation": st.just("Doctor: What is it?\nPatient: My knee.")}
    if unfinished:
        optional["unfinished"] = _object(
            template=st.just("soap"),
            sections=st.just([{"heading": "SUBJECTIVE", "text": "Left", "key": "S", "stop": "end"}]),
            origin=st.just(PROMISE),
        )  # fmt: skip
    note = draw(_some(optional, template=st.sampled_from(["soap", "visit", "a clinic's own"])))
    return note | {"sections": sections}


NOTES = _notes(unfinished=True)
ENTRIES = _some(
    {"attributes": st.dictionaries(st.sampled_from(["negated", "date", "side"]), LINES, min_size=1)},
    text=WORDS.map(" ".join), start=st.none(), end=st.none(), score=SCORES,
) | _some({}, text=WORDS.map(" ".join), start=st.just(3), end=st.just(9), score=SCORES)  # fmt: skip
FIELDS = _object(
    fields=st.dictionaries(st.sampled_from([*FIELD_KEYS, "x_newer_field"]), st.lists(ENTRIES, max_size=3), max_size=5)
)


def canonical(value: Any) -> bytes:
    """A JSON value as the bytes of its canonical form."""
    return json.dumps(value, ensure_ascii=False, indent=0).encode("utf-8", "surrogatepass")
