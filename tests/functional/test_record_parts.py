"""Parts of a kept record on the command line: who spoke, one extracted fact, one section written anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from functional.conftest import derive_once

from edge import cli, vaults
from edge.contract.encounter import Generated, Source
from edge.contract.fields import Fields
from edge.contract.note import EncounterNote
from edge.contract.origin import Origin
from edge.contract.schemas import FIELD_KEYS
from edge.encounters import writing
from edge.engine.scripted import ScriptedEngine
from edge.errors import UsageError, VaultError
from edge.store import kdf
from edge.store.kdf import KdfParameters

Run = Callable[..., str]
TALK = "Doctor: What is it?\nPatient: My knee hurts.\nPatient: I will look at it.\n"
REPORT = "Back pain since May. Takes ibuprofen 400 mg."
HOSTILE = "\x1b]0;owned\x07\x9b31mred\u202e\ud800"
ORIGIN = Origin("scripted", "0" * 64, "1", "5" * 64)


class Model:
    """What the scripted model answers, what it was asked, and how often it was opened."""

    def __init__(self) -> None:
        self.answer = "Knee pain, left."
        self.asked: list[str] = []
        self.opened = 0

    def open(self, *_: object) -> writing.Scribe:
        self.opened += 1
        return writing.Scribe(ScriptedEngine(self.reply))

    def reply(self, instruction: str) -> str:
        self.asked.append(instruction)
        return self.answer


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    model = Model()
    monkeypatch.setattr(writing.Scribe, "open", staticmethod(model.open))
    return model


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options that open a vault of the test's own."""
    monkeypatch.setattr(kdf, "derive", derive_once)
    (tmp_path / "secret").write_text("four unlikely words together\n")
    vaults.create(tmp_path / "my.vault", tmp_path / "secret", KdfParameters(64 * 1024, 1, 1)).close()
    return ["--vault", str(tmp_path / "my.vault"), "--passphrase-file", str(tmp_path / "secret")]


@pytest.fixture
def run(options: list[str], model: Model, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one action of `records` in this process (unsealed); returns standard output, then what was narrated."""

    def go(*words: str) -> str:
        args = cli.build_parser("records").parse_args(["records", *words, *options])
        assert args.run(args) == 0
        shown = capsys.readouterr()
        return shown.out + shown.err

    return go


def keep(options: list[str], *generated: Generated, text: str = TALK, kind: str = "transcript") -> str:
    with vaults.open_vault(Path(options[1]), options[3]) as vault:
        source = Source("visit.txt", text, "5" * 64, kind)
        if not generated:
            return vault.encounters.save_source("Mrs. K.", source).id
        return vault.encounters.save("Mrs. K.", source, generated).id


def a_note(*sections: dict[str, str]) -> Generated:
    return Generated(EncounterNote.from_json({"template": "soap", "sections": list(sections)}), ORIGIN)


@pytest.fixture
def record(options: list[str]) -> str:
    return keep(
        options,
        a_note(
            {"heading": "CHIEF COMPLAINT", "text": "Knee pain."},
            {"heading": "PLAN", "text": "Rest.", "key": "plan"},
            {"heading": "1", "text": "A heading that looks like a number."},
        ),
    )


@pytest.fixture
def report(options: list[str]) -> str:
    fields: dict[str, list[dict[str, Any]]] = {
        "signs_symptoms": [
            {"text": "Back pain", "start": 0, "end": 9, "score": 1.0},
            {"text": "since May", "start": 10, "end": 19, "score": 1.0},
        ],
        "diagnosis": [{"text": "Backache", "start": None, "end": None, "score": 0.4}],
        "pathology": [],
    }
    return keep(options, Generated(Fields.from_json({"fields": fields}), ORIGIN), text=REPORT, kind="report")


def note_of(run: Run, record: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run("show", record, "--json").splitlines()[0])["documents"][-1]
    return document


# -- who spoke ---------------------------------------------------------------------------------------------------------


def test_a_speaker_is_corrected_kept_and_brought_back(run: Run, record: str, tmp_path: Path) -> None:
    assert run("speaker", record, "--list").splitlines() == [
        "   1  Doctor: What is it?", "   2  Patient: My knee hurts.", "   3  Patient: I will look at it.", "3 turns.",
    ]  # fmt: skip
    assert "   3  Doctor: I will look at it." in run("speaker", record, "--turn", "3", "--as", "dr")
    corrected = TALK.replace("Patient: I will", "Doctor: I will").strip()
    assert note_of(run, record)["content"]["conversation"] == corrected
    assert f"CONVERSATION AS CORRECTED\n\n{corrected}" in run("show", record, "--source")
    (tmp_path / "new.txt").write_text("PLAN\nRest and ice.\n")
    run("edit", record, "--from", str(tmp_path / "new.txt"))
    assert "   3  Doctor" in run("speaker", record, "--list")  # an edit of the note leaves it corrected
    run("restore", record, "--revision", "1")
    assert "   3  Patient" in run("speaker", record, "--list")


def test_turns_without_speakers_get_two_in_turn(run: Run, options: list[str]) -> None:
    record = keep(options, text="hello\nmy knee hurts\nsince when")
    run("speaker", record, "--turn", "2", "--as", "Patient")
    listed = run("speaker", record, "--list").splitlines()
    assert listed[:3] == ["   1  Doctor: hello", "   2  Patient: my knee hurts", "   3  Doctor: since when"]
    assert "note" not in run("list")  # what keeps a corrected conversation is not called a note
    assert len(json.loads(run("show", record, "--json").splitlines()[0])["documents"]) == 1
    assert "hello\nmy knee hurts" in run("show", record, "--source")  # and as it was given


def test_a_speaker_that_is_left_with_one_turn_is_one_all_the_same(run: Run, options: list[str]) -> None:
    talk = "Doctor: What is it?\nInterpreter: He asks.\nPatient: Knee.\nInterpreter: The knee.\n"
    record = keep(options, a_note({"heading": "PLAN", "text": "Rest."}), text=talk)
    run("speaker", record, "--turn", "2", "--as", "Doctor")
    assert run("speaker", record, "--list").count("Interpreter:") == 1
    run("speaker", record, "--turn", "3", "--as", "interpreter")
    assert run("speaker", record, "--list").count("Interpreter:") == 2
    run("speaker", record, "--turn", "2", "--turn", "3", "--turn", "4", "--as", "Nurse")
    assert run("speaker", record, "--list").count("Nurse:") == 3


def test_the_speakers_of_a_whole_conversation_are_named_at_once(run: Run, options: list[str]) -> None:
    talk = "SPEAKER_00: What is it?\nSPEAKER_01: Knee.\nSPEAKER_00: Since when?\nSPEAKER_02: A week.\n"
    record = keep(options, a_note({"heading": "PLAN", "text": "Rest."}), text=talk)
    told = run("speaker", record, "SPEAKER_00=Doctor", "speaker_01=patient", "SPEAKER_02=Wife of the patient")
    assert "Doctor: 2 turns" in told
    listed = run("speaker", record, "--list").splitlines()
    assert listed[0] == "   1  Doctor: What is it?"
    assert listed[3] == "   4  Wife of the patient: A week."
    for words in (["SPEAKER_09=Doctor"], ["Doctor"], ["=Doctor"], []):
        with pytest.raises(UsageError):
            run("speaker", record, *words)


def test_what_is_no_turn_or_no_speaker_is_refused(run: Run, record: str) -> None:
    for named, words in (
        ("no such turn", ["--turn", "0", "--as", "Doctor"]),
        ("no such turn", ["--turn", "1", "--turn", "4", "--as", "Doctor"]),
        ("Who speaks", ["--turn", "1"]),
        ("no speaker", ["--turn", "1", "--as", HOSTILE]),
    ):
        with pytest.raises(UsageError, match=named) as caught:
            run("speaker", record, *words)
        assert str(caught.value).isprintable()
        assert "knee" not in str(caught.value)
    assert len(run("history", record).splitlines()) == 1


# -- one extracted fact ------------------------------------------------------------------------------------------------


def test_a_fact_is_corrected_placed_anew_and_brought_back(run: Run, report: str) -> None:
    assert run("field", report, "signs_symptoms", "--list").splitlines() == [
        "signs_symptoms 1  Back pain  [0–9]", "signs_symptoms 2  since May  [10–19]",
    ]  # fmt: skip
    shown = run("field", report, "pharmacological_therapy", "--set", "ibuprofen 400 mg")
    assert f"ibuprofen 400 mg  [{REPORT.index('ibuprofen')}–{REPORT.index('.', 25)}]" in shown
    assert "[no place found]" in run("field", report, "signs_symptoms", "--entry", "2", "--set", "zzz\nqq")
    run("field", report, "diagnosis", "--set", "Back pain")  # the only entry needs no number
    run("field", report, "diagnosis", "--add", "Chronic")
    run("field", report, "signs_symptoms", "--entry", "1", "--remove")
    fields = note_of(run, report)["content"]["fields"]
    assert [e["text"] for e in fields["signs_symptoms"]] == ["zzz qq"]
    known = {"polarity": "affirmed", "subject": "patient", "time": "current", "by": "person", "accepted": True}
    assert fields["diagnosis"][0] == {"text": "Back pain", "start": 0, "end": 9, "score": 1.0, "attributes": known}
    assert fields["diagnosis"][1]["text"] == "Chronic"
    assert len(run("history", report, "--fields").splitlines()) == 6
    run("restore", report, "--fields", "--revision", "1")
    assert run("field", report, "--list").count("\n") == 16  # 15 fields, one of them with two entries
    assert "diagnosis 1  Backache" in run("field", report, "--list")


def test_what_is_no_fact_is_refused(run: Run, report: str) -> None:
    for named, words in (
        ("Which entry", ["signs_symptoms", "--set", "x"]),
        ("no such entry", ["signs_symptoms", "--entry", "3", "--remove"]),
        ("no such entry", ["signs_symptoms", "--entry", "0", "--set", "x"]),
        ("Which entry", ["pathology", "--remove"]),
        ("no words", ["diagnosis", "--set", " \n"]),
        ("--entry goes with", ["diagnosis", "--entry", "1", "--add", "x"]),
        ("no field", [HOSTILE, "--add", "x"]),
        ("Which field", ["--remove"]),
    ):
        with pytest.raises(UsageError, match=named) as caught:
            run("field", report, *words)
        assert str(caught.value).isprintable()
    assert len(run("history", report, "--fields").splitlines()) == 1


def test_hostile_words_are_kept_and_shown_harmless(run: Run, report: str) -> None:
    shown = run("field", report, "diagnosis", "--set", HOSTILE)
    assert "red" in shown
    assert shown.replace("\n", "").isprintable()


# -- one section anew --------------------------------------------------------------------------------------------------


def test_a_section_is_written_anew_with_a_wish_and_brought_back(run: Run, record: str, model: Model) -> None:
    model.answer = "Rest, ice."
    run("speaker", record, "--turn", "3", "--as", "Doctor")
    assert run("rewrite", record, "2", "--wish", f"say\nice {HOSTILE}").startswith("Rest, ice.\n")
    assert "Rest." in model.asked[0]
    assert "Write it again with this change: say ice" in model.asked[0]
    assert "\x1b" not in model.asked[0]
    content = note_of(run, record)["content"]
    assert [s["text"] for s in content["sections"]][:2] == ["Knee pain.", "Rest, ice."]
    assert content["sections"][1]["made"]["bundle"] == "scripted"
    assert content["conversation"].count("Doctor:") == 2
    run("restore", record, "--revision", "1")
    assert note_of(run, record)["content"]["sections"][1] == {"heading": "PLAN", "text": "Rest.", "key": "plan"}


def test_the_template_says_how_a_section_is_written_that_it_knows(
    run: Run, options: list[str], record: str, model: Model
) -> None:
    run("rewrite", keep(options, a_note({"heading": "OBJECTIVE", "text": "Old."})), "objective")
    assert model.asked[0].startswith("Write the objective section of a SOAP note")
    run("rewrite", record, "1")  # a heading goes before a number
    assert model.asked[1].startswith("Write only the section '1'")
    assert [s["text"] for s in note_of(run, record)["content"]["sections"]][2] == "Knee pain, left."


def test_a_cut_section_is_told_where_the_note_is_shown_and_leaves(
    run: Run, record: str, model: Model, tmp_path: Path
) -> None:
    assert "INCOMPLETE" not in run("show", record)
    model.answer = "ice " * 2000
    assert "INCOMPLETE: section PLAN: stopped at its length limit" in run("rewrite", record, "plan")
    assert "INCOMPLETE" in run("show", record)
    assert "INCOMPLETE" in run("list")
    file = Path(run("export", record, "--out", str(tmp_path / "out")).splitlines()[0])
    assert "INCOMPLETE" in file.read_text()
    assert "INCOMPLETE" in run("sign", record, "--signer", "Dr. Lee", "--yes")


def test_a_section_that_the_conversation_is_silent_about_stays(run: Run, record: str, model: Model) -> None:
    model.answer = "None."
    assert "stays as it is" in run("rewrite", record, "plan")
    assert len(run("history", record).splitlines()) == 1


def test_what_the_model_writes_is_shown_harmless(run: Run, record: str, model: Model) -> None:
    model.answer = HOSTILE
    shown = run("rewrite", record, "plan")
    assert "red" in shown
    assert shown.replace("\n", "").isprintable()


def test_an_unknown_section_is_told_before_the_model_is_opened(run: Run, record: str, model: Model) -> None:
    for wanted in ("4", "0", "", HOSTILE, "9" * 5000):
        with pytest.raises(UsageError, match="no section") as caught:
            run("rewrite", record, wanted)
        assert "1 CHIEF COMPLAINT, 2 PLAN, 3 1." in caught.value.why
        assert str(caught.value).isprintable()
    assert model.opened == 0


def test_two_sections_of_one_name_are_told_apart_by_number(run: Run, options: list[str]) -> None:
    record = keep(options, a_note({"heading": "PLAN", "text": "a"}, {"heading": "Plan", "text": "b"}))
    with pytest.raises(UsageError, match="Several"):
        run("rewrite", record, "plan")
    run("rewrite", record, "2")
    assert [s["text"] for s in note_of(run, record)["content"]["sections"]] == ["a", "Knee pain, left."]


# -- what all three have in common -------------------------------------------------------------------------------------

CHANGES = (
    ("speaker", "--turn", "1", "--as", "Nurse"), ("field", "diagnosis", "--add", "x"), ("rewrite", "plan"),
)  # fmt: skip


def test_a_signed_record_is_final(run: Run, options: list[str], model: Model) -> None:
    fields = Generated(Fields({}), ORIGIN)
    record = keep(options, fields, a_note({"heading": "PLAN", "text": "Rest."}))
    run("sign", record, "--signer", "Dr. Lee", "--yes")
    before = run("show", record, "--json")
    for action, *words in (*CHANGES, ("write",), ("extract",)):
        with pytest.raises(VaultError, match="This record is signed"):
            run(action, record, *words)
    assert model.opened == 0
    assert run("show", record, "--json") == before
    run("amend", record)
    for action, *words in CHANGES:
        run(action, record, *words)
    assert run("history", record).count("version 2") == 2


def test_what_a_record_does_not_have_is_told(run: Run, options: list[str], report: str, model: Model) -> None:
    with pytest.raises(UsageError, match="no note"):
        run("rewrite", report, "plan")
    with pytest.raises(UsageError, match="no fields"):
        run("field", keep(options), "--list")
    assert model.opened == 0


def test_a_draft_of_the_app_becomes_a_revision_of_its_own(run: Run, options: list[str], record: str) -> None:
    draft = {"template": "soap", "sections": [{"heading": "PLAN", "text": "Typed.", "key": "plan"}]}
    with vaults.open_vault(Path(options[1]), options[3]) as vault:
        content = EncounterNote.from_json({**draft, "unfinished": {"template": "soap"}})
        vault.edits.autosave(vault.edits.document_of(record), content)
    run("rewrite", record, "plan")
    assert len(run("history", record).splitlines()) == 3
    assert "unfinished" not in note_of(run, record)["content"]
    run("restore", record, "--revision", "2")
    assert note_of(run, record)["content"]["sections"][0]["text"] == "Typed."


def test_a_whole_note_is_written_anew_beside_the_one_there_is(run: Run, record: str, model: Model) -> None:
    run("speaker", record, "--turn", "3", "--as", "Nurse")
    model.answer = "Left knee."
    shown = run("write", record, "--template", "section:PLAN")
    assert "Left knee." in shown
    assert f"Saved in record {record}" in shown
    kept = json.loads(run("show", record, "--json"))
    assert [d["content"]["template"] for d in kept["documents"]] == ["soap", "section:PLAN"]
    assert "Nurse: I will look at it." in kept["sources"][-1]["text"]
    run("write", record)
    last = json.loads(run("show", record, "--json"))["documents"][-1]
    assert last["content"]["template"] == "section:PLAN", "the template of the note there is"


def test_a_conversation_corrected_and_corrected_back_is_what_the_newest_note_was_made_of(
    run: Run, record: str, options: list[str]
) -> None:
    for name in ("Nurse", "Patient"):
        run("speaker", record, "--turn", "3", "--as", name)
        run("write", record, "--template", "section:PLAN")
        assert f"{name}: I will look at it." in run("speaker", record, "--list")


def test_fields_are_extracted_from_a_kept_note_or_report(run: Run, record: str, report: str, model: Model) -> None:
    model.answer = json.dumps({key: ["Back pain"] if key == "diagnosis" else [] for key in FIELD_KEYS})
    assert "Back pain  [0–9]" in run("extract", report)
    assert "diagnosis 1  Back pain  [0–9]" in run("field", report, "diagnosis", "--list")
    model.answer = json.dumps({key: ["Knee pain."] if key == "signs_symptoms" else [] for key in FIELD_KEYS})
    run("extract", record)
    assert "signs_symptoms 1  Knee pain." in run("field", record, "--list")
    assert json.loads(run("show", record, "--json"))["documents"][0]["content"]["sections"][0]["text"] == "Knee pain."


def test_a_record_gets_another_title(run: Run, record: str) -> None:
    assert "'Knee,\ufffd left'" in run("title", record, f"Knee,{HOSTILE[0]} left")
    assert "Knee,\ufffd left" in run("list")
    with pytest.raises(UsageError, match="no words"):
        run("title", record, " ")


def test_nothing_is_written_anew_where_there_is_nothing_to_write_from(run: Run, report: str, model: Model) -> None:
    with pytest.raises(UsageError, match="no conversation"):
        run("write", report)
    assert not model.opened


def test_a_cut_section_is_accepted_and_nothing_else_clears_the_mark(
    run: Run, record: str, options: list[str], model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.answer = "ice " * 2000
    run("rewrite", record, "plan")
    text = tmp_path / "new.txt"
    text.write_text("CHIEF COMPLAINT\n\nKnee pain, left.\n\nPLAN\n\nRest, and ice for a week.\n")
    run("edit", record, "--from", str(text))
    text.write_text("CHIEF COMPLAINT\n\nKnee pain.\n")
    run("edit", record, "--from", str(text))
    assert "INCOMPLETE" in run("list")
    text.write_text("CHIEF COMPLAINT\n\nKnee pain.\n\nPLAN\n\nRest, and ice for a week.\n")
    run("edit", record, "--from", str(text))
    with pytest.raises(UsageError, match="not marked INCOMPLETE"):
        run("accept", record, "CHIEF COMPLAINT", "--yes")
    with pytest.raises(UsageError, match="not marked INCOMPLETE"):
        run("accept", record, "fields", "--yes")
    monkeypatch.setattr("builtins.input", lambda: "n")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    run("accept", record, "plan")
    assert "INCOMPLETE" in run("list")
    shown = run("accept", record, "plan", "--yes")
    assert "Rest, and ice for a week." in shown
    assert "The record is complete." in shown
    assert "INCOMPLETE" not in run("list")
    assert "accept 2" in run("history", record)
