"""Small trainings for the tests of edgescribe-training: their documents, configuration and figures."""

from __future__ import annotations

import json
from pathlib import Path

from training import runlog
from training.config import Config, parse
from training.mixing import PreparedSets
from training.sources import Task, TrainingDocument


def own_data(base: Path, folder: Path, options: str) -> list[str]:
    """Arguments of `run` for a configuration over twelve reports of the user's own."""
    rows = folder / "rows.jsonl"
    line = {"kind": "report", "instruction": "Which number?"}
    lines = [{**line, "document": f"the number {i} ", "target": f"the {i}"} for i in range(12)]
    rows.write_text("\n".join(json.dumps(x) for x in lines), encoding="utf-8")
    config = folder / "c.toml"
    config.write_text(
        f"[base]\nname = {json.dumps(str(base))}\n[data]\nvalidate = []\n"
        f"passes = {{ {json.dumps(str(rows))} = 1.0 }}\n{options}",
        encoding="utf-8",
    )
    return [str(config), "--data", str(folder)]


def logged(folder: Path, name: str) -> list[float]:
    """A figure of a run, at every step that has it."""
    return [facts[name] for facts in runlog.read(folder / "metrics.jsonl") if name in facts]


def documents(n: int, split: str = "train") -> list[TrainingDocument]:
    """Reports of a number, two tasks each."""
    return [
        TrainingDocument(
            f"{split}{i}", "own", split, f"Report:\nthe number {i} " + "and the other " * (i % 5),
            (Task("s", "Which number?", f"the {i}"), Task("t", "Any drug?", "None.")),
        )
        for i in range(n)
    ]  # fmt: skip


PREPARED = PreparedSets({"own": documents(24)}, documents(3, "valid"), {})


def small(base: Path, **sections: dict[str, object]) -> Config:
    """A run of seconds over PREPARED with a tiny base; sections: what is to differ."""
    raw = {
        "base": {"name": str(base)},
        "lora": {"rank": 4, "alpha": 8, "dropout": 0.1},
        "data": {"passes": {"own": 1.0}},
        "batch": {"tokens": 600, "row_tokens": 300, "free_tokens": 200},
        "optimiser": {"learning_rate": 5e-3, "epochs": 2},
        "run": {"checkpoint_steps": 2, "checkpoint_seconds": 0, "precision": "fp32", "threads": 1},
    }
    return parse({name: {**raw.get(name, {}), **sections.get(name, {})} for name in raw}, "test")


def quiet(line: str) -> None:
    """Narration of a run that nobody looks at."""
    assert line
