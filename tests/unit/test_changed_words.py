"""History is read as text: the words that went and came are marked, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.contract.note import Section
from tui.widgets.changed_words import CAME, GONE, changes, marked

WORDS = st.lists(st.sampled_from(["knee", "pain", "left", "500", "mg\n", "rest."]), max_size=12).map(" ".join)


@given(WORDS, WORDS)
def test_both_texts_can_be_read_from_the_pieces(old: str, new: str) -> None:
    pieces = list(changes(old, new))
    assert "".join(text for kind, text in pieces if kind != "came").split() == old.split()
    assert "".join(text for kind, text in pieces if kind != "gone").split() == new.split()


def test_one_changed_word_is_marked_alone() -> None:
    old, new = Section("PLAN", "Rest. Ibuprofen 400 mg daily."), Section("PLAN", "Rest. Ibuprofen 200 mg daily.")
    text = marked([old], [new])
    shown = {text.plain[span.start : span.end].strip(): str(span.style) for span in text.spans}
    assert shown == {"PLAN": "bold", "400": GONE, "200": CAME}
    assert text.plain.startswith("PLAN\nRest. Ibuprofen 400 200 mg daily.")
    assert [str(span.style) for span in marked([old], [old]).spans] == ["bold"]


def test_sections_that_went_or_came_are_whole() -> None:
    text = marked([Section("EXAM", "Stable.")], [Section("PLAN", "Rest.")])
    marks = [(text.plain[span.start : span.end].strip(), str(span.style)) for span in text.spans]
    assert marks == [("EXAM", "bold"), ("Stable.", GONE), ("PLAN", "bold"), ("Rest.", CAME)]


def test_long_texts_that_have_nothing_in_common_are_shown_whole() -> None:
    old, new = " ".join(f"a{n}" for n in range(3000)), " ".join(f"b{n}" for n in range(3000))
    assert [kind for kind, text in changes(old, new) if text] == ["gone", "came"]
