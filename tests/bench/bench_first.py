"""From the command to the first word of a note: unlock screen, open encounter, first word at once and from a warm app.

In a terminal of its own, as a clinician has it: the real launcher, the sealed window, the installed models. Nobody
types slowly here: the passphrase is there with the unlock screen, and a note is asked for as soon as the encounter
that was open last stands. Its conversation is the sample visit.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from edge import paths
from edge.encounters.writing import chosen_bundle
from tests.bench.bench_app import ROOT, WORDS, empty, make_home, terminal

ROUNDS, LONGEST = 5, 60.0  # seconds until a mark must be there
START_S, WORD_S = 0.4, 2.0
UNLOCK, OPENED, WRITTEN = "Passphrase", "Write note", "CHIEF COMPLAINT"
_CONTROL = re.compile(r"\x1b\[[0-9;:?]*[a-zA-Z]")
Marks = dict[str, tuple[float, float]]  # what was seen: seconds and processor seconds since the command


def processor_seconds(process: int) -> float:
    """Of a process and all below it so far (Linux; 0.0 elsewhere)."""
    found: dict[int, tuple[int, int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parts = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        found[int(path.parent.name)] = int(parts[1]), sum(map(int, parts[11:15]))
    total, ahead = 0, [process]
    while ahead:
        one = ahead.pop()
        total += found.get(one, (0, 0))[1]
        ahead += [child for child, (parent, _) in found.items() if parent == one]
    return total / os.sysconf("SC_CLK_TCK")


class Window:
    """The app in a terminal of its own, from its command on."""

    def __init__(self, home: Path) -> None:
        self._outer, self._inner = terminal()
        environ = {**os.environ, "EDGESCRIBE_HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.marks: Marks = {}
        self._began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edge"], stdin=self._inner, stdout=self._inner, stderr=self._inner, env=environ,
            cwd=ROOT, start_new_session=True,
        )  # fmt: skip

    def until(self, word: str, mark: str) -> None:
        """Wait until a word is drawn, and note when."""
        seen, end = "", time.monotonic() + LONGEST
        while word not in seen:
            if time.monotonic() > end:
                self.close()
                raise SystemExit(f"no {mark}: {seen[-400:]!r}")
            seen += self._read(1.0)
        self.mark(mark)

    def mark(self, name: str) -> None:
        self.marks[name] = time.perf_counter() - self._began, processor_seconds(self._process.pid)

    def rest(self, seconds: float) -> None:
        """Let the app do what it does by itself."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._read(0.05)

    def press(self, keys: str) -> None:
        os.write(self._outer, keys.encode())

    def _read(self, patience: float) -> str:
        if not select.select([self._outer], [], [], patience)[0]:
            return ""
        return _CONTROL.sub("", os.read(self._outer, 65536).decode("utf-8", "replace"))

    def close(self) -> None:
        threading.Thread(target=empty, args=(self._outer,), daemon=True).start()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=60)
        os.close(self._inner)


def fill(home: Path, form: str, bundle: str) -> None:
    """A vault with the sample visit, which was open last, and the keys that this user trusts."""
    from edge.contract.encounter import Source
    from edge.store.secret import Passphrase
    from edge.store.vault import Vault

    make_home(home)
    sample = (ROOT / "edge" / "samples" / "visit.txt").read_text(encoding="utf-8")
    with Vault.open(home / "records.vault", Passphrase(WORDS.encode())) as vault:
        shown = vault.encounters.save_source("Visit", Source("visit.txt", sample, "5" * 64))
    kept = {"bundle": bundle, "last": shown.id, "form": form}
    (home / "settings.json").write_text(json.dumps(kept), encoding="utf-8")
    if (keys := paths.data_dir() / "trusted_keys").is_dir():
        shutil.copytree(keys, home / "trusted_keys")


def one(form: str, bundle: str, warm: bool) -> Marks:
    """A start, and a note asked for at once, or when the status bar names the model. bundle: its name."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        home = Path(name)
        fill(home, form, bundle)
        window = Window(home)
        window.until(UNLOCK, "unlock screen")
        window.press(WORDS + "\r")
        window.until(OPENED, "encounter open")
        if warm:
            window.until(bundle[:12], "model loaded")
        window.rest(1.0 if warm else 0.1)  # a key is heeded once the screen has settled
        window.mark("asked")
        window.press("\x07")
        window.until(WRITTEN, "first word")
        window.close()
        return window.marks


def told(label: str, runs: list[tuple[float, float]]) -> float:
    """Print a line and return the best wall time."""
    walls, work = ([run[part] for run in runs] for part in (0, 1))
    print(
        f"{label}: {min(walls):.2f} s at best, median {statistics.median(walls):.2f} of {len(runs)}; "
        f"processor time {min(work):.2f} s at best"
    )
    return min(walls)


def main() -> int:
    """Print the figures as text and one JSON line; return 1 if one is over its bound."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    asked.add_argument("--form", default="auto", help="what the note is made of: auto or whole")
    asked.add_argument("--bundle", default="", help="the model (default: the one that the app would choose)")
    options = asked.parse_args()
    # As an installation does: the sealed window may not write the byte code of a checkout that was edited.
    subprocess.run([sys.executable, "-m", "compileall", "-q", "edge", "tui"], cwd=ROOT, check=True)
    bundle = options.bundle or chosen_bundle(None)[0].name
    cold, warm = ([one(options.form, bundle, warm) for _ in range(options.rounds)] for warm in (False, True))
    spans = [(run["asked"], run["first word"]) for run in warm]
    since = [(last[0] - first[0], last[1] - first[1]) for first, last in spans]
    figures = {
        name: told(f"command to {name}", [run[name] for run in cold])
        for name in ("unlock screen", "encounter open", "first word")
    }
    figures["warm"] = told("from the key to the first word, models loaded", since)
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))
    return 0 if figures["unlock screen"] < START_S and figures["first word"] < WORD_S else 1


if __name__ == "__main__":
    sys.exit(main())
