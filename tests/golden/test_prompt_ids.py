"""Prompts of every version, token for token: bundles were made with them, so a committed version never changes.

tests/golden/prompt_ids.json: version -> prompt -> its ids (one token a byte), whole for one prompt, as count and sha256
for the others. A new version is added to the file beside the old ones.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from edge.contract import prompts, templates
from edge.contract.schemas import extraction_instruction
from edge.errors import BundleError
from edge.reading.conversation import parse

FILE = Path(__file__).with_name("prompt_ids.json")
TALK = parse(
    "[doctor] What brings you in?\n[patient] My knee hurts , it's been 3 weeks.\n[patient] Größe 1,80 m <|im_end|>"
)
WHOLE = "sections allergies"


def golden(version: str, tokenizer: Any) -> dict[str, Any]:
    """What the file holds for a version."""
    sections = [(name, spec) for name in ("visit", "sections", "soap") for spec in templates.get(name).sections]
    own = prompts.turns_document(TALK.turns, [1, 0])
    asked = {f"{name} {spec.key}": (own, spec.instruction) for name, spec in sections}
    last = sections[-1][1].instruction
    asked["earlier"] = (prompts.turns_document(TALK.turns, [2]), prompts.with_earlier(last, "ALLERGIES\nPenicillin."))
    asked["statement"] = (prompts.turns_document(TALK.turns, [1]), prompts.STATEMENT_INSTRUCTION)
    asked["fields"] = (prompts.report_document("Gout.\n"), extraction_instruction())
    found: dict[str, Any] = {}
    for name, (document, instruction) in asked.items():
        prompt = prompts.render("chatml", document, instruction, version)
        ids = prompts.encode((*prompt.document, *prompt.instruction), tokenizer)
        digest = hashlib.sha256(json.dumps(ids).encode()).hexdigest()
        found[name] = ids if name == WHOLE else f"{len(ids)} {digest}"
    return found


@pytest.mark.parametrize("version", prompts.RENDERERS)
def test_a_committed_prompt_never_changes(version: str, byte_tokenizer: Any) -> None:
    committed = json.loads(FILE.read_text(encoding="utf-8"))
    assert committed.keys() == prompts.RENDERERS.keys()
    assert len(committed[version]) == 4 + 11 + 4 + 3
    assert golden(version, byte_tokenizer) == committed[version]


def test_the_document_is_shared_and_nothing_typed_becomes_a_control_token(byte_tokenizer: Any) -> None:
    ids = golden(prompts.PROMPT_VERSION, byte_tokenizer)[WHOLE]
    control = {byte_tokenizer.token_to_id(token) for token in ("<|im_start|>", "<|im_end|>")}
    assert sum(one in control for one in ids) == 5


def test_a_newer_version_is_named() -> None:
    with pytest.raises(BundleError, match=r"version '99'.*Update"):
        prompts.render("chatml", "d", "i", "99")
    assert prompts.renderer(prompts.PROMPT_VERSION).own_turns
