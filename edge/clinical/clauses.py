"""Clauses that tell a field by their words: smoking, alcohol and work (lifestyle), family status, home and drugs
(social history); in German reports, where a model misses most of them, interventions and outcomes, too.

A phrase ends where its clause does; what goes on with the same habit or circumstance after a comma belongs to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LIFESTYLE, SOCIAL = "life_style", "social_history"
INTERVENTION, OUTCOME = "interventional_therapy", "patient_outcome_assessment"
FIELDS = (LIFESTYLE, SOCIAL, OUTCOME, INTERVENTION)
_LONGEST = 120  # characters of a clause; a longer one tells a story, not a habit
_CUT = re.compile(
    r"(?<!\bca)(?<!\behem)(?<!\bli)(?<!\bre)(?<!\bDr)(?<!\bm)(?<!\b[ia]m \d)(?<!\b[ia]m \d\d)\.(?=\s+[A-ZÄÖÜ\d(]|\s*$)|"
    r"[;,](?=\s)|\n|\s(?=\([+-]\))|"
    r"\s(?:and|und)\s(?=(?:denie[sd]|live[sd]|work(?:s|ed)|does|do|is|was|had|has|never|drinks?|smokes?|walks?|lebt|wohnt)\b)"
)
_LEAD = re.compile(
    r"\s*(?:[-*•–]\s*)?(?:(?:Soz(?:ial\w*|\.)?|Noxen|Lebenssituation|SHx?(?: \([^)]*\))?|"
    r"Social(?: history)?|Beruf|Procedere|Therapie|Verlauf|Maßnahmen?|Empfehlung(?:en)?|Eingriff)\s*:\s*)?"
    r"(?:\[[^\]]*\]\.?\s*)?"
    r"(?:(?:and|und|but|who|sie|er|(?:the )?patient|reports?|states|notes|that|he|she|is|was|an?)\s+)*",
    re.IGNORECASE,
)
_GOES_ON = {
    LIFESTYLE: re.compile(
        r"\s*(?:seit|bis|zuletzt|aktuell|täglich|tgl|ehem\w*|früher|vormals|zuvor|derzeit|berufsunfähig|quit|stopped|ex|"
        r"since|until|former\w*|\d+)\b",
        re.IGNORECASE,
    ),
    SOCIAL: re.compile(
        r".*\b(?:ehe(?:mann|frau)|söhne|sohn|tochter|töchter|kinder?|\w*haus|wohnung|whg|hund|schulden|allein|haushalt|"
        r"child(?:ren)?|kids?|sons?|daughters?|husband|wife|house|flat|apartment|stairs|alone)\b",
        re.IGNORECASE,
    ),
}
_LIFESTYLE = {
    True: re.compile(
        r"\b(?:nichtraucher\w*|ex-?raucher\w*|gelegenheitsraucher\w*|raucher\w*|raucht|geraucht|nikotin(?!pfl|ers)\w*|"
        r"zigaretten|zigarillos?|alkohol(?!is|ik|ent|abh|krank|ass|tox|hep)\w*|bier|wein|früh?rentner\w*|rentner\w*|"
        r"pensionier\w*|azubi|student(?:in)?|hobbys?|joggt)\b|\bzig\.|\d ?py\b|\brentn\.|\b(?:ehem(?:als|\.)|früher|"
        r"vormals|beruf(?:lich)?:?) (?-i:[A-ZÄÖÜ])[a-zäöüß]{4,}",
        re.IGNORECASE,
    ),
    False: re.compile(
        r"\b(?:(?:never|non|ex|former|current|lifelong non)[- ]?smok\w+|smok(?:es|ed|er)|smoking|pack[- ]?years?|ppd|"
        r"tobacco|alcohol|etoh|drinks|drank|beers?|wine|retired|work(?:s|ed)? as|occupation)\b",
        re.IGNORECASE,
    ),
}
_SOCIAL = {
    True: re.compile(
        r"\b(?:verheiratet|verh\.|ledig|geschieden|verwitwet\w*|alleinlebend|lebt|wohnt|wohnhaft|pflegegrad|pflegedienst|"
        r"patientenverfügung|vorsorgevollmacht|partnerschaft|WG|drogen|cannabis|(?:eine?|zwei|drei|vier|\d) "
        r"(?:\w+ )?(?:kind(?:er)?|söhne|töchter|sohn|tochter))\b",
        re.IGNORECASE,
    ),
    False: re.compile(
        r"\b(?:married|single|widow(?:ed|er)?|divorced|live[sd] (?:with|w/|alone|in|by)|illicits?|recreational drugs?|"
        r"(?:no|denies|iv) drugs?|heroin|cocaine|marijuana|cannabis|code(?: status)?:|dnr)\b",
        re.IGNORECASE,
    ),
}
_OUTCOME = re.compile(
    r"\bAU (?:bis|für|entf|\d)|wiedervorstellung|\bWV\b|\w*kontrollen?\b[^.;]*\b(?:in|nach|am|bei) (?:\d|\w+ (?:wochen|"
    r"monaten|tagen))|nachsorge\b|beschwerdefrei|komplikationslos|problemlos|rückläufig|gebessert|besserung|besserte|"
    r"entfiebert|entfieberung|verlaufstermin|\bECOG \d|rückbildung|remission|arbeitsunfähig|gehstrecke|\bvertragen\b|"
    r"(?<!in)stabil\b|schmerzfrei|toleriert|\bbarthel|\bmRS \d|rauchfrei|anfallsfrei|abgeheilt|extubiert|"
    r"katecholaminfrei|bedenkzeit|weiterbehandlung|rücksprache|\btermin (?:am|in|bei|zur)\b|"
    r"\bvorstellung\b[^.;]*\b(?:in|am|bei|zur|ambulanz|sprechstunde)\b",
    re.IGNORECASE,
)
_INTERVENTION = re.compile(
    r"\w*(?:ektomie|otomie|ostomie|plastik|osteosynthese|resektion|exzision|embolisation|ablation|punktion|drainage|"
    r"implantation|lavage|intubation|dialyse|bestrahlung|radiatio|physiotherapie|krankengymnastik|ergotherapie|logopädie|"
    r"sprachtherapie|musiktherapie|bewegungstherapie|lymphdrainage|kompression\w*|atemtherapie|AHB|high-flow|NIV|CPAP|"
    r"verband\w*|mobilisation|schonung|hochlagerung|kostaufbau|schulung|gewichtsreduktion|"
    r"gymnastik|gangschule|(?:gang|geh|muskelaufbau|rollstuhl|atem|funktions)training|bewegungsbad|(?:lungen|reha)sport|"
    r"(?:faden|klammer)\w*zug|(?:faden|klammer|material|metall)entfernung|inhalation\w*|ruhigstellung|orthese|bandage|"
    r"(?:teil|voll|ent)belastung|belastungsaufbau|sportkarenz|\w*entwöhnung|"
    r"d[ée]bridement|reposition|wundspülung|thrombolyse|kardioversion|(?:stent|katheter|port|stoma)(?:implantation|anlage)|"
    r"verhaltenstherapie|psychoedukation|ernährungsberatung|sondenkost|nahrungsaufbau|TENS|PCI|EMR|VAC\w*)\b",
    re.IGNORECASE,
)
_NOT = {
    True: re.compile(
        r"\b(?:schwester|bruder|vater|mutter|leber|karzinom|entzug|abusus|delir)\w*\b|karenz|verzicht|stopp\b|"
        r"entwöhn|meiden|empfohlen|angeraten|abgesetzt|\bentlassung|durch pflegedienst|\blebt getrennt",
        re.IGNORECASE,
    ),
    False: re.compile(
        r"\b(?:brother|sister|father|mother|advised?|counsel\w*|cessation|recommend\w*|encourag\w*|avoid\w*|withdrawal|"
        r"abuse|hepatitis|cirrhosis|should|limit|dependence|use disorder|swab\w*|stop|triggers?|"
        r"handouts?|harmful use|tobacco use|single (?:dose|view|lead|lumen|piece|infusion))\b",
        re.IGNORECASE,
    ),
}


@dataclass(frozen=True)
class CuedClause:
    """text[start:end] tells of the field key."""

    key: str
    start: int
    end: int


def find(text: str, german: bool) -> list[CuedClause]:
    """Clauses that tell one of FIELDS, in order of place. The work grows with the length of the text."""
    found: list[CuedClause] = []
    for start, end, joined in _clauses(text):
        words = text[start:end]
        key = next((one for one, said in _cues(german) if said.search(words)), "")
        last = found[-1] if found and joined and found[-1].end + 2 >= start else None
        if last is not None and _goes_on(last.key, key, words):
            found[-1] = CuedClause(last.key, last.start, end)
        elif key and not (key in _GOES_ON and _NOT[german].search(words)):
            found.append(CuedClause(key, start, end))
    return found


def _cues(german: bool) -> tuple[tuple[str, re.Pattern[str]], ...]:
    habits = ((LIFESTYLE, _LIFESTYLE[german]), (SOCIAL, _SOCIAL[german]))
    return (*habits, (OUTCOME, _OUTCOME), (INTERVENTION, _INTERVENTION)) if german else habits


def _goes_on(before: str, key: str, words: str) -> bool:
    """Whether a clause after a comma tells more of the same. key: what it tells by itself, if anything."""
    if before == SOCIAL and key == SOCIAL:
        return True
    return before in _GOES_ON and key in ("", before) and _GOES_ON[before].match(words) is not None


def _clauses(text: str) -> Iterator[tuple[int, int, bool]]:
    """Bounds of each clause without its lead, and whether a comma joins it to the one before."""
    at, joined = 0, False
    for cut in _CUT.finditer(text):
        yield from _clause(text, at, cut.start(), joined)
        at, joined = cut.end(), cut[0] == ","
    yield from _clause(text, at, len(text), joined)


def _clause(text: str, start: int, end: int, joined: bool) -> Iterator[tuple[int, int, bool]]:
    lead = _LEAD.match(text, start, end)
    start = lead.end() if lead else start
    while end > start and text[end - 1] in " .\t":
        end -= 1
    if 0 < end - start <= _LONGEST:
        yield start, end, joined
