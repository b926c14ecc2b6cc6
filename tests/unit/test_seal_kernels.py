"""Kernels that lack a part of the seal, by fakes: what is enforced, what is said, and when the program refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.errors import SealError
from edge.seal import descriptors, enforcement, landlock, linux, seccomp, selftest, setting
from edge.seal.policy import SealPolicy
from edge.seal.syscalls import MACHINES


class Kernel:
    """A fake kernel: Landlock version (0: none) and length of the filter it loads (0: none)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, version: int, length: int, threads: int = 1) -> None:
        self.checked: dict[str, Any] = {}
        monkeypatch.setattr(linux, "load_libc", lambda: self)
        monkeypatch.setattr(linux, "thread_count", lambda: threads)
        monkeypatch.setattr(descriptors, "forbid_core_files", lambda: None)
        monkeypatch.setattr(landlock, "restrict", lambda *_: version)
        monkeypatch.setattr(seccomp, "machine", lambda: MACHINES["x86_64"])
        monkeypatch.setattr(seccomp, "install", lambda *_: length)
        monkeypatch.setattr(selftest, "check_linux", lambda _, **what: self.checked.update(what))
        monkeypatch.setattr(selftest, "can_write_elsewhere", lambda: True)
        self.new_privileges_refused = True

    def prctl(self, option: int, *_: int) -> int:
        return 0 if option != 38 or self.new_privileges_refused else -1


def policy(tmp_path: Path, allow: bool = False) -> SealPolicy:
    return SealPolicy(write_dirs=(tmp_path,), allow_unsealed=allow)


def test_a_new_kernel_enforces_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch, version=7, length=115)
    status = linux.seal(policy(tmp_path))
    assert (status.level, status.gaps) == ("kernel", ())
    assert kernel.checked == {"seccomp_on": True, "tcp_rules": True, "write_rules": True}
    assert status.line() == "Network: none. Refused by the kernel (seccomp filter of 115 instructions, Landlock 7)."


def test_an_old_landlock_is_covered_by_the_filter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Kernel(monkeypatch, version=3, length=115)
    status = linux.seal(policy(tmp_path))
    assert status.level == "kernel"
    assert linux.OLD_LANDLOCK in status.gaps


@pytest.mark.parametrize(
    ("version", "length", "threads", "gap"),
    [(0, 115, 1, linux.NO_LANDLOCK), (4, 0, 1, linux.NO_SECCOMP), (7, 115, 2, linux.THREADS)],
)
def test_a_missing_part_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, length: int, threads: int, gap: str
) -> None:
    Kernel(monkeypatch, version, length, threads)
    status = linux.seal(policy(tmp_path))
    assert status.level == "partial"
    assert gap in status.line()
    assert "NOT FULLY OFFLINE (" in status.line()
    assert status.as_dict()["gaps"] == list(status.gaps)


@pytest.mark.parametrize(("version", "length"), [(0, 0), (3, 0)])
def test_without_both_the_program_refuses_unless_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, length: int
) -> None:
    kernel = Kernel(monkeypatch, version, length)
    monkeypatch.setattr(setting, "folder", lambda: tmp_path)
    with pytest.raises(SealError, match="not fully sealed") as caught:
        enforcement.judged(policy(tmp_path), linux.seal(policy(tmp_path)))
    assert caught.value.exit_code == 7
    assert "--unsealed" in caught.value.hint
    status = enforcement.judged(policy(tmp_path, allow=True), linux.seal(policy(tmp_path, allow=True)))
    assert status.level == "none"
    assert "NOT FULLY OFFLINE." in status.line()
    assert kernel.checked == {}


def test_no_new_privileges_is_required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Kernel(monkeypatch, 7, 115).new_privileges_refused = False
    assert linux.seal(policy(tmp_path)).level == "none"


def test_an_unknown_processor_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "platform_machine", lambda: "riscv64")
    assert seccomp.machine() is None
    monkeypatch.setattr(seccomp, "platform_machine", lambda: "aarch64")
    assert seccomp.machine() == MACHINES["aarch64"]


@pytest.mark.parametrize(
    ("version", "net", "scoped", "refer", "truncate", "devices"),
    [
        (1, 0, 0, False, False, False),
        (2, 0, 0, True, False, False),
        (3, 0, 0, True, True, False),
        (4, 3, 0, True, True, False),
        (5, 3, 0, True, True, True),
        (6, 3, 3, True, True, True),
        (9, 3, 3, True, True, True),
    ],
)
def test_each_landlock_version_is_asked_only_for_what_it_knows(
    version: int, net: int, scoped: int, refer: bool, truncate: bool, devices: bool
) -> None:
    attr = landlock.handled(version, limit_reads=False)
    assert (attr.net, attr.scoped) == (net, scoped)
    assert bool(attr.fs & landlock.REFER) is refer
    assert bool(attr.fs & landlock.TRUNCATE) is truncate
    assert bool(attr.fs & landlock.IOCTL_DEV) is devices
    assert not attr.fs & (landlock.READ_FILE | landlock.READ_DIR | landlock.EXECUTE)
    assert landlock.handled(version, limit_reads=True).fs & landlock.READ_FILE


class _LeakyLibc:
    """A C library on a kernel whose filter forgot one family."""

    def __init__(self, leak: int) -> None:
        self.leak = leak

    def socket(self, family: int, kind: int, protocol: int) -> int:
        import ctypes
        import errno
        import os

        ctypes.set_errno(errno.EPERM)
        return os.open("/dev/null", os.O_RDONLY) if family == self.leak else -1

    def syscall(self, *_: object) -> int:
        return -1

    def socketpair(self, family: int, kind: int, *_: object) -> int:
        raise AssertionError("not reached")


@pytest.mark.parametrize("family", [1, 2, 10, 16, 17, 40])
def test_one_open_family_fails_the_self_test(monkeypatch: pytest.MonkeyPatch, family: int) -> None:
    monkeypatch.setattr(selftest, "_check_status", lambda _: None)
    with pytest.raises(SealError, match="way out") as caught:
        selftest.check_linux(_LeakyLibc(family), seccomp_on=True, tcp_rules=True, write_rules=False)
    assert str(family) in caught.value.why


def test_open_file_writes_fail_the_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "can_write_elsewhere", lambda: True)
    with pytest.raises(SealError, match="way out"):
        selftest.check_linux(None, seccomp_on=False, tcp_rules=False, write_rules=True)


def test_a_kernel_that_reports_no_filter_fails_the_self_test() -> None:
    with pytest.raises(SealError, match="way out"):  # this process is not sealed, and says so
        selftest._check_status(linux.load_libc())
