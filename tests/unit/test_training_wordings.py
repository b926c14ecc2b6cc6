"""The set of single facts with their lines of a note."""

from __future__ import annotations

from pathlib import Path

import pytest

from training import facts, sources


@pytest.fixture(scope="module")
def data() -> Path:
    return sources.data_dir()


def test_no_line_names_a_number_or_drug_that_its_quotes_lack(data: Path) -> None:
    rows = sources.read("wordings", data, "valid")
    assert len(rows) == 607
    assert all(len(d.tasks) == 1 and d.text.startswith("Conversation:\n") for d in rows)
    assert [d.id for d in rows if facts.unsupported_numbers(d.tasks[0].target, d.text)] == []
    assert [d.id for d in rows if facts.unsupported_drugs(d.tasks[0].target, d.text)] == []


@pytest.mark.long
def test_the_set_holds_what_it_held_and_is_the_same_each_time(data: Path) -> None:
    rows = sources.read("wordings", data, "train")
    assert len(rows) == 7042  # by the lexicon and the checks of today
    assert sources.read("wordings", data, "train") == rows
    held_out = {d.id for d in sources.aci(data, "valid")}
    assert not any(d.id.startswith(tuple(held_out)) for d in rows)
