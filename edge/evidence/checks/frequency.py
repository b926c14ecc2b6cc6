"""Frequency: how often a drug is taken is as it was said of this drug."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from edge.evidence.reading import TextReading
from edge.evidence.view import Conversation, Flag, Severity, View, window

NAME = "frequency"
_REACH = 70  # characters after a drug's name
_NOT_DAILY = r"(?! (?:(?:a|per|every|each|this|last) (?:week|month|year)|in (?:the|my)|over the|before|already|now)\b)"
# Times a day, from the ways to say it; "needed" is kept apart, as it goes with any of them.
_WAYS = {
    "1": r"once (?:a|per|every) day|once daily|every day|each day|daily|a day(?! \w+ times)|qd|q\.d\.?|"
    r"every morning|each morning|in the mornings?|qam|"
    r"every (?:night|evening)|at night|nightly|at bedtime|bedtime|before bed|qhs|in the evenings?|per day|"
    r"every 24 hours|täglich|"
    r"morgens|abends|zur nacht|with (?:breakfast|dinner|supper)|once\b(?=[,.;]|$)",
    "2": r"twice (?:a|per|every) day|twice daily|two times (?:a|per) day|2 times (?:a|per) day|bid|b\.i\.d\.?|"
    r"every (?:12|twelve) hours|"
    r"morning and (?:night|evening|at night|bedtime)|twice(?! (?:a|per|every) (?:week|month|year))|"
    r"two times(?! (?:a|per) (?:week|month|year))|zweimal (?:täglich|am tag)|in the morning and (?:\w+ ){0,2}(?:at|in)",
    "3": r"(?:three|3) times (?:a day|per day|daily)|tid|t\.i\.d\.?|every (?:8|eight) hours|"
    rf"(?:three|3) times{_NOT_DAILY}|"
    r"dreimal (?:täglich|am tag)",
    "4": r"(?:four|4) times (?:a day|per day|daily)|qid|q\.i\.d\.?|every (?:6|six) hours|"
    rf"(?:four|4) times{_NOT_DAILY}|"
    r"viermal (?:täglich|am tag)",
    "6": r"every (?:4|four) hours",
    "week": r"once (?:a|per|every) week|once weekly|weekly|every week|times a week|each week|wöchentlich|on (?:mon|"
    r"tues|wednes|thurs|fri|satur|sun)days?",
    "month": r"(?:twice|two times|2 times) (?:a|per) month|monthly|once (?:a|per) month|every month",
    "other day": r"every other day|every second day|alternate days",
}
_PATTERN = re.compile("|".join(rf"(?P<f{i}>\b(?:{way})(?!\w))" for i, way in enumerate(_WAYS.values())), re.IGNORECASE)
_NAMES = list(_WAYS)


def frequencies(text: str) -> list[tuple[int, int, str]]:
    """(start, end, way) of every frequency of a text; a daily word inside a longer phrase counts once."""
    found = []
    for match in _PATTERN.finditer(text):
        way = next(_NAMES[i] for i in range(len(_NAMES)) if match[f"f{i}"])
        found.append((match.start(), match.end(), _longest(text, match, way)))
    return found


def _longest(text: str, match: re.Match[str], way: str) -> str:
    """ "a day" and "daily" after a number of times belong to it."""
    before = text[max(0, match.start() - 14) : match.start()].casefold()
    if way == "1":
        for words, times in (
            (("twice", "two times", "2 times"), "2"),
            (("three times", "3 times"), "3"),
            (("four times", "4 times"), "4"),
        ):
            if before.rstrip().endswith(words):
                return times
    return way


def check(view: View) -> Iterator[Flag]:
    """A frequency that was not said of its drug, where another one was."""
    text = view.piece.text
    drugs = [one for one in view.named if one.group == "drug"]
    for start, end, way in frequencies(text):
        owner = next(
            (
                d
                for d in reversed(drugs)
                if d.end <= start and start - d.end < _REACH and ";" not in text[d.end : start]
            ),
            None,
        )
        if owner is None or re.search(r",[^,]*,|\band\b", text[owner.end : start]):
            continue
        heard = view.talk.once(_heard, owner.name)
        if not heard.ways or way in heard.ways or way in heard.near:
            continue
        yield view.flag(NAME, Severity.HIGH, f"{text[start:end]} was not said of {view.text(owner)}.", heard.turns)


@dataclass(frozen=True)
class _Heard:
    """How often a drug is taken, as it was said: ways, and the turns that say so. near: further ways that may be its
    own, from some turns around."""

    ways: frozenset[str]
    turns: tuple[int, ...]
    near: frozenset[str]


def _heard(talk: Conversation, name: str) -> _Heard:
    """Ways said of a drug: after its name up to the next drug; else in the turns beside it."""
    turns, mentions = talk.index.turns, talk.by_name.get(name, ())
    found: list[tuple[str, int]] = []
    for said in mentions:
        reading = turns[said.turn]
        high = min(reading.room(said.what.start)[1], said.what.end + 200)
        found += [(way, said.turn) for _, _, way in frequencies(reading.text[said.what.end : high])]
    if not found:
        near = window(talk, mentions, before=1, after=2)
        found = [(way, turn) for turn in near for _, _, way in frequencies(turns[turn].text)]
    wider = {way for turn in window(talk, mentions, before=3, after=4) for way in _unbound(turns[turn], name)}
    return _Heard(frozenset(way for way, _ in found), tuple(turn for _, turn in found), frozenset(wider))


def _unbound(reading: TextReading, generic: str) -> set[str]:
    """Ways of a turn that may be a drug's: those that do not follow another drug's name."""
    found, ends = set(), [drug.end for drug in reading.drugs]
    for start, _, way in frequencies(reading.text):
        before = bisect_right(ends, start)
        if not before or reading.drugs[before - 1].generic == generic:
            found.add(way)
    return found
