"""Whatever is typed is a query and never an exception: 5,000 of them, any Unicode character and query syntax."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vaulting import new_vault, note

from edge.store.vault import Vault

ANY_TEXT = st.text(st.characters(codec=None), max_size=200)
QUERY_LIKE = st.lists(
    st.sampled_from(
        [*"\"'*(){}^-+:\0%_; \n", "NEAR", "AND", "OR", "NOT", "title:", "knee", "Knie", "müde", "ﬁ", "ß", "日本",
         "\ud800", "\u202e", "\U0001f600", "é", "e\u0301", "a" * 600]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    with new_vault(tmp_path_factory.mktemp("search")) as opened:
        note(opened, "Rest the knee. Ibuprofen 400 mg. Müdigkeit seit Montag.", "Jane Roe")
        note(opened, "Return if the pain is worse.", "John Doe")
        yield opened


@settings(max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(typed=ANY_TEXT | QUERY_LIKE)
def test_any_input_is_a_query(vault: Vault, typed: str) -> None:
    assert len(vault.search.find(typed)) <= 2
