"""The vault from outside: create, open, save, list, read, delete, and the errors of each."""

from __future__ import annotations

from pathlib import Path

import pytest
from vaulting import cheap_derivation, save_extraction, save_note, unfenced

from edge.contract.codes import Codes
from edge.contract.encounter import Generated, Kind, Source, State
from edge.contract.fields import FieldEntry
from edge.contract.note import EncounterNote, Section
from edge.contract.origin import Origin
from edge.errors import DamagedVaultError, NotAVaultError, UsageError, VaultBusyError, VaultError, WrongKeyError
from edge.store.encounters import EncounterFilter
from edge.store.kdf import KdfParameters
from edge.store.secret import Passphrase
from edge.store.vault import Vault

FLOOR = KdfParameters(64, 1, 1)
ORIGIN = Origin("test-bundle", "b" * 64, "1", "5" * 64, {"greedy": True}, 100, 20, 1.5)
SOURCE = Source("visit.txt", "[doctor] hello\n[patient] my knee hurts", "5" * 64)


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time of these tests would go into Argon2 at its floor; what it costs has tests of its own."""
    cheap_derivation(monkeypatch)


def passphrase(text: str = "correct horse battery staple") -> Passphrase:
    return Passphrase(text.encode())


@pytest.fixture
def vault(tmp_path: Path):
    with Vault.create(tmp_path / "records.vault", passphrase(), kdf=FLOOR, actor="dr.test") as opened:
        yield opened


def test_saved_note_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "new" / "records.vault"
    with Vault.create(path, passphrase(), kdf=FLOOR) as vault:
        saved = save_note(vault, "Knee visit", SOURCE, "soap", [Section("PLAN", "rest")], ORIGIN)
        assert saved.state is State.DRAFT
        assert len(saved.id) == 8
    with Vault.open(path, passphrase()) as vault:
        assert vault.encounters.list() == [saved]
        record = vault.encounters.get(saved.id)
        assert record.sources == (SOURCE,)
        note = record.note
        assert note is not None
        assert note.content.sections == (Section("PLAN", "rest"),)
        assert note.origin == ORIGIN
        assert (note.revision, note.version, note.draft) == (1, 1, False)


def test_note_and_extraction_of_one_encounter(vault: Vault) -> None:
    first = save_note(vault, "Visit", SOURCE, "soap", [Section("PLAN", "rest")], ORIGIN)
    second = save_extraction(vault, "Visit", SOURCE, {"age": [FieldEntry("19")]}, ORIGIN, encounter=first.id)
    assert second.id == first.id
    assert second.kinds == (Kind.EXTRACTION, Kind.NOTE)
    assert len(vault.encounters.get(first.id).sources) == 1


def test_a_failure_while_saving_leaves_nothing(vault: Vault) -> None:
    good = Generated(EncounterNote("soap"), ORIGIN)
    bad = Generated(Codes("", read={"codes": object()}), ORIGIN)
    entries = vault.session.query("SELECT count(*) FROM chain")
    with pytest.raises(TypeError):
        vault.encounters.save("Visit", SOURCE, [good, bad])
    assert vault.encounters.count() == 0
    assert vault.session.query("SELECT count(*) FROM source") == [(0,)]
    assert vault.session.query("SELECT count(*) FROM chain") == entries


def test_no_entry_no_deed(vault: Vault) -> None:
    unfenced(vault)
    vault.session.connection.execute(
        "CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.chain BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    with pytest.raises(VaultError):
        save_note(vault, "Visit", SOURCE, "soap", [], ORIGIN)
    vault.session.connection.execute("DROP TRIGGER refuse")
    assert vault.encounters.count() == 0


def test_list_pages_and_filters(vault: Vault) -> None:
    ids = [save_note(vault, f"Visit {i}", SOURCE, "soap", [], ORIGIN).id for i in range(7)]
    assert [r.id for r in vault.encounters.list(limit=3, offset=2)] == ids[::-1][2:5]
    assert vault.encounters.count(EncounterFilter(kind=Kind.EXTRACTION)) == 0
    assert vault.encounters.count(EncounterFilter(state=State.DRAFT, kind=Kind.NOTE)) == 7
    assert vault.encounters.list(where=EncounterFilter(until="2000")) == []


def test_get_by_beginning_and_unknown_id(vault: Vault) -> None:
    saved = save_note(vault, "Visit", SOURCE, "soap", [], ORIGIN)
    assert vault.encounters.get(saved.id[:4]).summary == saved
    for wrong in ("", "zz", saved.id[:3], "%", "aaaa", "' OR 1=1 --"):
        with pytest.raises(VaultError, match="no such record"):
            vault.encounters.get(wrong)


def test_delete_leaves_only_the_tombstone(vault: Vault) -> None:
    saved = save_note(vault, "Visit", SOURCE, "soap", [], ORIGIN)
    assert vault.encounters.delete(saved.id) == saved.id
    for table in ("encounter", "source", "document", "generation", "revision"):
        assert vault.session.query(f"SELECT count(*) FROM {table}") == [(0,)], table
    assert vault.session.query("SELECT event FROM chain ORDER BY seq DESC LIMIT 1") == [("delete",)]


def test_three_errors(tmp_path: Path) -> None:
    path = tmp_path / "records.vault"
    with pytest.raises(NotAVaultError):
        Vault.open(path, passphrase())
    path.write_bytes(b"hello")
    with pytest.raises(NotAVaultError):
        Vault.open(path, passphrase())
    path.unlink()
    Vault.create(path, passphrase(), kdf=FLOOR).close()
    with pytest.raises(WrongKeyError):
        Vault.open(path, passphrase("correct horse battery stable"))
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedVaultError):
        Vault.open(path, passphrase())
    path.unlink()
    with pytest.raises(DamagedVaultError, match="missing"):
        Vault.open(path, passphrase())


def test_existing_vault_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "records.vault"
    Vault.create(path, passphrase(), kdf=FLOOR).close()
    before = path.read_bytes()
    with pytest.raises(VaultError, match="already"):
        Vault.create(path, passphrase(), kdf=FLOOR)
    assert path.read_bytes() == before
    path.unlink()
    with pytest.raises(VaultError, match="key file"):
        Vault.create(path, passphrase(), kdf=FLOOR)


def test_one_writer(vault: Vault) -> None:
    with pytest.raises(VaultBusyError, match="another program"):
        Vault.open(vault.paths.database, passphrase())
    vault.close()
    vault.close()
    Vault.open(vault.paths.database, passphrase()).close()


def test_nothing_to_save(vault: Vault) -> None:
    with pytest.raises(UsageError):
        vault.encounters.save("Visit", SOURCE, [])


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH DATABASE 'x.db' AS x KEY ''",
        "DETACH DATABASE main",
        "VACUUM INTO 'copy.db'",
        "PRAGMA key = 'x'",
        "PRAGMA rekey = 'x'",
        "PRAGMA hexrekey = '00'",
        "PRAGMA temp_store = FILE",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA synchronous = OFF",
        "PRAGMA writable_schema = ON",
        "PRAGMA temp_store_directory = '/tmp'",
        "SELECT load_extension('x')",
        "SELECT sqlcipher_export('x')",
    ],
)
def test_the_application_connection_is_fenced(vault: Vault, statement: str) -> None:
    with pytest.raises(VaultError, match="refuses"):
        vault.session.query(statement)


def test_files_are_private(vault: Vault) -> None:
    save_note(vault, "Visit", SOURCE, "soap", [], ORIGIN)
    found = sorted(vault.paths.database.parent.iterdir())
    assert len(found) >= 4
    assert all(path.stat().st_mode & 0o077 == 0 for path in found), found
