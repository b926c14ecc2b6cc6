"""What the attempts aim at: listeners on this machine only, which write down what arrived.

They live in the stage (stage.py), a network namespace that has nothing but its own loopback.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

LOOPBACK = "127.0.0.1"
DNS_PORT = 53
_ROUNDS, _PAUSE, _SETTLE = 600, 0.1, 0.3
_WAIT = 60  # seconds for a connection on this machine


@dataclass(frozen=True)
class Target:
    """Where an attempt tries to send its name: ports on 127.0.0.1, two local socket names, and a borrowed socket."""

    tcp: int
    udp: int
    path: str
    datagram_path: str
    abstract: str
    holder_pid: int
    holder_fd: int


class Listeners:
    """Open listeners for every way of sending that the attempts use; `arrived()` lists the names that came in."""

    def __init__(self, folder: Path) -> None:
        self._heard: list[str] = []
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        tcp = self._listen(socket.AF_INET, socket.SOCK_STREAM, (LOOPBACK, 0))
        udp = self._listen(socket.AF_INET, socket.SOCK_DGRAM, (LOOPBACK, 0))
        path, datagram_path = str(folder / "stream.sock"), str(folder / "datagram.sock")
        abstract = f"edgescribe-audit-{os.getpid()}"
        self._listen(socket.AF_UNIX, socket.SOCK_STREAM, path)
        self._listen(socket.AF_UNIX, socket.SOCK_DGRAM, datagram_path)
        self._listen(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + abstract)
        with contextlib.suppress(OSError):  # port 53 needs a right that an unprivileged machine may not give
            self._listen(socket.AF_INET, socket.SOCK_DGRAM, (LOOPBACK, DNS_PORT))
        # A connected socket of this process, for the attempt that steals one.
        self._held = socket.create_connection((LOOPBACK, tcp), timeout=_WAIT)
        self._open.append(self._held)
        self.target = Target(tcp, udp, path, datagram_path, abstract, os.getpid(), self._held.fileno())

    def __enter__(self) -> Listeners:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._open:
            each.close()

    def connected(self) -> socket.socket:
        """Return a new connected TCP socket, to be handed to a child as an open descriptor."""
        made = socket.create_connection((LOOPBACK, self.target.tcp), timeout=_WAIT)
        self._open.append(made)
        return made

    def arrived(self, complete: Callable[[list[str]], bool] = lambda _: True) -> list[str]:
        """Return what came in so far, once it is complete: what was sent may not have been read yet on a busy machine.

        Waits a minute at most for that, and in any case a moment for what nobody expects.
        """
        for _ in range(_ROUNDS):
            if complete(self._heard_so_far()):
                break
            time.sleep(_PAUSE)
        time.sleep(_SETTLE)
        return self._heard_so_far()

    def _heard_so_far(self) -> list[str]:
        with self._lock:
            return list(self._heard)

    def forget(self) -> None:
        """Start counting again."""
        self.arrived()
        with self._lock:
            self._heard.clear()

    def _listen(self, family: int, kind: int, address: str | tuple[str, int]) -> int:
        made = socket.socket(family, kind)
        made.bind(address)
        self._open.append(made)
        if kind == socket.SOCK_STREAM:
            made.listen(64)
            threading.Thread(target=self._accept, args=(made,), daemon=True).start()
        else:
            threading.Thread(target=self._receive, args=(made,), daemon=True).start()
        return int(made.getsockname()[1]) if family == socket.AF_INET else 0

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(4096):
                self._note(data)
                if data.startswith(b"GET "):
                    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
                    return

    def _receive(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, sender = server.recvfrom(4096)
                self._note(data)
                if server.family == socket.AF_INET and server.getsockname()[1] == DNS_PORT and len(data) > 12:
                    # The same question back, marked as an answer that says "no such name" (RFC 1035, 4.1.1).
                    server.sendto(data[:2] + b"\x81\x83" + data[4:], sender)

    def _note(self, data: bytes) -> None:
        # A name server's question carries names with length bytes between; the tests look for a part of it.
        text = "".join(chr(b) if 32 < b < 127 else " " for b in data)
        with self._lock:
            self._heard.append(text)
