"""The sample visit is known by its text: the hash that labels it is of the text that ships."""

from __future__ import annotations

from importlib import resources

from edge.contract.document import from_bytes
from edge.samples import VISIT_SHA256


def test_the_samples_hash_is_of_its_text() -> None:
    raw = resources.files("edge.samples").joinpath("visit.txt").read_bytes()
    assert from_bytes(raw, "visit.txt").sha256 == VISIT_SHA256
