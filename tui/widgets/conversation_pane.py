"""The left side: the conversation, to read or in a field to paste and type it; or the text that fields point into."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import TextArea

from edge.contract.transcript import SPEAKERS, Transcript, Turn
from edge.errors import Cancelled, InputError
from edge.reading.conversation import keeps_speakers, parse, with_speaker
from edge.reading.roles import likely, named_everywhere
from tui.texts import t
from tui.widgets.messages import ConversationEdited, PartReady
from tui.widgets.safe import Label
from tui.widgets.safe_area import SafeArea
from tui.widgets.transcript_view import TranscriptView

if TYPE_CHECKING:
    from tui.base_app import BaseApp


def parsed(text: str, stop: threading.Event) -> Transcript:
    """A conversation with its turns; none for a text without any. Raises Cancelled soon after stop is set."""

    def checkpoint() -> None:
        if stop.is_set():
            raise Cancelled("The conversation is not shown any more.")

    try:
        return parse(text, checkpoint)
    except InputError:
        return Transcript(text, ())


def lines_of(text: str) -> tuple[Turn, ...]:
    """A text that is no conversation, a turn without speaker for each paragraph."""
    turns, start = [], 0
    for line in text.split("\n"):
        if line.strip():
            turns.append(Turn("", line, start, start + len(line)))
        start += len(line) + 1
    return tuple(turns)


def with_next_speaker(turns: tuple[Turn, ...], index: int) -> str:
    """The conversation with the next speaker at one turn; at all of that speaker's, if the one left would be lost."""
    speaker = turns[index].speaker
    place = SPEAKERS.index(speaker) if speaker in SPEAKERS else -1
    following = SPEAKERS[(place + 1) % len(SPEAKERS)]
    text = with_speaker(turns, (index,), following)
    if speaker and not keeps_speakers(turns, (index,), following, text):
        text = with_speaker(turns, [n for n, turn in enumerate(turns) if turn.speaker == speaker], following)
    return text


class ConversationPane(Vertical):
    """editing: the field is shown instead of the view."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = False
        self.editing = False
        self._shown = ""
        self._seen = ""
        self._stop = threading.Event()  # of the reading under way
        self._before: list[tuple[str, int]] = []  # texts before speakers were corrected, and where the cursor stood

    def compose(self) -> ComposeResult:
        yield Label(t("encounter.conversation"), classes="pane-title")
        yield TranscriptView()
        yield SafeArea(id="talk", placeholder=t("encounter.paste_here"))

    def on_mount(self) -> None:
        self.query_one(SafeArea).display = False
        self.ready = True
        self.post_message(PartReady())

    def show_talk(self, text: str) -> None:
        """Show the conversation."""
        self._title(t("encounter.conversation"))
        if self._shown != text or not self.query_one(TranscriptView).turns:
            self._begin(text)
            self.run_worker(self._read(text, self._stop), exit_on_error=False)

    def _begin(self, text: str) -> None:
        """From here on this text is to be shown: the reading of another one ends."""
        self._stop.set()
        self._stop, self._shown = threading.Event(), text

    async def _read(self, text: str, stop: threading.Event) -> None:
        """Read the conversation in a thread: whatever it holds, keys are answered and the vault locks meanwhile."""
        try:
            talk = await asyncio.to_thread(parsed, text, stop)
        except Cancelled:
            return
        if not stop.is_set():
            self.query_one(TranscriptView).show(talk.source, talk.turns)

    def on_unmount(self) -> None:
        self._stop.set()

    def show_basis(self, text: str, title: str) -> None:
        """Show a text that fields point into; the cursor stays where it is, unless it was in the field."""
        if self.editing:
            self.edit(False)
        self._title(title)
        self._begin(text)
        self.query_one(TranscriptView).show(text, lines_of(text))

    def edit(self, on: bool, text: str = "") -> None:
        """Change between field and view."""
        area = self.query_one(SafeArea)
        if on and area.text != text:
            area.load_text(text)
            self._seen = area.text
        self.editing = on
        area.display, self.query_one(TranscriptView).display = on, not on
        (area if on else self.query_one(TranscriptView)).focus()

    def talk(self) -> str:
        """What stands in the field."""
        return self.query_one(SafeArea).text

    def _title(self, text: str) -> None:
        self.query_one(".pane-title", Label).show(text)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        text = event.text_area.text
        if self.editing and text != self._seen:
            self._seen = text
            self.post_message(ConversationEdited(text))

    # -- who speaks ------------------------------------------------------------------------------------------------

    @property
    def here(self) -> Turn | None:
        """The turn under the cursor."""
        view = self.query_one(TranscriptView)
        return view.turns[view.cursor] if view.cursor < len(view.turns) else None

    def next_speaker(self) -> None:
        """Give the turn under the cursor the next speaker."""
        view = self.query_one(TranscriptView)
        if view.turns:
            self._correct(with_next_speaker, view.turns, view.cursor)

    def rename(self, speaker: str, name: str) -> None:
        """Give a speaker another name in all turns, and go to the next turn whose speaker has no role."""
        view = self.query_one(TranscriptView)
        self._correct(named_everywhere, view.turns, speaker, name)
        self.go_to_unnamed(speaker)

    def likely(self, speaker: str) -> str:
        """The role that a speaker here most likely has."""
        return likely(self.query_one(TranscriptView).turns, speaker)

    @property
    def unnamed(self) -> list[int]:
        """Turns whose speaker has no role yet."""
        turns = self.query_one(TranscriptView).turns
        return [number for number, turn in enumerate(turns) if turn.speaker not in SPEAKERS]

    def go_to_unnamed(self, but: str | None = None) -> None:
        """Put the cursor on the next turn whose speaker has no role, round about. but: a speaker that is done."""
        view = self.query_one(TranscriptView)
        left = [number for number in self.unnamed if view.turns[number].speaker != but]
        if left:
            view.go_to(next((number for number in left if number > view.cursor), left[0]))

    @property
    def undoable(self) -> bool:
        """Whether a correction of a speaker can be taken back."""
        return bool(self._before)

    def remember(self, text: str) -> None:
        """Keep a conversation that another one takes the place of, for undo()."""
        self._before.append((text, 0))

    def undo(self) -> None:
        """Take the last correction of a speaker, or the opening of another file, back."""
        text, cursor = self._before.pop()
        self.query_one(TranscriptView).cursor = cursor
        self.post_message(ConversationEdited(text))

    def _correct(self, make: Callable[..., str], turns: tuple[Turn, ...], *what: object) -> None:
        before = (self._shown, self.query_one(TranscriptView).cursor)
        cast("BaseApp", self.app).go(self._corrected(make, (turns, *what), before, self._stop))

    async def _corrected(
        self, make: Callable[..., str], what: tuple[object, ...], before: tuple[str, int], stop: threading.Event
    ) -> None:
        text = await asyncio.to_thread(make, *what)
        if not stop.is_set():
            self._before.append(before)
            self.post_message(ConversationEdited(text))
