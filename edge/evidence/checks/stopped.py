"""Stopped or current: a drug that goes on was not stopped, and a stopped one does not go on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge.evidence.view import Conversation, Flag, Named, Said, Severity, View

NAME = "stopped or current"
_STOPS = re.compile(
    r"\b(?:stop(?:s|ped|ping)?|discontinu\w+|d/c'?d?|quit|came off|come off|coming off|taken off|took (?:me|you|him|"
    r"her) off|off of|hold(?:ing)?|"
    r"held|no longer|not taking|n't take|n't taking|n't been taking|ran out|run out|gave up|weaned|switch\w*|"
    r"instead of|replace\w*|get rid of|skip|"
    r"abgesetzt|absetzen|off|used to|avoid|no more|allerg\w+|cut out|drop|lay off|finished|anymore|any more|"
    r"rather than|previous\w*|"
    r"was on|were on|had (?:me|you) on|done with|through with|away from|do n't (?:take|use|want)|don't (?:take|use|"
    r"want)|not (?:take|to take|going))\b",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"\b(?:continu\w+|keep|stay\w*|still|resume|restart\w*|currently|takes?|taking|remain\w*|refill\w*|maintain|"
    r"weiter\w*|i'm on|i am on|now on|put (?:you|me) on|start\w*|increase\w*|begin)\b",
    re.I,
)
_SAYS_STOP = re.compile(r"\b(?:stop(?:ped)?|discontinued?|d/c|hold|cease)\b(?! (?:smoking|drinking))", re.IGNORECASE)
_SAYS_ON = re.compile(r"\b(?:continues?|remains on|stays on|currently (?:on|taking|takes)|resume)\b", re.IGNORECASE)
_ENDS = re.compile(
    r"\b(?:stopped (?:it|that|the|taking|my)|i (?:just )?(?:stopped|quit)|quit (?:it|taking)|came off|took (?:me|"
    r"you|him|her) off|"
    r"no longer|discontinued|got rid of|stays? off|staying off|abgesetzt)\b",
    re.IGNORECASE,
)
_STOP_THIS = re.compile(r"\b(?:stop|stopping|quit|drop)(?: taking| using)?(?: the| my| your)? $", re.IGNORECASE)
_NO_DRUGS = frozenset({"potassium", "insulin", "iron", "nicotine", "magnesium", "testosterone"})
_CURRENT = re.compile(
    r"(?:current )?(?:medications?|meds|therapy)(?: include)?:?\b|he takes|she takes|"
    r"continue",
    re.IGNORECASE,
)
_OVER = re.compile(
    r"\b(?:stop\w*|discontinu\w*|previous\w*|former\w*|held|off|d/c|past|no longer|completed|not|said|called|mistake|"
    r"switch\w*|replac\w*)\b",
    re.I,
)
_ANSWER = 60  # characters of an answer that settle it
_REACH = 30


def check(view: View) -> Iterator[Flag]:
    """A drug said to be stopped of which nobody said so, or said to go on when the conversation has it stopped."""
    text = view.piece.text
    for one in view.named:
        turns = view.talk.turns_of(one.name) if one.group == "drug" and one.state != "if" else ()
        if not turns or one.name in _NO_DRUGS:
            continue
        said = view.talk.once(_told, one.name)
        before = re.split(r"[.;]", text[: one.start])[-1]
        if _stops_in_note(text, one) and not said.stops and said.goes_on:
            yield view.flag(NAME, Severity.HIGH, f"{view.text(one)}: nobody said that it is stopped.", turns)
            return
        on = _SAYS_ON.search(before) is not None or _CURRENT.match(text) is not None
        # A list of medications is of what was taken until now: that the doctor stops one today is the plan's.
        stopped = said.stopped if on else said.ended if view.piece.section == "medications" else ()
        if stopped and not _stops_in_note(text, one) and not _OVER.search(text) and not said.goes_on_near:
            yield view.flag(NAME, Severity.HIGH, f"{view.text(one)}: the conversation has it stopped.", stopped)
            return


@dataclass(frozen=True)
class _Told:
    """What the conversation says of one drug. stopped: turns in which words of stopping are its own; ended: those of
    them in which it is not a doctor who stops it now ("I would stop the ibuprofen")."""

    stops: bool
    goes_on: bool
    goes_on_near: bool
    stopped: tuple[int, ...]
    ended: tuple[int, ...]


def _told(talk: Conversation, name: str) -> _Told:
    said = talk.by_name.get(name, ())
    return _Told(
        any(_stops(talk, s) for s in said),
        any(_goes_on(talk, s) for s in said),
        any(_goes_on(talk, s, 60) for s in said),
        tuple(s.turn for s in said if _stopped_only(talk, s)),
        tuple(s.turn for s in said if _stopped_only(talk, s) and not _stops_now(talk, s)),
    )


def _stops_now(talk: Conversation, said: Said) -> bool:
    """Whether a doctor says to stop it, and nothing of a stop that was."""
    reading = talk.index.turns[said.turn]
    low, high = reading.room(said.what.start)
    low, high = max(low, said.what.start - 70), min(high, said.what.end + 150)
    doctor = talk.transcript.turns[said.turn].speaker == "Doctor"
    return (
        doctor
        and _STOP_THIS.search(reading.text[low : said.what.start]) is not None
        and _ENDS.search(reading.text, low, high) is None
    )


def _stops_in_note(text: str, one: Named) -> bool:
    before = re.split(r"[.;:,]|\band\b", text[max(0, one.start - _REACH) : one.start])[-1]
    says = _SAYS_STOP.search(before) or re.match(
        r"[^.;,]{0,25}\b(?:was|were|is) (?:stopped|"
        r"discontinued)",
        text[one.end :],
    )
    return bool(says) and not re.search(r"\b(?:if|when|until|not|n't|never)\b", text[: one.start], re.IGNORECASE)


def _around(talk: Conversation, said: Said, reach: int = 120) -> str:
    """Words around a mention, the turn before a short answer included."""
    text = talk.index.turns[said.turn].text
    near = text[max(0, said.what.start - reach) : said.what.end + reach]
    others = [t for t in (said.turn - 1, said.turn + 1) if 0 <= t < len(talk.index.turns)]
    short = len(talk.index.turns[said.turn].words) < 14
    return near + (" " + " ".join(talk.index.turns[t].text[:160] for t in others) if short else "")


def _stops(talk: Conversation, said: Said) -> bool:
    return _STOPS.search(_around(talk, said)) is not None


def _goes_on(talk: Conversation, said: Said, reach: int = 120) -> bool:
    return _GOES_ON.search(_around(talk, said, reach)) is not None


def _stopped_only(talk: Conversation, said: Said) -> bool:
    """Whether words of stopping stand by a drug's name with no other drug between."""
    reading = talk.index.turns[said.turn]
    low, high = reading.room(said.what.start)
    low, high = max(low, said.what.start - 70), min(high, said.what.end + 150)
    following = said.turn + 1
    if reading.text[said.what.end : said.what.end + _REACH].strip(" .") == "?" and following < len(
        talk.index.turns
    ):  # "and the aspirin?"
        return _ENDS.search(talk.index.turns[following].text[:_ANSWER]) is not None
    this = _STOP_THIS.search(reading.text[low : said.what.start]) is not None
    return this or _ENDS.search(reading.text, low, high) is not None
