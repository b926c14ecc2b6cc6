"""Facts that travel inside the app. Who posts one doesn't know what a screen makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from edge.contract.facts import Omission, Statement
    from edge.encounters.open_encounter import OpenEncounter


class EncounterChanged(Message):
    """What changed of an encounter: "text" (a section grows), "sections", "rows", "review", "state". A later one
    of the same replaces it.
    """

    def __init__(self, encounter: OpenEncounter, what: str) -> None:
        super().__init__()
        self.encounter, self.what = encounter, what

    def can_replace(self, message: Message) -> bool:
        return (
            isinstance(message, EncounterChanged) and message.encounter is self.encounter and message.what == self.what
        )


class PartReady(Message):
    """A part of the encounter's screen has its widgets and can be filled. A screen may stand before its parts do."""


class SectionEdited(Message):
    """The user changed a section's text."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__()
        self.key, self.text = key, text


class ConversationEdited(Message):
    """The user changed the conversation."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Spot(Message):
    """Places in the text on the left that should be seen, each characters start to end; without any, nothing."""

    def __init__(self, *places: tuple[int, int]) -> None:
        super().__init__()
        self.places = places


class TurnChosen(Message):
    """The cursor stands on a turn of the text on the left, characters start to end."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__()
        self.start, self.end = start, end


class StatementChosen(Message):
    """The cursor stands on a statement of the note, or on none."""

    def __init__(self, statement: Statement | None) -> None:
        super().__init__()
        self.statement = statement


class SaidInserted(Message):
    """What was said and is not in the note is to go into it."""

    def __init__(self, omission: Omission) -> None:
        super().__init__()
        self.omission = omission


class SaidSetAside(Message):
    """What was said is to stay out of the note, with a reason that is asked for."""

    def __init__(self, omission: Omission) -> None:
        super().__init__()
        self.omission = omission


class RowChosen(Message):
    """An entry of a field is to be edited (index), or one is to be added to it."""

    def __init__(self, key: str, index: int | None) -> None:
        super().__init__()
        self.key, self.index = key, index


class RowsAccepted(Message):
    """Entries of fields are right."""

    def __init__(self, indices: list[int]) -> None:
        super().__init__()
        self.indices = indices


class CodesAsked(Message):
    """Candidate codes are to be looked for, anew if there are some."""


class CodesAccepted(Message):
    """Candidate codes are right."""

    def __init__(self, places: list[int]) -> None:
        super().__init__()
        self.places = places


class CodeChosen(Message):
    """Another code is to be looked for instead of a candidate."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at


class CodeRejected(Message):
    """A candidate is wrong."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at


class RestoreAsked(Message):
    """Bring an old revision back."""

    def __init__(self, document: int, number: int) -> None:
        super().__init__()
        self.document, self.number = document, number
