"""Shared by all tests: the checkout's root, a small tokenizer, and a data folder that is not the user's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from edge import paths

ROOT = Path(__file__).resolve().parent.parent
SYSTEMS = {"mac": "darwin", "windows": "win32"}  # marker, sys.platform
CONTROLS = ["<|im_start|>", "<|im_end|>", "<|endoftext|>"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What needs a Mac or Windows is left out elsewhere, unless it is asked for (`pytest -m mac`, `-m windows`)."""
    others = [name for name, system in SYSTEMS.items() if sys.platform != system and name not in config.option.markexpr]
    left = [item for item in items if any(item.get_closest_marker(name) for name in others)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a data folder of its own, and sees no bundle but those in it: what was built in this checkout
    is another machine's to it, signed by a key that it does not trust."""
    folder = tmp_path / "home"
    monkeypatch.setenv("EDGESCRIBE_HOME", str(folder))
    monkeypatch.setattr(paths, "bundle_dirs", lambda: [paths.data_dir() / "bundles"])
    return folder


@pytest.fixture
def byte_tokenizer() -> Any:
    """One token a byte, and the ChatML control tokens: enough for every rule of prompts and decoding."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({ch: i for i, ch in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(c, special=True) for c in CONTROLS])
    tokenizer.encode_special_tokens = True
    return tokenizer
