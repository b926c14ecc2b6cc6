"""Another system's answers are scored by the evaluator that scores ours; a file that can't be is named by its line."""

import json
from pathlib import Path

import pytest

from training import answers, cli, sources

NAME = "bart-large-xsum-samsum_clinicalnlp_taskB_test1_division_combined.csv"


def _evaluate(file: Path, out: Path, *more: str) -> int:
    asked = ["evaluate", "--answers", str(file), "--set", "aci-test1", "--limit", "1", "--out", str(out), *more]
    return cli.main(asked)


def test_released_predictions_get_every_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    released = sources.data_dir() / "aci_bench" / "baseline_predictions" / NAME
    assert _evaluate(released, tmp_path / "bart", "--label", "BART") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["model"], found["precision"], found["n"]) == ("BART", "", 1)
    assert 40 < found["figures"]["rouge1"] < 70
    assert {"unsupported.doses", "entity.f1", "subjective.rouge1", "header.recall"} <= found["figures"].keys()
    assert not {"loop", "cut", "tokens", "seconds"} & found["figures"].keys()  # nobody told us
    assert cli.main(["report", str(tmp_path / "bart"), "--out", str(tmp_path / "report")]) == 0
    (row,) = (line for line in (tmp_path / "report" / "report.md").read_text().splitlines() if "| BART |" in line)
    assert row.startswith("| BART | – | 1 | ")
    assert _evaluate(released, tmp_path / "bart", "--label", "other") == 2
    assert "the answers of another model" in capsys.readouterr().err


def test_the_forms_of_a_file_say_the_same(tmp_path: Path) -> None:
    asked = sources.aci(sources.data_dir(), "test1")[:2]
    texts = ['HISTORY\n\nA fever, "high".', ""]
    lines = [json.dumps({"id": document.id, "text": text}) for document, text in zip(asked, texts, strict=True)]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, json.dumps({"id": "another", "text": "x"})]))
    (tmp_path / "a.json").write_text(f"[{', '.join(lines)}]")
    quoted = ['"' + text.replace('"', '""') + '"' for text in texts]
    cells = [f"{document.id},{text}" for document, text in zip(asked, quoted, strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(["\ufeffid,text", *cells]) + "\n", encoding="utf-8")
    for kind in ("jsonl", "json", "csv"):
        found = answers.read(tmp_path / f"a.{kind}", asked)
        assert [(one.id, one.text) for one in found] == [(d.id, t) for d, t in zip(asked, texts, strict=True)]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", '{"id": "x"}', "a.jsonl line 1: no text"),
        ("a.jsonl", '{"id": "x", "text": 5}', "a.jsonl line 1: text must be text"),
        ("a.jsonl", '{"id": "x", "text": ""}\n{"id": "x", "text": ""}', "a.jsonl line 2: the id is given twice"),
        ("a.jsonl", '{"id": "x", "text": ""}', "has no answers for 1 of 1 documents"),
        ("a.csv", "", "no columns of ids and texts"),
        ("a.csv", "id,summary\nx,y", "no columns of ids and texts"),
        ("a.csv", "id,text\nx", "a.csv line 2: 1 cells, not 2"),
        ("a.csv", 'id,text\nx,"y', "a.csv line 2: unexpected end of data"),
        ("missing.csv", None, "does not exist"),
    ],
)
def test_a_file_that_cannot_be_scored_is_named(
    name: str, text: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    assert _evaluate(tmp_path / name, tmp_path / "out", "--label", "m") == 9
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_does_not_go_together_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _evaluate(tmp_path / "a.csv", tmp_path / "out") == 2
    assert "--answers needs --label" in capsys.readouterr().err
    assert _evaluate(tmp_path / "a.csv", tmp_path / "out", "--label", "m", "--strategy", "naive") == 2
    assert "takes no --strategy" in capsys.readouterr().err
