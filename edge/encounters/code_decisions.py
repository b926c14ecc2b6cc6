"""What a person decides on a candidate code, for both doors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edge.contract.codes import CodeEntry, Decision
from edge.errors import UsageError
from edge.text import one_line

if TYPE_CHECKING:
    from edge.terminology.catalogue import Code

_REASON = 200  # characters


def accept(entry: CodeEntry, code: Code | None = None) -> CodeEntry:
    """The candidate, taken by a person; code: another one of the catalogue instead of the program's.

    Raises UsageError for one that may not be reported as it stands.
    """
    if code is None:
        return replace(entry, decision=Decision.ACCEPTED, reason="")
    if not code.billable:
        raise UsageError(
            f"{code.code} is not billable.", "It has more exact codes below it.", f"`edgescribe code tree {code.code}`."
        )
    first = entry.proposed or entry.code
    proposed = "" if code.code == first else first
    return replace(
        entry, code=code.code, description=code.description, billable=True, proposed=proposed, needs=(),
        decision=Decision.ACCEPTED, reason="",
    )  # fmt: skip


def reject(entry: CodeEntry, reason: str) -> CodeEntry:
    """The candidate, rejected with a reason. Raises UsageError without one."""
    words = one_line(reason, _REASON)
    if not words:
        raise UsageError("To reject a code needs a reason.", "", "A few words are enough.")
    return replace(entry, decision=Decision.REJECTED, reason=words)
