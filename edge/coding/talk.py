"""Sentences of a conversation for coding: what the clinician names as a diagnosis counts, what was only said does not.

Speakers are told by the labels at the beginning of lines ("Doctor: …", "[doctor] …"). Words that open a spoken
diagnosis were chosen on the conversations of ACI-Bench train and valid (docs/coding.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.coding.structure import CodingLine, Part

_TURN = re.compile(r"^(?:\[([^\]\n]{1,30})\]|([^\W\d_][^:\n]{0,30}):)[ \t]", re.MULTILINE)
_CLINICIAN = re.compile(r"(?:the )?(?:doctor|doc|dr\b|physician|clinician|provider|arzt|ärztin)", re.IGNORECASE)
_LEAST = 4  # turns of a conversation
_SENTENCE = re.compile(r"(?<=[.!?;])\s+")
_NAMES = re.compile(
    r"\b(?:this is|that is|that's|it is|it's|you have|you've got|you've developed|consistent with|diagnos\w+|"
    r"looks like|indicative of|impression|assessment|suffering from|dealing with|evidence of|"
    r"(?:first|second|third|fourth|fifth|next|last|other) (?:problem|issue|thing|diagnosis|one)|"
    r"(?:for|regarding|as far as|in terms of|with) (?:your|his|her|the)|history of|shows?|"
    r"das ist|es ist|sie haben|es handelt sich|wegen ihrer?|diagnose)\b",
    re.IGNORECASE,
)


def is_talk(text: str) -> bool:
    """Whether most lines are turns with labels, and a clinician has at least two of them."""
    labels = [match[1] or match[2] for match in _TURN.finditer(text)]
    lines = sum(1 for line in text.split("\n") if line.strip())
    return len(labels) >= max(_LEAST, lines / 2) and sum(_clinician(label) for label in labels) > 1


def talk_lines(text: str) -> Iterator[CodingLine]:
    """The conversation's sentences in order, without labels."""
    for line in re.finditer(r"[^\n]+", text):
        label = _TURN.match(line.group())
        clinician = label is not None and _clinician(label[1] or label[2])
        said, position = line.group()[label.end() if label else 0 :], 0
        offset = line.end() - len(said)
        for piece in filter(str.strip, _SENTENCE.split(said)):
            position = said.index(piece, position)
            names = clinician and _NAMES.search(piece) is not None and not piece.rstrip().endswith("?")
            part = Part.ASSESSMENT if names else Part.OTHER
            yield CodingLine(piece, offset + position, part, problem=names, spoken=True)
            position += len(piece)


def _clinician(label: str) -> bool:
    return _CLINICIAN.match(label.strip()) is not None
