"""The last guard between a verb and the terminal."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.seal import streams
from edge.text import sanitise


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_only_the_programs_own_sequence_passes() -> None:
    assert streams.safe("\r\x1b[2KReading ███ 50%\x1b[2J\r") == "\r\x1b[2KReading ███ 50%�[2J\n"


@given(st.lists(st.one_of(st.text(), st.just(streams.OWN)), max_size=6))
def test_everything_else_is_sanitised(pieces: list[str]) -> None:
    safe = streams.safe("".join(pieces))
    rest = safe.replace(streams.OWN, "")
    assert sanitise(rest) == rest


def test_a_terminal_is_walled_once_and_a_pipe_never(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, pipe = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", pipe)
    streams.guard_output()
    streams.guard_output()
    print("a\x1b[31mb\x9b")
    print("a\x1b[31mb", file=sys.stderr)
    sys.stdout.writelines(["\x07", "x"])
    sys.stdout.flush()
    assert sys.stdout.isatty()
    assert terminal.getvalue() == "a�[31mb�\n�x"
    assert pipe.getvalue() == "a\x1b[31mb\n"
