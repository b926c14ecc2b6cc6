"""Candidate codes of a note: mentions in context, resolved, combined as the classification asks, ranked.

Rules follow the ICD-10-CM official guidelines for coding and reporting (FY 2026): uncertain diagnoses are not coded in
outpatient care but symptoms are (IV.H); what applies to the set of codes lies in edge.coding.guidelines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from edge.clinical.context import Context
from edge.clinical.sections import Headings
from edge.coding import external, guidelines
from edge.coding.confidence import calibrated
from edge.coding.lexicon import BODY, Mention, Term, TermLexicon, catalogue_terms, sides_near, stems
from edge.coding.meaning import MeaningFinder, other_side, side_of
from edge.coding.reasons import reasons
from edge.coding.resolution import Resolver
from edge.coding.results import Candidate, Coding
from edge.coding.retrieval import Retriever
from edge.coding.search import reported
from edge.coding.structure import CodingLine, Part, lines
from edge.coding.talk import is_talk, talk_lines
from edge.contract.facts import Attributes, Polarity, Subject
from edge.terminology.catalogue import Catalogue, Code
from edge.terminology.lexical import match_query

__all__ = ["LIKELY", "MAX_NOTE", "Candidate", "Coder", "Coding"]

MAX_NOTE = 400_000  # characters; beyond it only the beginning is read, and the result says so
_WEIGHTS = {
    Part.ASSESSMENT: 0.55,
    Part.PLAN: 0.45,
    Part.HISTORY: 0.3,
    Part.COMPLAINT: 0.3,
    Part.PRESENT: 0.25,
    Part.OTHER: 0.3,
    Part.RESULTS: 0.15,
    Part.EXAM: 0.1,
    Part.MEDICATION: 0.05,
    Part.REVIEW: 0.02,
    Part.ALLERGY: 0.05,
    Part.FAMILY: 0.0,
}
_ALTERNATIVES = 3
_MENTIONS = 20  # of one term in one part of a note; more of them change nothing and cost time
LIKELY = 0.6  # candidates below it are shown on demand
_PROBLEM = 0.9  # a mention that is the name of a problem of the assessment
_SPOKEN = 0.71  # one that the clinician names in a conversation: 55 of 100 are right on ACI-Bench train and valid
# Words around a mention that make it another thing: a vaccine, a screening test, a cause that is only likely.
_NOT_AFTER = re.compile(
    r"^[\s-]*(?:(?:and|or|,|/)\s*\w+\s*){0,3}(?:vaccin\w*|shots?\b|immuni[sz]ation\w*|screening\b|titer\w*|prevention|prophylaxis)"
    r"|^,? (?:now |since |effectively )?(?:resolved|ruled out|excluded)\b",
    re.IGNORECASE,
)
_NOT_BEFORE = re.compile(
    r"\b(?:screen(?:ing|ed)?|vaccin(?:e|ated)|immunized) (?:\w+ )?(?:for|against) (?:\w+ ){0,2}$"
    r"|\brisk (?:of|for) (?:\w+ ){0,2}$",
    re.IGNORECASE,
)
_LIKELY_CAUSE = re.compile(
    r"\b(?:likely|probably|possibly|presumably) (?:due|secondary|related) to\b[^.;]*$", re.IGNORECASE
)
_NOT_DIAGNOSED = re.compile(
    r"^[^.;,]{0,20}\b(?:(?:has|have|was|is) )?not (?:been )?(?:diagnosed|confirmed|established)\b", re.IGNORECASE
)
# "cold" that is felt, or laid on, and no illness.
_COLD_AFTER = re.compile(
    r"^[\s-]*(?:or (?:hot|heat|warm)|and (?:hot|heat|clammy)|sprays?|packs?|compress\w*|water|weather|air|therapy|"
    r"temperatures?|intolerance|sweats?|drinks?|hands?|feet|fingers?|extremit\w+|sores?|turkey|laser|knife)\b",
    re.IGNORECASE,
)
_COLD_BEFORE = re.compile(
    r"\b(?:feel\w*|felt|to|hot(?:,| or| and)|heat(?:,| or| and)|by|ice)\s+(?:the )?$", re.IGNORECASE
)
_PRESENCE = ("Z89", "Z90", "Z95", "Z96", "Z98")  # what was put in or taken out; before the operation nothing was
_AHEAD = re.compile(
    r"\b(?:pre-?op\w*|before|planned|scheduled?|upcoming|candidate|clearance|consider\w*|recommend\w*|awaiting|ready)\b",
    re.IGNORECASE,
)
_NEGATING = frozenset(("without", "no", "not", "non", "absent", "ohne", "nicht", "kein"))
_PAST = re.compile(
    r"\b(?:history of|h/o|hx of|status post|s/p|prior|previous|zustand nach|z\. ?n\.) (?:\w+ ){0,2}$", re.IGNORECASE
)
_REMOVED = re.compile(r"\b(?:status post|s/p)\b.*\b(?:removal|excision|resection)\b", re.IGNORECASE)
_CHRONIC = re.compile(r"\bchronic\b", re.IGNORECASE)
_AROUND = 80  # characters looked at on either side of a mention
_SUBSEQUENT = re.compile(
    r"\b(?:follow[- ]?up (?:of|for|on)|recheck of|healing|healed|post-?op\w*|cast removal|suture removal)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Found:
    """A mention in its line, as its context makes it."""

    line: CodingLine
    mention: Mention
    around: Attributes = field(repr=False)
    past: bool = False
    chronic: bool = False


class Coder:
    """Codes notes against one catalogue; with a retriever by meaning, too. Not for several threads at once."""

    def __init__(self, catalogue: Catalogue, retriever: Retriever | None = None, *, verify: bool = True) -> None:
        """verify: candidates by meaning are judged (edge.coding.meaning); without, the nearest entry is taken."""
        self.catalogue = catalogue
        self._lexicon = TermLexicon(catalogue_terms(catalogue))
        self._resolver = Resolver(catalogue)
        dense = retriever is not None and retriever.has_dense
        self._meaning = None
        if retriever is not None and dense:
            self._meaning = MeaningFinder(catalogue, retriever, self._resolver, verify)

    @property
    def by_meaning(self) -> bool:
        """Whether problems in other words are found, too."""
        return self._meaning is not None

    def code(self, note: str, at_least: float = LIKELY) -> Coding:
        """Candidates with at least that confidence."""
        text = note[:MAX_NOTE]
        headings = Headings(text)
        read = list(talk_lines(text) if is_talk(text) else lines(text, headings))
        context = Context(text, headings=headings)
        mentions = self._mentions(text, read, context)
        found: dict[str, Candidate] = {}
        for candidate in self._candidates(text, read, mentions, context):
            known = found.get(candidate.code.code)
            if known is None or candidate.confidence > known.confidence:
                found[candidate.code.code] = candidate
        likely = guidelines.combined(self.catalogue, guidelines.past(self.catalogue, found), text)
        likely += external.causes(self.catalogue, text, read, likely, LIKELY)
        judged = [replace(c, score=c.confidence, confidence=calibrated(c.confidence)) for c in likely]
        kept = guidelines.without_symptoms(guidelines.without_general(judged))
        kept = [c for c in kept if c.confidence >= at_least]
        ordered = guidelines.in_sequence(self.catalogue, kept)
        codes = [c.code.code for c in ordered]
        told = (replace(c, alternatives=self._alternatives(c)) for c in ordered)
        shown = tuple(replace(c, why=reasons(self.catalogue, c, text, codes)) for c in told)
        conflicts = guidelines.conflicts(self.catalogue, [c for c in ordered if c.confidence >= min(at_least, LIKELY)])
        return Coding(self.catalogue.edition, shown, tuple(conflicts), len(note) > MAX_NOTE)

    def _mentions(self, text: str, read: Sequence[CodingLine], context: Context) -> list[_Found]:
        """Terms of the classification in the note that are true of the patient, or may be."""
        side_of = _sides(text)
        seen: Counter[tuple[Term, Part, str]] = Counter()
        found: list[_Found] = []
        for line in read:
            for mention in self._lexicon.find(line.text, line.start):
                kind = (mention.term, line.part, mention.side)
                seen[kind] += 1
                if seen[kind] > _MENTIONS:
                    continue
                around = context.at(mention.start, mention.end)
                if not self._codable(text, line, mention, around) or _denied_within(mention, context):
                    continue
                if found and self._same_in_parentheses(text, found[-1].mention, mention):
                    continue
                side = mention.side or next(filter(None, map(side_of, self._body(mention.term))), "")
                before = text[max(line.start, mention.start - _AROUND) : mention.start]
                past = _PAST.search(before) is not None or _REMOVED.search(line.text) is not None
                chronic = _CHRONIC.search(f"{before}{mention.quote}") is not None
                found.append(_Found(line, replace(mention, side=side), around, past, chronic))
        return found

    def _codable(self, text: str, line: CodingLine, mention: Mention, around: Attributes) -> bool:
        if around.polarity is Polarity.DENIED or around.subject is not Subject.PATIENT or line.part is Part.FAMILY:
            return False
        if mention.term.code[0] in "VWXY":  # edge.coding.external
            return False
        before = text[max(line.start, mention.start - _AROUND) : mention.start]
        after = text[mention.end : min(line.start + len(line.text), mention.end + _AROUND)]
        if _NOT_AFTER.search(after) or _NOT_BEFORE.search(before) or _NOT_DIAGNOSED.search(after):
            return mention.term.code.startswith("Z")
        if mention.term.code.startswith(_PRESENCE) and _AHEAD.search(before) and not _PAST.search(before):
            return False
        if mention.quote.casefold() == "cold" and (_COLD_AFTER.search(after) or _COLD_BEFORE.search(before)):
            return False
        return not _LIKELY_CAUSE.search(before)

    def _same_in_parentheses(self, text: str, before: Mention, mention: Mention) -> bool:
        """Whether a mention says in parentheses what stands before it, in other words: "viral URI (common cold)"."""
        opened = text[before.end : mention.start].strip() == "(" and text[mention.end :].lstrip()[:1] == ")"
        return opened and self._block(before.term.code) == self._block(mention.term.code)

    def _block(self, code: str) -> str:
        """The range of categories that a code belongs to ("J00-J06")."""
        return next((entry.code for entry in self.catalogue.ancestors(code) if "-" in entry.code), "")

    def _candidates(
        self, text: str, read: Sequence[CodingLine], found: Sequence[_Found], context: Context
    ) -> Iterable[Candidate]:
        later = any(line.part is Part.COMPLAINT and _SUBSEQUENT.search(line.text) for line in read)
        named = [
            (f.line, f.mention)
            for f in found
            if f.line.problem and not f.line.spoken and f.around.polarity is Polarity.AFFIRMED
        ]
        exact = self._meaning.exact(named) if self._meaning else {}
        for one in found:
            if (better := exact.get(one.mention.start)) is not None:
                yield better
                if better.code.code[:3] == one.mention.term.code[:3] or better.code.code.startswith("Z"):
                    continue
            yield from self._of(one, later)
        if self._meaning is not None:
            held = {one.line.start for one in found}
            left = [line for line in read if line.start not in held and not line.spoken]
            yield from self._meaning.problems(left, context, _sides(text))

    def _of(self, found: _Found, later: bool) -> Iterable[Candidate]:
        mention, line = found.mention, found.line
        problem = _SPOKEN if line.spoken else _PROBLEM
        weight = problem if line.problem else _WEIGHTS[line.part]
        for code, needs in self._resolver.resolved(mention.term.code, mention.term.sided, mention.side):
            entry = self._resolver.subsequent(code) if later or _SUBSEQUENT.search(line.text) else code
            yield Candidate(
                entry, mention.quote, mention.start, mention.end, _confidence(weight, mention, found.around), needs,
                _why(mention, line, found.around), problem=line.problem and not line.spoken,
                past=found.past, chronic=found.chronic,
            )  # fmt: skip

    def _alternatives(self, candidate: Candidate) -> tuple[tuple[Code, float], ...]:
        """Other billable codes, none more than half as sure: the sides where it needs one, then those whose words are
        those of the quote, on its side, of its category first, then of its chapter."""
        hits = self.catalogue.search(candidate.quote[:200], 12) if match_query(candidate.quote[:200]) else []
        hits.sort(key=lambda hit: _distance(hit.code.code, candidate.code.code))
        top = max((h.score for h in hits), default=1.0)
        side = side_of(candidate.code.description)
        sides = self._resolver.sides_of(candidate.code.code).values() if "side" in candidate.needs else ()
        sided = [code for code in map(self.catalogue.get, sides) if code is not None and code.billable]
        found = {code.code: (code, round(candidate.confidence * 0.5, 3)) for code in sided}
        for hit in hits:
            code = next(iter(reported(self.catalogue, hit.code, candidate.code.code[7:])), None)
            if code is not None and not (side and other_side(code.description, side)):
                sure = candidate.confidence * 0.5 * max(0.0, hit.score / top)
                found.setdefault(code.code, (code, round(sure, 3)))
        found.pop(candidate.code.code, None)
        return tuple(found.values())[:_ALTERNATIVES]

    def _body(self, term: Term) -> list[str]:
        """Parts of the body that a term or its code names, as stems."""
        entry = self.catalogue.get(term.sided)
        named = {*term.words, *(stems(entry.description) if entry is not None else ())}
        return sorted(named & BODY)


def _distance(code: str, other: str) -> int:
    return 0 if code[:3] == other[:3] else 1 if code[:1] == other[:1] else 2


def _denied_within(mention: Mention, context: Context) -> bool:
    """Whether a negation stands between the words of a term: "thyroid not enlarged, no nodules"."""
    last = mention.quote.split()[-1]
    if last == mention.quote or mention.term.words & _NEGATING:
        return False
    return context.at(mention.end - len(last), mention.end).polarity is Polarity.DENIED


def _sides(text: str) -> Callable[[str], str]:
    """The side that a note names for a part of the body, given as its stem; "" for none or several."""
    return lru_cache(256)(lambda word: _only_side(sides_near(text, word)))


def _only_side(named: set[str]) -> str:
    """The side that a note names for a part of the body, if it names one; both sides are bilateral."""
    if len(named) == 1:
        return next(iter(named))
    return "bilateral" if "bilateral" in named else ""


def _confidence(weight: float, mention: Mention, around: Attributes) -> float:
    sure = weight if mention.term.own else weight * 0.85
    sure *= 0.3 if around.polarity is Polarity.UNCERTAIN else 1.0
    return round(sure, 3)


def _why(mention: Mention, line: CodingLine, around: Attributes) -> str:
    named = "the clinician names it" if line.spoken else "names a problem of the assessment"
    place = named if line.problem else f"stands under {line.part.value}"
    kind = "term of the index" if mention.term.own else "words of the classification"
    return f"{kind}; {place}" + ("; said as uncertain" if around.polarity is Polarity.UNCERTAIN else "")
