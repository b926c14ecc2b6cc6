"""What works on an encounter without a language model, opened when it is first asked for: the check of a note, and the
tagger of fields.

One of these lives in one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from edge.contract.codes import Codes
from edge.contract.document import Document
from edge.contract.note import EncounterNote
from edge.contract.origin import Origin
from edge.encounters import coding
from edge.encounters.checking import Checker
from edge.encounters.extracting import Extractor, Wish
from edge.encounters.reviewing import Heard, NoteReview, review
from edge.encounters.writing import Extraction, ExtractionFinished
from edge.errors import BundleError
from edge.terminology.catalogue import Catalogue, Code


class Tools:
    """allow_unsigned: also bundles that no known key signed. checker: gives what checks notes, if another thread has it
    too; not used where unsigned bundles are allowed."""

    def __init__(self, allow_unsigned: bool = False, checker: Callable[[], Checker] | None = None) -> None:
        self._unsigned, self._shared = allow_unsigned, checker

    @cached_property
    def checker(self) -> Checker:
        """What checks notes, with the installed finder of facts, if there is one."""
        if self._shared is not None and not self._unsigned:
            return self._shared()
        return Checker.open(allow_unsigned=self._unsigned)

    @cached_property
    def extractor(self) -> Extractor | None:
        """The installed tagger of fields, if there is one that can be used."""
        try:
            return Extractor.open(Wish("tagger", None, self._unsigned))
        except BundleError:
            return None

    def fields(self, report: Document) -> tuple[Extraction, Origin] | None:
        """Fields of a report by the tagger, and where they come from; None without one. Raises InputError."""
        if self.extractor is None:
            return None
        for event in self.extractor.extract(report):
            if isinstance(event, ExtractionFinished):
                return event.extraction, self.extractor.origin(report, event.extraction)
        return None

    @cached_property
    def catalogue(self) -> Catalogue:
        """The classification. Raises CatalogueError."""
        return coding.catalogue()

    @cached_property
    def coder(self) -> coding.Coder:
        """What finds candidate codes."""
        return coding.coder(self.catalogue)

    def codes(self, note: str) -> Codes:
        """Candidate codes of a note's text. Raises CatalogueError."""
        return coding.find(self.coder, note)

    def search(self, words: str) -> list[Code]:
        """Billable entries for words or a code, best first. Raises UsageError, CatalogueError."""
        return coding.search(self.catalogue, words)

    def review(self, note: EncounterNote, conversation: str, heard: Heard | None = None) -> NoteReview:
        """Check a note. heard: the conversation as it was read before, if it is the same one."""
        return review(self.checker, note, conversation, heard)
