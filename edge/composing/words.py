"""The words of a note made from facts, English or German (words.toml), and the speakers as the visit's language has
them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from edge.clinical.language import language
from edge.contract.transcript import Transcript

_SPEAKERS = {"de": {"Doctor": "Ärztin/Arzt", "Patient": "Patient/in", "Nurse": "Pflege", "Guest": "Begleitung"}}


@dataclass(frozen=True)
class Words:
    """What stands in a line beside the words of the fact; patterns have one or two places "{}"."""

    language: str
    denies: str
    denied: str
    possible: str
    family: str
    not_taken: str
    stopped: str
    took: str
    given: str
    no_allergy: str
    no_allergies: str
    no_other_allergies: str
    intolerance: str
    at: str
    years_old: str
    own: str
    follow_up: str
    for_: str
    added: str
    actions: dict[str, str]
    ways: dict[str, str]
    relatives: dict[str, str]
    terms: dict[str, str]
    headings: dict[str, str]
    titles: dict[str, str]

    def relative(self, name: str) -> str:
        """A relative by the name of its concept: "mother" -> "Mother", "Mutter"."""
        return self.relatives.get(name, name.replace("_", " ").capitalize())

    def title(self, title: str) -> str:
        """The title of a template's section: "Subjective" -> "Subjektiv"; a clinic's own as it is."""
        return self.titles.get(title, title)

    def speaker(self, label: str) -> str:
        """A speaker's label as it stands before words that were said."""
        return _SPEAKERS.get(self.language, {}).get(label, label)


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(resources.files("edge.composing").joinpath("words.toml").read_text(encoding="utf-8"))


@cache
def words(language_code: str = "en") -> Words:
    """The words of a language: "de", else English."""
    code = language_code if language_code in _tables() else "en"
    table = dict(_tables()[code])
    return Words(code, for_=table.pop("for"), **table)


def words_of(transcript: Transcript) -> Words:
    """The words of the language that was spoken."""
    return words(language(transcript.source))
