"""The stage: a network namespace of its own, with nothing in it, in which evidence is gathered.

Made with unshare(2) in a process that ends with it. What happens here cannot reach a network even where the seal is
off, and the kernel's counters in it start at zero and count this process and its children alone.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import pty
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from edge.audit import attempts
from edge.audit.attempts import AttemptOutcome, Result
from edge.audit.listener import LOOPBACK, Listeners
from edge.errors import SealError

_NEWNS, _NEWUSER, _NEWNET = 0x00020000, 0x10000000, 0x40000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_ROOT = Path(__file__).resolve().parents[2]

# Every counter that a packet, a connection or a failed try to make one would raise (RFC 1213; Linux's own OutNoRoutes).
COUNTED = (
    "Ip.OutRequests", "Ip.OutNoRoutes", "Ip.OutDiscards", "Ip.InReceives", "Icmp.OutMsgs",
    "Tcp.ActiveOpens", "Tcp.AttemptFails", "Tcp.OutSegs", "Udp.OutDatagrams", "Udp.NoPorts", "UdpLite.OutDatagrams",
    "Ip6.Ip6OutRequests", "Ip6.Ip6OutNoRoutes", "Udp6.Udp6OutDatagrams", "dev.tx_packets", "dev.rx_packets",
)  # fmt: skip


@dataclass(frozen=True)
class Tried:
    """One attempt, without the seal and with it. arrived: its name reached the listener on this machine."""

    name: str
    says: str
    unsealed: AttemptOutcome
    unsealed_detail: str
    unsealed_arrived: bool
    sealed: AttemptOutcome
    sealed_detail: str
    sealed_arrived: bool

    @property
    def holds(self) -> bool:
        """True if nothing got through with the seal on."""
        return not self.sealed_arrived and self.sealed in ("refused", "absent")


def enter(as_root: bool = True) -> str:
    """Move this process into new network and mount namespaces; return how ("root" or "user namespace").

    as_root: use the rights of an administrator if there are any. Raises SealError if the system forbids both.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if as_root and libc.unshare(_NEWNET | _NEWNS) == 0:
        return "root"
    try:
        if libc.unshare(_NEWUSER | _NEWNET | _NEWNS) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1", encoding="ascii")
    except OSError as fault:
        raise SealError(
            "A network namespace to observe in could not be made.",
            fault.strerror or "",
            "Run `edgescribe audit network` as root, or allow user namespaces "
            "(sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns).",
        ) from fault
    return "user namespace"


def loopback_up() -> None:
    """Switch this namespace's loopback interface on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | _IFF_UP, b""))


def name_server_here(folder: Path) -> bool:
    """Point this mount namespace's /etc/resolv.conf at the stage's own loopback; return True if that worked."""
    libc = ctypes.CDLL(None, use_errno=True)
    ours = folder / "resolv.conf"
    ours.write_text(f"nameserver {LOOPBACK}\noptions timeout:1 attempts:1\n", encoding="ascii")
    if libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        return False
    place = os.path.realpath("/etc/resolv.conf")
    return bool(libc.mount(str(ours).encode(), place.encode(), None, _MS_BIND, None) == 0)


def counters() -> dict[str, int]:
    """Return this namespace's counters (COUNTED), from /proc/net/snmp, snmp6 and dev; missing ones are left out."""
    found: dict[str, int] = {}
    lines = Path("/proc/net/snmp").read_text(encoding="ascii").splitlines()
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        group, _, fields = names.partition(":")
        for name, value in zip(fields.split(), values.partition(":")[2].split(), strict=True):
            found[f"{group}.{name}"] = int(value)
    six = Path("/proc/net/snmp6")
    for line in six.read_text(encoding="ascii").splitlines() if six.exists() else []:
        name, value = line.split()
        found[f"{'Udp6' if name.startswith('Udp6') else 'Ip6'}.{name}"] = int(value)
    found["dev.rx_packets"] = found["dev.tx_packets"] = 0
    for line in Path("/proc/net/dev").read_text(encoding="ascii").splitlines()[2:]:
        fields_of = line.partition(":")[2].split()
        found["dev.rx_packets"] += int(fields_of[1])
        found["dev.tx_packets"] += int(fields_of[9])
    return {name: found[name] for name in COUNTED if name in found}


def open_sockets() -> dict[str, int]:
    """Return how many internet sockets exist in this namespace, by table of /proc/net."""
    tables = ("tcp", "udp", "udplite", "raw", "icmp", "tcp6", "udp6", "udplite6", "raw6", "icmp6")
    return {
        name: len(path.read_text(encoding="ascii").splitlines()) - 1
        for name in tables
        if (path := Path("/proc/net") / name).exists()
    }


def difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """Return how much each counter rose."""
    return {name: after[name] - before[name] for name in before}


def counters_count() -> dict[str, int]:
    """Show that the counters can rise: send one datagram that has no way to go, and return the rise."""
    before = counters()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        try:
            made.sendto(b"control", ("192.0.2.1", 9))  # an address for documentation (RFC 5737); there is no route
        except OSError as fault:
            if fault.errno not in (errno.ENETUNREACH, errno.EPERM):
                raise
    return {k: v for k, v in difference(before, counters()).items() if v}


def python_command(entry: str, argument: object) -> list[str]:
    """Return a command line that runs a function of this package in a new isolated interpreter.

    entry: "module:function"; argument: what json can say, as sys.argv[1].
    """
    module, function = entry.split(":")
    code = f"import sys; sys.path.append({str(_ROOT)!r}); from {module} import {function} as f; f()"
    return [sys.executable, "-I", "-c", code, json.dumps(argument)]


def _run_attempts(
    listeners: Listeners, folder: Path, left_open: socket.socket, sealed: bool, early: bool
) -> tuple[list[Result], dict[str, object]]:
    request = {
        "target": asdict(listeners.target),
        "folder": str(folder / "own"),
        "fd": left_open.fileno(),
        "sealed": sealed,
        "early": early,
    }
    leader, terminal = pty.openpty()
    try:
        done = subprocess.run(
            python_command("edge.audit.attempts:main", request),
            stdin=terminal,
            stdout=subprocess.PIPE,
            pass_fds=(left_open.fileno(),),
            timeout=600,
            check=True,
        )
    finally:
        os.close(leader)
        os.close(terminal)
    results, status = [], {}
    for line in done.stdout.decode().splitlines():
        said = json.loads(line)
        if "status" in said:
            status = said["status"]
        else:
            results.append(Result(**said))
    return results, status


@dataclass(frozen=True)
class Attempted:
    """All attempts, with the counters of the stage while the seal was on, and the seal's own status."""

    tried: tuple[Tried, ...]
    counters_unsealed: dict[str, int]
    counters_sealed: dict[str, int]
    status: dict[str, object]


def attempt_everything(folder: Path) -> Attempted:
    """Run every attempt without the seal and with it, against listeners in this namespace (call enter() first)."""
    loopback_up()
    name_server_here(folder)
    with Listeners(folder) as listeners:
        rounds: dict[bool, list[Result]] = {}
        heard: dict[bool, list[str]] = {}
        rises: dict[bool, dict[str, int]] = {}
        status: dict[str, object] = {}
        for sealed in (False, True):
            left_open = listeners.connected()
            listeners.forget()
            before = counters()
            rounds[sealed] = _run_attempts(listeners, folder, left_open, sealed, early=True)[0]
            rest, said = _run_attempts(listeners, folder, left_open, sealed, early=False)
            rounds[sealed] += rest
            heard[sealed] = listeners.arrived(partial(_all_arrived, rounds[sealed]))
            rises[sealed] = difference(before, counters())
            status = said or status
    tried = tuple(_join(rounds[False], rounds[True], heard[False], heard[True]))
    return Attempted(tried, rises[False], rises[True], status)


def _all_arrived(results: list[Result], heard: list[str]) -> bool:
    sent = [r.name for r in results if r.outcome == "reached" and r.name in attempts.DELIVERING]
    return all(map(_arrivals(heard), sent))


def _join(off: list[Result], on: list[Result], heard_off: Iterable[str], heard_on: Iterable[str]) -> Iterator[Tried]:
    by_name = {r.name: r for r in on}
    arrived_off, arrived_on = _arrivals(heard_off), _arrivals(heard_on)
    for one in off:
        other = by_name[one.name]
        yield Tried(
            one.name,
            one.says,
            _seen(one, arrived_off(one.name)).outcome,
            one.detail,
            arrived_off(one.name),
            _seen(other, arrived_on(one.name)).outcome,
            other.detail,
            arrived_on(one.name),
        )


def _seen(result: Result, arrived: bool) -> Result:
    if arrived:
        return replace(result, outcome="reached")
    if result.outcome == "reached" and result.name in attempts.DELIVERING:
        return replace(result, outcome="failed")
    return result


def _arrivals(heard: Iterable[str]) -> Callable[[str], bool]:
    # A connection's bytes may come in one piece or several; each attempt sends one short message.
    words = [piece for text in heard for piece in text.replace("/", " ").split()]
    return lambda name: (
        any(word == name or word.startswith(name + ".") for word in words)
        or (name == "name-lookup" and any("name-lookup" in word for word in words))
    )


def main() -> None:
    """Child process: enter a stage, run every attempt, write what happened as one JSON object to standard output."""
    request = json.loads(sys.argv[1])
    how = enter(request.get("as_root", True))
    rise = counters_count()
    done = attempt_everything(Path(request["folder"]))
    print(json.dumps({"how": how, "counters_count": rise, **asdict(done)}))
