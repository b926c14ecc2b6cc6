"""Extracted entries put right on the command line, and training lines of them, on demand."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import cli, vaults
from edge.contract.fields import FieldEntry, Fields
from edge.contract.schemas import FIELD_KEYS, extraction_target
from edge.encounters import writing
from edge.engine.scripted import ScriptedEngine
from edge.errors import InputError, UsageError, VaultError
from edge.extraction import corrections
from edge.store.kdf import KdfParameters
from edge.tasks.extract import locate_all
from training.tagger_data import reports

Run = Callable[..., str]
REPORT = "Mrs. Weiß, 71-year-old. She denies fever. Takes metformin 1000 mg.\nGrüße an den Hausarzt.\n"
FOUND = {"age": ["71-year-old"], "diagnosis": ["fever"], "pharmacological_therapy": ["metformin"]}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one verb in this process (unsealed) on a vault of its own, with lines on standard input; returns stdout."""
    secret, vault = tmp_path / "secret", tmp_path / "my.vault"
    secret.write_text("four unlikely words together\n")
    vaults.create(vault, secret, KdfParameters(64 * 1024, 1, 1)).close()
    options = ["--vault", str(vault), "--passphrase-file", str(secret)]
    engine = ScriptedEngine(lambda _: extraction_target(FOUND))
    monkeypatch.setattr(writing.Scribe, "open", classmethod(lambda cls, *_: writing.Scribe(engine)))
    monkeypatch.chdir(tmp_path)

    def go(*words: str, typed: str = "") -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        args = cli.build_parser().parse_args([*words, *options])
        assert args.run(args) == 0
        return capsys.readouterr().out

    return go


@pytest.fixture
def record(run: Run, tmp_path: Path) -> str:
    (tmp_path / "report.txt").write_text(REPORT, encoding="utf-8")
    run("extract", "report.txt", "--save", "--strategy", "tuned")
    return str(json.loads(run("records", "list", "--json"))["id"])


def shown(run: Run, record: str) -> dict[str, list[str]]:
    lines = run("records", "field", record, "--list").splitlines()
    found: dict[str, list[str]] = {}
    for line in lines:
        if "  " in line:
            key, rest = line.split(" ", 1)
            found.setdefault(key, []).append(rest.split("  ")[1])
    return found


def test_entries_are_set_moved_dropped_and_added(run: Run, record: str) -> None:
    typed = "move 1 signs_symptoms\nset 2 metformin 1000 mg\nadd social_history Grüße an den Hausarzt\ndrop 4\nsave\n"
    run("annotate", record, typed=typed)
    assert shown(run, record) == {
        "signs_symptoms": ["fever"],
        "social_history": ["Grüße an den Hausarzt"],
        "pharmacological_therapy": ["metformin 1000 mg"],
    }


def test_a_wrong_command_is_told_and_changes_nothing(run: Run, record: str) -> None:
    before = shown(run, record)
    run("annotate", record, typed="set 99 x\nset 1 words that are not there\nmove 1 nowhere\nfly\nadd age\nquit\n")
    assert shown(run, record) == before


def test_training_lines_hold_what_was_gone_through_and_training_reads_them(
    run: Run, record: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="gone through"):
        run("annotate", "--lines", str(tmp_path / "none.jsonl"))
    run("annotate", record, typed="move 1 signs_symptoms\nsave\n")
    path = tmp_path / "own.jsonl"
    run("annotate", "--lines", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (value,) = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert value["report"] == REPORT
    assert value["fields"]["signs_symptoms"] == ["fever"]
    assert value["split"] == "train"
    (example,) = reports(str(path), tmp_path, "train")
    assert {example.text[gold.start : gold.end] for gold in example.gold} == {"71-year-old", "fever", "metformin"}
    with pytest.raises(InputError):
        run("annotate", "--lines", str(path))


def test_a_signed_record_is_left_alone(run: Run, record: str) -> None:
    run("records", "sign", record, "--yes")
    with pytest.raises(VaultError):
        run("annotate", record, typed="drop 1\nsave\n")


def test_every_fifth_report_is_for_validation() -> None:
    empty = Fields(dict.fromkeys(FIELD_KEYS, ()))
    found = [corrections.Annotated(f"r{n:02}", "text", empty) for n in range(20)]
    text, count, left = corrections.lines(found)
    splits = [json.loads(line)["split"] for line in text.splitlines()]
    assert (count, left, splits.count("valid")) == (20, 0, 4)


def test_entries_that_do_not_stand_in_the_report_are_left_out() -> None:
    fields = Fields({"age": (FieldEntry("70", None, None, 0.3), locate_all(["71"], "He is 71.")[0])})
    text, _, left = corrections.lines([corrections.Annotated("r", "He is 71.", fields)])
    assert json.loads(text)["fields"] == {"age": ["71"]}
    assert left == 1
