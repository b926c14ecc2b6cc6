"""kill -9 at random moments: during writes, during key rotation, during migration. Nothing acknowledged is lost.

A moment is before a system call that changes a file (kill_kit.py): it means the same on every machine, loaded or not.
"""

from __future__ import annotations

import importlib.util
import random
import shutil
from collections import Counter
from pathlib import Path

import kill_kit
import pytest
from alone import alone
from kill_kit import Report, Work
from vaulting import ORIGIN, SOURCE, cheap_derivation, note, open_known, passphrase, save_note

from edge.contract.note import EncounterNote, Section
from edge.store import backup, chain, db, migrations, unlock
from edge.store.files import Progress, VaultFiles
from edge.store.secret import Passphrase
from edge.store.unlock import Unlocked
from edge.store.vault import Vault

WRITE_KILLS, ROTATION_KILLS, MIGRATION_KILLS, CREATION_KILLS, RESTORE_KILLS = 200, 50, 24, 20, 20
CALLS_WRITING = 240  # some six changes
ROTATION_STAGES = ("begin", "beginning", "sealing", "copying", "checking", "replacing", "ending", "closing")
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "vaults"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[VaultFiles, Unlocked]:
    """A vault with a few records, closed, and its keys."""
    cheap = cheap_derivation(monkeypatch)
    with Vault.create(tmp_path / "records.vault", passphrase(), kdf=cheap, actor="dr.test") as vault:
        for i in range(4):
            note(vault, f"text {i} " * 100)
    return vault.paths, unlock.unlock(vault.paths, passphrase())


def write_on(paths: VaultFiles, unlocked: Unlocked, turn: int) -> Work:
    """Work for a child: save, autosave, commit, delete; a line of acknowledgement after each change returned."""

    def work(report: Report) -> None:
        vault = open_known(paths, unlocked)
        report("opened")
        for step in range(1000):
            saved = save_note(vault, f"turn {turn}", SOURCE, "soap", [Section("P", f"{step} " * 300)], ORIGIN)
            report(f"saved {saved.id}")
            document = vault.edits.document_of(saved.id)
            vault.edits.autosave(document, EncounterNote("soap", (Section("P", f"draft {turn} {step}"),)))
            report(f"draft {saved.id} draft {turn} {step}")
            if step % 3 == 0:
                vault.edits.commit(document)
            if vault.encounters.count() > 12:
                oldest = vault.encounters.list(1, 12)[0].id
                report(f"deleting {oldest}")
                vault.encounters.delete(oldest)
                report(f"deleted {oldest}")

    return work


def check(paths: VaultFiles, unlocked: Unlocked, acknowledged: dict[str, str], deleting: set[str]) -> None:
    """Both checks clean, the chain whole, and every acknowledged change there."""
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


@pytest.mark.long
@alone
def test_200_kills_while_writing(made: tuple[VaultFiles, Unlocked]) -> None:
    paths, unlocked = made
    acknowledged: dict[str, str] = {}
    randomly = random.Random(20260301)
    cut_short: Counter[str] = Counter()
    for turn in range(WRITE_KILLS):
        outcome = kill_kit.run(write_on(paths, unlocked, turn), "opened", randomly.randrange(CALLS_WRITING))
        assert outcome.killed
        deleting: set[str] = set()
        for line in outcome.said[2:]:
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
        cut_short[outcome.said[-1].split(" ")[0]] += 1
        for code in deleting:
            acknowledged.pop(code, None)
    assert set(cut_short) == {"opened", "saved", "draft", "deleting", "deleted"}, cut_short
    assert sum(cut_short.values()) == WRITE_KILLS


def each_step_once(report: Report) -> Progress:
    """Reports for the kit from progress: the first of every step."""
    told: set[str] = set()

    def tell(step: str, done: int, total: int) -> None:
        if step not in told:
            told.add(step)
            report(step)

    return tell


def rotate(paths: VaultFiles) -> Work:
    def work(report: Report) -> None:
        with Vault.open(paths.database, passphrase()) as vault:
            report("beginning")
            vault.rotate_keys(passphrase(), each_step_once(report))
            report("closing")

    return work


@pytest.mark.long
@alone
def test_50_kills_while_rotating_keys(made: tuple[VaultFiles, Unlocked]) -> None:
    paths, _ = made
    whole = kill_kit.run(rotate(paths))
    assert whole.said == ROTATION_STAGES
    randomly = random.Random(7)
    salts: set[bytes] = set()
    hit: Counter[str] = Counter()
    with Vault.open(paths.database, passphrase()) as vault:
        saved = [r.id for r in vault.encounters.list()]
    for after, stops in kill_kit.moments(whole, ROTATION_KILLS, randomly):
        outcome = kill_kit.run(rotate(paths), after, stops)
        hit[outcome.said[-1]] += outcome.killed
        salts.add(paths.database.read_bytes()[:16])
        with Vault.open(paths.database, passphrase()) as vault:
            assert [r.id for r in vault.encounters.list()] == saved
            assert vault.verify() == []
            assert vault.admin.verify_chain(passphrase()).good
        assert not paths.incoming.exists()
    assert sum(hit.values()) > ROTATION_KILLS - 5
    assert all(hit[stage] >= ROTATION_KILLS // len(ROTATION_STAGES) - 2 for stage in ROTATION_STAGES), hit
    assert len(salts) >= hit["closing"]


@pytest.mark.parametrize("version", range(1, migrations.LATEST))
@alone
def test_kills_while_migrating_each_golden_vault(version: int, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("golden_make", GOLDEN / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    paths = VaultFiles(tmp_path / "records.vault")

    def fresh() -> None:
        for path in tmp_path.glob("records.vault*"):
            path.unlink()
        for suffix in ("", ".keys"):
            shutil.copy(GOLDEN / f"v{version}.vault{suffix}", tmp_path / f"records.vault{suffix}")

    def work(report: Report) -> None:
        open_known(paths, unlocked)

    def state() -> tuple[int, bool]:
        connection = db.connect(paths.database, unlocked.keys.database)
        try:
            return db.user_version(connection), paths.before_migration(version).exists()
        finally:
            connection.close()

    fresh()
    unlocked = unlock.unlock(paths, Passphrase(module.PASSPHRASE))
    whole = kill_kit.run(work)
    randomly = random.Random(version)
    cut_off, states = 0, set()
    for _ in range(MIGRATION_KILLS):
        fresh()
        for _again in range(3):
            cut_off += kill_kit.run(work, stops=randomly.randrange(whole.stops)).killed
            states.add(state())
        with open_known(paths, unlocked) as vault:
            assert vault.verify() == []
            assert [r.title for r in vault.encounters.list()] == [f"Golden visit {n}" for n in (3, 2, 1)]
            assert len(vault.search.find("ibuprofen")) == 3
            assert chain.verify(vault.session.connection, unlocked.keys.audit).good
    assert cut_off >= MIGRATION_KILLS
    assert states >= {(version, False), (version, True), (migrations.LATEST, True)}


@alone
def test_kills_while_creating_leave_nothing_or_a_whole_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = cheap_derivation(monkeypatch)
    path = tmp_path / "records.vault"

    def work(report: Report) -> None:
        Vault.create(path, passphrase(), kdf=cheap).close()

    whole = kill_kit.run(work)
    randomly = random.Random(11)
    nothing = 0
    for _ in range(CREATION_KILLS):
        for file in tmp_path.glob("records.vault*"):
            file.unlink()
        assert kill_kit.run(work, stops=randomly.randrange(whole.stops * 9 // 10)).killed
        if path.exists():
            Vault.open(path, passphrase()).close()
        else:
            nothing += 1
            Vault.create(path, passphrase(), kdf=cheap).close()
        with Vault.open(path, passphrase()) as vault:
            assert vault.verify() == []
        assert not VaultFiles(path).incoming.exists()
    assert 0 < nothing < CREATION_KILLS


@alone
def test_kills_while_restoring_lose_neither_the_backup_nor_the_vault_before(
    made: tuple[VaultFiles, Unlocked], tmp_path: Path
) -> None:
    paths, unlocked = made
    with open_known(paths, unlocked) as vault:
        file, _ = vault.admin.backup(tmp_path / "my.backup")
        later = note(vault, "after the backup").id
    randomly = random.Random(13)

    def work(report: Report) -> None:
        backup.restore(file, passphrase(), paths.database, replace=True)

    present = {path.name: path.read_bytes() for path in (paths.database, paths.header)}

    def fresh() -> None:
        for path in tmp_path.glob("records.vault*"):
            path.unlink()
        for name, content in present.items():
            (tmp_path / name).write_bytes(content)

    whole = kill_kit.run(work)
    states = set()
    for _ in range(RESTORE_KILLS):
        fresh()
        assert kill_kit.run(work, stops=randomly.randrange(whole.stops)).killed
        states.add((paths.incoming.exists(), paths.header.exists(), paths.database.exists()))
        backup.restore(file, passphrase(), paths.database, replace=True)
        with Vault.open(paths.database, passphrase()) as vault:
            assert vault.encounters.count() == 4
        aside = [p for p in tmp_path.glob("records.vault.replaced-*") if p.read_bytes() == present[paths.database.name]]
        assert len(aside) == 1
    assert len(states) > 2, states
    fresh()
    with Vault.open(paths.database, passphrase()) as vault:
        assert vault.encounters.summary(later).id == later
