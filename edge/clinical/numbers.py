"""Numbers as clinical documents write them: 14.870 and 2,31 in German, 4,860 and 2.31 in English."""

from __future__ import annotations

import re

NUMBER = r"[-−+]?\d{1,3}(?:[.,]\d{3})+(?:[.,]\d+)?(?!\d)|[-−+]?\d+(?:[.,]\d+)?"
_GROUPED_DE = re.compile(r"[-−+]?\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_GROUPED_EN = re.compile(r"[-−+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def parse(text: str, german: bool) -> float | None:
    """The value of a number as written; None if it is none. german: what "1.234" and "1,234" mean depends on it."""
    text = text.strip().replace("−", "-")
    if german and _GROUPED_DE.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    elif not german and _GROUPED_EN.fullmatch(text):
        text = text.replace(",", "")
    else:
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None
