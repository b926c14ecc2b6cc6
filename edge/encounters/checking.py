"""A note held against its conversation, for every door: which finder of facts is used, and the result as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge import paths
from edge.contract.bundle import verify_bundle
from edge.contract.document import Document
from edge.contract.note import EncounterNote
from edge.engine.base import EngineInfo
from edge.errors import BundleError, InputError
from edge.evidence.judging import PairJudge
from edge.evidence.review import FactFinder, Review, review, review_sections
from edge.reading.conversation import parse
from edge.tagging.facts import TASK, find_facts
from edge.tagging.installed import tagger_folder
from edge.tagging.onnx import load_verdicts, open_tagger
from edge.tagging.verdicts import STATEMENT

__all__ = ["Checker", "Review"]


@dataclass(frozen=True)
class Checker:
    """Checks notes; holds the loaded finder of facts, if there is one. finder None: nothing is said about omissions.

    lacking: why there is none, in a sentence or two. judge: of pairs; None: the rules alone.
    """

    finder: FactFinder | None = None
    lacking: str = ""
    info: EngineInfo | None = None  # of the tagger that finds facts
    judge: PairJudge | None = None

    @classmethod
    def open(cls, tagger: str | None = None, allow_unsigned: bool = False, threads: int = 0) -> Checker:
        """With the tagger bundle of that name or folder, or the installed one; without any, a checker that lists no
        facts. Raises BundleError for one that is named and not there, or that is named and cannot be trusted.
        """
        judge = _judge(allow_unsigned, threads)
        try:
            folder = tagger_folder(TASK, paths.bundle_dirs(), tagger)
        except BundleError:
            if tagger is not None:
                raise
            return cls(lacking="No tagger is installed.", judge=judge)
        try:
            bundle = verify_bundle(folder, require_signature=not allow_unsigned)
            return cls(partial(find_facts, open_tagger(bundle, threads)), info=EngineInfo.of(bundle), judge=judge)
        except BundleError as error:  # it lies there and is not trusted, or damaged: a note is written all the same
            if tagger is not None:
                raise
            return cls(lacking=f"The tagger {folder.name} is not used. {error}", judge=judge)

    def check(self, note: Document, source: Document) -> Review:
        """Check a note that is plain text. Raises InputError (see edge.evidence.review)."""
        return review(note.text, parse(source.text), self.finder, self.judge)

    def check_written(self, note: EncounterNote, source: Document) -> tuple[EncounterNote, Review | None]:
        """Check a note that was just written; one without text, or over the limits, stays without a review."""
        if not note.written:
            return note, None
        try:
            return review_sections(note, parse(source.text), self.finder, self.judge)
        except InputError:
            return note, None


def _judge(allow_unsigned: bool, threads: int) -> PairJudge | None:
    """The installed judge of pairs, if there is one that is trusted."""
    try:
        folder = tagger_folder(STATEMENT, paths.bundle_dirs())
        return load_verdicts(folder, allow_unsigned=allow_unsigned, threads=threads)
    except BundleError:
        return None


def facts_folder() -> Path | None:
    """Folder of the installed tagger that finds facts, trusted or not."""
    return _installed(TASK)


def judge_folder() -> Path | None:
    """Folder of the installed judge of pairs, a second vote on denials; trusted or not."""
    return _installed(STATEMENT)


def _installed(task: str) -> Path | None:
    try:
        return tagger_folder(task, paths.bundle_dirs(), None)
    except BundleError:
        return None
