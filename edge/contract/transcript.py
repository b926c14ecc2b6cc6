"""Conversations: the shape of turns, the roles of speakers, and turns as prompt text. edge.reading makes the turns.

Training and inference render a conversation with the same code, so a model sees one form whatever the source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ROLES = {
    "Doctor": "doctor dr doc d physician clinician provider md gp arzt ärztin arztin behandler médecin docteur "
    "médico médica doctora medico dottore dottoressa",
    "Patient": "patient pt p patientin patiente paciente paziente",
    "Nurse": "nurse rn schwester pfleger pflegerin pflegekraft",
    "Guest": "guest guest_family patient_guest family mother father parent spouse wife husband son daughter caregiver "
    "angehörige angehöriger mutter vater",
}
SPEAKERS = tuple(_ROLES)
_ROLE_OF = {alias: role for role, aliases in _ROLES.items() for alias in aliases.split()}
_TITLED = re.compile(r"(?:dr|doctor|prof)\b\.?\s", re.IGNORECASE)
_NURSE_TITLED = re.compile(r"(?:nurse|sister|schwester|pfleger|pflegerin)\s+[^\W\d_]")
_CREDENTIALS = {
    "Doctor": re.compile(r",\s*(?:m\.?d|d\.?o|mbbs|mbbch|mbchb|frcp|mrcp|mrcgp|facp|dr\. med|np|aprn|pa-?c?)\b"),
    "Nurse": re.compile(r",\s*(?:rn|lpn|bsn|msn)\b"),
}
_NUMBERED = re.compile(r"(?P<base>[^\W\d]+)[ _-]?\d{1,2}$")

_CLITIC = re.compile(r"(?<=\w) (?=(?:n't|'(?:s|re|ve|ll|d|m))\b)", re.IGNORECASE)
_BEFORE_PUNCTUATION = re.compile(r" +(?=[,.?!;:](?:\s|$))")


@dataclass(frozen=True)
class Turn:
    """One utterance. speaker: "Doctor", "Patient", "Nurse", "Guest", another label as given, or "" if unknown.

    start, end: character offsets of the words (without the tag) in the parsed text. seconds: when it begins, from the
    start of the recording, where the source says so.
    """

    speaker: str
    text: str
    start: int
    end: int
    seconds: float | None = None


@dataclass(frozen=True)
class Transcript:
    """A conversation: the text that the turns' offsets point into, and the turns in order."""

    source: str
    turns: tuple[Turn, ...]


def role(label: str) -> str | None:
    """Return the canonical role that a speaker label names, or None if it names none."""
    key = label.strip().strip(".").casefold()
    if (numbered := _NUMBERED.fullmatch(key)) is not None:
        key = numbered["base"]
    if key in _ROLE_OF:
        return _ROLE_OF[key]
    first = key.replace("-", "_").split("_")[0].split(" ")[0].strip(".")
    if _TITLED.match(key):
        return "Doctor"
    if _NURSE_TITLED.match(key):
        return "Nurse"
    for titled, credential in _CREDENTIALS.items():
        if credential.search(key):
            return titled
    return _ROLE_OF.get(first) if "_" in key or "(" in key else None


def tidy(text: str) -> str:
    """Join what speech recognisers set apart ("do n't", "hi ,") and collapse spaces; idempotent."""
    text = " ".join(text.split())
    return _BEFORE_PUNCTUATION.sub("", _CLITIC.sub("", text))


def render(transcript: Transcript) -> str:
    """Return the conversation as prompt text: one "Speaker: words" line a turn, without the tag if unknown."""
    return "\n".join(f"{t.speaker}: {tidy(t.text)}" if t.speaker else tidy(t.text) for t in transcript.turns)
