"""What the app tells of a model before anybody relies on it, and the check of every byte on demand."""

from __future__ import annotations

from pathlib import Path

import pytest
from bundle_kit import contents, write_bundle
from functional.test_tui_walls import HOSTILE, assert_clean
from functional.tui_kit import WORDS, empty_vault, leave, make_app, on, press_button, quiet, screen_text, unlock, until
from textual.widgets import DataTable, OptionList

from edge.contract import bundle_card
from tui.widgets.bundle_card import BundleView, words_of

CARD = """# clinic

## Intended use

Drafts that a clinician reads,
corrects and signs.

## Known failures

- It can invent ages.
- It can leave out
  what was said.

## Data

- not this
"""
FIGURES = [
    {"metric": "rouge1", "value": 27.98, "low": 22.0, "high": 34.3, "dataset": "aci-valid", "documents": 6},
    {"metric": "odd.one", "value": 3.0, "low": None, "high": None, "dataset": "aci-valid", "documents": 6},
]
GATE = {"passed": False, "measured": {"kl": 0.2}, "limits": {"kl": 0.1}, "accepted": "for a trial"}


@pytest.fixture
def installed(home: Path) -> Path:
    """Two bundles: one for tests, one for drafts with a model card and figures. Returns their folder."""
    folder = home / "bundles"
    write_bundle(folder / "a-test")
    files = contents() | {"model-card.md": CARD.encode()}
    write_bundle(folder / "clinic", files, purpose="clinical", figures=FIGURES, gate=GATE, name="clinic")
    return folder


def test_a_card_is_made_of_manifest_and_model_card(installed: Path) -> None:
    clinic, test = bundle_card.cards([installed])
    assert (clinic.name, test.name) == ("clinic", "a-test")
    assert clinic.use == "Drafts that a clinician reads, corrects and signs."
    assert clinic.failures == ("It can invent ages.", "It can leave out what was said.")
    assert test.failures == ()
    shown = str(words_of(clinic))
    assert "28.0 [22.0–34.3]" in shown
    assert "odd.one" in shown
    assert "outside the limits" in shown
    assert "for a trial" in shown
    assert "Source not verified" in shown
    assert "TESTS ONLY" in str(words_of(test))
    assert "without a description" in str(words_of(test))


def test_of_two_bundles_with_one_name_the_first_is_told(installed: Path, tmp_path: Path) -> None:
    write_bundle(tmp_path / "other" / "clinic")
    names = [(one.name, one.purpose) for one in bundle_card.cards([installed, tmp_path / "other"])]
    assert names == [("clinic", "clinical"), ("a-test", "test")]


def test_a_card_that_is_not_the_one_that_was_built_is_not_shown(installed: Path) -> None:
    (installed / "clinic" / "model-card.md").write_text(CARD.replace("invent ages", "do anything"))
    clinic = next(one for one in bundle_card.cards([installed]) if one.name == "clinic")
    assert (clinic.use, clinic.failures) == ("", ())


async def test_a_bundle_is_looked_at_verified_and_chosen(home: Path, installed: Path) -> None:
    empty_vault(home)
    app = make_app(home)
    app.allow_unsigned = True
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await pilot.press("f10")
        await until(pilot, on(pilot, "SettingsScreen"))
        app.screen.query_one("TabbedContent").active = "tab-model"
        table = app.screen.query_one("#bundles", DataTable)
        table.focus()
        await until(pilot, lambda: "It can invent ages." in screen_text(app), "the failures of the first")
        assert "Automatic" in screen_text(app)
        table.move_cursor(row=2)
        await until(pilot, lambda: "TESTS ONLY" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.settings.bundle == "a-test")
        button = app.screen.query_one("#bundle-verify")
        button.focus()
        await pilot.press("enter")
        await until(pilot, lambda: "a-test: all 4 files are unchanged." in screen_text(app))
        weights = installed / "a-test" / "model.onnx.data"
        weights.write_bytes(bytes(64))
        await until(pilot, lambda: not button.has_class("-active"), "a button that can be pressed again")
        await pilot.press("enter")
        await until(pilot, lambda: "NOT USED: The model was refused: model.onnx.data was altered" in screen_text(app))
        await leave(pilot)


async def test_the_first_run_tells_what_a_model_is_good_for(home: Path, installed: Path) -> None:
    app = make_app(home)
    app.allow_unsigned = True
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, on(pilot, "WelcomeScreen"))
        app.screen.query_one("#first").value = app.screen.query_one("#second").value = WORDS
        app.screen.query_one("#second").focus()
        await pilot.press("enter")
        await until(pilot, on(pilot, "RecoveryScreen"))
        app.screen._go_on()
        await until(pilot, on(pilot, "ModelScreen"))
        await until(pilot, lambda: "It can leave out what was said." in screen_text(app))
        options = app.screen.query_one(OptionList)
        options.focus()
        await pilot.press("down")
        await until(pilot, lambda: "without a description" in screen_text(app))
        await press_button(pilot, "start")
        await until(pilot, on(pilot, "LibraryScreen"))
        assert app.settings.bundle == "a-test"
        await leave(pilot)


async def test_a_hostile_card_is_text(home: Path) -> None:
    empty_vault(home)
    card = CARD.replace("invent ages", HOSTILE.replace("\n", " ")).encode("utf-8", "replace")
    write_bundle(home / "bundles" / "hostile", contents() | {"model-card.md": card})
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await pilot.press("f10")
        await until(pilot, on(pilot, "SettingsScreen"))
        app.screen.query_one("TabbedContent").active = "tab-model"
        await until(pilot, lambda: "dose [mg] 5" in screen_text(app).replace("\n", " "), "the hostile failure")
        await quiet(pilot)
        assert_clean(app, "model")
        assert app.screen.query_one(BundleView)
        await leave(pilot)
