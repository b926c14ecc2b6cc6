"""A note and its accepted codes as a FHIR R4 document: a Bundle of a Composition and a Condition for each code.

HL7 FHIR R4 (4.0.1), http://hl7.org/fhir/R4/bundle.html and composition.html. Elements that the specification requires
are all there; the patient is a resource without any data, which the receiving system fills in.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from html import escape
from typing import Any

from edge.contract.codes import CodeEntry
from edge.contract.encounter import Encounter
from edge.text import sanitise

ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
_LOINC = "http://loinc.org"
_NOTE = ("11488-4", "Consult note")  # LOINC: the kind of document
_CODES = ("29548-5", "Diagnosis")  # LOINC: the section of codes
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
_SPACE = uuid.UUID("8f4bd1a6-5f0e-4c37-9a3f-6d1a0e9c2b11")  # of the names that are made of a record's id


def document(record: Encounter, codes: Sequence[CodeEntry], signer: str = "", signed_at: str = "") -> dict[str, Any]:
    """The Bundle as a JSON object. signer, signed_at: of a signed note; a draft is "preliminary" and of this program.

    codes: those that a person accepted.
    """
    code = record.summary.id

    def name(what: str) -> str:
        return f"urn:uuid:{uuid.uuid5(_SPACE, f'{code} {what}')}"

    when = signed_at or record.summary.updated
    patient, author = {"resourceType": "Patient"}, _author(signer)
    conditions = [(name(f"condition {n}"), _condition(one, name("patient"))) for n, one in enumerate(codes)]
    composition = {
        "resourceType": "Composition",
        "status": "final" if signer else "preliminary",
        "type": _concept(_LOINC, *_NOTE),
        "subject": {"reference": name("patient")},
        "date": when,
        "author": [{"reference": name("author")}],
        "title": sanitise(record.summary.title) or "Visit",
        "section": [*_sections(record), *_coded([full for full, _ in conditions])],
    }
    entries = [(name("composition"), composition), (name("patient"), patient), (name("author"), author), *conditions]
    return {
        "resourceType": "Bundle",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": name(f"document {when}")},
        "type": "document",
        "timestamp": when,
        "entry": [{"fullUrl": full, "resource": resource} for full, resource in entries],
    }


def _author(signer: str) -> dict[str, Any]:
    if signer:
        return {"resourceType": "Practitioner", "name": [{"text": sanitise(signer)}]}
    return {"resourceType": "Device", "deviceName": [{"name": "edgescribe", "type": "user-friendly-name"}]}


def _sections(record: Encounter) -> list[dict[str, Any]]:
    """The note's sections as narratives. A section without text is left out (rule cmp-1)."""
    written = record.note.content.written if record.note is not None else ()
    return [{"title": sanitise(one.heading), "text": _narrative(one.text)} for one in written]


def _coded(references: Sequence[str]) -> list[dict[str, Any]]:
    if not references:
        return []
    entry = [{"reference": one} for one in references]
    return [{"title": "Diagnosis codes", "code": _concept(_LOINC, *_CODES), "entry": entry}]


def _condition(one: CodeEntry, patient: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "clinicalStatus": _concept(_CLINICAL, "active"),
        "verificationStatus": _concept(_VERIFICATION, "confirmed"),
        "category": [_concept(_CATEGORY, "encounter-diagnosis", "Encounter Diagnosis")],
        "code": _concept(ICD_10_CM, one.code, one.description) | {"text": sanitise(one.quote)},
        "subject": {"reference": patient},
    }


def _concept(system: str, code: str, display: str = "") -> dict[str, Any]:
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]}


def _narrative(text: str) -> dict[str, str]:
    """XHTML as narratives have it: paragraphs, nothing that acts."""
    lines = "<br/>".join(escape(sanitise(line)) for line in text.strip().split("\n"))
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{lines}</p></div>'}
