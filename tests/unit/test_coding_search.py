"""Searching the real catalogue as a clinician types: own terms first, every word before any, codes of injuries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from catalogue_kit import catalogue_folder

from edge.coding.search import billable, search
from edge.errors import UsageError
from edge.terminology.catalogue import Catalogue
from edge.terminology.index import open_catalogue
from edge.terminology.lexical import match_query


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    catalogue = open_catalogue(catalogue_folder(tmp_path_factory))
    yield catalogue
    catalogue.close()


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("broken left wrist", "S62.102A"),
        ("heart attack", "I21.9"),
        ("high blood pressure", "I10"),
        ("CKD 3b", "N18.32"),
        ("T2DM with kidney disease", "E11.22"),
        ("pain of the right knee", "M25.561"),
    ],
)
def test_what_is_meant_stands_first(words: str, first: str, real: Catalogue) -> None:
    codes = [hit.code.code for hit in search(real, words)]
    assert codes[0] == first
    assert len(codes) == len(set(codes)) <= 20


def test_injuries_are_found_as_the_codes_that_may_be_reported(real: Catalogue) -> None:
    codes = billable(real, "sprain of right ankle", 4)
    assert [code.code for code in codes] == ["S93.401A", "S93.401D", "S93.411A", "S93.411D"]
    assert all(code.billable for code in codes)


def test_a_code_gives_what_may_be_reported_below_it(real: Catalogue) -> None:
    assert [code.code for code in billable(real, "e11.2")] == ["E11.21", "E11.22", "E11.29"]


@pytest.mark.parametrize("words", ["", "the of", "x" * 501])
def test_a_search_without_a_word_is_refused(words: str, real: Catalogue) -> None:
    with pytest.raises(UsageError):
        search(real, words)


def test_every_word_must_be_there_in_one_of_its_meanings() -> None:
    assert match_query("broken left wrist", every=True) == '("fracture" OR "broken") AND ("left") AND ("wrist")'
    assert match_query("CHF of the heart", every=True) == '("congestive" AND "heart" AND "failure") AND ("heart")'
    assert match_query('" knee OR the', every=True) == '("knee")'
