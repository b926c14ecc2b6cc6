"""The vault's verbs, as a shell would call them: what goes to standard output, the exit code, the files."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest
from vaulting import cheap_derivation, floor, new_vault, note, passphrase

from edge.errors import UsageError, VaultError, WrongKeyError
from edge.seal.environment import boot_command
from edge.store.secretkeys import RecoveryKey
from edge.store.vault import Vault
from edge.verbs import auditlog, narrate, vault


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time of these tests would go into Argon2 at its floor; what it costs has tests of its own."""
    cheap_derivation(monkeypatch)


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a verb on tmp_path's vault; returns (exit code, standard output)."""
    monkeypatch.setattr("edge.store.vault.tuned", floor)
    parser = argparse.ArgumentParser()
    sub = parser.add_subparsers()
    vault.add_parser(sub)
    auditlog.add_actions(sub.add_parser("audit").add_subparsers())
    words = tmp_path / "words"
    words.write_text("correct horse battery staple\n")
    monkeypatch.setenv("EDGESCRIBE_PASSPHRASE_FILE", str(words))

    def run(*words: str) -> tuple[int, str]:
        args = parser.parse_args([*words, "--vault", str(tmp_path / "records.vault")])
        assert all(folder.is_dir() for folder in args.write_dirs(args))
        code = args.run(args)
        return code, capsys.readouterr().out

    return run


def test_a_vault_s_whole_life(call, tmp_path: Path) -> None:
    code, recovery = call("vault", "create", "--recovery-key")
    assert code == 0
    (tmp_path / "paper").write_text(recovery)
    with new_opened(tmp_path) as opened:
        saved = note(opened)
        opened.edits.sign(saved.id, "Dr. A")
    assert call("vault", "verify") == (0, "")
    assert call("vault", "rotate") == (0, "")
    (tmp_path / "backups").mkdir()
    code, file = call("vault", "backup", str(tmp_path / "backups"), "--keep", "2")
    assert (code, Path(file.strip()).is_file()) == (0, True)
    code, head = call("audit", "head")
    assert code == 0
    (tmp_path / "head").write_text(head)
    code, text = call("audit", "log", "verify", "--head", str(tmp_path / "head"))
    assert (code, "not older than the head" in text) == (0, True)
    call("vault", "hold", saved.id)
    assert call("vault", "hold", saved.id, "--lift") == (0, f"{saved.id} legal hold: off\n")
    code, text = call("vault", "retention", "--set", "signed", "3650", "--set", "Draft", "ever")
    assert (code, text) == (0, "Draft: for ever\nEdited: for ever\nSigned: 3650 days\n")
    (tmp_path / "new").write_text("an entirely different phrase\n")
    paper = ("--recovery-key-file", str(tmp_path / "paper"))
    assert call("vault", "passphrase", *paper, "--new-passphrase-file", str(tmp_path / "new"))[0] == 0
    with pytest.raises(WrongKeyError):
        call("vault", "verify")
    assert call("vault", "restore", file.strip(), "--check") == (0, "")
    with pytest.raises(UsageError):
        call("vault", "restore", file.strip())
    assert call("vault", "restore", file.strip(), "--replace", *paper) == (0, "")
    assert call("vault", "export", "--plain", str(tmp_path / "out.jsonl"))[0] == 0
    assert (tmp_path / "out.jsonl").read_text().count("\n") == 1
    code, text = call("audit", "log", "verify", "--head", str(tmp_path / "head"))
    assert code == 5
    assert text.startswith("First bad entry: ")
    code, text = call("audit", "log", "show")
    assert code == 0
    found = [line.split()[3] for line in text.splitlines()]
    assert found[:2] == ["vault-created", "unlock"]
    changes = (
        "vault-created key-change create sign audit key-change key-change backup unlock-failed restore export export"
    )
    assert [event for event in found if event not in ("unlock", "lock")] == changes.split()
    assert call("vault", "recovery-key", "--remove")[0] == 0
    with pytest.raises(UsageError):
        call("vault", "recovery-key", "--remove")


def test_a_backup_is_restored_on_another_machine_with_the_paper_alone(tmp_path: Path) -> None:
    """By the program itself, sealed, in another person's home; the passphrase is forgotten."""
    with new_vault(tmp_path) as opened:
        note(opened, "Rest the knee.")
        with opened.admin.new_recovery_key(passphrase()) as key:
            (tmp_path / "paper").write_text(key.text() + "\n")
        file, _ = opened.admin.backup(tmp_path / "my.backup")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in (file.name, "paper"):
        (elsewhere / name).write_bytes((tmp_path / name).read_bytes())
    done = subprocess.run(
        boot_command(["vault", "restore", file.name, "--recovery-key-file", "paper"]),
        cwd=elsewhere,
        env={"PATH": "/usr/bin:/bin", "HOME": str(elsewhere), "LOGNAME": "dr.other"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Restored: 1 records" in done.stderr
    (restored,) = elsewhere.rglob("records.vault")
    with Vault.open(restored, RecoveryKey.parse((elsewhere / "paper").read_text())) as again:
        assert len(again.search.find("knee")) == 1
        assert again.verify() == []
        assert ("restore", "dr.other") in [(entry.event, entry.actor) for entry in again.admin.entries()]


def test_rotation_backup_and_restore_draw_their_progress(call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(vault.Narrator, "progress", lambda self, label, done, total: drawn.append(label))
    new_vault(tmp_path).close()
    call("vault", "rotate")
    assert list(dict.fromkeys(drawn)) == ["Re-encrypting", "Checking"]
    drawn.clear()
    call("vault", "backup", str(tmp_path / "my.backup"))
    assert list(dict.fromkeys(drawn)) == ["Copying", "Checking", "Writing", "Reading back"]
    drawn.clear()
    call("vault", "restore", str(tmp_path / "my.backup"), "--check")
    assert drawn[0] == "Reading back"


def new_opened(folder: Path):
    return Vault.open(folder / "records.vault", passphrase())


def no_terminal(prompt: str) -> None:
    raise UsageError("There is no terminal here.")


def test_a_synced_folder_is_named_each_time_the_vault_is_opened(
    call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(narrate.Narrator, "say", lambda _, words: said.append(words))

    def warnings(*words: str) -> list[str]:
        said.clear()
        assert call(*words)[0] == 0
        return [line for line in said if line.startswith("WARNING")]

    assert warnings("vault", "create") == warnings("vault", "retention") == []
    (tmp_path / ".stfolder").mkdir()
    for verb in ("retention", "verify"):
        (warning,) = warnings("vault", verb)
        assert f"{tmp_path} is synced by Syncthing" in warning


def test_wrong_arguments(call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_vault(tmp_path).close()
    for words in (
        ("vault", "retention", "--set", "Lost", "3"),
        ("vault", "retention", "--set", "Draft", "soon"),
        ("vault", "backup", str(tmp_path), "--keep", "0"),
    ):
        with pytest.raises(UsageError):
            call(*words)
    # The file of the present passphrase is not taken for the new one: it is asked for, and here is no terminal.
    monkeypatch.setattr("edge.vaults.read_passphrase_tty", no_terminal)
    with pytest.raises(UsageError, match="no terminal"):
        call("vault", "passphrase")
    with pytest.raises(VaultError):
        call("vault", "create")


def test_damage_is_printed_and_the_exit_code_says_so(call, tmp_path: Path) -> None:
    with new_vault(tmp_path) as opened:
        for i in range(40):
            note(opened, f"text {i} " * 100)
    content = bytearray((tmp_path / "records.vault").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "records.vault").write_bytes(content)
    code, text = call("vault", "verify")
    assert code == 5
    assert "cipher_integrity_check" in text


def test_the_verbs_load_no_cipher_before_they_run() -> None:
    """`edgescribe --help` builds every parser; it must not pay for what a vault needs."""
    code = (
        "import argparse, sys; from edge.verbs import auditlog, vault\n"
        "sub = argparse.ArgumentParser().add_subparsers(); vault.add_parser(sub)\n"
        "auditlog.add_actions(sub.add_parser('audit').add_subparsers())\n"
        "print([m for m in ('sqlcipher3', 'argon2', 'cryptography', 'zxcvbn', 'edge.store.vault') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
