"""Loops are found within three repeats and cut back; ordinary repetition is left alone."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from watching import watched

from edge.engine import loops
from edge.engine.loops import Watch, counting, loop_start, sentence_end


def first_detection(ids: list[int]) -> tuple[int, int] | None:
    """(length at which a loop is first seen, start of the loop)."""
    for n in range(1, len(ids) + 1):
        if (start := loop_start(ids[:n])) is not None:
            return n, start
    return None


@pytest.mark.parametrize("period", [6, 7, 13, 40, 120])
def test_a_loop_is_found_when_its_third_copy_is_complete(period: int) -> None:
    block = list(range(100, 100 + period))
    ids = [1, 2, 3, *block * 6]
    assert first_detection(ids) == (3 + 3 * period, 3 + period)


def test_short_blocks_need_more_repeats() -> None:
    assert loop_start([5, 5, 5]) is None
    assert loop_start([1, 2] * 8) is None
    assert loop_start([1, 2] * 9) == 2
    assert loop_start([7] * 18) == 1


def test_two_copies_and_near_repeats_are_not_loops() -> None:
    block = list(range(50))
    assert first_detection(block * 2) is None
    assert first_detection([x for n in range(10) for x in (*range(12), 1000 + n)]) is None


def test_lines_that_differ_in_their_number_only() -> None:
    lines = [f"Problem {n}: the knee has no effusion today." for n in range(1, 6)]
    text = "Plan\n" + "\n".join(lines[:3]) + "\n"
    assert watched("Plan\n" + "\n".join(lines[:2]) + "\n") is None
    cut = watched(text)
    assert cut is not None
    assert text[:cut] == "Plan\n" + lines[0] + "\n"


def test_what_is_new_between_repeats_is_kept() -> None:
    again = "He takes aspirin every day.\n"
    text = f"{again}{again}A new and different line.\n{again}"
    cut = watched(text)
    assert cut is not None
    assert text[:cut].endswith("A new and different line.\n")


def test_short_and_dose_lines_may_recur() -> None:
    assert watched("Denies fever.\n" * 5) is None
    doses = "".join(f"Take {n} mg of the tablet daily.\n" for n in (250, 500, 750))
    assert watched(doses) is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("He has had pain for 8 years.  He was seen twice.  He", "He has had pain for 8 years.  He was seen twice."),
        ("Seen by Dr. Mills and told to", "Seen by Dr. Mills and told to"),
        ("Denies fever. Takes 2.5 mg of e.g. lisinopril", "Denies fever."),
        ("Knee pain\n- ice\n- rest and", "Knee pain\n- ice\n"),
        ("1. Knee pain", "1. Knee pain"),
        ("", ""),
    ],
)
def test_a_cut_answer_ends_with_a_whole_sentence(text: str, kept: str) -> None:
    assert text[: sentence_end(text)] == kept


@pytest.mark.parametrize("gap", [" ", "\n", "  "])
def test_counting_is_a_loop(gap: str) -> None:
    text = "Plan:" + gap + gap.join(f"{n}." for n in range(1, 6))
    assert counting(text[:-2]) is None
    assert counting(text) == len("Plan:" + gap)
    assert counting("Plan: 3) 4) 5) 6) 7)") == len("Plan: ")


@pytest.mark.parametrize(
    "text",
    [
        "1. Rest. 2. Ice. 3. Motrin. 4. Brace. 5. Return.",
        "Pain 1 2 3 4 5 6",
        "120. 80. 98. 12. 7.",
        "0.1 0.2 0.3 0.4 0.5.",
    ],
)
def test_lists_and_figures_are_no_counting(text: str) -> None:
    assert all(counting(text[:n]) is None for n in range(len(text) + 1))


def whole_lines(text: str) -> int | None:
    """The rule on lines, read from the whole text."""
    lines = text.split("\n")
    seen: dict[str, int] = {}
    fresh = 0
    for number, line in enumerate(lines[:-1], start=1):
        key = " ".join(loops._NUMBERING.sub("", line).casefold().split())
        if len(key.split()) < loops.MIN_WORDS:
            continue
        seen[key] = seen.get(key, 0) + 1
        if seen[key] == 1:
            fresh = number
        elif seen[key] >= 3:
            return sum(len(kept) + 1 for kept in lines[:fresh])
    return None


def last_sentence(text: str) -> int | None:
    """The rule on sentences, read from the whole text up to a word's end."""
    ends = [match.end() for match in loops._SENTENCE_END.finditer(text)]
    start = ends[-1] if ends else 0
    last = text[start:].casefold().split()
    if len(last) >= loops.WINDOW and len(set(last[-loops.WINDOW :])) < loops.NEW * loops.WINDOW:
        return start
    if len(last) != 3 or not last[0][0].isalpha() or last[-1].endswith(":"):
        return None
    begun = [text[a:b].casefold().split()[:3] for a, b in pairwise([0, *ends])]
    return start if begun.count(last) >= loops.BEGINNINGS - 1 else None


WORDS = [
    "he",
    "is",
    "fine",
    "fine.",
    "Dr.",
    "the knee",
    "10.5",
    "1.",
    "2.",
    "3.",
    "4.",
    "5.",
    "6)",
    "a",
    "b.",
    "\n",
    "\n\n",
    "Plan:",
    "no",
    "yes",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=120), st.integers(1, 6))
def test_watching_piece_by_piece_finds_what_the_whole_text_shows(words: list[str], repeat: int) -> None:
    text = " ".join(words[:20] * repeat + words[20:])
    watch, written = Watch(), ""
    for piece in re.findall(r"[^\S\n]*\S+|\s", text):
        wanted = counting(written + piece)
        if wanted is None and piece.endswith("\n"):
            wanted = whole_lines(written + piece)
        if wanted is None and piece[0].isspace():
            wanted = last_sentence(written)
        found = watch.take(piece)
        written += piece
        assert found == wanted, written
        if found is not None:
            break


def test_work_a_piece_does_not_grow_with_the_answer() -> None:
    watch = Watch()
    kept = []
    for number in range(3000):
        watch.take(f" word{number}{'.' if number % 9 == 0 else ''}")
        sentences = watch._sentences
        held = (watch._tail, sentences._piece, sentences._context, sentences._first, sentences._last, sentences._begun)
        kept.append(sum(len(str(part)) for part in held))
    assert max(kept[2000:]) < 1.1 * max(kept[1000:2000])
