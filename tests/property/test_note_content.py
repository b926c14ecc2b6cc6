"""A kept note and kept fields come back as they were, byte for byte, and a change leaves alone what it is not about."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from note_kit import FIELDS, LINES, NOTES

from edge.contract.fields import Fields
from edge.contract.note import EncounterNote, Rewrite


def as_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(NOTES)
def test_a_note_comes_back_byte_for_byte(content: dict[str, Any]) -> None:
    assert as_bytes(EncounterNote.from_json(content).to_json()) == as_bytes(content)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FIELDS)
def test_fields_come_back_byte_for_byte(content: dict[str, Any]) -> None:
    assert as_bytes(Fields.from_json(content).to_json()) == as_bytes(content)


KNOWN = st.sampled_from(["sections", "text", "made", "statements", "sources", "start", "score", "flags", "origin"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | LINES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["sections", "text", "made", "statements", "sources", "start", "score", "flags", "origin"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["template", "sections", "unfinished", "conversation", "x"]), ANYTHING))
def test_what_is_no_note_of_this_program_comes_back_all_the_same(content: dict[str, Any]) -> None:
    assert as_bytes(EncounterNote.from_json(content).to_json()) == as_bytes(content)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(NOTES, st.integers(0, 99), LINES)
def test_an_edit_changes_one_text_and_says_so(content: dict[str, Any], at: int, text: str) -> None:
    note = EncounterNote.from_json(content)
    at %= len(note.sections)
    changed = note.with_section(at, note.sections[at].with_text(text)).to_json()
    if text == content["sections"][at]["text"]:
        assert changed == content
        return
    was, now = content["sections"][at], changed["sections"][at]
    about = {"text", "edited", "statements"}
    assert {k: v for k, v in now.items() if k not in about} == {k: v for k, v in was.items() if k not in about}
    assert (now["text"], now["edited"]) == (text, True)
    for one in now.get("statements", []):
        assert text[one["start"] : one["end"]] == one["text"]
        assert {**one, "start": 0, "end": 0} in [{**old, "start": 0, "end": 0} for old in was["statements"]]
    assert changed["sections"][:at] == content["sections"][:at]
    assert changed["sections"][at + 1 :] == content["sections"][at + 1 :]
    assert {**changed, "sections": 0} == {**content, "sections": 0}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(NOTES)
def test_a_section_written_anew_keeps_its_place_and_loses_the_marks_of_its_old_text(content: dict[str, Any]) -> None:
    note = EncounterNote.from_json(content)
    new = note.sections[0].rewritten("New.", "end", Rewrite("b", "0" * 64, "shorter")).to_json()
    about = {"text", "stop", "made", "edited", "accepted", "statements"}
    was = {k: v for k, v in content["sections"][0].items() if k not in about}
    assert new == was | {"text": "New.", "stop": "end", "made": {"bundle": "b", "sha256": "0" * 64, "wish": "shorter"}}
