"""Conversation in, clinical note out: section by section, each from the same cached document."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from edge.contract import prompts
from edge.contract.events import Finished, SectionFinished, SectionStarted, TaskEvent
from edge.contract.note import EncounterNote, Section
from edge.contract.templates import SectionSpec, Template
from edge.contract.transcript import Transcript, render
from edge.engine.base import Engine, Request
from edge.errors import InputError


@dataclass(frozen=True)
class Note:
    """A drafted note. incomplete: some section stopped for length, a loop or a cancel (reasons tells which)."""

    template: str
    text: str
    sections: tuple[Section, ...]
    incomplete: bool
    reasons: tuple[tuple[str, str], ...]
    prompt_tokens: int
    generated_tokens: int
    seconds: float

    @property
    def content(self) -> EncounterNote:
        """The note as it is kept."""
        return EncounterNote(self.template, self.sections)


@dataclass(frozen=True)
class NoteFinished:
    """Last event of write_note."""

    note: Note


def write_note(
    engine: Engine,
    transcript: Transcript,
    template: Template,
    turns: Mapping[str, Collection[int]] | None = None,
    *,
    earlier: bool = False,
) -> Iterator[TaskEvent | NoteFinished]:
    """Write every section of template about transcript, yielding progress, text and at last NoteFinished.

    turns: section key -> the turns (numbers from 0) that it is written from; without them each is written from the
    whole conversation. A section without turns is absent, and no model is asked about it. earlier: each section is
    shown those before it. Raises InputError before writing anything if a document does not fit with its section.
    """
    whole = prompts.conversation_document(render(transcript))
    documents = [
        whole if turns is None else prompts.turns_document(transcript.turns, chosen) if chosen else ""
        for chosen in ((turns or {}).get(spec.key, ()) for spec in template.sections)
    ]
    requests = [_request(engine, text, spec) for text, spec in zip(documents, template.sections, strict=True)]
    _check_room(engine, requests)
    started = time.perf_counter()
    done: list[tuple[SectionFinished, Finished]] = []
    for index, (spec, request) in enumerate(zip(template.sections, requests, strict=True)):
        yield SectionStarted(index, len(requests), spec.key, spec.title)
        if not documents[index]:
            done.append((SectionFinished(index, spec.key, spec.title, "", "end", True), _UNASKED))
            yield _UNASKED
            yield done[-1][0]
            continue
        if earlier:
            request = _shown(engine, documents[index], spec, [section for section, _ in done])
        for event in engine.stream(request):
            if isinstance(event, Finished):
                text = "" if is_absent(event.text) else event.text.strip()
                section = SectionFinished(index, spec.key, spec.title, text, event.reason, not text)
                done.append((section, event))
            yield event
        yield done[-1][0]
        if done[-1][1].reason == "cancelled":
            break
    yield NoteFinished(_assemble(template, done, time.perf_counter() - started))


_UNASKED = Finished("", "end", 0, 0, 0, 0.0)


def _request(engine: Engine, document: str, spec: SectionSpec) -> Request:
    info = engine.info
    return Request(prompts.render(info.prompt_format, document, spec.instruction, info.prompt_version), spec.max_tokens)


def _shown(engine: Engine, document: str, spec: SectionSpec, done: list[SectionFinished]) -> Request:
    """The request of a section with the sections before it, the latest of them as far as there is room."""
    texts = [f"{section.title.upper()}\n{section.text}" for section in done if not section.absent]
    for first in range(len(texts) + 1):
        instruction = prompts.with_earlier(spec.instruction, "\n\n".join(texts[first:]))
        request = _request(engine, document, replace(spec, instruction=instruction))
        if engine.count(request.prompt) + spec.max_tokens <= engine.info.context_length:
            break
    return request


def _check_room(engine: Engine, requests: list[Request]) -> None:
    for request in requests:
        needed = engine.count(request.prompt)
        if needed + request.max_tokens > engine.info.context_length:
            raise InputError(
                "The conversation is too long for this model.",
                f"It needs {needed:,} tokens and {request.max_tokens:,} more for the note; "
                f"the model holds {engine.info.context_length:,}.",
                "Split the conversation, or use a bundle with a longer context.",
            )


def is_absent(text: str) -> bool:
    """True if the model says that the document holds nothing for this section."""
    return text.strip().rstrip(".").casefold() in {"", "none", "n/a"}


def split_headings(text: str, known: tuple[str, ...], title: str) -> list[Section]:
    """Split a section's text at its headings: known ones, or lines all in capitals as in published notes.

    Text before the first heading goes under title.
    """
    capitals = r"[A-ZÄÖÜ][A-ZÄÖÜ /&,()-]{2,60}"
    names = "|".join([re.escape(h) for h in sorted(known, key=len, reverse=True)] + [capitals])
    parts = re.split(rf"(?m)^[ \t]*({names})[ \t]*:?[ \t]*$\n?", text) if known else [text]
    sections = [Section(title, parts[0].strip())] if parts[0].strip() else []
    sections += [Section(h.strip(), b.strip()) for h, b in zip(parts[1::2], parts[2::2], strict=True) if b.strip()]
    return sections


def _keyed(sections: list[Section], key: str) -> list[Section]:
    """The sections with keys: that of the template's section for one of its own, and with the heading's name behind it
    for one of several. Each is there once.
    """
    if len(sections) == 1:
        return [replace(sections[0], key=key)]
    found: list[Section] = []
    for section in sections:
        name = f"{key}.{re.sub(r'[^a-z0-9]+', '_', section.heading.casefold()).strip('_') or len(found) + 1}"
        same = sum(one.key == name or one.key.startswith(f"{name}.") for one in found)
        found.append(replace(section, key=f"{name}.{same + 1}" if same else name))
    return found


def _assemble(template: Template, done: list[tuple[SectionFinished, Finished]], seconds: float) -> Note:
    sections: list[Section] = []
    for finished, _ in done:
        spec = template.sections[finished.index]
        if finished.absent and finished.reason != "end":  # nothing came before it was cut: that is no silence
            sections.append(Section(spec.title.upper(), "", spec.key, finished.reason))
        elif not finished.absent:
            written = _keyed(split_headings(finished.text, spec.headings, spec.title.upper()), spec.key)
            sections += [replace(one, stop="end") for one in written[:-1]]
            sections += [replace(last, stop=finished.reason) for last in written[-1:]]
    reasons = tuple((finished.key, finished.reason) for finished, _ in done)
    return Note(
        template=template.name,
        text=EncounterNote(template.name, tuple(sections)).text(),
        sections=tuple(sections),
        incomplete=len(done) < len(template.sections) or any(reason != "end" for _, reason in reasons),
        reasons=reasons,
        prompt_tokens=max((event.prompt_tokens for _, event in done), default=0),
        generated_tokens=sum(event.generated_tokens for _, event in done),
        seconds=seconds,
    )
