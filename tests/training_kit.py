"""A small training of one's own documents for the tests of edgescribe-training: its configuration, its figures."""

from __future__ import annotations

import json
from pathlib import Path

from training import runlog


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
