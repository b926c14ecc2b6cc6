"""Facts that travel inside the app. Who posts one doesn't know what a screen makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from edge.encounters.open_encounter import OpenEncounter


class EncounterChanged(Message):
    """What changed of an encounter: "text" (a section grows), "sections", "rows", "state". Later ones replace it."""

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
    """A place in the source that should be seen: characters start to end, or nothing."""

    def __init__(self, start: int | None, end: int | None) -> None:
        super().__init__()
        self.start, self.end = start, end


class RowChosen(Message):
    """A fact is to be edited (index), or one is to be added beside it."""

    def __init__(self, index: int | None, add: bool = False) -> None:
        super().__init__()
        self.index, self.add = index, add


class RestoreAsked(Message):
    """Bring an old revision back."""

    def __init__(self, document: int, number: int) -> None:
        super().__init__()
        self.document, self.number = document, number
