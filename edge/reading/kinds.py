"""Whether a plain text is a conversation or a report."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge.clinical.words import words as listed
from edge.contract.transcript import Turn
from edge.reading import vocabulary

_SAMPLE = 400  # lines looked at
_WORD = re.compile(r"[^\W\d_]+")
_TALK = listed(
    "i i'm i've i'd i'll me my you you're your we okay ok yes yeah no hello hi thanks thank please um uh well "
    "right ich mir mich mein meine sie ihnen ihr ihre du dir wir ja nein hallo danke bitte okay äh genau gut yo "
    "tú usted sí hola gracias por je vous oui bonjour merci "
)


def is_conversation(text: str, turns: Sequence[Turn]) -> bool:
    """True if people speak in a text: several labelled speakers, or questions and answers of people.

    A report has headings ("Diagnosis:"), few questions and hardly an "I".
    """
    lines = [line.strip() for line in text.split("\n", _SAMPLE)[:_SAMPLE] if line.strip()]
    headings = sum(_is_heading_line(line) for line in lines)
    speakers = {turn.speaker for turn in turns if turn.speaker}
    labelled = sum(bool(turn.speaker) for turn in turns)
    if len(speakers) >= 2 and labelled >= 2:
        return headings <= labelled
    if len(turns) >= 2 and 2 * sum(turn.seconds is not None for turn in turns) >= len(turns):
        return True  # each line has a time
    words = [word.casefold() for line in lines for word in _WORD.findall(line)]
    if not words:
        return bool(speakers) or not headings
    talk = sum(word in _TALK for word in words) / len(words)
    asked = sum(line.endswith("?") for line in lines)
    if not headings and (labelled >= 2 or speakers & {"Doctor", "Nurse"}):
        return True
    if all(vocabulary.is_sound(line.strip("[]()*♪ ")) for line in lines):
        return True  # of a recogniser that heard no speech
    return headings * 4 <= len(lines) and (talk >= 0.12 or (talk >= 0.05 and 8 * asked >= len(lines)))


def _is_heading_line(line: str) -> bool:
    """True for "Diagnosis: …", "HISTORY OF PRESENT ILLNESS", "Labor"."""
    opening = line[:60].split(":")[0] if ":" in line[:60] else line if len(line) <= 40 else ""
    return bool(opening) and vocabulary.is_heading(opening)
