"""`doctor` on who writes notes: a tagger alone is enough, nothing at all is not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from edge import paths
from edge.contract import bundle as bundles
from edge.encounters import checking
from edge.errors import BundleError
from edge.verbs import doctor


@pytest.fixture(autouse=True)
def no_bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "bundle_dirs", lambda: [tmp_path])


def _states(bundle: str | None = None) -> dict[str, str]:
    return {one.about: one.state for one in [*doctor._bundles(bundle), *doctor._writer()]}


def test_without_any_bundle_no_note_can_be_written() -> None:
    assert _states() == {"Model bundle": "bad", "This laptop": "ok"}


def test_a_tagger_alone_writes_notes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checking, "facts_folder", lambda: tmp_path)
    found = SimpleNamespace(manifest=SimpleNamespace(name="tagger-x"), signed_by="it")
    monkeypatch.setattr(
        bundles, "verify_bundle", lambda folder, require_signature: found if require_signature else None
    )
    assert _states() == {"Model bundle": "warn", "Tagger": "ok", "This laptop": "ok", "Notes": "ok"}


def test_a_tagger_that_is_not_trusted_is_said_and_writes_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checking, "facts_folder", lambda: tmp_path)

    def refuse(folder: Path, require_signature: bool) -> None:
        assert require_signature
        raise BundleError("No key vouches for it.", "", "`edgescribe bundle trust`.")

    monkeypatch.setattr(bundles, "verify_bundle", refuse)
    assert _states() == {"Model bundle": "bad", "Tagger": "warn", "This laptop": "ok"}


def test_an_installed_judge_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checking, "judge_folder", lambda: tmp_path)
    found = SimpleNamespace(manifest=SimpleNamespace(name="tagger-y"), signed_by="it")
    monkeypatch.setattr(
        bundles, "verify_bundle", lambda folder, require_signature: found if require_signature else None
    )
    assert _states() == {"Model bundle": "bad", "Judge": "ok", "This laptop": "ok"}
    assert [one.says for one in doctor._bundles(None) if one.about == "Judge"] == [
        "tagger-y: a second vote on denials when a note is checked, signed by it"
    ]
