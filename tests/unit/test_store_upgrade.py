"""Every golden vault opens, is brought up to date and keeps what it held; a newer one is refused."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest
from vaulting import new_vault, passphrase

from edge.contract.encounter import Kind
from edge.errors import VaultError
from edge.store import migrations
from edge.store.secret import Passphrase
from edge.store.vault import Vault

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "vaults"
VERSIONS = range(1, migrations.LATEST + 1)


def golden_passphrase() -> Passphrase:
    spec = importlib.util.spec_from_file_location("golden_make", GOLDEN / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Passphrase(module.PASSPHRASE)


def golden(version: int, folder: Path) -> Path:
    for suffix in ("", ".keys"):
        shutil.copy(GOLDEN / f"v{version}.vault{suffix}", folder / f"records.vault{suffix}")
    return folder / "records.vault"


def test_there_is_a_golden_vault_for_every_version() -> None:
    assert sorted(p.name for p in GOLDEN.glob("*.vault")) == [f"v{n}.vault" for n in VERSIONS]
    assert migrations.LATEST >= 2


@pytest.mark.parametrize("version", VERSIONS)
def test_golden_vault_is_brought_up_to_date(version: int, tmp_path: Path) -> None:
    path = golden(version, tmp_path)
    copy = tmp_path / f"records.vault.before-migration-{version}"
    with Vault.open(path, golden_passphrase()) as vault:
        assert vault.session.query("PRAGMA user_version") == [(migrations.LATEST,)]
        assert copy.exists() == (version < migrations.LATEST)
        assert ("migration" in [e.event for e in vault.admin.entries()]) == (version < migrations.LATEST)
        assert vault.verify() == []
        assert vault.admin.verify_chain(golden_passphrase()).good
        titles = sorted(r.title for r in vault.encounters.list())
        assert titles == ["Golden visit 1", "Golden visit 2", "Golden visit 3"]
        record = vault.encounters.get(vault.encounters.list()[0].id)
        assert {d.kind for d in record.documents} == {Kind.NOTE, Kind.EXTRACTION}
        assert "Ibuprofen 400 mg" in record.note.content.sections[0].text
        assert len(vault.search.find("ibuprofen")) == 3
        assert len(vault.search.find('"golden visit 2"')) == 1
    with Vault.open(path, golden_passphrase()):
        assert not copy.exists()


def schema(vault: Vault) -> list[tuple[str, str]]:
    return vault.session.query("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")


@pytest.mark.parametrize("version", VERSIONS)
def test_an_upgraded_vault_has_the_schema_of_a_new_one(version: int, tmp_path: Path) -> None:
    """Also finds a released step that was edited: its golden vault still has the old form."""
    (tmp_path / "new").mkdir()
    with new_vault(tmp_path / "new") as fresh, Vault.open(golden(version, tmp_path), golden_passphrase()) as upgraded:
        assert len(schema(fresh)) > 30
        assert schema(upgraded) == schema(fresh)


def test_a_newer_vault_is_refused_and_left_alone(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    vault.session.connection.set_authorizer(None)
    vault.session.connection.execute(f"PRAGMA user_version = {migrations.LATEST + 1}")
    vault.close()
    before = vault.paths.database.read_bytes()
    with pytest.raises(VaultError, match="newer"):
        Vault.open(vault.paths.database, passphrase())
    assert vault.paths.database.read_bytes() == before


def test_steps_split_into_statements() -> None:
    for step in migrations.STEPS:
        assert len(migrations.statements(step)) >= 3
    with pytest.raises(ValueError):
        migrations.statements("CREATE TRIGGER x BEFORE DELETE ON y BEGIN SELECT 1;")
