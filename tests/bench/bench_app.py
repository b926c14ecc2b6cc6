"""The app: from the command to a usable unlock screen, from a key to the screen while a note streams, and its memory.

The first two are measured in a terminal of their own, as a clinician has it: the real launcher and the sealed window
for the start; the real drawing, into that terminal, for the keys. Memory: half an hour of recorded visits is replayed
without its pauses in a process of its own (tests/functional/session_kit.py), and compared after the warm-up and at the
end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import resource
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from fcntl import ioctl
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STARTS, KEYS, WARM = 9, 400, 20
START_MS, KEY_MS, GROWTH = 400.0, 50.0, 0.05
WORDS = "correct horse battery staple"


def terminal() -> tuple[int, int]:
    """A pseudo terminal of 120 x 36: outer and inner descriptor."""
    outer, inner = pty.openpty()
    ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    return outer, inner


def make_home(folder: Path) -> None:
    """A vault to unlock, and no model that would be loaded."""
    from edge.store.kdf import KdfParameters
    from edge.store.secret import Passphrase
    from edge.store.vault import Vault

    Vault.create(folder / "records.vault", Passphrase(WORDS.encode()), kdf=KdfParameters(64 * 1024, 1, 1)).close()
    (folder / "settings.json").write_text(json.dumps({"bundle": "/none"}), encoding="utf-8")


def start(home: Path) -> tuple[float, float]:
    """Seconds until the passphrase's field is drawn, and processor seconds of launcher and window until they end."""
    outer, inner = terminal()
    environ = {**os.environ, "EDGESCRIBE_HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    before = time.perf_counter()
    command = [sys.executable, "-m", "edge"]
    child = subprocess.Popen(
        command, stdin=inner, stdout=inner, stderr=inner, env=environ, cwd=ROOT, start_new_session=True
    )
    seen = b""
    while b"Passphrase" not in seen:
        if not select.select([outer], [], [], 60)[0]:
            child.kill()
            raise SystemExit(f"no unlock screen: {seen[-400:]!r}")
        seen += os.read(outer, 65536)
    wall = time.perf_counter() - before
    drain = threading.Thread(target=empty, args=(outer,), daemon=True)
    drain.start()
    child.send_signal(signal.SIGTERM)
    child.wait(timeout=60)
    os.close(inner)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime


def empty(descriptor: int) -> None:
    """Read a terminal until it ends, as a terminal program does."""
    with contextlib.suppress(OSError):
        while os.read(descriptor, 65536):
            pass


async def type_while_streaming(app: Any, times: list[tuple[float, float]]) -> None:
    """Unlock, write a note, and type into its first section while the second one streams.

    times: of each key, seconds by the clock and of the screen's thread: the second is the same on a busy machine.
    """
    from textual.events import Key

    async def until(condition: Any) -> None:
        while not condition():
            await asyncio.sleep(0.02)

    await until(lambda: app.screen.query("#secret"))
    app.screen.query_one("#secret").value = WORDS
    app.screen._try()
    await until(lambda: getattr(app.screen, "scope", "") == "library")
    app.action_lock = lambda: None
    encounter = app.encounters.new("visit")
    app.encounters.set_conversation(encounter, "Doctor: What brings you in?\nPatient: My left knee hurts since Monday.")
    app.show_encounter(encounter)
    await until(lambda: getattr(app.screen, "encounter", None) is encounter and app.screen._filled)
    app.screen.action_write()
    await until(lambda: encounter.sections[1].writing and encounter.sections[1].text)
    area = app.screen.query("SectionEditor").first().area
    area.focus()
    await asyncio.sleep(0.5)
    shown = asyncio.Event()
    for number in range(KEYS + WARM):
        shown.clear()
        length, began, worked = len(area.text), time.perf_counter(), time.thread_time()
        app.post_message(Key("a", "a"))
        while len(area.text) == length:
            await asyncio.sleep(0)
        app.screen.call_after_refresh(shown.set)
        await shown.wait()
        if number >= WARM:
            times.append((time.perf_counter() - began, time.thread_time() - worked))
        assert encounter.busy
        await asyncio.sleep(0.03)
    app.encounters.stop(encounter)
    app.go(app.leave(0))


def keys(home: Path) -> list[tuple[float, float]]:
    """Seconds from each key to the frame that shows it, and the work of the screen's thread in them."""
    from edge.encounters.writing import Scribe
    from edge.engine.scripted import ScriptedEngine
    from tui import settings
    from tui.app import EdgeApp, load_behind
    from tui.vault_thread import VaultThread

    os.environ.update(EDGESCRIBE_HOME=str(home), TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8")
    engine = ScriptedEngine(lambda task: "A line." if "subjective" in task else "word " * 510, delay=0.05)
    times: list[tuple[float, float]] = []

    def opener(_: object) -> Scribe:
        load_behind()
        return Scribe(engine)

    app = EdgeApp(VaultThread(home / "records.vault"), opener, settings.load(), None)
    outer, inner = terminal()
    # A process, as a terminal program is: a thread that reads would take turns with the screen's.
    reader = subprocess.Popen([sys.executable, "-c", "import os\nwhile os.read(0, 65536): pass"], stdin=outer)
    saved = [os.dup(number) for number in range(3)]
    for number in range(3):
        os.dup2(inner, number)
    sys.__stdin__, sys.__stderr__ = open(0, closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    try:
        asyncio.run(session(app, times))
    finally:
        for number, old in enumerate(saved):
            os.dup2(old, number)
        reader.kill()
        reader.wait()
    return times


async def session(app: Any, times: list[tuple[float, float]]) -> None:
    """The app with somebody at its keys."""
    with app._context():
        typist = asyncio.create_task(type_while_streaming(app, times))
    await app.run_async()
    await typist


def half_an_hour() -> dict[str, Any]:
    """Figures of the replayed session, memory in MB (session_kit.session)."""
    command = [sys.executable, "-m", "functional.session_kit"]
    done = subprocess.run(command, cwd=ROOT / "tests", stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> int:
    """Print the figures as text and one JSON line; return 1 if one is over its bound."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        make_home(home)
        # As an installation does: the sealed window may not write the byte code of a checkout that was edited.
        subprocess.run([sys.executable, "-m", "compileall", "-q", "edge", "tui"], cwd=ROOT, check=True)
        starts = [start(home) for _ in range(STARTS)]
        wall, cpu = (min(column) * 1000 for column in zip(*starts, strict=True))
        middle = statistics.median(one[0] for one in starts) * 1000
        print(f"command to unlock screen: {wall:.0f} ms at best, median {middle:.0f} ms of {STARTS}")
        print(f"processor time of a start and its end: {cpu:.0f} ms at best")
        times, work = (sorted(column) for column in zip(*keys(home), strict=True))
    last = int(len(times) * 0.99) - 1
    median, p99, work_p99 = statistics.median(times) * 1000, times[last] * 1000, work[last] * 1000
    print(f"key to screen while a note streams: median {median:.1f} ms, p99 {p99:.1f} ms of {len(times)} keys")
    print(f"of it work of the screen's thread: median {statistics.median(work) * 1000:.1f} ms, p99 {work_p99:.1f} ms")
    memory = half_an_hour()
    print(
        f"memory of {memory['minutes']} recorded minutes ({memory['visits']} visits, {memory['keys']} keys):"
        f" {memory['start_mb']} MB after the warm-up, {memory['end_mb']} MB at the end ({memory['growth']:+.1%})"
    )
    figures = {
        "start_ms": round(wall),
        "start_cpu_ms": round(cpu),
        "key_ms": round(median, 1),
        "key_p99_ms": round(p99, 1),
        "key_work_p99_ms": round(work_p99, 1),
        "memory_mb": memory["end_mb"],
        "memory_growth": memory["growth"],
    }
    print(json.dumps(figures))
    return 0 if wall < START_MS and p99 < KEY_MS and memory["growth"] <= GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
