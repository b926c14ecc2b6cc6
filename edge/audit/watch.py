"""Watches a sealed process from outside, through /proc alone: filter, threads, descriptors, what it has mapped."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

# Libraries that may be mapped only once the process is sealed.
_RUNTIME = re.compile(r"(onnxruntime|sqlcipher3|_sqlite3|tokenizers)")
_BOOT = b"seal/boot.py"  # a word of the isolated interpreter's command line, after its options


@dataclass
class Seen:
    """What was seen of one program run, over all samples. after_exec counts only the isolated, sealed-to-be process."""

    samples: int = 0
    sealed_samples: int = 0
    threads: int = 0
    unsealed_threads: int = 0
    mapped_unsealed: set[str] = field(default_factory=set)
    mapped_sealed: set[str] = field(default_factory=set)
    sockets: int = 0
    status: dict[str, str] = field(default_factory=dict)


def descendants(pid: int) -> list[int]:
    """Return pid and all its living descendants (proc_tid_children(5))."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                text = Path(f"/proc/{one}/task/{task}/children").read_text(encoding="ascii")
                waiting += [int(word) for word in text.split()]
    return found


def sample(pid: int, seen: Seen) -> None:
    """Look once at the product's process among the descendants of pid, and add what is there to seen."""
    for one in descendants(pid):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0")
            if words[1:3] == [b"-I", b"-S"] and words[3].endswith(_BOOT):
                _look(Path(f"/proc/{one}"), seen)


def _look(proc: Path, seen: Seen) -> None:
    before = fields(proc / "status")
    mapped = set(_RUNTIME.findall((proc / "maps").read_text(encoding="utf-8", errors="replace")))
    sockets = 0
    for fd in os.listdir(proc / "fd"):
        with contextlib.suppress(OSError):
            sockets += os.readlink(proc / "fd" / fd).startswith("socket:")
    after = fields(proc / "status")
    threads = [fields(task / "status") for task in (proc / "task").iterdir()]
    seen.samples += 1
    # Read before the maps: a process that was sealed then is sealed still, and one that is not sealed
    # after them had not been when they were read.
    if before.get("Seccomp") == "2":
        seen.sealed_samples += 1
        seen.mapped_sealed |= mapped
        seen.sockets = max(seen.sockets, sockets)
        seen.threads = max(seen.threads, len(threads))
        seen.unsealed_threads += sum(t.get("Seccomp") != "2" or t.get("NoNewPrivs") != "1" for t in threads)
        seen.status = {k: after[k] for k in ("Seccomp", "NoNewPrivs", "Threads", "CoreDumping") if k in after}
    elif after.get("Seccomp") != "2":
        seen.mapped_unsealed |= mapped


def fields(status: Path) -> dict[str, str]:
    """Return /proc/PID/status as a dictionary."""
    pairs = (line.partition(":") for line in status.read_text(encoding="utf-8", errors="replace").splitlines())
    return {name: value.strip() for name, _, value in pairs}
