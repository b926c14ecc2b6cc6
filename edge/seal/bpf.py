"""A small assembler for classic BPF, the language of seccomp filters (linux/filter.h). No system call here."""

from __future__ import annotations

import struct
from typing import NamedTuple

LD_ABS = 0x20  # load a 32-bit word of struct seccomp_data
AND_K = 0x54
JEQ = 0x15
JGT = 0x25
JGE = 0x35
JSET = 0x45
RET = 0x06

# Offsets in struct seccomp_data (linux/seccomp.h), little endian.
NR, ARCH = 0, 4


def low(arg: int) -> int:
    """Return the offset of the low half of argument arg."""
    return 16 + 8 * arg


def high(arg: int) -> int:
    """Return the offset of the high half of argument arg."""
    return 20 + 8 * arg


class Instruction(NamedTuple):
    """One BPF instruction; jumps count instructions to skip (0..255)."""

    code: int
    jt: int
    jf: int
    k: int

    def packed(self) -> bytes:
        """Return the eight bytes of struct sock_filter."""
        return struct.pack("=HBBI", *self)


class _Pending(NamedTuple):
    code: int
    k: int
    then: str
    other: str


class Program:
    """Collects instructions with named jump targets, all of them forward; resolves them once."""

    def __init__(self) -> None:
        self._lines: list[_Pending] = []
        self._labels: dict[str, int] = {}

    def label(self, name: str) -> None:
        """Name the next instruction."""
        self._labels[name] = len(self._lines)

    def load(self, offset: int) -> None:
        """Load the word at this offset of seccomp_data."""
        self._lines.append(_Pending(LD_ABS, offset, "", ""))

    def mask(self, bits: int) -> None:
        """Keep only these bits of the loaded word."""
        self._lines.append(_Pending(AND_K, bits, "", ""))

    def jump(self, test: int, value: int, then: str = "", other: str = "") -> None:
        """Compare the loaded word; go to a label, or to the next instruction where no label is given."""
        self._lines.append(_Pending(test, value, then, other))

    def ret(self, action: int) -> None:
        """End with this seccomp action."""
        self._lines.append(_Pending(RET, action, "", ""))

    def assemble(self) -> tuple[Instruction, ...]:
        """Return the finished program. Raises ValueError for an unknown label or a jump that BPF cannot express."""
        return tuple(
            Instruction(line.code, self._skip(line.then, at), self._skip(line.other, at), line.k)
            for at, line in enumerate(self._lines)
        )

    def _skip(self, label: str, at: int) -> int:
        if not label:
            return 0
        if label not in self._labels:
            raise ValueError(f"unknown label {label}")
        skip = self._labels[label] - at - 1
        if not 0 <= skip <= 255:
            raise ValueError(f"jump of {skip} to {label}")
        return skip
