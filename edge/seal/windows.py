"""Windows: a guard inside the program, not kernel-enforced, and the status line says so.

The interpreter reports every socket operation before it happens (PEP 578); the guard refuses those that leave this
machine. Native code is not seen by it. docs/audit-guide.md gives the firewall rule that makes Windows enforce it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from edge.seal.policy import SealPolicy, SealStatus
from edge.seal.selftest import fail

GAP = "Guarded inside the program, not kernel-enforced: add the firewall rule of the audit guide."

# The event loop of Windows makes its private pair over loopback; nothing else may be named.
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_ADDRESSED = frozenset({"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"})
_LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
_PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.startfile"})


def guard(event: str, args: tuple[Any, ...]) -> None:
    """Audit hook: raise PermissionError for a socket operation that leaves this machine, or a new program."""
    if event in _ADDRESSED:
        address = args[1] if len(args) > 1 else None
        host = address[0] if isinstance(address, tuple) and address else None
        if host not in _LOOPBACK and not (event == "socket.sendmsg" and address is None):
            raise PermissionError("the program is sealed from the network")
    elif event in _LOOKUPS:
        host = args[0][0] if args and isinstance(args[0], tuple) else args[0] if args else None
        if host not in _LOOPBACK:
            raise PermissionError("the program is sealed from the network")
    elif event in _PROGRAMS:
        raise PermissionError("the sealed program starts no other program")


Hook = Callable[[str, tuple[Any, ...]], None]


def seal(policy: SealPolicy, add_hook: Callable[[Hook], None] = sys.addaudithook) -> SealStatus:
    """Install the guard and test it. Raises SealError if the guard does not bite."""
    add_hook(guard)
    check(sys.audit)
    return SealStatus("partial", ("guard inside the program",), (GAP,))


def check(audit: Callable[..., None]) -> None:
    """Raise SealError unless a connection to another address is refused before it is made."""
    try:
        audit("socket.connect", None, ("192.0.2.1", 443))  # an address for documentation (RFC 5737); nothing is sent
    except PermissionError:
        return
    fail("The guard did not refuse a connection.")
