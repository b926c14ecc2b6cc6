"""The app's tests stand on one clock, one time zone and one language, and derive each key once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from functional.tui_kit import moment

from edge.store import kdf
from edge.store.secret import SecretBytes
from tui import labels, texts

_DERIVED: dict[tuple[bytes, bytes, kdf.KdfParameters], bytes] = {}
_derive = kdf.derive


def derive_once(passphrase: kdf.Passphrase, salt: bytes, parameters: kdf.KdfParameters) -> SecretBytes:
    """Argon2id as ever, but the same question is worked out once: half a second each is most of a small test."""
    asked = (bytes(passphrase.view()), salt, parameters)
    if asked not in _DERIVED:
        with _derive(passphrase, salt, parameters) as key:
            _DERIVED[asked] = bytes(key.view())
    return SecretBytes.taking(bytearray(_DERIVED[asked]))


@pytest.fixture(autouse=True)
def fixed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[None]:
    """What every test of the app takes as given."""
    if not request.module.__name__.rpartition(".")[2].startswith("test_tui"):
        yield
        return
    monkeypatch.setattr(kdf, "derive", derive_once)
    monkeypatch.setattr(labels, "now", moment)
    monkeypatch.setenv("LOGNAME", "dr.test")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("HOME", str(home.parent))
    time.tzset()
    texts.use("en")
    yield
    monkeypatch.undo()
    time.tzset()
