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
from edge.contract.phrases import PHRASES, phrases_bytes
from edge.engine.base import Engine, Request
from edge.engine.constrain import extraction_grammar
from edge.engine.loader import load_engine
from edge.engine.reader import AS_IS
from export.bundles import with_phrases
from export.card import BOM, CARD
from export.pack import pack
from export.to_onnx import Build
from tests.guesses_kit import guesses_hold, passes_form
from training import phrases

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
    grammar = extraction_grammar(document, ("age", "signs_symptoms")) if number % 5 == 4 else None
    request = Request(prompt, 20, grammar, no_repeats=number % 2 == 0)
    return next(event for event in engine.stream(request) if isinstance(event, Finished))


def _with_phrases(bundle: Path, answers: list[str], folder: Path) -> Path:
    """The same bundle with a table that was counted in answers."""
    found = verify_bundle(bundle)
    tokenizer = prompts.load_tokenizer(bundle / "tokenizer.json")
    counted = phrases.count(tokenizer.encode(text, add_special_tokens=False).ids for text in dict.fromkeys(answers))
    files = {one.path: one.sha256 for one in found.manifest.files if one.path not in (CARD, BOM)}
    (folder / "adapter").mkdir()
    raw = phrases_bytes(counted, files["tokenizer.json"], ["answers"], len(answers))
    (folder / "adapter" / PHRASES).write_bytes(raw)
    build = with_phrases(Build(bundle, files), folder / "adapter")
    return pack(build, found.manifest, folder / "told").folder


def test_two_hundred_answers_are_the_same_with_and_without_guesses(bundle_135m: Path, tmp_path: Path) -> None:
    """Guesses from the text alone, and with a table that was counted in every fifth answer."""
    documents = list(enumerate(_documents()))
    assert len(documents) == DOCUMENTS
    answers: dict[str, list[Finished]] = {}
    for name, drafts in (("plain", False), ("copied", True), ("told", True)):
        folder = bundle_135m
        if name == "told":
            folder = _with_phrases(bundle_135m, [one.text for one in answers["plain"][::5]], tmp_path)
        engine = load_engine(folder, allow_unsigned=True, drafts=drafts)
        try:
            answers[name] = [_answer(engine, *one, number) for number, one in documents]
        finally:
            engine.close()
    said = {name: [(one.text, one.reason, one.generated_tokens) for one in found] for name, found in answers.items()}
    assert said["copied"] == said["plain"]
    assert said["told"] == said["plain"]
    assert sum(one.generated_tokens for one in answers["plain"]) > 8 * DOCUMENTS
    if guesses_hold(bundle_135m):  # it guessed
        passes = {name: sum(one.passes for one in found) for name, found in answers.items()}
        assert passes["told"] < passes["copied"] < 0.9 * passes["plain"]


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
