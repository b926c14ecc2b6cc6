"""Real documents by rules: headings, laboratory rows, medication lines, age and gender, numbers, language, entries."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clinical import labs, medications, numbers, person
from edge.clinical.entries import Phrase, assemble, with_attributes
from edge.clinical.language import is_german, language
from edge.clinical.sections import Headings, sections
from edge.clinical.sentences import sentence
from edge.contract.fields import FieldEntry, Fields

LETTER = """Klinik für Innere Medizin
Entlassungsbrief

Patientin: XX, [Vorname], geb. XX.XX.1958, 65 Jahre

Diagnosen
1. Dekompensierte Herzinsuffizienz
2. Z. n. Cholezystektomie 1998

FA: Vater † 61 J. an Herzinfarkt, Mutter Diabetes.

Labor
Parameter\t08.03.\t18.03.\tEinheit\tReferenz
Natrium\t128\t135\tmmol/l\t135 - 145
NT-proBNP\t14.870\t5.210\tpg/ml\t< 300

Entlassmedikation
Ramipril 5 mg 1-0-0
Metamizol 500 mg b. Bed.
"""


def pieces(text: str, found: list[labs.Lab] | list[medications.Medication]) -> list[str]:
    return [text[one.start : one.end] for one in found]


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("FAMILY HISTORY", "family"),
        ("Family History:", "family"),
        ("## Family history", "family"),
        ("**Family history**", "family"),
        ("3. Familienanamnese", "family"),
        ("Procedere:", "plan"),
        ("Labor bei Aufnahme vom 12.03.", "results"),
        ("Entlassmedikation", "discharge_medication"),
    ],
)
def test_headings_in_any_style(line: str, key: str) -> None:
    text = f"Intro.\n{line}\nWords under it."
    assert Headings(text).key(text.index("Words")) == key


def test_headings_within_a_line() -> None:
    text = "Noxen: Nikotin bis 2011. Soz.: verwitwet. FA: Vater KHK."
    headings = Headings(text)
    assert [headings.key(text.index(w)) for w in ("Nikotin", "verwitwet", "KHK")] == ["lifestyle", "social", "family"]


def test_sections_reach_to_the_next_one_and_cover_the_text() -> None:
    found = sections(LETTER)
    assert all(a.end == b.start for a, b in pairwise(found))
    assert found[-1].end == len(LETTER)


def test_a_row_of_a_table_is_one_entry_with_values_unit_and_no_reference() -> None:
    found = labs.find(LETTER, german=True)
    assert pieces(LETTER, found) == ["Natrium\t128\t135\tmmol/l", "NT-proBNP\t14.870\t5.210\tpg/ml"]
    assert found[1].as_json() == {"name": "NT-proBNP", "value": 5210.0, "values": [14870.0, 5210.0], "unit": "pg/ml"}


def test_flags_of_a_row_in_any_column() -> None:
    text = "LABORATORY\nTest   Result  Flag  Units  Reference\nHaemoglobin   94   L   g/L   130 - 170\n"
    (found,) = labs.find(text, german=False)
    assert (found.name, found.values, found.unit, found.flag) == ("Haemoglobin", (94.0,), "g/L", "low")


@pytest.mark.parametrize(
    ("text", "german", "wanted"),
    [
        ("Ix: CRP 31, ESR 44, Hb 109.", False, ["CRP 31", "ESR 44", "Hb 109"]),
        ("WBC-8.1 RBC-3.62* Hgb-10.4*", False, ["WBC-8.1", "RBC-3.62*", "Hgb-10.4*"]),
        ("TSH 5,84 mU/l (+), K 4,1 mmol/l", True, ["TSH 5,84 mU/l (+)", "K 4,1 mmol/l"]),
        ("Hb 10,1 → 12,0 g/dl", True, ["Hb 10,1 → 12,0 g/dl"]),
        ("creatinine was 1.4 mg/dL", False, ["creatinine was 1.4 mg/dL"]),
        ("Metformin pausiert bei eGFR < 45", True, []),
        ("B12 1000 mcg weekly", False, []),
    ],
)
def test_values_in_running_text(text: str, german: bool, wanted: list[str]) -> None:
    assert pieces(text, labs.find(text, german)) == wanted


def test_numbers_of_both_languages() -> None:
    assert numbers.parse("14.870", german=True) == 14870
    assert numbers.parse("2,31", german=True) == 2.31
    assert numbers.parse("4,860", german=False) == 4860
    assert numbers.parse("1.250", german=False) == 1.25
    assert numbers.parse("n. b.", german=True) is None


def test_medication_lines_and_schedules() -> None:
    found = medications.find(LETTER, german=True)
    assert pieces(LETTER, found) == ["Ramipril 5 mg 1-0-0", "Metamizol 500 mg b. Bed."[:-1]]
    assert found[0].as_json() == {"name": "Ramipril", "dose": 5.0, "unit": "mg", "schedule": "1-0-0"}
    assert found[1].as_needed


def test_a_schedule_in_running_text() -> None:
    text = "Wir begannen mit Apixaban 2,5 mg 1-0-1 und beendeten Heparin."
    assert pieces(text, medications.find(text, german=True)) == ["Apixaban 2,5 mg 1-0-1"]


@pytest.mark.parametrize(
    ("text", "german", "drugs"),
    [
        (
            "Medikation:\nRamipril 5 mg 1-0-0, Metformin 500 mg 1-0-1",
            True,
            [("Ramipril", 5.0, "1-0-0"), ("Metformin", 500.0, "1-0-1")],
        ),
        (
            "Medications:\n- Lisinopril 10 mg daily, metformin 500 mg twice daily, and aspirin 81 mg",
            False,
            [("Lisinopril", 10.0, None), ("metformin", 500.0, None), ("aspirin", 81.0, None)],
        ),
        (
            "Wir gaben Ramipril 5 mg 1-0-0, Metformin 500 mg 1-0-1.",
            True,
            [("Ramipril", 5.0, "1-0-0"), ("Metformin", 500.0, "1-0-1")],
        ),
        ("Medikation:\nPrednisolon 20 mg 1-0-0, dann 10 mg 1-0-0", True, [("Prednisolon", 20.0, "1-0-0")]),
        ("Medications:\nThe patient takes aspirin 81 mg daily, metformin 500 mg", False, []),
    ],
)
def test_drugs_that_share_a_line_have_each_their_own_dose(
    text: str, german: bool, drugs: list[tuple[str, float, str | None]]
) -> None:
    found = [one.as_json() for one in medications.find(text, german)]
    assert [(one["name"], one["dose"], one.get("schedule")) for one in found] == drugs


@pytest.mark.parametrize(
    ("text", "german"),
    [
        (
            "Medikation:\nRamipril 5 mg 1-0-0, Metformin 500 mg 1-0-1\n\nDie Patientin ist mit der Therapie zufrieden.",
            True,
        ),
        ("Medications:\nRamipril 5 mg 1-0-0; Metformin 500 mg 1-0-1\n\nThe patient is well and was seen today.", False),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_each_entry_of_a_line_carries_its_own_drug(text: str, german: bool, together: bool) -> None:
    first, second = text.index("Ramipril"), text.index("Metformin")
    end = text.index("1-0-1") + 5
    key = "pharmacological_therapy"
    bounds = [(first, end)] if together else [(first, second - 2), (second, end)]
    fields = assemble(text, [Phrase(key, low, high, 0.9) for low, high in bounds])
    named = [
        (entry.text, entry.attributes["medication"]["name"], entry.attributes["medication"]["dose"])
        for entry in fields[key]
    ]
    assert named == [("Ramipril 5 mg 1-0-0", "Ramipril", 5.0), ("Metformin 500 mg 1-0-1", "Metformin", 500.0)]
    assert is_german(text) is german


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("Mr. Smith is a 54-year-old man.", "54-year-old"),
        ("74 yo woman with CHF", "74 yo"),
        ("Die 71-jährige Patientin", "71-jährige"),
        ("Frau M., 46 Jahre", "46 Jahre"),
        ("Father died at 61. 58 y.o. male.", "58 y.o."),
        ("Age/Sex: 38 y.o. / F", "38 y.o."),
        ("She has had pain for 3 years.", None),
        ("Vor 5 Jahren operiert.", None),
        ("I met Mr K. with his son today. He is 63, keeps an allotment and retired.", "63"),
    ],
)
def test_the_patients_age_and_no_duration(text: str, age: str | None) -> None:
    place = person.age(text)
    assert (text[slice(*place)] if place else None) == age


@pytest.mark.parametrize(
    ("text", "german", "gender"),
    [
        ("A 54-year-old man with chest pain.", False, "man"),
        ("His wife reports he is a 40 yo male.", False, "male"),
        ("Sehr geehrter Herr Kollege, wir berichten über Frau T.", True, "Frau"),
        ("Pat. XX, w, *1958", True, "w"),
        ("Patient reports she is an avid runner.", False, "she"),
        ("Previously healthy 9 yo boy w/ 3 wk h/o polyuria.", False, "boy"),
        ("I met Mr K. with his son today. He is 63, keeps an allotment.", False, "He"),
        ("Delivery record\nMother: 29 yrs, P1\nBaby: boy, 3.61 kg", False, "Mother"),
        ("2016 SVD 38/40, girl 2.6 kg, alive and well\nO/E She looks flushed.", False, "She"),
        ("Sex: M\n\nMr. ___ is a ___ year old man with cirrhosis.", False, "man"),
        ("HISTORY: Baby boy A is twin 1.", False, "boy"),
        ("CANCER GENETICS\n\nDear Ms S.\n\nIt was good to meet you.", False, "Ms"),
        ("I placed him in a brace; he should elevate his leg.", False, "he"),
    ],
)
def test_the_patients_gender(text: str, german: bool, gender: str) -> None:
    place = person.gender(text, german)
    assert place is not None
    assert text[slice(*place)] == gender


def test_languages_are_told() -> None:
    assert language(LETTER) == "de"
    assert language("The patient was seen in the clinic today for follow up of her chest pain and cough.") == "en"
    french = "Le patient est une femme de 54 ans qui consulte pour une douleur dans la poitrine avec de la fièvre."
    assert language(french) == "other"
    assert language("Пациент поступил с жалобами на боль в груди и одышку при физической нагрузке сегодня") == "other"
    assert language("Na 138\nK 4.1\nCl 104") == ""
    assert is_german("Natrium\t138\nKalium\t4,1\nHb\t11,2")


def test_abbreviations_end_no_sentence() -> None:
    text = "V. a. Pneumonie bei Z. n. Apoplex. Kein Fieber."
    start = text.index("Apoplex")
    low, high = sentence(text, start, start + 7)
    assert text[low:high] == "V. a. Pneumonie bei Z. n. Apoplex."


def test_a_wrapped_line_goes_on() -> None:
    text = "She was admitted with shortness of breath and has had no episodes of\nchest pain since then."
    start = text.index("chest pain")
    assert sentence(text, start, start + 10)[0] == 0


def phrase(text: str, key: str, words: str, score: float = 0.9) -> Phrase:
    start = text.index(words)
    return Phrase(key, start, start + len(words), score)


def test_a_relatives_illness_never_stands_under_the_patients_history() -> None:
    text = "PMH: hypertension. His brother had a heart attack last year."
    found = assemble(
        text, [phrase(text, "medical_surgical_history", w) for w in ("hypertension", "had a heart attack last year")]
    )
    assert [e.text for e in found["medical_surgical_history"]] == ["hypertension"]
    (entry,) = found["family_history"]
    assert (entry.attributes["subject"], entry.attributes["relative"]) == ("family", "brother")


def test_a_spouses_illness_is_no_family_history() -> None:
    text = "Her husband has influenza."
    found = assemble(text, [phrase(text, "diagnosis", "influenza")])
    assert [e.text for e in found["social_history"]] == ["influenza"]
    assert not found["family_history"]


def test_rules_complete_what_a_model_found() -> None:
    found = assemble(LETTER, [phrase(LETTER, "diagnosis", "Dekompensierte Herzinsuffizienz")])
    assert [e.text for e in found["age"]] == ["65 Jahre"]
    assert [e.text for e in found["gender"]] == ["Patientin"]
    assert len(found["laboratory_values"]) == 2
    assert found["laboratory_values"][0].attributes["by"] == "rule"
    assert found["diagnosis"][0].attributes["confidence"] == 0.9


def test_every_entry_is_a_piece_of_the_report() -> None:
    for _, entry in assemble(LETTER, [phrase(LETTER, "family_history", "Mutter Diabetes")]).rows():
        assert entry.text == LETTER[entry.start : entry.end]


def test_entries_of_a_language_model_get_attributes_and_keep_their_own() -> None:
    text = "No fever. Mother with asthma."
    entries = (FieldEntry("fever", 3, 8, 1.0, {"own": 1}), FieldEntry("invented", None, None, 0.2))
    found = with_attributes(Fields({"signs_symptoms": entries}), text)
    assert found["signs_symptoms"][0].attributes["polarity"] == "denied"
    assert found["signs_symptoms"][0].attributes["own"] == 1
    assert found["signs_symptoms"][1].attributes == {}


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.sampled_from("aB9 .,:;\n\t-/mgKHb%()[*]ä0"), max_size=400))
def test_any_text_gives_fields_whose_entries_are_pieces_of_it(text: str) -> None:
    for _, entry in assemble(text, []).rows():
        assert text[entry.start : entry.end] == entry.text != ""


def test_a_relatives_illness_is_found_by_rule_under_the_heading_and_elsewhere() -> None:
    text = "FA: Vater † 61 J. an Herzinfarkt, Mutter Diabetes.\n\nVerlauf\nSchwester mit Mamma-Ca, 44 J."
    found = [e.text for e in assemble(text, [])["family_history"]]
    assert found[:2] == ["Vater † 61 J. an Herzinfarkt", "Mutter Diabetes"]
    assert found[2].startswith("Schwester mit Mamma-Ca")


def test_a_relative_who_tells_or_lives_there_is_no_family_history() -> None:
    for text in ("The mother reports a cough.", "He lives with his brother.", "Eltern berufstätig."):
        assert assemble(text, [])["family_history"] == ()


def test_a_chronic_condition_of_the_history_is_a_comorbidity_too() -> None:
    text = "PMH: hypertension, appendectomy 1998. No diabetes."
    words = ("hypertension", "appendectomy 1998", "diabetes")
    found = assemble(text, [phrase(text, "medical_surgical_history", w) for w in words])
    assert [e.text for e in found["comorbidities"]] == ["hypertension"]


def test_a_laboratory_value_has_the_rules_bounds() -> None:
    text = "Labs: sodium 138 mmol/L and potassium 5.6 mmol/L"
    found = assemble(text, [phrase(text, "laboratory_values", "sodium 138")])
    assert [e.text for e in found["laboratory_values"]] == ["sodium 138 mmol/L", "potassium 5.6 mmol/L"]


def test_a_phrase_loses_its_article_and_a_dangling_conjunction() -> None:
    text = "He has a dry cough and no fever."
    found = assemble(text, [phrase(text, "signs_symptoms", "a dry cough and")])
    assert [e.text for e in found["signs_symptoms"]] == ["dry cough"]


def test_an_abbreviation_keeps_its_point() -> None:
    text = "Die Kontrolle erfolgt beim Hausarzt in 6 Wo. Danach keine weitere Therapie bei der Patientin."
    found = assemble(text, [phrase(text, "patient_outcome_assessment", "Kontrolle erfolgt beim Hausarzt in 6 Wo")])
    assert found["patient_outcome_assessment"][0].text.endswith("in 6 Wo.")


def test_what_names_no_relative_is_no_family_history() -> None:
    text = "He is married with two adult children and retired. Allergic rhinitis since 2010."
    found = assemble(text, [phrase(text, "family_history", "Allergic rhinitis since 2010")])
    assert found["family_history"] == ()


@pytest.mark.parametrize("mark", ["Page 1 of 2", "Seite 2 von 3", "Blatt 4/7", "- Seite 5 -"])
def test_the_number_of_a_page_is_no_entry(mark: str) -> None:
    text = f"The cough is better.\n{mark}\nShe will be seen in four weeks and has no other complaints."
    at = text.index(mark)
    fields = assemble(text, [Phrase("patient_outcome_assessment", at, at + len(mark), 0.9)])
    assert fields["patient_outcome_assessment"] == ()
