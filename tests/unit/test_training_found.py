"""Notes made from found facts, as `evaluate --strategy found-…` has them written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.transcript import Transcript
from edge.engine.scripted import ScriptedEngine
from edge.errors import UsageError
from training import found
from training.sources import Task, TrainingDocument

RAW = "[doctor] what do you take?\n[patient] lisinopril, forty milligrams every morning. my knee hurts.\n"


def _facts(_: Any, transcript: Transcript) -> list[Fact]:
    kinds = ((FactKind.MEDICATION, "lisinopril, forty milligrams every morning"), (FactKind.SYMPTOM, "my knee hurts"))
    made = []
    for kind, words in kinds:
        start = transcript.source.index(words)
        quote = Quote(1, start, start + len(words), words)
        made.append(Fact(kind, Polarity.AFFIRMED, Subject.PATIENT, Time.CURRENT, True, (quote,)))
    return made


@pytest.fixture(autouse=True)
def tagger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found, "verify_bundle", lambda folder: folder)
    monkeypatch.setattr(found, "open_tagger", lambda bundle, threads: bundle)
    monkeypatch.setattr(found, "find_facts", _facts)


def _document(note: str = "MEDICATIONS\n\nLisinopril.") -> TrainingDocument:
    return TrainingDocument("v1", "facts_dev", "dev", RAW, (Task("division", "", note),), raw=RAW, note=note)


def test_every_form_is_written_and_its_parts_are_the_divisions_that_are_scored() -> None:
    assert len(found.STRATEGIES) == 14
    engine = ScriptedEngine(lambda _: "Knee pain.")
    for name in found.STRATEGIES:
        written = found.writer(name, Path("tagger"))(engine, _document())
        assert {*written.parts} == {"subjective"}, name
        model = "turns" in name
        assert ("Lisinopril 40 mg every morning." in written.text) is not model or not name.endswith("-unmended"), name
        assert ("Knee pain." in written.text) is ("facts" not in name), name
        assert (written.tokens > 0) is ("facts" not in name), name
    unmended = found.writer("found-turns-unmended", Path("tagger"))(engine, _document()).text
    assert "Lisinopril" not in unmended
    assert "Lisinopril" in found.writer("found-turns", Path("tagger"))(engine, _document()).text


def test_what_it_needs_is_said() -> None:
    with pytest.raises(UsageError, match="needs a tagger"):
        found.writer("found-facts", None)
    with pytest.raises(UsageError, match="whole visit"):
        found.writer("found-facts", Path("tagger"))(ScriptedEngine(lambda _: ""), _document(note=""))
