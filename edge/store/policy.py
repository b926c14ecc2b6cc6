"""How strong a new passphrase must be: twelve characters, and more guesses than a stolen file can be given.

Strength is estimated with zxcvbn (Wheeler, USENIX Security 2016): what counts is how soon a guesser would come to it,
not how many kinds of characters it has. Score 3 of 4 means over 10^8 guesses, each of which costs Argon2id here.
"""

from __future__ import annotations

import os

from edge.errors import UsageError
from edge.store.secret import Passphrase

MINIMUM_CHARACTERS = 12
MINIMUM_SCORE = 3
_JUDGED = 72  # characters that are looked at; zxcvbn's own limit


def check_strength(passphrase: Passphrase) -> None:
    """Raise UsageError with advice if passphrase is too weak.

    The estimator works on strings, so a copy stays in memory until Python reuses it; this runs only where one is set.
    """
    text = bytes(passphrase.view()).decode()
    if len(text) < MINIMUM_CHARACTERS:
        raise UsageError(
            "The passphrase is too short.",
            f"It needs {MINIMUM_CHARACTERS} characters or more.",
            "Four or five unrelated words are easy to remember and hard to guess.",
        )
    score, warning = estimate(text)
    if score < MINIMUM_SCORE:
        raise UsageError("The passphrase is too easy to guess.", warning, "Add another unrelated word or two.")


def estimate(text: str) -> tuple[int, str]:
    """Strength of a passphrase, 0 (guessed at once) to 4 (out of reach; short ones at most 1), and its fault."""
    from zxcvbn import zxcvbn

    words = ["edgescribe", "clinic", "doctor", "patient", os.environ.get("USER", "")]
    result = zxcvbn(text[:_JUDGED], user_inputs=[word for word in words if word])
    warning = str(result["feedback"]["warning"] or "It follows a pattern that guessers try early.").rstrip(".") + "."
    score = int(result["score"])
    return (score if len(text) >= MINIMUM_CHARACTERS else min(score, 1)), warning
