"""What the program makes of a file before any model sees it: one function for every format, one shape for all.

A conversation's text is a labelled line a turn, whatever the file was, so its turns, offsets and digest are the same
from every format. A report's text is what a person would read of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, Literal

from edge.clinical.language import language_code
from edge.contract import document as documents
from edge.contract.document import Document
from edge.contract.transcript import Turn
from edge.errors import InputError
from edge.reading import (
    captions,
    collapse,
    conversation,
    encoding,
    forms,
    kinds,
    markup,
    office,
    pdf,
    roles,
    service,
    tables,
    textgrid,
    vocabulary,
)  # fmt: skip
from edge.reading.captions import Cue
from edge.reading.scan import Checkpoint, go_on, refuse_lines
from edge.text import one_line, sanitise

InputKind = Literal["conversation", "report"]
_NO_TALK = "This reads as a report, not as a conversation: `edgescribe extract` is made for reports."
_TURN_MARK = "[SPEAKER_TURN]"  # of whisper.cpp's tinydiarize, at the end of a line


@dataclass(frozen=True)
class ReadFile:
    """A file as read. Offsets of turns are code points of text; a report has no turns.

    encoding: of the bytes, "" where the format has its own. language: ISO 639-1, "" where it can't be told.
    warnings: what a person must know before trusting it, without a word of the text.
    """

    name: str
    kind: InputKind
    format: str
    encoding: str
    language: str
    text: str = field(repr=False)
    turns: tuple[Turn, ...] = field(default=(), repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def document(self) -> Document:
        """The text as a document."""
        return documents.from_text(self.text, self.name)

    def as_json(self) -> dict[str, Any]:
        """{"file", "kind", "format", "encoding", "language", "text", "turns", "warnings"}."""
        turns = [
            {"speaker": t.speaker, "text": t.text, "start": t.start, "end": t.end, "seconds": t.seconds}
            for t in self.turns
        ]
        return {
            "file": self.name,
            "kind": self.kind,
            "format": self.format,
            "encoding": self.encoding,
            "language": self.language,
            "text": self.text,
            "turns": turns,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class _Content:
    """What a format gives: cues of a conversation, or text. Exactly one of the two is not None."""

    format: str
    cues: list[Cue] | None = None
    text: str | None = None
    warnings: tuple[str, ...] = ()


def read(
    raw: bytes,
    name: str,
    kind: InputKind | None = None,
    speakers: dict[str, str] | None = None,
    checkpoint: Checkpoint = go_on,
) -> ReadFile:
    """Read a file. kind: what it must be, None to find out. speakers: names to give, by the names that are found.

    Raises InputError for what cannot be read, naming what it is; UsageError for a speaker that there is not.
    """
    decoded, content = _content(raw, name, checkpoint)
    reading = ReadFile(
        one_line(name, 200), "report", content.format, decoded.encoding, "", "",
        warnings=(*decoded.warnings, *content.warnings),
    )  # fmt: skip
    if content.cues is not None:
        cues = conversation.of_cues(content.cues)
        return _as_conversation(reading, collapse.joined(_unrolled(cues)), speakers)
    text = content.text or ""
    if kind == "report":
        return _as_report(reading, text)
    try:
        turns = conversation.from_lines(text, checkpoint)
    except InputError:
        if kind == "conversation":
            raise
        return _as_report(reading, text)
    if kind == "conversation" or kinds.is_conversation(text, turns):
        remarks = () if kind is None or kinds.is_conversation(text, turns) else (_NO_TALK,)
        turns, title = service.without_title(turns)
        reading = replace(reading, warnings=(*reading.warnings, *remarks, *title))
        return _as_conversation(reading, [Cue(t.speaker, t.text, t.seconds) for t in turns], speakers)
    return _as_report(reading, text)


def read_together(
    files: Sequence[tuple[bytes, str]], speakers: dict[str, str] | None = None, checkpoint: Checkpoint = go_on
) -> ReadFile:
    """One conversation of several files, a speaker each, merged by time. Raises InputError where times are missing."""
    cues: list[Cue] = []
    warnings: list[str] = []
    first: ReadFile | None = None
    for raw, name in files:
        decoded, content = _content(raw, name, checkpoint)
        spoken = conversation.of_cues(content.cues or [])
        if not spoken or any(cue.begin is None for cue in spoken):
            raise InputError(
                f"{one_line(name, 200)} has no times.",
                "Only files with times are merged.",
                "Give captions or TextGrids.",
            )
        label = conversation.speaker_of(_speaker_in(name))
        cues += [replace(cue, speaker=cue.speaker or label) for cue in _unrolled(spoken)]
        warnings += [*decoded.warnings, *content.warnings]
        shown = ", ".join(one_line(PurePath(other).name, 100) for _, other in files)
        first = first or ReadFile(shown, "conversation", content.format, decoded.encoding, "", "")
    if first is None:
        raise InputError("There is no file to read.")
    merged = sorted(cues, key=lambda cue: cue.begin or 0.0)
    return _as_conversation(replace(first, warnings=tuple(warnings)), merged, speakers)


def _speaker_in(name: str) -> str:
    """The part of a file's name that says who speaks: "day1_consultation01_doctor.TextGrid"."""
    stem = PurePath(name).stem
    words = stem.replace("-", "_").replace(" ", "_").replace(".", "_").split("_")
    known = [word for word in words if conversation.speaker_of(word) != word or word in ("Doctor", "Patient")]
    return known[-1] if known and len(known[-1]) > 2 else stem


def _unrolled(cues: list[Cue]) -> list[Cue]:
    return collapse.rolled(cues)[0]


# -- bytes to content --------------------------------------------------------------------------------------------------


def _content(raw: bytes, name: str, checkpoint: Checkpoint) -> tuple[encoding.Decoded, _Content]:
    name = one_line(name, 200)
    documents.refuse_unreadable(raw, name)
    if raw.startswith(b"PK\x03\x04"):
        form, text = office.office_text(raw, name, checkpoint)
        return encoding.Decoded("", "utf-8"), _Content(form, text=_safe(text, name))
    if raw.startswith(b"{\\rtf"):
        return encoding.Decoded("", ""), _Content("rtf", text=_safe(office.rtf_text(raw, name, checkpoint), name))
    if raw[:1_024].lstrip().startswith(b"%PDF"):
        return encoding.Decoded("", ""), _Content("pdf", text=_safe(pdf.pdf_text(raw, name, checkpoint), name))
    decoded = encoding.decode(raw, name)
    return decoded, _of_text(_safe(decoded.text, name), name, checkpoint)


def _safe(text: str, name: str) -> str:
    return documents.from_text(text, name).text


def _of_text(text: str, name: str, checkpoint: Checkpoint) -> _Content:
    """What a text is by its first lines."""
    if textgrid.is_textgrid(text):
        return _Content("textgrid", textgrid.read_textgrid(text, checkpoint))
    if captions.is_webvtt(text) or captions.is_subrip(text):
        form = "webvtt" if captions.is_webvtt(text) else "srt"
        return _Content(form, captions.read_captions(text, checkpoint))
    if forms.is_json(text) and (value := forms.load(text)) is not None:
        return _of_json(value, name)
    if separator := tables.separator_of(text):
        return _Content("tsv" if separator == "\t" else "csv", tables.read_table(text, checkpoint))
    if markup.is_hl7(text):
        return _Content("hl7v2", text=markup.hl7_text(text, name, checkpoint))
    if markup.is_cda(text):
        return _Content("cda", text=sanitise(markup.cda_text(text, name, checkpoint)))
    if markup.is_html(text):
        return _Content("html", text=sanitise(markup.html_text(text, checkpoint)))
    if markup.is_xml(text):
        raise InputError(f"{name} is XML of a kind that is not known here.", "", "Export the report as text or PDF.")
    plain, count = service.without_lines(service.with_clocks(text.replace(_TURN_MARK, "")))
    return _Content("text", text=plain, warnings=(service.remark(count),) if count else ())


def _of_json(value: Any, name: str) -> _Content:
    spoken = forms.read_json(value)
    if spoken is None:
        raise InputError(
            f"{name} is JSON, and nothing in it is known as speech.", "", "Export the transcript as text or captions."
        )
    warnings = (f"The recogniser itself doubts {spoken.unsure:,} words.",) if spoken.unsure else ()
    cues = [replace(cue, speaker=sanitise(cue.speaker), text=sanitise(cue.text)) for cue in spoken.cues]
    return _Content(spoken.form, cues, warnings=warnings)


# -- content to reading ------------------------------------------------------------------------------------------------


def _as_conversation(reading: ReadFile, cues: list[Cue], speakers: dict[str, str] | None) -> ReadFile:
    spoken, remarks = _without_marks(cues)
    spoken, loops = collapse.without_runs(spoken)
    guessed: list[str] = []
    if speakers:
        spoken = roles.renamed(spoken, speakers)
    else:
        spoken, guessed = roles.suggested(spoken)
    laid, turns = conversation.laid_out(spoken)
    if not turns:
        raise InputError(
            f"There is no conversation in {reading.name}.",
            "Not a single turn with words was found.",
            "Give a transcript: one turn a line, with or without speaker tags such as [doctor] or Doctor:.",
        )
    again = conversation.from_lines(laid, go_on)
    if [(t.speaker, t.text) for t in again] == [(t.speaker, t.text) for t in turns]:
        again = turns
    return replace(
        reading,
        kind="conversation",
        language=language_code(laid),
        text=laid,
        turns=tuple(again),
        warnings=(*reading.warnings, *remarks, *loops, *guessed),
    )


def _without_marks(cues: list[Cue]) -> tuple[list[Cue], list[str]]:
    """Cues without those that are a mark of sound or a service's footer alone, where words are left, and a remark."""
    kept = [cue for cue in cues if not _is_mark(cue.text)]
    if not kept or len(kept) == len(cues):
        return cues, []
    count = len(cues) - len(kept)
    return kept, [f"{count} marks of a recogniser (music, silence, a footer) stand for no words and were left out."]


def _is_mark(text: str) -> bool:
    bare = text.strip()
    if service.is_line(bare):
        return True
    pair = {"[": "]", "(": ")", "*": "*"}.get(bare[:1])
    return bare in ("♪", "♪♪") or (pair is not None and bare[-1:] == pair and vocabulary.is_sound(bare[1:-1]))


def _as_report(reading: ReadFile, text: str) -> ReadFile:
    refuse_lines(text)
    return replace(reading, kind="report", language=language_code(text), text=text)
