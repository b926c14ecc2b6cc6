"""Whether a piece of a sentence lies in the scope of a cue: before it, behind it, in its list, or around it.

No cue is named here that decides anything; edge.clinical.context asks for each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge.clinical.cues import KINDS, ContextCue, Token
from edge.clinical.words import words as _set

LEAD = _set(
    "there's there the a an patient pt she he it they there has have had is are was were been be reports reported ",
    "states that of her his currently today also still and or this these any other showed shows show demonstrates ",
    "demonstrated reveals revealed with i we my you patient's evidence findings finding exam examination ",
    "der die das den dem ein eine einen er sie es pat patientin hat habe hatte haben besteht bestehen zeigt zeigte ",
    "zeigen sich ist sind war waren sei derzeit aktuell heute auch und oder nimmt gibt an im in zum zur",
)
_VERBS = (
    "denies", "denied", "deny", "denying", "negative for", "neg for", "verneint", "verneinte", "verneinen",
    "negiert", "weder", "neither", "werden verneint", "wird verneint", "wurden verneint", "werden negiert",
    "no evidence of", "no history of", "no signs of", "free of", "never had",
)  # fmt: skip
_LIST_AFTER = frozenset(
    ("denied", "is denied", "are denied", "was denied", "were denied", "all denied", "verneint", "wird verneint",
     "werden verneint", "wurden verneint", "wurde verneint", "negiert", "werden negiert", "verneint er", "verneint sie",
     "are negative", "were negative", "sind nicht bekannt", "ruled out", "were ruled out", "was ruled out")
)  # fmt: skip
_ADVERBS = _set(
    "not nicht never nie cannot",
)
_JOIN = _set(
    "or nor and oder noch und sowie bzw / & plus",
)
_LAST = _set(
    "or nor oder noch bzw",
)
_OPEN = _set(
    "( [",
)
_SHOWS = _set(
    "show shows showed reveal reveals revealed demonstrate demonstrates demonstrated indicate indicates zeigt zeigte ",
    "zeigten zeigen ergab ergibt ergaben",
)
_ADDED = _set(
    "bilaterally bilateral today currently throughout beidseits bds heute aktuell derzeit all for",
)
_IF = _set("if unless when wenn falls sofern")
_IF_NEAR = re.compile(r"\b(?:if|unless|when|wenn|falls|sofern)\b", re.IGNORECASE)
_NEAR = 100  # characters
_CONDITION = 7  # words between "if" and its negation
_ASKED = frozenset(("do not", "don't", "do n't"))
_PRONOUNS = _set("he she they it i we you er sie")
FAR = 12  # words that a determiner's scope reaches; a verb's reaches four times as far
BACK = 7  # words that a cue behind its object may stand away
_PLAIN_NORMAL = _set(
    "clear normal soft intact regular positive stable good warm dry well full present strong alert unauffällig rein ",
    "weich normal regelmäßig seitengleich positiv stabil gut frei reizlos vorhanden tastbar erhöht elevated increased ",
    "decreased reduced tender weiterhin jetzt aktuell zunehmend anhaltend rezidivierend still now ongoing persistent ",
    "worsening mild moderate severe leichte leichter leichtes deutliche",
)
_VERBS_FINAL = _set(
    "persists remains continues improves worsens resolves painful red swollen visible palpable",
)
_AFTER = _set(
    "bei wegen im am in vor seit bis ab for because due on at by until prior since per aufgrund nach after before ",
    "during durch",
)
_HOW = _set(
    "for since over seit x days weeks months tagen wochen monaten",
)


@dataclass(frozen=True)
class ScopeLine:
    """A sentence with its tokens and cues; offset: where it begins in the text."""

    offset: int
    text: str
    tokens: list[Token]
    cues: list[ContextCue]
    chronic: tuple[re.Pattern[str], ...]
    german: bool


def distance(line: ScopeLine, cue: ContextCue, start: int, end: int) -> int | None:
    """Tokens between a cue and the piece if the piece is in the cue's scope, else None."""
    if _of_condition(line, cue, start):
        return None
    if cue.side == "before":
        if cue.end <= start or cue.start < start < cue.end:
            return _forward(line, cue, start, end)
        if start <= cue.start and cue.end <= end:
            return 0 if leads(line, cue, start, end) and _whole(line, cue, end) else None
        return None
    if cue.start >= end:
        return _backward(line, cue, end)
    if start <= cue.start and cue.end <= end:
        return 0 if _trails(line, cue, start, end) else None
    return None


def _of_condition(line: ScopeLine, cue: ContextCue, start: int) -> bool:
    """Whether a negation is that of a condition which the piece is no part of: "repeat it if the stone is not seen"."""
    if cue.kind != "negation" or not _IF_NEAR.search(line.text, max(0, cue.start - _NEAR), cue.start):
        return False
    before = [t for t in line.tokens if t.end <= cue.start][-_CONDITION:]
    opened = next((t for t in reversed(before) if t.text in _IF), None)
    if opened is None or any(t.text in (",", ";", ".", ":") for t in before if t.start > opened.start):
        return False
    if start < opened.start:
        return True
    # Behind the condition: "if it doesn't help, we try another", with or without the comma.
    words, cues = between(line, cue.end, start)
    return any(t.text == "," for t in words) or any(c.kind == "clause" for c in cues)


def between(line: ScopeLine, low: int, high: int) -> tuple[list[Token], list[ContextCue]]:
    words = [t for t in line.tokens if t.start >= low and t.end <= high]
    return words, [c for c in line.cues if c.start >= low and c.end <= high]


def _forward(line: ScopeLine, cue: ContextCue, start: int, end: int) -> int | None:
    words, cues = between(line, cue.end, start)
    if not acts_before(line, cue):
        return None
    if any(c.kind == "any" for c in cues) or any(t.text in (";", ":", "?", "!") for t in words):
        return None
    phrase = line.text[cue.start : cue.end].casefold()
    verb = phrase in _VERBS
    if _in_brackets(line, words, start, end):
        return None
    if phrase in _ADVERBS or phrase.endswith((" not", "n't")):
        near = len(words) <= 4 and not any(t.text in (",", "–", "and", "und") for t in words)
        return len(words) if near and not any(c.kind == "clause" for c in cues) else None
    if len(words) > (4 * FAR if verb else FAR):
        return None
    joins = [t.start for t in words if t.text in (",", ".", "–", "-") or t.text in _JOIN]
    # A new clause after a comma or "and": "no fever, has cough"; after a list that "or" closed, "and" begins one, too.
    if joins and any(c.kind == "clause" and joins[0] < c.start <= start for c in line.cues):
        return None
    spoken = [t.text for t in words]
    if any(t in _LAST for t in spoken) and any(t in ("and", "und") for t in spoken[_first(spoken, _LAST) :]):
        return None
    # An affirming cue on the way ("no fever, positive for cough") or one of another kind nearer by decides instead.
    if not verb and cue.kind in ("negation", "uncertain") and any(t.text in (",", "–") for t in words):
        return len(words) if _listed(line, cue, start, end) else None
    if cue.kind in ("negation", "uncertain") and not verb and any(t.text in ("and", "und") for t in words):
        return len(words) if _bare(line, words, start, end) else None
    return len(words)


def _in_brackets(line: ScopeLine, words: list[Token], start: int, end: int) -> bool:
    """Whether a bracket with a sentence of its own opens before the piece: "no guns at home (ex-wife has one)"."""
    opened = next((t.start for t in reversed(words) if t.text in ("(", ")")), None)
    if opened is None or line.text[opened] == ")":
        return False
    return any(c.kind == "clause" and opened < c.start < end for c in line.cues)


def _first(words: list[str], wanted: frozenset[str]) -> int:
    return next(i for i, word in enumerate(words) if word in wanted)


def _listed(line: ScopeLine, cue: ContextCue, start: int, end: int) -> bool:
    """Whether commas between a determiner and the piece are those of one list that the determiner heads.

    It is one if "or" or "nor" closes it ("no edema, redness or warmth"), or if all its items are bare ("no murmurs,
    rubs, gallops").
    """
    stop = next((c.start for c in line.cues if c.kind == "any" and c.start >= end), len(line.text))
    items: list[list[Token]] = [[]]
    last = -1
    for token in line.tokens:
        if token.start < cue.end or token.start >= stop:
            continue
        if token.text in (";", ":", "."):
            break
        if token.text in (",", "–") or token.text in _LAST:
            items.append([])
            last = len(items) - 1 if token.text in _LAST else last
        else:
            items[-1].append(token)
    at = next((i for i, item in enumerate(items) if item and item[-1].end > start), len(items) - 1)
    if at <= last:
        return all(len(item) <= 5 for item in items[:last])
    return all(_plain(line, item) for item in items[1 : at + 1])


def _plain(line: ScopeLine, item: list[Token]) -> bool:
    """A bare item of a list: one or two words, nothing that says how something is ("sleep disturbed")."""
    words = [t for t in item if t.text not in _JOIN]
    if not 0 < len(words) <= 2 or any(t.text in _PLAIN_NORMAL or any(c.isdigit() for c in t.text) for t in words):
        return False
    if any(c.kind == "clause" and words[0].start <= c.start < words[-1].end for c in line.cues):
        return False
    final = line.text[words[-1].start : words[-1].end]
    german = line.german and len(words) == 2 and final[0].islower()
    return not german and not (len(words) == 2 and (final.endswith(("ed", "ent")) or final in _VERBS_FINAL))


def _bare(line: ScopeLine, words: list[Token], start: int, end: int) -> bool:
    """After "and": the piece still belongs to the determiner unless it says how something is."""
    rest = [t.text for t in line.tokens if t.start >= start and t.start < end]
    return not any(word in _PLAIN_NORMAL for word in rest)


def acts_before(line: ScopeLine, cue: ContextCue) -> bool:
    """Of a phrase that stands in both lists: whether it is about what follows it, as something does."""
    both = any(c.side == "after" and (c.start, c.end, c.kind) == (cue.start, cue.end, cue.kind) for c in line.cues)
    return not both or _versus(line, cue) or not closes(line, cue)


def _versus(line: ScopeLine, cue: ContextCue) -> bool:
    """A word that makes what stands on both its sides uncertain."""
    return line.text[cue.start : cue.end].casefold() in ("versus", "vs", "vs.")


def closes(line: ScopeLine, cue: ContextCue) -> bool:
    """Whether nothing that a cue could be about follows it in its clause."""
    following = [t for t in line.tokens if t.start >= cue.end]
    if not following or not following[0].text[0].isalnum():
        return not following or following[0].text not in ('"', "„")
    if following[0].text in _JOIN or following[0].text in _AFTER:
        return True
    if following[0].text in _PRONOUNS and line.text[cue.start : cue.end].casefold() in _VERBS:
        return False  # "denies he has ever been told so"
    return any(c.start == following[0].start and c.kind in ("any", "clause") for c in line.cues)


def _backward(line: ScopeLine, cue: ContextCue, end: int) -> int | None:
    words, cues = between(line, end, cue.start)
    both = any(c.side == "before" and (c.start, c.end, c.kind) == (cue.start, cue.end, cue.kind) for c in line.cues)
    if both and not _versus(line, cue) and not closes(line, cue):
        return None
    if any(c.kind == "any" for c in cues) or any(t.text in (";", "?", "!", ".") for t in words):
        return None
    phrase = line.text[cue.start : cue.end].casefold()
    if phrase in _LIST_AFTER:
        told = any(c.kind == "clause" or c.kind in KINDS for c in cues) or any(
            t.text in _HOW or t.text in _PLAIN_NORMAL or t.text[0].isdigit() for t in words
        )
        return len(words) if len(words) <= 4 * FAR and not (told and any(t.text == "," for t in words)) else None
    # "edema and erythema absent" is one clause; a comma, or a verb or a cue of its own after "and", parts it.
    parted = any(c.kind == "clause" or c.kind in KINDS for c in cues) and any(t.text in ("and", "und") for t in words)
    if parted or any(t.text == "," for t in words):
        return None
    return len(words) if len(words) <= BACK else None


def leads(line: ScopeLine, cue: ContextCue, start: int, end: int) -> bool:
    """Whether a cue inside the piece stands before what the piece is about: at its head, or behind a colon or verb."""
    lead, _ = between(line, start, cue.start)
    if not acts_before(line, cue) or _asks(line, cue, lead):
        return False
    tail, _ = between(line, cue.end, end)
    if not any(token.text[0].isalnum() for token in tail):
        return not any(token.text[0].isalnum() for token in lead)
    if lead and (lead[-1].text == ":" or lead[-1].text in _SHOWS):
        return True
    if all(token.text in LEAD or not token.text[0].isalnum() for token in lead):
        return True
    if cue.kind == "uncertain":
        return line.text.count("(", start, cue.start) <= line.text.count(")", start, cue.start)
    clause = any(c.kind == "clause" and c.end == lead[-1].end for c in line.cues)
    verb = lead[-1].text in LEAD and (clause or lead[-1].text in ("with", "of"))
    return verb and len(lead) <= 6 and not any(t.text in (",", ";") for t in lead)


def _asks(line: ScopeLine, cue: ContextCue, lead: list[Token]) -> bool:
    """Whether a "not" denies nothing: in an instruction ("Do not skip lunch"), or of a thought ("thoughts of not")."""
    phrase = line.text[cue.start : cue.end].casefold()
    if phrase in _ASKED and not any(t.text[0].isalnum() for t in lead):
        before = [t for t in line.tokens if t.end <= cue.start]
        return not before or not before[-1].text[0].isalnum()
    return phrase in _ADVERBS and bool(lead) and lead[-1].text in ("of", "about")


def _whole(line: ScopeLine, cue: ContextCue, end: int) -> bool:
    """Whether a negation inside the piece speaks for all that follows it there: not in "no blood, ketones 1+"."""
    if cue.kind != "negation":
        return True
    own = [c.start for c in line.cues if c.kind == "negation"]
    at, high = cue.end, end
    for token in line.tokens:
        if at <= token.start < high and token.text in (",", ";", ".", "–"):
            rest = [t for t in line.tokens if token.end <= t.start < high and t.text[0].isalnum()]
            if not rest or rest[0].start in own or any(s <= rest[0].start + 25 and s >= rest[0].start for s in own):
                continue
            phrase = line.text[cue.start : cue.end].casefold()
            if token.text != "," or (phrase not in _VERBS and not _listed(line, cue, rest[0].start, high)):
                return False
    return True


def _trails(line: ScopeLine, cue: ContextCue, start: int, end: int) -> bool:
    """Whether a cue inside the piece ends it: "fever denied", "Ödeme: keine"."""
    lead, lead_cues = between(line, start, cue.start)
    tail, _ = between(line, cue.end, end)
    if not lead:
        return not any(token.text[0].isalnum() for token in tail)
    if any(t.text[0].isalnum() and t.text not in _ADDED for t in tail) and tail[0].text not in _OPEN:
        return False
    phrase = line.text[cue.start : cue.end].casefold()
    if phrase in _LIST_AFTER:
        return True
    if any(t.text in (";", ".") for t in lead):
        return False  # the last of several clauses: "reactive; protein negative"
    if lead[-1].text in ("are", "all", "were", "sind", "waren"):
        return True
    return not any(t.text == "," for t in lead) and not any(c.kind == "any" for c in lead_cues)
