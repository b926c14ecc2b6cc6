"""Lists of German reports: where a clause ends, and items that a model left out between two that it has."""

from __future__ import annotations

import re
import time

from hypothesis import given
from hypothesis import strategies as st

from edge.clinical.entries import Phrase, assemble
from edge.clinical.lists import clauses, left_out

EXAM = (
    "Befund: Affekt gedrückt, Schwingungsfähigkeit reduziert, Antrieb vermindert, Schlaf (nachts, am Tag) gestört. "
    "Die Patientin kommt am 3. Mai wieder."
)
SIGNS = "signs_symptoms"


def _place(words: str) -> tuple[str, int, int]:
    at = EXAM.index(words)
    return SIGNS, at, at + len(words)


def test_a_clause_ends_at_a_comma_outside_brackets_or_with_its_sentence() -> None:
    found = [(EXAM[one.start : one.end], one.sentence) for one in clauses(EXAM)]
    assert found == [
        ("Affekt gedrückt", 0),
        ("Schwingungsfähigkeit reduziert", 0),
        ("Antrieb vermindert", 0),
        ("Schlaf (nachts, am Tag) gestört", 0),
        ("Die Patientin kommt am 3. Mai wieder.", 1),
    ]


def test_an_item_between_two_of_a_list_is_of_their_field() -> None:
    placed = [_place("Affekt gedrückt"), _place("Antrieb vermindert")]
    assert left_out(EXAM, placed, frozenset({SIGNS})) == [_place("Schwingungsfähigkeit reduziert")]
    assert left_out(EXAM, placed, frozenset({"diagnosis"})) == []
    assert left_out(EXAM, placed[:1], frozenset({SIGNS})) == []


def test_the_last_item_and_what_has_a_phrase_of_another_field_stay_as_they_are() -> None:
    middle = _place("Schwingungsfähigkeit reduziert")
    placed = [_place("Affekt gedrückt"), ("diagnosis", *middle[1:]), _place("Antrieb vermindert")]
    assert left_out(EXAM, placed, frozenset({SIGNS})) == []


def test_fields_of_a_german_report_hold_the_item_marked_as_a_rules() -> None:
    placed = [_place("Affekt gedrückt"), _place("Antrieb vermindert")]
    fields = assemble(EXAM, [Phrase(key, start, end, 0.9) for key, start, end in placed])
    assert [entry.text for entry in fields[SIGNS]] == [
        "Affekt gedrückt", "Schwingungsfähigkeit reduziert", "Antrieb vermindert",
    ]  # fmt: skip
    assert fields[SIGNS][1].attributes["by"] == "rule"


def test_an_english_report_is_left_to_the_model() -> None:
    text = "Exam: The lungs are clear, heart regular, abdomen soft. She was seen with her husband in the clinic today."
    placed = [Phrase(SIGNS, text.index(words), text.index(words) + len(words), 0.9) for words in ("abdomen soft",)]
    lungs = text.index("The lungs")
    fields = assemble(text, [Phrase(SIGNS, lungs, lungs + 19, 0.9), *placed])
    assert "heart regular" not in [entry.text for entry in fields[SIGNS]]


def test_a_long_line_takes_time_in_proportion() -> None:
    started = time.process_time()
    for text in ("x" * 200_000, "Wort, " * 30_000, "a (b, " * 30_000, "." * 200_000, "?! " * 60_000):
        clauses(text)
    assert time.process_time() - started < 15


@given(st.text(alphabet="aB .,;()\n[]:-1", max_size=200))
def test_clauses_lie_in_the_text_in_order_without_overlap(text: str) -> None:
    end = 0
    for one in clauses(text):
        assert end <= one.start < one.end <= len(text)
        assert not re.match(r"\s", text[one.start])
        end = one.end
