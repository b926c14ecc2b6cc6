"""Which type a run computes in: bf16 on an accelerator, and on a CPU that multiplies bf16 itself, found by a probe.

With AVX512-BF16 or AMX a CPU multiplies bf16 about twice as fast as float32, in half the memory; without them the same
code is many times slower (pytorch issue 146508). A processor's name does not say it, so 0.2 s of products do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch

FROM_BYTES = 200_000_000  # smaller bases are bound by other things than products; they stay exact
GAIN = 1.2  # so much faster bf16 must be


def of_run(wanted: str, base: Path, processes: int, say: Callable[[str], None]) -> torch.dtype:
    """Type of a run's base weights. wanted: run.precision; base: a Hugging Face folder.

    "auto" probes a CPU only for one process (several could find different answers) and says what it found.
    """
    if wanted != "auto":
        return torch.bfloat16 if wanted == "bf16" else torch.float32
    if torch.cuda.is_available():
        return torch.bfloat16
    size = sum(path.stat().st_size for path in base.glob("*.safetensors"))
    if processes > 1 or size < FROM_BYTES:
        return torch.float32
    ratio = gain()
    good = ratio >= GAIN
    say(
        f"This CPU multiplies bf16 at {ratio:.1f} times the speed of fp32: "
        + ("bf16." if good else "fp32. bf16 pays on a CPU with AVX512-BF16 or AMX alone.")
    )
    return torch.bfloat16 if good else torch.float32


def bf16_pays(say: Callable[[str], None]) -> bool:
    """Whether products of an encoder are worth bf16 on this CPU, which must multiply it itself; says so if not."""
    ratio = gain()
    if ratio < GAIN:
        say(f"This CPU multiplies bf16 at {ratio:.2f} times the speed of fp32: fp32.")
    return ratio >= GAIN


def gain() -> float:
    """Speed of a bf16 product over the same in fp32, the best of several tries each, taken in turns."""
    seconds = {torch.float32: float("inf"), torch.bfloat16: float("inf")}
    pairs = {kind: (torch.ones(256, 1024, dtype=kind), torch.ones(1024, 2048, dtype=kind)) for kind in seconds}
    limit = time.perf_counter() + 2.0  # without the instructions one product takes long
    for _ in range(12):
        for kind, (one, other) in pairs.items():
            started = time.perf_counter()
            one @ other
            seconds[kind] = min(seconds[kind], time.perf_counter() - started)
        if time.perf_counter() > limit:
            break
    return seconds[torch.float32] / seconds[torch.bfloat16]
