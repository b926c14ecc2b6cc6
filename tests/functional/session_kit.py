"""Replays a recorded session of key presses in the app, without its pauses, and tells how its memory grew.

A recording is one visit, from a new encounter to its signed export, search, settings and wiping it again; eight of
them are half an hour at the speed of a person, in one process from unlock to lock (a lock ends it).
`python -m functional.session_kit --rounds 8` prints the figures as one JSON line; --speed 1 keeps the pauses.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from functional.tui_kit import empty_vault, make_app, quiet, screen_text, unlock, until
from textual._styles_cache import StylesCache
from textual.dom import DOMNode
from textual.events import Key
from textual.keys import _character_to_key

from edge.encounters.open_encounter import OpenEncounter
from edge.store.vault import Vault
from tui.app import LOCKED, EdgeApp
from tui.model_thread import Job, ModelThread
from tui.terminal import idle

RECORDED = Path(__file__).parent / "sessions" / "visit.keys"
WARM = 3  # visits until everything that is loaded once has been
HALF_AN_HOUR = 8  # visits


def lines(recorded: Path = RECORDED) -> Iterator[tuple[float, list[str], str]]:
    """The recording: pause in seconds and keys, or the name of what is waited for."""
    for line in recorded.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        first, _, rest = line.partition(" ")
        if first == "wait":
            yield 0.0, [], rest
        else:
            keys: list[str] = []
            for text, key in re.findall(r'"([^"]*)"|(\S+)', rest):
                keys += [key] if key else list(text)
            yield float(first), keys, ""


def minutes() -> float:
    """How long a person took for the recorded visit: its pauses, and a tenth of a second a key."""
    return sum(pause + 0.1 * len(keys) for pause, keys, _ in lines()) / 60


def conditions(app: EdgeApp, exports: Path) -> dict[str, Callable[[], Any]]:
    """What a recording may wait for."""

    def encounter() -> Any:
        return getattr(app.screen, "encounter", None)

    named = {"ask": "Ask", "choose": "Choose", "sign": "Sign", "help": "Help", "confirm": "Confirm",
             "encounter": "EncounterScreen", "library": "LibraryScreen", "settings": "SettingsScreen",
             "palette": "CommandPalette"}  # fmt: skip
    found: dict[str, Callable[[], Any]] = {
        name: (lambda kind=kind: type(app.screen).__name__ == kind) for name, kind in named.items()
    }
    return found | {
        "talk": lambda: encounter() and encounter().conversation.endswith("No fever."),
        "written": lambda: encounter() and encounter().has_note and not encounter().busy,
        "fields": lambda: encounter() and encounter().rows and not encounter().busy,
        "signed": lambda: encounter() and encounter().signed,
        "exported": lambda: list(exports.glob("*.md")),
        "found": lambda: "1 of 1" in screen_text(app),
        "empty": lambda: "No encounters yet" in screen_text(app),
    }


async def visit(app: EdgeApp, pilot: Any, speed: float, exports: Path) -> int:
    """Replay one visit; returns how many keys were pressed."""
    known, pressed = conditions(app, exports), 0
    for pause, keys, name in lines():
        if speed:
            await asyncio.sleep(pause / speed)
        if name:
            await until(pilot, known[name], name)
            await quiet(pilot)
        for key in keys:
            if len(key) == 1:  # as a terminal hands letters over: one by one, without waiting for what they do
                app.post_message(Key(_character_to_key(key), key))
                await asyncio.sleep(0)
            else:
                await pilot.press(key)
            pressed += 1
        await pilot.pause()
    for file in exports.glob("*"):
        file.unlink()
    return pressed


def rss() -> float:
    """This process's memory in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def alive() -> list[Any]:
    """Things that a visit makes and that must be gone after it: screens, widgets, what was drawn, encounters, jobs."""
    idle.collect()
    kinds = (DOMNode, StylesCache, OpenEncounter, Job, ModelThread, Vault)
    return [one for one in gc.get_objects() if issubclass(type(one), kinds)]


def alive_since(before: list[Any]) -> Counter[str]:
    """The same by kind, without what is in before: another test's things, which go when they like."""
    known = {id(one) for one in before}
    return Counter(type(one).__name__ for one in alive() if id(one) not in known)


async def session(home: Path, rounds: int, speed: float) -> dict[str, Any]:
    """WARM visits, then rounds of them; the figures of the visits after the warm-up, memory in MB."""
    empty_vault(home)
    keys, points = 0, []
    app = make_app(home)
    async with app.run_test(size=(120, 36)) as pilot:
        await unlock(pilot)
        for number in range(WARM + rounds):
            pressed = await visit(app, pilot, speed if number >= WARM else 0, home / "exports")
            keys += pressed if number >= WARM else 0
            idle.collect()  # as in the recording's pauses, which are left out here
            points.append(rss())
        await pilot.press("ctrl+l")
        await until(pilot, lambda: app.return_code == LOCKED)
    warm, *after = points[WARM - 1 :]
    return {
        "visits": rounds, "keys": keys, "minutes": round(rounds * minutes(), 1), "start_mb": round(warm, 1),
        "end_mb": round(after[-1], 1), "growth": round(after[-1] / warm - 1, 4),
        "points": [round(point, 1) for point in points],
    }  # fmt: skip


def main() -> None:
    """Print the figures as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=HALF_AN_HOUR)
    parser.add_argument("--speed", type=float, default=0, help="1: as recorded; 0: without pauses")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ.update(EDGESCRIBE_HOME=name, HOME=name, LANG="C.UTF-8")
        print(json.dumps(asyncio.run(session(Path(name), args.rounds, args.speed))))


if __name__ == "__main__":
    main()
