"""macOS and Windows, by fakes: what is asked of the system, what counts as sealed, and when it refuses."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import conftest
import pytest

from edge.errors import SealError
from edge.seal import descriptors, enforcement, macos, windows
from edge.seal.policy import SealPolicy

ROOT = Path(__file__).resolve().parents[2]


class Mac:
    """A fake libSystem."""

    def __init__(self, answer: int) -> None:
        self.answer, self.profile, self.denied = answer, "", 0

    def ptrace(self, request: int, *_: object) -> int:
        self.denied = request
        return 0

    def sandbox_init(self, profile: bytes, flags: Any, fault: Any) -> int:
        self.profile = profile.decode()
        return self.answer


class Probe:
    """A fake socket that is refused with an error number, or connects."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, *_: object) -> Probe:
        return self

    def connect(self, _: object) -> None:
        if self.number:
            raise OSError(self.number, "refused")

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptors, "forbid_core_files", lambda: None)


def test_the_profile_denies_network_programs_and_other_writes(tmp_path: Path) -> None:
    text = macos.profile([tmp_path / 'a "quoted" name'], ["/dev/null", "/dev/ttys001"])
    assert "(deny network*)" in text
    assert "(deny process-exec*)" in text
    assert text.index("(deny file-write*)") < text.index("(allow file-write*")
    assert '\\"quoted\\"' in text
    assert '(literal "/dev/ttys001")' in text
    assert text.count("(") == text.count(")")


def test_a_name_that_the_profile_cannot_express_is_refused() -> None:
    with pytest.raises(SealError, match="control character"):
        macos.quoted("/tmp/a\nb")


def test_macos_is_sealed_by_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mac = Mac(0)
    monkeypatch.setattr(macos, "check", lambda: None)
    status = macos.seal(SealPolicy((tmp_path,)), lambda _: mac, terminals=[])
    assert status.level == "kernel"
    assert str(tmp_path) in mac.profile
    assert mac.denied == 31
    assert "macOS sandbox" in status.line()


def test_a_refused_profile_refuses_the_program(tmp_path: Path) -> None:
    with pytest.raises(SealError, match="not fully sealed"):
        enforcement.judged(
            SealPolicy((tmp_path,)), macos.seal(SealPolicy((tmp_path,)), lambda _: Mac(-1), terminals=[])
        )
    assert macos.seal(SealPolicy((tmp_path,), allow_unsealed=True), lambda _: Mac(-1), terminals=[]).level == "none"


@pytest.mark.parametrize("number", [0, errno.ECONNREFUSED, errno.ENETUNREACH])
def test_the_macos_self_test_takes_only_the_sandboxs_refusal(number: int) -> None:
    macos.check(Probe(errno.EPERM))
    with pytest.raises(SealError, match="way out"):
        macos.check(Probe(number))


OUTSIDE = [
    ("socket.connect", (None, ("192.0.2.1", 443))),
    ("socket.connect", (None, ("example.org", 443, 0, 0))),
    ("socket.connect", (None, "/run/a.sock")),
    ("socket.connect", (None,)),
    ("socket.bind", (None, ("0.0.0.0", 0))),
    ("socket.sendto", (None, ("192.0.2.1", 53))),
    ("socket.sendmsg", (None, ("192.0.2.1", 53))),
    ("socket.getaddrinfo", ("example.org", 443, 0, 0, 0)),
    ("socket.gethostbyname", ("example.org",)),
    ("socket.getnameinfo", (("192.0.2.1", 1),)),
    ("subprocess.Popen", ("curl", [], None, None)),
    ("os.startfile", ("http://example.org", None)),
]
INSIDE = [
    ("socket.bind", (None, ("127.0.0.1", 0))),
    ("socket.connect", (None, ("127.0.0.1", 50000))),
    ("socket.connect", (None, ("::1", 50000, 0, 0))),
    ("socket.sendmsg", (None, None)),
    ("socket.getaddrinfo", ("127.0.0.1", 0, 0, 0, 0)),
    ("open", ("file", "r", 0)),
]


@pytest.mark.parametrize(("event", "args"), OUTSIDE)
def test_the_windows_guard_refuses_what_leaves_the_machine(event: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(PermissionError):
        windows.guard(event, args)


@pytest.mark.parametrize(("event", "args"), INSIDE)
def test_the_windows_guard_lets_the_event_loops_pair_be(event: str, args: tuple[Any, ...]) -> None:
    windows.guard(event, args)


def test_windows_says_that_it_is_not_kernel_enforced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks: list[Any] = []
    monkeypatch.setattr(sys, "audit", lambda *args: [hook(args[0], args[1:]) for hook in hooks])
    status = windows.seal(SealPolicy((tmp_path,)), hooks.append)
    assert status.level == "partial"
    assert "not kernel-enforced" in status.line()


def test_a_windows_guard_that_does_not_bite_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "audit", lambda *_: None)
    with pytest.raises(SealError, match="way out"):
        windows.seal(SealPolicy((tmp_path,)), lambda _: None)


def test_the_groups_for_a_mac_and_for_windows_are_there() -> None:
    groups = [f"tests/security/test_seal_{name}.py" for name in ("mac", "windows")]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", "-m", "mac or windows"]
    done = subprocess.run([*command, *groups], cwd=ROOT, capture_output=True, text=True, check=False)
    assert [done.stdout.count(group) for group in groups] == [15, 7]


@pytest.mark.parametrize("name", ["mac", "windows"])
@pytest.mark.parametrize("asked", ["", "model", "mac", "windows"])
def test_a_group_is_left_out_on_other_systems_unless_it_is_asked_for(name: str, asked: str) -> None:
    class Item:
        def get_closest_marker(self, marker: str) -> bool:
            return marker == name

    left_out: list[Item] = []
    hook = SimpleNamespace(pytest_deselected=lambda items: left_out.extend(items))
    items, config = [Item()], SimpleNamespace(option=SimpleNamespace(markexpr=asked), hook=hook)
    conftest.pytest_collection_modifyitems(config, items)
    stays = asked == name or conftest.SYSTEMS[name] == sys.platform
    assert (len(items), len(left_out)) == ((1, 0) if stays else (0, 1))
