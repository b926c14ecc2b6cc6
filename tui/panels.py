"""The registry of panels on the right of an encounter: one entry is its name, its keys and its widget.

A new panel is one line here, the texts encounter.<name> in both languages, and a widget that extends
tui.widgets.panel.PanelBase. Tab, key, key bar, palette and help are made from it. Widgets are named, not imported:
the first screen needs the keys only.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from tui.widgets.panel import PanelBase


@dataclass(frozen=True)
class PanelSpec:
    """name: of its tab and of the text encounter.<name>. keys: as tui.actions has them. widget: module and class."""

    name: str
    keys: str
    widget: str

    def kind(self) -> type[PanelBase]:
        """The class of its widget."""
        module, _, name = self.widget.partition(":")
        return cast("type[PanelBase]", getattr(import_module(f"tui.widgets.{module}"), name))


PANELS: tuple[PanelSpec, ...] = (
    PanelSpec("note", "f2", "note_panel:NotePanel"),
    PanelSpec("sources", "f11", "sources_panel:SourcesPanel"),
    PanelSpec("fields", "f3", "fields_panel:FieldsPanel"),
    PanelSpec("codes", "f12", "codes_panel:CodesPanel"),
    PanelSpec("history", "f4", "history_panel:HistoryPanel"),
)
