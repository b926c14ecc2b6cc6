"""A table whose lines fit its columns, whenever it is drawn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.widgets import DataTable
from textual.widgets.data_table import RowKey


class Table(DataTable[Any]):
    """Rows to go through. Textual measures columns when it has time for it.

    A line that was drawn before that, as wide as the headings, would be kept and drawn again.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(cursor_type="row", zebra_stripes=True, id=name)

    def _update_dimensions(self, new_rows: Iterable[RowKey]) -> None:
        super()._update_dimensions(new_rows)
        self._clear_caches()
        self.refresh()
