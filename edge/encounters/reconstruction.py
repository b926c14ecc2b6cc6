"""The account of one note for an auditor: from which source, by which model, every edit, who signed what, and when.

One JSON file that holds everything its hashes are of, so that it can be checked with sha256sum, openssl and a few lines
of Python (docs/reconstruction.md); in plain text, or encrypted to the auditor's certificate (CMS, RFC 5652, AES-256).
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from edge import __version__
from edge.contract.encounter import Content, Encounter, KeptDocument
from edge.contract.facts import Statement
from edge.contract.note import EncounterNote
from edge.errors import InputError, UsageError
from edge.store.chain import ChainEntry, Event
from edge.store.encounters import content_text
from edge.store.vault import Vault

FORMAT, VERSION = "edgescribe-reconstruction", 1
_LARGEST_CERTIFICATE = 65_536


def account(vault: Vault, identifier: str) -> dict[str, Any]:
    """Everything that is kept of one encounter, with what its hashes cover. Raises VaultError, DamagedVaultError."""
    record = vault.encounters.peek(identifier)
    code = record.summary.id
    return {
        "format": FORMAT,
        "version": VERSION,
        "program": __version__,
        "encounter": {"id": code, "created": record.summary.created, "state": record.summary.state.value},
        "sources": [_source(one.text) | {"kind": one.kind, "recorded_sha256": one.sha256} for one in record.sources],
        "documents": [_document(vault, one) for one in record.documents],
        "signatures": [asdict(one) for one in vault.edits.signatures(code)],
        "chain": _chain(vault, record),
    }


def _source(text: str) -> dict[str, str]:
    return {"text": text, "sha256": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()}


def _document(vault: Vault, document: KeptDocument[Content]) -> dict[str, Any]:
    contents = [vault.edits.content_at(document.id, one.number) for one in vault.edits.history(document.id)]
    revisions = []
    before = ""
    for known, content in zip(vault.edits.history(document.id), contents, strict=True):
        readable = _readable(content)
        lines = difflib.unified_diff(before.splitlines(True), readable.splitlines(True), "before", "after", n=1)
        revisions.append(asdict(known) | {"content": content_text(content), "diff": "".join(lines)})
        before = readable
    return {
        "document": document.id,
        "kind": document.kind.value,
        "origin": document.origin.to_json(),
        "revisions": revisions,
        "statements": _statements(contents),
    }


def _readable(content: Content) -> str:
    if isinstance(content, EncounterNote):
        return "".join(f"{one.heading}\n{one.text.rstrip()}\n\n" for one in content.sections)
    return content_text(content) + "\n"


def _statements(contents: list[Content]) -> list[dict[str, Any]]:
    """Statements that any revision was kept with: quotes, flags that were shown, and what became of the statement."""
    notes = [one for one in contents if isinstance(one, EncounterNote)]
    last = {one.text for note in notes[-1:] for section in note.sections for one in section.statements}
    whole = notes[-1].text() if notes else ""
    seen: dict[tuple[str, str], tuple[int, Statement]] = {}
    for number, note in enumerate(notes, 1):
        for section in note.sections:
            for one in section.statements:
                seen.setdefault((section.heading, one.text), (number, one))
    return [
        one.as_json()
        | {"section": heading, "revision": number, "outcome": "kept" if text in last or text in whole else "changed"}
        for (heading, text), (number, one) in seen.items()
    ]


def _chain(vault: Vault, record: Encounter) -> dict[str, Any]:
    """Entries of the audit chain about the record, with the bytes that each MAC covers, and where the chain stands."""
    entries = list(vault.admin.entries())
    about = [_entry(one) for one in entries if one.subject == record.summary.id]
    head = {"seq": entries[-1].seq, "mac": entries[-1].mac.hex()} if entries else {"seq": 0, "mac": ""}
    return {"entries": about, "head": head}


def _entry(one: ChainEntry) -> dict[str, Any]:
    shown = {"seq": one.seq, "at": one.at, "event": one.event, "actor": one.actor, "detail": json.loads(one.detail)}
    return shown | {"covered": one.covered().decode(), "mac": one.mac.hex()}


def certificate(path: Path) -> x509.Certificate:
    """The auditor's certificate, PEM or DER. Raises InputError."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_CERTIFICATE)
        return x509.load_pem_x509_certificate(raw) if b"-----BEGIN" in raw else x509.load_der_x509_certificate(raw)
    except OSError as error:
        raise InputError("The certificate can't be read.", error.strerror or "") from None
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(
            "The file is no X.509 certificate.", "", "Give the auditor's certificate as PEM or DER."
        ) from None


def write(vault: Vault, identifier: str, target: Path, recipient: x509.Certificate | None) -> str:
    """Write the account to a new file of the owner's; the audit entry comes first. Returns the SHA-256 of the file.

    recipient: encrypted to this certificate; None: in plain text. Raises UsageError for a key that is not RSA,
    InputError if the file cannot be written.
    """
    code = vault.encounters.resolve(identifier)
    form = "reconstruction, encrypted" if recipient is not None else "reconstruction"
    vault.session.record(Event.EXPORT, code, form=form)
    text = json.dumps(account(vault, code), ensure_ascii=False, indent=1) + "\n"
    data = text.encode("utf-8", "surrogatepass")
    if recipient is not None:
        data = _sealed(data, recipient)
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except FileExistsError:
        raise InputError(
            "The file exists already.", "", "Choose another name: an account is never overwritten."
        ) from None
    except OSError as error:
        raise InputError("The account could not be written.", error.strerror or "") from None
    return hashlib.sha256(data).hexdigest()


def _sealed(data: bytes, recipient: x509.Certificate) -> bytes:
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(data).set_content_encryption_algorithm(algorithms.AES256)
    try:
        return builder.add_recipient(recipient).encrypt(Encoding.PEM, [pkcs7.PKCS7Options.Binary])
    except TypeError:
        raise UsageError("The certificate holds no RSA key.", "", "Ask the auditor for one with an RSA key.") from None
