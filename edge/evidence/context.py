"""How a thing is named in a text: affirmed, denied, asked or under a condition; sure or not; of whom; when; on which
side.

Rules of scope in the manner of NegEx and ConText (Chapman et al. 2001; Harkema et al. 2009), for the wording of notes
and for speech. Each name gets its own reading, so that "no fever but a cough" denies one and affirms the other.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from edge.evidence.reading import TextReading
from edge.terms.concepts import ConceptSpan
from edge.terms.drugs import DrugSpan

MentionState = Literal["yes", "no", "asked", "if"]
MentionTime = Literal["", "past", "planned", "stopped", "conditional"]

_SCOPE_SPOKEN = 7  # words that a denial reaches in speech, where nobody hears the full stop
_SCOPE_WRITTEN = 40
_AFTER = 200  # characters behind a name in which it is denied

_NEGATION_WORDS = (
    "no not n't without deny denies denied denying never none neither nor absent negative cannot nope free "
    "kein keine keinen keiner nicht ohne verneint nie"
)
_NEGATIONS = frozenset(_NEGATION_WORDS.split())
_NOT_A_DENIAL = re.compile(
    r"\b(?:not only|no change|no improvement|no relief|not sure|not certain|no doubt|n't know|not improv\w*|no longer|"
    r"n't help|not help\w*|not reliev\w*|no further|n't mind|why do ?n't|why not|not just|no wonder|"
    r"not (?:well|adequately|optimally) controlled|n't (?:want|apologi[sz]e|worry|be sorry)|not want|n't think so|"
    r"not to|no need|n't catch|(?:not|never) catch)\b",
    re.IGNORECASE,
)
_BREAK_WORDS = (
    "but however except although though endorses endorse reports admits positive besides aside aber because which "
    "until then otherwise only has states notes sondern"
)
_BREAKS = frozenset(_BREAK_WORDS.split())
_SPOKEN_BREAKS = "i i'm you he she we they it it's so just yes yeah okay and that there my your if when some"
_BREAKS_SPOKEN = _BREAKS | frozenset(_SPOKEN_BREAKS.split())
_LIST_IN_SPEECH = frozenset(["or", "any", "and", "nor", "oder", "und", "of", "the", "a"])
_NEGATED_AFTER = re.compile(
    r"^\W*(?:(?:is|was|are|were|has been|have been)\W+)?(?:denied|absent|(?:test )?negative|not present|ruled out|"
    r"excluded|none|never|"
    r"verneint|not (?:noted|seen|identified|detected|found|observed|visuali[sz]ed)|not appreciated|unlikely|"
    r"not expected|not planned|not suspected)\b",
    re.IGNORECASE,
)
_CONDITION = frozenset(
    ["if", "should", "unless", "whether", "case", "falls", "wenn", "risk", "risks", "watch", "concerned", "wish"]
)
_WARNING = re.compile(  # what to come back for
    r"\b(?:call|return|er|ed|emergency|911|review|contact|go|come back|seek|report|precautions?|watch|sooner|"
    r"urgent\w*)\b[^.;]*\bfor\b",
    re.IGNORECASE,
)
_HEDGES = re.compile(
    r"\b(?:possibl[ey]|probabl[ey]|maybe|might|may|could|likely|suspect\w*|perhaps|presumed|concern for|concerning for|"
    r"think|suggest\w*|consistent with|rule out|r/o|versus|vs|question of|unsure|not sure|vermutlich|wahrscheinlich|"
    r"möglich\w*|verdacht|v\.a)\b",
    re.IGNORECASE,
)
_PLANNED = re.compile(
    r"\b(?:will|'ll|going to|gon na|gonna|order(?:ed)?|schedul\w+|recommend\w*|would like|'d like|want (?:you )?to|"
    r"let's|plan\w*|"
    r"refer\w*|arrange|obtain|start\w*|initiate|prescrib\w+|repeat|recheck|need(?:s)? to|should|consider\w*|book\w*|"
    r"pending|due|"
    r"upcoming|set (?:you )?up|send you|put you on|wird|werden|soll\w*|planen|geplant|überweis\w*|continue|increase|"
    r"decrease)\b",
    re.IGNORECASE,
)
_STOPPED = re.compile(
    r"\b(?:stopp?(?:ed|ing)?|discontinu\w+|quit|no longer|any ?more|came off|come off|took (?:me|you|him|her) off|"
    r"off of|d/c'?d?|"
    r"held|hold|used to|abgesetzt|absetzen|previously (?:on|took|taking)|former\w*|ran out|switch\w*)\b",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:history of|previous(?:ly)?|prior|past|in the past|used to|years? ago|as a (?:kid|child)|childhood|had|"
    r"was|were|"
    r"status post|s/p|remote|resolved|früher|zustand nach|z\.n)\b",
    re.IGNORECASE,
)
_OVER = re.compile(
    r"\b(?:(?:it's|that's|all) (?:gone|better)|gone now|went away|got over|cleared up|over it|"
    r"resolved)\b",
    re.IGNORECASE,
)
_SIDES = re.compile(
    r"\b(left|right|bilateral(?:ly)?|both|lt|rt|links?(?:e[rns]?)?|rechts?|rechte[rns]?|beid\w+)\b", re.IGNORECASE
)
_PATIENT = re.compile(r"\b(?:patient|he|she|er|sie)\b", re.IGNORECASE)
_PARTS = (
    "knee knees hand foot leg arm eye ear hip shoulder ankle wrist side one elbow thumb big index ring lower upper "
    "lung kidney"
)
_PARTS_NAMED = frozenset(_PARTS.split())
_SIDE_OF = {"lef": "left", "lt": "left", "lin": "left", "rig": "right", "rt": "right", "rec": "right"}
_NO_SIDE = re.compile(  # "right" as a word of speech, "left" as what somebody did or what remains
    r"\b(?:all right|alright|(?:that's|you're|that is) right|right[ -]?(?:hand(?:ed|er)|now|away|here|there|after|"
    r"before|when|where|around|"
    r"at|in|up|down|okay|ok|yeah|yes|so|well|near|above|behind|below|on|over|under|by|inside|along|next|through|"
    r"into|as|if|i|you|what|"
    r"and then|but|because|to)\b|right\s*[.,?!]|left[ -]hand(?:ed|er)|(?:has|had|have|was|were|i|you|he|she|we|they|"
    r"got|it's|any\w*) left"
    r"\b(?! \w*(?:knee|leg|arm|hand|foot|side|eye|ear|hip|shoulder|ankle|wrist))|left (?:in|it|out|for|off|over|to|"
    r"with|work|home|us|me))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Named:
    """One name in its context. name: a concept or generic drug; group: "drug" or the concept's; text[start:end]."""

    name: str
    group: str
    start: int
    end: int
    state: MentionState
    hedged: bool
    subject: str  # "patient", or the relative that is named
    time: MentionTime
    sentence: tuple[int, int] = field(default=(0, 0))


@dataclass(frozen=True)
class _Sentence:
    """What the rules look at in one sentence, text[start:end], worked out once for all that it names.

    first: number of its first word. patient: where the first word for the patient ends, the text's length if none does.
    """

    start: int
    end: int
    first: int
    asks: bool
    marked: bool  # ends with a question mark
    patient: int


@dataclass
class _Frame:
    """What the rules of one text look at. skip: words that deny nothing, in order. relatives: in order."""

    text: str
    raw: list[str]
    starts: list[int]
    spoken: bool
    places: list[tuple[int, int]]
    skip: list[tuple[int, int]]
    relatives: list[ConceptSpan]

    @cached_property
    def sentences(self) -> list[_Sentence]:
        """The sentences in order."""
        return [self._sentence(start, end) for start, end in self.places]

    @cached_property
    def kin(self) -> list[int]:
        """Where the relatives are named."""
        return [one.start for one in self.relatives]

    def sentence(self, at: int) -> _Sentence:
        """The sentence in which an offset lies."""
        return self.sentences[max(0, bisect_right(self.places, (at, 10**9)) - 1)]

    def skipped(self, place: int) -> bool:
        """Whether the word at an offset is one of those that deny nothing."""
        found = bisect_right(self.skip, (place, 10**9)) - 1
        return found >= 0 and place < self.skip[found][1]

    def _sentence(self, start: int, end: int) -> _Sentence:
        text, first = self.text[start:end], bisect_right(self.starts, start - 1)
        patient = _PATIENT.search(text)
        marked = text.rstrip().endswith("?")
        asks = marked or (self.spoken and _asks(self.raw[first : first + 4]))
        return _Sentence(start, end, first, asks, marked, start + patient.end() if patient else len(self.text) + 1)


def named(reading: TextReading, spoken: bool, family: bool = False) -> list[Named]:
    """Everything that a text names, in order. family: names without a relative are of the family all the same."""
    text = reading.text
    frame = _Frame(
        text,
        [text[w.start : w.end].casefold() for w in reading.words],
        [w.start for w in reading.words],
        spoken,
        reading.sentences,
        [m.span() for m in _NOT_A_DENIAL.finditer(text)],
        [c for c in reading.concepts if c.group == "relative"],
    )
    spans: list[ConceptSpan | DrugSpan] = [*reading.concepts, *reading.drugs, *_things(reading)]
    spans.sort(key=lambda span: span.start)
    found = []
    for span in spans:
        group = "drug" if isinstance(span, DrugSpan) else span.group
        name = span.generic if isinstance(span, DrugSpan) else span.name
        if group not in {"word", "relative"}:
            found.append(_one(frame, span, name, group, family))
    return found


def _things(reading: TextReading) -> list[ConceptSpan]:
    """Words that name something the vocabulary does not know: "icterus", "guarding"."""
    starts = {w.start: w.end for w in reading.words}
    return [
        ConceptSpan(at, starts[at], feature[2:], "thing")
        for feature, at in reading.places
        if feature[0] == "w" and at in starts and len(feature) > 5 and reading.text[at : starts[at]].isalpha()
    ]


def _one(frame: _Frame, span: ConceptSpan | DrugSpan, name: str, group: str, family: bool) -> Named:
    sentence = frame.sentence(span.start)
    start, end = sentence.start, sentence.end
    near = frame.text[max(start, span.start - 60) : span.start]
    around = frame.text[max(start, span.start - 60) : min(end, span.end + 45)]
    return Named(
        name,
        group,
        span.start,
        span.end,
        _state(frame, sentence, span.start, span.end),
        _HEDGES.search(near) is not None,
        _subject(frame, sentence, span.start, family),
        _time(near, around, group),
        (start, end),
    )


def _state(frame: _Frame, sentence: _Sentence, at: int, stop: int) -> MentionState:
    index, first = bisect_right(frame.starts, at) - 1, sentence.first
    if any(word in _CONDITION for word in frame.raw[max(first, index - 9) : index]) or (
        not frame.spoken and _WARNING.search(frame.text[sentence.start : at]) is not None
    ):
        return "if"
    after = frame.text[stop : min(sentence.end, stop + _AFTER)]
    denied = _denied(frame, index, first) or _NEGATED_AFTER.match(after) is not None
    if frame.spoken and sentence.asks:
        return "no" if denied and not sentence.marked else "asked"
    return "no" if denied else "yes"


def _denied(frame: _Frame, index: int, first: int) -> bool:
    """Whether a denial before the word at index reaches it."""
    breaks = _BREAKS_SPOKEN if frame.spoken else _BREAKS
    reach = _SCOPE_SPOKEN if frame.spoken else _SCOPE_WRITTEN
    for back in range(index - 1, max(first, index - reach) - 1, -1):
        word = frame.raw[back]
        if word in _NEGATIONS:
            if frame.skipped(frame.starts[back]):
                continue
            return not (word == "free" and (back + 1 >= len(frame.raw) or frame.raw[back + 1] not in {"of", "from"}))
        if word in breaks and not (word in _LIST_IN_SPEECH and _listed(frame, back)):
            return False
    return False


def _listed(frame: _Frame, back: int) -> bool:
    """Whether "and" or "that" only goes on with a list: two things follow one another without a new subject."""
    following = frame.raw[back + 1] if back + 1 < len(frame.raw) else ""
    return following not in _BREAKS_SPOKEN


def _asks(opening: Sequence[str]) -> bool:
    """Whether a sentence without a question mark opens as a question."""
    asking = {
        "do",
        "does",
        "did",
        "have",
        "has",
        "are",
        "is",
        "any",
        "how",
        "what",
        "can",
        "could",
        "were",
        "was",
        "when",
    }
    words = [
        w for w in opening if w not in {"okay", "and", "um", "uh", "alright", "so", "all", "right", "now", "well", "ok"}
    ]
    return (
        len(words) > 1
        and words[0] in asking
        and (
            words[0] in {"any", "how", "what", "when"}
            or words[1] in {"you", "your", "it", "there", "that", "this", "the", "he", "she", "n't"}
        )
    )


def _subject(frame: _Frame, sentence: _Sentence, at: int, family: bool) -> str:
    following = bisect_right(frame.kin, at)
    before = following > 0 and frame.kin[following - 1] >= sentence.start
    if not before and sentence.patient <= at:
        return "patient"
    if before and at - frame.kin[following - 1] < 90:
        return frame.relatives[following - 1].name
    if family and following < len(frame.kin) and frame.kin[following] < min(sentence.end, at + 40):
        return frame.relatives[following].name
    return "family" if family else "patient"


def _time(near: str, around: str, group: str) -> MentionTime:
    if group == "drug" and _STOPPED.search(around):
        return "stopped"
    if group in {"test", "procedure", "drug"} and _PLANNED.search(near):
        return "planned"
    return "past" if _PAST.search(near) or _OVER.search(around) else ""


def side_marks(text: str) -> list[tuple[int, int, str]]:
    """(start, end, "left", "right" or "both") of every word that names a side; "all right" and the like are none."""
    found = []
    opening = len(text) - len(text.lstrip(" .,"))
    for mark in _SIDES.finditer(text):
        word = mark[1].casefold()
        if word in {"right", "left"} and _not_a_side(text, mark.start(), mark.end(), mark.start() <= opening):
            continue
        side = _SIDE_OF.get(word[:3]) or _SIDE_OF.get(word[:2], "both")
        found.append((mark.start(), mark.end(), "both" if word.startswith(("bi", "bo", "be")) else side))
    return found


def _not_a_side(text: str, start: int, end: int, opens: bool) -> bool:
    """Whether a word that could name a side does not, by what stands right beside it. opens: it begins the text."""
    if opens and text[start:end].islower() and text[end : end + 1] in {" ", ","}:
        return text[end : end + 12].lstrip(" ,").split(" ")[0] not in _PARTS_NAMED
    low = max(0, start - 9)
    return any(low + m.start() < end and low + m.end() > start for m in _NO_SIDE.finditer(text[low : end + 14]))
