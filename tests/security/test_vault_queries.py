"""Whatever is typed is a query and never an exception: over 5,000 of them, any Unicode character and query syntax."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vaulting import new_vault, note

from edge.store.vault import Vault

ANY_TEXT = st.text(st.characters(codec=None), max_size=60)
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


@settings(max_examples=700, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(typed=st.lists(ANY_TEXT | QUERY_LIKE, min_size=10, max_size=10, unique=True))
def ask(vault: Vault, asked: list[str], typed: list[str]) -> None:
    for one in typed:
        asked.append(one)
        assert len(vault.search.find(one)) <= 2


def test_any_input_is_a_query(vault: Vault) -> None:
    asked: list[str] = []
    ask(vault, asked)
    assert len(asked) >= 7000
    assert len(set(asked)) > 4000
