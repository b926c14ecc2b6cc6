"""Changes to the extracted facts of an encounter; the place of a changed one is looked up again."""

from __future__ import annotations

from edge.workbench import place
from tui.case import Case, Row


def change(case: Case, index: int | None, key: str, text: str) -> None:
    """Change a fact, add one (index None) or take one away (empty text)."""
    if not text.strip():
        if index is not None:
            del case.rows[index]
            case.rows_dirty = True
        return
    found = place([text.strip()], case.basis)[0]
    if index is None:
        case.rows.append(Row(key, found))
    else:
        case.rows[index] = Row(key, case.rows[index].entry.with_place(found))
    case.rows_dirty = True
