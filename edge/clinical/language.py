"""Which language a document is in: English, German, or another that the rules and models do not know.

Counts the commonest function words of each (a closed class, so a clinic's jargon does not move it).
"""

from __future__ import annotations

import re
from typing import Literal

from edge.clinical.words import words as _set

Language = Literal["en", "de", ""]
SAMPLE = 40_000  # characters looked at
MIN_WORDS = 12  # below it nothing can be said
_WORD = re.compile(r"[^\W\d_]+")
_WORDS = {
    "en": _set(
        "the of and to in is was with for on he she his her has had no not are were at by from that this be as an or ",
        "which patient history denies right left daily pain normal you i it my do have so ",
        "what your me we if but okay any",
    ),
    "de": _set(
        "der die das und des dem den im mit bei in von zu ist war wurde keine kein nicht seit auf eine einer ein am ",
        "für sich nach wir er sie es patient patientin links rechts befund vater mutter bds zum zur ohne vom ich ",
        "haben ",
        "habe ihnen mir was wie ja nein aber auch dann noch",
    ),
    # Near relatives and the commonest others, so that they are told apart and not taken for one of the two.
    "nl": _set(
        "de het een en van is niet met voor op zijn aan dat ook bij geen werd naar uit patiënt",
    ),
    "fr": _set(
        "le la les des et une un du est dans pour avec sur par pas au aux qui elle il ne patient je vous j'ai mon oui",
    ),
    "es": _set(
        "el la los las de y en un una con por para del se no su paciente que al es me he tengo le qué usted muy sí",
    ),
    "it": _set(
        "il la di e in un una con per del della non che è le gli dei paziente si al",
    ),
    "pt": _set(
        "o a os as de e em um uma com por para do da não que se no na paciente",
    ),
    "pl": _set(
        "w i z na do nie się jest od po dla o przez bez oraz pacjent pacjentka",
    ),
    "sv": _set(
        "och i att det som en på är av för med till den har inte ett patienten",
    ),
    "tr": _set(
        "ve bir bu ile için de da olarak olan çok daha hasta yok var",
    ),
}


_SCRIPTS = (
    (0x370, 0x3FF, "el"), (0x400, 0x52F, "ru"), (0x590, 0x5FF, "he"), (0x600, 0x6FF, "ar"), (0x900, 0x97F, "hi"),
    (0xE00, 0xE7F, "th"), (0x3040, 0x30FF, "ja"), (0xAC00, 0xD7AF, "ko"), (0x4E00, 0x9FFF, "zh"),
)  # fmt: skip
_UKRAINIAN = frozenset("іїєґ")


def language(text: str) -> Language | Literal["other"]:
    """ "en" or "de"; "other" where the words are of neither; "" where there are too few to tell (a table, a list)."""
    code = language_code(text)
    return "en" if code == "en" else "de" if code == "de" else "other" if code else ""


def language_code(text: str) -> str:
    """ISO 639-1 code of the language of a text; "" where there are too few words to tell (a table, a list)."""
    words = [word.casefold() for word in _WORD.findall(text[:SAMPLE])]
    letters = "".join(words)
    foreign = [c for c in letters if ord(c) > 0x24F]
    if len(foreign) * 2 > len(letters) > 0:
        return _by_script(foreign)
    if len(words) < MIN_WORDS:
        return ""
    shares = {name: sum(word in known for word in words) / len(words) for name, known in _WORDS.items()}
    best = max(shares, key=lambda name: shares[name])
    if shares[best] < 0.04:
        return ""
    # A telegraphic report has few function words: another language must be clearly ahead.
    own = max(shares["en"], shares["de"])
    if best not in ("en", "de") and shares[best] > 1.5 * own and shares[best] > 0.08:
        return best
    return "en" if shares["en"] >= shares["de"] else "de"


def _by_script(letters: list[str]) -> str:
    """The commonest language of a script; Japanese wherever there are kana, Ukrainian by its own letters."""
    seen = {code for c in letters[:2_000] for low, high, code in _SCRIPTS if low <= ord(c) <= high}
    if "ru" in seen and _UKRAINIAN & set(letters):
        return "uk"
    return next((code for code in ("ja", "ko", "zh", "ru", "ar", "he", "el", "hi", "th") if code in seen), "other")


_COMMA, _POINT = re.compile(r"\d,\d{1,2}(?!\d)"), re.compile(r"\d\.\d{1,2}(?![.\d])")


def is_german(text: str) -> bool:
    """Whether the rules for German serve: its words say so, or without words (a table) its decimal commas."""
    found = language(text)
    if found in ("en", "de"):
        return found == "de"
    head = text[:SAMPLE]
    words = [word.casefold() for word in _WORD.findall(head)]
    german = sum(word in _WORDS["de"] or any(c in "äöüß" for c in word) for word in words)
    english = sum(word in _WORDS["en"] for word in words)
    if german != english:
        return german > english
    return len(_COMMA.findall(head)) > len(_POINT.findall(head))
