"""Every verb, on a real terminal, fed with hostile text: nothing comes out that the program did not write itself."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from once import once

from edge.cli import build_parser
from edge.contract.encounter import Source
from edge.contract.fields import FieldEntry
from edge.contract.note import Section
from edge.contract.origin import Origin
from edge.store.vault import Vault
from edge.verbs.audit import verbs_of
from tests.security.terminal_kit import HOSTILE, HOSTILE_LINE, HOSTILE_SEQUENCES, VERBATIM, Shown, run
from tests.vaulting import FLOOR, WORDS, passphrase, save_extraction, save_note

ROOT = Path(__file__).resolve().parents[2]
PARSER = build_parser()
VERBS = sorted(verbs_of(PARSER))
# Each verb runs twice: with a hostile word for all that it requires, and, unless it is named here, on a record whose
# every field is hostile. A new verb is covered from the day it is in the parser.
WITHOUT_RECORDS = {
    ("audit", "network"): "a minute of work; it shows its own words and file names only",
    ("app",): "every screen is driven in test_hygiene_screens.py",
    ("window",): "the same",
    ("demo",): "writes the sample visit that ships with the program",
    ("note",): "below, with a hostile conversation",
    ("extract",): "below, with a hostile conversation",
}
MORE = {
    ("records", "list"): [["--json"]],
    ("records", "show"): [["--source"], ["--source", "--json"]],
    ("audit", "log", "show"): [["--json"]],
    ("vault", "hold"): [["--lift"]],
    ("records", "delete"): [["--yes"]],
    ("records", "speaker"): [["--list"], ["--turn", "1", "--as", HOSTILE_LINE]],
    ("records", "field"): [["--list"], ["diagnosis", "--set", HOSTILE_LINE]],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a vault whose every field is hostile, and hostile files."""
    return once(tmp_path_factory, "hostile", make_hostile)


def make_hostile(folder: Path) -> Path:
    (folder / "home").mkdir()
    (folder / "secret").write_text(WORDS + "\n", encoding="ascii")
    origin = Origin(HOSTILE_LINE, "b" * 64, "1", "5" * 64)
    source = Source(HOSTILE_LINE, f"Doctor: {HOSTILE}\nPatient: {HOSTILE}", "5" * 64)
    with Vault.create(folder / "home" / "records.vault", passphrase(), kdf=FLOOR, actor=HOSTILE_LINE) as vault:
        kept = save_note(vault, HOSTILE_LINE, source, "soap", [Section(HOSTILE_LINE, HOSTILE)], origin)
        fact = FieldEntry(HOSTILE, score=0.0)
        save_extraction(vault, HOSTILE_LINE, source, {"diagnosis": [fact]}, origin, kept.id)
    (folder / "id").write_text(kept.id, encoding="ascii")
    (folder / "visit.txt").write_text(f"Doctor: {HOSTILE}\nPatient: My knee hurts. {HOSTILE}\n", encoding="utf-8")
    (folder / "report.txt").write_text(f"Back pain {HOSTILE_SEQUENCES[0]} since May, dose [mg] 5.\n", encoding="utf-8")
    return folder


def edgescribe(place: Path, *arguments: str | bytes, timeout: float = 600) -> Shown:
    """Run the program in a copy of place's home, so that runs can go on side by side."""
    home = Path(tempfile.mkdtemp(dir=place)) / "home"
    shutil.copytree(place / "home", home)
    environ = {**os.environ, "EDGESCRIBE_HOME": str(home), "TERM": "xterm-256color"}
    environ["EDGESCRIBE_PASSPHRASE_FILE"] = str(place / "secret")
    environ["PYTHONPATH"] = str(ROOT)
    # Empty answers and an end of input, for a verb that asks.
    command = [sys.executable, "-m", "edge.cli", *arguments]
    return run(command, place, environ, keys=b"\n\n\n\x04", timeout=timeout)


def required(verb: tuple[str, ...], record: str = HOSTILE_LINE) -> list[str]:
    """Return a hostile word for all that a verb requires, from its own parser; record where it asks for an id."""
    parser = PARSER
    for word in verb:
        sub = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
        parser = sub.choices[word]
    words: list[str] = []
    for action in parser._actions:
        if not action.option_strings and action.required:
            words.append(record if action.dest == "id" else HOSTILE_LINE)
        elif action.option_strings and action.required:
            words += [action.option_strings[-1], *([HOSTILE_LINE] if action.nargs != 0 else [])]
    return words


# An extraction takes the small model half a minute; the long run does it too.
MODEL_VERBS = ["note", "extract"] if os.environ.get("EDGESCRIBE_STRESS") else ["note"]
# What a verb requires besides a record's id makes the second run the same as the first.
RUNS = [
    (verb, more)
    for verb in VERBS
    if verb not in WITHOUT_RECORDS and (not required(verb) or required(verb) != required(verb, "id"))
    for more in [[], *MORE.get(verb, [])]
]


def test_every_verb_is_covered() -> None:
    assert len(VERBS) >= 29
    assert set(MORE) <= set(VERBS)
    assert {verb for verb, _ in RUNS} | {v for v in VERBS if required(v)} | set(WITHOUT_RECORDS) >= set(VERBS)
    assert len(RUNS) >= 20
    assert sum("id" in "".join(required(verb, "id")) for verb in VERBS) >= 3


ASKING = [verb for verb in VERBS if required(verb)]


@pytest.fixture(scope="module")
def shown(place: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], Shown]:
    """Every run, two at a time: most of each is the start of an interpreter."""
    return once(tmp_path_factory, "hostile-runs", lambda _: run_every_verb(place))


def run_every_verb(place: Path) -> dict[tuple[str, ...], Shown]:
    record = (place / "id").read_text(encoding="ascii")
    commands = [(*verb, *required(verb)) for verb in ASKING]
    commands += [(*verb, *required(verb, record), *more) for verb, more in RUNS]
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        return dict(zip(commands, pool.map(lambda command: edgescribe(place, *command), commands), strict=True))


@pytest.mark.parametrize("verb", ASKING, ids=" ".join)
def test_hostile_arguments_come_back_harmless(shown: dict[tuple[str, ...], Shown], verb: tuple[str, ...]) -> None:
    found = shown[(*verb, *required(verb))]
    assert found.code >= 0
    assert len(found.raw) > 20
    assert found.foreign() == []


def test_some_verbs_require_arguments() -> None:
    assert len(ASKING) >= 10


@pytest.mark.parametrize(("verb", "more"), RUNS, ids=lambda value: " ".join(value) or "-")
def test_hostile_records_are_shown_harmless(
    shown: dict[tuple[str, ...], Shown], place: Path, verb: tuple[str, ...], more: list[str]
) -> None:
    record = (place / "id").read_text(encoding="ascii")
    found = shown[(*verb, *required(verb, record), *more)]
    assert found.code >= 0
    assert found.foreign() == []


def test_brackets_are_shown_to_the_letter(place: Path) -> None:
    record = (place / "id").read_text(encoding="ascii")
    text = edgescribe(place, "records", "show", record, "--source").text
    for piece in VERBATIM:
        assert text.count(piece) >= 3  # heading, section, source
    assert "�[38;5;213m" in text


@pytest.mark.parametrize("name", [b"evil\x9b31m\xff.txt", "ev\x1b]0;owned\x07il\u202etxt".encode(), b"\n\r\x1b[2Jx"])
@pytest.mark.parametrize("verb", ["note", "extract"])
def test_hostile_file_names_come_back_harmless(place: Path, verb: str, name: bytes) -> None:
    shown = edgescribe(place, verb, name, "--json")
    assert shown.code != 0
    assert shown.foreign() == []


def test_the_kit_sees_what_a_careless_program_prints(place: Path) -> None:
    for careless in ("\x1b[38;5;213m", "\x9b31m", "\u202e", "\x07"):
        shown = run([sys.executable, "-c", f"print({careless!r})"], place, {"PYTHONIOENCODING": "utf-8", **os.environ})
        assert shown.foreign() != []


@pytest.fixture(scope="module")
def written(place: Path, small_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    return once(tmp_path_factory, "hostile-notes", lambda _: write_up(place, small_bundle))


def write_up(place: Path, small_bundle: Path) -> dict[str, Shown]:
    bundle = ["--bundle", str(small_bundle), "--allow-unsigned"]
    lines = {"note": ["visit.txt", "--template", "section:CC"], "extract": ["report.txt"]}
    return {verb: edgescribe(place, verb, *lines[verb], *bundle, timeout=600) for verb in MODEL_VERBS}


@pytest.mark.long
@pytest.mark.model
@pytest.mark.parametrize("verb", MODEL_VERBS)
def test_hostile_conversations_are_written_up_harmless(written: dict[str, Shown], verb: str) -> None:
    assert written[verb].code == 0, written[verb].text
    assert written[verb].foreign() == []
