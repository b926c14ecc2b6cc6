"""Correcting a speaker loses no turn, whatever the others are called."""

from hypothesis import example, given
from hypothesis import strategies as st

from edge.contract.transcript import SPEAKERS
from edge.reading.conversation import parse
from tui.widgets.conversation_pane import with_next_speaker

LABELS = st.sampled_from(["Doctor", "Patient", "Nurse", "Anna", "Ben", "Interpreter", "Mrs. Roe", "patient_1"])


@given(st.lists(LABELS, min_size=1, max_size=9), st.data())
@example(["Doctor", "Interpreter", "Patient", "Interpreter"], None)
@example(["Anna", "Ben", "Anna", "Ben"], None)
def test_no_turn_is_lost(labels: list[str], data: st.DataObject | None) -> None:
    turns = parse("\n".join(f"{label}: words {n}" for n, label in enumerate(labels))).turns
    index = data.draw(st.integers(0, len(turns) - 1)) if data else 1
    again = parse(with_next_speaker(turns, index)).turns
    assert [t.text for t in again] == [t.text for t in turns]
    assert again[index].speaker in SPEAKERS
    others = [(a.speaker, t.speaker) for a, t in zip(again, turns, strict=True) if t.speaker != turns[index].speaker]
    assert all(now == before for now, before in others if before)


def test_a_turn_is_corrected_alone_also_where_the_other_speaker_is_left_with_one() -> None:
    three = parse("Doctor: a\nInterpreter: b\nInterpreter: c\nInterpreter: d\nPatient: e").turns
    assert with_next_speaker(three, 2) == "Doctor: a\nInterpreter: b\nDoctor: c\nInterpreter: d\nPatient: e"
    two = parse("Doctor: a\nInterpreter: b\nInterpreter: c\nPatient: e").turns
    assert with_next_speaker(two, 2) == "Doctor: a\nInterpreter: b\nDoctor: c\nPatient: e"
