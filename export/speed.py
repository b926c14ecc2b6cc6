"""Prefill and decode rate and peak memory of an ONNX bundle, measured in a process of its own.

    python -m export.speed FOLDER PROMPT_TOKENS NEW_TOKENS     prints one JSON object

Rates depend on the machine and on what else it does: compare only within one run, best of several.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from edge.errors import BundleError

PROMPT, NEW = 512, 48


@dataclass(frozen=True)
class Speed:
    """Tokens a second while reading and while writing; peak resident bytes of the process (0: unknown)."""

    prefill: float
    decode: float
    peak_bytes: int

    def best(self, other: Speed) -> Speed:
        """The better of two measurements: noise only ever slows down."""
        return Speed(
            max(self.prefill, other.prefill), max(self.decode, other.decode), min(self.peak_bytes, other.peak_bytes)
        )


def measure_speed(folder: Path, prompt: int = PROMPT, new: int = NEW) -> Speed:
    """Measure a bundle in a child process. Raises BundleError if it does not run."""
    command = [sys.executable, "-m", "export.speed", str(folder), str(prompt), str(new)]
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["It gave no reason."]
        raise BundleError(f"The bundle {folder.name} does not run.", last[0][:200])
    return Speed(**json.loads(done.stdout.splitlines()[-1]))


def _main(folder: str, prompt: int, new: int) -> None:
    import numpy as np
    import onnxruntime_genai as og

    model = og.Model(folder)
    ids = (np.arange(prompt, dtype=np.int32) * 7919) % 20000 + 100  # any tokens do: the work is the same
    best_prefill = best_decode = float("inf")
    for _ in range(2):
        settings = og.GeneratorParams(model)
        settings.set_search_options(max_length=prompt + new + 1, min_length=prompt + new, do_sample=False)
        generator = og.Generator(model, settings)
        started = time.perf_counter()
        generator.append_tokens(ids)
        generator.generate_next_token()
        read = time.perf_counter()
        for _ in range(new - 1):
            generator.generate_next_token()
        done = time.perf_counter()
        best_prefill, best_decode = min(best_prefill, read - started), min(best_decode, done - read)
    print(json.dumps({"prefill": prompt / best_prefill, "decode": (new - 1) / best_decode, "peak_bytes": peak_bytes()}))


def peak_bytes() -> int:
    """Peak resident bytes of this process, 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux's ru_maxrss starts from the parent's size; this does not
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
