"""Whether guessing ahead is exact on this machine: not on every processor (docs/adr/0095)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from threading import Event

from edge.contract import prompts
from edge.contract.bundle import verify_bundle
from edge.engine.base import Request
from edge.engine.loader import load
from edge.engine.reader import Form


def guesses_hold(bundle: Path) -> bool:
    """Whether the program, which tries it when it starts, finds the same bits for several tokens as for one."""
    return passes_form(bundle) is not None


@cache
def passes_form(bundle: Path) -> Form | None:
    """The form of passes that the program finds to give the same bits on this machine; None: none does."""
    loaded = load(verify_bundle(bundle))
    prompt = prompts.render(loaded.info.prompt_format, "Fever.", "Write the plan.", loaded.info.prompt_version)
    list(loaded.decoder.run(Request(prompt, 4), Event()))
    drafting = loaded.decoder._drafting
    return drafting.form if drafting.exact else None
