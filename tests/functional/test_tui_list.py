"""Whose encounter it is and where it stands: titles, order and filters of the list, search, samples, one's name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from functional.tui_kit import (
    MOMENT,
    Gate,
    editors,
    empty_vault,
    encounter_on,
    fill,
    leave,
    make_app,
    make_vault,
    new_encounter,
    new_with,
    on,
    press_button,
    quiet,
    reopen,
    screen_text,
    unlock,
    until,
    written,
)

from edge import clinician
from edge.contract.encounter import Source, State
from edge.encounters import export, keeping
from tui.app import EdgeApp


def titles(app: EdgeApp) -> list[str]:
    """The list as it stands."""
    return [row.title for row in app.screen._rows]


async def test_a_new_encounter_asks_whose_it_is_and_keeps_the_answer(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await pilot.press("n")
        await until(pilot, on(pilot, "Ask"))
        await pilot.press("escape")  # no encounter without an answer
        await until(pilot, on(pilot, "LibraryScreen"))
        await new_with(pilot, title="AB 1704")
        await until(pilot, lambda: "AB 1704" in screen_text(app).splitlines()[0], "the title in the first line")
        await pilot.press("ctrl+b")
        await until(pilot, on(pilot, "LibraryScreen"))
        await new_with(pilot)
        await until(pilot, lambda: encounter_on(app).id, "it is kept")
        await leave(pilot)
    with reopen(home) as vault:
        assert {one.title for one in vault.encounters.list()} == {"AB 1704", "2026-03-02 10:00"}


async def test_the_list_is_in_the_order_of_the_last_change_and_filters_it(home: Path) -> None:
    with make_vault(home) as vault:
        vault.session.clock = lambda: MOMENT - timedelta(days=2)
        fill(vault, "Old and signed", state=State.SIGNED)
        fill(vault, "Old draft")
        vault.session.clock = lambda: MOMENT - timedelta(hours=2)
        fill(vault, "Signed today", state=State.SIGNED)
        vault.encounters.save_source("Talk alone", Source("talk.txt", "Doctor: Hello.", "6" * 64))
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await until(pilot, lambda: titles(app) == ["Talk alone", "Signed today", "Old draft", "Old and signed"])
        await until(pilot, lambda: "4 of 4" in screen_text(app))
        for which, shown in (
            ("today", ["Talk alone", "Signed today"]),
            ("unsigned", ["Talk alone", "Old draft"]),
            ("incomplete", []),
            ("without note", ["Talk alone"]),
            ("signed", ["Signed today", "Old and signed"]),
        ):
            await pilot.press("f")
            await until(pilot, lambda shown=shown: titles(app) == shown, which)
        await pilot.press("escape")
        await until(pilot, lambda: len(titles(app)) == 4, "all of them again")
        await leave(pilot)


async def test_search_shows_the_words_around_a_hit(home: Path) -> None:
    with make_vault(home) as vault:
        fill(vault, "AB 1704", "Since the fall in May the left ankle swells in the evening.")
        fill(vault, "CD 1705", "Nothing of that kind.")
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await pilot.press("slash", *"ankle swe")
        await until(pilot, lambda: "1 of 2" in screen_text(app))
        assert "the left ankle swells" in screen_text(app)
        assert " New " not in screen_text(app).splitlines()[-1]  # a letter is typed into the field now
        await pilot.press("enter", "enter")
        await until(pilot, on(pilot, "EncounterScreen"))
        assert encounter_on(app).title == "AB 1704"
        await leave(pilot)


async def test_a_sample_is_asked_for_labelled_and_not_counted(home: Path) -> None:
    with make_vault(home) as vault:
        fill(vault, "AB 1704")
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await pilot.press("t")
        await until(pilot, on(pilot, "Confirm"))
        await pilot.press("enter")  # the focus is on No
        await until(pilot, lambda: titles(app) == ["AB 1704"])
        for _ in range(2):  # the second time the same one opens
            await pilot.press("t")
            await until(pilot, on(pilot, "Confirm"))
            await press_button(pilot, "yes")
            await until(pilot, on(pilot, "EncounterScreen"))
            await until(pilot, lambda: encounter_on(app).id)
            await pilot.press("ctrl+b")
            await until(pilot, on(pilot, "LibraryScreen"))
        await until(pilot, lambda: "SAMPLE Sample visit" in screen_text(app))
        cell = app.screen.query_one("#records").get_row_at(0)[3]
        marked = [cell.plain[span.start : span.end] for span in cell.spans if "reverse" in str(span.style)]
        assert (marked, cell.style) == (["SAMPLE"], ""), "the label is marked, not the title"
        assert "1 of 1" in screen_text(app)
        await pilot.press("f")
        await until(pilot, lambda: titles(app) == ["AB 1704"], "no patient of today")
        await leave(pilot)
    with reopen(home) as vault:
        assert [one.sample for one in vault.encounters.list()] == [True, False]


async def test_a_search_stays_within_the_filter_and_says_so(home: Path) -> None:
    with make_vault(home) as vault:
        fill(vault, "Old and signed", "Ganglion.", State.SIGNED)
        fill(vault, "Draft", "Ganglion.")
        fill(vault, "Other draft", "Cough.")
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        await pilot.press("f", "f")
        await until(pilot, lambda: titles(app) == ["Other draft", "Draft"])
        await pilot.press("slash", *"ganglion")
        await until(pilot, lambda: titles(app) == ["Draft"])
        assert "Search only in unsigned encounters:" in screen_text(app)
        await pilot.press(*"xyz")
        await until(pilot, lambda: "Nothing found. Esc: all encounters." in screen_text(app))
        await pilot.press("escape", "slash", *"ganglion")
        await until(pilot, lambda: set(titles(app)) == {"Draft", "Old and signed"})
        assert "Search in all encounters:" in screen_text(app)
        await leave(pilot)


async def test_what_the_model_is_at_work_on_stands_in_the_list(home: Path) -> None:
    empty_vault(home)
    gate = Gate(1)
    app = make_app(home, gate=gate)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        for title in ("AB 1704", "CD 1705"):
            encounter = await new_with(pilot, title=title)
            await pilot.press("ctrl+g")
            await until(pilot, lambda one=encounter: one.busy and one.id)
            await pilot.press("ctrl+b")
            await until(pilot, on(pilot, "LibraryScreen"))
        await until(pilot, lambda: "DRAFT WRITING" in screen_text(app), "the one that is written")
        await until(pilot, lambda: "DRAFT WAITING" in screen_text(app), "the one that waits")
        gate.open()
        await until(pilot, lambda: "WRITING" not in screen_text(app) and "WAITING" not in screen_text(app))
        await leave(pilot)


async def test_the_clinicians_name_stands_in_place_of_the_login(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await pilot.press("f10")
        await until(pilot, on(pilot, "SettingsScreen"))
        app.screen.query_one("#signer").focus()
        await pilot.press(*"Dr. Keller", "escape")
        await until(pilot, on(pilot, "LibraryScreen"))
        encounter = await written(pilot)
        editors(app)[0].area.focus()
        await pilot.press("end", *" Seen.", "ctrl+s")
        await until(pilot, lambda: not encounter.unsaved)
        await quiet(pilot)
        await pilot.press("f4")
        await until(pilot, lambda: "Edited by Dr. Keller" in screen_text(app))
        await leave(pilot)
    assert clinician.name() == "Dr. Keller"  # what the verbs ask
    with reopen(home) as vault:
        assert vault.session.actor == "Dr. Keller"
        (one,) = vault.encounters.list()
        history = keeping.written_notes(vault, one.id)  # without revisions that only keep a check
        assert [revision.author for _, revision, _ in history] == ["Dr. Keller", "model:scripted"]
        assert export.authors_of(vault, vault.encounters.peek(one.id)) == "Dr. Keller; drafted by scripted"
        (file,) = [export.publish(vault, one.id, home / "letters", "md", "DRAFT", titled=True)]
        assert file.name == f"{one.created[:10]}-{one.id}-2026-03-02-10-00-DRAFT.md"
        assert {entry.actor for entry in vault.admin.newest(7)} == {"Dr. Keller"}


async def test_an_encounter_of_its_own_needs_no_title_twice(home: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await unlock(pilot)
        encounter = await new_encounter(pilot, "EF 1706")
        assert encounter.title == "EF 1706"
        assert not encounter.id  # nothing is kept of an encounter without a word
        await leave(pilot)
    with reopen(home) as vault:
        assert vault.encounters.count() == 0
