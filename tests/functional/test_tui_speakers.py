"""Who speaks: a whole recording's speakers named in a few keys, taken back, and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from functional.tui_kit import (
    empty_vault,
    encounter_on,
    leave,
    make_app,
    new_with,
    on,
    quiet,
    reopen,
    screen_text,
    unlock,
    until,
)

from edge.encounters.open_encounter import OpenEncounter
from edge.errors import UsageError
from edge.reading.conversation import parse
from edge.reading.roles import likely, named_everywhere
from tui.widgets.transcript_view import TranscriptView

HUNDRED = "\n".join(
    f"SPEAKER_0{n % 2}: {'Does it hurt?' if n % 2 else 'It has hurt for a week.'} ({n})" for n in range(100)
)


class Keys:
    """Counts the keys that are pressed."""

    def __init__(self, pilot: Any) -> None:
        self.pilot, self.count = pilot, 0

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await quiet(self.pilot)
            self.count += 1


async def pasted(pilot: Any, text: str) -> OpenEncounter:
    """A pasted conversation, left and opened again: it is shown to be read."""
    encounter = await new_with(pilot, text)
    await until(pilot, lambda: encounter.id and not encounter.dirty, "kept")
    await pilot.press("ctrl+b")
    await until(pilot, on(pilot, "LibraryScreen"))
    await until(pilot, lambda: "1 of 1" in screen_text(pilot.app))
    await pilot.press("enter")
    await until(pilot, on(pilot, "EncounterScreen"))
    await until(pilot, lambda: pilot.app.screen.query_one(TranscriptView).turns, "the turns")
    return encounter_on(pilot.app)


async def test_a_hundred_diarised_turns_are_named_in_under_ten_keys(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        encounter = await pasted(pilot, HUNDRED)
        keys = Keys(pilot)
        assert app.screen.query_one(TranscriptView).has_focus
        assert " r  Rename speaker " in screen_text(app)
        await keys.press("r")
        await until(pilot, on(pilot, "Choose"))
        await until(pilot, lambda: "Who is “SPEAKER_00”? All 50 turns" in screen_text(app))
        await keys.press("enter")  # who asks nothing is taken for the patient
        await until(pilot, lambda: encounter.conversation.count("Patient: ") == 50, "the first speaker")
        await until(pilot, lambda: app.screen.query_one(TranscriptView).turns[0].speaker == "Patient")
        assert app.screen.query_one(TranscriptView).cursor == 1
        await keys.press("r")
        await until(pilot, on(pilot, "Choose"))
        await keys.press("enter")
        await until(pilot, lambda: encounter.conversation.count("Doctor: ") == 50, "the second")
        await until(pilot, lambda: not encounter.dirty)
        assert keys.count < 10
        await leave(pilot)
    with reopen(home) as vault:
        kept = vault.encounters.peek(vault.encounters.list()[0].id)
        turns = parse(kept.conversation.text).turns
        assert [turn.speaker for turn in turns] == ["Patient", "Doctor"] * 50
        assert not kept.incomplete, "a corrected speaker marks nothing"
        assert kept.sources[0].text == HUNDRED


async def test_a_wrong_name_is_taken_back_and_unnamed_turns_are_found(home: Path) -> None:
    talk = "Dr. Patel: Hello.\nMrs Jones: My knee.\nUnknown: Mm.\nMrs Jones: Since Monday.\nUnknown: Right."
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        encounter = await pasted(pilot, talk)
        view = app.screen.query_one(TranscriptView)
        await pilot.press("u")
        assert view.cursor == 1
        await pilot.press("r")
        await until(pilot, on(pilot, "Choose"))
        await pilot.press("enter")
        await until(pilot, lambda: "Patient: My knee." in encounter.conversation, "by title")
        assert "Patient: Since Monday." in encounter.conversation
        await until(pilot, lambda: view.turns[1].speaker == "Patient")
        assert view.cursor == 2
        await pilot.press("s")
        await until(pilot, lambda: "Doctor: Mm." in encounter.conversation)
        assert "Unknown: Right." in encounter.conversation, "another turn without a speaker stays one"
        await until(pilot, lambda: view.turns[2].speaker == "Doctor")
        await pilot.press("ctrl+z")
        await until(pilot, lambda: "Unknown: Mm." in encounter.conversation, "undo")
        await until(pilot, lambda: view.turns[2].speaker == "")
        await pilot.press("ctrl+z")
        await until(pilot, lambda: encounter.conversation == talk, "undo of the name")
        await until(pilot, lambda: not encounter.dirty)
        await leave(pilot)
    with reopen(home) as vault:
        assert vault.encounters.peek(vault.encounters.list()[0].id).conversation.text == talk


@pytest.mark.parametrize(
    ("talk", "speaker", "role"),
    [
        ("Dr. Patel: Hello.\nMrs Jones: My knee.\nAnna: Mm.", "Mrs Jones", "Patient"),
        ("Dr. Patel: Hello.\nAnna: My knee.", "Anna", "Patient"),
        ("Patient: My knee.\nBen: Since when?\nBen: Any fall?", "Ben", "Doctor"),
        (
            "SPEAKER_00: Since when?\nSPEAKER_01: Monday.\nSPEAKER_00: Any fall?\nSPEAKER_01: No.",
            "SPEAKER_00",
            "Doctor",
        ),
        (
            "SPEAKER_00: Since when?\nSPEAKER_01: Monday.\nSPEAKER_00: Any fall?\nSPEAKER_01: No.",
            "SPEAKER_01",
            "Patient",
        ),
        ("Doctor: a\nPatient: b\nAnna: c\nAnna: d", "Anna", "Guest"),
    ],
)
def test_who_a_speaker_likely_is(talk: str, speaker: str, role: str) -> None:
    assert likely(parse(talk).turns, speaker) == role


def test_a_name_that_reads_as_words_is_refused() -> None:
    turns = parse("SPEAKER_00: a\nSPEAKER_01: b\nSPEAKER_00: c\nSPEAKER_01: d").turns
    with pytest.raises(UsageError, match="can't be a speaker's name"):
        named_everywhere(turns, "SPEAKER_00", "well, that is what I said to him yesterday")
    assert named_everywhere(turns, "SPEAKER_00", "Dr. Lee").startswith("Doctor: a\nSPEAKER_01: b\nDoctor: c")
    alone = parse("hello\nmy knee hurts\nsince when").turns
    assert named_everywhere(alone, "", "Patient") == "Patient: hello\nDoctor: my knee hurts\nPatient: since when"
