"""Terms of the classification, found in running text by their words.

A term is a set of word stems (index_terms.toml first, then short descriptions and inclusion terms of the catalogue). It
is found where all its stems stand close together in one sentence, in any order; the longest of overlapping terms wins.
Time: linear in the text, by the rarest stem of each term.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from edge.terminology.catalogue import Catalogue
from edge.terminology.lexical import abbreviations

SIDES = {"right": "right", "left": "left", "bilateral": "bilateral", "both": "bilateral"} | {
    "rechts": "right",
    "rechte": "right",
    "rechten": "right",
    "rechtes": "right",
    "links": "left",
    "linke": "left",
    "linken": "left",
    "linkes": "left",
    "beidseits": "bilateral",
    "beidseitig": "bilateral",
}
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_FILLER = (
    "a an and the of in on at to with for by from or his her their my your due is was as s unspecified other nos nec "
    "type acquired condition known der die das und von im am bei mit des dem den"
)
_IGNORED = frozenset(_FILLER.split())
_PARENTHESES = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_MAX_WORDS = 6  # words of a catalogue term; longer descriptions hardly ever stand in a note as they are
_COMMON = frozenset(("worry",))  # "Worries" is an entry; "don't worry" is in every other visit
_NUMBERED = frozenset(("type", "typ", "stage", "grade"))
_SLACK = 3  # words that may stand between those of a term
_MAX_LINE = 200  # words looked at together: the time of a "sentence" of 100,000 words stays linear


@dataclass(frozen=True)
class Term:
    """A term and its codes: the plain one, and the one to resolve sides from. own: from index_terms.toml."""

    words: frozenset[str]
    code: str
    sided: str
    own: bool


@dataclass(frozen=True)
class TermToken:
    """A word of text, its stem and place."""

    stem: str
    start: int
    end: int


@dataclass(frozen=True)
class Mention:
    """A term found in text[start:end]. side: "right", "left", "bilateral" or ""."""

    start: int
    end: int
    quote: str = field(repr=False)
    term: Term = field(repr=False)
    side: str = ""


_SPELLINGS = (
    ("aemi", "emi"), ("haem", "hem"), ("oedema", "edema"), ("oesoph", "esoph"), ("rrhoea", "rrhea"),
    ("tumour", "tumor"),
    ("apnoea", "apnea"), ("dyspnoea", "dyspnea"), ("foetal", "fetal"), ("leukaem", "leukem"),
)  # fmt: skip


def stem(word: str) -> str:
    """A word without case, possessive and plural, spelled as in America. Enough for terms; no claim to linguistics."""
    word = word.casefold().replace("’", "'").removesuffix("'s").replace("-", "")
    for british, american in _SPELLINGS:
        word = word.replace(british, american)
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("es", "e"), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith(("ss", "us", "is")):
            return word[: -len(ending)] + instead
    return word


def stems(text: str) -> list[str]:
    """Stems of a term's words; abbreviations written out, filler left out."""
    found: list[str] = []
    for match in _TOKEN.finditer(text):
        word = match.group().casefold()
        for part in _TOKEN.findall(abbreviations().get(word, word)):
            if part.casefold() not in _IGNORED:
                found.append(stem(part))
    return found


# Parts of the body whose codes have sides.
_BODY_WORDS = (
    "knee hip shoulder ankle foot wrist elbow hand finger thumb toe leg arm heel ear eye breast kidney meniscus "
    "achilles rotator carpal epicondylitis plantar patellofemoral ovary ovarian"
)
BODY = frozenset(map(stem, _BODY_WORDS.split()))
_SIDE_STEMS = {stem(word): side for word, side in SIDES.items()}


def tokens(text: str, start: int = 0) -> Iterator[TermToken]:
    """Words of text with abbreviations written out in place (all parts at the place of the abbreviation)."""
    for match in _TOKEN.finditer(text):
        written = match.group()
        word = written.casefold()
        short = word in abbreviations() and (len(word) > 3 or written[:2].isupper())  # "MR", not "Mr. Miller"
        for part in _TOKEN.findall(abbreviations()[word]) if short else [word]:
            yield TermToken(stem(part), start + match.start(), start + match.end())


class TermLexicon:
    """Terms, by the rarest word of each."""

    def __init__(self, terms: Iterable[Term]) -> None:
        """Of terms with the same words the first counts."""
        known: dict[frozenset[str], Term] = {}
        for term in terms:
            known.setdefault(term.words, term)
        frequency = Counter(word for words in known for word in words)
        self._by_rarest: dict[str, list[Term]] = defaultdict(list)
        for words, term in known.items():
            self._by_rarest[min(words, key=lambda w: (frequency[w], w))].append(term)

    def find(self, text: str, start: int = 0) -> list[Mention]:
        """Terms in one sentence, which begins at offset start of its document; overlaps resolved, in order."""
        line = list(tokens(text, start))
        parts = (line[first : first + _MAX_LINE] for first in range(0, len(line), _MAX_LINE))
        return [mention for part in parts for mention in self._find(text, start, part)]

    def _find(self, text: str, start: int, line: list[TermToken]) -> list[Mention]:
        where: dict[str, list[int]] = defaultdict(list)
        for number, token in enumerate(line):
            where[token.stem].append(number)
        found: list[_Hit] = []
        for word, numbers in where.items():
            for term in self._by_rarest.get(word, ()):
                if term.words <= where.keys():
                    spans = [span for n in numbers if (span := _span(term, n, where)) is not None]
                    found += [span for span in spans if _without(span, line)]
        found.sort(key=lambda hit: (-len(hit.term.words), not hit.term.own, hit.last - hit.first, hit.first))
        taken: set[int] = set()
        mentions: list[Mention] = []
        for hit in found:
            first, last, term = hit.first, hit.last, hit.term
            own = {place for place in hit.places if line[place].stem not in BODY} or hit.places
            if taken.isdisjoint(own):  # two terms may share a part of the body: "osteoarthritis of the knee, effusion"
                taken.update(own)
                begin, end = line[first].start, line[last].end
                if first and line[first].stem.isdigit() and line[first - 1].stem in _NUMBERED:
                    begin = line[first - 1].start  # "type 2 diabetes", not "2 diabetes"
                mentions.append(Mention(begin, end, text[begin - start : end - start], term, _side(line, first, last)))
        return sorted(mentions, key=lambda m: m.start)


def catalogue_terms(catalogue: Catalogue) -> Iterator[Term]:
    """Terms of a catalogue: those of index_terms.toml first, then its own short descriptions and inclusion terms."""
    for parts, code, sided in index_terms():
        yield Term(parts, code, sided, own=True)
    for code, text in catalogue.terms():
        for variant in dict.fromkeys((text, _PARENTHESES.sub(" ", text))):
            parts = frozenset(stems(variant))
            alone = len(parts) == 1 and len(text) > 6 and " " not in text.strip() and parts.isdisjoint(_COMMON)
            if 1 < len(parts) <= _MAX_WORDS or alone:
                yield Term(parts, code, code, own=False)


@dataclass(frozen=True)
class _Hit:
    """A term in a line: its first and last word, and the places of all."""

    first: int
    last: int
    term: Term
    places: frozenset[int]


def _span(term: Term, number: int, where: dict[str, list[int]]) -> _Hit | None:
    """A term around one of its words, or None if its words stand too far apart."""
    reach = len(term.words) + _SLACK
    places = [number]
    for word in term.words:
        near = min(where[word], key=lambda n: abs(n - number))
        if abs(near - number) > reach:
            return None
        places.append(near)
    first, last = min(places), max(places)
    return _Hit(first, last, term, frozenset(places)) if last - first < reach else None


def _without(hit: _Hit, line: Sequence[TermToken]) -> bool:
    """Whether "without" in a term is said of a word of the term, and nothing "with" before it: "migraine with aura,
    previously without" is no migraine without aura."""
    if "without" not in hit.term.words:
        return True
    places = [place for place in hit.places if line[place].stem == "without"]
    if any(token.stem == "with" for place in places for token in line[hit.first : place]):
        return False
    after = [line[place + 1 : place + 1 + _SLACK] for place in places]
    return any(token.stem in hit.term.words for tokens_after in after for token in tokens_after)


def sides_near(text: str, word: str) -> set[str]:
    """Sides that text names within two words before or after a word (given as its stem)."""
    line = list(tokens(text))
    places = [number for number, token in enumerate(line) if token.stem == word]
    return {side for number in places if (side := _side(line, number, number))}


def _side(line: list[TermToken], first: int, last: int) -> str:
    """The side named within a term or next to it."""
    for reach in (0, 2):
        near = line[max(0, first - reach) : last + 1 + reach]
        named = {_SIDE_STEMS[token.stem] for token in near if token.stem in _SIDE_STEMS}
        if named:
            return named.pop() if len(named) == 1 else "bilateral" if named >= {"left", "right"} else ""
    return ""


@cache
def index_terms() -> tuple[tuple[frozenset[str], str, str], ...]:
    """(stems, code, code to take sides from) of edge/terminology/index_terms.toml."""
    raw = tomllib.loads((resources.files("edge.terminology") / "index_terms.toml").read_text(encoding="utf-8"))
    rows = []
    for text, codes in raw["terms"].items():
        code, sided = (codes, codes) if isinstance(codes, str) else codes
        rows.append((frozenset(stems(text)), str(code), str(sided)))
    return tuple(rows)
