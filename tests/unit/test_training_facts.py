"""Numbers, doses, drugs and omissions counted as a clinician would."""

import pytest

from training import facts


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("about one fifty-two over ninety-four", "152"),
        ("one forty four over eighty eight", "144"),
        ("potassium is four point two", "4.2"),
        ("two hundred and eighteen pounds", "218"),
        ("one twenty", "120"),
        ("one oh five", "105"),
        ("twenty twenty one", "2021"),
        ("two and a half tablets", "2.5"),
        ("fifty milligrams once a day", "1"),
        ("dreiundzwanzig Jahre", "23"),
        ("hundertfünfzig Milligramm", "150"),
        ("Kreatinin 0,9", "0.9"),
        ("1,200 units", "1200"),
        ("five thousand units", "5000"),
        ("the 144/88 reading", "88"),
        ("he is fifty eight years old", "58"),
        ("4,5 x10³/µl, 350 Keime", "350"),
    ],
)
def test_a_spoken_number_supports_the_written_one(spoken: str, written: str) -> None:
    assert facts.unsupported_numbers(written, spoken) == []


@pytest.mark.parametrize(
    ("text", "source", "wanted"),
    [
        ("He is 59.", "fifty eight year old", ["59"]),
        ("1. Hypertension\n2. Gout", "nothing here", []),
        ("1.  Hip pain. 2.  Leg swelling? 3.  Gout. 2 tablets.", "nothing here", ["2"]),
        ("Plan: 1. Rest. 2) Ice: 3. Call. Later: 1. Walk.", "nothing here", []),
        ("He weighs more. 7. of May.", "nothing here", ["7"]),
        ("Rated it 2. Then 3. He left.", "nothing here", ["2", "3"]),
        ("1. 2. 3. 4. 5.", "nothing here", ["2", "3", "4", "5"]),  # counting is no list
        ("BP 150/90", "one fifty over eighty", ["90"]),
        ("5 mg and 5.0 mg", "four milligrams", ["5", "5"]),
        ("", "5", []),
    ],
)
def test_unsupported_numbers(text: str, source: str, wanted: list[str]) -> None:
    assert facts.unsupported_numbers(text, source) == wanted


def test_thousands_of_figures_are_no_number_and_no_crash() -> None:
    assert facts.unsupported_numbers("7", "1" * 5000 + " mg 7") == []
    assert facts.unsupported_doses("5 mg", "1" * 5000 + " mg") == [("5", "mg")]


def test_a_dose_needs_its_number_before_the_same_unit() -> None:
    source = "losartan fifty milligrams once a day, and come back in ten days"
    assert facts.unsupported_doses("Losartan 50 mg daily", source) == []
    assert facts.unsupported_doses("Losartan 10 mg daily", source) == [("10", "mg")]
    assert facts.unsupported_doses("Losartan 50 mcg daily", source) == [("50", "mcg")]


def test_drugs_by_brand_or_generic_name() -> None:
    source = "i take tylenol and the lasix"
    assert facts.unsupported_drugs("Acetaminophen, furosemide", source) == []
    assert facts.unsupported_drugs("Acetaminophen and metformin", source) == ["metformin"]
    assert facts.drugs("Nothing") == []


def test_the_lexicon_has_no_empty_or_double_names() -> None:
    lexicon = facts._lexicon()
    assert len(lexicon) > 220
    assert all(name == name.casefold().strip() and generic in lexicon for name, generic in lexicon.items())


def test_omission_is_a_share_of_content_words() -> None:
    assert facts.omission("chest pain denied", "chest pain") == pytest.approx(100 / 3)
    assert facts.omission("", "anything") == 0.0
    assert facts.omission("fever", "") == 100.0
