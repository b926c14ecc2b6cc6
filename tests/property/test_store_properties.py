"""Properties: typed text brings no query syntax, an edit comes back from its difference, a recovery key reads back."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vaulting import new_vault, note

from edge.store import delta
from edge.store.search import expression
from edge.store.secretkeys import RecoveryKey
from edge.store.vault import Vault

ANY_TEXT = st.text(st.characters(codec=None), max_size=200)
FEW_WORDS = st.lists(st.sampled_from(["pain ", "knee ", "\n", "400", " mg", "é", "\U0001f600"]), max_size=60).map(
    "".join
)


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    with new_vault(tmp_path_factory.mktemp("search")) as opened:
        note(opened, "Rest the knee. Ibuprofen 400 mg. Müdigkeit seit Montag.", "Jane Roe")
        note(opened, "Return if the pain is worse.", "John Doe")
        yield opened


def test_what_is_found(vault: Vault) -> None:
    def titles(typed: str) -> list[str]:
        return [hit.summary.title for hit in vault.search.find(typed)]

    assert titles("knee") == ["John Doe", "Jane Roe"]
    assert titles("ibuprofen 400") == ["Jane Roe"]
    assert titles("ibu") == ["Jane Roe"]
    assert titles("ibu ") == []
    assert titles("i") == []
    assert titles("ib") == ["Jane Roe"]
    assert titles("i*") == ["John Doe", "Jane Roe"]
    assert titles("ibu* knee ") == ["Jane Roe"]
    assert titles('"the knee"') == ["Jane Roe"]
    assert titles('"knee the"') == []
    assert titles("mudigkeit") == ["Jane Roe"]
    assert titles("MÜDIG") == ["Jane Roe"]
    assert titles("roe") == ["Jane Roe"]
    assert titles("knee OR nothing") == []
    assert titles("title:knee") == []
    assert titles("") == titles("*** ((") == []
    assert "«Ibuprofen»" in vault.search.find("ibuprofen")[0].snippet


@given(ANY_TEXT)
def test_expression_holds_no_syntax_from_outside(typed: str) -> None:
    built = expression(typed)
    outside = built.split('"')[::2]
    assert all(part.strip() in ("", "AND", "*", "* AND") for part in outside)


@given(FEW_WORDS | st.text(max_size=300), FEW_WORDS | st.text(max_size=300))
def test_an_edit_comes_back_from_its_difference(old: str, new: str) -> None:
    assert delta.apply(old, delta.make(old, new)) == new


def test_long_texts_are_compared_by_lines_quickly() -> None:
    old = "".join(f"line {i} of a long note\n" for i in range(3000))
    new = old.replace("line 5 ", "line five ").replace("line 2900 ", "line many ")
    made = delta.make(old, new)
    assert delta.apply(old, made) == new
    assert len(made) < 200


@given(st.binary(min_size=20, max_size=20), st.sampled_from(["upper", "lower", "spaces"]))
def test_recovery_key_reads_back(data: bytes, style: str) -> None:
    key = RecoveryKey(data)
    text = {"upper": key.text(), "lower": key.text().lower(), "spaces": key.text().replace("-", "  ")}[style]
    assert RecoveryKey.parse(unicodedata.normalize("NFC", text)) == key
