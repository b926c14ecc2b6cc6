"""A table whose lines fit its columns, whenever it is drawn."""

from __future__ import annotations

from typing import Any

from textual.widgets import DataTable

from tui.terminal import textual_private


class Table(textual_private.FittingColumns, DataTable[Any]):
    """Rows to go through."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(cursor_type="row", zebra_stripes=True, id=name)
