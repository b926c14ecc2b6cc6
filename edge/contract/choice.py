"""Which installed model writes when nobody names one: one rule for the CLI, the app, doctor and the demo.

Among bundles that a trusted key signed, tuned for this work and meant for clinical use, that fit this machine's memory:
the one with the best development figure on its card, critical facts stated less the share of critical forbidden
statements made. Without that figure it comes after those that have it, the larger first. An untuned base is never
chosen unasked, nor a test model, nor what no key vouches for.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.contract.bundle import Found, signed_by
from edge.contract.manifest import Manifest
from edge.errors import BundleError

DEVELOPMENT = "facts-dev"
_RECALL, _FORBIDDEN = "critical.recall", "forbidden.share"
_ASIDE = 1_500_000_000  # bytes that the system, the vault and the screen keep
_GROWTH = 1.35  # memory of a running model for each byte of its weights (0.5B and 1.5B, int4, measured)
_CACHE = 300_000_000  # bytes of the cache for a long visit
_CGROUP = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True)
class Choice:
    """The bundle that is chosen, and why, as half a sentence."""

    found: Found
    why: str


def memory_bytes() -> int:
    """Memory of this machine, or of the container that this process runs in if that is less; 0 if nobody says."""
    total = 0
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # "max", or no such file
        total = min(total or 1 << 62, int(_CGROUP.read_text(encoding="ascii")))
    return total


def needed_bytes(manifest: Manifest) -> int:
    """Memory that a laptop needs to write with a bundle, the system's own share included."""
    weights = sum(entry.size for entry in manifest.files)
    return int(weights * _GROWTH) + _CACHE + _ASIDE


def fits(manifest: Manifest, memory: int) -> bool:
    """True if a machine of so much memory can carry the bundle; unknown memory (0) carries any."""
    return not memory or needed_bytes(manifest) <= memory


def worth(manifest: Manifest) -> float | None:
    """Critical facts stated less forbidden statements made, in points of the development set; None if not measured."""
    known = {figure.metric: figure.value for figure in manifest.figures if figure.dataset == DEVELOPMENT}
    return known[_RECALL] - known[_FORBIDDEN] if _RECALL in known and _FORBIDDEN in known else None


def rank(manifest: Manifest, trusted: bool, memory: int) -> tuple[bool, bool, bool, bool, float, int]:
    """Sort key of a bundle, the best one last."""
    value = worth(manifest)
    return (
        trusted,
        manifest.purpose == "clinical",
        manifest.adapter is not None,
        fits(manifest, memory),
        -1000.0 if value is None else value,
        manifest.base.parameters,
    )


def choose(installed: Sequence[Found], memory: int) -> Choice:
    """The bundle that writes unasked. Raises BundleError if none may: what there is, and how to ask for it."""
    usable = [one for one in installed if signed_by(one.folder) is not None and _meant(one.manifest)]
    fitting = [one for one in usable if fits(one.manifest, memory)]
    if not fitting:
        raise _none(installed, usable, memory)
    best = max(fitting, key=lambda one: rank(one.manifest, True, memory))
    return Choice(best, _why(best.manifest, len(fitting)))


_SIZES = (0.5, 1.0, 1.7, 3.0, 4.0, 8.0)  # billions of parameters, as models are offered
_BYTES_A_PARAMETER = 0.65  # int4 with its scales and an int8 embedding, of the 0.5B and 1.5B bundles
_SLOW = 15.0  # tokens a second under which a note of 400 tokens takes half a minute more than it is read in
_SPEED = 14.0  # tokens a second and core of a model of one billion parameters, from the 1.5B on two cores


def carries(memory: int, cores: int) -> str:
    """The largest usual size of model that a machine can carry in int4, as a sentence for people."""
    free = memory - _ASIDE - _CACHE
    fitting = [size for size in _SIZES if size * 1e9 * _BYTES_A_PARAMETER * _GROWTH <= free]
    machine = f"{memory / 1e9:.0f} GB of memory, {cores} core{'s' if cores > 1 else ''}"
    if not memory:
        return "this system does not say how much memory it has"
    if not fitting:
        return f"{machine}: too little for any model that writes notes"
    quick = [size for size in fitting if _SPEED * cores / size >= _SLOW]
    named = f"{machine}: models of up to {fitting[-1]:g}B parameters in int4"
    if quick and quick[-1] < fitting[-1]:
        return f"{named}; above {quick[-1]:g}B a note takes minutes (estimated)"
    return named if quick else f"{named}; a note takes minutes (estimated)"


def _meant(manifest: Manifest) -> bool:
    return manifest.purpose == "clinical" and manifest.adapter is not None and manifest.kind == "decoder"


def _why(manifest: Manifest, among: int) -> str:
    known = {figure.metric: figure.value for figure in manifest.figures if figure.dataset == DEVELOPMENT}
    if worth(manifest) is None:
        return "the only tuned model that fits" if among == 1 else f"the largest of {among} tuned models that fit"
    figures = (
        f"{known[_RECALL]:.0f} % of critical facts stated, {known[_FORBIDDEN]:.0f} % of forbidden statements made, "
        "on development visits"
    )
    return f"{'the only tuned model that fits' if among == 1 else f'the best of {among} that fit'}: {figures}"


def _none(installed: Sequence[Found], usable: Sequence[Found], memory: int) -> BundleError:
    names = ", ".join(sorted(one.folder.name for one in installed))
    ask = "Name one with --bundle NAME; `edgescribe bundle list` shows them."
    if usable:
        least = min(needed_bytes(one.manifest) for one in usable)
        why = f"This machine has {memory / 1e9:.0f} GB of memory; the smallest needs {least / 1e9:.1f} GB."
        return BundleError("No installed model fits this machine.", why, ask)
    tuned = [one for one in installed if one.manifest.adapter is not None and one.manifest.purpose == "clinical"]
    if tuned:
        ask = "See `edgescribe bundle trust`, or name one with --bundle NAME and --allow-unsigned."
        return BundleError("No trusted key signed the installed models.", f"Installed: {names}.", ask)
    why = f"Installed: {names}: a base as it comes, or a test model."
    return BundleError("No installed model was tuned to write notes.", why, ask)
