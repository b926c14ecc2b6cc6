"""What verification finds in a vault, at once and in the background."""

from __future__ import annotations

from pathlib import Path

import pytest
from vaulting import cheap_derivation, new_vault, note, passphrase, unfenced

from edge.store import states
from edge.store.vault import Vault


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time of these tests would go into Argon2 at its floor; what it costs has tests of its own."""
    cheap_derivation(monkeypatch)


@pytest.fixture
def vault(tmp_path: Path):
    with new_vault(tmp_path / "clinic") as opened:
        yield opened


def test_verify_finds_what_is_wrong(vault: Vault) -> None:
    saved = note(vault)
    assert vault.verify() == []
    found: list[list[str]] = []
    vault.verify_in_background(found.append).wait()
    assert found == [[]]
    vault.session.connection.execute("UPDATE encounter SET title = title WHERE code = ?", (saved.id,))
    unfenced(vault)
    vault.session.connection.execute("DROP TRIGGER search_text_changed")
    vault.session.connection.execute("UPDATE search_text SET body = 'something else entirely'")
    assert vault.verify() == ["the search index does not fit the records"]
    vault.session.connection.execute("PRAGMA quick_check")


def test_background_check_finds_damage(vault: Vault) -> None:
    for i in range(30):
        note(vault, f"text {i} " * 200)
    vault.close()
    content = bytearray(vault.paths.database.read_bytes())
    content[len(content) // 2] ^= 1
    vault.paths.database.write_bytes(content)
    found: list[list[str]] = []
    with Vault.open(vault.paths.database, passphrase()) as again:
        again.verify_in_background(found.append).wait()
    assert len(found) == 1
    assert any("cipher_integrity_check" in line for line in found[0])


def test_background_check_can_be_stopped(vault: Vault) -> None:
    for i in range(30):
        note(vault, f"text {i} " * 200)
    found: list[list[str]] = []
    vault.verify_in_background(found.append)
    vault.close()
    assert found in ([], [[]])


def test_a_deed_costs_two_digests_however_many_records_there_are(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    real = states.digest_of
    monkeypatch.setattr(states, "digest_of", lambda connection, key: counted.append(key) or real(connection, key))
    costs = []
    for _ in range(3):
        for i in range(10):
            saved = note(vault, f"text {i}")
        counted.clear()
        vault.encounters.hold(saved.id)
        costs.append(len(counted))
    assert costs == [2, 2, 2]
