"""Age and gender of the patient as the document writes them, by rules: the first mention that is the patient's."""

from __future__ import annotations

import re

SAMPLE = 20_000  # characters from the beginning in which they are looked for
_AGES = (
    # "54-year-old", "54 y.o.", "54 yo F", "54F"; "7 months old"
    r"\d{1,3}[- ]?(?:year|yr|month|week|day)s?[- ]\n?old\b",
    r"\d{1,3} ?(?:y\.o\.|y/o|yo\b|yrs? old\b|yr\b|yrs\b|Y\b)",
    # "71-jährige", "63jähriger"
    r"\d{1,3}[- ]?jährige?[rnms]?\b",
    r"\d{1,2};\d{1,2} Jahre?n?\b",
    r"\d{1,2} \d{1,2}/12 Jahre?n?\b",
    r"\d{1,3} (?:Jahre?n?|Monate?n?|Mon\.|Wochen|Tage) alt(?:e[rnms]?)?\b",
    r"\d{1,3} Jahre\b",
    r"\d{1,3} J\.(?!\w)",
    r"\d{1,2} Mon\.(?=,|;|\s{2}|\n|$)",
    r"aged \d{1,3}\b",
    r"(?:(?<=\bhe is )|(?<=\bshe is ))\d{1,3}(?=[,.;]| and\b)",  # "She is 63, keeps an allotment"
    r"\d{1,2} (?:months|weeks|days)\b(?= (?:old|of age)| girl| boy)",
)
_LABELLED = re.compile(
    r"\b(?:Age(?:/Sex)?|Alter|Sex/Age)[ \t]*:?[ \t]*(\d{1,3}(?: ?(?:Y\b|J\.|Jahre|y\.o\."
    r"|yrs?\b|months\b|weeks\b|Mon\.|Monate|Wochen))?)(?![\w.]*\d)"
)
_COMPACT = re.compile(r"(?<![\w.,/-])(\d{1,3})(?= ?[/,]? ?(?:F|M|W|m|w)\b(?![\w./]))")
_AGE = re.compile("|".join(f"(?:{one})" for one in _AGES), re.IGNORECASE)
# A duration, or an age of somebody else: "for 20 years", "vor 3 Jahren", "father died at 61", "a 36 y.o. mother".
_DURATION = re.compile(
    r"(?<![.\w])(?:for|since|past|last|over|after|every|vor|seit|über|nach|mit|in|in den letzten|im Alter von|bis"
    r"|zuletzt|ca\.)\b[^\n;:]{0,14}$",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"(?:\b(?:mother|father|brother|sister|aunt|uncle|son|daughter|wife|husband|died|Mutter|Vater|Bruder|Schwester|Tante"
    r"|Onkel|Sohn|Tochter|Ehemann|Ehefrau)\b|†)[^\n;:.]{0,40}$",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"[^\n.;]{0,12}\b(?:mother|father|brother|sister|son|daughter|Mutter|Vater|Bruder|Schwester|Sohn|Tochter)\b"
)
_TELLS = re.compile(r"\b(?:reports?|says|states|notes|he is|she is|patient|berichtet|gibt an|Patient(?:in)?)\b")
_ADDRESSED = re.compile(r"\b(?:Dear|Sehr geehrte[rn]?|Liebe[r]?|cc|Cc)\b[^\n]*$")
_FULL_AGE = re.compile(r"old\b|jährig|y\.o\.|y/o|yo\b|\balt", re.IGNORECASE)
# In the order in which they are asked: the first kind that the text has decides.
_WORDS = {
    True: (
        r"(?<![\w-])(?:weiblich(?:e[rnms]?)?|männlich(?:e[rnms]?)?|weibl\.|männl\.)(?!\w)|(?<=, )[mwMW](?=, )",
        r"(?<![\w-])(?:Mädchen|Junge|Patientin|Pat\.in|Patient(?:en)?|Frau|Fr\.|Herrn?|Hr\.|Hrn\.)(?!\w)"
        r"(?!,? (?:Dr|Prof|Koll|Dipl|PD|med))",
        r"\b(?:Sie|Er)\b",
    ),
    False: (
        r"(?i)(?<![\w-])(?:female|male|woman|man|lady|gentleman|girl|boy)(?![\w-])",
        r"(?<![\w-])(?:Mrs|Ms|Mr|Miss)(?![\w-])(?!\.? (?:Dr|Prof))",
        r"\b(?:[Ss]he|[Hh]e)\b",
        r"\b[Hh]im\b",
        r"\b(?:[Hh]er|[Hh]is)\b",
    ),
}
_AFTER_AGE = re.compile(
    r"[ ,/()]{0,4}(?:[a-z-]+ )??(female|male|woman|man|lady|gentleman|girl|boy|[FMWmwf](?![./\w])"
    r"|weiblich|männlich|Patientin|Patient|Frau|Junge|Mädchen)(?!\w)",
    re.IGNORECASE,
)
_SEX = re.compile(
    r"\b(?:Sex|Gender|Geschl(?:echt|\.)?|Age/Sex)[ \t]*:?[ \t]*(?:\d{1,3}(?: ?(?:Y|J|y\.o\.))?[ \t/]*)?"
    r"((?:fe)?male|girl|boy|woman|man|weiblich|männlich|weibl\.|männl\.|[FMWDfmwd])(?!\w)",
    re.IGNORECASE,
)
_MASKED = re.compile(r"_{2,}[- ]year[- ]old (?:[a-z-]+ )??(female|male|woman|man|lady|gentleman|girl|boy)\b")
_PRONOUN = re.compile(r"\b(She|He) is $", re.IGNORECASE)
_MOTHER = re.compile(r"(?m)^(Mother):? \d{1,2} ?(?:y|years?|yrs?)\b")  # of a delivery record
_BORN = re.compile(
    r"\b(?:(?:baby|infant|neonate|newborn)(?::| is| was)|there (?:is|was) an?(?:other)?)[^\n]{0,15}$", re.IGNORECASE
)
_WEIGHT = re.compile(r",? \d[.,\d]* ?k?g\b")
_LETTER_TO = re.compile(r"\bDear (Ms|Mrs|Miss|Mr)\b(?!\.? (?:Dr|Prof))")
PersonPlace = tuple[int, int]


def age(text: str) -> PersonPlace | None:
    """Where the patient's age stands; None if no rule is sure."""
    head = text[:SAMPLE]
    if labelled := _LABELLED.search(head):
        return labelled.span(1)
    found = [m for m in _AGE.finditer(head) if _own(head, m)]
    sure = [m for m in found if _FULL_AGE.search(m[0])]
    compact = _COMPACT.search(head[:3_000])
    first = min((m.start() for m in found), default=len(head))
    if compact and compact.start() < first:
        return compact.span(1)
    if not found:
        return None
    return (found[0] if not sure or found[0].start() < 600 else sure[0]).span()


def _of_relative(before: str) -> bool:
    """Whether these characters before a place name a relative, and not one who tells of the patient."""
    found = _RELATIVE.search(before)
    return bool(found) and not _TELLS.search(found[0] if found else "")


def _own(head: str, match: re.Match[str]) -> bool:
    """Whether an age is the patient's."""
    before = head[max(0, match.start() - 60) : match.start()]
    whole = _FULL_AGE.search(match[0])
    if _of_relative(before) or _OTHERS.match(head, match.end()):
        return False
    return bool(whole) or not _DURATION.search(before)


def gender(text: str, german: bool) -> PersonPlace | None:
    """Where the patient's gender stands: the word beside the age, a label, the first noun or title, at last a pronoun.

    None if there is none.
    """
    head = text[:SAMPLE]
    where = age(head)
    if where is not None and (beside := _AFTER_AGE.match(head, where[1])):
        return beside.span(1)
    if where is not None and (told := _PRONOUN.search(head, max(0, where[0] - 8), where[0])):
        return told.span(1)
    if beside := _MASKED.search(head) or _MOTHER.search(head):
        return beside.span(1)
    if labelled := _SEX.search(head):
        return labelled.span(1)
    for kind in _WORDS[german]:
        for match in re.finditer(kind, head):
            before = head[max(0, match.start() - 40) : match.start()]
            if not _of_relative(before) and not _ADDRESSED.search(before) and not _child(head, match):
                return match.span()
    written_to = _LETTER_TO.search(head)
    return written_to.span(1) if written_to else None


def _child(head: str, match: re.Match[str]) -> bool:
    """Whether "boy" or "girl" is one who was born to the patient, or somebody else's."""
    if match[0].casefold() not in ("boy", "girl"):
        return False
    return bool(_BORN.search(head, max(0, match.start() - 45), match.start()) or _WEIGHT.match(head, match.end()))
