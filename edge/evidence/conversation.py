"""A conversation read for comparison: everything that is named, with questions joined to their answers.

"Any chest pain?" "No." is a denial of chest pain that stands in two turns. What a doctor asks and nobody answers
counts neither way.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from typing import Any, TypeVar

from edge.contract.transcript import Transcript
from edge.evidence import context, links
from edge.evidence.context import MentionState, Named, named
from edge.evidence.links import Index

_FILLER = r"(?:(?:uh|um|well|oh|so|okay|ok|hmm|mm|i mean|you know|like|and|äh|ähm|also)\b[\s,.…]*)*"
NO = re.compile(
    _FILLER
    + r"(?:no\b|nope|nah|not (?:really|that|at all|so|anymore|since|lately|yet)|never|none|nothing|i (?:do|have|did|"
    r"am|was)"
    r" ?(?:n't|not)|i'm not|i haven't|i don't|negative|denies|nein|nee|nicht|keine|don't think)\b",
    re.IGNORECASE,
)
_SIDE_BEFORE, _SIDE_AFTER = 120, 30  # characters that a side reaches
_SIDE_ANSWER = 10  # words of an answer that only names a side
_PRESUMED = re.compile(r"\b(?:your|his|her|the|that|this)(?: \w+){0,2} $", re.IGNORECASE)  # "how is your diabetes"
_OPENING = 90  # characters of an answer in which it settles what was asked
_SHORT_REST = 40  # words of the rest of a turn that answers its own question, characters without a question mark
_BARE_NO = re.compile(_FILLER + r"(?:no|nope|nah|nein)\s*[.,;]", re.IGNORECASE)
_HANGING = 14  # words that may follow in a list that is only named
_HANGING_CHARACTERS = 400
_ASSERTS = re.compile(  # what makes a doctor's words a finding and no question
    r"\b(?:you have|you've|you do have|you had|there is|there's|there are|it's|i see|i hear|i feel|shows?|showed|"
    r"i think|you are|you're|"
    r"he has|she has|with|history of|has|a little|some|consistent with|i (?:do )?appreciate|mild|slight|moderate|"
    r"severe|positive)\b",
    re.IGNORECASE,
)
YES = re.compile(
    _FILLER
    + r"(?:yes|yeah|yep|yup|yea|uh-huh|mm-hmm|mhm|i (?:do|have|did|am|was|feel|get|think)\b(?! ?n't)|sure|a little|"
    r"a bit|sometimes|"
    r"occasionally|correct|right|that's right|definitely|absolutely|exactly|slight\w*|some|it (?:does|is|hurts)|ja|"
    r"doch|manchmal|"
    r"ouch|every|maybe)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Said:
    """One name in one turn. what: its context, a question answered; turn: where; answer: the turn that settled it.

    clear: nobody could hear it otherwise; a doctor's bare word in a row of questions is not.
    """

    what: Named
    turn: int
    answer: int | None = None
    clear: bool = True


_Key = TypeVar("_Key", bound=Hashable)
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Conversation:
    """The turns, an index of what they hold, and what is named where.

    A note may have thousands of statements and a conversation thousands of mentions of one thing: what does not hang on
    the statement is worked out once (once()), never for each.
    """

    index: Index

    @cached_property
    def _worked_out(self) -> dict[tuple[object, Hashable], Any]:
        return {}

    def once(self, work: Callable[[Conversation, _Key], _Found], key: _Key) -> _Found:
        """work(self, key), the same object each time: a function of the conversation and the key alone."""
        kept = self._worked_out
        if (work, key) not in kept:
            kept[work, key] = work(self, key)
        found: _Found = kept[work, key]
        return found

    @property
    def transcript(self) -> Transcript:
        """The conversation as it was read."""
        return self.index.transcript

    @cached_property
    def _named(self) -> list[list[Named]]:
        """What each turn names, before answers are known."""
        return [named(turn, spoken=True) for turn in self.index.turns]

    @cached_property
    def said(self) -> tuple[Said, ...]:
        """Everything named, in order."""
        found: list[Said] = []
        for number in range(len(self.index.turns)):
            found += [self._answered(one, number) for one in self._named[number]]
        return tuple(found)

    @cached_property
    def by_name(self) -> dict[str, tuple[Said, ...]]:
        """The same by concept or drug."""
        found: dict[str, list[Said]] = defaultdict(list)
        for one in self.said:
            found[one.what.name].append(one)
        return {name: tuple(group) for name, group in found.items()}

    @cached_property
    def _by_turn(self) -> dict[int, list[Said]]:
        found: dict[int, list[Said]] = defaultdict(list)
        for one in self.said:
            found[one.turn].append(one)
        return found

    def in_turn(self, turn: int) -> list[Said]:
        """Everything named in one turn."""
        return self._by_turn.get(turn, [])

    def turns_of(self, name: str) -> tuple[int, ...]:
        """Turns that name a concept or drug, in order."""
        return self.once(_turns_of, name)

    @cached_property
    def marks(self) -> list[list[tuple[int, int, str]]]:
        """The words of each turn that name a side (context.side_marks)."""
        return [context.side_marks(turn.text) for turn in self.index.turns]

    @cached_property
    def _lengths(self) -> list[int]:
        """Words of each turn, as they stand between spaces."""
        return [len(turn.text.split()) for turn in self.transcript.turns]

    @cached_property
    def sides(self) -> dict[str, Counter[str]]:
        """Of every feature, how often it was spoken of on the left and on the right."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for number, turn in enumerate(self.index.turns):
            marks = self.marks[number]
            if not marks:
                continue
            starts = [start for start, _, _ in marks]
            for feature, at in turn.places:
                for side in _sides_at(marks, starts, at):
                    found[feature][side] += 1
            if len(turn.words) <= _SIDE_ANSWER and number:  # "which knee?" "the right one"
                for feature in self.index.turns[number - 1].features:
                    found[feature].update({side for _, _, side in marks})
        return found

    def of(self, names: Iterable[str]) -> list[Said]:
        """Everything said of these names, in order."""
        return sorted(
            (one for name in names for one in self.by_name.get(name, ())), key=lambda s: (s.turn, s.what.start)
        )

    def _answered(self, one: Named, turn: int) -> Said:
        if one.state == "if" or not (one.state == "asked" or self._hangs(one, turn)):
            return Said(one, turn, clear=self._clear(one, turn))
        state, answer = self._settled(one, turn)
        return Said(replace(one, state=state), turn, answer)

    def _clear(self, one: Named, turn: int) -> bool:
        """A denial in its own words, or something that is asserted; not a word in a doctor's row of questions."""
        if one.state == "no" or one.group == "drug":
            return True
        text = self.index.turns[turn].text
        before = text[max(one.sentence[0], one.start - 70) : one.start]
        if self.transcript.turns[turn].speaker != "Doctor":
            return not self.once(_marked, (turn, one.sentence[1]))
        asserted = list(_ASSERTS.finditer(before))
        if _PRESUMED.search(before) is not None:
            return True
        return (
            bool(asserted)
            and re.search(r"\b(?:any|do you|does|did you|have you|are you)\b", before[asserted[-1].end() :]) is None
        )

    def _hangs(self, one: Named, turn: int) -> bool:
        """Whether a doctor's bare list ("nausea vomiting") at the end of a turn is a question: a denial follows it."""
        turns = self.transcript.turns
        if one.state != "yes" or turn + 1 >= len(turns) or turns[turn].speaker != "Doctor":
            return False
        text = self.index.turns[turn].text
        return (
            len(text) - one.start <= _HANGING_CHARACTERS
            and len(text[one.start :].split()) <= _HANGING
            and turns[turn + 1].speaker != "Doctor"
            and NO.match(turns[turn + 1].text) is not None
            and _ASSERTS.search(text[max(one.sentence[0], one.start - 60) : one.start]) is None
        )

    def _answer_about(self, one: Named, turn: int, following: int) -> MentionState | None:
        """What an answer says of one of the things asked: an answer that names some of them settles only these."""
        opening = takewhile(lambda n: n.start < _OPENING, self._named[following])
        asked = self.once(_named_in, turn)[one.sentence]
        echoed = {n.name: n for n in opening if n.name in asked and n.subject == one.subject}
        if one.name in echoed:
            heard = echoed[one.name]
            if heard.state == "yes" and heard.time == "past":
                return "asked"  # "I had one at Thanksgiving": of now that says nothing
            return heard.state if heard.state in {"yes", "no"} else None
        text = self.index.turns[following].text
        state = _answer(text)
        if echoed and len(asked) > 1 and (state != "no" or _BARE_NO.match(text) is None):
            return "asked"
        return state

    def _settled(self, one: Named, turn: int) -> tuple[MentionState, int | None]:
        """How a question ends: answered in the same turn after it, or in one of the next two turns."""
        turns = self.transcript.turns
        state = self.once(_answered_within, (turn, one.sentence[1]))
        if state is not None:
            return state, turn
        speaker = turns[turn].speaker
        for following in (turn + 1, turn + 2):
            if following >= len(turns):
                break
            if turns[following].speaker == speaker and speaker:
                continue
            state = self._answer_about(one, turn, following)
            if state is not None:
                return state, following
            if self._lengths[following] > 3:
                break
        return "asked", None


def _turns_of(talk: Conversation, name: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(one.turn for one in talk.by_name.get(name, ())))


def _named_in(talk: Conversation, turn: int) -> dict[tuple[int, int], set[str]]:
    """What each sentence of a turn names."""
    found: dict[tuple[int, int], set[str]] = defaultdict(set)
    for one in talk._named[turn]:
        found[one.sentence].add(one.name)
    return found


def _marked(talk: Conversation, place: tuple[int, int]) -> bool:
    """Whether a sentence of a turn that ends at an offset ends with a question mark."""
    turn, end = place
    start, _ = talk.index.turns[turn].sentence(end - 1)
    return talk.index.turns[turn].text[start:end].rstrip().endswith("?")


def _answered_within(talk: Conversation, place: tuple[int, int]) -> MentionState | None:
    """What the rest of a turn after an offset answers, if it is short and no question."""
    turn, end = place
    rest = talk.index.turns[turn].text[end:].strip()
    state = _answer(rest) if rest else None
    return state if state is not None and len(rest.split()) < _SHORT_REST and "?" not in rest[:_SHORT_REST] else None


def _sides_at(marks: list[tuple[int, int, str]], starts: list[int], at: int) -> set[str]:
    """Sides that a word at an offset is spoken of: the last one named before it, or one right after it. starts: of
    the marks."""
    following = bisect_right(starts, at)
    before = at - starts[following - 1] if following else _SIDE_BEFORE
    after = starts[following] - at if following < len(starts) else _SIDE_AFTER
    if after < _SIDE_AFTER and (before >= _SIDE_BEFORE or before > _SIDE_AFTER):
        return {marks[following][2]}
    return {marks[following - 1][2]} if before < _SIDE_BEFORE else set()


def _answer(text: str) -> MentionState | None:
    if NO.match(text):
        return "no"
    return "yes" if YES.match(text) else None


def converse(transcript: Transcript) -> Conversation:
    """Read a conversation once for all statements of a note."""
    return Conversation(links.index(transcript))
