"""`edgescribe facts` with a tagger whose answers are written by hand: shapes, exit codes, and what people read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tagging_kit import word_tagger

from edge import cli, paths
from edge.encounters import checking
from edge.errors import BundleError
from edge.tagging import installed, onnx

TALK = "Doctor: Any chest pain?\nPatient: No.\nPatient: I have a cough.\n"
WORDS = "any chest pain ? no . i have a cough doctor patient"


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A conversation, and a tagger that knows its words."""
    marked = {"chest": "symptom", "pain": "symptom", "cough": "symptom"}
    monkeypatch.setattr(onnx, "load_tagger", lambda *_, **__: word_tagger(WORDS, marked))
    monkeypatch.setattr(installed, "tagger_folder", lambda *_: tmp_path)
    path = tmp_path / "talk.txt"
    path.write_text(TALK, encoding="utf-8")
    return path


def _run(*words: str) -> int:
    args = cli.build_parser("facts").parse_args(["facts", *words])
    code = args.run(args)
    assert isinstance(code, int)
    return code


def test_json_has_the_promised_shape_and_exact_offsets(talk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(str(talk), "--json", "--quiet") == 0
    shown = json.loads(capsys.readouterr().out)
    assert set(shown) == {"file", "facts", "language", "seconds"}
    keys = {"kind", "polarity", "subject", "time", "critical", "turn", "start", "end", "quote"}
    assert [set(fact) for fact in shown["facts"]] == [keys, keys]
    assert [TALK[f["start"] : f["end"]] for f in shown["facts"]] == ["chest pain", "cough"]
    assert [(f["quote"], f["polarity"], f["turn"]) for f in shown["facts"]] == [
        ("chest pain", "denied", 0), ("cough", "affirmed", 2),
    ]  # fmt: skip


def test_people_read_the_answer_beside_the_question(talk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(str(talk)) == 0
    out, err = capsys.readouterr()
    assert "chest pain … No" in out
    assert "(denied)" in out
    assert "2 facts" in err


def test_one_file_of_several_that_fails_does_not_stop_the_others(
    talk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(str(talk), str(talk.with_name("none.txt")), "--json") == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert "none.txt is not there" in err


def test_without_a_tagger_the_way_to_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no tagger for facts.*make demo"):
        installed.tagger_folder("facts", [tmp_path])


def test_a_note_says_why_it_lists_no_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checking.Checker.open().lacking == "No tagger is installed."

    def refused(*_: object, **__: object) -> None:
        raise BundleError("No trusted key signed tagger-x.", "It may be altered.", "Trust its key.")

    monkeypatch.setattr(checking, "tagger_folder", lambda *_: tmp_path / "tagger-x")
    monkeypatch.setattr(checking, "verify_bundle", refused)
    opened = checking.Checker.open()
    assert opened.finder is None
    assert opened.lacking == (
        "The tagger tagger-x is not used. No trusted key signed tagger-x. It may be altered. Trust its key."
    )
    with pytest.raises(BundleError, match="No trusted key"):
        checking.Checker.open("tagger-x")


def test_no_test_sees_the_bundles_of_this_checkout(home: Path) -> None:
    assert paths.bundle_dirs() == [home / "bundles"]
