"""Cuts a large file into parts that can be carried one by one, and joins them again once every hash agrees."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from edge.errors import TrainingError, UsageError
from training import folders

INDEX = "parts.json"


def split(file: Path, folder: Path, part_bytes: int) -> int:
    """Cut a file into numbered parts with an index of their hashes; returns how many parts.

    Raises UsageError for parts of no size and for an empty file, TrainingError if they cannot be written.
    """
    if part_bytes < 1 or not file.stat().st_size:
        raise UsageError(f"{file.name} cannot be cut into parts of {part_bytes} bytes.", "", "Correct --bytes.")
    hashes: list[str] = []
    whole = hashlib.sha256()
    with folders.writing(folder), file.open("rb") as stream:
        folder.mkdir(parents=True, exist_ok=True)
        while piece := stream.read(part_bytes):
            (folder / f"{len(hashes):04d}.part").write_bytes(piece)
            hashes.append(hashlib.sha256(piece).hexdigest())
            whole.update(piece)
        index = {"name": file.name, "sha256": whole.hexdigest(), "parts": hashes}
        folders.replace(folder / INDEX, json.dumps(index))
    return len(hashes)


def join(folder: Path, target: Path) -> Path:
    """Put a folder of parts together as a file in target, once every hash agrees; returns the file.

    Raises TrainingError for parts that are missing or damaged, and for an index that names no plain file.
    """
    index = _index(folder / INDEX)
    paths = [folder / f"{number:04d}.part" for number in range(len(index["parts"]))]
    lacking = [path.name for path in paths if not path.is_file()]
    if lacking:
        raise TrainingError(f"{len(lacking)} part(s) are missing.", ", ".join(lacking[:10]), "Copy them here, too.")
    whole, aside = target / index["name"], target / f".{index['name']}"
    with folders.writing(target):
        target.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with aside.open("wb") as stream:
            for path, wanted in zip(paths, index["parts"], strict=True):
                piece = path.read_bytes()
                if hashlib.sha256(piece).hexdigest() != wanted:
                    raise TrainingError(f"{path.name} is damaged.", "Its sha256 differs.", "Copy it again.")
                digest.update(piece)
                stream.write(piece)
        if digest.hexdigest() != index["sha256"]:
            raise TrainingError("The parts are of another file.", "The sha256 of the whole differs.", "Cut it again.")
        aside.replace(whole)
    return whole


def _index(path: Path) -> dict[str, Any]:
    """Name, sha256 and hashes of the parts of a file."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        name, whole, hashes = raw["name"], raw["sha256"], raw["parts"]
        good = all(isinstance(text, str) and text for text in (name, whole, *hashes)) and bool(hashes)
    except (OSError, ValueError, KeyError, TypeError):
        good = False
    if not good or Path(name).name != name or name.startswith("."):
        raise TrainingError(f"{path.parent} holds no parts.", f"{INDEX} is missing or damaged.", "Copy it again.")
    return {"name": name, "sha256": whole, "parts": hashes}
