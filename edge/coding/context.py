"""Whether a mention is denied, uncertain, somebody else's or past: what stands before and after it in its sentence.

Cues in the manner of ConText (Harkema et al. 2009), for English and German.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_REACH = 60  # characters before a mention in which a cue counts
_SENTENCE = 300  # the same for a relative, who stays the subject of the whole sentence
_STOP = re.compile(
    r"[.;:]|\b(?:but|however|although|except|aber|jedoch|who|which|presents|reports|endorses)\b", re.IGNORECASE
)
_NEGATED = re.compile(
    r"\b(?:no|not|denies|denied|denying|without|negative for|never|absence of|rules? out|ruled out|free of|nor|none of"
    r"|kein|keine|keinen|keiner|ohne|nicht|verneint|negativ für)\b",
    re.IGNORECASE,
)
_NOT_NEGATING = re.compile(
    r"\b(?:not only|no change|no further|not well|no longer controlled|not controlled)\b", re.IGNORECASE
)
_UNCERTAIN = re.compile(
    r"\b(?:possible|possibly|probable|probably|suspect(?:ed|s|ing)?|suspicion|concern(?:ed|ing)? for|rule out|r/o"
    r"|likely|versus|vs|may have|could be|might be|questionable|differential|risk (?:of|for)|screening for"
    r"|prevent(?:ion)?|v\. ?a\.|verdacht|fraglich|möglich\w*|ausschluss)\b",
    re.IGNORECASE,
)
_FAMILY = re.compile(
    r"\b(?:mother|father|brother|sister|aunt|uncle|grand(?:mother|father|parents?)|cousin|son|daughter|parents?|siblings?"
    r"|family (?:history|member)|wife|husband|mutter|vater|bruder|schwester|tante|onkel|oma|opa|großmutter|großvater"
    r"|familienanamnese)\b",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:history of|past|previous(?:ly)?|prior|status post|s/p|remote|resolved|former|old|z\. ?n\.|zustand nach"
    r"|früher\w*|childhood)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Context:
    """What holds for one mention."""

    negated: bool
    uncertain: bool
    family: bool
    past: bool


def context(sentence: str, start: int, end: int) -> Context:
    """Context of sentence[start:end]."""
    before = sentence[max(0, start - _REACH) : start]
    stops = list(_STOP.finditer(before))
    near = before[stops[-1].end() :] if stops else before
    after = sentence[end : end + 40]
    negated = _NEGATED.search(_NOT_NEGATING.sub(" ", near)) is not None
    negated = (
        negated
        or re.match(r"\s*(?:is |was |were |has been )?(?:denied|ruled out|absent|negative|resolved)\b", after)
        is not None
    )
    return Context(
        negated=negated,
        uncertain=_UNCERTAIN.search(near) is not None
        or re.match(r"\s*(?:\(?possible|is possible|\?|versus|vs)", after) is not None,
        family=_FAMILY.search(sentence[max(0, start - _SENTENCE) : start]) is not None,
        past=_PAST.search(near) is not None,
    )
