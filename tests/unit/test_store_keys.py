"""Secrets in memory, key derivation bounds, slots, recovery key, passphrase changes, rotation, delays."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from vaulting import FLOOR, cheap_derivation, events, new_vault, note, passphrase, reopen

from edge.errors import DamagedVaultError, NotAVaultError, UsageError, VaultError, WrongKeyError
from edge.store import header, kdf, rekey, unlock
from edge.store.admin import RECOVERY
from edge.store.kdf import KdfParameters, derive, tuned
from edge.store.policy import check_strength
from edge.store.secret import Passphrase, RawKey, SecretBytes, read_passphrase_file
from edge.store.secretkeys import RecoveryKey
from edge.store.vault import Vault


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time of these tests would go into Argon2 at its floor; what it costs has tests of its own."""
    cheap_derivation(monkeypatch)


def test_secrets_are_wiped_hidden_and_not_pickled() -> None:
    secret = SecretBytes(b"abcdefgh")
    view = secret.view()
    with secret:
        assert bytes(view) == b"abcdefgh"
    assert bytes(view) == bytes(8)
    for value in (SecretBytes(b"abc"), passphrase(), RawKey.random(48)):
        assert repr(value) == f"<{type(value).__name__}>"
        with pytest.raises(TypeError):
            pickle.dumps(value)
    assert Passphrase(b"same same") == Passphrase(b"same same")
    assert SecretBytes(b"same same") != Passphrase(b"same same")
    with pytest.raises(TypeError):
        hash(SecretBytes(b"abc"))


def test_passphrase_is_the_same_on_every_keyboard() -> None:
    assert Passphrase("Z\u00fcrich \ufb01".encode()) == Passphrase("Zu\u0308rich fi".encode())
    for bad in (b"", b"\xff\xfe", b"x" * 1025):
        with pytest.raises(UsageError):
            Passphrase(bad)


def test_passphrase_file(tmp_path: Path) -> None:
    file = tmp_path / "p"
    file.write_bytes(b"four words are here\r\nsecond line\n")
    assert read_passphrase_file(file) == Passphrase(b"four words are here")
    file.write_bytes("\ufeffGrüne Möwe über fünf Dächern\n".encode())
    assert read_passphrase_file(file) == Passphrase("Grüne Möwe über fünf Dächern".encode())
    assert not read_passphrase_file(file).spaced
    for edge in (b" four words are here", b"four words are here \n", b"four words are here\t"):
        file.write_bytes(edge)
        assert read_passphrase_file(file).spaced
        assert len(read_passphrase_file(file)) == 20
    file.write_bytes(b"\n")
    with pytest.raises(UsageError):
        read_passphrase_file(file)
    with pytest.raises(UsageError, match="cannot be read"):
        read_passphrase_file(tmp_path / "none")


def test_raw_key_form() -> None:
    assert RawKey(bytes(range(48))).sqlcipher_form() == b"x'" + bytes(range(48)).hex().encode() + b"'"


def test_derivation_agrees_with_the_reference() -> None:
    from argon2.low_level import Type, hash_secret_raw

    expected = hash_secret_raw(b"correct horse", b"s" * 16, 1, 65536, 2, 32, Type.ID)
    assert bytes(derive(Passphrase(b"correct horse"), b"s" * 16, KdfParameters(65536, 1, 2)).view()) == expected


def test_derivation_costs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for bad in (KdfParameters(65535), KdfParameters(1 << 21), KdfParameters(passes=0), KdfParameters(lanes=17)):
        with pytest.raises(UsageError):
            bad.check()
    assert tuned().check().memory_kib >= 64 * 1024


@pytest.mark.parametrize(
    ("speed", "memory", "passes"),  # speed: GiB and passes a second; 0.5 s are aimed at
    [
        (100, 256, 16),
        (12, 256, 16),
        (4.5, 256, 9),
        (1.5, 256, 3),
        (0.8, 256, 3),
        (0.5, 128, 3),
        (0.2, 64, 3),
        (0.01, 64, 3),
    ],
)
def test_creation_is_tuned_to_half_a_second_of_this_machine(
    speed: float, memory: int, passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a machine of a made-up speed: what a real one takes differs from minute to minute."""
    monkeypatch.undo()

    def seconds(_: Passphrase, salt: bytes, cost: KdfParameters) -> float:
        return cost.memory_kib / 1024**2 * cost.passes / speed

    monkeypatch.setattr(kdf, "_seconds", seconds)
    found = tuned()
    assert (found.memory_kib // 1024, found.passes, found.lanes) == (memory, passes, 4)


def test_creation_takes_less_memory_where_there_is_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    def seconds(_: Passphrase, salt: bytes, cost: KdfParameters) -> float:
        if cost.memory_kib > 128 * 1024:
            raise VaultError("Argon2 needs memory.")
        return 0.25

    monkeypatch.setattr(kdf, "_seconds", seconds)
    assert (tuned().memory_kib, tuned().passes) == (128 * 1024, 6)


@pytest.mark.parametrize("weak", ["knee", "elevenchars", "aaaaaaaaaaaaaaaaaaaa", "password123456", "qwertyuiopasdfgh"])
def test_weak_passphrases_are_refused_with_advice(weak: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        check_strength(passphrase(weak))
    assert caught.value.hint
    assert weak not in str(caught.value)
    with pytest.raises(UsageError):
        Vault.create(tmp_path / "v.vault", passphrase(weak), kdf=FLOOR)
    assert list(tmp_path.glob("v.vault*")) == []


def test_recovery_key_opens_and_a_new_one_replaces_it(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    saved = note(vault)
    with pytest.raises(WrongKeyError):
        vault.admin.new_recovery_key(passphrase("not the passphrase"))
    first = RecoveryKey.parse(vault.admin.new_recovery_key(passphrase()).text().lower().replace("-", " "))
    vault.close()
    with Vault.open(vault.paths.database, first) as again:
        assert again.encounters.list() == [saved]
        assert again.admin.slots() == ("passphrase", "recovery")
        again.admin.change_passphrase(first, passphrase("an entirely different phrase"))
    with Vault.open(vault.paths.database, first):
        pass
    with pytest.raises(WrongKeyError):
        Vault.open(vault.paths.database, passphrase())
    with Vault.open(vault.paths.database, passphrase("an entirely different phrase")) as again:
        second = again.admin.new_recovery_key(passphrase("an entirely different phrase"))
        assert events(again).count("key-change") == 3
    with pytest.raises(WrongKeyError):
        Vault.open(vault.paths.database, first)
    with Vault.open(vault.paths.database, second) as again:
        again.admin.remove_key(passphrase("an entirely different phrase"), RECOVERY)
        with pytest.raises(UsageError):
            again.admin.remove_key(passphrase("an entirely different phrase"), RECOVERY)
    with pytest.raises(WrongKeyError):
        Vault.open(vault.paths.database, second)


def test_recovery_key_finds_slips() -> None:
    key = RecoveryKey.random(20)
    text = key.text()
    assert len(text) == 44
    assert RecoveryKey.parse(text) == key
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    for i, c in enumerate(text):
        if c != "-":
            wrong = alphabet[(alphabet.index(c) + 1) % 32]
            with pytest.raises(UsageError, match="mistyped"):
                RecoveryKey.parse(text[:i] + wrong + text[i + 1 :])
    for bad in ("", "ABCD", text + "0", text[:-1], "Ü" * 36):
        with pytest.raises(UsageError):
            RecoveryKey.parse(bad)


def test_a_vault_with_a_slot_for_a_system_keyring_keeps_it_and_can_lose_it(tmp_path: Path) -> None:
    """The kind is part of the key file's format (docs/adr/0036); nothing in the program makes or asks one."""
    vault = new_vault(tmp_path)
    vault.close()
    with SecretBytes.random(32) as secret:
        rekey.add_secret(vault.paths, passphrase(), header.KEYRING, secret)
        other = passphrase("an entirely different phrase")
        with Vault.open(vault.paths.database, passphrase()) as again:
            assert again.admin.slots() == ("passphrase", "keyring")
            again.admin.change_passphrase(passphrase(), other)
        header.open_with_secret(unlock.read_header(vault.paths), header.KEYRING, secret).wipe()
    with Vault.open(vault.paths.database, other) as again:
        again.admin.remove_key(other, header.KEYRING)
        assert again.admin.slots() == ("passphrase",)


def test_passphrase_change_does_not_touch_the_records(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    note(vault)
    salt = vault.paths.database.read_bytes()[:16]
    vault.admin.change_passphrase(passphrase(), passphrase("an entirely different phrase"))
    vault.close()
    assert vault.paths.database.read_bytes()[:16] == salt
    Vault.open(vault.paths.database, passphrase("an entirely different phrase")).close()


def test_rotation_changes_every_page_and_keeps_every_way_in(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    saved = [note(vault, f"text {i}") for i in range(5)]
    recovery = vault.admin.new_recovery_key(passphrase())
    vault.session.truncate_log()
    before, header_before = vault.paths.database.read_bytes(), vault.paths.header.read_bytes()
    with pytest.raises(WrongKeyError):
        vault.rotate_keys(passphrase("not the passphrase"))
    vault.rotate_keys(passphrase())
    assert vault.verify() == []
    note(vault, "after")
    assert vault.admin.verify_chain(passphrase()).good
    vault.close()
    after = vault.paths.database.read_bytes()
    pages = {after[i : i + 4096] for i in range(0, len(after), 4096)}
    assert not any(before[i : i + 4096] in pages for i in range(0, len(before), 4096))
    for secret in (passphrase(), recovery):
        with Vault.open(vault.paths.database, secret) as again:
            assert {r.id for r in again.encounters.list()} > {s.id for s in saved}
    # The old key file with the new records: named for what it is.
    vault.paths.header.write_bytes(header_before)
    with pytest.raises(DamagedVaultError, match="do not belong together"):
        Vault.open(vault.paths.database, passphrase())


def test_wrong_passphrases_wait_longer_and_are_told(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    vault.close()
    waits: list[float] = []
    for _ in range(6):
        with pytest.raises(WrongKeyError):
            Vault.open(vault.paths.database, passphrase("wrong"), sleep=waits.append)
    assert waits == [0, 0, 0, 1, 2, 4]
    assert unlock.delay(1000) == 30
    with Vault.open(vault.paths.database, passphrase(), sleep=waits.append) as again:
        entry = next(e for e in again.admin.entries() if e.event == "unlock-failed")
        assert json.loads(entry.detail)["times"] == 6
    assert len(waits) == 6
    with Vault.open(vault.paths.database, passphrase()) as again:
        assert events(again).count("unlock-failed") == 1


def _tampered(content: bytes, change) -> bytes:
    raw = json.loads(content)
    raw.pop("checksum")
    change(raw)
    import hashlib

    canonical = json.dumps(raw, sort_keys=True, separators=(",", ":")).encode()
    return json.dumps(raw | {"checksum": hashlib.sha256(canonical).hexdigest()}, indent=1).encode() + b"\n"


def test_key_file_is_authenticated_as_a_whole(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    vault.admin.new_recovery_key(passphrase())
    vault.close()
    good = vault.paths.header.read_bytes()
    foreign = header.secret_slot(RECOVERY, vault.vault_id, RecoveryKey.random(20), SecretBytes.random(32))
    another = header.secret_slot(header.KEYRING, vault.vault_id, SecretBytes.random(32), SecretBytes.random(32))
    changes = {
        "a slot added": lambda raw: raw["slots"].append(another),
        "a slot replaced": lambda raw: raw["slots"].__setitem__(1, foreign),
        "a slot taken away": lambda raw: raw["slots"].pop(),
        "generation": lambda raw: raw.update(generation=raw["generation"] - 1),
        "time": lambda raw: raw.update(created="2020-01-01T00:00:00.000Z"),
    }
    for name, change in changes.items():
        vault.paths.header.write_bytes(_tampered(good, change))
        with pytest.raises(DamagedVaultError, match="altered"):
            Vault.open(vault.paths.database, passphrase())
        assert name
    vault.paths.header.write_bytes(good)
    Vault.open(vault.paths.database, passphrase()).close()


def test_newer_key_file_and_foreign_files(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    vault.close()
    good = vault.paths.header.read_bytes()
    vault.paths.header.write_bytes(_tampered(good, lambda raw: raw.update(version=2)))
    with pytest.raises(VaultError, match="newer"):
        Vault.open(vault.paths.database, passphrase())
    for foreign in (b"", b"{}", b"[1]", b"\x00" * 100, b'{"format": "other"}', b"[" * 100_000):
        vault.paths.header.write_bytes(foreign)
        with pytest.raises(NotAVaultError):
            Vault.open(vault.paths.database, passphrase())
    vault.paths.header.write_bytes(good)
    reopen(vault).close()
