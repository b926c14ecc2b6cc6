"""The whole MLX parity, on Apple Silicon: `pytest -m mac`. On a CPU MLX takes seconds for each token.

Left out elsewhere (tests/conftest.py); tests/model/test_export_mlx.py has the short form that runs everywhere.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.contract import templates
from edge.contract.bundle import verify_bundle
from edge.engine.loader import load_engine
from edge.reading.conversation import parse
from edge.tasks.note import Note, NoteFinished, write_note
from export.base import hf_folder
from export.bundles import make_mlx_bundle
from export.compare import compare
from export.gate import limits
from export.held import load_held
from export.logits import HfLogits
from export.machine import sign_here
from export.options import Precision
from export.to_mlx import MlxLogits

pytestmark = [pytest.mark.mac, pytest.mark.model]

BASE, DOCUMENTS = "smollm2-135m-instruct", 50
VISIT = "Doctor: What brings you in?\nPatient: My left knee hurts since Monday.\nDoctor: Take ibuprofen 400 mg.\n"
# The test model has been rounded once before (Q4_1), so its int4 moves further than a gate allows a real one.
KL: dict[Precision, float] = {"fp16": 0.005, "int8": 0.03, "int4": 0.5}


def bundle(precision: Precision, out: Path) -> Path:
    return make_mlx_bundle(BASE, precision, out=out)[0].folder


@pytest.mark.parametrize("precision", ["fp16", "int8", "int4"])
def test_every_precision_says_what_its_source_says(precision: Precision, tmp_path: Path) -> None:
    folder = bundle(precision, tmp_path)
    source = HfLogits(hf_folder(BASE))
    held = load_held(DOCUMENTS)
    assert len(held) == DOCUMENTS
    found = compare(source, {"mlx": MlxLogits(folder)}, held, folder / "tokenizer.json", "chatml")["mlx"]
    assert found.kl < KL[precision]
    if precision != "int4":
        assert found.agreement >= limits(precision)["agreement"]
        assert found.perplexity_ratio <= limits(precision)["perplexity_ratio"]


def note(folder: Path) -> Note:
    engine = load_engine(folder)
    try:
        for part in write_note(engine, parse(VISIT), templates.get("visit")):
            if isinstance(part, NoteFinished):
                return part.note
    finally:
        engine.close()
    raise AssertionError("no note")


def test_the_same_bundle_writes_the_same_note_from_the_shared_document(tmp_path: Path) -> None:
    folder = bundle("int8", tmp_path)
    sign_here(folder)
    first, second = note(folder), note(folder)
    assert first.text == second.text
    assert first.generated_tokens > 0
    assert [key for key, _ in first.reasons] == [spec.key for spec in templates.get("visit").sections]


def test_a_bundle_built_there_is_whole_and_signed_for_that_machine(tmp_path: Path) -> None:
    folder = bundle("int4", tmp_path)
    assert sign_here(folder) == "built-here"
    manifest = verify_bundle(folder, require_signature=True).manifest
    assert (manifest.runtime, manifest.precision, manifest.options) == ("mlx", "int4", {"group": 64, "languages": "en"})
