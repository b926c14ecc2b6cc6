"""Loops are found within three repeats and cut back; ordinary repetition is left alone."""

from __future__ import annotations

import pytest

from edge.engine.loops import counting, loop_start, repeated_line, sentence_end


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
    assert repeated_line("Plan\n" + "\n".join(lines[:2]) + "\n") is None
    cut = repeated_line(text)
    assert cut is not None
    assert text[:cut] == "Plan\n" + lines[0] + "\n"


def test_what_is_new_between_repeats_is_kept() -> None:
    again = "He takes aspirin every day.\n"
    text = f"{again}{again}A new and different line.\n{again}"
    cut = repeated_line(text)
    assert cut is not None
    assert text[:cut].endswith("A new and different line.\n")


def test_short_and_dose_lines_may_recur() -> None:
    assert repeated_line("Denies fever.\n" * 5) is None
    doses = "".join(f"Take {n} mg of the tablet daily.\n" for n in (250, 500, 750))
    assert repeated_line(doses) is None


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
