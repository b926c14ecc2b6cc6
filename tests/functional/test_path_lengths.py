"""How many modules one opens to follow the two main ways through the program, as docs/architecture.md lists them.

A way is the modules of ours on the call stack where something happens: the file is read, the model writes, the row is
committed. Libraries, and modules that are only looked up on the way (shapes, texts), are not on it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from functional.conftest import derive_once
from functional.tui_kit import editors, empty_vault, leave, make_app, unlock, until, written

from edge import __main__ as program
from edge import cli, vaults
from edge.encounters.open_encounter import OpenEncounter
from edge.encounters.writing import Scribe
from edge.engine.scripted import ScriptedEngine
from edge.reading import files
from edge.store import db, kdf
from edge.store.kdf import KdfParameters

OURS = re.compile(r"(edge|tui)/[\w/]+\.py")


def modules_here() -> list[str]:
    """Modules of ours on the call stack, outermost first."""
    found: list[str] = []
    frame: Any = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and OURS.fullmatch(str(path.relative_to(ROOT))):
            found.append(str(path.relative_to(ROOT)))
        frame = frame.f_back
    return list(dict.fromkeys(found[::-1]))


def watch(patch: pytest.MonkeyPatch, owner: Any, name: str, seen: list[list[str]]) -> None:
    original: Callable[..., Any] = getattr(owner, name)

    def wrapped(*args: Any, **named: Any) -> Any:
        result = original(*args, **named)
        seen.append([*modules_here(), str(Path(sys.modules[original.__module__].__file__).relative_to(ROOT))])
        return result

    patch.setattr(owner, name, wrapped)


def listed(heading: str) -> list[str]:
    """The modules that docs/architecture.md lists under a heading."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    part = text.split(f"### {heading}\n")[1].split("\n#")[0]
    return re.findall(r"^\d+\. `([\w/]+\.py)`", part, re.M)


def test_from_the_command_to_the_committed_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kdf, "derive", derive_once)
    (tmp_path / "secret").write_text("four unlikely words together\n")
    vaults.create(tmp_path / "my.vault", tmp_path / "secret", KdfParameters(64 * 1024, 1, 1)).close()
    (tmp_path / "visit.txt").write_text("Doctor: What is it?\nPatient: My knee hurts.\n")
    monkeypatch.setattr(Scribe, "open", staticmethod(lambda *_: Scribe(ScriptedEngine(lambda _: "Knee pain."))))
    monkeypatch.setattr(cli, "seal", lambda _: type("S", (), {"level": "kernel"}))
    seen: list[list[str]] = []
    watch(monkeypatch, files, "read", seen)
    watch(monkeypatch, ScriptedEngine, "count", seen)
    begin = db.transaction
    monkeypatch.setattr(db, "transaction", lambda c: (seen.append([*modules_here(), "edge/store/db.py"]), begin(c))[1])
    words = ["edgescribe", "note", str(tmp_path / "visit.txt"), "--save", "--quiet", "--vault",
             str(tmp_path / "my.vault"), "--passphrase-file", str(tmp_path / "secret")]  # fmt: skip
    monkeypatch.setattr(sys, "argv", words)
    assert program.main() == 0
    saves = [way for way in seen if "edge/encounters/open_encounter.py" in way]
    assert saves, "the row was committed"
    way = {module for one in (*seen, *saves) for module in one if one in saves or one[-1] != "edge/store/db.py"}
    assert len(way) > 10, "the whole way was seen"
    known = listed("From the command to the committed row")
    assert way - {"edge/engine/scripted.py"} <= {*known}  # which stands for loader, host and runtime here
    assert len(known) <= 18
    assert all((ROOT / module).is_file() for module in known)


async def test_from_a_key_press_to_the_vault(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kdf, "derive", derive_once)
    empty_vault(home)
    app = make_app(home)
    seen: list[list[str]] = []
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        await written(pilot)
        begin = db.transaction

        def transaction(connection: Any) -> Any:
            seen.append([*modules_here(), "edge/store/db.py"])
            return begin(connection)

        monkeypatch.setattr(db, "transaction", transaction)
        pending = OpenEncounter.pending

        def asked(one: OpenEncounter, *args: Any) -> Any:
            found = pending(one, *args)
            if found is not None and not seen:
                seen.append([*modules_here(), "edge/encounters/open_encounter.py"])
            return found

        monkeypatch.setattr(OpenEncounter, "pending", asked)
        area = editors(app)[0].area
        area.focus()
        await pilot.press("x")
        ends = ("tui/open_encounters.py", "edge/store/edits.py")  # of the two ways
        await until(pilot, lambda: all(any(end in one for one in seen) for end in ends), "the autosave")
        await leave(pilot)
    known = listed("From a key press to the vault")
    way = {module for end in ends for module in next(one for one in seen if end in one)}  # others may write meanwhile
    assert {*ends, "tui/vault_thread.py"} <= way
    assert way <= {*known}
    assert len(known) <= 9
    assert all((ROOT / module).is_file() for module in known)
