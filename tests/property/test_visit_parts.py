"""A visit in parts: every word of every turn is in a part; neighbours overlap; no part is larger than its room."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.contract.transcript import Transcript, Turn, render
from edge.tasks.visit_parts import in_parts

WORDS = st.sampled_from(
    ["knee", "no", "cough", "since", "Monday.", "Ibuprofen", "400", "mg", "Is", "it", "worse?", "Übelkeit"]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=60).map(" ".join)
TURNS = st.lists(
    st.tuples(st.sampled_from(["Doctor", "Patient", ""]), st.one_of(TEXTS, st.text(min_size=1, max_size=200))),
    min_size=1,
    max_size=40,
)


def size(text: str) -> int:
    """Tokens as a model might count them: a word, or four characters of what has no spaces."""
    return sum(1 + len(word) // 4 for word in text.split())


def turns_of(given: list[tuple[str, str]]) -> list[Turn]:
    return [Turn(who, " ".join(text.split()), 0, 0) for who, text in given if text.strip()]


def joined(said: list[tuple[str, str]]) -> str:
    """All words in order, without what separates them: a cut may fall within a word that is longer than a part."""
    return "".join("".join(text.split()) for _, text in said)


@given(given=TURNS, room=st.integers(40, 400))
def test_every_word_is_in_a_part_and_in_order(given: list[tuple[str, str]], room: int) -> None:
    turns = turns_of(given)
    parts = in_parts(turns, range(len(turns)), room, size)
    once: dict[int, Turn] = {id(piece): piece for part in parts for piece in part.turns}  # an overlap is taken in again
    said = [(piece.speaker, piece.text) for piece in once.values()]
    assert joined(said) == joined([(turn.speaker, turn.text) for turn in turns])
    for number in range(len(turns)):
        assert any(part.first <= number <= part.last for part in parts)
    assert [part.first for part in parts] == sorted(part.first for part in parts)


@given(given=TURNS, room=st.integers(120, 400))
def test_no_part_is_larger_than_the_room_and_neighbours_overlap(given: list[tuple[str, str]], room: int) -> None:
    turns = turns_of(given)
    parts = in_parts(turns, range(len(turns)), room, size)
    for part in parts:
        assert size(render(Transcript("", part.turns))) <= room
    for before, after in pairwise(parts):
        assert after.turns[0] in before.turns
        assert after.turns[-1] is not before.turns[-1]


@given(given=TURNS, room=st.integers(40, 400), data=st.data())
def test_chosen_turns_alone_are_in_the_parts(given: list[tuple[str, str]], room: int, data: st.DataObject) -> None:
    turns = turns_of(given)
    if not turns:
        return
    chosen = data.draw(st.sets(st.integers(0, len(turns) - 1), min_size=1))
    parts = in_parts(turns, chosen, room, size)
    assert parts[0].first == min(chosen)
    assert parts[-1].last == max(chosen)
    said = " ".join(piece.text for part in parts for piece in part.turns)
    for number in set(range(len(turns))) - chosen:
        if len(turns[number].text) > 20 and all(turns[number].text not in turns[one].text for one in chosen):
            assert turns[number].text not in said
