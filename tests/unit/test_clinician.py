"""Whose name stands under changes: the one that was set, else the login."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge import clinician, paths


@pytest.mark.parametrize("kept", [None, "no JSON", "[1]", '{"signer": 5}', '{"signer": "  "}', "[" * 900])
def test_without_a_usable_name_it_is_the_login(home: Path, monkeypatch: pytest.MonkeyPatch, kept: str | None) -> None:
    monkeypatch.setenv("LOGNAME", "dr.test")
    paths.data_dir().mkdir(parents=True, exist_ok=True)
    if kept is not None:
        (paths.data_dir() / clinician.SETTINGS).write_text(kept, encoding="utf-8")
    assert clinician.name() == "dr.test"


def test_a_name_is_one_safe_line(home: Path) -> None:
    paths.data_dir().mkdir(parents=True, exist_ok=True)
    text = json.dumps({"signer": "Dr. Keller\x1b[2J\n" + "x" * 500})
    (paths.data_dir() / clinician.SETTINGS).write_text(text, encoding="utf-8")
    assert clinician.name().startswith("Dr. Keller")
    assert "\x1b" not in clinician.name()
    assert len(clinician.name()) <= clinician.LONGEST
