"""Whether anything was said that a note could be about: marks, stock phrases on silence and greetings are nothing.

A language model writes a whole patient about silence. This asks for words beyond a closed list, not for clinical words:
a list of those could miss what a patient says, in any language, and a real visit must never be turned away.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources

from edge.contract.transcript import Transcript, Turn
from edge.errors import InputError
from edge.reading import vocabulary
from edge.reading.conversation import parse
from edge.reading.scan import Checkpoint, go_on

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_GREETED = {
    "hello",
    "hi",
    "hey",
    "morning",
    "afternoon",
    "evening",
    "hallo",
    "morgen",
    "tag",
    "hola",
    "bonjour",
    "dear",
}
_TITLES = {
    "mr",
    "mrs",
    "ms",
    "miss",
    "dr",
    "doctor",
    "prof",
    "herr",
    "herrn",
    "frau",
    "señor",
    "señora",
    "madame",
    "monsieur",
}
_PAIRS = {"[": "]", "(": ")", "*": "*", "<": ">", "{": "}"}
_MARK = 60  # characters of a mark in brackets
_ENOUGH = 5_000  # characters of other words that settle it


@lru_cache(maxsize=1)
def _lists() -> tuple[tuple[str, ...], frozenset[str]]:
    read = tomllib.loads(resources.files("edge.reading").joinpath("substance.toml").read_text("utf-8"))
    phrases = sorted({" ".join(_words(phrase)) for phrase in read["phrases"]}, key=len, reverse=True)
    return tuple(phrases), frozenset(word.casefold().replace("'", "") for word in read["words"].split())


def visit(text: str, checkpoint: Checkpoint = go_on) -> Transcript:
    """The conversation of a text that a note can be written about. Raises InputError (see parse, refuse_nothing)."""
    transcript = parse(text, checkpoint)
    refuse_nothing(transcript.turns)
    return transcript


def refuse_nothing(turns: Iterable[Turn]) -> None:
    """Raises InputError if the turns hold nothing but marks of a recogniser, stock phrases and greetings."""
    if not says_something(turn.text for turn in turns):
        raise InputError(
            "There is nothing in this conversation to write a note about.",
            "It holds only a recogniser's marks, phrases that recognisers write on silence, or a greeting.",
            "Listen to the recording, or give the rest of the conversation.",
        )


def says_something(spoken: Iterable[str]) -> bool:
    """True if the words of these turns go beyond marks, stock phrases and greetings."""
    phrases, small = _lists()
    for text in spoken:
        words = _words(_without_names(_without_marks(text[:_ENOUGH])))
        joined = f" {' '.join(words)} "
        if any(word not in small for word in words):
            for phrase in phrases:
                joined = joined.replace(phrase, " ") if not phrase.isascii() else joined.replace(f" {phrase} ", "  ")
            if any(word not in small and not _is_link(word) for word in joined.split()):
                return True
        if len(text) > _ENOUGH:
            return True
    return False


def _words(text: str) -> list[str]:
    return [word.casefold().replace("’", "").replace("'", "") for word in _WORD.findall(text)]


def _is_link(word: str) -> bool:
    return word in {"com", "org", "de", "https", "http"} or (
        word.isdecimal() and word.startswith(("19", "20")) and len(word) == 4
    )


def _without_marks(text: str) -> str:
    """Text without marks in brackets: "[BLANK_AUDIO]", "(upbeat music)", "*coughs*", "♪ … ♪"."""
    kept, at = [], 0
    while at < len(text):
        closing = _PAIRS.get(text[at])
        end = text.find(closing, at + 1, at + _MARK) if closing else -1
        if end > 0 and (vocabulary.is_sound(text[at + 1 : end]) or not any(c.isalnum() for c in text[at + 1 : end])):
            at = end + 1
            kept.append(" ")
        else:
            kept.append(text[at])
            at += 1
    return "".join(kept)


def _without_names(text: str) -> str:
    """Text without the name after a greeting or a title: "Hello Peter", "Mr. Bell"."""
    words = text.split()
    kept = []
    for number, word in enumerate(words):
        before = words[number - 1].strip(".,!?").casefold() if number else ""
        titled = before in _TITLES or (before in _GREETED and words[number - 1][-1:] not in ".!?")
        kept.append("" if titled and word[:1].isupper() and word.casefold().strip(".,!?") not in _TITLES else word)
    return " ".join(kept)
