"""Statements that the conversation contradicts, mended before a clinician sees them: written again or left out.

What a language model wrote is written again once, from the turns that the statement stands on and nothing else, and
kept only if every check of the new words holds and nobody has said them in the section yet; otherwise it is left out.
Every change is kept with the note (MendingStep). A template may say for a section what is done (SectionSpec).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from edge.contract import prompts
from edge.contract.events import Finished, TaskEvent
from edge.contract.facts import Severity, Statement
from edge.contract.note import EncounterNote, Section
from edge.contract.templates import Contradicted, Template
from edge.contract.transcript import Transcript
from edge.engine.base import Engine, Request
from edge.errors import InputError
from edge.evidence.conversation import Conversation, converse
from edge.evidence.review import review_sections
from edge.evidence.statements import split
from edge.tasks.note import NoteFinished, is_absent, write_note

LONGEST = 80  # tokens of a statement
MOST = 40  # statements of a note that are written again; the others are left out
_TURNS = 3  # that a statement is written from, each with the question or answer beside it
_SHORT = 8  # words: a turn that is only an answer


@dataclass(frozen=True)
class MendingStep:
    """One change of the draft before a clinician saw it. what: "left out", "written again", "added" or "put right" (an
    intolerance that stood as an allergy); text: the statement; why: checks or kind of fact; instead: its new words."""

    what: str
    section: str
    text: str = field(repr=False)
    why: str
    instead: str = field(default="", repr=False)

    def as_json(self) -> dict[str, Any]:
        """{"what", "section", "text", "why"}, and "instead" where a statement was written again."""
        return {name: value for name, value in asdict(self).items() if name != "instead" or value}


@dataclass
class Rewriter:
    """Writes statements again, each from the turns that it stands on. tokens: written so far."""

    engine: Engine
    talk: Conversation = field(repr=False)
    tokens: int = 0
    _asked: int = 0
    _stopped: bool = False  # by whoever waits for the note: nothing more is written

    def again(self, section: Section, one: Statement) -> str:
        """New words for a statement of a section, "" where there are none that every check lets pass."""
        turns = self._turns(one)
        if not turns or self._stopped or self._asked >= MOST:
            return ""
        self._asked += 1
        pieces = split(self._written(turns))
        text = pieces[0].text.strip() if pieces else ""
        return text if text and not is_absent(text) and self._holds(section, one, text) else ""

    def _turns(self, one: Statement) -> set[int]:
        """The turns that a statement stands on, a question with its answer."""
        spoken = self.talk.transcript.turns
        found: set[int] = set()
        for link in one.sources[:_TURNS]:
            turn = link.quote.turn
            found.add(turn)
            if turn and len(spoken[turn].text.split()) <= _SHORT:
                found.add(turn - 1)
            if turn + 1 < len(spoken) and spoken[turn].text.rstrip().endswith("?"):
                found.add(turn + 1)
        return found

    def _written(self, turns: set[int]) -> str:
        """What the model makes of some turns; nothing of an answer that did not come to its end."""
        info = self.engine.info
        document = prompts.turns_document(self.talk.transcript.turns, turns)
        prompt = prompts.render(info.prompt_format, document, prompts.STATEMENT_INSTRUCTION, info.prompt_version)
        if self.engine.count(prompt) + LONGEST > info.context_length:
            return ""
        for event in self.engine.stream(Request(prompt, LONGEST, copies=True)):
            if isinstance(event, Finished):
                self.tokens += event.generated_tokens
                self._stopped = event.reason == "cancelled"
                return event.text.strip().lstrip("-•* ") if event.reason == "end" else ""
        return ""

    def _holds(self, section: Section, one: Statement, text: str) -> bool:
        """Whether new words are supported where they will stand, and say what no other statement there says."""
        whole = section.text[: one.start] + text + section.text[one.end :]
        checked, _ = review_sections(EncounterNote("", (replace(section, text=whole, statements=()),)), self.talk)
        found = checked.sections[0].statements
        own = [new for new in found if new.start < one.start + len(text) and new.end > one.start]
        said = {_plain(new.text) for new in found if new not in own}
        return bool(own) and all(new.supported and _plain(new.text) not in said for new in own)


def _plain(text: str) -> str:
    return " ".join(text.casefold().strip(" .;-•*").split())


def replaced(text: str, one: Statement, new: str) -> str:
    """A section's text with other words, or none, in place of a statement."""
    before, after = text[: one.start].rstrip(" "), text[one.end :].lstrip(" ")
    return f"{before} {new}{'' if after[:1] in {'', chr(10)} else ' '}{after}"


def tidy(text: str) -> str:
    """A text without the lines that mending has emptied."""
    kept = [line.rstrip() for line in text.split("\n") if not line.strip() or line.strip(" -•*")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def wrong_in(one: Statement) -> str:
    """The checks that raised a high flag on a statement, "" for none."""
    return ", ".join(flag.check for flag in one.flags if flag.severity is Severity.HIGH)


def whole(engine: Engine, transcript: Transcript, template: Template) -> Iterator[TaskEvent | NoteFinished]:
    """A note from the whole visit (edge.tasks.note.write_note), mended where its template says so. Its parameters then
    name the steps. Raises as write_note."""
    ways: dict[str, Contradicted] = {spec.key: spec.contradicted for spec in template.sections if spec.contradicted}
    for event in write_note(engine, transcript, template):
        if isinstance(event, NoteFinished) and ways and all(why != "cancelled" for _, why in event.note.reasons):
            rewriter = Rewriter(engine, converse(transcript))
            try:
                sections, steps = _mended(event.note.sections, ways, rewriter)
            except InputError:  # too long to be checked: the note stays as it is, and says so when it is checked
                yield event
                continue
            text = EncounterNote(template.name, sections).text()
            tokens = event.note.generated_tokens + rewriter.tokens
            parameters = {**event.note.parameters, "steps": [step.as_json() for step in steps]}
            note = replace(event.note, sections=sections, text=text, generated_tokens=tokens, parameters=parameters)
            yield NoteFinished(note)
        else:
            yield event


def _mended(
    sections: Sequence[Section], ways: Mapping[str, Contradicted], rewriter: Rewriter
) -> tuple[tuple[Section, ...], list[MendingStep]]:
    steps: list[MendingStep] = []
    if not any(one.text.strip() for one in sections):
        return tuple(sections), steps
    checked, _ = review_sections(EncounterNote("", tuple(sections)), rewriter.talk)
    found = []
    for section in checked.sections:
        way, text = ways.get(section.key.split(".")[0], "shown"), section.text
        for one in reversed(section.statements if way != "shown" else ()):
            if why := wrong_in(one):
                new = rewriter.again(replace(section, text=text), one) if way == "again" else ""
                steps.append(MendingStep("written again" if new else "left out", section.key, one.text, why, new))
                text = replaced(text, one, new)
        if text == section.text or (text := tidy(text)):
            found.append(replace(section, text=text, statements=()))
    return tuple(found), steps
