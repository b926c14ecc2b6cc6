"""Ordered is not resulted: a test of which the conversation only has the order can have no value and no finding."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.evidence.checks import planned
from edge.evidence.view import Conversation, Flag, Severity, View, clause

NAME = "ordered, not resulted"
_TESTS = {
    "CRP": r"\bCRP\b|\bc[- ]?reactive protein",
    "blood count": r"\b(?:CBC|FBC|(?:full |complete )?blood count|white (?:blood )?(?:cell )?count|Blutbild)\b",
    "haemoglobin": r"\bha?emoglobin\b",
    "X-ray": r"\bx-?\s?rays?\b|\bradiographs?\b|\bRöntgen\w*",
    "CT": r"\bCT\b|\bcat scan\b",
    "MRI": r"\bMRI\b|\bMRT\b",
    "ultrasound": r"\bultrasound\b|\bsonogra\w+|\bUltraschall\b",
    "echocardiogram": r"\becho(?:cardiogra\w+)?\b",
    "ECG": r"\b(?:ECG|EKG|electrocardiogra\w+)\b",
    "HbA1c": r"\b(?:h(?:b|emoglobin|aemoglobin) ?)?a1c\b",
    "TSH": r"\bTSH\b|\bthyroid (?:function|tests?|panel)\b",
    "creatinine": r"\bcreatinine\b|\b(?:kidney|renal) function\b|\bKreatinin\b",
    "liver tests": r"\bliver (?:function|tests?|enzymes?|panel)\b|\bLFTs?\b",
    "urine test": r"\burinalysis\b|\burine (?:test|sample|culture|dip\w*)\b|\bUrinstatus\b",
    "culture": r"\b(?:blood|sputum|throat|wound) culture\b|\bswab\b|\bAbstrich\b",
    "troponin": r"\btroponin\b",
    "D-dimer": r"\bd-?dimer\w*",
    "lipids": r"\blipid (?:panel|profile)\b|\bcholesterol\b",
    "electrolytes": r"\b(?:metabolic panel|electrolytes|potassium|sodium)\b",
    "biopsy": r"\bbiops(?:y|ies)\b",
    "endoscopy": r"\b(?:colonoscopy|endoscopy|gastroscopy)\b",
}
_PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _TESTS.items()}
_RESULT = re.compile(
    r"\b(?:elevated|raised|high|low|normal|abnormal|negative|positive|unremarkable|clear|within normal limits|shows?|"
    r"showed|reveals?|revealed|demonstrat\w+|confirm\w*|consistent with|"
    r"no (?:acute |evidence|sign|infiltrat|effusion|fracture|"
    r"consolidation|abnormalit)\w*|came back|returned|erhöht|unauffällig|negativ|positiv|zeigt\w*|ergab)\b",
    re.IGNORECASE,
)
_VALUE = re.compile(
    r"^[\s:,=(]*(?:(?:is|was|of|at|level|value|today)\s+){0,3}[<>]?\s?(\d+(?:[.,]\d+)?)"
    r"(?!\s*(?:weeks?|months?|days?|years?|hours?|Wochen|Tage)|\d)",
    re.IGNORECASE,
)
_STATED = re.compile(r"^\s*(?:is|are|was|were|came|ist|war)\b(?!\s+due)", re.IGNORECASE)
_PLAN = re.compile(
    r"\b(?:order\w*|schedul\w*|will|going to|want\w*|would like|need\w*|due|obtain|get|send|refer\w*|plan\w*|"
    r"recommend\w*|should|book\w*|arrang\w*|request\w*|repeat|check|recheck|pending|consider|if|until|to be|"
    r"follow up|proceed|perform|möchte\w*|soll\w*|veranlass\w*|machen wir|wir machen|röntgen wir|wir röntgen|"
    r"geplant)\b",
    re.IGNORECASE,
)
_HAD = re.compile(
    r"\b(?:did|done|showed|shows|show|looks?|looked|was|were|had|normal|came back|results?|reviewed|reviewing|took|"
    r"taken|last|ago|already|yesterday|previous|prior|in (?:19|20)\d\d|reveals?|negative|positive|we have|i have|got|"
    r"here|war|hatte|letzte\w*)\b",
    re.IGNORECASE,
)
_BEFORE, _AFTER = 120, 60  # characters around a test in which the conversation says whether it is ordered or done
_ENDING = 200  # characters of a sentence in which its end, or the value of a test, is looked for
_QUESTION = re.compile(r"\?\s*$")


def check(view: View) -> Iterator[Flag]:
    """A value or finding of a test that the conversation names only as one to be done."""
    if any(True for _ in planned.check(view)):
        return  # said already
    text = view.piece.text
    for name, pattern in _PATTERNS.items():
        found = pattern.search(text)
        if found is None or not _states_result(text, found.start(), found.end()):
            continue
        ordered = view.talk.once(_only_ordered, name)
        value = _VALUE.match(text[found.end() :])
        if value is not None and value[1] in view.talk.once(_numbers, None):
            continue  # it was said, by another name of the test
        if ordered:
            message = f"{name}: the conversation only orders it; no result was said."
            yield view.flag(NAME, Severity.HIGH, message, ordered)
            return


def _states_result(text: str, start: int, end: int) -> bool:
    low, high = clause(text, start, end)
    around = text[low:high]
    if _PLAN.search(around) is not None:
        return False
    return _VALUE.match(text[end:high]) is not None or _RESULT.search(around) is not None


def _only_ordered(talk: Conversation, name: str) -> tuple[int, ...]:
    """Turns that name a test, if each of them only orders it; else none."""
    said = _mentions(talk, _PATTERNS[name])
    return tuple(turn for turn, _ in said) if all(ordered for _, ordered in said) else ()


def _mentions(talk: Conversation, pattern: re.Pattern[str]) -> list[tuple[int, bool]]:
    """(turn, only ordered) of each place where the conversation names the test; a question about it says nothing."""
    found = []
    for number, turn in enumerate(talk.index.turns):
        for mention in pattern.finditer(turn.text):
            low, high = turn.sentence(mention.start())
            around = turn.text[max(low, mention.start() - _BEFORE) : min(high, mention.end() + _AFTER)]
            if (
                _PLAN.search(around) is None
                and _QUESTION.search(turn.text[max(low, high - _ENDING) : high]) is not None
            ):
                continue
            rest = turn.text[mention.end() : min(high, mention.end() + _ENDING)]
            has_value = _VALUE.match(rest) is not None or _STATED.match(rest) is not None
            found.append((number, _PLAN.search(around) is not None and not has_value and _HAD.search(around) is None))
    return found


def _numbers(talk: Conversation, _: None) -> frozenset[str]:
    """Every number that was said."""
    return frozenset(value for turn in talk.index.turns for span in turn.numbers for value in span.values)
