"""Stopped or current: a drug that goes on was not stopped, and a stopped one does not go on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.evidence.view import Flag, Said, Severity, View

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
    r"weiter\w*|start\w*|increase\w*|begin)\b",
    re.I,
)
_SAYS_STOP = re.compile(r"\b(?:stop(?:ped)?|discontinued?|d/c|hold|cease)\b(?! (?:smoking|drinking))", re.IGNORECASE)
_SAYS_ON = re.compile(r"\b(?:continues?|remains on|stays on|currently (?:on|taking|takes)|resume)\b", re.IGNORECASE)
_REACH = 30


def check(view: View) -> Iterator[Flag]:
    """A drug said to be stopped of which nobody said so, or said to go on when every mention has it stopped."""
    text = view.piece.text
    for one in view.named:
        if one.group != "drug":
            continue
        said = view.talk.by_name.get(one.name, ())
        before = text[max(0, one.start - _REACH) : one.start]
        before = re.split(r"[.;:,]|\band\b", before)[-1]
        if not said or one.state == "if":
            continue
        if (
            _SAYS_STOP.search(before)
            or re.match(r"[^.;,]{0,25}\b(?:was|were|is) (?:stopped|discontinued)", text[one.end :])
        ) and not re.search(r"\b(?:if|when|until|not|n't|never)\b", text[: one.start], re.IGNORECASE):
            if not any(_stops(view, s) for s in said) and any(_goes_on(view, s) for s in said):
                yield view.flag(
                    NAME, Severity.HIGH, f"{view.text(one)}: nobody said that it is stopped.", [s.turn for s in said]
                )
                return
        elif _SAYS_ON.search(before) and all(_stopped_only(view, s) for s in said):
            yield view.flag(
                NAME, Severity.HIGH, f"{view.text(one)}: the conversation has it stopped.", [s.turn for s in said]
            )
            return


def _around(view: View, said: Said, reach: int = 120) -> str:
    """Words around a mention, the turn before a short answer included."""
    text = view.talk.index.turns[said.turn].text
    near = text[max(0, said.what.start - reach) : said.what.end + reach]
    others = [t for t in (said.turn - 1, said.turn + 1) if 0 <= t < len(view.talk.index.turns)]
    short = len(view.talk.index.turns[said.turn].words) < 14
    return near + (" " + " ".join(view.talk.index.turns[t].text[:160] for t in others) if short else "")


def _stops(view: View, said: Said) -> bool:
    return _STOPS.search(_around(view, said)) is not None


def _goes_on(view: View, said: Said) -> bool:
    return _GOES_ON.search(_around(view, said)) is not None


def _stopped_only(view: View, said: Said) -> bool:
    near = _around(view, said, 70)
    return re.search(
        r"\b(?:stop\w*|discontinu\w+|quit|came off|took (?:me|you) off|no longer|abgesetzt)\b", near, re.I
    ) is not None and (_GOES_ON.search(near) is None)
