"""The attempts that need raw system calls: past the C library, through io_uring, into another process or namespace.

Sources: linux/io_uring.h, linux/ptrace.h, linux/sched.h, linux/bpf.h. Each function raises OSError with the kernel's
answer, MissingError where this machine has no such thing, and returns if it went through.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import struct

from edge.audit.listener import LOOPBACK, Target
from edge.seal import syscalls
from edge.seal.linux import load_libc
from edge.seal.seccomp import machine

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIGCHLD = 17
_EXTRA: dict[str, syscalls.CallNumbers] = {
    "write": (1, 64),
    "pidfd_open": (434, 434),
    "mq_unlink": (241, 181),
    "shmctl": (31, 195),
}
_OPCODE_CONNECT, _OPCODE_SEND, _OPCODE_SOCKET = 16, 26, 45
_OFFSET_RING, _OFFSET_COMPLETIONS, _OFFSET_ENTRIES = 0, 0x8000000, 0x10000000


class MissingError(Exception):
    """This machine or kernel has no such facility, sealed or not."""


def _number(name: str) -> int:
    found = machine()
    if found is None:
        raise MissingError("the system calls of this processor are not known")
    nr = (syscalls.REFUSED | syscalls.CONDITIONAL | _EXTRA)[name][found.column]
    if nr is None:
        raise MissingError("not on this processor")
    return nr


def call(name: str, *args: object) -> int:
    """Make a system call by its number; return its result. Raises OSError with the kernel's answer."""
    ctypes.set_errno(0)
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    result = int(load_libc().syscall(ctypes.c_long(_number(name)), *words))
    if result < 0:
        number = ctypes.get_errno()
        if number == errno.ENOSYS:
            raise MissingError(f"{name} is not in this kernel")
        raise OSError(number, os.strerror(number))
    return result


def _address(port: int) -> bytes:
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(LOOPBACK) + bytes(8)


def open_socket(family: int, kind: int) -> int:
    """Try to open a socket by raw system call, and close it; return 0 or the error number."""
    try:
        os.close(call("socket", family, kind, 0))
    except OSError as fault:
        return fault.errno or -1
    return 0


def tcp_by_libc(target: Target) -> None:
    """Connect and send with the functions of the C library."""
    libc = load_libc()
    fd = libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    address = ctypes.create_string_buffer(_address(target.tcp), 16)
    if libc.connect(fd, address, 16) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    os.write(fd, b"tcp-libc")
    os.close(fd)


def tcp_by_syscall(target: Target) -> None:
    """Connect and send with numbered system calls only."""
    fd = call("socket", socket.AF_INET, socket.SOCK_STREAM, 0)
    address = ctypes.create_string_buffer(_address(target.tcp), 16)
    call("connect", fd, address, 16)
    call("write", fd, ctypes.c_char_p(b"tcp-syscall"), 11)
    os.close(fd)


class _Ring:
    """The least of io_uring that can open, connect and send: one request at a time."""

    def __init__(self) -> None:
        params = ctypes.create_string_buffer(120)
        self.fd = call("io_uring_setup", 4, params)
        words = struct.unpack("=30I", params.raw)
        submission, completion = words[10:20], words[20:30]
        self._tail, self._mask, self._array = submission[1], submission[2], submission[6]
        self._done_head, self._done_mask, self._done = completion[0], completion[2], completion[5]
        self._ring = self._map(self._array + 4 * words[0], _OFFSET_RING)
        self._completions = self._map(self._done + 16 * words[1], _OFFSET_COMPLETIONS)
        self._entries = self._map(64 * words[0], _OFFSET_ENTRIES)

    def _map(self, size: int, offset: int) -> mmap.mmap:
        return mmap.mmap(self.fd, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE, offset=offset)

    def do(self, opcode: int, fd: int, offset: int, address: int, length: int) -> int:
        """Run one request; return its result. Raises OSError with the kernel's answer."""
        tail = struct.unpack_from("=I", self._ring, self._tail)[0]
        index = tail & struct.unpack_from("=I", self._ring, self._mask)[0]
        struct.pack_into("=BBHiQQIIQ", self._entries, 64 * index, opcode, 0, 0, fd, offset, address, length, 0, 1)
        struct.pack_into("=I", self._ring, self._array + 4 * index, index)
        struct.pack_into("=I", self._ring, self._tail, tail + 1)
        call("io_uring_enter", self.fd, 1, 1, 1, 0, 0)
        head = struct.unpack_from("=I", self._completions, self._done_head)[0]
        slot = head & struct.unpack_from("=I", self._completions, self._done_mask)[0]
        result = int(struct.unpack_from("=Qi", self._completions, self._done + 16 * slot)[1])
        struct.pack_into("=I", self._completions, self._done_head, head + 1)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return result


def tcp_by_io_uring(target: Target) -> None:
    """Open, connect and send through a ring; none of the socket system calls is used."""
    try:
        ring = _Ring()
    except OSError as fault:
        if fault.errno == errno.EPERM and _io_uring_is_off():
            raise MissingError("io_uring is switched off on this system (kernel.io_uring_disabled)") from fault
        raise
    address = ctypes.create_string_buffer(_address(target.tcp), 16)
    data = ctypes.create_string_buffer(b"io-uring", 8)
    fd = ring.do(_OPCODE_SOCKET, socket.AF_INET, socket.SOCK_STREAM, 0, 0)
    ring.do(_OPCODE_CONNECT, fd, 16, ctypes.addressof(address), 0)
    ring.do(_OPCODE_SEND, fd, 0, ctypes.addressof(data), 8)
    os.close(fd)


def _io_uring_is_off() -> bool:
    try:
        with open("/proc/sys/kernel/io_uring_disabled", encoding="ascii") as file:
            return file.read().strip() != "0"
    except OSError:
        return False


def steal_descriptor(target: Target) -> None:
    """Copy a connected socket out of the observing process and send through it."""
    process = call("pidfd_open", target.holder_pid, 0)
    stolen = call("pidfd_getfd", process, target.holder_fd, 0)
    os.write(stolen, b"pidfd-getfd")
    os.close(stolen)


def _in_child(action: str, *args: object) -> None:
    """Make a call in a forked child, which then ends; raise what the child was answered."""
    child = os.fork()
    if child == 0:
        try:
            call(action, *args)
        except OSError as fault:
            os._exit(fault.errno or 1)
        except MissingError:
            os._exit(errno.ENOSYS)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == errno.ENOSYS:
        raise MissingError(f"{action} is not in this kernel")
    if code != 0:
        raise OSError(code, os.strerror(code) if code > 0 else "killed")


def ptrace_child(target: Target) -> None:
    """Ask to be traced by the parent (PTRACE_TRACEME)."""
    _in_child("ptrace", 0, 0, 0, 0)


def read_other_memory(target: Target) -> None:
    """Read a few bytes out of a child's memory."""
    secret = ctypes.create_string_buffer(b"secret", 6)
    into = ctypes.create_string_buffer(6)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    try:
        local = struct.pack("=QQ", ctypes.addressof(into), 6)
        remote = struct.pack("=QQ", ctypes.addressof(secret), 6)
        call("process_vm_readv", child, ctypes.c_char_p(local), 1, ctypes.c_char_p(remote), 1, 0)
    finally:
        os.close(writing)
        os.waitpid(child, 0)


def unshare_network(target: Target) -> None:
    """Leave for a namespace of its own, with all rights in it."""
    _in_child("unshare", _CLONE_NEWUSER | _CLONE_NEWNET)


def clone_network(target: Target) -> None:
    """Start a child in a new network namespace, with the old clone call."""
    made = call("clone", _CLONE_NEWUSER | _CLONE_NEWNET | _SIGCHLD, 0, 0, 0, 0)
    if made == 0:
        os._exit(0)
    os.waitpid(made, 0)


def join_network(target: Target) -> None:
    """Join the network namespace that this process is in already (needs no more than the right to call)."""
    fd = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        _in_child("setns", fd, _CLONE_NEWNET)
    finally:
        os.close(fd)


def bpf(target: Target) -> None:
    """Make a map in the kernel (BPF_MAP_CREATE, an array of one word)."""
    attributes = ctypes.create_string_buffer(struct.pack("=IIII", 2, 4, 4, 1), 72)
    os.close(call("bpf", 0, attributes, 72))


def request_key(target: Target) -> None:
    """Ask the key service for a key that does not exist; "no such key" means that it was asked."""
    try:
        call("request_key", ctypes.c_char_p(b"user"), ctypes.c_char_p(b"edgescribe-audit:none"), 0, 0)
    except OSError as fault:
        if fault.errno != errno.ENOKEY:
            raise


def message_queue(target: Target) -> None:
    """Open a POSIX message queue, and remove it."""
    name = f"edgescribe-audit-{os.getpid()}".encode()
    fd = call("mq_open", ctypes.c_char_p(name), os.O_CREAT | os.O_RDWR, 0o600, 0)
    os.close(fd)
    call("mq_unlink", ctypes.c_char_p(name))


def shared_memory(target: Target) -> None:
    """Make a System V shared memory segment, and mark it for removal."""
    call("shmctl", call("shmget", 0, 4096, 0o1600), 0, 0)


def x32(target: Target) -> None:
    """Call getpid by its x32 number (bit 30 set)."""
    ctypes.set_errno(0)
    if load_libc().syscall(ctypes.c_long(0x40000000 + 39)) < 0:
        raise MissingError("this kernel has no x32 calls, and lets the attempt live")


def i386(target: Target) -> None:
    """Call getpid through the 32-bit gate: mov eax, 20; int 0x80; ret."""
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    entry = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    if entry() < 0:
        raise MissingError("this kernel has no 32-bit calls")
