"""A conversation read for comparison: everything that is named, with questions joined to their answers.

"Any chest pain?" "No." is a denial of chest pain that stands in two turns. What a doctor asks and nobody answers
counts neither way.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

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
_BARE_NO = re.compile(_FILLER + r"(?:no|nope|nah|nein)\s*[.,;]", re.IGNORECASE)
_HANGING = 14  # words that may follow in a list that is only named
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


@dataclass(frozen=True)
class Conversation:
    """The turns, an index of what they hold, and what is named where."""

    index: Index

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

    @cached_property
    def sides(self) -> dict[str, Counter[str]]:
        """Of every feature, how often it was spoken of on the left and on the right."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for number, turn in enumerate(self.index.turns):
            marks = context.side_marks(turn.text)
            if not marks:
                continue
            for feature, at in turn.places:
                for side in _sides_at(marks, at):
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
            return not text[one.start : one.sentence[1]].rstrip().endswith("?")
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
        rest = text[one.start :]
        return (
            len(rest.split()) <= _HANGING
            and turns[turn + 1].speaker != "Doctor"
            and NO.match(turns[turn + 1].text) is not None
            and _ASSERTS.search(text[max(one.sentence[0], one.start - 60) : one.start]) is None
        )

    def _answer_about(self, one: Named, turn: int, following: int) -> MentionState | None:
        """What an answer says of one of the things asked: an answer that names some of them settles only these."""
        reading = self.index.turns[following]
        opening = [n for n in self._named[following] if n.start < _OPENING]
        asked = {n.name for n in self._named[turn] if n.sentence == one.sentence}
        echoed = {n.name: n for n in opening if n.name in asked and n.subject == one.subject}
        if one.name in echoed:
            heard = echoed[one.name]
            if heard.state == "yes" and heard.time == "past":
                return "asked"  # "I had one at Thanksgiving": of now that says nothing
            return heard.state if heard.state in {"yes", "no"} else None
        state = _answer(reading.text)
        if echoed and len(asked) > 1 and (state != "no" or _BARE_NO.match(reading.text) is None):
            return "asked"
        return state

    def _settled(self, one: Named, turn: int) -> tuple[MentionState, int | None]:
        """How a question ends: answered in the same turn after it, or in one of the next two turns."""
        turns = self.transcript.turns
        rest = self.index.turns[turn].text[one.sentence[1] :].strip()
        if rest and (state := _answer(rest)) is not None and len(rest.split()) < 40 and "?" not in rest[:40]:
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
            if len(turns[following].text.split()) > 3:
                break
        return "asked", None


def _sides_at(marks: list[tuple[int, int, str]], at: int) -> set[str]:
    """Sides that a word at an offset is spoken of: the last one named before it, or one right after it."""
    before = [(start, side) for start, _, side in marks if start <= at and at - start < _SIDE_BEFORE]
    found = {before[-1][1]} if before else set()
    after = [side for start, _, side in marks if 0 < start - at < _SIDE_AFTER]
    if after and (not before or at - before[-1][0] > _SIDE_AFTER):
        found = {after[0]}
    return found


def _answer(text: str) -> MentionState | None:
    if NO.match(text):
        return "no"
    return "yes" if YES.match(text) else None


def converse(transcript: Transcript) -> Conversation:
    """Read a conversation once for all statements of a note."""
    return Conversation(links.index(transcript))
