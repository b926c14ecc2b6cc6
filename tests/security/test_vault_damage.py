"""Flipped bytes, swapped pages, lost ends, older files, hostile key files, a full disk: found, named, nothing worse."""

from __future__ import annotations

import hashlib
import json
import random
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from alone import alone
from vaulting import FLOOR, Child, cheap_derivation, new_vault, note, open_known, passphrase

from edge.errors import DamagedVaultError, EdgescribeError, VaultBusyError, WrongKeyError
from edge.store import db, header, kdf, unlock
from edge.store.files import VaultFiles
from edge.store.vault import Vault

PAGE = 4096


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A closed vault of some dozens of pages, cheap to unlock."""
    cheap = cheap_derivation(monkeypatch)
    with Vault.create(tmp_path / "records.vault", passphrase(), kdf=cheap, actor="dr.test") as vault:
        for i in range(12):
            note(vault, f"text {i} " * 300)
    return vault.paths


def is_found(paths, content: bytes, unlocked) -> bool:
    """Whether opening or verifying a vault with this record file says that it is damaged."""
    paths.database.write_bytes(content)
    try:
        vault = open_known(paths, unlocked)
    except DamagedVaultError:
        return True
    with vault:
        return vault.verify() != []


def test_a_flipped_byte_on_any_page_is_found(paths) -> None:
    good, unlocked = paths.database.read_bytes(), unlock.unlock(paths, passphrase())
    randomly = random.Random(1)
    places = [page + randomly.randrange(PAGE) for page in range(0, len(good), PAGE)]
    places += [randomly.randrange(16, len(good)) for _ in range(40)]
    assert len(places) > 60
    for at in places:
        if at >= 16:
            bad = bytearray(good)
            bad[at] ^= 1 << randomly.randrange(8)
            assert is_found(paths, bytes(bad), unlocked), at
    for at in range(16):  # the salt: the two files no longer belong together
        bad = bytearray(good)
        bad[at] ^= 1
        paths.database.write_bytes(bad)
        with pytest.raises(DamagedVaultError):
            Vault.open(paths.database, passphrase())
    assert not is_found(paths, good, unlocked)


def test_swapped_lost_and_added_pages_are_found(paths) -> None:
    good, unlocked = paths.database.read_bytes(), unlock.unlock(paths, passphrase())
    count = len(good) // PAGE
    randomly = random.Random(2)
    page = [good[i * PAGE : (i + 1) * PAGE] for i in range(count)]
    for _ in range(30):
        a, b = randomly.sample(range(1, count), 2)
        swapped = list(page)
        swapped[a], swapped[b] = swapped[b], swapped[a]
        assert is_found(paths, b"".join(swapped), unlocked), (a, b)
    for kept in (1, 2, count // 2, count - 2, count - 1):
        assert is_found(paths, good[: kept * PAGE], unlocked), f"{kept} of {count} pages"
    for size in (0, 1, 15, 16, 100, PAGE - 1, len(good) - 1, len(good) - PAGE // 2):
        assert is_found(paths, good[:size], unlocked), size
    assert is_found(paths, b"".join([*page[:5], bytes(PAGE), *page[6:]]), unlocked)
    assert not is_found(paths, good, unlocked)


def test_an_older_page_put_back_is_found_or_harmless_and_an_older_file_by_the_head(paths) -> None:
    """Both checks miss a whole older file: that is what a signed head is for (docs/threat-model.md)."""
    unlocked = unlock.unlock(paths, passphrase())
    old = paths.database.read_bytes()
    with open_known(paths, unlocked) as vault:
        for i in range(3):
            note(vault, f"later {i} " * 300)
        head = vault.admin.signed_head(passphrase())
    paths.database.write_bytes(old)
    with open_known(paths, unlocked) as vault:
        assert vault.verify() == []
        report = vault.admin.verify_chain(passphrase(), head)
        assert not report.good


def test_a_damaged_vault_is_damaged_not_a_wrong_key(paths) -> None:
    content = bytearray(paths.database.read_bytes())
    content[16:PAGE] = bytes(PAGE - 16)
    paths.database.write_bytes(content)
    with pytest.raises(DamagedVaultError):
        Vault.open(paths.database, passphrase())


def rewritten(content: bytes, change) -> bytes:
    """A key file with a change and the checksum that goes with it, as somebody hostile would write it."""
    raw = json.loads(content)
    raw.pop("checksum")
    change(raw)
    canonical = json.dumps(raw, sort_keys=True, separators=(",", ":")).encode()
    return json.dumps(raw | {"checksum": hashlib.sha256(canonical).hexdigest()}).encode()


def kdf_change(**values):
    return lambda raw: raw["slots"][0]["kdf"].update(values)


HOSTILE = {
    "2 TiB of memory": kdf_change(memory_kib=2**31),
    "over the ceiling": kdf_change(memory_kib=1024 * 1024 + 1),
    "negative memory": kdf_change(memory_kib=-1),
    "under the floor": kdf_change(memory_kib=64 * 1024 - 1),
    "float": kdf_change(memory_kib=65536.0),
    "text": kdf_change(memory_kib="65536"),
    "true": kdf_change(passes=True),
    "no passes": kdf_change(passes=0),
    "a million passes": kdf_change(passes=10**6),
    "2^64 passes": kdf_change(passes=2**64),
    "no lanes": kdf_change(lanes=0),
    "2^24 lanes": kdf_change(lanes=2**24),
    "another name": kdf_change(name="argon2i"),
    "kdf is a list": lambda raw: raw["slots"][0].update(kdf=[1]),
    "no kdf": lambda raw: raw["slots"][0].pop("kdf"),
    "salt too short": lambda raw: raw["slots"][0].update(salt="00"),
    "salt too long": lambda raw: raw["slots"][0].update(salt="00" * 10_000),
    "salt no hex": lambda raw: raw["slots"][0].update(salt="zz" * 16),
    "box too long": lambda raw: raw["slots"][0].update(box="00" * 10_000),
    "no slots": lambda raw: raw.update(slots=[]),
    "slots are text": lambda raw: raw.update(slots="passphrase"),
    "nine slots": lambda raw: raw.update(slots=raw["slots"] * 9),
    "two passphrase slots": lambda raw: raw.update(slots=raw["slots"] * 2),
    "slot is a list": lambda raw: raw.update(slots=[["kind"]]),
    "kind is a list": lambda raw: raw["slots"][0].update(kind=["passphrase"]),
    "unknown slot": lambda raw: raw["slots"][0].update(kind="backdoor"),
    "slot is null": lambda raw: raw.update(slots=[None]),
    "sealed is null": lambda raw: raw.update(sealed=None),
    "sealed too long": lambda raw: raw["sealed"].update(box="00" * 20_000),
    "vault id": lambda raw: raw.update(vault_id="../../etc/passwd"),
    "generation": lambda raw: raw.update(generation="1"),
    "low order point": lambda raw: raw["slots"].append(
        {"kind": "recovery", "public": "00" * 32, "ephemeral": "00" * 32, "box": "00" * 48}
    ),
}


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> tuple[VaultFiles, bytes]:
    """A vault with derivation at the real floor, and its key file's content."""
    with new_vault(tmp_path_factory.mktemp("ordinary")) as vault:
        return vault.paths, vault.paths.header.read_bytes()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_key_files_are_refused_before_they_cost_anything(
    name: str, ordinary: tuple[VaultFiles, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most the one derivation at the floor that the file honestly asks for, in time as in memory."""
    costs: list[tuple[int, int, int]] = []

    def counted(context, kind: int) -> int:
        costs.append((context.m_cost, context.t_cost, context.lanes))
        return core(context, kind)

    core = kdf.core
    monkeypatch.setattr(kdf, "core", counted)
    paths, good = ordinary
    paths.header.write_bytes(rewritten(good, HOSTILE[name]))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DamagedVaultError):
        Vault.open(paths.database, passphrase())
    assert costs in ([], [(FLOOR.memory_kib, FLOOR.passes, FLOOR.lanes)])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 70 * 1024  # KiB: one derivation at the floor


def test_a_hostile_point_in_the_recovery_slot_is_a_wrong_key(tmp_path: Path) -> None:
    """The public half of the recovery key is readable, so a forged slot can name it."""
    with new_vault(tmp_path) as vault:
        recovery = vault.admin.new_recovery_key(passphrase())
    for point in ("00" * 32, "01" + "00" * 31):
        content = rewritten(vault.paths.header.read_bytes(), lambda raw, p=point: raw["slots"][1].update(ephemeral=p))
        vault.paths.header.write_bytes(content)
        with pytest.raises(WrongKeyError):
            Vault.open(vault.paths.database, recovery)


def test_random_bytes_as_key_file_never_raise_anything_unnamed(paths) -> None:
    good = paths.header.read_bytes()
    randomly, refused = random.Random(3), 0
    for _ in range(300):
        bad = bytearray(good)
        for _ in range(randomly.randrange(1, 4)):
            bad[randomly.randrange(len(bad))] = randomly.randrange(256)
        if bytes(bad) == good:
            continue
        paths.header.write_bytes(bad)
        try:
            Vault.open(paths.database, passphrase()).close()
        except EdgescribeError:
            refused += 1
        else:  # white space between the parts: the same content
            assert header.parse(bytes(bad)) == header.parse(good)
    assert refused > 250


FULL_DISK = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from vaulting import FLOOR, note, passphrase
from edge.errors import VaultError
from edge.store.vault import Vault

folder = Path(sys.argv[1])
ballast = folder / "ballast"
ballast.write_bytes(b"x" * 2_500_000)
with Vault.create(folder / "records.vault", passphrase(), kdf=FLOOR) as vault:
    saved = []
    try:
        while True:
            saved.append(note(vault, "text " * 3000).id)
    except VaultError as error:
        assert "full" in str(error).lower(), error
    assert len(saved) > 3
    assert sorted(r.id for r in vault.encounters.list(1000)) == sorted(saved)
    try:
        vault.admin.backup(folder)
        raise SystemExit("a backup fitted on a full disk")
    except VaultError:
        pass
    assert not list(folder.glob("*.backup")), list(folder.iterdir())
    assert not list(folder.glob(".records*")), list(folder.iterdir())
    try:
        vault.rotate_keys(passphrase())
        raise SystemExit("a rotation fitted on a full disk")
    except VaultError:
        pass
try:
    Vault.create(folder / "second.vault", passphrase(), kdf=FLOOR)
    raise SystemExit("a second vault fitted on a full disk")
except VaultError:
    pass
assert not (folder / "second.vault").exists()
ballast.unlink()
with Vault.open(folder / "records.vault", passphrase()) as vault:
    assert sorted(r.id for r in vault.encounters.list(1000)) == sorted(saved)
    assert vault.verify() == []
    saved.append(note(vault, "after").id)
    vault.rotate_keys(passphrase())
    assert vault.verify() == []
    assert vault.admin.verify_chain(passphrase()).good
print(len(saved))
"""


def test_a_full_disk_loses_nothing_and_says_so(tmp_path: Path) -> None:
    """On a tmpfs of 4 MB in a mount namespace of its own."""
    mount = tmp_path / "small"
    mount.mkdir()
    shell = 'mount -t tmpfs -o size=4m tmpfs "$1" && exec "$2" -c "$3" "$1" "$4"'
    unshare = shutil.which("unshare")
    assert unshare, "util-linux is part of a plain Linux"
    arguments = ["sh", str(mount), sys.executable, FULL_DISK, str(Path(__file__).resolve().parents[1])]
    done = subprocess.run(
        [unshare, "--user", "--map-root-user", "--mount", "sh", "-c", shell, *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 4


@alone
def test_a_second_writer_is_told_and_the_first_one_s_death_frees_the_vault(
    paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(report) -> None:
        with Vault.open(paths.database, passphrase()):
            report(b".")
            signal.pause()

    child = Child(work)
    assert child.first_byte() == b"."
    # Refused before a key is derived and without waiting for SQLite's lock, which is never asked.
    with monkeypatch.context() as patch:
        patch.setattr(unlock, "unlock", None)
        patch.setattr(db, "connect", None)
        with pytest.raises(VaultBusyError, match="open in another program"):
            Vault.open(paths.database, passphrase())
    child.kill()
    Vault.open(paths.database, passphrase()).close()
