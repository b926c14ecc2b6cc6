"""Texts that are in no file yet: kept encrypted, through new keys and a backup, and gone once they are saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from vaulting import cheap_derivation

from edge.errors import VaultError
from edge.store import backup
from edge.store.kdf import KdfParameters
from edge.store.secret import Passphrase
from edge.store.vault import Vault

WORDS = b"correct horse battery staple"
TEXT = 'title = "Knee"\n# Mrs. Example\n\x7f "\' é'


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A vault that holds two unsaved texts."""
    cheap_derivation(monkeypatch)
    with Vault.create(tmp_path / "records.vault", Passphrase(WORDS), kdf=KdfParameters(64, 1, 1)) as vault:
        assert vault.unsaved.texts() == {}
        vault.unsaved.keep({"knee": "old", "hip": ""})
        vault.unsaved.keep({"knee": TEXT})
    return tmp_path / "records.vault"


def test_they_are_there_after_reopening_and_not_in_clear(path: Path) -> None:
    files = [file for file in path.parent.iterdir() if file.is_file()]
    assert len(files) >= 2
    assert not [file for file in files if b"Example" in file.read_bytes()]
    with Vault.open(path, Passphrase(WORDS)) as vault:
        assert vault.unsaved.texts() == {"hip": "", "knee": TEXT}
        entries = list(vault.admin.entries())
        vault.unsaved.keep({"knee": None, "hip": "x", "never": None})
        assert vault.unsaved.texts() == {"hip": "x"}
        assert list(vault.admin.entries()) == entries  # no record, no entry
        assert vault.verify() == []
    with Vault.open(path, Passphrase(WORDS)) as vault:
        assert vault.unsaved.texts() == {"hip": "x"}


def test_all_or_none(path: Path) -> None:
    with Vault.open(path, Passphrase(WORDS)) as vault:
        with pytest.raises(VaultError):
            vault.unsaved.keep({"hip": "new", "knee": cast(Any, object())})  # no text: the whole change is given up
        assert vault.unsaved.texts() == {"hip": "", "knee": TEXT}


def test_new_keys_and_a_backup_take_them_along(path: Path, tmp_path: Path) -> None:
    with Vault.open(path, Passphrase(WORDS)) as vault:
        vault.rotate_keys(Passphrase(WORDS))
        assert vault.unsaved.texts()["knee"] == TEXT
        vault.admin.backup(tmp_path / "copy.edgebak")
    backup.restore(tmp_path / "copy.edgebak", Passphrase(WORDS), tmp_path / "again" / "records.vault")
    with Vault.open(tmp_path / "again" / "records.vault", Passphrase(WORDS)) as vault:
        assert vault.unsaved.texts() == {"hip": "", "knee": TEXT}
