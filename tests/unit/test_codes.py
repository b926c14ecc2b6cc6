"""Candidate codes as they are kept: found, decided on, stale after an edit, exported, and the FHIR document of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from vaulting import new_vault, save_note

from edge.contract.codes import CodeEntry, Codes, Decision
from edge.contract.encounter import Kind, Source
from edge.contract.note import Section
from edge.contract.origin import Origin
from edge.encounters import code_decisions, keeping
from edge.encounters.export import publish
from edge.encounters.open_encounter import OpenEncounter, typed
from edge.errors import UsageError
from edge.interop import fhir
from edge.store.vault import Vault
from edge.terminology.catalogue import Code

SOURCE = Source("visit.txt", "Doctor: Hello.\nPatient: My knee hurts.", "5" * 64)
ORIGIN = Origin("bundle", "b" * 64, "1", "5" * 64)
PLAN = "1. Hypertension. Lisinopril.\n2. Pain of the left knee."


def entry(code: str, quote: str, sentence: str, **more: Any) -> CodeEntry:
    start = f"PLAN\n\n{PLAN}".index(quote)
    return CodeEntry(code, f"about {code}", quote, start, start + len(quote), 0.8, sentence=sentence, **more)


CODES = Codes(
    "ICD-10-CM 2026",
    (
        entry("I10", "Hypertension", "Hypertension."),
        entry("M25.562", "Pain of the left knee", "Pain of the left knee."),
    ),
)


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with new_vault(tmp_path) as vault:
        yield vault


def coded(vault: Vault) -> OpenEncounter:
    """A kept note with two open candidates."""
    code = save_note(vault, "Visit", SOURCE, "soap", [Section("PLAN", PLAN, "P")], ORIGIN).id
    one = OpenEncounter.resume(vault.encounters.peek(code))
    one.codes_found(CODES, typed(one.note_text(), "note"))
    keeping.save(vault, one)
    return one


def test_what_was_decided_is_kept_in_a_revision_and_the_list_names_the_notes_model(vault: Vault) -> None:
    one = coded(vault)
    one.decide(0, code_decisions.accept(one.codes.entries[0]))
    one.decide(1, code_decisions.reject(one.codes.entries[1], "symptom of the arthritis"))
    keeping.save(vault, one)
    kept = vault.encounters.peek(one.id)
    assert kept.codes is not None
    assert [e.decision for e in kept.codes.content.entries] == [Decision.ACCEPTED, Decision.REJECTED]
    assert kept.codes.revision == 2
    assert kept.codes.origin.parameters == {"edition": "ICD-10-CM 2026"}
    assert (kept.summary.bundle, kept.summary.kinds) == ("bundle", (Kind.CODES, Kind.NOTE))
    details = [json.loads(e.detail) for e in vault.admin.entries() if e.subject == one.id and e.event == "edit"]
    assert details[-1] == {"document": kept.codes.id, "revision": 2}
    with pytest.raises(UsageError, match="reason"):
        code_decisions.reject(one.codes.entries[0], " ")


def test_another_code_names_the_one_that_was_proposed(vault: Vault) -> None:
    first = CODES.entries[0]
    other = code_decisions.accept(first, Code("I11.9", "Hypertensive heart disease", "I11", True, 3))
    assert (other.code, other.proposed, other.accepted) == ("I11.9", "I10", True)
    back = code_decisions.accept(other, Code("I10", "Essential hypertension", "I10-I15", True, 2))
    assert (back.code, back.proposed) == ("I10", "")
    with pytest.raises(UsageError, match="billable"):
        code_decisions.accept(first, Code("I11", "Hypertensive heart disease", "I10-I15", False, 2))
    found = Codes("ICD-10-CM 2026", (first, CODES.entries[1])).with_decisions_of(CODES.with_entry(0, other))
    assert [one.code for one in found.entries] == ["I11.9", "M25.562"]


def test_an_edit_of_its_statement_makes_a_code_stale_and_another_edit_does_not(vault: Vault) -> None:
    one = coded(vault)
    assert [e.stale(one.note_text()) for e in one.codes.entries] == [False, False]
    one.sections[0].text = PLAN.replace("left knee", "left ankle") + "\nRest."
    assert [e.stale(one.note_text()) for e in one.codes.entries] == [False, True]
    assert "STALE" in one.codes.lines(one.note_text())[2]


def test_exports_hold_what_was_accepted(vault: Vault, tmp_path: Path) -> None:
    one = coded(vault)
    for at in (0, 1):
        one.decide(at, code_decisions.accept(one.codes.entries[at]))
    one.sections[0].text = PLAN.replace("left knee", "left ankle")
    keeping.save(vault, one)
    keeping.sign(vault, one.id, "Dr. Test")
    text = publish(vault, one.id, tmp_path / "out", "md", "DRAFT").read_text(encoding="utf-8")
    assert "## CODES" in text
    assert "- I10  about I10\n" in text
    assert "M25.562  about M25.562 (STALE" in text
    file = publish(vault, one.id, tmp_path / "out", "fhir", "DRAFT")
    assert file.name.endswith(".fhir.json")
    bundle = json.loads(file.read_text(encoding="utf-8"))
    check_fhir(bundle)
    codes = [e["resource"]["code"]["coding"][0]["code"] for e in bundle["entry"] if _kind(e) == "Condition"]
    assert codes == ["I10"]
    assert bundle["entry"][0]["resource"]["status"] == "final"


def test_a_draft_without_codes_is_a_whole_document_too(vault: Vault) -> None:
    code = save_note(vault, "<b>Visit</b>", SOURCE, "soap", [Section("PLAN", "Rest & <i>ice</i>.\x1b[31m")], ORIGIN).id
    bundle = fhir.document(vault.encounters.peek(code), ())
    check_fhir(bundle)
    composition = bundle["entry"][0]["resource"]
    assert composition["status"] == "preliminary"
    div = composition["section"][0]["text"]["div"]
    assert "<i>" not in div
    assert "\x1b" not in div


def _kind(one: dict[str, Any]) -> str:
    return str(one["resource"]["resourceType"])


def check_fhir(bundle: dict[str, Any]) -> None:
    """What FHIR R4 requires of a document, its Composition and its Conditions (bdl-9 to bdl-11, cmp-1, con-3)."""
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "document")
    assert bundle["identifier"]["system"]
    assert bundle["identifier"]["value"]
    instant = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
    assert re.fullmatch(instant, bundle["timestamp"])
    urls = [one["fullUrl"] for one in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", url) for url in urls)
    first = bundle["entry"][0]["resource"]
    assert first["resourceType"] == "Composition"
    assert {"status", "type", "date", "author", "title"} <= set(first)
    assert first["type"]["coding"][0]["system"] == "http://loinc.org"
    assert re.fullmatch(instant, first["date"])
    references = [first["subject"], *first["author"], *(e for s in first["section"] for e in s.get("entry", ()))]
    for section in first["section"]:
        assert section.get("text") or section.get("entry")
        if "text" in section:
            assert section["text"]["status"] in {"generated", "additional"}
            assert section["text"]["div"].startswith('<div xmlns="http://www.w3.org/1999/xhtml">')
    for one in bundle["entry"]:
        if _kind(one) == "Condition":
            condition = one["resource"]
            references.append(condition["subject"])
            assert condition["code"]["coding"][0]["system"] == "http://hl7.org/fhir/sid/icd-10-cm"
            assert condition["clinicalStatus"]["coding"]
            assert condition["verificationStatus"]["coding"]
    assert all(one["reference"] in urls for one in references)
