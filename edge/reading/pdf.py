"""Text of a PDF that has text (ISO 32000). A scan has none, and is refused by name.

pypdf is pure Python and bounds what a stream unpacks to; pages and time are bounded here, between operators.
"""

from __future__ import annotations

import io
import logging
import time
from typing import Any

from edge.errors import InputError
from edge.reading.scan import Checkpoint, go_on

MAX_PAGES = 500
MAX_SECONDS = 60.0
_OPERATORS = 500  # between two looks at the clock


class _TooLong(Exception):
    """The time for this file is over."""


def pdf_text(raw: bytes, name: str, checkpoint: Checkpoint = go_on) -> str:
    """The text of a PDF, page by page. Raises InputError for one that is locked, damaged, huge, slow or has no text."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its remarks quote the file
    until = time.monotonic() + MAX_SECONDS
    count = 0

    def look(*_: Any) -> None:
        nonlocal count
        count += 1
        if count % _OPERATORS == 1:
            checkpoint()
            if time.monotonic() > until:
                raise _TooLong

    try:
        file = PdfReader(io.BytesIO(raw), strict=False)
        if file.is_encrypted:
            raise InputError(f"{name} is locked with a password.", "", "Save it without one.")
        if len(file.pages) > MAX_PAGES:
            raise InputError(f"{name} has more than {MAX_PAGES} pages.", "", "Split it.")
        pages = []
        for page in file.pages:
            look()
            pages.append(page.extract_text(visitor_operand_before=look))
    except _TooLong:
        raise InputError(
            f"{name} takes too long to read.", f"More than {MAX_SECONDS:.0f} s.", "Save it as text."
        ) from None
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, ArithmeticError):
        # What a damaged file makes pypdf raise; the text of such an error may quote the file.
        raise InputError(f"{name} is a damaged PDF.", "", "Save it again, or as plain text.") from None
    text = "\n".join(pages)
    if not text.strip():
        raise InputError(
            f"{name} is a PDF without text.", "It is a scan or a picture.", "Give the text, or a PDF made from text."
        )
    return text
