"""What IT records for a machine that can't be sealed fully: read only from a file that no user could have written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from edge.errors import SealError
from edge.seal import enforcement, setting
from edge.seal.policy import SealPolicy, SealStatus

GOOD = {"accept": "partial", "by": "Jane Roe, IT", "why": "Windows, with a firewall rule"}
PARTIAL = SealStatus("partial", ("guard",), ("Not the kernel's.",))
NONE = SealStatus("none", (), ("Nothing.",))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir(mode=0o755)
    monkeypatch.setattr(setting, "folder", lambda: folder)
    monkeypatch.setattr(setting, "_ROOT", os.getuid())
    return folder / setting.FILE


def record(place: Path, **changes: object) -> None:
    place.write_text(json.dumps({name: value for name, value in (GOOD | changes).items() if value is not None}))
    place.chmod(0o644)


def test_nothing_recorded_accepts_the_full_seal_only(place: Path) -> None:
    assert setting.read() == setting.Accepted()
    for status in (PARTIAL, NONE):
        with pytest.raises(SealError) as caught:
            enforcement.judged(SealPolicy(()), status)
        assert (caught.value.exit_code, "--unsealed" in caught.value.hint) == (7, True)
        assert enforcement.judged(SealPolicy((), allow_unsealed=True), status) == status
    kernel = SealStatus("kernel", ("filter",))
    assert enforcement.judged(SealPolicy(()), kernel) == kernel


def test_what_is_recorded_is_accepted_and_said(place: Path) -> None:
    record(place)
    status = enforcement.judged(SealPolicy(()), PARTIAL)
    assert status.level == "partial"
    assert "NOT FULLY OFFLINE" in status.line()
    assert "Accepted on this machine by Jane Roe, IT: Windows, with a firewall rule." in status.line()
    with pytest.raises(SealError):
        enforcement.judged(SealPolicy(()), NONE)
    record(place, accept="none")
    assert enforcement.judged(SealPolicy(()), NONE).level == "none"


@pytest.mark.parametrize(
    "changes",
    [{"accept": "kernel"}, {"accept": "all"}, {"accept": 1}, {"by": ""}, {"why": None}, {"more": "x"}, {"by": "a\nb"},
     {"why": "x" * 300}],
)  # fmt: skip
def test_a_malformed_setting_is_an_error_not_a_permission(place: Path, changes: dict[str, object]) -> None:
    record(place, **changes)
    with pytest.raises(SealError, match="can't be used"):
        setting.read()


def test_a_file_that_a_user_could_write_permits_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(place)
    for loose, mode in ((place, 0o666), (place.parent, 0o777), (place.parent, 0o775)):
        kept = loose.stat().st_mode
        loose.chmod(mode)
        with pytest.raises(SealError, match="root"):
            setting.read()
        loose.chmod(kept)
    assert setting.read().accept == "partial"
    elsewhere = place.parent / "other"
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    with pytest.raises(SealError):
        setting.read()
    place.unlink()
    elsewhere.rename(place)
    monkeypatch.setattr(setting, "_ROOT", os.getuid() + 1)
    with pytest.raises(SealError, match="root"):
        setting.read()
