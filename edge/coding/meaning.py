"""Candidates by meaning: problems that no term names, siblings that the words fit better, what is past or was removed.

Entries come from the retriever's vectors; a candidate's quote is the note's own line. Thresholds are cosines, set on
ACI-Bench train and valid (docs/coding.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from edge.clinical.context import Context
from edge.coding.lexicon import BODY, SIDES, Mention, stems
from edge.coding.resolution import Resolver
from edge.coding.results import Candidate
from edge.coding.retrieval import Retriever
from edge.coding.structure import CodingLine
from edge.contract.facts import Polarity, Subject
from edge.terminology.catalogue import Catalogue

NEAR = 0.72  # a problem in other words is coded from here on
_FAR = 0.6  # below it nothing is proposed; between, on demand
_PAST = 0.7
_BETTER = 0.02  # a sibling must be nearer by so much
_DEPTH = 50
_MAX_LINES = 60  # problems of one note looked at; a longer list is a paste by mistake
_MARKS = re.compile(r"^\s*(?:\d{1,2}[.)]|[-•*])?\s*|[\s.;:]+$")
_TAIL = re.compile(r",? (?:which|that|for which|with plan)\b.*$", re.IGNORECASE)
_PAST_WORDS = re.compile(r"^(?:personal )?(?:history of|h/o|hx of|status post|s/p|zustand nach)\b", re.IGNORECASE)
_SIDE = re.compile(rf"\b(?:{'|'.join(SIDES)})\b", re.IGNORECASE)


class MeaningFinder:
    """Candidates of one catalogue by a retriever that has vectors."""

    def __init__(self, catalogue: Catalogue, retriever: Retriever, resolver: Resolver, verify: bool = True) -> None:
        """verify: judge what is near; without, the nearest entry is a candidate (to measure what judging is worth)."""
        self._catalogue, self._retriever, self._resolver, self._verify = catalogue, retriever, resolver, verify

    def problems(self, lines: Iterable[CodingLine], context: Context, sides: Callable[[str], str]) -> list[Candidate]:
        """A candidate for each line that names a problem and is true of the patient, where one is near enough.

        sides: the side that the note names for a part of the body, for lines that name none.
        """
        named = [line for line in lines if line.problem and not line.text.isupper() and _true(line, context)]
        named = named[:_MAX_LINES]
        found = []
        for line, nearest in zip(named, self._nearest([plain(line.text) for line in named]), strict=True):
            body = (sides(word) for word in stems(line.text) if word in BODY)
            side = side_of(line.text) or next(filter(None, body), "")
            past = _PAST_WORDS.match(plain(line.text)) is not None
            for code, cosine in nearest:
                entry = self._catalogue.get(code)
                if entry is None or cosine < _FAR:
                    break
                if past is not code.startswith("Z") or other_side(entry.description, side):
                    continue
                if self._verify and contradicts(entry.description, line.text):
                    continue
                if (candidate := self._candidate(line, code, cosine, side)) is None:
                    continue
                found.append(candidate)
                break
        return found

    def exact(self, named: Sequence[tuple[CodingLine, Mention]]) -> dict[int, Candidate]:
        """Start of a mention -> the candidate that its line fits better than the mention's own entry.

        For words of the classification: a sibling within the category. For what is past ("status post"): a code of
        status or history (Z), which the mention's disease is not.
        """
        asked = [
            (line, mention)
            for line, mention in named
            if not mention.term.own or _PAST_WORDS.match(plain(line.text)) is not None
        ][:_MAX_LINES]
        found: dict[int, Candidate] = {}
        if not self._verify:
            return found
        lists = self._nearest([plain(line.text) for line, _ in asked])
        for (line, mention), nearest in zip(asked, lists, strict=True):
            past = _PAST_WORDS.match(plain(line.text)) is not None and not mention.term.code.startswith("Z")
            best = self._past(line, nearest) if past else self._sibling(line, mention, nearest)
            if best is not None:
                found[mention.start] = best
        return found

    def _nearest(self, texts: Sequence[str]) -> list[list[tuple[str, float]]]:
        return self._retriever.dense(texts, _DEPTH)

    def _past(self, line: CodingLine, nearest: Sequence[tuple[str, float]]) -> Candidate | None:
        for code, cosine in nearest:
            if code.startswith(("Z8", "Z9")) and cosine >= _PAST:
                return self._candidate(line, code, cosine, side_of(line.text))
        return None

    def _sibling(self, line: CodingLine, mention: Mention, nearest: Sequence[tuple[str, float]]) -> Candidate | None:
        category = mention.term.code[:3]
        side = mention.side or side_of(line.text)
        cosines = dict(nearest)
        held = [code for code, _ in self._resolver.resolved(mention.term.code, mention.term.sided, mention.side)]
        own = max((cosines.get(code.code, cosines.get(code.parent, 0.0)) for code in held), default=0.0)
        for code, cosine in nearest:
            entry = self._catalogue.get(code)
            if entry is None or code[:3] != category or other_side(entry.description, side):
                continue
            leaf = entry.billable or bool(self._catalogue.seventh(code))
            if leaf and cosine >= max(NEAR, own + _BETTER):
                return self._candidate(line, code, cosine, side)
            return None
        return None

    def _candidate(self, line: CodingLine, code: str, cosine: float, side: str) -> Candidate | None:
        entry = self._resolver.leaf(code, side)
        if entry is None or not line.text.strip():
            return None
        text = line.text.rstrip()
        start = line.start + len(text) - len(text.lstrip())
        sure = round(min(0.9, cosine) if cosine >= NEAR or not self._verify else cosine / 2, 3)
        return Candidate(
            entry[0], text.lstrip(), start, line.start + len(text), sure, entry[1],
            f"near in meaning ({cosine:.2f}); names a problem of the assessment", problem=True,
        )  # fmt: skip


def plain(text: str) -> str:
    """A line without its number, bullet and full stop."""
    return _TAIL.sub("", _MARKS.sub("", text))


def side_of(text: str) -> str:
    """The side that a line names, "" for none or both."""
    named = {SIDES[word.casefold()] for word in _SIDE.findall(text)}
    return named.pop() if len(named) == 1 else ""


def other_side(description: str, side: str) -> bool:
    """Whether a description names a side that the text does not."""
    words = description.casefold().replace(",", " ").split()
    return any(one in words and one != side for one in ("right", "left", "bilateral"))


_UNSURE = re.compile(
    r"(?:possible|possibly|probable|probably|suspected|suspicion|rule out|r/o|concern(?:ing)? for|likely|presumed|"
    r"questionable|no |denies|normal|negative|family history|risk)\b|"
    r".*\b(?:prevention|prophylaxis|screening|vaccin\w*|due|declined|advised|ruled out|resolved|"
    r"evaluation|refill\w*|counseling|not (?:been )?(?:diagnosed|confirmed|established))\b",
    re.IGNORECASE,
)
# Words of a description that the text must hold in its own way: a carcinoma is no benign neoplasm.
_CONTRADICTED = (
    (re.compile(r"\bbenign\b"), re.compile(r"cancer|carcinoma|malignan|melanoma|sarcoma|lymphoma")),
    (re.compile(r"\bin situ\b"), re.compile(r"invasive|metasta")),
    (re.compile(r"\bhypo"), re.compile(r"\bhyper")),
    (re.compile(r"\bhyper"), re.compile(r"\bhypo")),
    (re.compile(r"\btype 1\b"), re.compile(r"\btype (?:2|ii)\b")),
)


def contradicts(description: str, text: str) -> bool:
    """Whether an entry says the opposite of the words that it was found by."""
    entry, words = description.casefold(), text.casefold()
    return any(one.search(entry) and other.search(words) and not one.search(words) for one, other in _CONTRADICTED)


def _true(line: CodingLine, context: Context) -> bool:
    if _UNSURE.match(plain(line.text)):
        return False
    around = context.at(line.start, line.start + len(line.text))
    return around.polarity is Polarity.AFFIRMED and around.subject is Subject.PATIENT
