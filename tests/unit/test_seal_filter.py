"""The filter, run instruction by instruction for both processors: what it answers to any call, without a kernel."""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.seal import bpf, seccomp, syscalls
from edge.seal.syscalls import MACHINES, Machine

REFUSE = seccomp.ERRNO | errno.EPERM
ABSENT = seccomp.ERRNO | errno.ENOSYS
PROGRAMS = {name: seccomp.build(machine) for name, machine in MACHINES.items()}
BOTH = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)


def answer(machine: Machine, nr: int, *args: int, arch: int | None = None) -> int:
    """Run the filter as the kernel does (seccomp_data, linux/seccomp.h) and return its action."""
    words = [a & 0xFFFFFFFFFFFFFFFF for a in (*args, 0, 0, 0, 0, 0, 0)][:6]
    tag = machine.audit_arch if arch is None else arch
    data = struct.pack("<IIQ6Q", nr & 0xFFFFFFFF, tag, 0, *words)
    program, at, loaded = PROGRAMS[machine.name], 0, 0
    for _ in range(len(program)):
        code, jt, jf, k = program[at]
        at += 1
        if code == bpf.RET:
            return k
        if code == bpf.LD_ABS:
            loaded = struct.unpack_from("<I", data, k)[0]
        elif code == bpf.AND_K:
            loaded &= k
        else:
            true = {
                bpf.JEQ: loaded == k,
                bpf.JGT: loaded > k,
                bpf.JGE: loaded >= k,
                bpf.JSET: bool(loaded & k),
            }[code]
            at += jt if true else jf
    raise AssertionError("the filter did not end")


def nr(table: dict[str, syscalls.CallNumbers], name: str, machine: Machine) -> int:
    number = table[name][machine.column]
    assert number is not None
    return number


@BOTH
def test_every_listed_call_is_refused(machine: Machine) -> None:
    numbers = [pair[machine.column] for pair in syscalls.REFUSED.values()]
    present = [n for n in numbers if n is not None]
    assert len(present) == {"x86_64": 75, "aarch64": 71}[machine.name]
    assert len(set(present)) == len(present)
    assert {answer(machine, n) for n in present} == {REFUSE}


def test_the_numbers_agree_with_the_running_kernel_for_calls_that_python_knows() -> None:
    # A few fixed points, from the kernel's tables, so that a shifted row is seen.
    assert syscalls.REFUSED["socket"] == (41, 198)
    assert syscalls.REFUSED["ptrace"] == (101, 117)
    assert syscalls.REFUSED["bpf"] == (321, 280)
    assert syscalls.REFUSED["process_vm_writev"] == (311, 271)
    assert syscalls.REFUSED["accept4"] == (288, 242)
    # From number 424 on the architectures share one table.
    for name, (x86, arm) in (syscalls.REFUSED | syscalls.NOT_IMPLEMENTED).items():
        if x86 is not None and x86 >= 424:
            assert x86 == arm, name


@BOTH
@given(family=st.integers(0, 2**64 - 1), kind=st.integers(0, 2**64 - 1))
def test_only_a_private_stream_pair_is_allowed(machine: Machine, family: int, kind: int) -> None:
    private = family & 0xFFFFFFFF == 1 and kind & 0xF == 1
    want = seccomp.ALLOW if private else REFUSE
    assert answer(machine, nr(syscalls.CONDITIONAL, "socketpair", machine), family, kind) == want


@BOTH
@given(address=st.integers(0, 2**64 - 1))
def test_sending_to_an_address_is_refused(machine: Machine, address: int) -> None:
    want = REFUSE if address else seccomp.ALLOW
    assert answer(machine, nr(syscalls.CONDITIONAL, "sendto", machine), 3, 0, 0, 0, address) == want


@BOTH
@pytest.mark.parametrize("high", [0, 1, 0xDEADBEEF])
def test_terminal_injection_is_refused_whatever_the_upper_bits(machine: Machine, high: int) -> None:
    ioctl = nr(syscalls.CONDITIONAL, "ioctl", machine)
    for request in seccomp.REFUSED_IOCTLS.values():
        assert answer(machine, ioctl, 0, (high << 32) | request) == REFUSE
    for first, last in seccomp.REFUSED_IOCTL_RANGES.values():
        for request in (first, (first + last) // 2, last):
            assert answer(machine, ioctl, 0, (high << 32) | request) == REFUSE
        assert answer(machine, ioctl, 0, (high << 32) | (first - 1)) == seccomp.ALLOW
        assert answer(machine, ioctl, 0, (high << 32) | (last + 1)) == seccomp.ALLOW


@BOTH
def test_what_a_terminal_program_asks_of_its_terminal_is_allowed(machine: Machine) -> None:
    ioctl = nr(syscalls.CONDITIONAL, "ioctl", machine)
    for request in (0x5401, 0x5402, 0x5403, 0x5404, 0x5413, 0x5414, 0x541B, 0x5421):  # TCGETS … TIOCGWINSZ, FIONBIO
        assert answer(machine, ioctl, 0, request) == seccomp.ALLOW


@BOTH
def test_threads_are_allowed_and_namespaces_are_not(machine: Machine) -> None:
    clone = nr(syscalls.CONDITIONAL, "clone", machine)
    assert answer(machine, clone, 0x3D0F00) == seccomp.ALLOW  # what pthread_create asks for
    assert answer(machine, clone, 17) == seccomp.ALLOW  # what fork asks for
    for bit in (17, 25, 26, 27, 28, 29, 30):
        assert answer(machine, clone, 17 | 1 << bit) == REFUSE
    assert answer(machine, nr(syscalls.NOT_IMPLEMENTED, "clone3", machine)) == ABSENT


@BOTH
def test_the_process_cannot_become_dumpable_again(machine: Machine) -> None:
    prctl = nr(syscalls.CONDITIONAL, "prctl", machine)
    assert answer(machine, prctl, 4, 1) == REFUSE
    assert answer(machine, prctl, 0x59616D61, 1) == REFUSE
    assert answer(machine, prctl, 15) == seccomp.ALLOW  # PR_SET_NAME


@BOTH
@given(arch=st.integers(0, 2**32 - 1), number=st.integers(0, 2**32 - 1))
def test_foreign_instruction_sets_kill(machine: Machine, arch: int, number: int) -> None:
    if arch != machine.audit_arch:
        assert answer(machine, number, arch=arch) == seccomp.KILL


def test_x32_numbers_kill() -> None:
    x86 = MACHINES["x86_64"]
    for number in (0x40000000, 0x40000000 + 41, 0x40000000 + 512, 0xFFFFFFFF):
        assert answer(x86, number) == seccomp.KILL


@BOTH
@given(number=st.integers(0, 0x3FFFFFFF), args=st.lists(st.integers(0, 2**64 - 1), min_size=6, max_size=6))
def test_every_call_gets_one_of_three_answers(machine: Machine, number: int, args: list[int]) -> None:
    got = answer(machine, number, *args)
    assert got in (seccomp.ALLOW, REFUSE, ABSENT)
    if number > syscalls.NEWEST:
        assert got == ABSENT


@BOTH
def test_ordinary_calls_are_allowed(machine: Machine) -> None:
    listed = syscalls.REFUSED | syscalls.CONDITIONAL | syscalls.NOT_IMPLEMENTED
    taken = {pair[machine.column] for pair in listed.values()}
    free = [n for n in range(syscalls.NEWEST + 1) if n not in taken]
    assert len(free) > 300
    assert {answer(machine, n) for n in free} == {seccomp.ALLOW}


def test_the_program_is_within_what_the_kernel_accepts() -> None:
    for program in PROGRAMS.values():
        assert len(program) < 4096
        assert all(len(i.packed()) == 8 for i in program)
        assert program[-1].code == bpf.RET


def test_the_assembler_refuses_what_bpf_cannot_express() -> None:
    unknown = bpf.Program()
    unknown.jump(bpf.JEQ, 1, then="nowhere")
    with pytest.raises(ValueError, match="unknown label"):
        unknown.assemble()
    backwards = bpf.Program()
    backwards.label("start")
    backwards.jump(bpf.JEQ, 1, then="start")
    with pytest.raises(ValueError, match="jump"):
        backwards.assemble()
    far = bpf.Program()
    far.jump(bpf.JEQ, 1, then="end")
    for _ in range(256):
        far.load(0)
    far.label("end")
    far.ret(0)
    with pytest.raises(ValueError, match="jump"):
        far.assemble()


class _Libc:
    """Answers seccomp(2) as a kernel that knows only some flags would."""

    def __init__(self, accepted: set[int]) -> None:
        self.accepted, self.asked = accepted, []  # type: tuple[set[int], list[int]]

    def syscall(self, number: int, operation: int, flags: int, program: Any) -> int:
        assert (number, operation) == (317, 1)
        self.asked.append(flags)
        return 0 if flags in self.accepted else -1


@pytest.mark.parametrize(
    ("accepted", "asked", "loaded"), [({3}, [3], True), ({1}, [3, 1], True), (set(), [3, 1], False)]
)
def test_refusals_are_logged_and_all_threads_covered_where_the_kernel_can(
    accepted: set[int], asked: list[int], loaded: bool
) -> None:
    libc = _Libc(accepted)  # flags: 1 all threads (TSYNC), 2 log; never a filter for one thread only
    assert bool(seccomp.install(libc, MACHINES["x86_64"])) is loaded
    assert libc.asked == asked
