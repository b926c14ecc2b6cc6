"""The same for templates, loop detection, one-line texts, search, pastes and small foreign files: time with length.

The shapes are those of the parsers; what has a limit on its length is measured up to it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from edge import foreign
from edge.contract import template_check
from edge.engine import loops
from edge.store.search import expression
from edge.text import one_line
from tests.security.hostile_shapes import TEXTS
from tests.security.test_growth import MOST, growth
from tui.terminal.paste import END, START, Pastes

pytestmark = pytest.mark.long

LENGTHS = (10_000, 100_000, 500_000)  # each doubled
_SECTION = '\n[[sections]]\nkey = "a"\ntitle = "b"\ninstruction = "c"\n'


def pasted(text: str) -> None:
    pastes = Pastes()
    for at in range(0, len(text), 4096):  # as a terminal sends it
        list(pastes.split(text[at : at + 4096]))
    list(pastes.split(END + START + text))


def small(text: str) -> None:
    with suppress(foreign.Refused):
        foreign.parse_json(text.encode("utf-8", "replace"))
    with suppress(foreign.Refused):
        foreign.toml_line_starts(text)


def words_twice(text: str) -> None:
    """The detector looks at lines, at the last words and at the last sentence."""
    loops.counting(text)
    loops.sentence_end(text)
    for size in (7, 4096):  # as tokens come, and in long pieces
        watch = loops.Watch()
        for at in range(0, len(text), size):
            watch.take(text[at : at + size])


WORK: dict[str, Callable[[str], object]] = {
    "one line": one_line,
    "loops": words_twice,
    "pastes": pasted,
    "small files": small,
    "search": expression,
}


@pytest.mark.parametrize("name", WORK)
def test_time_grows_with_the_length(name: str) -> None:
    assert len(TEXTS) >= 30
    for shape in TEXTS.values():
        for length in LENGTHS[1:]:
            assert growth(WORK[name], shape(length), shape(2 * length)) <= MOST, (shape, length)


def quoted(text: str) -> str:
    """As a template's title, in one line."""
    return 'title = "' + text.replace('"', "").replace("\n", " ").replace("\\", "") + '"' + _SECTION


WRAPS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "a title": quoted,
    "a long title": lambda text: 'title = """' + text.replace('"""', "") + '"""' + _SECTION,
    "a list": lambda text: "a = [" + text,
    "a comment": lambda text: "# " + text + _SECTION,
}


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_template_is_judged_in_a_moment_however_hostile(wrap: str) -> None:
    """Its length is limited, so what it takes there (about 20 ms) is the most that it can take."""
    limit = template_check.MAX_CHARACTERS
    for name, shape in TEXTS.items():
        text = WRAPS[wrap](shape(limit))
        assert growth(template_check.problem, text[: limit // 2], text[:limit]) <= MOST, name
        assert template_check.problem(text + "x" * limit) == template_check.Problem(1, "characters", {"limit": limit})


def test_a_loop_is_looked_for_in_bounded_work_a_token() -> None:
    """Comparisons are counted: as many at the end of a long answer as of a short one."""

    class Counted(list[int]):
        looked = 0

        def __getitem__(self, key):  # type: ignore[no-untyped-def, override]
            Counted.looked += 1
            return super().__getitem__(key)

    for pattern in ([1], [1, 2], list(range(120)), [1] * 119 + [2], [1, 1, 2] * 40):
        counts = []
        for length in (10_000, 100_000):
            ids = Counted([*(pattern * (length // len(pattern) + 1))[: length - 1], 999_999])
            Counted.looked = 0
            loops.loop_start(ids)
            counts.append(Counted.looked)
        assert counts[1] <= MOST * max(counts[0], 1), pattern
