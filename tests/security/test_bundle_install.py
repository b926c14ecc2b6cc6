"""Signed, packed, installed, rolled back: and every archive that is not what IT packed leaves the laptop as it was."""

from __future__ import annotations

import io
import json
import shutil
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from bundle_kit import contents, edit_manifest, write_bundle

from edge import install as installer
from edge.contract.bundle import list_bundles, verify_bundle
from edge.contract.manifest import canonical
from edge.contract.signing import PublicKey, read_key, trust, trusted_keys
from edge.errors import BundleError, UsageError
from export.archive import pack_archive
from export.sign import keygen, sign

PASSPHRASE = "correct horse battery"


@pytest.fixture(scope="module")
def key_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return keygen("hospital-it", tmp_path_factory.mktemp("keys"), PASSPHRASE)


@pytest.fixture
def keys(key_pair: tuple[Path, Path]) -> dict[str, PublicKey]:
    key = read_key(key_pair[1])
    return {key.key_id: key}


@pytest.fixture
def signed(tmp_path: Path, key_pair: tuple[Path, Path]) -> Path:
    folder = write_bundle(tmp_path / "built" / "tiny")
    sign(folder, key_pair[0], PASSPHRASE)
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "laptop"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# --- keys and signatures ---------------------------------------------------------------------------------------------


def test_the_private_key_is_sealed_and_for_its_owner_only(key_pair: tuple[Path, Path]) -> None:
    private, public = key_pair
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert read_key(public).name == "hospital-it"
    for name in ("format", "kdf", "sealed"):
        assert name in json.loads(private.read_text())


def test_a_key_is_never_overwritten_and_needs_a_long_passphrase(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too short"):
        keygen("a", tmp_path, "short")
    with pytest.raises(UsageError, match="cannot name a key"):
        keygen("../a", tmp_path, PASSPHRASE)
    keygen("a", tmp_path, PASSPHRASE)
    with pytest.raises(UsageError, match="exists already"):
        keygen("a", tmp_path, PASSPHRASE)


def test_a_wrong_passphrase_or_a_changed_key_file_does_not_sign(
    tmp_path: Path, signed: Path, key_pair: tuple[Path, Path]
) -> None:
    with pytest.raises(UsageError, match="does not open"):
        sign(signed, key_pair[0], "another passphrase")
    value = json.loads(key_pair[0].read_text())
    changed = tmp_path / "changed.key"
    changed.write_bytes(canonical({**value, "public": value["public"].replace("hospital-it", "somebody")}))
    with pytest.raises(UsageError, match="does not open"):
        sign(signed, changed, PASSPHRASE)
    for raw in (b"", b"{}", b"[]", b"\xff", canonical({**value, "kdf": {**value["kdf"], "memory_kib": 1 << 40}})):
        changed.write_bytes(raw)
        with pytest.raises(UsageError, match="is not a signing key"):
            sign(signed, changed, PASSPHRASE)


def test_trust_is_pinned_and_not_replaced(tmp_path: Path, home: Path, key_pair: tuple[Path, Path]) -> None:
    key = trust(key_pair[1])
    assert trusted_keys() == {key.key_id: key}
    assert trust(key_pair[1]) == key
    _, impostor = keygen("hospital-it", tmp_path / "other", PASSPHRASE)
    with pytest.raises(UsageError, match="Another key named 'hospital-it'"):
        trust(impostor)
    assert trusted_keys() == {key.key_id: key}
    (tmp_path / "x.pub").write_text("ssh-ed25519 AAAA somebody\n")
    with pytest.raises(UsageError, match="not a public key"):
        trust(tmp_path / "x.pub")


def test_a_signature_is_seen_and_demanded(
    signed: Path, keys: dict[str, PublicKey], key_pair: tuple[Path, Path]
) -> None:
    assert verify_bundle(signed, keys=keys, require_signature=True).signed_by == "hospital-it"
    assert verify_bundle(signed).signed_by is None  # nobody is trusted yet on this machine
    with pytest.raises(BundleError, match="not signed by a key that this machine trusts"):
        verify_bundle(signed, require_signature=True)
    trust(key_pair[1])
    assert verify_bundle(signed, require_signature=True).signed_by == "hospital-it"


def test_a_manifest_changed_after_signing_is_refused(signed: Path, keys: dict[str, PublicKey]) -> None:
    edit_manifest(signed, purpose="clinical")
    with pytest.raises(BundleError, match="signature is not by the key 'hospital-it'"):
        verify_bundle(signed, keys=keys)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"x" * 5000,
        canonical({"key": "0", "signature": "AA==", "type": "edgescribe-ed25519", "version": 1}),
    ],
)
def test_a_malformed_signature_is_refused(signed: Path, keys: dict[str, PublicKey], raw: bytes) -> None:
    (signed / "manifest.sig").write_bytes(raw)
    with pytest.raises(BundleError):
        verify_bundle(signed, keys=keys)


def test_a_signature_serves_one_bundle_only(tmp_path: Path, signed: Path, keys: dict[str, PublicKey]) -> None:
    other = write_bundle(tmp_path / "other", name="other")
    shutil.copyfile(signed / "manifest.sig", other / "manifest.sig")
    with pytest.raises(BundleError, match="signature is not by the key"):
        verify_bundle(other, keys=keys)


# --- install and rollback --------------------------------------------------------------------------------------------


def test_an_archive_is_the_same_whoever_packs_it(tmp_path: Path, signed: Path) -> None:
    for name in ("a.tar", "b.tar"):
        pack_archive(signed, tmp_path / name)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_installed_whole_and_signed(tmp_path: Path, signed: Path, target: Path, keys: dict[str, PublicKey]) -> None:
    pack_archive(signed, tmp_path / "b.tar")
    bundle = installer.install(tmp_path / "b.tar", folder=target, keys=keys)
    assert bundle.signed_by == "hospital-it"
    assert tree(target / "tiny") == tree(signed)
    assert sorted(p.name for p in target.iterdir()) == ["tiny"]


def test_an_unsigned_archive_needs_to_be_allowed(tmp_path: Path, target: Path, keys: dict[str, PublicKey]) -> None:
    pack_archive(write_bundle(tmp_path / "built" / "tiny"), tmp_path / "b.tar")
    with pytest.raises(BundleError, match="not signed"):
        installer.install(tmp_path / "b.tar", folder=target, keys=keys)
    assert not target.exists()
    bundle = installer.install(tmp_path / "b.tar", folder=target, keys=keys, allow_unsigned=True)
    assert bundle.signed_by is None


def test_rollback_swaps_the_two_last_versions(
    tmp_path: Path, target: Path, keys: dict[str, PublicKey], key_pair: tuple[Path, Path]
) -> None:
    built = []
    for number in (1, 2, 3):
        folder = write_bundle(tmp_path / str(number) / "tiny", built_by=f"version {number}")
        sign(folder, key_pair[0], PASSPHRASE)
        pack_archive(folder, tmp_path / f"{number}.tar")
        installer.install(tmp_path / f"{number}.tar", folder=target, keys=keys)
        built.append(tree(folder))
    assert tree(target / "tiny") == built[2]
    assert installer.rollback("tiny", target) == target / "tiny"
    assert tree(target / "tiny") == built[1]
    installer.rollback("tiny", target)
    assert tree(target / "tiny") == built[2]
    assert [found.folder.name for found in list_bundles([target])] == ["tiny"]
    for name in ("none", "../tiny", ".previous"):
        with pytest.raises(BundleError, match="no previous version"):
            installer.rollback(name, target)


def test_a_damaged_previous_version_is_not_put_back(
    tmp_path: Path, target: Path, signed: Path, keys: dict[str, PublicKey]
) -> None:
    pack_archive(signed, tmp_path / "b.tar")
    for _ in range(2):
        installer.install(tmp_path / "b.tar", folder=target, keys=keys)
    (target / ".previous" / "tiny" / "model.onnx.data").write_bytes(b"x" * 64)
    with pytest.raises(BundleError, match="was altered"):
        installer.rollback("tiny", target)
    assert tree(target / "tiny") == tree(signed)


# --- hostile archives ------------------------------------------------------------------------------------------------

Members = list[tuple[tarfile.TarInfo, bytes]]


def member(name: str, raw: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(raw), kind, link
    return info, raw


def members_of(folder: Path) -> Members:
    order = ["manifest.json", "manifest.sig", *sorted(contents())]
    return [member(name, (folder / name).read_bytes()) for name in order]


def write_tar(path: Path, members: Members) -> Path:
    with tarfile.open(path, "w:") as tar:
        for info, raw in members:
            tar.addfile(info, io.BytesIO(raw))
    return path


def _late(members: Members) -> Members:
    return [*members[1:], members[0]]


def _bomb(members: Members) -> Members:
    return [*members[:-1], member("tokenizer.json", b"0" * 1_000_000)]


def _escape(members: Members) -> Members:
    return [*members[:-1], member("../../tokenizer.json", members[-1][1])]


def _absolute(members: Members) -> Members:
    return [*members, member("/tmp/edgescribe-escape.json", b"x")]


def _link(members: Members) -> Members:
    return [*members[:-1], member("tokenizer.json", kind=tarfile.SYMTYPE, link="/etc/passwd")]


def _hardlink(members: Members) -> Members:
    return [*members[:-1], member("tokenizer.json", kind=tarfile.LNKTYPE, link="manifest.json")]


def _device(members: Members) -> Members:
    return [*members[:-1], member("tokenizer.json", kind=tarfile.CHRTYPE)]


def _directory(members: Members) -> Members:
    return [member("bundle", kind=tarfile.DIRTYPE), *members]


def _twice(members: Members) -> Members:
    return [*members, members[-1]]


def _without(members: Members) -> Members:
    return members[:-1]


def _altered(members: Members) -> Members:
    raw = bytearray(members[-2][1])
    raw[5] ^= 1
    return [*members[:-2], member(members[-2][0].name, bytes(raw)), members[-1]]


def _huge_manifest(members: Members) -> Members:
    return [member("manifest.json", b" " * (2 << 20)), *members[1:]]


def _sparse(members: Members) -> Members:
    return [*members[:-1], member("tokenizer.json", members[-1][1], kind=tarfile.GNUTYPE_SPARSE)]


@pytest.mark.parametrize(
    "spoil",
    [_late, _bomb, _escape, _absolute, _link, _hardlink, _device, _directory, _twice, _without, _altered,
     _huge_manifest, _sparse],
)  # fmt: skip
def test_a_hostile_archive_changes_nothing(
    tmp_path: Path, signed: Path, target: Path, keys: dict[str, PublicKey], spoil: Callable[[Members], Members]
) -> None:
    good = write_tar(tmp_path / "good.tar", members_of(signed))
    installer.install(good, folder=target, keys=keys)
    before, outside = tree(target), sorted(p.name for p in tmp_path.iterdir())
    bad = write_tar(tmp_path / "good.tar", spoil(members_of(signed)))
    with pytest.raises(BundleError):
        installer.install(bad, folder=target, keys=keys, allow_unsigned=True)
    assert tree(target) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == outside
    assert not Path("/tmp/edgescribe-escape.json").exists()


@pytest.mark.parametrize("size", [0, 100, 512, 1024, 3000, 5000])
def test_a_truncated_archive_is_refused(
    tmp_path: Path, signed: Path, target: Path, keys: dict[str, PublicKey], size: int
) -> None:
    good = write_tar(tmp_path / "good.tar", members_of(signed))
    (tmp_path / "bad.tar").write_bytes(good.read_bytes()[:size])
    with pytest.raises(BundleError):
        installer.install(tmp_path / "bad.tar", folder=target, keys=keys)
    assert not target.exists() or tree(target) == {}


def test_compressed_and_other_files_are_refused(tmp_path: Path, target: Path, keys: dict[str, PublicKey]) -> None:
    with tarfile.open(tmp_path / "b.tar", "w:gz") as tar:
        tar.addfile(member("manifest.json", b"{}")[0], io.BytesIO(b"{}"))
    for path in (tmp_path / "b.tar", tmp_path / "none.tar"):
        with pytest.raises(BundleError):
            installer.install(path, folder=target, keys=keys)


def test_no_space_is_told_before_anything_is_written(
    tmp_path: Path, signed: Path, target: Path, keys: dict[str, PublicKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    pack_archive(signed, tmp_path / "b.tar")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    with pytest.raises(BundleError, match="no space"):
        installer.install(tmp_path / "b.tar", folder=target, keys=keys)
    assert tree(target) == {}


def test_a_failed_swap_leaves_the_old_version(
    tmp_path: Path, signed: Path, target: Path, keys: dict[str, PublicKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    pack_archive(signed, tmp_path / "b.tar")
    installer.install(tmp_path / "b.tar", folder=target, keys=keys)
    before = tree(target)
    rename = Path.rename

    def fail(self: Path, to: Path) -> Path:
        if to == target / "tiny" and self.name == "new":
            raise OSError(5, "Input/output error")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(BundleError, match="Nothing was changed"):
        installer.install(tmp_path / "b.tar", folder=target, keys=keys)
    monkeypatch.undo()
    assert tree(target / "tiny") == {k.removeprefix("tiny/"): v for k, v in before.items()}
