"""What the seal costs: milliseconds at start, tokens a second with it and without in one run. What safe text costs."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from edge import paths
from edge.contract.bundle import list_bundles
from edge.text import sanitise

ROOT = Path(__file__).resolve().parents[2]
STARTS, ROUNDS = 15, 5
LARGEST_START_MS, LARGEST_TEXT_MS = 5.0, 50.0
MEGABYTES = {
    "plain": "The patient reports pain.\n", "many scripts": "Schöne Grüße, 北京 😀 patient ", "escapes": "a\x1b",
    "escapes, wide": "a\x1b北", "C1": "a\x9b😀", "hostile": "\x1b[31m\u202e\u200b", "line ends": "l\r\n",
}  # fmt: skip

START = """
import sys, time
sys.path.append({root!r})
from pathlib import Path
before = time.perf_counter()
from edge.seal import SealPolicy, enforce
imported = time.perf_counter()
from edge.seal import enforcement, linux
loaded = time.perf_counter()
enforce(SealPolicy(write_dirs=(Path({own!r}),)))
print((imported - before) * 1e3, (loaded - imported) * 1e3, (time.perf_counter() - loaded) * 1e3)
"""

DECODE = """
import json, sys, time
sys.path.append({root!r})
from pathlib import Path
if {sealed}:
    from edge.seal import SealPolicy, enforce
    enforce(SealPolicy(write_dirs=(Path({own!r}),)))
import os
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime_genai as og
model = og.Model({bundle!r})
params = og.GeneratorParams(model)
params.set_search_options(max_length=400, min_length=400, do_sample=False)
times = []
for _ in range(2):  # the first warms up
    generator = og.Generator(model, params)
    generator.append_tokens(list(range(100, 164)))
    for _ in range(150):
        before = time.perf_counter()
        generator.generate_next_token()
        times.append(time.perf_counter() - before)
# Other work on the machine makes single tokens slow, never fast: the fastest tenth says what a token costs.
print(1 / sorted(times[150:])[15])
"""


def run(code: str) -> str:
    """Run code in a new isolated interpreter; return what it printed."""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def text_ms() -> float:
    """Print what a megabyte of each kind of text takes to make safe; return the slowest kind's best, in ms."""
    slowest = 0.0
    for name, unit in MEGABYTES.items():
        text = unit * (1_000_000 // len(unit.encode()))
        times = []
        for _ in range(7):
            before = time.perf_counter()
            sanitise(text)
            times.append((time.perf_counter() - before) * 1e3)
        print(f"safe text, 1 MB, {name}: {min(times):.1f} ms (best of {len(times)})")
        slowest = max(slowest, min(times))
    return slowest


def main() -> int:
    """Print the figures as text and one JSON line; 1 if the start takes over 5 ms at best, or a megabyte over 50 ms."""
    with tempfile.TemporaryDirectory() as own:
        starts = [
            [float(word) for word in run(START.format(root=str(ROOT), own=own)).split()[-3:]] for _ in range(STARTS)
        ]
        best = [min(column) for column in zip(*starts, strict=True)]
        print(
            f"seal at start: {best[2]:.2f} ms (best of {STARTS}); import {best[0]:.1f} ms, its parts {best[1]:.1f} ms"
        )
        slowest = text_ms()
        figures: dict[str, object] = {
            "seal_ms": round(best[2], 2), "import_ms": round(best[0], 2), "text_ms": round(slowest, 1),
        }  # fmt: skip
        found = list_bundles(paths.bundle_dirs())
        if found:
            bundle = min(found, key=lambda one: one.manifest.base.parameters).folder
            rates: dict[bool, list[float]] = {False: [], True: []}
            for number in range(ROUNDS):
                for sealed in (False, True) if number % 2 else (True, False):
                    code = DECODE.format(root=str(ROOT), own=own, sealed=sealed, bundle=str(bundle))
                    rates[sealed].append(float(run(code)))
            ratio = max(rates[True]) / max(rates[False])
            medians = statistics.median(rates[True]) / statistics.median(rates[False])
            fastest = f"sealed {max(rates[True]):.1f}, unsealed {max(rates[False]):.1f}"
            print(f"tokens/s with {bundle.name}: {fastest} (best of {ROUNDS})")
            print(f"ratio sealed to unsealed: {ratio:.3f} of the best, {medians:.3f} of the medians")
            figures |= {"tokens_ratio_best": round(ratio, 3), "tokens_ratio_median": round(medians, 3)}
        else:
            print("no model bundle here: tokens/s not measured (make export)")
    print(json.dumps(figures))
    return 0 if best[2] < LARGEST_START_MS and slowest < LARGEST_TEXT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
