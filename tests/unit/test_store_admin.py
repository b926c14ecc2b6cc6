"""The audit chain, signed heads, backup, restore, plain export, retention and folder warnings."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from alone import alone
from vaulting import (
    FLOOR,
    ORIGIN,
    SOURCE,
    Child,
    SetClock,
    cheap_derivation,
    events,
    new_vault,
    note,
    passphrase,
    save_note,
    unfenced,
)

from edge.contract.encounter import State
from edge.contract.note import EncounterNote
from edge.errors import (
    DamagedVaultError,
    InputError,
    NotAVaultError,
    UsageError,
    VaultBusyError,
    VaultError,
    WrongKeyError,
)
from edge.store import backup, place
from edge.store.files import VaultLock
from edge.store.vault import Vault


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time of these tests would go into Argon2 at its floor; what it costs has tests of its own."""
    cheap_derivation(monkeypatch)


@pytest.fixture
def vault(tmp_path: Path):
    with new_vault(tmp_path / "clinic") as opened:
        yield opened


def test_the_chain_tells_what_was_done_and_nothing_of_patients(vault: Vault, tmp_path: Path) -> None:
    saved = note(vault, "CANARY in the text", "CANARY Jane Roe")
    vault.encounters.get(saved.id)
    vault.edits.save(vault.edits.document_of(saved.id), EncounterNote("soap"))
    vault.edits.sign(saved.id, "Dr. A")
    vault.encounters.hold(saved.id)
    vault.encounters.hold(saved.id, on=False)
    vault.admin.backup(tmp_path)
    vault.export_plain(passphrase(), tmp_path / "out.jsonl")
    for _ in range(2):
        save_note(vault, "v", SOURCE, "soap", [], replace(ORIGIN, bundle="newer", bundle_sha256="c" * 64))
    vault.encounters.delete(saved.id, signed_too=True)
    assert events(vault) == [
        "vault-created", "unlock", "create", "view", "edit", "sign", "legal-hold", "legal-hold", "backup", "export",
        "export", "bundle-change", "create", "create", "delete",
    ]  # fmt: skip
    text = json.dumps([(e.subject, e.detail, e.actor) for e in vault.admin.entries()])
    assert "CANARY" not in text
    assert "Jane" not in text


def forge(vault: Vault, statement: str) -> None:
    unfenced(vault)
    for trigger in ("chain_never_changes", "chain_never_shrinks"):
        vault.session.connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    vault.session.connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "first_bad"),
    [
        ("UPDATE chain SET at = '2020-01-01T00:00:00.000Z' WHERE seq = 4", 4),
        ("UPDATE chain SET actor = 'x' WHERE seq = 1", 1),
        ("UPDATE chain SET subject = '' WHERE seq = 3", 3),
        ("DELETE FROM chain WHERE seq = 5", 5),
        ("UPDATE chain SET mac = zeroblob(32) WHERE seq = 6", 6),
        ("DELETE FROM chain WHERE seq >= 6", 6),
        (
            "INSERT INTO chain SELECT 99, at, event, subject, detail, actor, mac, states, root FROM chain"
            " WHERE seq = 6",
            9,
        ),
        ("UPDATE chain_state SET seq = 3, mac = (SELECT mac FROM chain WHERE seq = 3)", 9),
    ],
)
def test_verification_names_the_first_bad_entry(vault: Vault, statement: str, first_bad: int) -> None:
    for i in range(6):
        note(vault, f"text {i}")
    assert vault.session.query("SELECT max(seq) FROM chain") == [(8,)]
    forge(vault, statement)
    report = vault.admin.verify_chain(passphrase())
    assert (report.good, report.first_bad) == (False, first_bad)
    assert report.why
    if "chain_state" in statement or "99" in statement:
        vault.close()
        with pytest.raises(DamagedVaultError, match="chain"):
            Vault.open(vault.paths.database, passphrase())
        with Vault.open(vault.paths.database, passphrase(), beside=True) as auditor:
            assert auditor.admin.verify_chain(passphrase()).first_bad == first_bad


def test_a_head_kept_elsewhere_finds_an_older_file(vault: Vault) -> None:
    note(vault)
    vault.close()
    old = {path: path.read_bytes() for path in (vault.paths.database, vault.paths.header)}
    with Vault.open(vault.paths.database, passphrase()) as again:
        note(again)
        head = again.admin.signed_head(passphrase())
        assert again.admin.verify_chain(passphrase(), head).good
        note(again)
        assert again.admin.verify_chain(passphrase(), head).good
    for path, content in old.items():
        path.write_bytes(content)
    with Vault.open(vault.paths.database, passphrase()) as again:
        assert again.verify() == []
        assert again.admin.verify_chain(passphrase()).good
        report = again.admin.verify_chain(passphrase(), head)
        assert not report.good
        assert "older file" in report.why or "differs" in report.why


def test_a_regrown_old_file_differs_from_the_head(vault: Vault) -> None:
    note(vault)
    vault.close()
    old = vault.paths.database.read_bytes()
    with Vault.open(vault.paths.database, passphrase()) as again:
        head = again.admin.signed_head(passphrase())
    vault.paths.database.write_bytes(old)
    with Vault.open(vault.paths.database, passphrase()) as again:
        for _ in range(5):
            note(again)
        report = again.admin.verify_chain(passphrase(), head)
        assert report.first_bad is not None
        assert "differs" in report.why


def test_heads_are_signed_and_belong_to_one_vault(vault: Vault, tmp_path: Path) -> None:
    head = vault.admin.signed_head(passphrase())
    with pytest.raises(InputError, match="altered"):
        vault.admin.verify_chain(passphrase(), head.replace("entries: 2", "entries: 1"))
    with pytest.raises(InputError, match="not an audit head"):
        vault.admin.verify_chain(passphrase(), "hello")
    with new_vault(tmp_path / "other") as other, pytest.raises(InputError, match="another vault"):
        other.admin.verify_chain(passphrase(), head)


def test_a_head_can_be_checked_with_openssl(vault: Vault, tmp_path: Path) -> None:
    """The commands as docs/threat-model.md has them, in a plain shell."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "threat-model.md").read_text(encoding="utf-8")
    section = text.split("## Checking a head without this program")[1].split("\n## ")[0]
    commands = [line[4:] for line in section.splitlines() if line.startswith("    ")]
    assert len(commands) == 4

    def shell() -> int:
        script = " &&\n".join(commands)
        return subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, check=False).returncode

    head = vault.admin.signed_head(passphrase())
    (tmp_path / "head.txt").write_text(head)
    assert shell() == 0
    (tmp_path / "head.txt").write_text(head.replace("entries: 2", "entries: 3"))
    assert shell() != 0


def test_backup_beside_the_running_program_and_restore_elsewhere(vault: Vault, tmp_path: Path) -> None:
    saved = [note(vault, f"text {i}") for i in range(3)]
    recovery = vault.admin.new_recovery_key(passphrase())
    with Vault.open(vault.paths.database, passphrase(), beside=True) as guest:
        file, manifest = guest.admin.backup(tmp_path)
        with pytest.raises(VaultError, match="another program"):
            guest.admin.change_passphrase(passphrase(), passphrase("an entirely different phrase"))
    saved.append(note(vault, "after the backup"))
    assert manifest.counts["encounter"] == 3
    assert file.stat().st_mode & 0o077 == 0
    assert vault.admin.verify_chain(passphrase()).good
    for i, secret in enumerate((passphrase(), recovery)):
        target = tmp_path / f"machine{i}" / "records.vault"
        assert backup.restore(file, secret, target) == manifest
        with Vault.open(target, secret) as again:
            assert [r.id for r in again.encounters.list()] == [s.id for s in saved[2::-1]]
            assert again.verify() == []
            assert again.admin.verify_chain(secret).good
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == [file.name]


@alone
def test_backups_are_whole_while_another_program_writes(vault: Vault, tmp_path: Path) -> None:
    path = vault.paths.database
    vault.close()

    def write(report) -> None:
        with Vault.open(path, passphrase()) as writer:
            report(b".")
            while True:
                note(writer, "text " * 200)
                report(b".")
                time.sleep(0.01)  # who polls for the lock starves beside a writer that never lets go of it

    child = Child(write)
    child.first_byte()
    made = []
    with Vault.open(path, passphrase(), beside=True) as guest:
        for i in range(5):
            made.append(guest.admin.backup(tmp_path / f"{i}.backup")[0])
            child.until(b".", 1)  # at least one more note by now
    child.kill()
    sizes = [backup.check(file, passphrase()).counts["encounter"] for file in made]
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]
    target = tmp_path / "elsewhere" / "records.vault"
    backup.restore(made[-1], passphrase(), target)
    with Vault.open(target, passphrase()) as again:
        assert again.verify() == []
        assert again.admin.verify_chain(passphrase()).good


def test_restore_sets_the_present_vault_aside(vault: Vault, tmp_path: Path) -> None:
    file, _ = vault.admin.backup(tmp_path / "my.backup")
    note(vault)
    with pytest.raises(VaultBusyError):
        backup.restore(file, passphrase(), vault.paths.database, replace=True)
    vault.close()
    with pytest.raises(UsageError, match="already"):
        backup.restore(file, passphrase(), vault.paths.database)
    backup.restore(file, passphrase(), vault.paths.database, replace=True)
    with Vault.open(vault.paths.database, passphrase()) as again:
        assert again.encounters.count() == 0
    aside = next(p for p in vault.paths.database.parent.glob("*.replaced-*") if not p.name.endswith(".keys"))
    with Vault.open(aside, passphrase()) as old:
        assert old.encounters.count() == 1


def test_every_flipped_or_lost_byte_of_a_backup_is_found(vault: Vault, tmp_path: Path) -> None:
    note(vault)
    file, _ = vault.admin.backup(tmp_path / "my.backup")
    good = file.read_bytes()
    present = vault.paths.database.read_bytes()
    vault.close()
    places = [*range(24), 100, 700, 1500, 2500, len(good) // 2, len(good) - 1]
    for at in places:
        bad = bytearray(good)
        bad[at] ^= 1
        file.write_bytes(bad)
        with pytest.raises((DamagedVaultError, NotAVaultError, WrongKeyError)):
            backup.restore(file, passphrase(), vault.paths.database, replace=True)
    for size in (0, 10, 25, 900, 3000, len(good) - 4096, len(good) - 1, None):
        file.write_bytes(good[:size] if size is not None else good + b"\0")
        with pytest.raises((DamagedVaultError, NotAVaultError)):
            backup.restore(file, passphrase(), vault.paths.database, replace=True)
    assert list(vault.paths.database.parent.glob("*.replaced-*")) == []
    assert len(present) > 0
    with Vault.open(vault.paths.database, passphrase()) as again:
        assert again.encounters.count() == 1
    file.write_bytes(good)
    assert backup.check(file, passphrase()).counts["encounter"] == 1
    with pytest.raises(WrongKeyError):
        backup.check(file, passphrase("some other words here"))


def test_long_work_tells_how_far_it_is(vault: Vault, tmp_path: Path) -> None:
    for i in range(12):
        note(vault, f"{i} " * 60_000)  # over 1 MiB, so that a copy takes more than one step
    told: list[tuple[str, int, int]] = []

    def tell(step: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        told.append((step, done, total))

    def steps() -> list[str]:
        found = list(dict.fromkeys(step for step, _, _ in told))
        for step in ("copying", "checking", "writing", "reading"):
            shares = [done / total for name, done, total in told if name == step]
            assert shares == sorted(shares), step
            assert not shares or (shares[-1] == 1 and len(shares) >= 2), (step, shares)
        told.clear()
        return found

    file, _ = vault.admin.backup(tmp_path / "my.backup", progress=tell)
    assert steps() == ["copying", "checking", "writing", "reading"]
    vault.rotate_keys(passphrase(), tell)
    assert steps() == ["sealing", "copying", "checking", "replacing", "ending"]
    backup.check(file, passphrase(), tell)
    assert steps() == ["reading"]
    backup.restore(file, passphrase(), tmp_path / "elsewhere" / "records.vault", progress=tell)
    assert steps() == ["reading", "checking"]


def test_backups_rotate_and_leave_foreign_files(tmp_path: Path) -> None:
    clock = SetClock()
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "records-20200101T000000000Z.backup").write_text("somebody's file of that name")
    (folder / "notes.txt").write_text("x")
    with new_vault(tmp_path, clock=clock) as vault:
        made = []
        for _ in range(5):
            made.append(vault.admin.backup(folder, keep=3)[0])
            clock.forward(hours=1)
        with pytest.raises(VaultError, match="exists"):
            vault.admin.backup(made[-1])
    assert sorted(folder.glob("records-2026*")) == made[2:]
    assert len(list(folder.iterdir())) == 5


def test_no_backup_while_files_are_replaced(vault: Vault, tmp_path: Path) -> None:
    with VaultLock(vault.paths.maintenance).hold(), pytest.raises(VaultBusyError):
        vault.admin.backup(tmp_path)
    assert list(tmp_path.glob("*.backup")) == []


def test_plain_export_asks_again(vault: Vault, tmp_path: Path) -> None:
    saved = note(vault, "Rest.")
    vault.edits.sign(saved.id, "Dr. A")
    out = tmp_path / "out.jsonl"
    with pytest.raises(WrongKeyError):
        vault.export_plain(passphrase("not the passphrase"), out)
    assert not out.exists()
    assert vault.export_plain(passphrase(), out) == 1
    (line,) = out.read_text(encoding="utf-8").splitlines()
    record = json.loads(line)
    assert record["summary"]["id"] == saved.id
    assert record["sources"][0]["text"] == SOURCE.text
    assert record["documents"][0]["content"]["sections"][1]["text"] == "Rest."
    assert record["signatures"][0]["signer"] == "Dr. A"
    assert out.stat().st_mode & 0o077 == 0
    with pytest.raises(VaultError, match="exists"):
        vault.export_plain(passphrase(), out)


def test_retention_with_hold_dry_run_and_clock(tmp_path: Path) -> None:
    clock = SetClock()
    with new_vault(tmp_path, clock=clock) as vault:
        old = [note(vault, f"old {i}") for i in range(3)]
        vault.encounters.hold(old[0].id)
        vault.edits.sign(old[1].id, "Dr. A")
        clock.forward(days=31)
        new = note(vault, "new")
        assert vault.retention.plan().due == ()
        vault.retention.set_policy({State.DRAFT: 30, State.SIGNED: 3650})
        assert vault.retention.policy() == {State.DRAFT: 30, State.SIGNED: 3650}
        plan = vault.retention.plan()
        assert [r.id for r in plan.due] == [old[2].id]
        assert plan.held == 1
        assert vault.encounters.count() == 4
        assert vault.retention.purge() == plan
        assert {r.id for r in vault.encounters.list()} == {old[0].id, old[1].id, new.id}
        assert events(vault)[-1] == "purge"
        with pytest.raises(VaultError, match="hold"):
            vault.encounters.delete(old[0].id)
        vault.retention.set_policy({State.DRAFT: None})
        assert vault.retention.policy() == {State.SIGNED: 3650}
        with pytest.raises(UsageError):
            vault.retention.set_policy({State.DRAFT: 0})


def test_synced_and_network_folders_are_named(tmp_path: Path) -> None:
    mounts = (
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "30 22 0:50 / /mnt/share rw - cifs //server/share rw\n"
        "31 22 0:51 / /mnt/with\\040space rw - nfs4 host:/x rw\n"
        "32 31 8:2 / /mnt/with\\040space/local rw - ext4 /dev/sdb1 rw\n"
    )
    named = {
        "/home/a/Dropbox/records.vault": "Dropbox",
        "/home/a/OneDrive - Clinic/x/records.vault": "OneDrive",
        "/Users/a/Library/Mobile Documents/com~apple~CloudDocs/records.vault": "iCloud Drive",
        "/Users/a/Library/CloudStorage/GoogleDrive-a@example.org/records.vault": "Google Drive",
        "/home/a/Nextcloud/records.vault": "Nextcloud",
        "/mnt/share/records.vault": "cifs",
        "/mnt/with space/records.vault": "nfs4",
    }
    for path, service in named.items():
        assert service in (place.warning(Path(path), mounts) or ""), path
    for path in (
        "/home/a/records.vault",
        "/mnt/with space/local/records.vault",
        "/home/sync-notes/boxes/records.vault",
    ):
        assert place.warning(Path(path), mounts) is None, path
    (tmp_path / ".stfolder").mkdir()
    assert "Syncthing" in (place.warning(tmp_path / "deep" / "records.vault", mounts) or "")


def test_opening_beside_needs_the_current_schema_and_no_other_guest(vault: Vault) -> None:
    with Vault.open(vault.paths.database, passphrase(), beside=True), pytest.raises(VaultBusyError):
        Vault.open(vault.paths.database, passphrase(), beside=True)
    assert FLOOR.memory_kib == 65536
