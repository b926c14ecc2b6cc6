"""What a bundle says of itself to people: its manifest's facts and figures, and words from its own model card.

Nothing is claimed here that stands in neither. The card is one of the bundle's files: it is shown only if it is the
one that the manifest lists. Everything else is verified when the bundle is opened, or on demand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge.contract import choice
from edge.contract.bundle import list_bundles, signed_by
from edge.contract.manifest import Figure, Gate, Manifest
from edge.text import one_line, sanitise

CARD_FILE = "model-card.md"
_MAX_CARD_BYTES = 256 * 1024
_USE, _FAILURES = "Intended use", "Known failures"


@dataclass(frozen=True)
class BundleCard:
    """One installed bundle. name: its folder's. megabytes: of all its files. signer: name of the trusted key, or None.

    use: the card's words on what it is for; failures: the known ones it names; both empty without a card that fits.
    """

    name: str
    folder: Path
    manifest: Manifest
    signer: str | None
    use: str
    failures: tuple[str, ...]

    @property
    def purpose(self) -> str:
        """ "clinical" or "test"."""
        return self.manifest.purpose

    @property
    def megabytes(self) -> float:
        return sum(entry.size for entry in self.manifest.files) / 1e6

    @property
    def parameters(self) -> float:
        """Millions."""
        return self.manifest.base.parameters / 1e6

    @property
    def figures(self) -> list[Figure]:
        return self.manifest.figures

    @property
    def gate(self) -> Gate | None:
        return self.manifest.gate


def cards(dirs: Iterable[Path]) -> list[BundleCard]:
    """Bundles in dirs, in the order in which one of them is chosen (edge.contract.choice).

    Of two with one name only the first is there, as the name stands for that one.
    """
    by_name = {one.folder.name: one for one in reversed(list_bundles(dirs))}
    found = [_card(one.folder, one.manifest) for one in by_name.values()]
    memory = choice.memory_bytes()
    return sorted(found, key=lambda c: choice.rank(c.manifest, c.signer is not None, memory), reverse=True)


def _card(folder: Path, manifest: Manifest) -> BundleCard:
    text = _text(folder, manifest)
    use = " ".join(" ".join(_section(text, _USE)).split())
    failures = tuple(one_line(line[2:], 400) for line in _section(text, _FAILURES) if line.startswith("- "))
    return BundleCard(one_line(folder.name, 60), folder, manifest, signed_by(folder), one_line(use, 1000), failures)


def _text(folder: Path, manifest: Manifest) -> str:
    """The card's text, "" if there is none or it is not the one that was built."""
    entry = next((e for e in manifest.files if e.path == CARD_FILE), None)
    if entry is None or entry.size > _MAX_CARD_BYTES or (folder / CARD_FILE).is_symlink():
        return ""
    try:
        with (folder / CARD_FILE).open("rb") as file:
            raw = file.read(_MAX_CARD_BYTES + 1)
    except OSError:
        return ""
    return sanitise(raw.decode("utf-8", "replace")) if hashlib.sha256(raw).hexdigest() == entry.sha256 else ""


def _section(text: str, heading: str) -> list[str]:
    """Lines under a "## " heading; a bullet that goes on in the next line is joined."""
    found: list[str] = []
    inside = False
    for line in text.split("\n"):
        if line.startswith("## "):
            inside = line[3:].strip() == heading
        elif inside and line.strip():
            if line.startswith(" ") and found:
                found[-1] += " " + line.strip()
            else:
                found.append(line.rstrip())
    return found
