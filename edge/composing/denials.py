"""What was denied, as a line: "Any chest pain, sweats?" "No." is "Denies chest pain, sweats."

A no denies what was asked in the words in which it was asked, and only if the answer says nothing else of it: "any
fever or chills?" "no fever" denies a fever, "the pain" that radiates is there, and "I can't catch my breath" denies
nothing. Where it is not sure what was denied, question and answer stay as they were said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge.composing import quotes, readable
from edge.composing.words import Words
from edge.contract.facts import Fact, FactKind, Polarity, Quote
from edge.contract.transcript import Turn
from edge.evidence.context import Named, named
from edge.evidence.reading import read
from edge.terms.concepts import ConceptSpan

_GROUPS = frozenset({"symptom", "condition"})
PATIENTS = frozenset({"Patient", "Guest"})
"""Labels of those who answer."""
_MOST = 120  # characters of what was asked
_LONGEST = 600  # characters of question and answer; a longer story is for the reader
_BUT = re.compile(r"\b(?:but|except|only|aber|außer|nur)\b", re.IGNORECASE)
_PARTLY = re.compile(  # a denial of a part
    r"\b(?:as (?:much|bad|often|many)|so (?:much|bad)|too bad|all the time|any ?more|any longer|"
    r"nothing (?:major|bad)|just|mostly|mehr)\b",
    re.IGNORECASE,
)
_NO = r"(?:no|nope|nah|not|never|nein|nee|nicht|keine?|keinen)"
_BARE_NO = re.compile(
    r"(?:(?:no|nope|nah|none|nothing|neither|not at all|never|nein|nee|keine?)[\s,.!]*)+", re.IGNORECASE
)
NEGATIVE = re.compile(
    r"\b(?:no|not|none|never|nothing|nope|nah|without|neither|nor|negative|den(?:y|ies|ied)|verneint|kein\w*|nicht|"
    r"nie|nein|nee|ohne|weder)\b|n't\b",
    re.IGNORECASE,
)
"""Words that deny."""
_FILLERS = r"\W*(?:(?:uh|um|oh|well|okay|und|also|äh|yeah)\W+)*"
# A no to all that was asked: no word for one thing follows.
_GENERAL_NO = re.compile(
    rf"{_FILLERS}(?:(?:no|nope|nah|never|nein|nee)\b(?=\W*$|\s*[,.;!…]|\s+(?:no|not|none|nothing|never|neither|"
    r"nope|i|i'm|i've|it|it's|my|the|that|they|we|he|she|and|to|thank\w*|doctor|doc|sir|ma'am|ich|nichts|beides|alles|das)\b)"
    r"|(?:none|nothing|neither|nichts|keine?s|weder)\b|not (?:at all|really|that|as of|yet|for|since|in|me)\b"
    r"|i (?:do|did|have|had|am|was)(?: ?n't| not)\b(?=\W*$|\s*[,.;!…]|\s+(?:at|no|not|think|noticed?|had|really|"
    r"that|yet|know|have any|feel)\b)|nothing like|(?:no|none) other\b)",
    re.IGNORECASE,
)
# A no of one thing: "no fever", "I've had no real pain".
_NO_OF = re.compile(rf"(?:^|.*\b){_NO} (?:real |more |other |recent |any |such |a )?$", re.IGNORECASE | re.DOTALL)
# Words of a question before what it asks of.
_QUESTION_WORDS = (
    "a an and any are been being bothering did do does ever experience experienced experiencing feel feeling from get "
    "getting had has have having history how i'd in is issues irgendwelche it like lot notice noticed noticing of okay "
    "or other problems recent recently see seen signs since so some still symptom symptoms there troubled um uh und "
    "oder was were what about with yeah also haben hatten noch auch mit now then today prior previous new no along "
    "sie ist sind bei denn mal ein eine einen not never without denies denied chance type kind sort"
)
_QUESTION = frozenset(_QUESTION_WORDS.split())
_PRESUPPOSED_WORDS = "the this that these those your my his her its der die das den dem ihr ihre ihren ihrem than"
_PRESUPPOSED = frozenset(_PRESUPPOSED_WORDS.split())
_LINKS = frozenset(["of", "with", "from"])
_DOERS = "you you've ever i they he she to never"  # before a verb: "have you ever injured …"
_DOER = frozenset(_DOERS.split())
_CLAUSE = re.compile(
    r"\b(?:do|does|did|is|are|was|were|have|has|had|can|you|you're|i|it|he|she|they|we|me|him|them|this|use|"
    r"ist|sind|haben|hat|sie|ich)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_YOUR = re.compile(r"\byour\b", re.IGNORECASE)
_AGAIN_ANY = re.compile(r"(?<=[,;] )(?:any|or any|and any) |(?<=\bor )any |(?<=\band )any ", re.IGNORECASE)
_ANY_INSIDE = re.compile(r"(?<=\w) any ", re.IGNORECASE)  # a list without commas
_TAIL = re.compile(  # what a question ends with and asks nothing of
    r"(?:,? (?:or )?(?:anything(?: (?:like|of) th(?:at|ose)| like| else)?|something like that|"
    r"etwas in der art|so ?etwas|at all|or not really|right now|or|and|no|(?:associated )?with (?:that|it)|"
    r"since(?: then)?|before|(?<!hurting )(?<!harming )(?<!hurt )(?<!harm )(?<!killing )yourself|for you|"
    r"oder|und|nein|selbst))+$",
    re.IGNORECASE,
)
_SUICIDAL = re.compile(
    r"(?:[^,?!.]{0,60}\b)?thoughts?(?: at all)? (?:of|about) "
    r"(?:suicide|(?:killing|hurting|harming) yourself|ending your life)",
    re.IGNORECASE,
)
_CUT_OFF = re.compile(r"\b(?:in|of|the|your|a|an|to|with|for|on|at|der|die|das|im)$", re.IGNORECASE)
_OTHERS_FIRST = re.compile(r"^(?:any (?:other|more)|anything else)\b[^?]*\? ", re.IGNORECASE)  # "Any other symptoms?"
_DONE = re.compile(
    r"^(?:cough|injur|pass|faint|vomit|hospitali[sz]|diagnos)ed\b", re.IGNORECASE
)  # "coughed once on …?"
_BROKEN_OFF = re.compile(r"\b\w+- (?=\w)")
_UNKNOWN = re.compile(  # a question of what the vocabulary does not know
    r"(?:(?:and|or|okay|so|und|oder)[, ]+)*"
    r"(?:(?:do|did|have|has|are) (?:you|he|she) (?:(?:have|had|having|get|getting|noticed?|ever had|experienced) )?)?"
    r"(?:any|irgendwelche) (?!other\b)([^?!.]{3,120})",
    re.IGNORECASE,
)
_NO_THING = re.compile(  # what stands behind a no
    r"\b(?:no|kein\w*) +(?:(?:real|more|other|recent|any|such|a|an) )*"
    r"(?!(?:no|not|none|nothing|never|neither|i|i'm|i've|it|my|the|that|they|we|he|she|and|to|one|of|doctor|really|"
    r"thank\w*)\b)([^\W\d_]+)",
    re.IGNORECASE,
)
_ITEM_BEFORE = re.compile(r"(?:^|[,;]|\b(?:or|and|oder|und|any))\s*$", re.IGNORECASE)
_ITEM_BEHIND = re.compile(
    r"\s*(?:[,.?!;–]|(?:or|and|no|oder|und|kein\w*|at all|today|either|though|yet)\b|(?:now|before|since)?\W*$)",
    re.IGNORECASE,
)


def is_plain(fact: Fact) -> bool:
    """Whether a symptom was asked for and denied with no and nothing else: sure, whatever the finder's score."""
    asked = fact.kind is FactKind.SYMPTOM and fact.polarity is Polarity.DENIED and len(fact.evidence) > 1
    return asked and any(_BARE_NO.fullmatch(one.text.strip()) for one in fact.evidence)


def line(fact: Fact, turns: Sequence[Turn], words: Words) -> str:
    """The line of a denied fact, "" where question and answer say more, or other, than one line would."""
    asked, answers = _parts(quotes.kept(fact.evidence), turns)
    if asked is None or sum(len(one) for one in (asked, *answers)) > _LONGEST:
        return ""
    answer = " ".join(answers)
    if not asked or not answers:
        return _stated(asked or answer, words) if answers or NEGATIVE.search(asked) is not None else ""
    said = _named(answer)
    if any(one.state == "yes" for one in said):
        return ""
    denied = [one for one in said if one.state == "no"]
    if denied and _NO_OF.fullmatch(answer, 0, denied[0].start) is not None:
        names = [_as_asked(answer, one, asked, words) for one in denied]
        return _listed(names, words) if all(names) and not _others(answer, denied) else ""
    if _GENERAL_NO.match(answer) is None or _BUT.search(answer) is not None:
        return ""
    return _asked(asked, _BARE_NO.fullmatch(answer.strip()) is not None, words)


def _parts(said: Sequence[Quote], turns: Sequence[Turn]) -> tuple[str | None, list[str]]:
    """What was asked ("" if nothing) and what the patient said to it; None where the patient asked."""
    speakers = [turns[one.turn].speaker if one.turn < len(turns) else "" for one in said]
    if not any(speakers):  # nobody is known by name: the first asks, the others answer
        speakers = ["Doctor", *["Patient"] * (len(said) - 1)] if len(said) > 1 else ["Patient"] * len(said)
    own = [one.text for one, name in zip(said, speakers, strict=True) if name in PATIENTS]
    others = [one.text for one, name in zip(said, speakers, strict=True) if name not in PATIENTS]
    if own and others and speakers[0] in PATIENTS:
        return ("", own) if NEGATIVE.search(own[0]) is not None else (None, [])
    return ", ".join(others), own


def _named(text: str) -> list[Named]:
    """Complaints and conditions of the patient that a text names, each in its context."""
    found = named(read(text), spoken=True)
    return [one for one in found if one.group in _GROUPS and one.subject == "patient"]


def _stated(text: str, words: Words) -> str:
    """A denial in one statement: "no chest pain, no cough"."""
    found = _named(text)
    if not found or any(one.state != "no" or not _is_alone(text, one) for one in found) or _others(text, found):
        return ""
    if _BUT.search(text) is not None or _PARTLY.search(text) is not None:
        return ""
    return _listed([_noun(text, one, words) for one in found], words)


def _others(text: str, denied: Sequence[Named]) -> bool:
    """Whether something is denied that the vocabulary does not know: "no mouth sores, no eye thing"."""
    starts = {one.start for one in denied}
    return any(found.start(1) not in starts for found in _NO_THING.finditer(text))


def _is_alone(text: str, one: ConceptSpan | Named) -> bool:
    """Whether a name has no words that say which or where: not "neck swelling", nor "numbness around the mouth"."""
    return _ITEM_BEHIND.match(text, one.end) is not None and _begin(text, one.start) == one.start


def _as_asked(answer: str, one: Named, asked: str, words: Words) -> str:
    """What an answer denies, as the question named it: "no pain" to "any chest pain, cough?" is chest pain; "" where
    the question says more of it."""
    said = answer[one.start : one.end].casefold()
    for other in read(asked).concepts:
        own = asked[other.start : other.end].casefold()
        if other.group in _GROUPS and (other.name == one.name or said in own.split()):
            if not _is_alone(asked, other):
                return ""
            return _noun(asked, other, words) if said in own else _noun(answer, one, words)
    return _noun(answer, one, words)


def _asked(asked: str, bare: bool, words: Words) -> str:
    """What a question asks of, in its own words, with commas where a recogniser left them out. bare: whether the answer
    is no and nothing else."""
    text = _BROKEN_OFF.sub("", _OTHERS_FIRST.sub("", readable.clean(asked))).strip(" ,.?!;-…")
    if words.language == "en" and _SUICIDAL.fullmatch(text) is not None:
        return _listed([words.terms["suicidal"]], words)
    text = _TAIL.sub("", text)
    concepts = [one for one in read(text).concepts if one.group in _GROUPS]
    unknown = _UNKNOWN.fullmatch(text) if bare else None
    start = _begin(text, concepts[0].start) if concepts else None
    if unknown is not None and (not concepts or (start is not None and _has_items(text[:start]))):
        start = unknown.start(1)
    if start is None or any(one.search(text) for one in (_DONE, _CUT_OFF)) or _has_items(text[:start]):
        return ""
    rest = text[start:]
    if not rest or len(rest) > _MOST or _CLAUSE.search(rest) is not None or re.search(r"[?!.](?!\d)", rest) is not None:
        return _items(text, concepts, words)
    own = _AGAIN_ANY.sub("", _YOUR.sub("the", _with_commas(text, start, concepts, words)))
    return _listed([_ANY_INSIDE.sub(", ", own)], words)


def _has_items(before: str) -> bool:
    """Whether a question names something else before what it asks of: "a pacemaker, or sleep apnea"."""
    words = [one[0].casefold() for one in _WORD.finditer(before)]
    others = [one for one in words if one not in _QUESTION | _DOER]
    return bool(others) and ("," in before or not {"or", "oder"}.isdisjoint(words) or "any" in words[:-1])


def _items(text: str, concepts: Sequence[ConceptSpan], words: Words) -> str:
    """The names of a question whose own words make no list ("Shortness of breath? Abdominal pain?"), if each stands
    alone in it."""
    alone = all(_is_alone(text, one) for one in concepts)
    return _listed([_noun(text, one, words) for one in concepts], words) if concepts and alone else ""


def _begin(text: str, first: int) -> int | None:
    """Where what is asked of begins: at its first name, or at the words before it that say which ("neck swelling");
    None where it is there ("the pain") or something that is done ("have you ever injured …")."""
    start = first
    for word in reversed(list(_WORD.finditer(text, 0, first))):
        if text[word.end() : start].strip():
            return start
        if word[0].casefold() in _PRESUPPOSED | _DOER:
            return None
        if word[0].casefold() in _LINKS and _is_linked(text, word.start(), start == first):
            start = word.start()
            continue
        if word[0].casefold() in _QUESTION:
            of_both = start < first and word[0].casefold() in {"or", "and", "oder", "und"}  # "ankles or feet swelling"
            return None if of_both and word.start() > 0 else start
        start = word.start()
    return start


def _is_linked(text: str, at: int, whole: bool) -> bool:
    """Whether "of" or "with" joins what was asked of to a word before it: "thoughts of hurting anyone". whole: what
    follows is a name as it stands, which "trouble with" adds nothing to."""
    before = list(_WORD.finditer(text, max(0, at - 20), at))
    near = bool(before) and not text[before[-1].end() : at].strip()
    word = before[-1][0].casefold() if near else ""
    return near and word not in _QUESTION | _DOER | _PRESUPPOSED and not (whole and word in {"trouble", "troubles"})


def _with_commas(text: str, start: int, concepts: Sequence[ConceptSpan], words: Words) -> str:
    """text[start:] with a comma between two names that nothing parts, and nouns for names that stand alone."""
    found, at = "", start
    for number, one in enumerate(concepts):
        alone = _ITEM_BEFORE.search(text, start, one.start) is not None or one.start == start
        found += text[at : one.start] + (_noun(text, one, words) if alone else text[one.start : one.end])
        following = concepts[number + 1].start if number + 1 < len(concepts) else 0
        found += "," if following and text[one.end : following] == " " else ""
        at = one.end
    return found + text[at:]


def _listed(names: Sequence[str], words: Words) -> str:
    """ "Denies …" of the names, each once, without those that stand in another."""
    lower = [one if words.language == "de" else one[:1].casefold() + one[1:] for one in names]
    return words.denies.format(", ".join(readable.longest(lower)))


def _noun(text: str, one: ConceptSpan | Named, words: Words) -> str:
    """A name as it was said, or the concept's where one short word was said alone: "numb" is numbness. English."""
    said = text[one.start : one.end]
    if _ITEM_BEHIND.match(text, one.end) is None:
        return said
    if one.name in words.terms:
        return words.terms[one.name]
    alone = said.isalpha()
    short = len(said) < len(one.name) and "_" not in one.name
    return one.name if words.language == "en" and alone and short else said
