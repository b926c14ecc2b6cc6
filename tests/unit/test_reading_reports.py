"""Reports for a model: wrapped lines joined, signs one for one, every entry cut from the report itself."""

from __future__ import annotations

import json
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contract.schemas import FIELD_KEYS
from edge.engine.constrain import extraction_grammar
from edge.engine.scripted import ScriptedEngine
from edge.reading.reports import for_model, plain_signs, unwrapped
from edge.tasks.extract import ExtractionFinished, extract_fields
from training.sources import data_dir

HISTORY = (
    "58 year old man with a history of type 2 diabetes mellitus, arterial hypertension and chronic kidney "
    "disease stage 3 who presented with nine days of productive cough and fever to 38.4. He noted worsening shortness "
    "of breath on exertion and denied chest pain. He takes metoprolol succinate 47.5 mg once daily and "
    "torasemide 10 mg every other day."
)
MEDICATION = "Medication:\n- Metformin 500 mg\n- Ramipril 5 mg\n"
LETTER = f"Allergies:\nPenicillins\n\nHistory of Present Illness:\n{HISTORY}\n\n{MEDICATION}"


@pytest.mark.parametrize("width", [60, 66, 72, 79, 100])
def test_wrapped_and_unwrapped_are_the_same_for_the_model(width: int) -> None:
    wrapped = "\n".join(textwrap.fill(line, width) if len(line) > width else line for line in LETTER.split("\n"))
    assert wrapped.count("\n") > LETTER.count("\n")
    assert for_model(wrapped) == for_model(LETTER)


@pytest.mark.parametrize(
    "text",
    [
        "Medication\nMetformin 500 mg twice daily\nRamipril 5 mg once daily\nTorasemide 10 mg every other day\n",
        "metformin 500 mg twice daily\nramipril 5 mg once daily\n\nplan\nrest\n",
        "Test\tResult\tUnit\nCRP\t112\tmg/l\nWBC\t14.2\tG/l\n",
        "Diagnoses:\n1. Pneumonia of the right lower lobe, acquired in the community and\n2. Diabetes\n",
        "Sehr geehrte Frau Kollegin\n\nwir berichten über Herrn Bär.\n",
        "\n\n",
        "",
    ],
)
def test_lists_tables_and_headings_keep_their_lines(text: str) -> None:
    assert unwrapped(text) == text


def test_real_reports_lose_no_line_of_a_list() -> None:
    reports = []
    for path in sorted((data_dir() / "elmtex_synthetic").glob("*.jsonl")) + sorted(
        (data_dir() / "elmtex_aci").glob("*.jsonl")
    ):
        reports += [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(reports) >= 200
    entries = joined = 0
    for one in reports:
        read = unwrapped(one["report"])
        for phrase in (phrase for listed in one["fields"].values() for phrase in listed):
            entries += 1
            joined += phrase not in read
    assert entries >= 4_000
    assert joined == 0  # people's entries stay what they were: none had its line joined to another within it


@given(st.text(st.sampled_from('ab "\\\t\n.,:-1Ä”') | st.characters(), max_size=300))
def test_places_are_the_same_in_both(text: str) -> None:
    read = for_model(text)
    assert len(read) == len(text)
    assert not set(read) & set('"\\\t')
    assert plain_signs(text).replace(" ", "") == read.replace("\n", "").replace(" ", "")


LABS = (
    'Test\tResult\tUnit\nCRP\t112\tmg/l\nPain "tight, like a belt". Height 5\'10". Acuity 20\\40. '
    "He takes torasemide 10 mg every\nother day.\n"
)


def answers(fields: dict[str, list[str]]) -> ScriptedEngine:
    whole = {key: fields.get(key, []) for key in FIELD_KEYS}
    return ScriptedEngine(lambda _: json.dumps(whole, ensure_ascii=False))


def test_every_entry_is_the_text_at_its_place() -> None:
    read = for_model(LABS)
    asked = ["112", "CRP 112 mg/l", "”tight, like a belt”", "5'10”", "20/40", "torasemide 10 mg every other day"]
    assert all(phrase in read for phrase in asked)
    *_, last = extract_fields(answers({"signs_symptoms": asked}), LABS)
    assert isinstance(last, ExtractionFinished)
    found = last.extraction.fields["signs_symptoms"]
    assert [(entry.text, entry.score) for entry in found] == [
        ("112", 1.0), ("CRP\t112\tmg/l", 1.0), ('"tight, like a belt"', 1.0), ("5'10\"", 1.0), ("20\\40", 1.0),
        ("torasemide 10 mg every\nother day", 1.0),
    ]  # fmt: skip
    assert all(LABS[entry.start : entry.end] == entry.text for entry in found)


def test_the_grammar_reaches_what_a_tab_or_quotation_mark_hid() -> None:
    from llguidance import LLMatcher, LLTokenizer

    tokenizer = LLTokenizer("byte")
    written = {key: [] for key in FIELD_KEYS} | {"laboratory_values": ["112", "CRP 112 mg/l"], "diagnosis": ["20/40"]}
    matcher = LLMatcher(tokenizer, extraction_grammar(for_model(LABS).strip()))
    text = json.dumps({key: written[key] for key in FIELD_KEYS}, ensure_ascii=False)
    assert matcher.consume_tokens(tokenizer.tokenize_str(text))
    assert matcher.is_stopped() or matcher.is_accepting()
