"""Notes written by source and bundle: what is written, how it is scored, and what may be kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.engine.base import Engine
from edge.engine.scripted import ScriptedEngine
from edge.errors import BundleError, InputError
from export.held import Held
from export.notes import (
    ACI,
    MTS,
    OWN,
    NotedVisit,
    load_sets,
    losses,
    remembered,
    rouge1,
    scores,
    start_engine,
    write_all,
)

TALK = "Doctor: What brings you in?\nPatient: My knee hurts."
SETS = {ACI: [NotedVisit(TALK, "CHIEF COMPLAINT\n\nKnee pain.")], MTS: [Held(TALK, "Write the plan.", "Rest.")]}


def script(instruction: str) -> str:
    return "Rest." if instruction == "Write the plan." else "CHIEF COMPLAINT\n\nKnee pain."


def test_whole_notes_and_single_sections_are_written_and_scored() -> None:
    written = write_all(ScriptedEngine(script), SETS)
    assert written[MTS] == ["Rest."]
    assert written[ACI][0].startswith("CHIEF COMPLAINT\n\nKnee pain.")
    assert scores(SETS, {ACI: ["CHIEF COMPLAINT\n\nKnee pain."], MTS: ["Rest."]}) == {ACI: 100.0, MTS: 100.0}
    assert rouge1("knee pain", "knee ache") == pytest.approx(50.0)


def test_the_loss_is_that_of_the_worst_set() -> None:
    source = {ACI: ["chief complaint knee pain"], MTS: ["rest"]}
    bundle = {ACI: ["chief complaint knee"], MTS: ["nothing at all"]}
    found = losses(SETS, source, bundle)
    assert found["rouge1_loss"] == 100.0
    assert found["rouge1_aci-valid_source"] == 100.0
    assert found["rouge1_aci-valid"] == pytest.approx(100 * 2 * 3 / 7, abs=1e-4)
    assert (found["notes_aci-valid"], found["notes_mts-validation"]) == (1.0, 1.0)
    assert losses(SETS, bundle, source)["rouge1_loss"] < 0
    assert losses({}, {}, {}) == {}


def test_the_slow_source_writes_once(tmp_path: Path) -> None:
    started: list[int] = []

    def start() -> Engine:
        started.append(1)
        return ScriptedEngine(script)

    first = remembered("k", tmp_path, start, SETS)
    assert remembered("k", tmp_path, start, SETS) == first
    assert len(started) == 1
    assert remembered("k", tmp_path, start, {MTS: SETS[MTS]}) == {MTS: first[MTS]}  # a part: nothing to write
    assert len(started) == 1
    remembered("k", tmp_path, start, {MTS: [Held(TALK, "Write the history.", "None.")]})  # another question
    assert len(started) == 2
    for spoilt in ("[]", '{"a": 1}', "no JSON"):
        (tmp_path / "answers" / "k.json").write_text(spoilt)
        assert remembered("k", tmp_path, start, SETS) == first
    assert len(started) == 5


def test_an_interrupted_source_goes_on_where_it_was(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(instruction: str) -> str:
        asked.append(instruction)
        if instruction == "Write B." and len(asked) == 2:
            raise InputError("stopped")
        return instruction.removeprefix("Write ")

    sets = {MTS: [Held(TALK, f"Write {letter}.", "x") for letter in "ABC"]}
    with pytest.raises(InputError):
        remembered("k", tmp_path, lambda: ScriptedEngine(answer), sets)
    assert remembered("k", tmp_path, lambda: ScriptedEngine(answer), sets) == {MTS: ["A.", "B.", "C."]}
    assert asked == ["Write A.", "Write B.", "Write B.", "Write C."]


def test_sets_are_read_or_named(tmp_path: Path) -> None:
    (tmp_path / "aci_bench").mkdir()
    (tmp_path / "mts_dialog").mkdir()
    aci = "dataset,encounter_id,dialogue,note\nx,1,[doctor] hi,NOTE\nx,2,[doctor] ho,NOTE\n"
    (tmp_path / "aci_bench" / "valid.csv").write_text(aci)
    mts = "ID,section_header,section_text,dialogue\n0,PLAN,Rest.,Doctor: Rest.\n"
    (tmp_path / "mts_dialog" / "MTS-Dialog-ValidationSet.csv").write_text(mts)
    found = load_sets(1, None, tmp_path)
    assert found[ACI] == [NotedVisit("[doctor] hi", "NOTE")]
    assert [type(item) for item in found[MTS]] == [Held]
    assert load_sets(0) == {}
    own = tmp_path / "own.jsonl"
    own.write_text('{"document": "d", "instruction": "i", "answer": "a"}\n')
    assert load_sets(3, own) == {OWN: [Held("d", "i", "a")]}
    with pytest.raises(InputError, match="--data"):
        load_sets(1, None, tmp_path / "none")


class Fixed:
    """A model that writes the same tokens whatever it reads."""

    def __init__(self, answer: Sequence[int], vocabulary: int) -> None:
        self.answer, self.vocabulary, self.capacity = list(answer), vocabulary, 0
        self.places = False

    def open_session(self, capacity: int) -> Any:
        self.capacity, self.read, self.wrote = capacity, 0, 0
        return self

    def rewind(self, length: int) -> None:
        self.read = length

    def append(self, ids: Sequence[int], places: int = 1) -> None:
        self.read += len(ids)

    def logits(self, back: int = 0) -> Any:
        scores = np.zeros(self.vocabulary, dtype=np.float32)
        scores[self.answer[min(self.wrote, len(self.answer) - 1)]] = 1.0
        self.wrote += 1
        return scores


def test_the_source_writes_through_the_products_decoder(byte_tokenizer: Any, tmp_path: Path) -> None:
    byte_tokenizer.save(str(tmp_path / "tokenizer.json"))
    end = byte_tokenizer.token_to_id("<|im_end|>")
    ids = [*byte_tokenizer.encode("Rest.").ids, end]
    engine = start_engine(Fixed(ids, byte_tokenizer.get_vocab_size()), tmp_path / "tokenizer.json", "chatml", [], 4096)
    try:
        assert write_all(engine, {MTS: SETS[MTS]}) == {MTS: ["Rest."]}
    finally:
        engine.close()


def test_the_gate_keeps_no_answer_about_ones_own_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their words may be a patient's: nothing of them is left in the cache."""
    from bundle_kit import write_bundle

    from export import verify
    from export.compare import Distance

    cache, own = tmp_path / "cache", tmp_path / "own.jsonl"
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(cache))
    own.write_text(json.dumps({"document": "Mr. CANARY", "instruction": "i", "answer": "a"}) + "\n")
    distance = Distance(tokens=9, documents=50, perplexity=1.0, reference_perplexity=1.0, kl=0.0, agreement=1.0)
    folder = write_bundle(tmp_path / "tiny")
    monkeypatch.setattr(verify, "compare", lambda *_: {str(folder): distance})
    monkeypatch.setattr(verify, "HfLogits", lambda _: None)
    monkeypatch.setattr(verify, "logit_source", lambda _: None)
    for name in ("start_engine", "load_engine"):
        monkeypatch.setattr(verify, name, lambda *_, **__: ScriptedEngine(lambda _: "About Mr. CANARY."))
    (gate,) = verify.measure([folder], verify.VerifyTrial(against=tmp_path, documents=own))
    assert gate.passed
    assert gate.measured["notes_own"] == 1.0
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_a_distance_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty minutes of a busy laptop: a run that is cut off, or asks for more notes, does not measure it again."""
    from bundle_kit import contents, write_bundle

    from export import verify
    from export.compare import Distance

    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path / "cache"))
    distance = Distance(tokens=9, documents=50, perplexity=2.0, reference_perplexity=1.5, kl=0.01, agreement=0.95)
    other = {**contents(), "model.onnx.data": bytes(64)}
    folders = [write_bundle(tmp_path / "a"), write_bundle(tmp_path / "b", other)]
    measured: list[list[str]] = []

    def compare(reference: Any, candidates: dict[str, Any], *_: Any) -> dict[str, Distance]:
        measured.append(sorted(Path(name).name for name in candidates))
        return dict.fromkeys(candidates, distance)

    for name, fake in (("compare", compare), ("HfLogits", lambda *_, **__: None), ("logit_source", lambda _: None)):
        monkeypatch.setattr(verify, name, fake)
    monkeypatch.setattr(verify, "hf_folder", lambda *_, **__: tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(b"another")
    with pytest.raises(BundleError, match="another tokenizer than its base"):  # both sides would read by it
        verify.measure(folders[:1], verify.VerifyTrial(notes=0))
    (tmp_path / "tokenizer.json").write_bytes(contents()["tokenizer.json"])
    monkeypatch.setattr(verify, "load_held", lambda count, *_: [Held("d", "i", "a")] * count)
    first = verify.measure(folders[:1], verify.VerifyTrial(notes=0))
    assert verify.measure(folders, verify.VerifyTrial(notes=0)) == first * 2
    verify.measure(folders[:1], verify.VerifyTrial(notes=0, count=2))  # other documents
    verify.measure(folders[:1], verify.VerifyTrial(notes=0, against=tmp_path))  # a source of one's own: never kept
    assert measured == [["a"], ["b"], ["a"], ["a"]]
