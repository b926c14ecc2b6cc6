"""Numbers in words, drug names and concepts: what the checks read with."""

import pytest

from edge.terms import concepts, drugs, numbers, units


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("one fifty-two over ninety-four", ["152", "94"]),
        ("twenty, no, forty milligrams", ["20", "40"]),
        ("four point two", ["4.2"]),
        ("120/80 and 6.9, 1,200", ["120", "80", "6.9", "1200"]),
        ("twenty three hundred milligrams", ["2300"]),
        ("a couple of weeks", ["2"]),
        ("one and a half", ["1.5"]),
        ("a pill, the first one", []),
        ("fünfundsiebzig", ["75"]),
    ],
)
def test_spans_read_numbers_as_they_are_said(text: str, values: list[str]) -> None:
    found = numbers.spans(text)
    assert len(found) == len(values)
    assert all(value in span.values for span, value in zip(found, values, strict=True))
    assert all(0 <= span.start < span.end <= len(text) for span in found)


def test_two_ways_to_read_one_row_are_both_kept() -> None:
    assert numbers.readings("one twenty") >= {"120", "1", "20"}


def test_drugs_by_brand_short_and_misspelt_name() -> None:
    found = drugs.find("Lasix, hctz and lisinopryl; her sister takes nothing")
    assert [span.generic for span in found] == ["furosemide", "hydrochlorothiazide", "lisinopril"]


def test_alike_names() -> None:
    assert drugs.alike("hydralazine", "hydroxyzine")
    assert not drugs.alike("metformin", "lisinopril")
    assert not drugs.alike("metformin", "metformin")


@pytest.mark.parametrize(
    ("said", "written", "concept"),
    [
        ("i get short of breath", "Dyspnea on exertion", "dyspnea"),
        ("my legs are swollen", "No edema", "edema"),
        ("he had a heart attack", "History of myocardial infarction", "heart_attack"),
        ("er hat Luftnot", "sob", "dyspnea"),
    ],
)
def test_one_concept_in_two_wordings(said: str, written: str, concept: str) -> None:
    for text in (said, written):
        assert concept in {span.name for span in concepts.find(concepts.words(text))}


def test_a_phrase_belongs_to_one_concept_only() -> None:
    owner: dict[str, str] = {}
    for entries in concepts._phrases().values():
        for keys, name, _ in entries:
            phrase = " ".join(keys)
            assert owner.setdefault(phrase, name) == name, phrase
    assert len(owner) > 1000


@pytest.mark.parametrize(
    ("word", "name", "written"),
    [
        ("milligrams", "mg", "mg"),
        ("MGS", "mg", "mg"),
        ("µg", "mcg", "mcg"),
        ("\u03bcg", "mcg", "mcg"),  # the Greek letter
        ("cc", "mL", "mL"),
        ("percent", "%", "%"),
        ("Units", "unit", "units"),
        ("kilos", "kg", "kg"),
        ("Wochen", "week", "wochen"),
        ("tablets", None, "tablets"),
    ],
)
def test_a_unit_has_one_name_however_it_is_said(word: str, name: str | None, written: str) -> None:
    assert units.name(word) == name
    assert units.written(word) == written


def test_every_word_of_a_unit_is_found_behind_a_number_and_is_of_one_kind() -> None:
    patterns = (units.DOSE, units.WEIGHT, units.TIME)
    assert len(units.NAMES) >= 60
    for word in units.NAMES:
        for text in (f"5 {word}", f"5 {word}."):
            found = [match[1] for pattern in patterns if (match := pattern.match(text, 1))]
            assert [one.casefold() for one in found] == [word], word
    assert units.DOSE.match("5 grammar", 1) is None


def test_a_combination_written_apart_is_one_drug() -> None:
    for text in ("fluticasone salmeterol", "Fluticasone/salmeterol", "fluticasone-salmeterol", "Advair"):
        assert [(one.start, one.end, one.generic) for one in drugs.find(text)] == [
            (0, len(text), "fluticasone-salmeterol")
        ]
    assert [one.generic for one in drugs.find("fluticasone, salmeterol")] == ["fluticasone", "salmeterol"]
    assert drugs.parts("fluticasone-salmeterol") == ("fluticasone", "salmeterol")
    assert drugs.parts("zoledronic-acid") == drugs.parts("lisinopril") == ()
