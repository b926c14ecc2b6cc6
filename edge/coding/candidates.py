"""Candidate codes of a note: mentions in context, sides resolved, combined as the classification asks, ranked.

Rules follow the ICD-10-CM official guidelines for coding and reporting (FY 2026): uncertain diagnoses are not coded in
outpatient care but symptoms are (IV.H); signs that belong to a diagnosis are not coded beside it (I.B.5); hypertension
with heart or kidney disease and diabetes with kidney disease are combined (I.C.9.a, I.A.15).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from edge.clinical.context import Context
from edge.coding.lexicon import Mention, Term, TermLexicon, sides_near, stem, stems
from edge.coding.structure import CodingLine, Part, lines
from edge.contract.facts import Attributes, Polarity, Subject
from edge.terminology.catalogue import Catalogue, Code
from edge.terminology.lexical import match_query

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
# Parts of the body whose codes have sides; where a problem does not name its side, the rest of the note may.
_BODY_WORDS = (
    "knee hip shoulder ankle foot wrist elbow hand finger thumb toe leg arm heel ear eye breast kidney meniscus "
    "achilles rotator carpal epicondylitis plantar patellofemoral ovary"
)
_BODY = frozenset(map(stem, _BODY_WORDS.split()))


@dataclass(frozen=True)
class Candidate:
    """A code that a note may be given. quote == note[start:end]. needs: what the text leaves open. confidence: 0 to 1.

    alternatives: other codes with their confidence, best first.
    """

    code: Code
    quote: str = field(repr=False)
    start: int
    end: int
    confidence: float
    needs: tuple[str, ...] = ()
    why: str = field(default="", repr=False)
    alternatives: tuple[tuple[Code, float], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """code, description, billable, quote, start, end, confidence, needs, alternatives, why."""
        return {
            "code": self.code.code,
            "description": self.code.description,
            "billable": self.code.billable,
            "quote": self.quote,
            "start": self.start,
            "end": self.end,
            "confidence": self.confidence,
            "needs": list(self.needs),
            "alternatives": [
                {"code": other.code, "description": other.description, "confidence": sure}
                for other, sure in self.alternatives
            ],
            "why": self.why,
        }


@dataclass(frozen=True)
class Coding:
    """Candidates of one note, best first, and codes among them that exclude each other (excludes1)."""

    edition: str
    codes: tuple[Candidate, ...]
    conflicts: tuple[tuple[str, str, str], ...]
    cut: bool = False

    def as_json(self) -> dict[str, Any]:
        """{"edition", "codes", "conflicts"}."""
        conflicts = [{"code": one, "excludes": other, "note": note} for one, other, note in self.conflicts]
        return {"edition": self.edition, "codes": [c.as_json() for c in self.codes], "conflicts": conflicts}


class Coder:
    """Codes notes against one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._lexicon = TermLexicon(catalogue)
        self.sided = lru_cache(4096)(self._sided)

    def code(self, note: str, at_least: float = LIKELY) -> Coding:
        """Candidates with at least that confidence."""
        found: dict[str, Candidate] = {}
        text = note[:MAX_NOTE]
        around = Context(text)
        side_of = lru_cache(256)(lambda word: _only_side(sides_near(text, word)))
        seen: Counter[tuple[Term, Part, str]] = Counter()
        for line in lines(text):
            for mention in self._lexicon.find(line.text, line.start):
                kind = (mention.term, line.part, mention.side)
                seen[kind] += 1
                if seen[kind] > _MENTIONS:
                    continue
                if not mention.side:
                    named = filter(None, map(side_of, self._body(mention.term)))
                    mention = replace(mention, side=next(named, ""))
                candidate = self._candidate(line, mention, around.at(mention.start, mention.end))
                if candidate is None:
                    continue
                known = found.get(candidate.code.code)
                if known is None or candidate.confidence > known.confidence:
                    found[candidate.code.code] = candidate
        ranked = [c for c in self._combined(found) if c.confidence >= at_least]
        kept = sorted(_without_symptoms(_without_general(ranked)), key=lambda c: (-c.confidence, c.start))
        shown = tuple(replace(c, alternatives=self._alternatives(c)) for c in kept)
        return Coding(self.catalogue.edition, shown, tuple(self._conflicts(kept)), len(note) > MAX_NOTE)

    def _alternatives(self, candidate: Candidate) -> tuple[tuple[Code, float], ...]:
        """Other billable codes whose words are those of the quote, best first, surer ones never above the candidate."""
        hits = self.catalogue.search(candidate.quote[:200], 12) if match_query(candidate.quote[:200]) else []
        others = [h for h in hits if h.code.billable and h.code.code != candidate.code.code][:_ALTERNATIVES]
        top = max((h.score for h in hits), default=1.0)
        return tuple((h.code, round(candidate.confidence * 0.5 * max(0.0, h.score / top), 3)) for h in others)

    def _body(self, term: Term) -> list[str]:
        """Parts of the body that a term or its code names, as stems."""
        entry = self.catalogue.get(term.sided)
        named = {*term.words, *(stems(entry.description) if entry is not None else ())}
        return sorted(named & _BODY)

    def _candidate(self, line: CodingLine, mention: Mention, around: Attributes) -> Candidate | None:
        denied = around.polarity is Polarity.DENIED
        if denied or around.subject is not Subject.PATIENT or line.part is Part.FAMILY:
            return None
        code, needs = self.sided(mention.term.code, mention.term.sided, mention.side)
        entry = self.catalogue.get(code)
        if entry is None or not entry.billable:
            entry, needs = self._leaf(code, mention.side)
        if entry is None:
            return None
        weight = _PROBLEM if line.problem else _WEIGHTS[line.part]
        return Candidate(
            entry,
            mention.quote,
            mention.start,
            mention.end,
            _confidence(weight, mention, around),
            needs,
            _why(mention, line, around),
        )

    def _sided(self, plain: str, sided: str, side: str) -> tuple[str, tuple[str, ...]]:
        """The code for a side. (code, needs): needs names the side where the code asks for one and none is known."""
        entry = self.catalogue.get(sided if side else plain)
        if entry is None:
            return plain, ()
        asks = self._sides_of(entry)
        if not asks:
            return entry.code, ()
        if side in asks:
            return asks[side], ()
        return entry.code, ("side",)

    def _sides_of(self, entry: Code) -> dict[str, str]:
        """side -> code, for an entry whose description leaves the side open ("unspecified knee")."""
        holder = entry
        suffix = ""
        if len(entry.code) == 8 and (parent := self.catalogue.get(entry.parent)) is not None:
            holder, suffix = parent, entry.code[7:]
        description = holder.description
        found: dict[str, str] = {}
        for sibling in self.catalogue.children(holder.parent):
            for side in ("right", "left", "bilateral"):
                if (
                    side in sibling.description
                    and sibling.code != holder.code
                    and _same_but_side(description, sibling.description, side)
                ):
                    code = (
                        sibling.code
                        if not suffix
                        else f"{sibling.code if '.' in sibling.code else sibling.code + '.'}".ljust(7, "X") + suffix
                    )
                    found.setdefault(side, code)
        return found

    def _leaf(self, code: str, side: str) -> tuple[Code | None, tuple[str, ...]]:
        """The least exact billable entry below one that is not, on the named side, and what it leaves open."""
        leaves = list(self.catalogue.leaves(code))
        if not leaves:
            return None, ()
        seventh = self.catalogue.seventh(code)
        first = [leaf for leaf in leaves if not seventh or leaf.code.endswith("A")] or leaves

        def general(leaf: Code) -> tuple[bool, int]:
            text = leaf.description.casefold()
            return bool(side) and side in text, text.count("unspecified")

        return max(first, key=general), ("encounter", "detail") if seventh else ("detail",)

    def _combined(self, found: dict[str, Candidate]) -> list[Candidate]:
        """Codes of the guidelines' "with" convention in place of their parts."""
        result = dict(found)
        hypertension = result.get("I10")
        heart = [c for code, c in result.items() if code.startswith("I50")]
        kidney = [c for code, c in result.items() if code.startswith("N18")]
        if hypertension and hypertension.confidence >= 0.5:
            both = {(True, False): "I11.0", (False, True): "I12.9", (True, True): "I13.0"}
            joined = both.get((any(c.confidence >= 0.5 for c in heart), any(c.confidence >= 0.5 for c in kidney)))
            if joined is not None and (entry := self.catalogue.get(joined)) is not None:
                del result["I10"]
                result[joined] = replace(
                    hypertension, code=entry, why="hypertension with heart or kidney disease is one code"
                )
        diabetes = result.get("E11.9")
        if (
            diabetes
            and any(c.confidence >= 0.5 for c in kidney)
            and (entry := self.catalogue.get("E11.22")) is not None
        ):
            del result["E11.9"]
            result["E11.22"] = replace(diabetes, code=entry, why="diabetes with chronic kidney disease is one code")
        return list(result.values())

    def _conflicts(self, codes: Iterable[Candidate]) -> list[tuple[str, str, str]]:
        """Pairs of which one excludes the other (excludes1), with the note that says so."""
        names = [c.code.code for c in codes]
        pairs = []
        for one in names:
            for note in self.catalogue.notes(one, "excludes1", inherited=True):
                pairs += [(one, other, note) for other in names if other != one and _names(note, other)]
        return pairs


def _only_side(named: set[str]) -> str:
    """The side that a note names for a part of the body, if it names one; both sides are bilateral."""
    if len(named) == 1:
        return next(iter(named))
    return "bilateral" if "bilateral" in named else ""


def _same_but_side(plain: str, sided: str, side: str) -> bool:
    """Whether a description is another's with a side in place of "unspecified"."""
    left, right = (text.casefold().replace(",", " ").split() for text in (plain, sided))
    open_words = ("unspecified", "unilateral", "side")
    return [w for w in right if w not in (side, *open_words)] == [w for w in left if w not in open_words]


def _names(note: str, code: str) -> bool:
    """Whether a note's codes in parentheses cover a code: "(E10.-)", "(I50.1-)", "(A00-B99)" or the code itself."""
    inside = note[note.rfind("(") + 1 : note.rfind(")")] if "(" in note else ""
    for piece in inside.replace(" ", "").split(","):
        if piece.endswith("-") and code.startswith(piece.rstrip("-").rstrip(".")):
            return True
        first, dash, last = piece.partition("-")
        if dash and last and first[:3] <= code[:3] <= last[:3]:
            return True
        if piece == code:
            return True
    return False


def _confidence(weight: float, mention: Mention, around: Attributes) -> float:
    sure = weight if mention.term.own else weight * 0.85
    sure *= 0.3 if around.polarity is Polarity.UNCERTAIN else 1.0
    return round(sure, 3)


def _why(mention: Mention, line: CodingLine, around: Attributes) -> str:
    place = "names a problem of the assessment" if line.problem else f"stands under {line.part.value}"
    kind = "term of the index" if mention.term.own else "words of the classification"
    return f"{kind}; {place}" + ("; said as uncertain" if around.polarity is Polarity.UNCERTAIN else "")


def _symptom(code: str) -> bool:
    return code.startswith(("R", "M25.4", "M25.5", "M54.2", "M54.5", "M54.9", "M79.6"))


def _without_symptoms(codes: list[Candidate]) -> list[Candidate]:
    """Signs and symptoms go where the note names a diagnosis with at least their confidence."""
    best = max(
        (c.confidence for c in codes if not _symptom(c.code.code) and not c.code.code.startswith("Z")), default=0.0
    )
    return [c for c in codes if not _symptom(c.code.code) or c.confidence > best]


def _without_general(codes: list[Candidate]) -> list[Candidate]:
    """An unspecified code goes where a more exact one of its category stands with at least as much confidence."""
    kept = []
    for one in codes:
        exact = (
            o
            for o in codes
            if o is not one
            and o.code.code[:3] == one.code.code[:3]
            and "unspecified" not in o.code.description.casefold()
        )
        if "unspecified" in one.code.description.casefold() and any(o.confidence >= one.confidence for o in exact):
            continue
        kept.append(one)
    return kept
