"""`edgescribe code` as a user types it, against a small list of codes of our own: shapes, exit codes, threads."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from edge import cli
from edge.coding import candidates, installed
from edge.coding.encoder import CodingModel
from edge.encounters import coding
from edge.errors import UsageError
from edge.terminology.catalogue import Catalogue
from edge.terminology.index import open_edition
from edge.verbs import demo
from edge.verbs.narrate import Narrator

TABULAR = """<?xml version="1.0"?><ICD10CM.tabular><version>2099</version><chapter><name>9</name><desc>Heart</desc>
<section id="I10-I1A"><desc>Hypertensive diseases</desc><diag><name>I10</name><desc>Primary hypertension</desc>
<inclusionTerm><note>high blood pressure</note></inclusionTerm></diag></section></chapter>
<chapter><name>4</name><desc>Endocrine</desc><section id="E08-E13"><desc>Diabetes mellitus</desc>
<diag><name>E11</name><desc>Type 2 diabetes mellitus</desc>
<excludes1><note>type 1 diabetes mellitus (E10.-)</note></excludes1>
<useAdditionalCode><note>insulin (Z79.4)</note></useAdditionalCode>
<diag><name>E11.9</name><desc>Type 2 diabetes mellitus without complications</desc></diag></diag></section></chapter>
<chapter><name>19</name><desc>Injury</desc><section id="S50-S59"><desc>Injuries of the forearm</desc>
<diag><name>S52</name><desc>Fracture of forearm</desc><sevenChrDef><extension char="A">initial encounter</extension>
<extension char="D">subsequent encounter</extension></sevenChrDef>
<diag><name>S52.50</name><desc>Fracture of lower end of radius</desc>
<inclusionTerm><note>broken wrist</note></inclusionTerm></diag></diag></section></chapter></ICD10CM.tabular>"""
NOTE = "ASSESSMENT\n\n1. Hypertension.\n2. Type 2 diabetes mellitus.\n"


@pytest.fixture
def edition(tmp_path: Path) -> list[str]:
    """The options that name the list."""
    (tmp_path / "codes.xml").write_text(TABULAR, encoding="utf-8")
    return ["--edition", str(tmp_path / "codes.xml"), "--quiet"]


def _run(*words: str) -> int:
    args = cli.build_parser("code").parse_args(["code", *words])
    return int(args.run(args))


def written(folder: Path, text: str, name: str = "note.txt") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_an_entry_is_shown_with_its_notes_and_its_edition(
    edition: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("lookup", "e11", *edition) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0] == "E11  Type 2 diabetes mellitus  (not billable; ICD-10-CM 2099)"
    assert "  excludes1: type 1 diabetes mellitus (E10.-)" in said
    assert "  use additional: insulin (Z79.4)" in said
    assert _run("lookup", "S52.50", "--json", *edition) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["code"], found["billable"], found["edition"]) == ("S52.50", False, "ICD-10-CM 2099")
    assert found["seventh"] == {"A": "initial encounter", "D": "subsequent encounter"}
    assert found["notes"] == {"inclusion": ["broken wrist"]}


def test_words_find_entries_and_a_code_its_place(edition: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("search", "broken", "left", "wrist", *edition) == 0
    assert capsys.readouterr().out.splitlines()[0] == "S52.50    Fracture of lower end of radius"
    assert _run("tree", "E11", *edition) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Chapter 4  Endocrine",
        "  E08-E13  Diabetes mellitus",
        "    E11  Type 2 diabetes mellitus",
        "      E11.9  Type 2 diabetes mellitus without complications",
    ]
    assert _run("tree", "E11", "--json", *edition) == 0
    tree = json.loads(capsys.readouterr().out)
    assert [one["code"] for one in tree["tree"]] == ["Chapter 4", "E08-E13", "E11", "E11.9"]


@pytest.mark.parametrize("words", [["lookup"], ["lookup", "Q99"], ["search", "the of"], ["tree", "X"]])
def test_what_cannot_be_asked_is_a_usage_error(words: list[str], edition: list[str]) -> None:
    with pytest.raises(UsageError):
        _run(*words, *edition)


def test_a_note_is_one_object_of_the_promised_shape(
    edition: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = written(tmp_path, "ASSESSMENT\n\nThe visit was cancelled.\n", "other.txt")
    assert _run(written(tmp_path, NOTE), empty, "--json", *edition) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert list(first) == ["file", "edition", "codes", "conflicts", "seconds"]
    assert [one["code"] for one in first["codes"]] == ["I10", "E11.9"]
    assert all(NOTE[one["start"] : one["end"]] == one["quote"] for one in first["codes"])
    assert (second["file"], second["codes"], second["conflicts"]) == (empty, [], [])


def test_a_note_without_a_diagnosis_says_so(
    edition: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(written(tmp_path, "ASSESSMENT\n\nThe visit was cancelled.\n"), *edition) == 0
    assert capsys.readouterr().out == "No diagnosis that can be coded was found.\n"


def test_a_note_that_is_too_long_is_coded_to_where_it_is_read_and_that_is_said(
    edition: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "MAX_NOTE", 28)
    assert _run(written(tmp_path, NOTE), *edition[:-1]) == 0
    said = capsys.readouterr()
    assert [row[:3] for row in said.out.splitlines()] == ["I10", "   "]
    assert "was read to 28 characters" in said.err


def test_a_file_that_fails_does_not_stop_the_others(
    edition: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty, note = written(tmp_path, "", "empty.txt"), written(tmp_path, NOTE)
    assert _run(empty, "--json", *edition) == 3
    capsys.readouterr()
    assert _run(empty, note, "--json", *edition) == 1
    assert [json.loads(row)["file"] for row in capsys.readouterr().out.splitlines() if "codes" in row] == [note]


def test_the_threads_reach_the_encoder(edition: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def opened(_: Iterable[Path], __: Catalogue, threads: int) -> CodingModel | None:
        seen.append(threads)
        return None

    monkeypatch.setattr(installed, "installed_model", opened)
    for more in ([], ["--threads", "2"]):
        assert _run(written(tmp_path, NOTE), *edition, *more) == 0
    assert seen == [0, 2]


def test_the_demo_ends_with_candidates_of_its_note(
    edition: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(coding, "catalogue", lambda: open_edition(Path(edition[1])))
    for note, expected in ((NOTE, ["I10", "E11.9"]), ("The visit was cancelled.", [])):
        found = demo._codes(note, argparse.Namespace(threads=1), Narrator())
        said = capsys.readouterr().err
        assert [one.code for one in found.entries] == expected
        assert all(code in said for code in expected)
        assert ("No diagnosis that can be coded" in said) is not bool(expected)
        assert "edgescribe-export coding" in said
