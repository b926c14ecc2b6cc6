"""A record's whole life on the command line: saved, searched, edited, signed, amended, exported, deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import cli, vaults
from edge.encounters import writing
from edge.engine.scripted import ScriptedEngine
from edge.errors import EdgescribeError, InputError, UsageError, VaultError
from edge.store.kdf import KdfParameters

Run = Callable[..., str]
NOTE = "CHIEF COMPLAINT\n\nKnee pain.\n\nHISTORY OF PRESENT ILLNESS\n\nThe left knee hurts since Monday."


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one verb in this process (unsealed) on a vault of its own; returns standard output."""
    secret = tmp_path / "secret"
    secret.write_text("four unlikely words together\n")
    vault = tmp_path / "my.vault"
    vaults.create(vault, secret, KdfParameters(64 * 1024, 1, 1)).close()
    options = ["--vault", str(vault), "--passphrase-file", str(secret)]
    engine = ScriptedEngine(lambda instruction: NOTE if "subjective" in instruction else "None.")
    monkeypatch.setattr(writing.Scribe, "open", classmethod(lambda cls, *_: writing.Scribe(engine)))
    monkeypatch.chdir(tmp_path)

    def go(*words: str) -> str:
        args = cli.build_parser().parse_args([*words, *options])
        assert args.run(args) == 0
        return capsys.readouterr().out

    return go


@pytest.fixture
def record(run: Run, tmp_path: Path) -> str:
    (tmp_path / "visit.txt").write_text("Doctor: What is it?\nPatient: My knee.\n")
    run("note", "visit.txt", "--save", "--title", "Mrs. K.")
    return str(json.loads(run("records", "list", "--json"))["id"])


def test_search_finds_words_beginnings_and_phrases(run: Run, record: str) -> None:
    for words in (["knee"], ["mond"], ['"left knee"'], ["Mrs"]):
        assert record in run("records", "search", *words)
    for words in (["shoulder"], ['"knee left"'], ["*"], ["'; DROP TABLE"]):
        assert run("records", "search", *words) == ""


def test_edit_keeps_every_older_text(run: Run, record: str, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("CHIEF COMPLAINT\nRight knee pain.\n\n## PLAN\n\nRest.\n")
    run("records", "edit", record, "--from", "new.txt")
    shown = run("records", "show", record)
    assert "Right knee pain." in shown
    assert "PLAN\n\nRest." in shown
    assert "Monday" not in shown
    assert len(run("records", "history", record).splitlines()) == 2
    run("records", "restore", record, "--revision", "1")
    assert "Monday" in run("records", "show", record)


@pytest.mark.parametrize("text", ["no heading here\n", "\n \n\nx"])
def test_an_edit_without_headings_is_refused(run: Run, record: str, tmp_path: Path, text: str) -> None:
    (tmp_path / "new.txt").write_text(text)
    with pytest.raises(InputError, match="heading"):
        run("records", "edit", record, "--from", "new.txt")
    assert "Monday" in run("records", "show", record)


def test_signed_is_final_and_amended_is_a_new_version(run: Run, record: str, tmp_path: Path) -> None:
    run("records", "sign", record, "--signer", "Dr. Lee", "--yes")
    (tmp_path / "new.txt").write_text("CHIEF COMPLAINT\nChanged.\n")
    with pytest.raises(VaultError, match="signed"):
        run("records", "edit", record, "--from", "new.txt")
    run("records", "amend", record)
    run("records", "edit", record, "--from", "new.txt")
    history = run("records", "history", record)
    assert "signed version 1" in history
    assert "version 2" in history


def test_export_is_marked_until_it_is_signed(run: Run, record: str, tmp_path: Path) -> None:
    draft = Path(run("records", "export", record, "--out", "out").strip())
    assert draft.read_text().count("DRAFT") == 2
    assert draft.name.endswith("-DRAFT.md")
    run("records", "sign", record, "--signer", "Dr. Lee", "--yes")
    final = Path(run("records", "export", record, "--out", "out", "--form", "txt").strip())
    assert "DRAFT" not in final.read_text()
    assert "The left knee hurts since Monday." in final.read_text()


def test_delete_asks_or_needs_yes(run: Run, record: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(UsageError, match="yes"):
        run("records", "delete", record)
    run("records", "sign", record, "--signer", "Dr. Lee", "--yes")
    with pytest.raises(VaultError, match="signed"):
        run("records", "delete", record, "--yes")
    run("records", "delete", record, "--yes", "--signed-too")
    assert run("records", "list") == ""
    with pytest.raises(EdgescribeError):
        run("records", "show", record)


def test_an_amended_note_is_shown_as_it_was_signed_until_it_is_signed_again(
    run: Run, record: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everywhere a text leaves: show, its JSON, the file of one note, the plain export of all."""
    first, second = "Give 10 mg a day.", "Give 99 mg a day."
    (tmp_path / "first.txt").write_text(f"PLAN\n\n{first}\n")
    (tmp_path / "second.txt").write_text(f"PLAN\n\n{second}\n")
    run("records", "edit", record, "--from", "first.txt")
    shown = run("records", "show", record)
    assert (first in shown, "DRAFT: not signed" in shown) == (True, True)
    run("records", "sign", record, "--yes", "--signer", "Dr. A")
    run("records", "amend", record)
    run("records", "edit", record, "--from", "second.txt")

    shown = run("records", "show", record)
    assert (first in shown, second in shown) == (True, False)
    assert "SIGNED: version 1, by Dr. A" in shown
    assert "A newer draft is not shown" in shown
    shown = run("records", "show", record, "--draft")
    assert (first in shown, second in shown, "DRAFT: not signed" in shown) == (False, True, True)
    for words, text, state in (((), first, "signed"), (("--draft",), second, "draft")):
        found = json.loads(run("records", "show", record, "--json", *words))
        assert text in json.dumps(found["documents"])
        assert (found["shown"], found["newer_draft"]) == (state, not words)

    file = Path(run("records", "export", record, "--out", str(tmp_path)).strip())
    assert (first in file.read_text(), second in file.read_text(), "DRAFT" in file.read_text()) == (True, False, False)
    file = Path(run("records", "export", record, "--out", str(tmp_path), "--draft").strip())
    assert (first in file.read_text(), second in file.read_text()) == (False, True)
    assert file.read_text().count("DRAFT: not signed") == 2
    assert "DRAFT" in file.name

    run("vault", "export", "--plain", str(tmp_path / "all.jsonl"))
    line = json.loads((tmp_path / "all.jsonl").read_text())
    assert line["text_is"] == "signed"
    assert first in json.dumps(line["documents"])
    assert second not in json.dumps(line["documents"])
    assert second in json.dumps(line["unsigned_documents"])

    run("records", "sign", record, "--yes", "--signer", "Dr. B")
    shown = run("records", "show", record)
    assert (first in shown, second in shown) == (False, True)
    assert "SIGNED: version 2, by Dr. B" in shown
    assert "newer draft" not in shown
