"""A stretch of text read for what can be compared: words by stem, concepts, drugs and numbers, each with its place."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

from edge.terms import concepts, drugs, numbers
from edge.terms.concepts import ConceptSpan, Word
from edge.terms.drugs import DrugSpan
from edge.terms.numbers import NumberSpan

# Words that tell nothing of what a statement is about: function words, fillers of speech, the verbs of records.
_STOP = (
    "the a an 's 're 've 'll 'd 'm and or of to in on at by for with from as is are was were be been being am do "
    "does did doing done have "
    "has had having will would can could should may might must shall that this these those there here it its he she "
    "they his her him them their i you we me my your our us who which what when where how why so if then than but not "
    "no nor n't yes yeah okay ok uh um mm hmm mhm oh well like just know think mean kind kinda sort really very also "
    "some any all about into out up down over again let lets gonna gon na go going get got getting right good great "
    "sure thing things lot little bit now today patient patients report reports reported state states stated deny "
    "denies denied endorse endorses endorsed note notes noted notice present presents presented associated since "
    "because due while still more most much other another mr mrs ms dr doctor see seen tell said say says want look "
    "looks looking make feel feels feeling felt try trying take takes taking took been ve ll re d m s t one history "
    "der die das und oder ich sie er es ist sind war hat haben habe ein eine einen nicht kein keine mit auf für von "
    "zu im in den dem des bei auch noch schon mal dann ja nein also so wie was wir mir mich ihr ihre sich "
)
STOP = frozenset(_STOP.split()) | frozenset(concepts.stem(word) for word in _STOP.split())


_SENTENCE_END = re.compile(r"[.!?;]+(?=\s|$)|\n+")


def sentences(text: str) -> list[tuple[int, int]]:
    """Offsets of the sentences of a stretch of text or speech; nothing is left out."""
    found, at = [], 0
    for mark in _SENTENCE_END.finditer(text):
        found.append((at, mark.end()))
        at = mark.end()
    if at < len(text):
        found.append((at, len(text)))
    return found


@dataclass(frozen=True)
class TextReading:
    """What a text holds. Offsets count from the start of text."""

    text: str = field(repr=False)
    words: list[Word] = field(repr=False)

    @cached_property
    def concepts(self) -> list[ConceptSpan]:
        """Named concepts in order."""
        return concepts.find(self.words)

    @cached_property
    def drugs(self) -> list[DrugSpan]:
        """Drug names in order."""
        return drugs.find(self.text)

    @cached_property
    def _room(self) -> dict[int, tuple[int, int]]:
        """Where each drug's name stands -> end of the last other drug before it, start of the next one behind it."""
        low = [0] * len(self.drugs)
        high = [len(self.text)] * len(self.drugs)
        for at in range(1, len(self.drugs)):
            before = self.drugs[at - 1]
            low[at] = low[at - 1] if before.generic == self.drugs[at].generic else before.end
        for at in range(len(self.drugs) - 2, -1, -1):
            behind = self.drugs[at + 1]
            high[at] = high[at + 1] if behind.generic == self.drugs[at].generic else behind.start
        return {one.start: (low[at], high[at]) for at, one in enumerate(self.drugs)}

    def room(self, drug: int) -> tuple[int, int]:
        """Offsets of the text around the drug's name at an offset in which no other drug is named."""
        return self._room.get(drug, (0, len(self.text)))

    @cached_property
    def numbers(self) -> list[NumberSpan]:
        """Numbers in order."""
        return numbers.spans(self.text)

    @cached_property
    def sentences(self) -> list[tuple[int, int]]:
        """Offsets of the sentences in order."""
        return sentences(self.text)

    def sentence(self, at: int) -> tuple[int, int]:
        """Offsets of the sentence in which an offset lies; of the whole where it lies in none."""
        found = bisect_right(self.sentences, (at, len(self.text))) - 1
        return self.sentences[found] if found >= 0 and at < self.sentences[found][1] else (0, len(self.text))

    @cached_property
    def features(self) -> Counter[str]:
        """What two texts can share: "c:" concept, "d:" drug, "n:" number, "w:" any other word that tells something."""
        return Counter(feature for feature, _ in self.places)

    @cached_property
    def places(self) -> list[tuple[str, int]]:
        """Every feature with the offset at which it stands."""
        found: list[tuple[str, int]] = []
        taken: list[tuple[int, int]] = []
        for concept in self.concepts:
            found.append((f"{'w' if concept.group == 'word' else 'c'}:{concept.name}", concept.start))
            taken.append((concept.start, concept.end))
        for drug in self.drugs:
            found.append((f"d:{drug.generic}", drug.start))
            taken.append((drug.start, drug.end))
        for number in self.numbers:
            found += [(f"n:{value}", number.start) for value in sorted(number.values)]
            taken.append((number.start, number.end))
        taken.sort()
        at = 0
        for word in self.words:
            while at < len(taken) and taken[at][1] <= word.start:
                at += 1
            inside = any(start <= word.start < end for start, end in taken[at : at + 2])
            if not inside and len(word.key) > 1 and word.key not in STOP:
                found.append((f"w:{word.key}", word.start))
        return found


def read(text: str) -> TextReading:
    """Read a text; the parts are worked out when they are first asked for."""
    return TextReading(text, concepts.words(text))
