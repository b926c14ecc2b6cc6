"""A field for many lines, filtered (tui/widgets/safe.py); apart from it: the first screen needs none."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from edge.text import sanitise
from tui.terminal import textual_private
from tui.widgets import flags

LIT = "lit"  # the kind of a mark: what the other side points at


class SafeArea(TextArea):
    """A text field that takes in safe text only."""

    _width = 0
    _styled: object = None  # the theme whose colours are made from the styles as they are now
    _marks: tuple[tuple[int, int, str], ...] = ()
    _marked: dict[int, list[tuple[int, int, str]]]

    def notify_style_update(self) -> None:
        self._styled = None
        super().notify_style_update()

    def mark(self, *marks: tuple[int, int, str]) -> None:
        """Underline characters start to end, each in the way of its kind (tui.widgets.flags, or LIT)."""
        if marks == self._marks:
            return
        self._set_marks(marks)
        super().notify_style_update()  # rows are drawn anew
        self.refresh()

    def _set_marks(self, marks: tuple[tuple[int, int, str], ...]) -> None:
        self._marks, self._marked = marks, {}
        for start, end, kind in marks:
            (first, left), (last, right) = map(self.location_at, (start, end))
            for row in range(first, last + 1):
                a = left if row == first else 0
                b = right if row == last else len(self.document.get_line(row))
                self._marked.setdefault(row, []).append((a, b, kind))

    def _moved_marks(self, edit: Edit) -> tuple[tuple[int, int, str], ...]:
        """The marks as they stand after an edit, without those that it touches: drawn with it, not a frame later."""
        start, end = self._offset_of(edit.top), self._offset_of(edit.bottom)
        by = len(edit.text) - (end - start)
        return tuple(
            (low + by, high + by, kind) if low >= end else (low, high, kind)
            for low, high, kind in self._marks
            if high <= start or low >= end
        )

    def location_at(self, offset: int) -> tuple[int, int]:
        """Row and column of a character of the text."""
        before = self.text[:offset]
        return before.count("\n"), len(before) - before.rfind("\n") - 1

    @property
    def cursor_offset(self) -> int:
        """Characters of the text before the cursor."""
        return self._offset_of(self.cursor_location)

    def _offset_of(self, location: tuple[int, int]) -> int:
        row, column = location
        return sum(len(self.document.get_line(one)) + 1 for one in range(row)) + column

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        for start, end, kind in self._marked.get(line_index, ()) if self._marks else ():
            line.stylize("reverse" if kind == LIT else flags.style(self.app, kind), start, end)
        return line

    def edit(self, edit: Edit) -> EditResult:
        """What is written at the end of a long text leaves the rows above as they were drawn."""
        edit.text = sanitise(edit.text)
        kept, marks = self._rows_above(edit), self._moved_marks(edit) if self._marks else ()
        result = super().edit(edit)
        if self._marks:
            self._set_marks(marks)
        textual_private.DrawnRows(self).put_back(kept)
        return result

    def _rows_above(self, edit: Edit) -> dict[tuple[Any, ...], Strip]:
        """Drawn rows that an edit does not touch: those before the row it begins in, if it only adds to the end."""
        if not (edit.top == edit.bottom == self.document.end) or self.is_syntax_aware:
            return {}
        first = self.wrapped_document.location_to_offset(edit.top).y
        return textual_private.DrawnRows(self).above(first)

    def load_text(self, text: str) -> None:
        super().load_text(sanitise(text))

    def on_resize(self) -> None:
        """Draw anew at every new width: with as many rows as before, TextArea keeps those wrapped for the old width.

        The cursor's row alone is drawn anew then, and a word that moves from it to the next row stands on neither.
        """
        if self._width != self.size.width:
            self._width = self.size.width
            self.refresh()

    def on_unmount(self) -> None:
        """Leave the app's list of who watches the theme: it would keep this field, text and all, as long as the app."""
        textual_private.unwatch(self.app, self, "theme")

    def render_lines(self, crop: Region) -> list[Strip]:
        """Blank once it is taken away: a redraw may come before the next layout, and its styles are gone by then.

        TextArea makes its theme's colours anew at every drawing; here only where styles have changed since.
        """
        if not self.is_attached:
            return [Strip.blank(crop.width)] * crop.height
        theme = textual_private.DrawnRows(self).theme
        if self._styled is not None and self._styled is theme:
            return ScrollView.render_lines(self, crop)
        self._styled = theme
        return super().render_lines(crop)
