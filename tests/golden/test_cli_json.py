"""The JSON that other programs read, byte for byte, from a scripted model. Regenerate: EDGESCRIBE_GOLDEN=1 pytest."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from edge import cli
from edge.contract.schemas import extraction_target
from edge.encounters import checking, writing
from edge.engine.scripted import ScriptedEngine

FOLDER = Path(__file__).parent
VISIT = "Doctor: What brings you in?\nPatient: My knee hurts. Grüße.\n"
REPORT = "Mr. Weiß, 71-year-old male. Metformin 1000 mg twice daily.\n"


def script(instruction: str) -> str:
    if "JSON" in instruction:
        return extraction_target(
            {"age": ["71-year-old"], "gender": ["male"], "pharmacological_therapy": ["Metformin 1000 mg twice daily"]}
        )
    if "subjective" in instruction:
        return "CHIEF COMPLAINT\n\nKnee pain.\n\nHISTORY OF PRESENT ILLNESS\n\nHis knee hurts. Grüße."
    return "None."


def answer(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(writing.Scribe, "open", classmethod(lambda cls, *_: writing.Scribe(ScriptedEngine(script))))
    monkeypatch.setattr(
        checking.Checker, "open", classmethod(lambda cls, *_: cls())
    )  # whatever taggers this machine has
    args = cli.build_parser().parse_args(words)
    args.run(args)
    lines = []
    for line in capsys.readouterr().out.splitlines():
        value = json.loads(line)
        if "seconds" in value:
            value["seconds"] = 0
        value["file"] = Path(value["file"]).name
        lines.append(json.dumps(value, ensure_ascii=False))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("verb", ["note", "extract"])
def test_cli_json(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "visit.txt").write_text(VISIT, encoding="utf-8")
    (tmp_path / "report.txt").write_text(REPORT, encoding="utf-8")
    (tmp_path / "empty.txt").touch()
    first = "visit.txt" if verb == "note" else "report.txt"
    found = answer([verb, str(tmp_path / first), str(tmp_path / "empty.txt"), "--json"], monkeypatch, capsys)
    found = found.replace(str(tmp_path) + os.sep, "")
    golden = FOLDER / f"cli_{verb}.jsonl"
    if os.environ.get("EDGESCRIBE_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


def test_elmtex_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.txt").write_text(REPORT, encoding="utf-8")
    monkeypatch.setattr(writing.Scribe, "open", classmethod(lambda cls, *_: writing.Scribe(ScriptedEngine(script))))
    args = cli.build_parser().parse_args(["extract", str(tmp_path / "report.txt"), "--format", "elmtex"])
    assert args.run(args) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["age"] == "71-year-old"
    assert printed["pathology"] == "N/A"
    assert len(printed) == 15
