"""The checks of a statement against the conversation, each with a name of its own; tuned for precision.

A check says nothing unless the conversation speaks against a statement: what was only not said is no contradiction
(that is the business of links). Add one by a module with NAME and check(view), and its line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edge.evidence.checks import (
    age_sex,
    allergic,
    allergy,
    certainty,
    dose,
    drug,
    duration,
    finding,
    frequency,
    negation,
    number,
    ordered,
    planned,
    side,
    stopped,
    subject,
)  # fmt: skip
from edge.evidence.view import Flag, View

Check = Callable[[View], Iterator[Flag]]

_MODULES = (
    dose, drug, frequency, number, duration, side, negation, subject, certainty, planned, allergy, stopped, finding,
    age_sex, ordered, allergic,
)  # fmt: skip
CHECKS: dict[str, Check] = {module.NAME: module.check for module in _MODULES}


def run(view: View) -> tuple[Flag, ...]:
    """All flags of a statement, in the order of the checks."""
    return tuple(flag for check in CHECKS.values() for flag in check(view))
