"""What a judge of pairs reads, and the answers that it gives, without weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from tagging_kit import word_tokenizer

from edge.contract.document import Document
from edge.contract.note import EncounterNote, Section
from edge.contract.tagging import TaggerLabel, TaggerSpec, TaggerTask, parse_spec
from edge.encounters import checking
from edge.encounters.reviewing import hear, look
from edge.errors import BundleError
from edge.evidence import judging
from edge.evidence.checks import negation
from edge.evidence.conversation import converse
from edge.evidence.review import review
from edge.evidence.statements import split
from edge.reading.conversation import parse
from edge.tagging.verdicts import STATEMENT, Verdicts, pair_windows

TALK = parse(
    "[doctor] any chest pain ?\n[patient] no .\n[doctor] " + "well then " * 40 + "your blood pressure is 140 over 90 ."
)
NOTE = "HISTORY OF PRESENT ILLNESS\n\nShe denies chest pain.\n\nVITALS\n\nBlood pressure 140/90.\n"


def test_a_statement_is_read_beside_question_and_answer() -> None:
    talk, pieces = converse(TALK), split(NOTE)
    first, second = judging.statement_pair(pieces[0], talk, [0])
    assert first == "history: She denies chest pain."
    assert second == "D: any chest pain ? P: no ."


def test_of_a_long_turn_the_words_that_matter_are_read() -> None:
    talk, pieces = converse(TALK), split(NOTE)
    _, second = judging.statement_pair(pieces[1], talk, [2])
    assert "140 over 90" in second
    assert len(second.split()) <= 42


class _Backend:
    """Hidden states are the tokens' own numbers; the answer is the second where the pair holds a certain word."""

    def __init__(self, marked: int) -> None:
        self._marked = marked

    def encode(self, ids: Any, mask: Any) -> tuple[Any, Any]:
        hidden = (ids == self._marked).astype(np.float32)[..., None] * mask[..., None]
        return np.repeat(hidden, 4, axis=2), np.zeros((*ids.shape, 3), dtype=np.float32)

    def judge(self, vectors: Any) -> Any:
        held = vectors[:, -1] > 0
        return np.stack([np.where(held, -3.0, 3.0), np.where(held, 3.0, -3.0)], axis=1).astype(np.float32)


def test_answers_come_in_the_order_of_the_pairs() -> None:
    tokenizer = word_tokenizer(["she", "denies", "pain", "but", "not", "fever", "cough"])
    task = TaggerTask(key=STATEMENT, source="pair", labels=[TaggerLabel(key=one) for one in ("holds", "negation")])
    spec = TaggerSpec(window=30, overlap=0, tasks=[task])
    judge = Verdicts(spec, tokenizer, _Backend(tokenizer.token_to_id("fever")))
    pairs = [("she denies pain but not fever cough", "pain"), ("pain", "cough"), ("fever", "cough cough")] * 5
    found = [max(one, key=one.__getitem__) for one in judge(pairs)]
    assert found == ["negation", "holds", "negation"] * 5
    with pytest.raises(ValueError, match="no task"):
        judge.judge("codes", pairs)
    assert judge([]) == []


def test_a_pair_is_cut_to_its_window() -> None:
    tokenizer = word_tokenizer(["pain", "cough"])
    (cut,) = pair_windows(tokenizer, [("pain " * 100, "cough " * 500)], 120)
    assert len(cut) == 120
    assert cut.count(tokenizer.token_to_id("pain")) == 90


VISIT = parse("[doctor] how was the holiday?\n[patient] the hotel was hardly quiet. see you in two weeks.")


class _Judge:
    """Says of every pair that it is turned round, by so much; keeps what it was asked."""

    def __init__(self, share: float) -> None:
        self.share, self.asked = share, list[str]()

    def __call__(self, pairs: Sequence[judging.Pair]) -> list[dict[str, float]]:
        self.asked += [first for first, _ in pairs]
        return [{"holds": 1 - self.share, "negation": self.share}] * len(pairs)


@pytest.mark.parametrize(("share", "flagged"), [(0.99, True), (0.5, False)])
def test_the_judge_is_a_second_vote_where_the_rules_doubt(
    share: float, flagged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = "PLAN\n\nFollow up in two weeks.\n\nHISTORY OF PRESENT ILLNESS\n\nReports a quiet hotel."
    monkeypatch.setattr(negation, "odds", lambda view: 0.5 if "hotel" in view.piece.text else -5.0)
    assert not any(flag.check == "negation" for flag in review(note, VISIT).flags)
    judge = _Judge(share)
    assert any(flag.check == "negation" for flag in review(note, VISIT, judge=judge).flags) is flagged
    assert judge.asked == ["history: Reports a quiet hotel."]  # of the other statement its answer would not count


def test_an_installed_judge_is_asked_by_check_note_and_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def folder(task: str, dirs: Iterable[Path], name: str | None = None) -> Path:
        if task != STATEMENT:
            raise BundleError("There is no tagger.", "", "")
        return tmp_path

    judge = _Judge(0.99)
    monkeypatch.setattr(checking, "tagger_folder", folder)
    monkeypatch.setattr(checking, "load_verdicts", lambda *_, **__: judge)
    monkeypatch.setattr(negation, "odds", lambda view: 0.5)
    checker = checking.Checker.open()
    note = EncounterNote("", (Section("HISTORY OF PRESENT ILLNESS", "Reports a quiet hotel.", "history", "end"),))
    source = Document("visit.txt", VISIT.source, "0" * 64)
    doors = (
        checker.check(Document("note.txt", note.text(), "1" * 64), source).statements,
        checker.check_written(note, source)[0].sections[0].statements,
        look(note, hear(checker, VISIT.source)).note.sections[0].statements,
    )
    for statements in doors:
        assert [flag.check for one in statements for flag in one.flags] == ["negation"]
    assert judge.asked == 3 * ["history: Reports a quiet hotel."]


def test_every_published_tagger_is_whole_and_built_by_the_demo() -> None:
    folders = sorted(path for path in (ROOT / "models" / "taggers").iterdir() if path.is_dir())
    assert [path.name for path in folders] == ["judge", "minilm"]
    demo = (ROOT / "Makefile").read_text(encoding="utf-8")
    for path in folders:
        assert f"edgescribe-export tagger {path.name}\n" in demo
        assert {"README.md", "adapter.json", "tagger.json", "tagger.safetensors"} == {f.name for f in path.iterdir()}
        assert (path / "tagger.safetensors").stat().st_size < 25_000_000
        assert parse_spec((path / "tagger.json").read_bytes()).tasks
    task = parse_spec((folders[0] / "tagger.json").read_bytes()).task(STATEMENT)
    assert task is not None
    assert {judging.HOLDS, negation.NAME} <= {label.key for label in task.labels}
