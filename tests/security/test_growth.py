"""Time grows with the length of a text and no faster, whatever the text: parsers, captions, rendering, sanitiser.

Work is compared with work, not with a clock: doubling a text may take at most 2.5 times the processor time. A pair that
looks slower is measured again, by medians of runs taken in turns, as a busy machine is no fault of the reader.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from contextlib import suppress
from statistics import median

import pytest

from edge.contract.transcript import Transcript, render
from edge.errors import InputError
from edge.reading import files
from edge.reading.conversation import parse
from edge.reading.reports import for_model
from edge.reading.substance import says_something
from edge.text import sanitise
from tests.security.hostile_shapes import TEXTS

pytestmark = pytest.mark.long

MOST = 2.5  # times the time for twice the text
ATTEMPTS = 4  # of a pair that looks too slow
FLOOR = 0.004  # seconds; below, a clock measures itself
LENGTHS = (10_000, 100_000, 500_000)  # each doubled


def seconds(work: Callable[[str], object], text: str) -> float:
    gc.collect()
    gc.disable()  # it looks at every object again as their number grows, which is no work of the reader's
    try:
        before = time.process_time()
        work(text)
        return time.process_time() - before
    finally:
        gc.enable()


def growth(work: Callable[[str], object], shorter: str, longer: str) -> float:
    """Times the time that twice the text takes: of one pair if that looks right, else the least median of more."""
    ratio = pair(work, shorter, longer, 1)
    for _ in range(ATTEMPTS):
        if ratio > MOST:
            ratio = min(ratio, pair(work, shorter, longer, 3))
    return ratio


def pair(work: Callable[[str], object], shorter: str, longer: str, runs: int) -> float:
    times = [(seconds(work, shorter), seconds(work, longer)) for _ in range(runs)]
    return median(long for _, long in times) / max(median(short for short, _ in times), FLOOR)


def reads(text: str) -> None:
    """All that is done to a file before a model sees it, whichever kind it is taken for."""
    raw = text.encode("utf-8", "replace")
    with suppress(InputError):
        reading = files.read(raw, "file", "conversation")
        render(Transcript(reading.text, reading.turns))
        says_something(turn.text for turn in reading.turns)
    with suppress(InputError):
        for_model(files.read(raw, "file", "report").text)


def test_there_are_shapes_enough() -> None:
    assert len(TEXTS) >= 80


@pytest.mark.parametrize("name", TEXTS)
def test_reading_a_file_takes_time_in_proportion(name: str) -> None:
    shape = TEXTS[name]
    for length in LENGTHS:
        assert growth(reads, shape(length), shape(2 * length)) <= MOST, length


@pytest.mark.parametrize("name", TEXTS)
def test_sanitising_takes_time_in_proportion(name: str) -> None:
    shape = TEXTS[name]
    for length in LENGTHS[1:]:
        assert growth(sanitise, shape(length), shape(2 * length)) <= MOST, length


def test_a_checkpoint_stops_the_reading() -> None:
    class Stop(Exception):
        pass

    calls = 0

    def checkpoint() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Stop

    with pytest.raises(Stop):
        parse("Doctor: a\nPatient: b\n" * 50_000, checkpoint)
    assert calls == 3
