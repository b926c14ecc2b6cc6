"""What a doctor says aloud, as a record writes it: "I don't hear any crackles" is "No crackles". English.

Only words that a record never has are left out or put in their written form; what is named, numbers, sides, negations
and doubt stay. Sentence by sentence, so that nothing moves from one to another. Patients' words are never changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from edge.contract.facts import FactKind

FOUND = frozenset({FactKind.VITAL, FactKind.EXAM, FactKind.RESULT, FactKind.DIAGNOSIS})
PLANNED = frozenset(
    {
        FactKind.PLAN_MEDICATION, FactKind.PLAN_TEST, FactKind.PLAN_PROCEDURE, FactKind.PLAN_REFERRAL,
        FactKind.PLAN_ADVICE, FactKind.FOLLOW_UP,
    }
)  # fmt: skip
TOLD = frozenset(
    {
        FactKind.HISTORY,
        FactKind.COMPLAINT,
        FactKind.DEMOGRAPHIC,
        FactKind.SOCIAL,
        FactKind.MEDICATION,
        FactKind.SYMPTOM,
    }
)
_SEEN = r"(?:see|hear|feel|appreciate|note|notice|find)"
_PERSONS = (
    r"(?:own|mother|mom|mum|father|dad|sister|brother|wife|husband|son|daughter|partner|family|kids|children|baby|"
    r"parents|aunt|uncle|cousin|grand\w+|friend\w*|doctor|doc|primary|pcp|gp|dentist|"
    r"pharmac\w+|name|job|work|\w+ doctor)"
)
_GERUNDS = {
    "ordering": "order", "referring": "refer", "prescribing": "prescribe", "starting": "start", "stopping": "stop",
    "adding": "add", "sending": "send", "recommending": "recommend", "increasing": "increase", "decreasing": "decrease",
    "switching": "switch",
}  # fmt: skip
_Written = str | Callable[[re.Match[str]], str]
_Rule = tuple[frozenset[FactKind], re.Pattern[str], _Written]


def _rule(kinds: frozenset[FactKind], pattern: str, written: _Written = "") -> _Rule:
    """pattern: blanks in it stand for themselves, line breaks and what follows them for nothing."""
    return kinds, re.compile("".join(line.strip("\n") for line in pattern.split("\n        ")), re.IGNORECASE), written


def _first(found: re.Match[str]) -> str:
    return f"{found[1]} "


# In this order, each at the start of a sentence unless it says otherwise.
_RULES: tuple[_Rule, ...] = (
    _rule(
        FOUND | PLANNED | TOLD,
        r"""^(?:(?:and|so|also|again|number (?:one|two|three|four)|first of all|
        (?:now|then|first|second|third|mom|dad|sir|ma'am)(?=,)),? )+(?=\w)""",
    ),
    _rule(FOUND | PLANNED, r", (?:nice|good|great|perfect|okay|ok|all right|alright|sure|right)(?=\W*$)"),
    _rule(FOUND, rf"\bi do(?:n't| not) {_SEEN} (?:any|an?|much)\b(?! (?:reason|need))", "no"),
    _rule(
        FOUND,
        rf"""^i (?:do |can |also |still )*{_SEEN} (?:also |still )?
        (?=(?:an?|some|no|the|mild|slight|moderate|trace|good|normal|tenderness|swelling|that there(?:'s| is| are))\b)
        (?:that there(?:'s| is| are) )?""",
    ),
    _rule(
        FOUND,
        r"""^you(?:'ve| have| do have)(?: also| still| just)?(?: got)?[ ]
        (?!(?:to|been|not|had|your|it|that|what|gotten|come|done|lost|gained|seen|taken|made|ever|never|\w+ed)\b)""",
    ),
    _rule(FOUND, r"^there(?:'s|'re| is| are| was| were)(?: also| still)?,? (?!not\b|there\b)"),
    _rule(
        FOUND,
        r"""^(?:it's|it is|this is|that's|that is|these are|those are|they're)(?: just| still)?[ ]
        (?=(?:an?|the|no|some)\b)""",
    ),
    _rule(
        frozenset({FactKind.DIAGNOSIS}),
        r"""^(?:it's|it is|this is|that's|that is|these are|those are)(?: just| still)?[ ]
        (?!(?:not|gonna|going|been|because|why|what|how|good|great|okay|important|possible|likely|probably|your|my|very|
        pretty|really|\w+ing|out|in|on|due|all|like|from|just|where|when|too|so)\b)""",
    ),
    _rule(FOUND | TOLD, r"\byou don't have (?:any|an?)\b", "no"),
    _rule(FOUND, r"^you(?:'re| are)(?: still)? (?=\w+ing\b)(?!going\b)"),
    _rule(FOUND | PLANNED, r"^(?:your|her|his|their) (?!own\b)"),
    _rule(PLANNED, r"^please,? "),
    _rule(PLANNED, r"^i(?:'m| am) not (?=\w+ing\b)", "not "),
    _rule(
        PLANNED,
        rf"^i(?:'m| am)(?: also)? ({'|'.join(_GERUNDS)})(?: you)?(?: on)? ",
        lambda found: f"{_GERUNDS[found[1].casefold()]} ",
    ),
    _rule(
        PLANNED,
        r"""^(?:i|we)(?:'m| am|'re| are|'ll| will) (?:also )?(?:gonna |going to )?
        (give|send|refer|start|get) you (?:on )?""",
        _first,
    ),
    _rule(PLANNED, r"^(?:i|we)(?:'m| am|'re| are|'ll| will) (?:also )?(?:gonna |going to )?put you on ", "start "),
    _rule(PLANNED, r"^(refer|send|give|bring|start|continue|recommend|switch) you (?:on )?(?=\w)", _first),
    _rule(PLANNED, r"^put you on ", "start "),
    _rule(PLANNED, r"^(?:i|we) don't want you to ", "do not "),
    _rule(
        PLANNED,
        r"""^(?:i|we)(?:'d| would)? (?:also |do |really |just )*(?:want|like|need) you to (?:go ahead and )?
        (?!not\b|be\b)""",
    ),
    _rule(PLANNED, r"^(?:i|we) (?:do |also )*(?:need|want|have) to (?!be\b|know\b|talk\b|see\b)"),
    _rule(
        PLANNED,
        r"""^(?:i|we)(?:'m| am|'re| are)(?: also)? (?:gonna|going to) (?:go ahead and )?
        (?=(?:get|do|give|order|check) (?:an?|the|some|another)\b)""",
    ),
    _rule(PLANNED, r"\bcall (?:me|us)\b(?! (?:a|an|the)\b)", "call"),
    _rule(
        PLANNED,
        r"""^(?:i|we)(?: do)?(?:'d| would)?(?: also| still)? (?:want|like|wanna get|want to get|need)(?: to get)?[ ]
        (?=(?:an?|another|some)\b)""",
    ),
    _rule(PLANNED, r"^(?:i|we)(?:'d| would)?(?: also| still)? recommend (?:that you |you )?", "recommend "),
    _rule(PLANNED, r"^i(?:'d| would) (?=(?:avoid|stop|hold|wait|start|continue|keep)\b)"),
    _rule(PLANNED, r"^you (?:should|need to|have to|must|'ll need to) (?!(?:not|be|have|only)\b)(?=[a-z])"),
    _rule(PLANNED, r"^you can (?=(?:take|use|keep|continue|try|put|have|stop|go back|return)\b)", "may "),
    _rule(TOLD, r"^(?:(?:with )?a |your )?past medical history(?: is)?(?: significant)?(?: for| of)?,? (?=\w)"),
    _rule(TOLD, r"^(?:the )?chief complaint is "),
    _rule(TOLD, r"^you(?:'ve| have) been ", "has been "),
    _rule(TOLD, r"^you(?:'ve| have)? had ", "had "),
    _rule(TOLD, r"^you(?:'ve got| have) (?=(?:an?|some|the|no)\b)", "has "),
    _rule(TOLD, r"^you were ", "was "),
    _rule(TOLD, r"^you(?:'re| are) (?=here\b|\w+ing\b)"),
    _rule(FOUND | PLANNED | TOLD, rf"\byour (?!{_PERSONS}\b)", "the "),
)
_SENTENCE = re.compile(r"[^.?!]+(?:\.(?=\d)[^.?!]*)*[.?!]*\s*|[.?!]+\s*")
_ARTICLE = re.compile(r"^(?:an?|some) (?!of\b)(?=[a-z])", re.IGNORECASE)
SPEECH = re.compile(  # words of somebody who speaks to somebody
    r"\b(?:you|you're|you've|you'd|you'll|i|i'm|i've|i'd|i'll|me|my|we|we're|we've|we'd|we'll|us|our)\b", re.IGNORECASE
)


# "How's the appetite?": what is asked of, before a colon.
_ASKED = re.compile(
    r"(?:and )?(?:how(?:'s| is| are|'re| about)|what about|tell me about) (?:the |your )?"
    r"(?!(?:the|your|you|he|she|it|that|this|things|everything|we|they|when|if)\b)"
    r"([a-z][\w' -]{2,40}?)(?: been| doing| going)?\?*",
    re.IGNORECASE,
)


# "I pulled up the x-ray. There's no fracture." and "You did the sugar drink. It came back at 152.": what was looked at
# and what was found are one statement.
_LOOKED_AT = re.compile(
    r"^i(?:'ve| have)? (?:just )?(?:pulled up|looked at|reviewed|went over|got) (?:the|your) ([^.?!]{3,60})\. ",
    re.IGNORECASE,
)
_CAME_BACK = re.compile(r"\. it (?=(?:came back|came out|was|is) (?:at )?\d)", re.IGNORECASE)


def recorded(said: str, kind: FactKind) -> str:
    """A doctor's words about one fact as a record writes them; a question that names what it asks of is its name and a
    colon, other questions stay as they are."""
    if kind in TOLD and (asked := _ASKED.fullmatch(said)) is not None:
        return f"{asked[1][:1].upper()}{asked[1][1:]}:"
    if kind is FactKind.RESULT:
        if (seen := _LOOKED_AT.match(said)) is not None:
            return f"{seen[1][:1].upper()}{seen[1][1:]}: {recorded(said[seen.end() :], kind)}"
        said = _CAME_BACK.sub(", ", said)
    return "".join(_sentence(one[0], kind) for one in _SENTENCE.finditer(said)).strip()


def _sentence(said: str, kind: FactKind) -> str:
    if "?" in said:
        return said
    text = said
    for kinds, pattern, written in _RULES:
        if kind in kinds:
            text = pattern.sub(written, text)
    if text != said:
        text = _ARTICLE.sub("", text) if kind in FOUND or kind in PLANNED else text
        text = text[:1].upper() + text[1:]
    return text if any(letter.isalnum() for letter in text) else said
