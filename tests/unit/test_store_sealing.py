"""Opening a vault without the seal is left in its audit chain: by verbs, by the app, with an old kernel."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from vaulting import WORDS, new_vault, passphrase

from edge.seal.environment import clean
from edge.store.vault import Vault
from tui.vault_thread import VaultThread

ROOT = Path(__file__).resolve().parents[2]
# The verb as a person starts it, on a kernel that lacks what is named.
VERB = """
import site, sys
site.main()
sys.path.append(sys.argv.pop(1))
lacking = sys.argv.pop(1)
from edge.seal import landlock, seccomp
if lacking in ("both", "landlock"):
    landlock.restrict = lambda *_: 0
if lacking in ("both", "seccomp"):
    seccomp.install = lambda *_: 0
from edge.cli import main
raise SystemExit(main(sys.argv[1:]))
"""


def listed(folder: Path, lacking: str, *options: str) -> subprocess.CompletedProcess[str]:
    words = folder / "words"
    words.write_text(WORDS)
    environ = clean({**os.environ, "EDGESCRIBE_HOME": str(folder)})
    vault = ("--vault", str(folder / "records.vault"), "--passphrase-file", str(words))
    command = [sys.executable, "-I", "-S", "-c", VERB, str(ROOT), lacking, *options, "records", "list", *vault]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def last_unlock(folder: Path) -> dict[str, object]:
    """What the newest unlock entry but this reader's own says."""
    with Vault.open(folder / "records.vault", passphrase()) as vault:
        assert vault.admin.verify_chain(passphrase()).good
        return json.loads([entry.detail for entry in vault.admin.entries() if entry.event == "unlock"][-2])


@pytest.mark.parametrize(
    ("lacking", "options", "level"),
    [("nothing", (), "kernel"), ("nothing", ("--unsealed",), "kernel"), ("both", ("--unsealed",), "none"),
     ("landlock", ("--unsealed",), "partial"), ("seccomp", ("--unsealed",), "partial")],
)  # fmt: skip
def test_a_verb_leaves_its_level_in_the_chain(
    lacking: str, options: tuple[str, ...], level: str, tmp_path: Path
) -> None:
    new_vault(tmp_path).close()
    done = listed(tmp_path, lacking, *options)
    assert done.returncode == 0, done.stderr
    assert last_unlock(tmp_path)["seal"] == level
    assert ("NOT FULLY OFFLINE" in done.stderr) is (level != "kernel")


@pytest.mark.parametrize("lacking", ["both", "seccomp", "landlock"])
def test_without_the_full_seal_and_without_the_option_nothing_is_opened(lacking: str, tmp_path: Path) -> None:
    new_vault(tmp_path).close()
    done = listed(tmp_path, lacking)
    assert done.returncode == 7
    assert "not fully sealed" in done.stderr
    with Vault.open(tmp_path / "records.vault", passphrase()) as vault:
        assert [entry.event for entry in vault.admin.entries()] == ["vault-created", "unlock", "lock", "unlock"]


def test_the_app_s_desk_leaves_it_too(tmp_path: Path) -> None:
    """This process is not sealed, as the app started with --unsealed on such a system is not."""
    new_vault(tmp_path).close()
    thread = VaultThread(tmp_path / "records.vault")
    asyncio.run(thread.open(passphrase()))
    thread.close()
    assert last_unlock(tmp_path)["seal"] == "none"
