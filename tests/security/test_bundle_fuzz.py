"""2,000 spoiled bundles: each is refused with a named error, or is lawful; none may end in another exception."""

from __future__ import annotations

import copy
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from bundle_kit import contents, manifest_of, write_bundle

from edge.contract.bundle import verify_bundle
from edge.contract.manifest import canonical
from edge.errors import BundleError

COUNT = 2000
JUNK: list[Any] = [None, True, -1, 0, 1 << 70, 0.5, "", "x" * 600, "../x.json", "\x1b[2J", [], {}, [[]], {"a": {}}]


def flip(folder: Path, rng: random.Random) -> None:
    """Change one to eight bytes of a file."""
    path = folder / rng.choice(sorted(p.name for p in folder.iterdir()))
    raw = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 8)):
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    path.write_bytes(raw)


def truncate(folder: Path, rng: random.Random) -> None:
    """Cut a file short, or let it grow."""
    path = folder / rng.choice(sorted(p.name for p in folder.iterdir()))
    raw = path.read_bytes()
    path.write_bytes(raw[: rng.randrange(len(raw))] if rng.random() < 0.7 else raw + rng.randbytes(rng.randint(1, 99)))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in items:
        found += places(entry, (*path, key))
    return found


def spoil_json(value: Any, rng: random.Random) -> Any:
    """Remove, replace or add one field anywhere."""
    value = copy.deepcopy(value)
    *parents, last = rng.choice(places(value))
    holder = value
    for key in parents:
        holder = holder[key]
    action = rng.randrange(3)
    if action == 0:
        del holder[last]
    elif action == 1:
        holder[last] = copy.deepcopy(rng.choice(JUNK))
    elif isinstance(holder, dict):
        holder[rng.choice(("custom_ops_library", "enable_profiling", "a", ""))] = copy.deepcopy(rng.choice(JUNK))
    else:
        holder.append(copy.deepcopy(rng.choice(JUNK)))
    return value


def fields(folder: Path, rng: random.Random) -> None:
    """Spoil the manifest, kept in canonical form so that its content is what must be refused."""
    value = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_bytes(canonical(spoil_json(value, rng)))


def config(folder: Path, rng: random.Random) -> None:
    """Spoil the runtime's configuration and list it under its true hash, as somebody who can sign would."""
    value = spoil_json(json.loads((folder / "genai_config.json").read_text()), rng)
    relist(folder, "genai_config.json", canonical(value))


def graph(folder: Path, rng: random.Random) -> None:
    """Spoil the ONNX file and list it under its true hash."""
    raw = bytearray((folder / "model.onnx").read_bytes())
    for _ in range(rng.randint(1, 4)):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    relist(folder, "model.onnx", bytes(raw[: rng.randrange(len(raw))] if rng.random() < 0.2 else raw))


def relist(folder: Path, name: str, raw: bytes) -> None:
    (folder / name).write_bytes(raw)
    files = {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "manifest.json"}
    (folder / "manifest.json").write_bytes(canonical(manifest_of(files)))


def lies(folder: Path, rng: random.Random) -> None:
    """Lie about sizes, hashes or names in the list of files."""
    value = json.loads((folder / "manifest.json").read_text())
    entry = rng.choice(value["files"])
    kind = rng.choice(("size", "sha256", "path"))
    entry[kind] = {
        "size": rng.choice((0, 1, -1, 1 << 40, 1 << 80)),
        "sha256": rng.choice(("0" * 64, "x", "")),
        "path": rng.choice(("../up.json", "a/b.json", "x.so", "tokenizer.json", "", "manifest.json")),
    }[kind]
    (folder / "manifest.json").write_bytes(canonical(value))


@pytest.mark.long
def test_two_thousand_spoiled_bundles(tmp_path: Path) -> None:
    rng = random.Random(20261121)
    kinds = (flip, truncate, fields, config, graph, lies)
    refused = dict.fromkeys((kind.__name__ for kind in kinds), 0)
    good, folder = write_bundle(tmp_path / "good"), tmp_path / "spoiled"
    sound = {path.name: path.read_bytes() for path in good.iterdir()}
    shutil.copytree(good, folder)
    identity = verify_bundle(good).sha256
    messages: list[str] = []
    passed = 0
    for number in range(COUNT):
        kind = kinds[number % len(kinds)]
        kind(folder, rng)
        try:
            bundle = verify_bundle(folder)
        except BundleError as error:
            messages.append(str(error))
            refused[kind.__name__] += 1
        else:
            # Content edited and listed under its true hash is another bundle, yet a lawful one.
            assert kind in (fields, config, graph) or bundle.sha256 == identity, kind
            passed += 1
        assert {path.name for path in folder.iterdir()} == set(sound)
        for name, raw in sound.items():  # put right again; making and removing folders would take most of the time
            if (folder / name).read_bytes() != raw:
                (folder / name).write_bytes(raw)
    assert sum(refused.values()) + passed == COUNT
    assert all(len(message) > 20 and "\x1b" not in message for message in messages)
    assert refused["flip"] >= 330
    assert refused["truncate"] >= 330
    assert refused["lies"] >= 320
    assert refused["fields"] > 200
    assert refused["config"] > 150
    assert refused["graph"] > 100
    assert verify_bundle(good).manifest.files[0].size == len(contents()["genai_config.json"])
