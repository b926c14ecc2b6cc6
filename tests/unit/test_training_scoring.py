"""Floors, prompting strategies, tables and figures on small known inputs."""

import errno
import json
from pathlib import Path

import pytest

from edge.contract.events import Finished
from edge.contract.schemas import extraction_target
from edge.engine.base import EngineInfo
from edge.engine.scripted import ScriptedEngine
from edge.errors import EngineError, TrainingError, UsageError
from training import answering, cli, floors, intervals, prompting, report, rouge, scoring, sources
from training.answering import Item, Written
from training.sources import TrainingDocument, extract_task


def test_the_copy_floor_on_aci_test1_is_the_known_one() -> None:
    items = [answering.item(d) for d in answering.documents("aci-test1", None)]
    found = [rouge.score(i.reference, i.source, kinds=("rouge1", "rouge2")) for i in items]
    assert [round(intervals.mean([one[k] for one in found]), 1) for k in ("rouge1", "rouge2")] == [32.8, 12.5]


def test_every_kind_of_task_has_the_copy_of_its_source_for_a_floor() -> None:
    report = "A 58-year-old man with gout and a painful left knee takes allopurinol."
    wanted = extract_task({"age": ["58-year-old"], "diagnosis": ["gout"]}).target
    fields = Item("a", "extract", "", report, wanted)
    copy = scoring.summary([fields], scoring.floor_answers([fields], [])["copy"])["figures"]
    assert (copy["json.valid"], copy["verbatim"], copy["span.f1.relaxed"]) == (100.0, 100.0, 0.0)
    assert 0 < copy["field.rouge1"] < 20
    checks = [Item("a", "check", "", "He took 5 g.", "He took 5 g."), Item("b", "check", "", "Well.", "None.")]
    found = scoring.floor_answers(checks, [])
    assert found.keys() == {"always none", "copy"}
    assert scoring.summary(checks, found["copy"])["figures"]["flag.accuracy"] == 50.0  # every note is flagged


def test_nearest_prefers_the_same_key() -> None:
    index = floors.Nearest(["cough and fever", "knee pain", "cough and fever today"], ["CC", "CC", "PLAN"])
    assert index.find("fever, cough today", "CC") == 0
    assert index.find("fever, cough today", "PLAN") == 2
    assert index.find("knee", "UNKNOWN") == 1
    assert index.ranked("knee pain")[0] == 1


NOTE = "CHIEF COMPLAINT\n\nCough.\n\nASSESSMENT AND PLAN\n\nTake 5 mg."
ITEM = Item("a", "note", "subjective", "Doctor: take five milligrams for the cough.", NOTE)


def test_a_perfect_note_and_an_empty_one() -> None:
    parts = {"subjective": "x", "assessment_and_plan": "y"}
    perfect = scoring.summary([ITEM], [Written("a", NOTE, ("end", "end"), 9, 1.0, parts=parts)])
    assert perfect["figures"]["rouge1"] == perfect["intervals"]["rouge1"][0] == 100.0
    assert perfect["figures"]["header.recall"] == perfect["figures"]["assessment_and_plan.rouge1"] == 100.0
    assert perfect["figures"]["unsupported.doses"] == perfect["figures"]["omitted.words"] == 0.0
    empty = scoring.summary([ITEM], [Written("a", "", ("loop", "end"), 0, 1.0, parts=parts)])["figures"]
    assert (empty["rouge1"], empty["omitted.words"], empty["empty"], empty["loop"]) == (0.0, 100.0, 100.0, 50.0)
    wrong = scoring.summary([ITEM], [Written("a", NOTE.replace("5", "50"), ("end",), 9, 1.0)])["figures"]
    assert (wrong["unsupported.numbers"], wrong["unsupported.doses"]) == (1.0, 1.0)


class Fixed:
    """An engine that writes one answer and remembers what it was asked."""

    info = EngineInfo("fixed", "", "chatml", "1", 8192, "none")

    def __init__(self, text: str) -> None:
        self.text, self.prompts = text, []

    def count(self, prompt: object) -> int:
        return 100

    def stream(self, request: object):  # type: ignore[no-untyped-def]
        self.prompts.append(request.prompt)  # type: ignore[attr-defined]
        yield Finished(self.text, "end", 100, 0, 5, 0.1)

    def cancel(self) -> None: ...

    def close(self) -> None: ...


def _report(name: str, text: str, age: str) -> TrainingDocument:
    return TrainingDocument(
        name, "elmtex_aci", "train", sources.report(text), (extract_task({"age": [age]}),), raw=text
    )


TRAIN = [_report(f"t{i}", f"A {i}-year-old with {what}", f"{i}") for i, what in enumerate(("cough", "gout", "a rash"))]


@pytest.mark.parametrize("strategy", prompting.STRATEGIES)
def test_prompting_strategies(strategy: str) -> None:
    engine = Fixed(extraction_target({"age": ["58-year-old"]}))
    asked = _report("q", "A 58-year-old with gout", "58-year-old")
    done = prompting.extract(engine, asked, strategy, TRAIN, prompting.nearest(TRAIN, None))  # type: ignore[arg-type]
    assert json.loads(done.text)["age"] == ["58-year-old"]
    document = "".join(s for s in engine.prompts[0].document if isinstance(s, str))
    assert document.count("Answer:") == (3 if strategy == "examples" else 0)
    assert document.rstrip().endswith("A 58-year-old with gout")
    if strategy == "examples":  # the nearest example stands closest to the report
        assert document.rindex("1-year-old with gout") > document.rindex("with cough")
    assert ("smoking" in str(engine.prompts[0].instruction)) == (strategy != "naive")


def test_an_unknown_strategy_is_named() -> None:
    with pytest.raises(UsageError, match="no prompting strategy"):
        prompting.instruction("magic")


def test_every_kind_of_task_is_written_and_errors_score_as_empty() -> None:
    dialogue = "Doctor: any fever?\nPatient: no."
    section = TrainingDocument("s", "mts", "valid", "", (sources.Task("section", "i", "t", "CC"),), raw=dialogue)
    assert answering.write(Fixed("No fever."), section).text == "No fever."  # type: ignore[arg-type]
    visit = TrainingDocument(
        "v", "aci", "valid", "", sources.division_tasks({"subjective": "x"}), raw=dialogue, note="x"
    )
    written = answering.write(Fixed("None."), visit)  # type: ignore[arg-type]
    assert (written.text, len(written.parts), written.reasons) == ("", 4, ("end",) * 4)
    broken = answering.write(Fixed("no json"), _report("r", "A 5-year-old", "5"))  # type: ignore[arg-type]
    assert broken.text == "no json"
    assert scoring.score_item(answering.item(_report("r", "A 5-year-old", "5")), broken)["json.valid"] == 0.0
    user = TrainingDocument("u", "own", "test", "Report:\nx", (sources.Task("user", "Do.", "t"),), raw="x")
    assert answering.write(Fixed("Done."), user).text == "Done."  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "answer", "flag", "sentence"),
    [
        ("He has gout.", "He has  gout.", 100, 100),
        ("He has gout.", "Another one.", 100, 0),
        ("He has gout.", "None.", 0, 0),
        ("None.", "None", 100, 100),
        ("None.", "He has gout.", 0, 0),
        ("None.", "", 0, 0),
    ],
)
def test_error_checks_are_scored_as_medec_does(wanted: str, answer: str, flag: float, sentence: float) -> None:
    figures = scoring.score_item(Item("m", "check", "", "text", wanted), Written("m", answer, ("end",), 1, 1.0))
    assert (figures["flag.accuracy"], figures["sentence.accuracy"]) == (flag, sentence)


def test_a_runtime_that_fails_ends_the_evaluation_and_is_no_zero_of_the_model(tmp_path: Path) -> None:
    dialogue = "Doctor: any fever?\nPatient: no."
    task = sources.Task("section", "i", "t", "CC")
    first, second = (TrainingDocument(name, "mts", "valid", "", (task,), raw=dialogue) for name in "ab")
    file, said = tmp_path / "answers.jsonl", []
    answering.write_all(ScriptedEngine(lambda _: "No fever."), [first], file, said.append)
    with pytest.raises(EngineError, match="stopped unexpectedly"):
        answering.write_all(ScriptedEngine(lambda _: "No fever.", fail_after=1), [first, second], file, said.append)
    assert [one.id for one in answering.read_written(file)] == ["a"]
    done = answering.write_all(ScriptedEngine(lambda _: "No fever."), [first, second], file, said.append)
    assert [(one.text, one.error) for one in done] == [("No fever.", "")] * 2
    narrow = answering.write(ScriptedEngine(lambda _: "No fever.", context=3), first)
    assert (narrow.text, narrow.reasons) == ("", ("error",))  # a model that has no room for it answers nothing
    assert "room" in narrow.error or "long" in narrow.error


def test_an_answer_is_scored_as_the_product_shows_it_whatever_asked_for_it() -> None:
    entries = ["tends to lie down", "stiffness", "stiffness", "tends"]
    report = _report("r", "He tends to lie down, has stiffness", "")
    done = Finished(extraction_target({"signs_symptoms": entries}), "loop", 100, 0, 5, 0.1)
    assert json.loads(answering.extracted(report, done).text)["signs_symptoms"] == ["tends to lie down", "stiffness"]
    assert answering.extracted(report, Finished('{"age": [', "length", 100, 0, 5, 0.1)).text == '{"age": ['


def test_unsupported_facts_a_hundred_words_are_counted_over_all_answers() -> None:
    items = [Item(name, "text", "", "Doctor: take five milligrams.", "Take 5 mg.") for name in "ab"]
    longer = "Take 5 mg of it. " + "So " * 11
    answers = [Written("a", "Take 50 mg now.", ("end",), 4, 1.0), Written("b", longer, (), 9, 1.0)]
    whole = scoring.summary(items, answers)
    found = whole["figures"]
    assert whole["intervals"]["unsupported.numbers.per100"] == (0.0, 25.0)  # the second alone, or the first alone
    assert (found["words"], found["unsupported.numbers"]) == (10.0, 0.5)
    assert (found["unsupported.numbers.per100"], found["unsupported.doses.per100"]) == (5.0, 5.0)
    assert "unsupported.numbers.per100" not in scoring.summary(items[:1], [Written("a", "", (), 0, 0.0)])["figures"]


def _result(folder: Path, **changes: object) -> None:
    raw = {"model": "m", "precision": "int4", "set": "aci-test1", "n": 40, "figures": {"rouge1": 50.0},
           "intervals": {"rouge1": [48.0, 52.0]}, "floors": {}, **changes}  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text(json.dumps(raw), encoding="utf-8")


def test_a_report_escapes_what_it_shows(tmp_path: Path) -> None:
    _result(tmp_path, model="<b>x</b>|y")
    tables = report.load([tmp_path])
    _result(tmp_path / "other", model="m\x1b[2J\u202e\ud800", set="v\x1b[2J", precision="\ud800")
    other = report.load([tmp_path / "other"])
    for shown in (report.markdown(other), report.page(other)):
        assert not set("\x1b\u202e\ud800") & set(shown)
    assert "<b>" not in report.page(tables)
    assert "<b>" not in report.markdown(tables)
    assert "‹b›x‹/b›/y | int4 | 40 | 50.0 [48.0–52.0] |" in report.markdown(tables)
    assert "| BART-xsum-samsum by division (published) | – | – | 53.5 |" in report.markdown(tables)
    assert report.markdown(tables).count("\n|") == 2 + 1 + 7
    assert report.page(tables).count('class="published') == 7
    assert "<td>50.0<small>[48.0–52.0]</small></td>" in report.page(tables)


@pytest.mark.parametrize(
    "changes",
    [
        {"figures": {"rouge1": "high"}},
        {"figures": []},
        {"intervals": {"rouge1": [1]}},
        {"n": None},
        {"set": None},
        {"model": ["a"]},
        {"floors": None},
    ],
)
def test_what_is_no_evaluation_is_named(tmp_path: Path, changes: dict[str, object]) -> None:
    _result(tmp_path, **changes)
    with pytest.raises(TrainingError, match="is not an evaluation"):
        report.load([tmp_path])
    (tmp_path / "result.json").write_text("{}", encoding="utf-8")
    with pytest.raises(TrainingError, match="is not an evaluation"):
        report.load([tmp_path])
    with pytest.raises(TrainingError, match="no evaluation to report"):
        report.load([])


def test_seeds_have_a_row_of_their_mean_and_spread(tmp_path: Path) -> None:
    for seed, value in enumerate((40.0, 42.0, 44.0)):
        figures = {"rouge1": value, "unsupported.doses": 0.5}
        _result(tmp_path / str(seed), model=f"base+rank8-seed{seed}", figures=figures, intervals={})
    _result(tmp_path / "other", model="base+rank8-seed9", precision="fp32")
    _result(tmp_path / "same", model="mine")
    _result(tmp_path / "same again", model="mine")
    lines = report.markdown(report.load([tmp_path, tmp_path / "same" / "result.json"])).splitlines()
    assert sum(line.startswith("| mine |") for line in lines) == 2  # two of one name stay two, one named twice is one
    at = next(i for i, line in enumerate(lines) if "base+rank8-seed2" in line)
    name = "| base+rank8, mean ± spread of 3 seeds | int4 | 40 |"
    assert lines[at + 1].startswith(f"{name} 42.0 ± 2.0 | – | – | 0.50 ± 0.00 |")
    assert sum("mean ± spread" in line for line in lines) == 1


def test_a_disk_that_fills_leaves_the_report_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _result(tmp_path / "one")
    asked = ["report", str(tmp_path / "one"), "--out", str(tmp_path / "out")]
    assert cli.main(asked) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert before.keys() == {"report.md", "report.html"}
    whole = Path.write_bytes

    def half(path: Path, content: bytes) -> int:
        whole(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    assert cli.main(asked) == 9
    assert "No space left on device" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_two_sets_of_one_name_are_two_tables_with_their_own_floors(tmp_path: Path) -> None:
    for name, digest, floor in (("a", "1f" * 32, 10.0), ("b", "2e" * 32, 20.0), ("c", "2e" * 32, 20.0)):
        floors = {"copy": {"n": 40, "figures": {"rouge1": floor}, "intervals": {}}}
        _result(tmp_path / name, set="visits.jsonl", set_sha256=digest, model=name, floors=floors)
    tables = report.load([tmp_path])
    named = {title: [(row.name, row.figures["rouge1"]) for row in rows] for title, rows in tables.items()}
    assert named == {
        "visits.jsonl (1f1f1f1f)": [("a", 50.0), ("copy floor", 10.0)],
        "visits.jsonl (2e2e2e2e)": [("b", 50.0), ("c", 50.0), ("copy floor", 20.0)],
    }
    assert set(report.load([tmp_path / "b", tmp_path / "c"])) == {"visits.jsonl"}


def test_a_report_shows_extraction_by_field_and_errors_where_there_are_any(tmp_path: Path) -> None:
    wanted = {"age": ["58-year-old"], "diagnosis": ["gout"]}
    items = [answering.item(_report("r", "A 58-year-old with gout", "")) for _ in range(2)]
    items = [Item(i.id, i.kind, i.key, i.source, extraction_target(wanted)) for i in items]
    right = Written("r", extraction_target({"age": ["58-year-old"]}), ("end",), 1, 1.0)
    _result(tmp_path / "a", set="elmtex-valid", **scoring.summary(items, [right, right]))
    tables = report.load([tmp_path])
    shown = report.markdown(tables, by_field=True)
    assert "| Age |" in shown
    assert "| 100.0 / 100.0 | 100.0 / – |" in shown.splitlines()[-1]  # age, and a gender that nobody asked for
    assert "| 0.0 / 0.0 |" in shown
    assert "Age" not in report.markdown(tables)
    assert "errors %" not in shown
    broken = Written("r", "{", ("error",), 1, 1.0, "too long")
    _result(tmp_path / "b", set="elmtex-valid", model="n", **scoring.summary(items, [right, broken]))
    tables = report.load([tmp_path])
    assert "errors %" in report.markdown(tables)
    assert "| 50.0 / 50.0 |" not in report.markdown(tables, by_field=True)  # F1 is over both reports: 2 of 3
    assert "| 66.7 / 50.0 |" in report.markdown(tables, by_field=True)
    assert report.page(tables).count("<table>") == 2


def test_headings_are_scored_in_one_spelling_and_not_for_floors_alone() -> None:
    """A note that says CHIEF COMPLAINT where the reference says CC has the heading; one too many costs."""
    item = Item("a", "note", "subjective", "x", "CC\n\nCough.\n\nPLAN\n\nRest.")
    right = scoring.score_item(item, Written("a", "CHIEF COMPLAINT\n\nCough.\n\nPLAN\n\nRest.", ("end",), 1, 1.0))
    extra = scoring.score_item(item, Written("a", "CC\n\nCough.\n\nPLAN\n\nRest.\n\nLABS\n\n5", ("end",), 1, 1.0))
    assert (right["header.f1"], extra["header.f1"]) == (100.0, 80.0)
    assert scoring.score_item(item, Written("a", "", ("error",), 0, 0.0))["header.f1"] == 0.0
    assert scoring.score_item(item, Written("a", "Cough. Rest.", ("end",), 1, 1.0))["header.f1"] == 0.0
    section = Item("s", "note", "CC", "x", "Cough.")
    assert "header.f1" not in scoring.score_item(section, Written("s", "Cough.", ("end",), 1, 1.0))
