"""What a model writes: an open bundle, what can be asked of it, and where each result comes from.

The only place that joins documents, engine and tasks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge import paths
from edge.clinical.language import language, language_code
from edge.composing import mending
from edge.composing.notes import FORMS as COMPOSED
from edge.composing.notes import as_note, takes_facts
from edge.contract import choice
from edge.contract import document as documents
from edge.contract.bundle import ProgressFn, find_bundle, list_bundles
from edge.contract.document import Document
from edge.contract.events import TaskEvent
from edge.contract.fields import FieldEntry
from edge.contract.origin import Origin
from edge.contract.prompts import PROMPT_VERSION, Prompt
from edge.contract.templates import SectionSpec, Template
from edge.encounters import templates
from edge.encounters.checking import Checker
from edge.engine.base import Engine, EngineInfo
from edge.engine.loader import DeferredEngine, NoEngine, load_engine
from edge.engine.repeats import DECODING
from edge.engine.threads import usable_cores
from edge.errors import BundleError, EdgescribeError, UsageError
from edge.reading import encoding, files, roles, substance
from edge.reading.files import ReadFile
from edge.tasks.extract import Extraction, ExtractionFinished, elmtex, extract_fields, locate_all
from edge.tasks.note import Note, NoteFinished, fits, reading_prompt, write_note
from edge.text import one_line, sanitise

__all__ = [
    "Engine",
    "EngineInfo",
    "Extraction",
    "ExtractionFinished",
    "Note",
    "NoteFinished",
    "ReadFile",
    "Scribe",
    "about_someone",
    "elmtex",
    "origin",
    "place",
    "read_document",
    "read_file",
    "read_together",
    "speaker_names",
]

AUTOMATIC, WHOLE, FACTS = "auto", "whole", "facts"
FORMS = (AUTOMATIC, WHOLE, *COMPOSED)  # what a note is made of
_WISH = 500  # characters of a wish


def read_document(path: str) -> Document:
    """Read a plain text as it is, from a path, or from standard input for "-". Raises InputError."""
    raw, name = _bytes_of(path)
    documents.refuse_unreadable(raw, name)
    return documents.from_text(encoding.decode(raw, name).text, name)


def read_file(path: str, kind: files.InputKind | None = None, speakers: dict[str, str] | None = None) -> ReadFile:
    """What the program makes of a file, or of standard input for "-" (see edge.reading.files.read)."""
    return files.read(*_bytes_of(path), kind, speakers)


def read_together(paths_: Sequence[str], speakers: dict[str, str] | None = None) -> ReadFile:
    """One conversation of several files with times, a speaker each (see edge.reading.files.read_together)."""
    return files.read_together([_bytes_of(path) for path in paths_], speakers)


def about_someone(reading: ReadFile) -> ReadFile:
    """The reading of a conversation that a note can be written about. Raises InputError if nothing was said in it."""
    substance.refuse_nothing(reading.turns)
    return reading


def speaker_names(words: Sequence[str]) -> dict[str, str]:
    """{"SPEAKER_00": "Doctor"} of ["SPEAKER_00=Doctor"]. Raises UsageError for another shape."""
    return roles.pairs(words)


def _bytes_of(path: str) -> tuple[bytes, str]:
    if path == "-":
        return sys.stdin.buffer.read(documents.MAX_BYTES + 1), "standard input"
    return documents.read_bytes(Path(path)), path


def chosen_bundle(name: str | None) -> tuple[Path, str]:
    """Folder of the bundle that writes, and why it was chosen, "" if it was named. Raises BundleError."""
    if name is not None:
        return find_bundle(name, paths.bundle_dirs()), ""
    found = list_bundles(paths.bundle_dirs())
    if not found:
        raise BundleError(
            "There is no model bundle on this machine.",
            f"Looked in {', '.join(str(d) for d in paths.bundle_dirs())}.",
            "Run `make demo` in a source checkout, or `edgescribe bundle install FILE.tar`.",
        )
    best = choice.choose(found, choice.memory_bytes())
    return best.found.folder, best.why


def carries() -> str:
    """What size of model this machine can carry, as a sentence."""
    return choice.carries(choice.memory_bytes(), usable_cores())


@dataclass
class Scribe:
    """An open bundle and what can be asked of it. Close it, or use it as a context manager."""

    engine: Engine
    why: str = ""  # this model writes, where nobody named one
    form: str = AUTOMATIC  # of FORMS: what its notes are made of
    checker: Checker | None = None  # finds facts; the installed one if it is not given
    threads: int = 0  # of each model; 0 for what this process may use
    open_checker: Callable[[], Checker] | None = None  # gives it, where another thread has it too

    @classmethod
    def open(
        cls,
        bundle: str | None,
        progress: ProgressFn | None = None,
        allow_unsigned: bool = False,
        threads: int = 0,
        form: str = AUTOMATIC,
    ) -> Scribe:
        """Verify and load a bundle; one that no pinned key signed only if allowed. Raises BundleError, EngineError."""
        folder, why = chosen_bundle(bundle)
        engine = load_engine(folder, progress, allow_unsigned=allow_unsigned, threads=threads)
        return cls(engine, why, form, threads=threads)

    @classmethod
    def without_model(cls, why: EdgescribeError, checker: Checker | None = None) -> Scribe:
        """A scribe of notes from facts alone, where no model can be opened: whatever needs one raises why.

        checker: what finds facts, if it is open already. Raises why itself where no tagger finds facts either.
        """
        checker = checker or Checker.open()
        if checker.finder is None or checker.info is None:
            raise why
        info = replace(checker.info, prompt_version=PROMPT_VERSION, prompt_format="chatml")  # asked before it is told
        return cls(NoEngine(info, why), form=AUTOMATIC, checker=checker)

    @classmethod
    def deferred(cls, opener: Callable[[], Engine], form: str, threads: int = 0) -> Scribe:
        """A scribe whose model is opened when it is first asked for: a note made from facts needs none."""
        return cls(DeferredEngine(opener), form=form, threads=threads)

    def __enter__(self) -> Scribe:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()

    def note(self, document: Document, template: str = "visit") -> Iterator[TaskEvent | NoteFinished]:
        """Write a note about a conversation (see edge.tasks.note.write_note). Raises InputError, UsageError."""
        return self.sections(document.text, templates.get(template))

    def sections(self, conversation: str, chosen: Template, form: str = "") -> Iterator[TaskEvent | NoteFinished]:
        """Write the sections of a template about a conversation, in a form, or in this scribe's own.

        Raises as edge.tasks.note.write_note, BundleError for a form that needs a tagger where there is none.
        """
        visit = substance.visit(conversation)
        form = self.form_of(chosen, conversation, form)
        if form == WHOLE:
            mends = any(spec.contradicted for spec in chosen.sections)
            return mending.whole(self.engine, visit, chosen) if mends else write_note(self.engine, visit, chosen)
        finder = self.facts_finder()
        assert finder.finder is not None
        assert finder.info is not None
        return as_note(self.engine, visit, finder.finder, form, chosen, finder.info)

    def form_of(self, chosen: Template, conversation: str, form: str = "") -> str:
        """What a note is made of. Automatic: of facts, where a trusted tagger is there, the language is one that it
        knows, and the template's sections are those that facts are sorted into; else of the whole visit.

        Raises BundleError for a named form without a tagger, UsageError for one that does not go with the template.
        """
        wanted = form or self.form
        if wanted == WHOLE:
            return WHOLE
        if not takes_facts(chosen):
            if wanted == AUTOMATIC:
                return WHOLE
            raise UsageError(
                f"The template {chosen.name!r} has sections that facts are not sorted into.",
                f"A note of the form {wanted!r} is made from facts.",
                "Use the template visit or sections, or the form whole.",
            )
        finder = self.facts_finder()
        if wanted != AUTOMATIC:
            if finder.finder is None:
                raise BundleError(
                    "There is no tagger on this machine to find facts.",
                    f"A note of the form {wanted!r} is made from facts. {finder.lacking}".strip(),
                    "Install a tagger bundle, or leave --form out.",
                )
            return wanted
        known = language(conversation) != "other"
        return FACTS if finder.finder is not None and known else WHOLE

    def read_ahead(self, conversation: str, chosen: Template, form: str = "") -> None:
        """Begin to read a conversation that may still grow, if its note will be written by the model as a whole, and
        return at once. Called again it goes on from what both texts have in common; sections() ends it and goes on
        from it. An engine that can't do so reads nothing. Raises InputError for a text without a turn.
        """
        begin: Callable[[Prompt], None] | None = getattr(self.engine, "read_ahead", None)
        if begin is not None:
            visit = substance.visit(conversation)
            if self.form_of(chosen, conversation, form) == WHOLE:
                begin(reading_prompt(self.engine.info, visit))

    def facts_finder(self) -> Checker:
        """What finds facts, opened when it is first asked for."""
        if self.checker is None:
            self.checker = self.open_checker() if self.open_checker else Checker.open(None, False, self.threads)
        return self.checker

    def rewrite(
        self, conversation: str, spec: SectionSpec, current: str, wish: str
    ) -> Iterator[TaskEvent | NoteFinished]:
        """Write one section anew. wish: what to change about current, in plain words; empty: simply again.

        From parts of a long conversation it is written with the wish alone: the whole section belongs to no part.
        """
        transcript = substance.visit(conversation)
        change, whole = f"with this change: {one_line(wish, _WISH)}", sanitise(current).strip()
        asked = spec.instruction
        if wish.strip():
            asked += f"\n\nThis is the section as it stands:\n{whole}\n\nWrite it again {change}"
        template = Template("rewrite", spec.title, (replace(spec, instruction=asked),))
        if wish.strip() and not fits(self.engine, transcript, template):
            short = replace(spec, instruction=f"{spec.instruction}\n\nWrite it {change}")
            template = replace(template, sections=(short,))
        return write_note(self.engine, transcript, template)

    def extract(self, document: Document) -> Iterator[Any]:
        """Extract the 15 fields of a report (see edge.tasks.extract.extract_fields)."""
        return extract_fields(self.engine, document.text)


def origin(info: EngineInfo, source: Document, result: Note | Extraction | None) -> Origin:
    """Where a result comes from; None: of an answer that broke off (incomplete). The first and last turn (from 1) of
    each part of a long conversation stand under "parts", by section."""
    if isinstance(result, Note) and result.writer is not None:
        info = result.writer
    parts = result.parts if isinstance(result, Note) else {}
    seams = {key: [[first + 1, last + 1] for first, last in found] for key, found in parts.items()}
    parameters = dict(result.parameters) if isinstance(result, Note) else {}
    parameters |= {"parts": seams} if seams else {}
    return Origin(
        bundle=info.bundle,
        bundle_sha256=info.bundle_sha256,
        prompt_version=info.prompt_version,
        source_sha256=source.sha256,
        parameters={**DECODING, **parameters},
        prompt_tokens=result.prompt_tokens if result else 0,
        generated_tokens=result.generated_tokens if result else 0,
        seconds=round(result.seconds, 3) if result else 0.0,
        incomplete=result.incomplete if result else True,
    )


_LANGUAGES = {
    "en": "English", "de": "German", "nl": "Dutch", "fr": "French", "es": "Spanish", "it": "Italian",
    "pt": "Portuguese", "pl": "Polish", "sv": "Swedish", "tr": "Turkish", "ru": "Russian", "uk": "Ukrainian",
    "ar": "Arabic", "he": "Hebrew", "el": "Greek", "hi": "Hindi", "th": "Thai", "ja": "Japanese", "ko": "Korean",
    "zh": "Chinese",
}  # fmt: skip


def foreign_language(info: EngineInfo, text: str) -> str:
    """What must be said of a conversation in a language that the bundle was not trained to write in; else ""."""
    found = language_code(text)
    if not found or found in info.languages:
        return ""
    trained = ", ".join(_LANGUAGES.get(code, code) for code in info.languages)
    spoken = _LANGUAGES.get(found, "another language")
    return (
        f"The conversation is in {spoken}; {info.bundle} was trained to write notes in {trained}. "
        "The note may mix languages and miss what was said: check every sentence."
    )


def place(texts: Sequence[str], basis: str) -> list[FieldEntry]:
    """Where phrases stand in a text (see edge.tasks.extract.locate_all)."""
    return locate_all(list(texts), basis)
