"""Guessing ahead changes no answer: over 200 documents, token for token, with the real kernels of this machine."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import paths
from edge.contract import prompts
from edge.contract.bundle import verify_bundle
from edge.contract.events import Finished
from edge.engine.base import Engine, Request
from edge.engine.constrain import extraction_grammar
from edge.engine.loader import load_engine
from edge.engine.reader import AS_IS
from tests.guesses_kit import guesses_hold, passes_form

pytestmark = [pytest.mark.model, pytest.mark.long]
DOCUMENTS, FAMILY = 200, 10


def _documents() -> Iterator[tuple[str, str]]:
    """(document, instruction): turns of the sample visit or lines of the sample report in other orders, ten documents
    of each order, every one longer than the one before: what they share is read once."""
    root = paths.checkout()
    assert root is not None
    kinds = [(root / "edge" / "samples" / name).read_text(encoding="utf-8") for name in ("visit.txt", "report.txt")]
    rng = random.Random(22)
    for number in range(DOCUMENTS // FAMILY):
        lines = [line for line in kinds[number % 4 == 3].splitlines() if line.strip()]
        chosen = [lines[at % len(lines)] for at in rng.sample(range(2 * len(lines)), FAMILY + 1)]
        section = rng.choice(("history", "findings", "assessment", "plan"))
        for end in range(2, FAMILY + 2):
            yield "\n".join(chosen[:end]), f"Write the {section} of the clinical note."


def _answer(engine: Engine, document: str, instruction: str, number: int) -> Finished:
    text = prompts.conversation_document(document)
    prompt = prompts.render(engine.info.prompt_format, text, instruction, engine.info.prompt_version)
    grammar = extraction_grammar(document, ("age", "signs_symptoms")) if number % 20 == 19 else None
    request = Request(prompt, 20, grammar, no_repeats=number % 2 == 0)
    return next(event for event in engine.stream(request) if isinstance(event, Finished))


def test_two_hundred_answers_are_the_same_with_and_without_guesses(bundle_135m: Path) -> None:
    plain = load_engine(bundle_135m, allow_unsigned=True, drafts=False)
    drafted = load_engine(bundle_135m, allow_unsigned=True)
    passes, tokens, count = [0, 0], 0, 0
    try:
        for number, (document, instruction) in enumerate(_documents()):
            one, other = (_answer(engine, document, instruction, number) for engine in (plain, drafted))
            assert (one.text, one.reason, one.generated_tokens) == (other.text, other.reason, other.generated_tokens)
            passes = [passes[0] + one.passes, passes[1] + other.passes]
            tokens, count = tokens + one.generated_tokens, count + 1
    finally:
        plain.close()
        drafted.close()
    assert count == DOCUMENTS
    assert tokens > 8 * DOCUMENTS
    if guesses_hold(bundle_135m):
        assert passes[1] < 0.9 * passes[0]  # it guessed


def test_the_scores_are_the_same_however_a_text_is_cut_into_passes(bundle_135m: Path) -> None:
    """What makes it true: every bit of every score, at one, two and three threads, deep in a cache and at its start,
    in the form of passes that the program found. Where none holds on a processor it must guess nothing there.
    """
    from edge.engine.onnx import OnnxModel

    verify_bundle(bundle_135m)
    differ = []
    form = passes_form(bundle_135m) or AS_IS
    ids = [5 + (7919 * i + i * i) % 20_000 for i in range(700)]
    for threads in (1, 2, 3):
        model = OnnxModel(bundle_135m, threads)
        for start in (3, 600):
            session = model.open_session(1024)
            assert session.places
            session.append([*ids[:start], *[5] * (form.rows(start) - start)])
            wanted = None
            for size in (1, 2, 3, 7, 16):
                session.rewind(start)
                found = []
                for at in range(start, start + 16, size):
                    piece = ids[at : min(at + size, start + 16)]
                    rows = form.rows(len(piece))
                    session.rewind(at)
                    session.append([*piece, *[5] * (rows - len(piece))], rows)
                    found += [session.logits(rows - 1 - place).tobytes() for place in range(len(piece))]
                wanted = wanted or found
                differ += [] if found == wanted else [(threads, start, size)]
    assert not differ or not guesses_hold(bundle_135m), differ
