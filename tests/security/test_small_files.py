"""Small files that somebody else may have written: refused in a sentence, quickly, and never followed or waited for."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from vaulting import cheap_derivation, new_vault, passphrase

from edge import foreign, install, vaults
from edge.contract import signing, template_check, templates
from edge.errors import BundleError, DamagedVaultError, EdgescribeError, UsageError, VaultError, WrongKeyError
from edge.store import header, unlock
from edge.store.secret import Passphrase, read_passphrase_file
from edge.store.vault import Vault
from tui import settings


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap_derivation(monkeypatch)


BAD_JSON = {
    "deep": b"[" * 990 + b"]" * 990,
    "deep objects": b'{"a":' * 990 + b"1" + b"}" * 990,
    "digits": b"9" * 5000,
    "digits in a list": b"[1, " + b"1" * 4400 + b"]",
    "half a character": b'"\\ud800"',
    "not UTF-8": b'"\xff"',
    "twice": b'{"a": 1, "a": 2}',
    "no number": b"[NaN]",
    "cut": b'{"a": "b',
    "quotes": b'"\\"\\"\\"' * 20_000,
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_json_is_refused_before_its_parser_breaks(name: str) -> None:
    with pytest.raises(foreign.Refused):
        foreign.parse_json(BAD_JSON[name])


def test_good_json_is_read() -> None:
    value = {"a": [1, -2.5e-7, "x[[[{{{", None, True, "123456789012345678901234567890123456789"], "ü": {"b": {}}}
    assert foreign.parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize("content", [*BAD_JSON.values(), b"\0" * 100, b"{}", b'{"a": 1}', b"[[1]]", b"x" * 100_000])
def test_a_lock_file_of_any_content_keeps_no_vault_from_opening(tmp_path: Path, content: bytes) -> None:
    with new_vault(tmp_path) as vault:
        pass
    vault.paths.lock.write_bytes(content)
    with Vault.open(vault.paths.database, passphrase()) as again:
        assert again.verify() == []
    assert unlock.failures(vault.paths) == []


def test_a_lock_file_that_is_a_link_overwrites_nothing(tmp_path: Path) -> None:
    with new_vault(tmp_path) as vault:
        pass
    precious = tmp_path / "precious"
    precious.write_text("the only copy")
    vault.paths.lock.unlink()
    vault.paths.lock.symlink_to(precious)
    for secret in (passphrase("an entirely different phrase"), passphrase()):
        with pytest.raises((WrongKeyError, VaultError)):
            Vault.open(vault.paths.database, secret, sleep=lambda _: None)
    assert precious.read_text() == "the only copy"


def pipe(path: Path) -> Path:
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    return path


def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.store.secret._PIPE_SECONDS", 0.2)
    with new_vault(tmp_path) as vault:
        backup = vault.admin.backup(tmp_path / "a.backup")[0]
    pipe(backup)
    with pytest.raises(EdgescribeError, match="not a regular file"):
        vaults.check_backup(backup, passphrase())
    with pytest.raises(UsageError, match="nobody writes"):
        read_passphrase_file(pipe(tmp_path / "words"))
    with pytest.raises(UsageError):
        signing.read_key(pipe(tmp_path / "key"))
    with pytest.raises(BundleError, match="regular"):
        install.install(pipe(tmp_path / "bundle.tar"))
    folder = tmp_path / "templates"
    folder.mkdir()
    with pytest.raises(UsageError):
        templates.read_own("mine", pipe(folder / "mine.toml").parent)
    pipe(vault.paths.header)
    with pytest.raises(DamagedVaultError):
        Vault.open(vault.paths.database, passphrase())


def test_a_passphrase_comes_through_a_pipe_all_the_same(tmp_path: Path) -> None:
    path = pipe(tmp_path / "words")
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY)
    os.write(writer, b"correct horse battery staple\nmore")
    os.close(writer)
    try:
        assert read_passphrase_file(path) == Passphrase(b"correct horse battery staple")
    finally:
        os.close(reader)


def header_file(change: Any, tmp_path: Path) -> bytes:
    with new_vault(tmp_path) as vault:
        raw = json.loads(vault.paths.header.read_bytes())
    raw.pop("checksum")
    change(raw)
    canonical = json.dumps(raw, sort_keys=True, separators=(",", ":")).encode()
    return json.dumps(raw | {"checksum": hashlib.sha256(canonical).hexdigest()}).encode()


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.update(more=1),
        lambda raw: raw["slots"][0].update(more=1),
        lambda raw: raw.update(created=nested(900)),
        lambda raw: raw.update(generation=10**4000),
    ],
)
def test_a_key_file_is_what_it_should_be_and_nothing_else(change: Any, tmp_path: Path) -> None:
    with pytest.raises(DamagedVaultError):
        header.parse(header_file(change, tmp_path))
    header.parse(header_file(lambda raw: None, tmp_path / "good"))


SECTION = '[[sections]]\nkey = "s{n}"\ntitle = "S"\ninstruction = "Write."\n'
BAD_TEMPLATES = {
    "digits": 'title = "x"\n' + SECTION.format(n=1) + "max_tokens = " + "9" * 5000,
    "sections": 'title = "x"\n' + "[[sections]]\n" * 5000,
    "parts": ".".join(["a"] * 30_000) + " = 1",
    "table of parts": "[" + ".".join(["a"] * 30_000) + "]",
    "arrays": "a = " + "[" * 30_000,
    "tables": "a = " + "{b = " * 10_000,
    "one long text": 'a = "' + "x" * 60_000,
    "quotes": "'" * 60_000,
    "backslashes": 'a = "' + "\\" * 60_000,
    "line ends": "\n" * 65_000 + "[[sections]]",
}


@pytest.mark.parametrize("name", BAD_TEMPLATES)
def test_a_hostile_template_has_a_problem_with_a_line(name: str) -> None:
    found = template_check.problem(BAD_TEMPLATES[name])
    assert found is not None
    assert found.line >= 1
    assert found.sentence()


def test_a_heading_inside_a_long_text_is_no_section() -> None:
    text = 'title = """\n[[sections]]\nkey = 1\n"""\n' + SECTION.format(n=1) + "key2 = 3\n"
    found = template_check.problem(text)
    assert found is not None
    assert (found.kind, found.line) == ("unknown", 9)


def archive(tmp_path: Path, *blocks: bytes) -> Path:
    target = tmp_path / "bundle.tar"
    target.write_bytes(b"".join(blocks) + bytes(1024))
    return target


def block(name: str, kind: bytes, content: bytes = b"", size: int | None = None) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, len(content) if size is None else size
    return member.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512)


def pax(**values: str) -> bytes:
    def record(key: str, value: str) -> bytes:
        body = f" {key}={value}\n".encode()
        length = len(body) + 1
        while len(str(length)) + len(body) != length:
            length += 1
        return str(length).encode() + body

    return b"".join(record(key.replace("__", "."), value) for key, value in values.items())


def manifest(text: bytes = b"{}") -> bytes:
    return block("manifest.json", b"0", text)


ARCHIVES = {
    "chained long names": lambda: [block("././@LongLink", b"L", b"x" * 100)] * 3000 + [manifest()],
    "chained extended headers": lambda: [block("x", b"x", pax(path="a"))] * 3000 + [manifest()],
    "sparse by pax": lambda: [block("x", b"x", pax(GNU__sparse__major="1", GNU__sparse__minor="0")), manifest(b"9\n")],
    "sparse map": lambda: [block("x", b"x", pax(GNU__sparse__map="0,1," * 400)), manifest()],
    "old sparse": lambda: [block("manifest.json", b"S", b"{}")],
    "global header": lambda: [block("x", b"g", pax(path="manifest.json")), manifest()],
    "a huge extended header": lambda: [block("x", b"x", b"y", size=1 << 32), manifest()],
    "a size of many digits": lambda: [block("x", b"x", pax(size="9" * 900)), manifest()],
    "a negative length": lambda: [block("x", b"x", b"-5 path=a\n"), manifest()],
    "a record over its end": lambda: [block("x", b"x", b"999 path=a\n"), manifest()],
    "a link": lambda: [block("manifest.json", b"2")],
    "a folder": lambda: [block("manifest.json", b"5")],
    "a pipe": lambda: [block("manifest.json", b"6")],
    "cut": lambda: [manifest(b"{}" * 300)[:700]],
    "noise": lambda: [bytes(range(256)) * 20],
    "nothing": list,
    "a number of 4,000 digits": lambda: [
        manifest(b'{"format": "edgescribe-bundle", "parameters": 1' + b"0" * 4000 + b"}")
    ],
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_archive_is_refused_by_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        install.install(archive(tmp_path, *ARCHIVES[name]()), folder=tmp_path / "bundles", allow_unsigned=True)
    assert not (tmp_path / "bundles").exists() or not list((tmp_path / "bundles").iterdir())


def test_what_our_own_exporter_writes_is_read_as_python_reads_it(tmp_path: Path) -> None:
    names = ["manifest.json", "a" * 99 + ".json", "ü.json", "b" * 140 + ".data"]
    with tarfile.open(tmp_path / "a.tar", "w:", format=tarfile.PAX_FORMAT) as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()[: len(name)]))
    with (tmp_path / "a.tar").open("rb") as file:
        members = install._Members(file)
        found = []
        while (one := members.next()) is not None:
            found.append((one.name, members.open(one).read(one.size)))
    assert [name for name, _ in found] == names
    assert all(content == name.encode()[: len(name)] for name, content in found)


BAD_SETTINGS = {
    "no user": b'{"export_folder": "~nosuch/x"}',
    "a zero byte": b'{"export_folder": "/tmp/\\u0000x"}',
    "half a character": b'{"signer": "\\ud800"}',
    "deep": b'{"pending": ' + b"[" * 900 + b"]" * 900 + b"}",
    "zero bytes": b"\0" * 50,
    "another type": b'{"lock_minutes": "5"}',
    "true": b'{"lock_minutes": true}',
    "out of range": b'{"lock_minutes": 100000000000}',
    "another theme": b'{"theme": "none"}',
    "a long name": json.dumps({"signer": "x" * 100_000}).encode(),
    "a list": b"[1]",
    "a line end": b'{"signer": "a\\nb"}',
    "ids": b'{"pending": ["a/../b"]}',
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_a_setting_that_cannot_be_used_has_its_default_and_is_named(name: str, home: Path) -> None:
    home.mkdir(exist_ok=True)
    settings.place().write_bytes(BAD_SETTINGS[name])
    kept = settings.load()
    assert kept.reset
    plain = settings.Settings(language=kept.language)
    assert settings.Settings(**{**vars(kept), "reset": []}) == plain
    assert kept.exports()
    settings.save(kept)
    again = settings.load()
    assert again.reset == []
    assert "reset" not in json.loads(settings.place().read_text())


def test_a_loose_folder_or_file_is_named(tmp_path: Path) -> None:
    with new_vault(tmp_path / "clinic") as vault:
        assert vault.warning() is None
        (tmp_path / "clinic").chmod(0o777)
        assert "chmod 700" in (vault.warning() or "")
        (tmp_path / "clinic").chmod(0o700)
        assert vault.warning() is None
    words = tmp_path / "words"
    words.write_text("x")
    words.chmod(0o644)
    assert "chmod 600" in (foreign.loose(words) or "")
    words.chmod(0o600)
    assert foreign.loose(words) is None


def test_an_emptied_chain_state_is_damage(tmp_path: Path) -> None:
    with new_vault(tmp_path) as vault:
        vault.session.connection.execute("DELETE FROM chain_state")
        for work in (vault.verify, lambda: vault.admin.verify_chain(passphrase()), lambda: vault.encounters.list()):
            work()
        assert vault.verify()
        assert not vault.admin.verify_chain(passphrase()).good
        with pytest.raises(DamagedVaultError):
            vault.session.record(vault_event(), "")
        with pytest.raises(DamagedVaultError):
            vault.admin.backup(tmp_path / "b")
    with pytest.raises(DamagedVaultError):
        Vault.open(vault.paths.database, passphrase())


def vault_event() -> Any:
    from edge.store.chain import Event

    return Event.VIEW


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE x (y)", "CREATE TEMP TABLE x (y)", "DROP TABLE encounter", "DROP TRIGGER revision_never_changes",
     "CREATE INDEX x ON encounter (title)", "ALTER TABLE encounter RENAME TO x", "CREATE VIEW x AS SELECT 1", "ANALYZE",
     "REINDEX", "CREATE TRIGGER x AFTER INSERT ON chain BEGIN SELECT 1; END", "DROP INDEX encounter_by_state"],
)  # fmt: skip
def test_the_program_s_connection_changes_no_schema(tmp_path: Path, statement: str) -> None:
    with new_vault(tmp_path) as vault, pytest.raises(VaultError):
        vault.session.query(statement)
