"""The panels on the right of an encounter. Another one (evidence, codes, orders) is one more line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from textual.widget import Widget

from edge.encounters.open_encounter import OpenEncounter
from tui.widgets.fields_panel import FieldsPanel
from tui.widgets.history_panel import HistoryPanel
from tui.widgets.note_panel import NotePanel


class Panel(Protocol):
    """What the encounter asks of a panel."""

    async def show(self, encounter: OpenEncounter, job: str = "") -> None: ...

    def focus_first(self) -> None: ...


@dataclass(frozen=True)
class PanelSpec:
    """name: of its tab; its title is the text encounter.<name>."""

    name: str
    make: Callable[[], Widget]


PANELS: tuple[PanelSpec, ...] = (
    PanelSpec("note", NotePanel),
    PanelSpec("fields", FieldsPanel),
    PanelSpec("history", HistoryPanel),
)
