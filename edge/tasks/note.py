"""Conversation in, clinical note out: section by section, each from the same cached document."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edge.clinical.language import language_code
from edge.contract import prompts
from edge.contract.events import Finished, SectionFinished, SectionStarted, StopReason, TaskEvent, Text
from edge.contract.note import EncounterNote, Section, without_heading
from edge.contract.templates import SectionSpec, Template
from edge.contract.transcript import Transcript, Turn
from edge.engine.base import AheadReader, Engine, EngineInfo, Request
from edge.errors import InputError
from edge.tasks.visit_parts import LONGEST, VisitPart, in_parts


@dataclass(frozen=True)
class Note:
    """A drafted note. incomplete: some section stopped for length, a loop or a cancel (reasons tells which).

    parts: of sections that were written from parts of a long conversation, the first and last turn (from 0) of each.
    """

    template: str
    text: str
    sections: tuple[Section, ...]
    incomplete: bool
    reasons: tuple[tuple[str, str], ...]
    prompt_tokens: int
    generated_tokens: int
    seconds: float
    parts: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)  # of its making beside the decoding, for its origin
    writer: EngineInfo | None = None  # what made it, where that is not the engine that was asked

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
    copies: bool = False,
) -> Iterator[TaskEvent | NoteFinished]:
    """Write every section of template about transcript, yielding progress, text and at last NoteFinished.

    turns: section key -> the turns (numbers from 0) that it is written from; without them each is written from the
    whole conversation. A section without turns is absent, and no model is asked about it. earlier: each section is
    shown those before it. copies: numbers, units and drugs are masked to those of a section's own turns
    (edge.engine.copied). A conversation that is longer than the model reads at once is written about in overlapping
    parts, all sections of a part in a row, and what each part gives a section stands in it under a line that names the
    part. Raises InputError before writing anything if a section has no room beside its own instruction.
    """
    drafts = [replace(one, copies=copies) for one in _drafts(engine, transcript, template, turns)]
    started = time.perf_counter()
    for part in range(max(1, *(len(draft.parts) for draft in drafts))):
        for index, draft in enumerate(drafts):
            if part >= max(1, len(draft.parts)):
                continue
            shown = [(one.spec.title, one.text()) for one in drafts[:index]] if earlier else []
            yield from _write(engine, draft, index, len(drafts), shown)
            if draft.reason == "cancelled":
                yield NoteFinished(_assemble(template, drafts, time.perf_counter() - started))
                return
    yield NoteFinished(_assemble(template, drafts, time.perf_counter() - started))


@dataclass
class _Draft:
    """A section at work: the document of each part of the conversation, and the answer to each as far as they are."""

    spec: SectionSpec
    parts: list[VisitPart] = field(repr=False)
    language: str = "en"
    copies: bool = False
    answers: list[Finished] = field(default_factory=list, repr=False)

    @property
    def more(self) -> bool:
        return len(self.answers) < len(self.parts)

    @property
    def reason(self) -> StopReason:
        """The worst reason why an answer ended."""
        ends = {answer.reason for answer in self.answers}
        return next((one for one in _WORST_FIRST if one in ends), "end")

    def text(self) -> str:
        """What the answers give the section so far."""
        texts = ["" if is_absent(answer.text) else answer.text.strip() for answer in self.answers]
        if len(self.parts) < 2:
            return "".join(texts)
        return merged(
            [(self.seam(at), split_headings(text, self.spec.headings, "")) for at, text in enumerate(texts) if text]
        )

    def seam(self, at: int) -> str:
        """The line that stands above what a part gave."""
        part, words = self.parts[at], _SEAM.get(self.language, _SEAM["en"])
        return words.format(number=at + 1, of=len(self.parts), first=part.first + 1, last=part.last + 1)


# A line that ends in a colon is a heading to whoever checks the note, not a statement.
_SEAM = {
    "en": "Part {number} of {of} (turns {first}–{last}):",
    "de": "Teil {number} von {of} (Redebeiträge {first}–{last}):",
}
_WORST_FIRST: tuple[StopReason, ...] = ("cancelled", "length", "loop")
_LEAST_ROOM = 256  # tokens of a conversation under which a part says nothing


def _drafts(
    engine: Engine, transcript: Transcript, template: Template, turns: Mapping[str, Collection[int]] | None
) -> list[_Draft]:
    """Each section with the document that it is written from, or the parts of it."""
    everything = range(len(transcript.turns))
    numbers = [everything if turns is None else sorted(turns.get(spec.key, ())) for spec in template.sections]
    whole = VisitPart(0, len(everything) - 1, transcript.turns)
    parts = [
        [whole]
        if turns is None
        else [VisitPart(one[0], one[-1], tuple(transcript.turns[n] for n in one))]
        if one
        else []
        for one in numbers
    ]
    if all(_fits(engine, part, spec) for spec, found in zip(template.sections, parts, strict=True) for part in found):
        return [_Draft(spec, found) for spec, found in zip(template.sections, parts, strict=True)]
    language = language_code(transcript.source)
    room = min(LONGEST, *(_room(engine, spec) for spec in template.sections))
    found: dict[tuple[int, ...], list[VisitPart]] = {}
    for one in numbers:  # sections of one document have it in the same parts, so that each is read once
        if tuple(one) not in found:
            found[tuple(one)] = _parted(engine, transcript.turns, one, room, template) if one else []
    return [_Draft(spec, found[tuple(one)], language) for spec, one in zip(template.sections, numbers, strict=True)]


def read_ahead(engine: AheadReader, transcript: Transcript) -> None:
    """Let the engine read a conversation that is not complete yet; a note from all of it then begins at once.

    Call it again as the conversation grows or changes; only what is new is read.
    """
    engine.read_ahead(reading_prompt(engine.info, transcript))


def reading_prompt(info: EngineInfo, transcript: Transcript) -> prompts.Prompt:
    """What of a note's prompts is the conversation's alone, for reading it ahead."""
    whole = VisitPart(0, len(transcript.turns) - 1, transcript.turns)
    return prompts.render(info.prompt_format, whole.document(), "", info.prompt_version)


def fits(engine: Engine, transcript: Transcript, template: Template) -> bool:
    """Whether every section can be written from the whole conversation at once."""
    whole = VisitPart(0, len(transcript.turns) - 1, transcript.turns)
    return all(_fits(engine, whole, spec) for spec in template.sections)


def _parted(
    engine: Engine, turns: Sequence[Turn], numbers: Sequence[int], room: int, template: Template
) -> list[VisitPart]:
    """The turns in parts of which each fits with every section; counted line by line, tokens may be a few more."""
    while room >= _LEAST_ROOM:
        parts = in_parts(turns, numbers, room, lambda text: engine.count(prompts.Prompt((text,), ())))
        if all(_fits(engine, part, spec) for part in parts for spec in template.sections):
            return parts
        room = room * 9 // 10
    raise InputError(
        "The conversation is too long for this model.",
        f"It holds {engine.info.context_length:,} tokens; a section and its instruction take nearly all of them: there "
        "is no room even for a part of the conversation.",
        "Write a note of facts alone (--form facts), one section at a time (--template section:KEY), or use a bundle "
        "with a longer context.",
    )


def _fits(engine: Engine, part: VisitPart, spec: SectionSpec) -> bool:
    """Whether a part of a conversation can be read at once, with room for the section."""
    needed = engine.count(_request(engine, part.document(), spec).prompt)
    read = needed - engine.count(_request(engine, prompts.conversation_document(""), spec).prompt)
    return needed + spec.max_tokens <= engine.info.context_length and read <= LONGEST


def _room(engine: Engine, spec: SectionSpec) -> int:
    """Tokens of a conversation that a section leaves room for."""
    empty = engine.count(_request(engine, prompts.conversation_document(""), spec).prompt)
    return engine.info.context_length - spec.max_tokens - empty


def _write(
    engine: Engine, draft: _Draft, index: int, total: int, shown: Sequence[tuple[str, str]]
) -> Iterator[TaskEvent]:
    """The next part of a section, or that it is absent where no turn belongs to it."""
    at, spec = len(draft.answers), draft.spec
    yield SectionStarted(index, total, spec.key, spec.title, at, max(1, len(draft.parts)))
    if not draft.parts:
        yield Finished("", "end", 0, 0, 0, 0.0)
    else:
        if len(draft.parts) > 1:
            yield Text(("\n\n" if at else "") + draft.seam(at) + "\n")
        document = draft.parts[at].document()
        request = replace(_shown(engine, document, spec, shown), copies=draft.copies)
        for event in engine.stream(request):
            if isinstance(event, Finished):
                draft.answers.append(event)
            yield event
    text = draft.text()
    yield SectionFinished(index, spec.key, spec.title, text, draft.reason, not text, draft.more)


def _request(engine: Engine, document: str, spec: SectionSpec) -> Request:
    info = engine.info
    return Request(prompts.render(info.prompt_format, document, spec.instruction, info.prompt_version), spec.max_tokens)


def _shown(engine: Engine, document: str, spec: SectionSpec, before: Sequence[tuple[str, str]]) -> Request:
    """The request of a section with the sections before it, the latest of them as far as there is room."""
    texts = [f"{title.upper()}\n{text}" for title, text in before if text]
    for first in range(len(texts) + 1):
        instruction = prompts.with_earlier(spec.instruction, "\n\n".join(texts[first:]))
        request = _request(engine, document, replace(spec, instruction=instruction))
        if not texts or engine.count(request.prompt) + spec.max_tokens <= engine.info.context_length:
            break
    return request


def merged(parts: Sequence[tuple[str, Sequence[Section]]]) -> str:
    """One text of what the parts of a conversation gave a section: each heading once, under it what each part says,
    each under the line that names the part. A line that an earlier part has under the heading is not said again, and
    "None." not at all."""
    blocks: dict[str, dict[str, list[str]]] = {}  # heading -> seam -> lines
    said: dict[str, set[str]] = {}
    for seam, sections in parts:
        for one in sections:
            before = said.setdefault(one.heading, set())
            lines = [line for line in one.text.split("\n") if " ".join(line.casefold().split()) not in before]
            before.update(" ".join(line.casefold().split()) for line in lines if line.strip())
            body = "\n".join(lines).strip("\n")
            if not is_absent(body):
                blocks.setdefault(one.heading, {}).setdefault(seam, []).append(body)
    texts = [
        (heading, "\n\n".join("\n".join([seam, *bodies]) for seam, bodies in found.items()))
        for heading, found in blocks.items()
    ]
    texts.sort(key=lambda one: one[0] != "")  # what stands under no heading comes first
    return "\n\n".join(f"{heading}\n\n{text}" if heading else text for heading, text in texts)


def is_absent(text: str) -> bool:
    """True if the model says that the document holds nothing for this section."""
    return text.strip().rstrip(".").casefold() in {"", "none", "n/a"}


def split_headings(text: str, known: tuple[str, ...], title: str) -> list[Section]:
    """Split a section's text at its headings: known ones, or lines all in capitals as in published notes.

    Text before the first heading goes under title, which it does not say again.
    """
    capitals = r"[A-ZÄÖÜ][A-ZÄÖÜ /&,()-]{2,60}"
    names = "|".join([re.escape(h) for h in sorted(known, key=len, reverse=True)] + [capitals])
    parts = re.split(rf"(?m)^[ \t]*({names})[ \t]*:?[ \t]*$\n?", text) if known else [text]
    first = without_heading(parts[0].strip(), title)
    sections = [Section(title, first)] if first else []
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


def _assemble(template: Template, drafts: Sequence[_Draft], seconds: float) -> Note:
    sections: list[Section] = []
    reasons: list[tuple[str, str]] = []
    for draft in drafts:
        spec, text = draft.spec, draft.text()
        if draft.more and not draft.answers:
            continue  # never begun: the writing was stopped before
        reason = "cancelled" if draft.more else draft.reason
        reasons.append((spec.key, reason))
        if not text and reason != "end":  # nothing came before it was cut: that is no silence
            sections.append(Section(spec.title.upper(), "", spec.key, reason))
        elif text:
            written = _keyed(split_headings(text, spec.headings, spec.title.upper()), spec.key)
            sections += [replace(one, stop="end") for one in written[:-1]]
            sections += [replace(last, stop=reason) for last in written[-1:]]
    answers = [answer for draft in drafts for answer in draft.answers]
    parted = {
        draft.spec.key: [(one.first, one.last) for one in draft.parts] for draft in drafts if len(draft.parts) > 1
    }
    return Note(
        template=template.name,
        text=EncounterNote(template.name, tuple(sections)).text(),
        sections=tuple(sections),
        incomplete=len(reasons) < len(template.sections) or any(reason != "end" for _, reason in reasons),
        reasons=tuple(reasons),
        prompt_tokens=max((event.prompt_tokens for event in answers), default=0),
        generated_tokens=sum(event.generated_tokens for event in answers),
        seconds=seconds,
        parts=parted,
    )
