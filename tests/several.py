"""Two processes that train together, as `accelerate launch` starts them, and do several runs one after another.

Starting them is what costs. As a program it is what each of them runs: for every job the command line of the product,
and meanwhile a look at what memory the process holds, or its death by SIGKILL at a step.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOOKS_AT = 2  # the step at which memory is looked at


def environment(cache: Path) -> dict[str, str]:
    """Of a process that trains for a test."""
    own = {"EDGESCRIBE_CACHE": str(cache), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return {**os.environ, **own}


def launch(jobs: list[dict[str, Any]], cache: Path) -> tuple[int, str]:
    """Do jobs in two processes; returns the launcher's exit code and all that was said. A job's keys: argv, of
    edgescribe-training; look: True leaves held-0.json and held-1.json in the cache, bytes that are "between" two steps
    in memory, and of weights "within" the forward pass after each layer, at most; dies_at: step."""
    written = cache / "jobs.json"
    written.write_text(json.dumps(jobs), encoding="utf-8")
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    command += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    command += [str(Path(__file__)), str(written)]
    process = subprocess.Popen(
        command, env=environment(cache), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said, _ = process.communicate(timeout=600)
    return process.returncode, said


def _tensor_bytes() -> int:
    """Bytes of all tensors alive in this process, each storage once; the local part of a shared one is among them."""
    import torch
    from torch.distributed.tensor import DTensor

    gc.collect()
    tensors = [t for t in gc.get_objects() if issubclass(type(t), torch.Tensor) and not issubclass(type(t), DTensor)]
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


def _at_step(step: int, act: Callable[[], None], add: Callable[..., None]) -> Callable[..., None]:
    def added(self: Any, facts: dict[str, Any]) -> None:
        add(self, facts)
        if facts["step"] == step and "loss" in facts:
            act()

    return added


def _watch_layers(within: list[int]) -> None:
    """From now on, what a network that is shared holds of its weights after each of its layers is added to within."""
    from training import sharding

    shard = sharding.shard

    def watched(network: Any, accelerator: Any) -> Any:
        shared = shard(network, accelerator)
        for layer in getattr(shared, "_layers", []):
            layer.register_forward_hook(lambda *_: within.append(sharding.held(shared)[0]))
        return shared

    sharding.shard = watched


def _work(written: Path) -> None:
    from training import cli, runlog

    rank, add = int(os.environ["RANK"]), runlog.Metrics.add
    within: list[int] = []
    _watch_layers(within)

    def look() -> None:
        held = {"between": _tensor_bytes(), "within": max(within)}
        (written.parent / f"held-{rank}.json").write_text(json.dumps(held), encoding="utf-8")

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    for job in json.loads(written.read_text(encoding="utf-8")):
        watched = add
        if job.get("look"):
            watched = _at_step(LOOKS_AT, look, add)
        elif job.get("dies_at") and rank == 1:
            watched = _at_step(job["dies_at"], die, add)
        runlog.Metrics.add = watched  # type: ignore[method-assign]
        if cli.main(job["argv"]) != 0:
            sys.exit(1)


if __name__ == "__main__":
    _work(Path(sys.argv[1]))
