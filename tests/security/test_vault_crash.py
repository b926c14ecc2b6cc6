"""kill -9 at random moments: during writes, during key rotation, during migration. Nothing acknowledged is lost."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from vaulting import ORIGIN, SOURCE, Child, cheap_derivation, known, note, open_known, passphrase

from edge.contract.records import Section, note_content
from edge.store import backup, chain, db, migrations, unlock
from edge.store.files import VaultFiles
from edge.store.secret import Passphrase
from edge.store.unlock import Unlocked
from edge.store.vault import Vault

WRITE_KILLS, ROTATION_KILLS, MIGRATION_KILLS, CREATION_KILLS, RESTORE_KILLS = 200, 50, 24, 20, 20
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "vaults"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[VaultFiles, Unlocked]:
    """A vault with a few records, closed, and its keys."""
    cheap = cheap_derivation(monkeypatch)
    with Vault.create(tmp_path / "records.vault", passphrase(), kdf=cheap, actor="dr.test") as vault:
        for i in range(4):
            note(vault, f"text {i} " * 100)
    return vault.paths, unlock.unlock(vault.paths, passphrase())


def write_on(paths: VaultFiles, unlocked: Unlocked, turn: int) -> Callable[[Callable[[bytes], None]], None]:
    """Work for a child: save, autosave, commit, delete; a line of acknowledgement after each deed returned."""

    def work(report: Callable[[bytes], None]) -> None:
        vault = open_known(paths, unlocked)
        for step in range(1000):
            saved = vault.records.save_note(f"turn {turn}", SOURCE, "soap", [Section("P", f"{step} " * 300)], ORIGIN)
            report(f"saved {saved.id}\n".encode())
            document = vault.edits.document_of(saved.id)
            vault.edits.autosave(document, note_content("soap", [Section("P", f"draft {turn} {step}")]))
            report(f"draft {saved.id} draft {turn} {step}\n".encode())
            if step % 3 == 0:
                vault.edits.commit(document)
            if step % 2 and vault.records.count() > 12:
                oldest = vault.records.list(1, 12)[0].id
                report(f"deleting {oldest}\n".encode())
                vault.records.delete(oldest)
                report(f"deleted {oldest}\n".encode())

    return work


def check(paths: VaultFiles, unlocked: Unlocked, acknowledged: dict[str, str], deleting: set[str]) -> None:
    """Both checks clean, the chain whole, and every acknowledged deed there."""
    connection = db.connect(paths.database, unlocked.keys.database)
    try:
        assert db.problems(connection) == []
        assert chain.verify(connection, unlocked.keys.audit).good
        there = dict(connection.execute("SELECT code, id FROM encounter"))
        missing = set(acknowledged) - set(there) - deleting
        assert missing == set()
        for code, draft in acknowledged.items():
            if draft and code in there:
                found = connection.execute(
                    "SELECT coalesce(draft.content, document.content) FROM document LEFT JOIN draft"
                    " ON draft.document = document.id WHERE encounter = ?", (there[code],)
                ).fetchone()[0]  # fmt: skip
                assert draft in found
        orphans = connection.execute("SELECT count(*) FROM document WHERE id NOT IN (SELECT document FROM generation)")
        assert orphans.fetchone() == (0,)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        connection.close()


def test_200_kills_while_writing(made: tuple[VaultFiles, Unlocked]) -> None:
    paths, unlocked = made
    acknowledged: dict[str, str] = {}
    randomly = random.Random(20260301)
    deeds = 0
    for turn in range(WRITE_KILLS):
        child = Child(write_on(paths, unlocked, turn))
        before = child.until(b"\n", randomly.randrange(10))
        time.sleep(randomly.uniform(0, 0.006))
        deleting: set[str] = set()
        for line in (before + child.kill()).decode().splitlines():
            deeds += 1
            word, code, *draft = line.split(" ", 2)
            if word == "saved":
                acknowledged[code] = ""
            elif word == "draft":
                acknowledged[code] = draft[0]
            elif word == "deleting":
                deleting.add(code)
            else:
                acknowledged.pop(code, None)
        check(paths, unlocked, acknowledged, deleting)
        for code in deleting:
            acknowledged.pop(code, None)
    assert deeds > 4 * WRITE_KILLS


def rotate(paths: VaultFiles) -> Callable[[Callable[[bytes], None]], None]:
    def work(report: Callable[[bytes], None]) -> None:
        with Vault.open(paths.database, passphrase()) as vault:
            report(b".")
            vault.rotate_keys(passphrase())
            report(b"done")

    return work


def test_50_kills_while_rotating_keys(made: tuple[VaultFiles, Unlocked]) -> None:
    paths, _ = made
    start = time.perf_counter()
    child = Child(rotate(paths))
    child.first_byte()
    assert child.wait() == 0
    child.rest()
    whole = time.perf_counter() - start
    randomly = random.Random(7)
    salts, unfinished = set(), 0
    with Vault.open(paths.database, passphrase()) as vault:
        saved = [r.id for r in vault.records.list()]
    for _ in range(ROTATION_KILLS):
        child = Child(rotate(paths))
        child.first_byte()
        time.sleep(randomly.uniform(0, whole))
        unfinished += child.kill() != b"done"
        salts.add(paths.database.read_bytes()[:16])
        with Vault.open(paths.database, passphrase()) as vault:
            assert [r.id for r in vault.records.list()] == saved
            assert vault.verify() == []
            assert vault.custody.verify_chain(passphrase()).good
        assert not paths.incoming.exists()
    assert unfinished > ROTATION_KILLS // 4
    assert len(salts) > 3


@pytest.mark.parametrize("version", range(1, migrations.LATEST))
def test_kills_while_migrating_each_golden_vault(version: int, tmp_path: Path) -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("golden_make", GOLDEN / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    paths = VaultFiles(tmp_path / "records.vault")

    def fresh() -> None:
        for path in tmp_path.glob("records.vault*"):
            path.unlink()
        for suffix in ("", ".keys"):
            shutil.copy(GOLDEN / f"v{version}.vault{suffix}", tmp_path / f"records.vault{suffix}")

    def work(report: Callable[[bytes], None]) -> None:
        report(b".")
        open_known(paths, unlocked)
        report(b"done")

    fresh()
    unlocked = unlock.unlock(paths, Passphrase(module.PASSPHRASE))
    start = time.perf_counter()
    open_known(paths, known(paths, unlocked)).close()
    whole = time.perf_counter() - start
    randomly = random.Random(version)
    cut_off = 0
    for _ in range(MIGRATION_KILLS):
        fresh()
        for _again in range(3):
            child = Child(work)
            child.first_byte()
            time.sleep(randomly.uniform(0, whole))
            cut_off += child.kill() != b"done"
        with open_known(paths, unlocked) as vault:
            assert vault.verify() == []
            assert [r.title for r in vault.records.list()] == [f"Golden visit {n}" for n in (3, 2, 1)]
            assert len(vault.search.find("ibuprofen")) == 3
            assert chain.verify(vault.session.connection, unlocked.keys.audit).good
    assert cut_off > MIGRATION_KILLS // 4


def test_kills_while_creating_leave_nothing_or_a_whole_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = cheap_derivation(monkeypatch)
    path = tmp_path / "records.vault"

    def work(report: Callable[[bytes], None]) -> None:
        report(b".")
        Vault.create(path, passphrase(), kdf=cheap).close()
        report(b"done")

    start = time.perf_counter()
    child = Child(work)
    assert child.wait() == 0
    child.rest()
    whole = time.perf_counter() - start
    randomly = random.Random(11)
    nothing = 0
    for _ in range(CREATION_KILLS):
        for file in tmp_path.glob("records.vault*"):
            file.unlink()
        child = Child(work)
        child.first_byte()
        time.sleep(randomly.uniform(0, whole))
        child.kill()
        if path.exists():
            Vault.open(path, passphrase()).close()
        else:
            nothing += 1
            Vault.create(path, passphrase(), kdf=cheap).close()
        with Vault.open(path, passphrase()) as vault:
            assert vault.verify() == []
        assert not VaultFiles(path).incoming.exists()
    assert nothing > 0


def test_kills_while_restoring_lose_neither_the_backup_nor_the_vault_before(
    made: tuple[VaultFiles, Unlocked], tmp_path: Path
) -> None:
    paths, unlocked = made
    with open_known(paths, unlocked) as vault:
        file, _ = vault.custody.backup(tmp_path / "my.backup")
        later = note(vault, "after the backup").id
    randomly = random.Random(13)

    def work(report: Callable[[bytes], None]) -> None:
        report(b".")
        backup.restore(file, passphrase(), paths.database, replace=True)

    present = {path.name: path.read_bytes() for path in (paths.database, paths.header)}
    for _ in range(RESTORE_KILLS):
        for path in tmp_path.glob("records.vault*"):
            path.unlink()
        for name, content in present.items():
            (tmp_path / name).write_bytes(content)
        child = Child(work)
        child.first_byte()
        time.sleep(randomly.uniform(0, 0.04))
        child.kill()
        backup.restore(file, passphrase(), paths.database, replace=True)
        with Vault.open(paths.database, passphrase()) as vault:
            assert vault.records.count() == 4
        aside = [p for p in tmp_path.glob("records.vault.replaced-*") if p.read_bytes() == present[paths.database.name]]
        assert len(aside) == 1
    for name, content in present.items():
        (tmp_path / name).write_bytes(content)
    with Vault.open(paths.database, passphrase()) as vault:
        assert vault.records.summary(later).id == later
