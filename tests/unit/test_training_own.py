"""A user's own documents: what is read, what is refused by file and line, and what training leaves out of them."""

import json
from pathlib import Path

import pytest

from edge.contract import templates
from edge.errors import TrainingError
from training import answering, mixing, own, sources, spans
from training.config import Data

GOOD = {"document": "Doctor: hello\nPatient: hi", "instruction": "Write it.", "target": "Hello."}
REPORT = {"report": "A 58-year-old man with gout.", "fields": {"age": ["58-year-old"], "diagnosis": ["gout"]}}


def _file(tmp_path: Path, *lines: object, ends: str = "\n") -> Path:
    path = tmp_path / "own.jsonl"
    path.write_bytes(ends.join(x if isinstance(x, str) else json.dumps(x) for x in lines).encode())
    return path


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_own_data_is_read(tmp_path: Path, ends: str, mark: bytes) -> None:
    letter = {"document": "A letter.", "kind": "report", "template": "section:CC", "target": "Cough.", "id": 7}
    path = _file(tmp_path, GOOD, "", letter, ends=ends)
    path.write_bytes(mark + path.read_bytes())
    first, second = own.read(path, "train")
    assert (first.id, first.text) == ("own-1", "Conversation:\nDoctor: hello\nPatient: hi")
    assert (second.id, second.text) == ("7", "Report:\nA letter.")
    assert second.tasks[0].instruction == templates.get("section:CC").sections[0].instruction


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{not json", "not JSON"),
        ("[1]", "not an object"),
        ("5", "not an object"),
        pytest.param("[" * 100_000, "not JSON that can be read", id="brackets"),
        pytest.param('{"document": ' + "1" * 5000 + "}", "not JSON that can be read", id="figures"),
        ('{"document": "x", "document": "y"}', "the key document is given twice"),
        ('{"SECRET WORD": "x", "SECRET WORD": "y"}', "the key (not shown) is given twice"),
        ({**GOOD, "target": ""}, "no target"),
        ({**GOOD, "target": " \n"}, "no target"),
        ({**GOOD, "instruction": ""}, "no instruction"),
        ({**GOOD, "document": 5}, "document must be text"),
        ({**GOOD, "target": ["SECRET WORD"]}, "target must be text"),
        ({**GOOD, "instruction": {"a": 1}}, "instruction must be text"),
        ({**GOOD, "id": ["a"]}, "id must be text"),
        ({**GOOD, "id": "first"}, "the id of own.jsonl line 1 again"),
        ({**GOOD, "tempalte": "x"}, "there is no key tempalte"),
        ({**GOOD, "template": "visit"}, "either an instruction or a template"),
        ({"document": "x", "target": "y"}, "either an instruction or a template"),
        ({"document": "Doctor: x", "target": "y", "template": "visit"}, "more than one section"),
        ({"document": "Doctor: x", "target": "y", "template": "nope"}, "no template"),
        ({"document": "Doctor: x", "target": "y", "template": 5}, "template must be text"),
        ({**GOOD, "kind": "SECRET WORD"}, "kind must be conversation or report"),
        ({**GOOD, "document": " \n "}, "no document"),
        ({"report": "x", "fields": {}}, "no fields"),
        ({"report": "x", "fields": ["a"]}, "fields must be an object"),
        ({"report": "x", "fields": {"SECRET WORD": []}}, "none of the 15 fields"),
        ({"report": "x", "fields": {"age": 5}}, "age must be a list of texts"),
        ({"report": "x", "summary": {"age": [5]}}, "age must be a list of texts"),
        ({"report": ["x"], "summary": {"age": "5"}}, "report must be text"),
    ],
)
def test_what_is_wrong_is_named_by_line_without_its_words(tmp_path: Path, bad: object, message: str) -> None:
    with pytest.raises(TrainingError) as caught:
        own.read(_file(tmp_path, {**GOOD, "id": "first"}, "", bad, ends="\r\n"), "train")
    assert message in str(caught.value)
    assert "own.jsonl line 3" in str(caught.value)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (json.dumps(GOOD).encode() + b'\n{"document": "M\xfcller"}', r"line 2: not UTF-8 \(byte"),
        (json.dumps(GOOD).encode("utf-16"), "line 1: not UTF-8"),
        (b"", "holds no record"),
        (b"\n \r\n\n", "holds no record"),
    ],
)
def test_files_that_are_no_text_or_empty_are_named(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "own.jsonl").write_bytes(data)
    with pytest.raises(TrainingError, match=message):
        own.read(tmp_path / "own.jsonl", "train")


def test_paths_that_hold_no_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(TrainingError, match="cannot be read"):
        sources.read(str(tmp_path / "folder.jsonl"), tmp_path, "train")
    with pytest.raises(TrainingError, match="does not exist"):
        sources.read(str(tmp_path / "none.json"), tmp_path, "train")


def test_reports_with_their_fields_as_spans_or_as_elmtex_is_published(tmp_path: Path) -> None:
    """The published file is one list; a field is one text with semicolons, "N/A" where there is none."""
    german = {"report": "Frau Müller, 72 Jahre, Gonarthrose.", "fields": {"age": ["72 Jahre"]}, "lang": "de"}
    first, second = own.read(_file(tmp_path, REPORT, german), "train")
    assert (first.text, second.lang) == ("Report:\nA 58-year-old man with gout.", "de")
    summary = {"age": "58-year-old", "signs_symptoms": "N/A", "diagnosis": "gout; a rash ; ", "gender": None}
    whole = [{"patient_uid": "1", "PMID": 2, "report": REPORT["report"], "summary": summary}]
    (tmp_path / "elmtex.json").write_text(json.dumps(whole, indent=1), encoding="utf-8")
    (third,) = own.read(tmp_path / "elmtex.json", "train")
    assert third.tasks[0].instruction == first.tasks[0].instruction
    fields = spans.parse(third.tasks[0].target) or {}
    assert {k: v for k, v in fields.items() if v} == {"age": ["58-year-old"], "diagnosis": ["gout", "a rash"]}
    assert answering.item(third).kind == "extract"
    (tmp_path / "elmtex.json").write_text(json.dumps([{"report": "x", "summary": 5}]), encoding="utf-8")
    with pytest.raises(TrainingError, match=r"elmtex.json record 1: summary must be an object"):
        own.read(tmp_path / "elmtex.json", "train")
    (tmp_path / "elmtex.json").write_text('{"report": "x"}', encoding="utf-8")
    with pytest.raises(TrainingError, match="not a list of records"):
        own.read(tmp_path / "elmtex.json", "train")


def test_what_stands_in_validation_is_left_out_and_counted(tmp_path: Path) -> None:
    strange = {**REPORT, "report": "Another report.", "fields": {"age": ["90 years"]}}
    train = _file(tmp_path, GOOD, {**GOOD, "document": "doctor:  Hello. Patient: hi"}, REPORT, strange)
    valid = tmp_path / "valid.jsonl"
    valid.write_text(json.dumps({**GOOD, "target": "Other."}), encoding="utf-8")
    data = Data(passes={str(train): 1.0}, validate=(str(valid),))
    found = mixing.prepare(data, tmp_path)
    assert [d.raw for d in found.train[str(train)]] == [REPORT["report"], strange["report"]]
    assert found.counts["leaks.dialogue"] == 2
    assert found.counts[f"{train}.kept"] == 2
    assert found.counts[f"{train}.not verbatim"] == 1
    with pytest.raises(TrainingError, match="left to train on"):
        mixing.prepare(Data(passes={str(valid): 1.0}, validate=(str(valid),)), tmp_path)
