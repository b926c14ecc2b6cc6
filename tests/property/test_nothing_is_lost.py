"""No verb and no action of a screen loses a field of a kept note or of kept fields, whatever stands in them.

Random content that holds everything is kept, then each verb of `records` and each action of a screen that saves is
done. What it is about may change, in the way it says; all else must be there byte for byte, in the newest document or,
where a new one was written, in the one before.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import json
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from note_kit import FIELDS, NOTES
from vaulting import new_vault

from edge import cli
from edge.contract.codes import CodeEntry, Codes
from edge.contract.encounter import Generated, Kind, Source
from edge.contract.facts import FactKind, Omission, Quote
from edge.contract.fields import KNOWN_ATTRIBUTES, Fields
from edge.contract.note import EncounterNote
from edge.contract.origin import Origin
from edge.encounters import code_decisions
from edge.encounters.extracting import Extractor
from edge.encounters.open_encounter import OpenEncounter
from edge.encounters.tools import Tools
from edge.encounters.writing import Scribe
from edge.engine.scripted import ScriptedEngine
from edge.store.vault import Vault
from edge.verbs import extract, vault_options
from tui.actions import ACTIONS
from tui.model_thread import Done, Job, Update
from tui.open_encounters import OpenEncounters

TALK = "Doctor: What is it?\nPatient: My knee hurts.\nDoctor: Since when?\nPatient: Since May."
ORIGIN = Origin("scripted", "0" * 64, "1", "5" * 64)
SOURCE = Source("visit.txt", TALK, "5" * 64)
MARKS = {"text", "edited", "accepted", "statements", "stop", "made"}  # of a section that was edited or written anew
_numbers = itertools.count()


def script(instruction: str) -> str:
    return '{"diagnosis": []}' if "JSON" in instruction or instruction.startswith("Extract") else "New words."


def scribe(*_: object) -> Scribe:
    return Scribe(ScriptedEngine(script))


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    with new_vault(tmp_path_factory.mktemp("lost")) as opened, pytest.MonkeyPatch.context() as patch:
        patch.setattr(vault_options, "open_vault", lambda *_: contextlib.nullcontext(opened))
        patch.setattr(Scribe, "open", staticmethod(scribe))
        patch.setattr(extract.ExtractTools, "extractor", lambda _: Extractor.of(scribe()))
        yield opened


def keep(vault: Vault, note: dict[str, Any], fields: dict[str, Any]) -> str:
    both = [Generated(Fields.from_json(fields), ORIGIN), Generated(EncounterNote.from_json(note), ORIGIN)]
    return vault.encounters.save("Visit", SOURCE, both).id


def contents(vault: Vault, identifier: str) -> list[dict[str, Any]]:
    """Every document as it is kept now, the text of the vault itself."""
    rows = vault.session.query(
        "SELECT coalesce(draft.content, document.content) FROM document JOIN encounter ON encounter.id = encounter"
        " LEFT JOIN draft ON draft.document = document.id WHERE code = ? ORDER BY document.id",
        (identifier,),
    )
    return [json.loads(text) for (text,) in rows]


def ordered(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def same_but(old: dict[str, Any], new: dict[str, Any], *names: str) -> None:
    assert ordered({k: v for k, v in new.items() if k not in names}) == ordered(
        {k: v for k, v in old.items() if k not in names}
    )


def one_section_changed(old: dict[str, Any], new: dict[str, Any], at: int, cleared: tuple[str, ...] = ()) -> None:
    """One section has other words and marks; everything else is as it was."""
    same_but(old, new, "sections", *cleared)
    assert [s["heading"] for s in new["sections"]] == [s["heading"] for s in old["sections"]]
    for index, (was, now) in enumerate(zip(old["sections"], new["sections"], strict=True)):
        if index == at:
            same_but(was, now, *MARKS)
        else:
            assert ordered(now) == ordered(was)


# -- verbs -------------------------------------------------------------------------------------------------------------


def run(*words: str) -> str:
    args = cli.build_parser("records").parse_args(["records", *words])
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.redirect_stderr(io.StringIO()):
        assert args.run(args) == 0
    return shown.getvalue()


class Kept:
    """An encounter with a note and fields, as they were before an action."""

    def __init__(self, vault: Vault, folder: Path, note: dict[str, Any], fields: dict[str, Any], at: int) -> None:
        self.vault, self.folder = vault, folder
        self.id = keep(vault, note, fields)
        self.fields, self.note = contents(vault, self.id)
        self.at = at % len(note["sections"])
        self.file = folder / f"{next(_numbers)}.txt"

    def after(self) -> list[dict[str, Any]]:
        return contents(self.vault, self.id)

    def unchanged(self) -> None:
        assert [*map(ordered, self.after())] == [ordered(self.fields), ordered(self.note)]

    def first_unchanged(self) -> None:
        """A signature may add what was shown before it."""
        assert [*map(ordered, self.after()[:2])] == [ordered(self.fields), ordered(self.note)]

    def older_unchanged(self) -> None:
        assert [*map(ordered, self.after()[:2])] == [ordered(self.fields), ordered(self.note)]
        assert len(self.after()) == 3

    def write_text(self, change: bool) -> None:
        parts = [[s["heading"], s["text"]] for s in self.note["sections"]]
        if change:
            parts[self.at][1] += "\nseen again"
        self.file.write_text("\n\n".join("\n".join(part) for part in parts), encoding="utf-8")


def edit(kept: Kept) -> None:
    kept.write_text(change=True)
    run("edit", kept.id, "--from", str(kept.file))
    fields, note = kept.after()
    assert ordered(fields) == ordered(kept.fields)
    one_section_changed(kept.note, note, kept.at)
    assert note["sections"][kept.at]["edited"] is True
    assert note["sections"][kept.at].get("stop") == kept.note["sections"][kept.at].get("stop")
    assert note["sections"][kept.at].get("made") == kept.note["sections"][kept.at].get("made")


def edit_nothing(kept: Kept) -> None:
    kept.write_text(change=False)
    run("edit", kept.id, "--from", str(kept.file))
    kept.unchanged()


def rewrite(kept: Kept) -> None:
    run("rewrite", kept.id, str(kept.at + 1), "--wish", "shorter")
    fields, note = kept.after()
    assert ordered(fields) == ordered(kept.fields)
    one_section_changed(kept.note, note, kept.at, cleared=("unfinished",))
    assert note["sections"][kept.at]["text"] == "New words."


def speaker(kept: Kept) -> None:
    run("speaker", kept.id, "--turn", "2", "--as", "Nurse")
    fields, note = kept.after()
    assert ordered(fields) == ordered(kept.fields)
    same_but(kept.note, note, "conversation")
    assert "Nurse:" in note["conversation"]


def accept(kept: Kept) -> None:
    """The one verb that clears a mark: INCOMPLETE, of one section."""
    at = cut_section(kept.note)
    if at is None:
        return
    run("accept", kept.id, str(at + 1), "--yes")
    fields, note = kept.after()
    assert ordered(fields) == ordered(kept.fields)
    only_accepted(kept.note, note, at)


def cut_section(note: dict[str, Any]) -> int | None:
    """A section that a person may take as complete as it stands."""
    cut = [at for at, s in enumerate(note["sections"]) if s.get("stop", "end") != "end" and not s.get("accepted")]
    return cut[0] if cut and "unfinished" not in note else None


def only_accepted(old: dict[str, Any], new: dict[str, Any], at: int) -> None:
    same_but(old, new, "sections")
    assert ordered([s for n, s in enumerate(new["sections"]) if n != at]) == ordered(
        [s for n, s in enumerate(old["sections"]) if n != at]
    )
    same_but(old["sections"][at], new["sections"][at], "accepted")
    assert new["sections"][at]["accepted"] is True


def unknown(entry: dict[str, Any]) -> dict[str, Any]:
    """Attributes of an entry that no program knows: they stay, whatever its words are."""
    return {key: value for key, value in entry.get("attributes", {}).items() if key not in KNOWN_ATTRIBUTES}


def codes(kept: Kept) -> None:
    before = kept.after()
    with (
        patch("edge.encounters.coding.catalogue"),
        patch("edge.encounters.coding.coder"),
        patch("edge.encounters.coding.find", lambda *_: Codes("edition")),
    ):
        if any(s["text"].strip() for s in before[-1]["sections"]):
            run("codes", kept.id)
    assert [ordered(one) for one in kept.after()[: len(before)]] == [ordered(one) for one in before]


def field(kept: Kept) -> None:
    key = next((k for k, entries in kept.fields["fields"].items() if entries and k != "x_newer_field"), "age")
    first = kept.fields["fields"].get(key, [])[:1]
    run("field", kept.id, key, *(["--entry", "1", "--set", "knee"] if first else ["--add", "knee"]))
    fields, note = kept.after()
    assert ordered(note) == ordered(kept.note)
    same_but(kept.fields, fields, "fields")
    same_but(kept.fields["fields"], fields["fields"], key)
    assert ordered(fields["fields"][key][1:]) == ordered(kept.fields["fields"].get(key, [])[1:])
    if first:
        same_but(first[0], fields["fields"][key][0], "text", "start", "end", "score", "attributes")
        assert unknown(first[0]).items() <= unknown(fields["fields"][key][0]).items()


def field_removed(kept: Kept) -> None:
    key = next((k for k, entries in kept.fields["fields"].items() if entries and k != "x_newer_field"), "")
    if key:
        run("field", kept.id, key, "--entry", "1", "--remove")
        fields, _ = kept.after()
        assert ordered(fields["fields"][key]) == ordered(kept.fields["fields"][key][1:])


def restore(kept: Kept) -> None:
    run("speaker", kept.id, "--turn", "2", "--as", "Nurse")
    run("restore", kept.id, "--revision", "1")
    kept.unchanged()


def restore_fields(kept: Kept) -> None:
    run("field", kept.id, "age", "--add", "knee")
    run("restore", kept.id, "--fields", "--revision", "1")
    kept.unchanged()


def anew(*words: str) -> Callable[[Kept], None]:
    def act(kept: Kept) -> None:
        run(words[0], kept.id, *words[1:])
        kept.older_unchanged()

    return act


def reading(*words: str) -> Callable[[Kept], None]:
    def act(kept: Kept) -> None:
        run(words[0], *([] if words[0] in ("list", "search") else [kept.id]), *words[1:])
        kept.unchanged()

    return act


def export(kept: Kept) -> None:
    if any(s["text"].strip() for s in kept.note["sections"]):
        run("export", kept.id, "--out", str(kept.folder / "out"))
    kept.unchanged()


def amend(kept: Kept) -> None:
    run("sign", kept.id, "--signer", "Dr. Lee", "--yes")
    kept.first_unchanged()
    run("amend", kept.id)
    kept.first_unchanged()
    assert len(kept.vault.edits.signatures(kept.id)) == 1  # checked against what was signed


VERBS: dict[str, tuple[Callable[[Kept], None], ...]] = {
    "edit": (edit, edit_nothing), "rewrite": (rewrite,), "speaker": (speaker, reading("speaker", "--list")),
    "field": (field, field_removed, reading("field", "--list")), "restore": (restore, restore_fields),
    "accept": (accept,), "write": (anew("write", "--template", "soap"),), "extract": (anew("extract"),),
    "title": (reading("title", "Another"),), "codes": (codes,),
    "sign": (amend,), "amend": (amend,), "export": (export,), "show": (reading("show"), reading("show", "--json")),
    "history": (reading("history"),), "list": (reading("list"),), "search": (reading("search", "knee"),),
}  # fmt: skip


def test_every_verb_is_here() -> None:
    parser = cli.build_parser("records")
    (verbs,) = [a for a in parser._subparsers._group_actions if hasattr(a, "choices")]
    (actions,) = [a for a in verbs.choices["records"]._subparsers._group_actions if hasattr(a, "choices")]
    assert {*actions.choices} == {*VERBS, "delete"}
    assert len(VERBS) == 17


NO_NEED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.parametrize("act", [pytest.param(act, id=f"{verb}-{i}") for verb, acts in VERBS.items()
                                 for i, act in enumerate(acts)])  # fmt: skip
@settings(max_examples=8, deadline=None, suppress_health_check=NO_NEED, phases=[Phase.generate])
@given(note=NOTES, fields=FIELDS, at=st.integers(0, 9))
def test_no_verb_loses_a_field(
    vault: Vault, tmp_path_factory: pytest.TempPathFactory, act: Callable[[Kept], None],
    note: dict[str, Any], fields: dict[str, Any], at: int,
) -> None:  # fmt: skip
    act(Kept(vault, tmp_path_factory.getbasetemp(), note, fields, at))


# -- screens -----------------------------------------------------------------------------------------------------------


class InlineTools:
    """The thread of checks and taggers, in this one, without a bundle."""

    def __init__(self) -> None:
        self._tools = Tools()

    async def call(self, work: Callable[[Tools], Any]) -> Any:
        return work(self._tools)


class Inline:
    """The vault's thread, in this one."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def call(self, work: Callable[[Vault], Any]) -> Any:
        return work(self._vault)


class Model:
    """The model's thread, in this one: a job runs when take() asks for it."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def stop(self, number: int) -> None:
        self.jobs = [job for job in self.jobs if job.number != number]

    def stop_reading(self, owner: int) -> None:
        """Nothing is read ahead here."""

    async def work(self, book: OpenEncounters) -> None:
        from edge.contract.events import SectionFinished, SectionStarted, Text
        from edge.encounters.writing import ExtractionFinished, NoteFinished

        while self.jobs:
            job, result = self.jobs.pop(0), None
            for event in job.run(scribe()):
                if isinstance(event, SectionStarted):
                    book.update(Update(job, started=event))
                elif isinstance(event, Text):
                    book.update(Update(job, text=event.text))
                elif isinstance(event, SectionFinished):
                    book.update(Update(job, finished=event))
                elif isinstance(event, NoteFinished):
                    result = event.note
                elif isinstance(event, ExtractionFinished):
                    result = event.extraction
            await book.done(Done(job, result))


Act = Callable[[Kept, OpenEncounters, OpenEncounter, Model], Coroutine[Any, Any, None]]


async def closed(kept: Kept, book: OpenEncounters, one: OpenEncounter) -> list[dict[str, Any]]:
    """The note and fields after the encounter was left; without those that were kept before an unfinished writing."""
    await book.close(one)
    return kept.after()


def before(kept: Kept, one: OpenEncounter) -> dict[str, Any]:
    """The note as it is open: the kept one, or the unfinished writing that was taken up."""
    return one.note_content().to_json()


async def type_in_a_section(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    old, at = before(kept, one), kept.at % len(one.sections)
    one.sections[at].text += " typed"
    await book.save(one)
    note = (await closed(kept, book, one))[-1]
    one_section_changed(old, note, at)
    assert note["sections"][at]["edited"] is True


async def open_and_leave(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    old = before(kept, one)
    assert ordered((await closed(kept, book, one))[-1]) == ordered(old)


async def rewrite_on_screen(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    old, at = before(kept, one), kept.at % len(one.sections)
    await book.rewrite(one, one.sections[at].key, "shorter")
    await model.work(book)
    one_section_changed(old, (await closed(kept, book, one))[-1], at)


async def undo_on_screen(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    """Words and marks that a rewriting put aside come back; that an older writing was unfinished is known no more."""
    old, at = before(kept, one), kept.at % len(one.sections)
    await book.rewrite(one, one.sections[at].key, "")
    await model.work(book)
    await book.undo(one)
    same_but(old, (await closed(kept, book, one))[-1], "unfinished")


async def accept_on_screen(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    old = before(kept, one)
    at = cut_section(old)
    if at is not None:
        await book.accept(one, one.sections[at])
        only_accepted(old, (await closed(kept, book, one))[-1], at)


async def write_on_screen(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    old = len(kept.after())
    await book.write(one, "soap")
    await model.work(book)
    assert len(await closed(kept, book, one)) == old + 1


async def stop_at_once(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    old = before(kept, one)
    await book.write(one, "soap")
    job = model.jobs[0]
    book.stop(one)
    await book.done(Done(job))
    new = (await closed(kept, book, one))[-1]
    if new.get("template") == old["template"] and one.before is None:
        assert {s["heading"] for s in old["sections"]} <= {s["heading"] for s in new["sections"]}


async def extract_on_screen(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    await book.extract(one)
    await model.work(book)
    await book.close(one)


async def correct_the_conversation(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    old = before(kept, one)
    book.set_conversation(one, TALK.replace("Patient", "Nurse"))
    new = (await closed(kept, book, one))[-1]
    same_but(old, new, "conversation")
    assert new["conversation"].count("Nurse") == 2


async def change_a_field(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    index = 0 if one.rows else None
    key = one.rows[0].key if one.rows else "age"
    one.change_row(index, key, "knee")
    fields = (await closed(kept, book, one))[0]
    same_but(kept.fields, fields, "fields")
    same_but(kept.fields["fields"], fields["fields"], key)
    if index is not None:
        old, new = kept.fields["fields"][key][0], fields["fields"][key][0]
        same_but(old, new, "text", "start", "end", "score", "attributes")
        assert unknown(old).items() <= unknown(new).items()


async def sign_and_amend(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    old = before(kept, one)
    if one.has_note:
        await book.sign(one, "Dr. Lee")
        await book.amend(one)
    assert ordered((await closed(kept, book, one))[-1]) == ordered(old)


async def restore_on_screen(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    old = before(kept, one)
    one.sections[0].text += " typed"
    await book.save(one, commit=True)
    await book.restore(one, one.documents[Kind.NOTE], 1)
    assert ordered((await closed(kept, book, one))[-1]) == ordered(old)


async def rename(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    old = before(kept, one)
    await book.rename(one, "Another")
    assert ordered((await closed(kept, book, one))[-1]) == ordered(old)


async def export_on_screen(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    old = before(kept, one)
    if one.has_note:
        await book.export(one.id, kept.folder / "out", "txt", "DRAFT")
    assert ordered((await closed(kept, book, one))[-1]) == ordered(old)


async def accept_fields(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    one.accept_rows(range(len(one.rows)))
    fields = (await closed(kept, book, one))[0]
    same_but(kept.fields, fields, "fields", "annotated")
    for key, entries in kept.fields["fields"].items():
        for old, new in zip(entries, fields["fields"][key], strict=True):
            same_but(old, new, "attributes")
            assert old.get("attributes", {}).items() <= new["attributes"].items()


async def leave_out(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    old = before(kept, one)
    one.dismiss(Omission("said", FactKind.HISTORY, True, Quote(0, 0, 4, "said"), 0.9), "known")
    documents = await closed(kept, book, one)
    assert documents[-1]["dismissed"][0]["reason"] == "known"
    assert ordered(documents[-2]) == ordered(old)


async def decide_on_a_code(kept: Kept, book: OpenEncounters, one: OpenEncounter, model: Model) -> None:
    old = before(kept, one)
    one.codes_found(Codes("edition", (CodeEntry("I10", "d", "q", 0, 1, 0.9),)), one.document())
    book.decide(one, 0, code_decisions.accept(one.codes.entries[0]))
    documents = await closed(kept, book, one)
    assert documents[-1]["codes"][0]["decision"] == "accepted"
    assert ordered(documents[-2]) == ordered(old)


SCREEN: dict[str, tuple[Act, ...]] = {
    "write": (write_on_screen,), "stop": (stop_at_once,), "rewrite": (rewrite_on_screen,),
    "extract": (extract_on_screen,), "sign": (sign_and_amend,), "amend": (sign_and_amend,),
    "export": (export_on_screen,), "back": (open_and_leave, type_in_a_section), "save": (type_in_a_section,),
    "undo": (undo_on_screen,), "redo": (type_in_a_section,), "accept_cut": (accept_on_screen,),
    "speaker_all": (correct_the_conversation,), "speaker_next": (correct_the_conversation,),
    "template": (write_on_screen,), "title": (rename,), "open_file": (correct_the_conversation,),
    "edit_talk": (correct_the_conversation,), "speaker": (correct_the_conversation,), "add_row": (change_a_field,),
    "accept": (accept_fields,), "insert": (type_in_a_section,), "set_aside": (leave_out,),
    "look_anew": (decide_on_a_code,), "panel_sources": (leave_out,), "panel_codes": (decide_on_a_code,),
    "panel_history": (restore_on_screen,), "panel_fields": (change_a_field,), "panel_note": (type_in_a_section,),
}  # fmt: skip
SAVES_NOTHING = {"copy", "swap", "mark", "jump", "find"}


def test_every_action_of_an_encounters_screen_is_here() -> None:
    assert {action.name for action in ACTIONS if action.scope == "encounter"} == {*SCREEN} | SAVES_NOTHING
    assert len(SCREEN) == 29


@pytest.mark.parametrize("act", [pytest.param(act, id=act.__name__) for act in
                                 dict.fromkeys(act for acts in SCREEN.values() for act in acts)])  # fmt: skip
@settings(max_examples=8, deadline=None, suppress_health_check=NO_NEED, phases=[Phase.generate])
@given(note=NOTES, fields=FIELDS, at=st.integers(0, 9))
def test_no_action_of_a_screen_loses_a_field(
    vault: Vault, tmp_path_factory: pytest.TempPathFactory, act: Act,
    note: dict[str, Any], fields: dict[str, Any], at: int,
) -> None:  # fmt: skip
    kept = Kept(vault, tmp_path_factory.getbasetemp(), note, fields, at)
    model = Model()
    book = OpenEncounters(Inline(vault), model, InlineTools(), lambda *_: None)
    book.info = scribe().engine.info

    async def work() -> None:
        one = await book.open(kept.id)
        await act(kept, book, one, model)

    asyncio.run(work())
    for document in vault.encounters.peek(kept.id).documents[:2]:  # what was kept first can be brought back
        first = json.dumps(vault.edits.content_at(document.id, 1).to_json(), ensure_ascii=False)
        assert first == ordered(kept.note if document.kind is Kind.NOTE else kept.fields)
