"""Every screen of the app, on a real terminal, fed with hostile text: no control sequence comes out but its own.

The program is the shipped one, in its sealed window. Each step is done when words of the next screen were drawn.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import sys
from pathlib import Path

import pytest

import tui.screens
from edge.contract.encounter import Source
from edge.contract.note import Section
from edge.contract.origin import Origin
from edge.store.vault import Vault
from tests.security.terminal_kit import HOSTILE_SEQUENCES, OWN_SCREEN, VERBATIM, Session, Shown
from tests.vaulting import FLOOR, WORDS, passphrase, save_note
from tui.screens.base import EdgeScreen

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = " ".join((*VERBATIM, *HOSTILE_SEQUENCES))  # the plain words first: a column may cut the rest off
DRIVEN = {
    "UnlockScreen", "LibraryScreen", "EncounterScreen", "SettingsScreen", "TemplateEditor",
    "WelcomeScreen", "RecoveryScreen", "ModelScreen",
}  # fmt: skip
# Tabs of the settings, and words that stand on each alone.
TABS = {
    "Model": "", "Templates": "Sections", "Retention": "never deleted", "Activity": "Activity, newest first",
    "Network": "To check this yourself", "Records": "Opened with", "General": "Theme",
}  # fmt: skip
ESC, F1, F2, F3, F4, F8, F9, F10 = (
    "\x1b", "\x1bOP", "\x1bOQ", "\x1bOR", "\x1bOS", "\x1b[19~", "\x1b[20~", "\x1b[21~",
)  # fmt: skip
TAB, ENTER = "\t", "\r"


def ctrl(letter: str) -> str:
    return chr(ord(letter) & 0x1F)


def pasted(before: str = "") -> str:
    """A paste of what is hostile and still gets through a terminal: those take C0 controls out of what they paste."""
    passed = [text for text in HOSTILE_SEQUENCES if min(text) >= " "]
    assert len(passed) == 5
    return f"\x1b[200~{' '.join((before, *VERBATIM, *passed))}\x1b[201~"


def environ(home: Path) -> dict[str, str]:
    """Without a model bundle: what this machine has is not shown."""
    colours = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    return colours | {"PATH": os.environ["PATH"], "EDGESCRIBE_HOME": str(home), "EDGESCRIBE_CACHE": str(home / "cache")}


def app(home: Path) -> Session:
    return Session([sys.executable, "-m", "edge.cli", "app", "--bundle", "/none"], ROOT, environ(home))


def assert_own(session: Session) -> None:
    assert session.end() == 0
    assert Shown(session.raw, 0).foreign(OWN_SCREEN) == []


def test_every_screen_is_driven() -> None:
    for found in pkgutil.iter_modules(tui.screens.__path__):
        importlib.import_module(f"tui.screens.{found.name}")
    assert {screen.__name__ for screen in EdgeScreen.__subclasses__()} == DRIVEN


@pytest.fixture
def hostile_home(tmp_path: Path) -> Path:
    """A vault whose every field is hostile, and a clinic's template that is."""
    folder = tmp_path / "home"
    (folder / "templates").mkdir(parents=True)
    origin = Origin(HOSTILE, "b" * 64, "1", "5" * 64)
    source = Source(HOSTILE, f"Doctor: {HOSTILE}\nPatient: {HOSTILE}", "5" * 64)
    with Vault.create(folder / "records.vault", passphrase(), kdf=FLOOR, actor=HOSTILE) as vault:
        save_note(vault, HOSTILE, source, "soap", [Section(HOSTILE, HOSTILE)], origin)
    for name, text in (("plain", " ".join(VERBATIM)), ("unusable", HOSTILE)):
        words = json.dumps(text)  # TOML says it in the same way: escapes, no control characters
        section = f'[[sections]]\nkey = "a"\ntitle = {words}\ninstruction = {words}\nheadings = [{words}]\n'
        (folder / "templates" / f"{name}.toml").write_text(f"title = {words}\n\n{section}", encoding="utf-8")
    return folder


def test_hostile_text_on_every_screen_of_an_open_vault(hostile_home: Path) -> None:
    with app(hostile_home) as on:
        on.wait("Passphrase")
        on.probe("x", "•")
        on.press(pasted(), "•" * 40)  # a paste has its way before the next key
        on.press(ENTER, "does not open the vault")
        on.probe("x", "•")
        on.press(ctrl("u"), gone="•")
        on.press(WORDS + ENTER, "Filter", "There is no model")
        on.press(ENTER, *VERBATIM, gone="There is no model")
        on.click("Search encounters")
        on.probe("q", "│  q")
        on.press(pasted(" pasted"), "q pasted dose [mg] 5", "Nothing found")
        on.press(ESC, gone="Nothing found")
        on.press("d", "Delete “")
        on.press(ESC, gone="Delete “")
        on.press(ENTER, "Conversation", *VERBATIM)
        on.press(F3, "No fields yet")
        on.press(F4, "Written by")
        on.press(F2, gone="Written by")
        for key, words in (
            (ctrl("n"), "Title of the encounter"),
            (ctrl("t"), "Template of the note"),
            (F8, "Sign this encounter"),
            (F9, "Export the note"),
            (F1, "Esc closes"),
            (ctrl("p"), "Save now"),
        ):
            on.press(key, words)
            on.press(ESC, "Conversation", gone=words)
        on.press(ctrl("o"), "Open a file")
        on.probe("~", "~")
        on.press(ctrl("u"), gone="~")
        on.press(pasted("no/"), "no/ dose")
        on.press(ENTER, "is not there")
        on.press(ESC, gone="Open a file")
        on.press(F10, "Theme")
        assert set(TABS) == set(re.split(r" {2,}", on.screen().split("\n")[1].strip()))
        for tab, words in TABS.items():
            on.click(tab, words)
        on.click("Templates", "HAS MISTAKES", VERBATIM[0])
        on.click(VERBATIM[0], "1  " + VERBATIM[0])  # its preview
        on.press(ENTER, "No mistakes", *VERBATIM)
        on.press(pasted(), "Line 1")
        on.press(ESC, "Close it without saving", "Yes")
        on.click("Yes", "HAS MISTAKES")
        on.press(ctrl("q"))
        assert_own(on)


def test_hostile_text_on_the_screens_of_a_first_start(home: Path) -> None:
    with app(home) as on:
        on.wait("Create my records")
        on.probe("x", "•")
        on.press(ctrl("u"), gone="•")
        on.press(WORDS, "strong")
        on.focus(TAB, "Repeat the passphrase", below=2)
        on.press(pasted(), "•" * 40)
        on.press(ENTER, "not the same")
        on.press(WORDS + ENTER, "Your recovery key")
        on.probe("~", "~")
        on.press(pasted(), VERBATIM[0])
        on.press(ENTER, "Compare them again")
        on.click("Continue without a key", "Yes")
        on.click("Yes", "Choose a model", "Start")
        on.click("Start", "No encounters yet")
        on.press(ctrl("q"))
        assert_own(on)


@pytest.mark.parametrize("careless", ["\x1b[38;5;213m", "\x1b]0;owned\x07", "\x1b[6n", "\x9b31m", "\u202e", "\x07"])
def test_the_kit_sees_what_a_careless_screen_draws(careless: str) -> None:
    drawn = f"\x1b[1;1H\x1b[0;38;2;1;2;3m{careless}\x1b[?2026h"
    assert Shown(drawn.encode(), 0).foreign(OWN_SCREEN) != []
