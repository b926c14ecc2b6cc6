"""One bundle, one document: the same text whatever the number of threads, twice over, and after other answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.contract import prompts
from edge.contract.events import Finished
from edge.engine import onnx
from edge.engine.base import Request
from edge.engine.loader import load_engine

pytestmark = [pytest.mark.model, pytest.mark.long]
TALK = (
    "Doctor: What brings you in today?\nPatient: My left knee hurts since the 3rd of May, mostly on stairs.\n"
    "Doctor: Do you take anything for it?\nPatient: Ibuprofen 400 mg twice a day, and metformin for the sugar.\n"
    "Doctor: The knee is warm, there is a small effusion. We will get an X-ray and see you in two weeks."
)


def _answers(bundle: Path) -> list[Finished]:
    """Two sections and the first one again, each free text under the rule against repeats."""
    engine = load_engine(bundle, allow_unsigned=True)
    found = []
    try:
        for section in ("history", "plan", "history"):
            document = prompts.conversation_document(TALK)
            asked = f"Write the {section} section of the clinical note."
            prompt = prompts.render(engine.info.prompt_format, document, asked, engine.info.prompt_version)
            found += [e for e in engine.stream(Request(prompt, 150, no_repeats=True)) if isinstance(e, Finished)]
    finally:
        engine.close()
    return found


def test_the_same_text_at_one_two_and_more_threads(bundle_135m: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = {}
    for threads in (1, 2, 4):
        monkeypatch.setattr(onnx, "session_options", lambda threads=threads: {"intra_op_num_threads": threads})
        first, other, again = _answers(bundle_135m)
        assert (first.text, first.reason) == (again.text, again.reason)  # after a rewind and another answer
        assert first.text != other.text
        assert first.generated_tokens > 20
        written[threads] = [(one.text, one.reason, one.generated_tokens) for one in (first, other)]
    assert written[1] == written[2] == written[4]
