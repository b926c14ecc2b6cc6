"""Reads a strace log: which network calls did the program make, and did any of them succeed."""

from __future__ import annotations

import re
from dataclasses import dataclass

TRACED = "%network,io_uring_setup,io_uring_enter,io_uring_register"
# Process id, call, arguments, result. Unfinished calls are joined with their second half.
_CALL = re.compile(r"^(?:\[?pid\s+)?(\d+)\]?\s+(\w+)\((.*)\)\s+=\s+(-?\d+|\?)(.*)$")
_UNFINISHED = re.compile(r"^(\d+)\s+(\w+)\((.*)<unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+)\s+<\.\.\. (\w+) resumed>(.*)$")
# Reads and writes on the private pair of an event loop look like these; without a socket they mean nothing else.
_ON_A_PAIR = frozenset({"sendto", "recvfrom", "sendmsg", "recvmsg", "shutdown", "setsockopt", "getsockopt"})


@dataclass(frozen=True)
class Trace:
    """Network calls of one run. allowed: successful calls other than the private pair and traffic on it, verbatim."""

    calls: int
    refused: int
    private_pairs: int
    allowed: tuple[str, ...]


def read(text: str) -> Trace:
    """Return what a strace log says (strace -f -o FILE -e trace=TRACED)."""
    calls = refused = pairs = 0
    allowed = []
    for line in joined(text):
        match = _CALL.match(line)
        if match is None:
            continue
        _, name, arguments, result, _ = match.groups()
        calls += 1
        if result.startswith("-") or result == "?":
            refused += 1
        elif name == "socketpair" and arguments.startswith("AF_UNIX, SOCK_STREAM"):
            pairs += 1
        elif not (name in _ON_A_PAIR and pairs):
            allowed.append(line)
    return Trace(calls, refused, pairs, tuple(allowed))


def joined(text: str) -> list[str]:
    """Return the log's lines with interrupted calls put together again."""
    waiting: dict[tuple[str, str], str] = {}
    lines = []
    for line in text.splitlines():
        if begun := _UNFINISHED.match(line):
            waiting[begun[1], begun[2]] = f"{begun[1]} {begun[2]}({begun[3]}"
        elif ended := _RESUMED.match(line):
            lines.append(waiting.pop((ended[1], ended[2]), f"{ended[1]} {ended[2]}(") + ended[3])
        else:
            lines.append(line)
    return lines
