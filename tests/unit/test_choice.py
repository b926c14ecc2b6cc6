"""Which model writes: one rule for every door; an untuned base, a test model or a stranger's is never taken unasked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.contract import bundle_card, choice
from edge.contract.bundle import list_bundles
from edge.contract.manifest import Figure
from edge.encounters import writing
from edge.errors import BundleError
from export.machine import sign_here
from tests.bundle_kit import write_bundle

BASE = {"name": "b", "origin": "o", "sha256": "0" * 64, "licence": "l"}
TUNED = {"name": "a", "sha256": "1" * 64}


def _bundle(home: Path, name: str, size: int, recall: float | None, forbidden: float = 10.0, **changes: Any) -> None:
    figures = [
        {"metric": metric, "value": value, "low": None, "high": None, "dataset": "facts-dev", "documents": 10}
        for metric, value in (("critical.recall", recall), ("forbidden.share", forbidden))
        if value is not None and recall is not None
    ]
    folder = home / "bundles" / name
    known: dict[str, Any] = {"purpose": "clinical", "adapter": TUNED, "figures": figures}
    write_bundle(folder, name=name, base={**BASE, "parameters": size}, **{**known, **changes})
    sign_here(folder)


@pytest.fixture
def bundles(home: Path) -> Path:
    return home


def test_the_best_on_the_development_set_writes_not_the_largest(bundles: Path) -> None:
    _bundle(bundles, "tuned-small", 500, 30.0, 10.0)
    _bundle(bundles, "tuned-better", 400, 60.0, 12.0)
    _bundle(bundles, "tuned-careless", 900, 65.0, 40.0)
    _bundle(bundles, "unmeasured", 2000, None)
    _bundle(bundles, "untuned", 1500, 90.0, 0.0, adapter=None)
    _bundle(bundles, "for-tests", 100, 99.0, 0.0, purpose="test")
    folder, why = writing.chosen_bundle(None)
    assert folder.name == "tuned-better"
    assert why.startswith("the best of 4 that fit: 60 % of critical facts stated, 12 % of forbidden statements made")
    names = [card.name for card in bundle_card.cards([bundles / "bundles"])]
    assert names[:4] == ["tuned-better", "tuned-careless", "tuned-small", "unmeasured"]  # the app's list begins with it
    assert writing.chosen_bundle("untuned")[1] == ""  # asked for, it is taken
    assert writing.chosen_bundle("untuned")[0].name == "untuned"


def test_untuned_alone_is_named_and_not_taken(bundles: Path) -> None:
    _bundle(bundles, "untuned", 1500, None, adapter=None)
    with pytest.raises(BundleError, match=r"tuned to write notes.*untuned.*--bundle"):
        writing.chosen_bundle(None)


def test_what_nobody_signed_is_named(bundles: Path) -> None:
    write_bundle(bundles / "bundles" / "stranger", name="stranger", adapter=TUNED, purpose="clinical")
    with pytest.raises(BundleError, match=r"No trusted key.*stranger.*bundle trust"):
        writing.chosen_bundle(None)


def test_what_does_not_fit_the_machine_is_passed_over(bundles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _bundle(bundles, "small", 400, 30.0)
    _bundle(bundles, "large", 900, 60.0)
    needed = {"small": 2_000_000_000, "large": 5_000_000_000}
    monkeypatch.setattr(choice, "needed_bytes", lambda manifest: needed[manifest.name])
    monkeypatch.setattr(choice, "memory_bytes", lambda: 4_000_000_000)
    assert writing.chosen_bundle(None)[0].name == "small"
    monkeypatch.setattr(choice, "memory_bytes", lambda: 1_000_000_000)
    with pytest.raises(BundleError, match=r"fits this machine.*1 GB of memory.*2\.0 GB"):
        writing.chosen_bundle(None)
    monkeypatch.setattr(choice, "memory_bytes", lambda: 0)  # nobody knows
    assert writing.chosen_bundle(None)[0].name == "large"


def test_memory_is_that_of_the_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = choice.memory_bytes()
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(choice, "_CGROUP", limit)
    for text, wanted in (("1000000000\n", 1_000_000_000), ("max\n", None), ("x", None)):
        limit.write_text(text, encoding="ascii")
        found = choice.memory_bytes()
        assert found == wanted or (wanted is None and found >= whole)


@pytest.mark.parametrize(
    ("gigabytes", "cores", "said"),
    [(24, 2, "up to 8B"), (8, 8, "up to 4B"), (4, 2, "up to 1.7B"), (1, 2, "too little"), (0, 2, "does not say")],
)
def test_what_a_laptop_carries(gigabytes: int, cores: int, said: str) -> None:
    assert said in choice.carries(gigabytes * 1_000_000_000, cores)


def test_the_card_of_the_published_adapter_has_the_figure() -> None:
    import json

    path = Path(__file__).resolve().parents[2] / "models" / "adapters" / "qwen2.5-coder-0.5b-instruct" / "adapter.json"
    figures = [Figure.model_validate(one) for one in json.loads(path.read_text(encoding="utf-8"))["figures"]]
    assert {f.metric for f in figures if f.dataset == choice.DEVELOPMENT} >= {"critical.recall", "forbidden.share"}
    assert list_bundles([path.parent]) == []
