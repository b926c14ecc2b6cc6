"""The quality gate: how far a bundle may move from its source before it needs a reason (export/gates.toml).

The gate is part of the manifest, so a signature covers it.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path

from edge.contract.bundle import Bundle, verify_bundle
from edge.contract.manifest import SIGNATURE, Gate, Manifest
from edge.errors import BundleError, UsageError
from export.compare import Distance
from export.pack import describe

# Of these the limit is the least allowed; of the others the most.
_AT_LEAST = {"agreement", "documents"}


def limits(precision: str) -> dict[str, float]:
    """The limits for a precision. Raises UsageError if gates.toml has none."""
    table = tomllib.loads(Path(__file__).with_name("gates.toml").read_text(encoding="utf-8"))
    if precision not in table:
        raise UsageError(f"export/gates.toml has no limits for {precision}.", f"It has {', '.join(table)}.")
    return {name: float(value) for name, value in table[precision].items()}


def judge(precision: str, distance: Distance, notes: Mapping[str, float]) -> Gate:
    """Compare measured figures with the limits of a precision; what was not measured does not keep its limit.

    notes: export.notes.losses.
    """
    bounds = limits(precision)
    gate = Gate(passed=True, measured=distance.measured() | dict(notes), limits=bounds)
    return gate.model_copy(update={"passed": not _broken(gate)})


def record(folder: Path, gate: Gate) -> Bundle:
    """Write gate into the manifest and card of a bundle folder. A signature over the old manifest is removed."""
    manifest = verify_bundle(folder).manifest.model_copy(update={"gate": gate})
    (folder / SIGNATURE).unlink(missing_ok=True)
    describe(folder, manifest)
    return verify_bundle(folder)


def may_be_signed(manifest: Manifest, reason: str | None) -> Gate | None:
    """The gate to record before signing, None to leave it. Raises BundleError if not passed and no reason is given."""
    gate = manifest.gate
    if gate is not None and gate.passed:
        return None
    if reason is None or not reason.strip():
        raise BundleError(
            f"The bundle {manifest.name!r} has not passed the quality gate.",
            "It was not compared with its source." if gate is None else f"Measured: {failures(gate)}.",
            "Run `edgescribe-export verify`, or sign with --accept REASON; the reason goes into the manifest.",
        )
    base = gate or Gate(passed=False, measured={}, limits={})
    return base.model_copy(update={"accepted": reason.strip()})


def failures(gate: Gate) -> str:
    """The figures that broke their limits, for people."""
    words = []
    for name in _broken(gate):
        value = f"{gate.measured[name]:g}" if name in gate.measured else "not measured"
        words.append(f"{name} {value} (limit: {'at least' if name in _AT_LEAST else 'at most'} {gate.limits[name]:g})")
    return ", ".join(words) or "nothing"


def _broken(gate: Gate) -> list[str]:
    broken = []
    for name, bound in gate.limits.items():
        value = gate.measured.get(name, math.nan)
        if not (value >= bound if name in _AT_LEAST else value <= bound):
            broken.append(name)
    return broken
