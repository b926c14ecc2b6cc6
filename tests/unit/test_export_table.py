"""The quantisation table: what a row says, that half precision has no made-up rates, that the page is kept in order."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import table
from export.catalog import get
from export.compare import Distance
from export.held import Held
from export.notes import ACI, MTS
from export.speed import Speed
from export.table import TableRow, markdown, measure_table, plot_svg, replace_section
from export.to_onnx import Build

BASE = get("smollm2-135m-instruct")
FAR = Distance(tokens=90, documents=3, perplexity=11.0, reference_perplexity=10.0, kl=0.05, agreement=0.9)
ROWS = [
    TableRow("fp16", 269_030_016, FAR, None, {}),
    TableRow("int4 rtn_mixed, block 32", 117_000_000, FAR, Speed(241.4, 70.25, 318_000_000), {ACI: 21.0, MTS: 9.96}),
]


def test_a_row_says_what_was_measured_and_nothing_else() -> None:
    page = markdown(BASE, ROWS, 2, "2 cores", "p.svg")
    assert "3 held conversations of MTS-Dialog (validation), 90 answer tokens, source perplexity 10.00." in page
    assert "| fp16 | 269 | – | – | – | 1.100 | 0.0500 | 90.0% | – | – |" in page
    assert "| int4 rtn_mixed, block 32 | 117 | 318 | 241 | 70.2 | 1.100 | 0.0500 | 90.0% | 21.0 | 10.0 |" in page
    assert "fp16: this machine's runtime lacks the kernels" in page
    assert "lacks the kernels" not in markdown(BASE, ROWS[1:], 2, "2 cores", "p.svg")
    assert "ROUGE" not in markdown(BASE, ROWS, 0, "2 cores", "p.svg")


def test_one_section_is_replaced_and_the_others_stay() -> None:
    page = "# Title\n\n## one\n\nold\n\n## two\n\nkept\n"
    assert replace_section(page, "one", "## one\n\nnew\n") == "# Title\n\n## one\n\nnew\n\n## two\n\nkept\n"
    assert replace_section(page, "three", "## three\n").endswith("kept\n\n## three\n")


def test_the_same_figures_make_the_same_plot(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        plot_svg(BASE, ROWS, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


class Fixed:
    """Scores that depend on the position only."""

    def __init__(self, folder: Path, halved: bool = False) -> None:
        self.halved = halved

    def logits(self, ids: Any, first: int = 0) -> Any:
        return np.random.default_rng(1).standard_normal((len(ids), 300)).astype(np.float32)[first:]


def test_every_variant_is_built_and_measured_once(
    byte_tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    byte_tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "config.json").write_text('{"hidden_size": 576}')
    built: list[str] = []

    def build(base: Any, options: Any, progress: Any) -> Build:
        built.append(options.precision)
        folder = tmp_path / f"b{len(built)}"
        folder.mkdir()
        (folder / "model.onnx.data").write_bytes(b"x" * len(built))
        return Build(folder, {"model.onnx.data": ""})

    monkeypatch.setattr(table, "hf_folder", lambda *_, **__: tmp_path)
    monkeypatch.setattr(table, "build", build)
    monkeypatch.setattr(table, "OnnxLogits", Fixed)
    monkeypatch.setattr(table, "HfLogits", Fixed)
    rates = iter(range(1, 1000))
    monkeypatch.setattr(table, "measure_speed", lambda _: Speed(float(next(rates)), 1.0, 5))
    rows = measure_table(BASE, [Held("d", "i", "a")], {}, rounds=2)
    assert built == ["fp32", "fp16", "int8", *["int4"] * 7]
    assert [row.size for row in rows] == sorted((row.size for row in rows), reverse=True)
    assert len({row.name for row in rows}) == len(rows) == 10
    assert all(row.distance.agreement == 1.0 and row.distance.documents == 1 for row in rows)
    fewer = measure_table(BASE, [Held("d", "i", "a")], {}, rounds=1, without=["k_quant", "fp"])
    assert [row.name for row in fewer] == [r.name for r in rows if "k_quant" not in r.name and "fp" not in r.name]
    best = {row.name: row.speed.prefill for row in rows if row.speed is not None}
    assert sorted(best.values()) == list(range(11, 21))  # the better of two rounds, which went over all ten in turn


def test_scores_of_killed_runs_are_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "cache_dir", lambda: tmp_path)
    for name, age in (("scores-old", 3 * 86400), ("scores-of-a-run", 3600), ("bundles", 9 * 86400)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.npy").write_bytes(b"x")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    table._forget_killed_runs()
    assert {left.name for left in tmp_path.iterdir()} == {"scores-of-a-run", "bundles"}
