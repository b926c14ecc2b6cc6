"""The account of a note: complete, true to the vault, and checkable with nothing of this program."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID
from vaulting import events, new_vault, note

from edge.contract.encounter import Kind
from edge.contract.facts import Flag, Severity, Statement
from edge.encounters import reconstruction
from edge.errors import InputError, UsageError
from edge.store.vault import Vault


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return new_vault(tmp_path)


def _edited_and_signed(vault: Vault) -> str:
    code = note(vault, "Rest the knee. Take 40 mg.").id
    document = vault.edits.document_of(code, Kind.NOTE)
    kept = vault.encounters.peek(code).note
    assert kept is not None
    flag = Flag("dose", Severity.HIGH, "40 mg was not said.", ("Take 40 mg.", "take twenty"))
    section = kept.content.sections[1]
    shown = Statement("Take 40 mg.", 15, 26, flags=(flag,))
    content = kept.content.with_section(1, replace(section, statements=(shown,)))
    vault.edits.save(document, content)
    vault.edits.save(document, content.with_section(1, content.sections[1].with_text("Rest the knee. Take 20 mg.")))
    vault.edits.sign(code, "Dr. Test")
    return code


def check(text: str) -> list[str]:
    """What docs/reconstruction.md tells an auditor to do, in plain Python."""
    found = json.loads(text)
    faults = []
    hashed = {}
    for source in found["sources"]:
        if hashlib.sha256(source["text"].encode()).hexdigest() != source["sha256"]:
            faults.append("source")
    for document in found["documents"]:
        for revision in document["revisions"]:
            if hashlib.sha256(revision["content"].encode()).hexdigest() != revision["sha256"]:
                faults.append(f"revision {revision['number']}")
            hashed[document["document"], revision["number"]] = revision["sha256"]
    signed = {e["detail"].get("digest") for e in found["chain"]["entries"] if e["event"] == "sign"}
    for signature in found["signatures"]:
        statement = json.loads(signature["statement"])
        if hashlib.sha256(signature["statement"].encode()).hexdigest() != signature["digest"]:
            faults.append("signature")
        if any(hashed[document, number] != sha256 for document, number, sha256 in statement[4]):
            faults.append("signed text")
        if signature["digest"] not in signed:
            faults.append("chain")
    return faults


def test_the_account_is_complete_and_checks(vault: Vault, tmp_path: Path) -> None:
    code = _edited_and_signed(vault)
    target = tmp_path / "account.json"
    digest = reconstruction.write(vault, code, target, None)
    text = target.read_text(encoding="utf-8")
    assert hashlib.sha256(target.read_bytes()).hexdigest() == digest
    assert target.stat().st_mode & 0o777 == 0o600
    assert check(text) == []
    found = json.loads(text)
    (document,) = found["documents"]
    assert [one["reason"] for one in document["revisions"]] == ["generated", "edit", "edit"]
    assert "-Rest the knee. Take 40 mg." in document["revisions"][2]["diff"]
    assert "+Rest the knee. Take 20 mg." in document["revisions"][2]["diff"]
    (statement,) = document["statements"]
    assert (statement["outcome"], statement["flags"][0]["check"]) == ("changed", "dose")
    assert document["origin"]["bundle"] == "test-bundle"
    assert found["signatures"][0]["signer"] == "Dr. Test"
    assert [one["event"] for one in found["chain"]["entries"]][-1] == "export"
    assert events(vault)[-1] == "export"


@pytest.mark.parametrize("what", ["Take 20", "Dr. Test", "my knee"])
def test_an_altered_account_does_not_check(vault: Vault, tmp_path: Path, what: str) -> None:
    code = _edited_and_signed(vault)
    reconstruction.write(vault, code, tmp_path / "a.json", None)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert check(text.replace(what, "Xxxx")) != []


def test_it_is_encrypted_to_the_auditor(vault: Vault, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    (tmp_path / "auditor.pem").write_bytes(_certificate(key).public_bytes(Encoding.PEM))
    code = _edited_and_signed(vault)
    recipient = reconstruction.certificate(tmp_path / "auditor.pem")
    reconstruction.write(vault, code, tmp_path / "a.p7m", recipient)
    sealed = (tmp_path / "a.p7m").read_bytes()
    assert b"knee" not in sealed
    opened = pkcs7.pkcs7_decrypt_pem(sealed, recipient, key, [])
    assert check(opened.decode()) == []


def test_what_cannot_be_used_is_named(vault: Vault, tmp_path: Path) -> None:
    code = _edited_and_signed(vault)
    (tmp_path / "no.pem").write_text("hello")
    with pytest.raises(InputError, match="no X"):
        reconstruction.certificate(tmp_path / "no.pem")
    with pytest.raises(InputError, match="can't be read"):
        reconstruction.certificate(tmp_path / "none.pem")
    with pytest.raises(UsageError, match="RSA"):
        reconstruction.write(vault, code, tmp_path / "b", _certificate(ec.generate_private_key(ec.SECP256R1())))
    assert not (tmp_path / "b").exists()
    reconstruction.write(vault, code, tmp_path / "a.json", None)
    with pytest.raises(InputError, match="exists"):
        reconstruction.write(vault, code, tmp_path / "a.json", None)


def _certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "auditor")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=2)).sign(key, hashes.SHA256())
    )  # fmt: skip
