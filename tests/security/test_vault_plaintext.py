"""No word of a record is on disk in clear: not in the vault, its log, its locks, a temporary file, open or deleted."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from alone import alone
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from vaulting import Child, autosave_texts, new_vault, note, passphrase, unfenced

from edge.contract.encounter import Source
from edge.contract.note import EncounterNote, Section
from edge.store.chain import Event
from edge.store.vault import Vault

PAGE = 4096
CANARY, SAID = "Quixotic-Zebra-4711", "Marzipan-Yeti-8093"


def bytes_everywhere(*folders: Path) -> dict[str, bytes]:
    """Content of every file below folders and of every regular file that this process has open, deleted ones too."""
    found = {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            if stat.S_ISREG(descriptor.stat().st_mode):
                found[f"{descriptor} -> {os.readlink(descriptor)}"] = descriptor.read_bytes()
        except OSError:
            continue
    return found


def where(canary: str, *folders: Path) -> list[str]:
    needles = [canary.encode(), canary.lower().encode(), canary.encode("utf-16-le")]
    return [name for name, data in bytes_everywhere(*folders).items() if any(needle in data for needle in needles)]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    for name in ("TMPDIR", "SQLITE_TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(folder))
    return folder


def test_no_canary_in_mid_transaction_and_after(tmp_path: Path, temporary: Path) -> None:
    with new_vault(tmp_path) as vault:
        unfenced(vault)
        with vault.session.change(Event.EDIT) as change:
            for i in range(700):  # far more than the page cache holds, so pages spill to disk before the commit
                text = f"{CANARY} {i} " * 1300
                change.connection.execute("INSERT INTO meta VALUES (?, ?)", (f"spill {i}", text))
            sort = "SELECT count(*) FROM (SELECT DISTINCT value || name FROM meta ORDER BY value || name)"
            assert change.connection.execute(sort).fetchone() == (701,)
            change.connection.execute(f"CREATE TEMP TABLE leak AS SELECT value || '{CANARY}' AS v FROM meta LIMIT 300")
            log = vault.paths.wal[0]
            assert log.stat().st_size > 1_000_000
            assert where(CANARY, tmp_path) == []
        saved = note(vault, f"{CANARY} in the plan", f"{CANARY} in the title")
        autosave_texts(vault, vault.edits.document_of(saved.id), {0: f"{CANARY} draft"})
        only_a_source(vault, f"{CANARY} in what was said")
        assert len(vault.search.find(CANARY)) == 2
        vault.admin.backup(tmp_path / "my.backup")
        vault.rotate_keys(passphrase())
        assert where(CANARY, tmp_path) == []
    assert where(CANARY, tmp_path) == []


def test_the_search_for_canaries_finds_them(tmp_path: Path) -> None:
    """The control: the same search finds the canary in plain SQLite's file and in a deleted file."""
    connection = sqlite3.connect(tmp_path / "plain.db")
    connection.execute("CREATE TABLE t (v)")
    connection.execute("INSERT INTO t VALUES (?)", (CANARY,))
    connection.commit()
    connection.close()
    assert str(tmp_path / "plain.db") in where(CANARY, tmp_path)
    with open(tmp_path / "gone", "w+") as file:
        file.write(CANARY)
        file.flush()
        (tmp_path / "gone").unlink()
        assert any("(deleted)" in name for name in where(CANARY, tmp_path))


@alone
def test_no_canary_after_a_crash(tmp_path: Path, temporary: Path) -> None:
    def work(report) -> None:
        with new_vault(tmp_path) as vault:
            note(vault, f"{CANARY} in the plan")
            only_a_source(vault, f"{CANARY} in what was said " * 400)
            with vault.session.change(Event.EDIT) as change:
                for i in range(700):
                    change.connection.execute("INSERT INTO meta VALUES (?, ?)", (f"spill {i}", f"{CANARY} " * 2000))
                report(b".")
                os.kill(os.getpid(), 9)

    child = Child(work)
    assert child.first_byte() == b"."
    child.wait()
    assert (tmp_path / "records.vault-wal").stat().st_size > 100_000
    assert where(CANARY, tmp_path) == []


def test_a_deleted_record_leaves_nothing_even_to_the_key_holder(tmp_path: Path) -> None:
    """Content and index are overwritten: the decrypted pages hold no word of it, free pages included."""
    with new_vault(tmp_path) as vault:
        kept = note(vault, "Ordinary text.")
        saved = note(vault, f"{CANARY} " * 500, f"{CANARY} title")
        document = vault.edits.document_of(saved.id)
        vault.edits.save(document, EncounterNote("soap", (Section("P", f"{CANARY} second"),)))
        autosave_texts(vault, document, {0: f"{CANARY} third"})
        said = only_a_source(vault, f"[patient] {SAID}, doctor. " * 300)
        assert len(vault.search.find(SAID)) == 1
        assert all(canary.lower() in decrypted(vault) for canary in (CANARY, SAID))
        vault.encounters.delete(saved.id)
        vault.encounters.delete(said)
        after = decrypted(vault)
        assert "ordinary text" in after
        for word in f"{CANARY}-{SAID}".lower().split("-"):
            assert word not in after, word
        assert vault.search.find(CANARY) == vault.search.find(SAID) == []
        assert [r.id for r in vault.encounters.list()] == [kept.id]


def only_a_source(vault: Vault, text: str) -> str:
    """An encounter that holds a transcript and nothing else yet; returns its id."""
    return vault.encounters.save_source("Visit", Source("visit.txt", text, sha256(text.encode()).hexdigest())).id


def decrypted(vault: Vault) -> str:
    """All pages of the file in clear, as its key holder could see them, free pages included.

    AES-256-CBC per page; salt in the first 16 bytes of page 1, IV and HMAC in the last 80 bytes (SQLCipher 4 design).
    """
    vault.session.truncate_log()
    data, key = vault.paths.database.read_bytes(), bytes(vault.admin.key.view()[:32])
    pages = []
    for at in range(0, len(data), PAGE):
        page = data[at : at + PAGE]
        decryptor = Cipher(algorithms.AES(key), modes.CBC(page[-80:-64])).decryptor()
        pages.append(decryptor.update(page[16 if at == 0 else 0 : -80]) + decryptor.finalize())
    return b"".join(pages).decode("latin-1").lower()


def test_a_wrong_passphrase_says_nothing_but_that(tmp_path: Path) -> None:
    """Standard output and error of a process that fails to unlock and of one that meets a damaged page."""
    with new_vault(tmp_path) as vault:
        note(vault, CANARY)
    code = (
        "import sys; from pathlib import Path\n"
        "from edge.store.vault import Vault; from edge.store.secret import Passphrase\n"
        "Vault.open(Path(sys.argv[1]), Passphrase(sys.argv[2].encode()))"
    )

    def run(words: str) -> str:
        command = [sys.executable, "-c", code, str(vault.paths.database), words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stdout == ""
        return done.stderr

    assert run("some wrong words here").strip().splitlines()[-1].startswith("edge.errors.WrongKeyError")
    content = bytearray(vault.paths.database.read_bytes())
    content[4096 * 3 + 50 :: 4096] = bytes(len(content[4096 * 3 + 50 :: 4096]))
    content[50] ^= 1
    vault.paths.database.write_bytes(content)
    stderr = run("correct horse battery staple")
    assert stderr.strip().splitlines()[-1].startswith("edge.errors.DamagedVaultError")
    for secret in ("correct horse", "some wrong", CANARY, "hmac check failed"):
        assert secret not in stderr
