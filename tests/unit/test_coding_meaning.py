"""Retrieval by words and by meaning, fused; candidates of problems that no term names, with vectors made by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from catalogue_kit import catalogue_folder
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.coding.candidates import Coder
from edge.coding.meaning import contradicts, plain, side_of
from edge.coding.retrieval import RetrievedEntry, Retriever, TermVectors, fuse, rounded
from edge.coding.structure import lines
from edge.terminology.catalogue import Catalogue
from edge.terminology.index import open_catalogue

WIDTH = 64


class Words:
    """Texts as the words of a small vocabulary: what shares words is near. Stands in for an encoder."""

    def embed(self, texts: Sequence[str]) -> Any:
        rows = np.zeros((len(texts), WIDTH), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.casefold().replace(",", " ").split():
                row[hash_of(KNOWN.get(word, word))] += 1
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


KNOWN = {"twitches": "tic", "passing": "transient", "illness": "disorder"}


def hash_of(word: str) -> int:
    return sum(ord(c) * (n + 3) for n, c in enumerate(word)) % WIDTH


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    catalogue = open_catalogue(catalogue_folder(tmp_path_factory))
    yield catalogue
    catalogue.close()


@pytest.fixture(scope="module")
def retriever(real: Catalogue) -> Retriever:
    encoder = Words()
    return Retriever(real, encoder, rounded(encoder.embed([text for _, text in real.terms()])))


def test_words_alone_need_no_vectors(real: Catalogue) -> None:
    found = Retriever(real)
    assert not found.has_dense
    assert "I10" in found.lexical("essential hypertension", 10)
    assert found.lexical("the of", 10) == []
    (one,) = found.fused(["essential hypertension"], 5)
    assert one[0].dense is None
    with pytest.raises(ValueError, match="no vectors"):
        found.dense(["x"], 5)


def test_vectors_of_another_list_are_refused(real: Catalogue) -> None:
    few = TermVectors(np.zeros((3, WIDTH), dtype=np.int8), np.ones(3, dtype=np.float32))
    with pytest.raises(ValueError, match="3 vectors"):
        Retriever(real, Words(), few)


def test_the_nearest_entry_is_first_and_each_code_once(retriever: Retriever) -> None:
    (near,) = retriever.dense(["Transient tic disorder"], 20)
    assert near[0][0] == "F95.0"
    assert near[0][1] == pytest.approx(1.0, abs=0.02)
    assert len({code for code, _ in near}) == len(near) == 20


def test_reciprocal_ranks_reward_what_both_lists_have() -> None:
    found = fuse(["A", "B"], [("B", 0.9), ("C", 0.8)])
    assert [one.code for one in found] == ["B", "A", "C"]
    assert found[0] == RetrievedEntry("B", 1 / 62 + 1 / 61, 1, 0, 0.9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from("ABCDEF"), unique=True), st.lists(st.sampled_from("ABCDEF"), unique=True))
def test_fusion_keeps_every_code_once(one: list[str], other: list[str]) -> None:
    found = [hit.code for hit in fuse(one, [(code, 0.5) for code in other])]
    assert sorted(found) == sorted({*one, *other})


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_rounding_moves_a_vector_by_little(seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(5, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = rounded(vectors).scores(vectors)
    assert np.abs(scores - vectors @ vectors.T).max() < 0.02


def test_a_problem_in_other_words_is_found_with_its_line_as_quote(real: Catalogue, retriever: Retriever) -> None:
    note = "ASSESSMENT\n\n1. Passing twitches illness.\n2. Hypertension."
    assert [c.code.code for c in Coder(real).code(note).codes] == ["I10"]
    coder = Coder(real, retriever)
    assert coder.by_meaning
    found = {c.code.code: c for c in coder.code(note).codes}
    assert set(found) == {"I10", "F95.0"}
    assert found["F95.0"].quote == note[found["F95.0"].start : found["F95.0"].end] == "Passing twitches illness."


@pytest.mark.parametrize(
    "text",
    [
        "No passing twitches illness.",
        "Possible passing twitches illness.",
        "Passing twitches illness ruled out.",
        "Passing twitches illness not diagnosed.",
        "Call for passing twitches illness.",
        "Family history of passing twitches illness.",
    ],
)
def test_what_is_not_so_is_not_found_by_meaning_either(text: str, real: Catalogue, retriever: Retriever) -> None:
    assert Coder(real, retriever).code(f"ASSESSMENT\n\n1. {text}").codes == ()


def test_an_entry_that_says_the_opposite_is_no_candidate() -> None:
    assert contradicts("Benign neoplasm of left breast", "Left breast invasive ductal carcinoma")
    assert contradicts("Hypothyroidism, unspecified", "Hyperthyroid state")
    assert contradicts("Type 1 diabetes mellitus", "type 2 diabetes")
    assert not contradicts("Malignant neoplasm of left breast", "Left breast cancer")


def test_lines_are_asked_without_number_and_full_stop() -> None:
    assert plain("1. Gout.") == "Gout"
    assert plain("• Gout, for which he takes allopurinol.") == "Gout"
    assert side_of("Left knee and left hip") == "left"
    assert side_of("left and right") == ""


def test_instructions_and_history_of_a_disease_are_told_apart() -> None:
    note = "ASSESSMENT\n\n1. History of gout.\n2. ER for new weakness.\n3. Call for fever."
    assert [(line.text, line.problem) for line in lines(note)] == [
        ("History of gout.", True),
        ("ER for new weakness.", False),
        ("Call for fever.", False),
    ]


@pytest.mark.parametrize("piece", ["1. knee\n", "• tic ", "ASSESSMENT\n1. a b c\n"])
def test_hostile_notes_end_by_meaning_too(piece: str, real: Catalogue, retriever: Retriever) -> None:
    coder = Coder(real, retriever)
    note = f"ASSESSMENT\n{(piece * 100_000)[:100_000]}"
    for found in coder.code(note, 0.0).codes:
        assert note[found.start : found.end] == found.quote
