"""Beside llama.cpp on this machine: reading, writing, fields, a whole visit, memory; then how cost grows with work.

    python -m tests.bench.bench_speed [--rounds N] [--threads N] [--models a,b] [--tokens 900,2500] [--no-write]

`--models '' --growth - --kept FILE` measures nothing and writes the page from what was kept.

Each figure is a median over rounds in turns, ours then theirs, each in a process of its own; ratios come first, since
seconds are worth what the machine was. Ratios of processor time stand beside those of wall time: they hold on a busy
machine as well. The measured part of docs/performance.md and its plots are replaced where llama.cpp (the bench extra)
is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from edge.contract.phrases import PHRASES
from export import to_onnx
from export.base import base_digest, hf_folder
from export.catalog import get
from export.fetch import base_path
from export.options import OnnxOptions
from tests.bench import speed_report

MODELS = ("smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct")
LENGTHS = (250, 500, 1000, 2000, 4000, 8000)
ROOT = Path(__file__).resolve().parents[2]
TAGGER = ROOT / "models" / "bundles" / "tagger-minilm"


def child(job: dict[str, Any]) -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.speed_child"]
    done = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def build_of(name: str) -> Path | None:
    """The finished int4 build of a base, with its published adapter if there is one; None if it was not built here."""
    base, source = get(name), hf_folder(name)
    adapter = ROOT / "models" / "adapters" / name
    found = adapter if (adapter / "adapter_config.json").is_file() else None
    options = to_onnx.fit(OnnxOptions.of("int4"), source)
    folder = to_onnx.cache_dir() / "bundles" / to_onnx.build_key(base, base_digest(base, source), options, found)
    return folder if folder.is_dir() else None


def phrases_of(name: str) -> str | None:
    """The table of phrases of a base's published adapter, if there is one."""
    path = ROOT / "models" / "adapters" / name / PHRASES
    return str(path) if path.is_file() else None


def beside(name: str, folder: Path, tokens: int, rounds: int, threads: int) -> dict[str, Any]:
    """The medians of a model at one length: ours, and theirs where it is installed."""
    theirs = importlib.util.find_spec("llama_cpp") is not None
    kept: dict[str, list[dict[str, Any]]] = {"ours": [], "theirs": [], "facts": []}
    shared = {"threads": threads, "tokens": tokens}
    for number in range(rounds):
        one = child({"job": "ours", "folder": str(folder), "phrases": phrases_of(name)} | shared)
        kept["ours"].append(one)
        if TAGGER.is_dir():
            kept["facts"].append(child({"job": "facts", "folder": str(folder), "tagger": str(TAGGER)} | shared))
        if theirs:
            asked = {"asked": one["asked"], "read_tokens": one["read_tokens"]}
            kept["theirs"].append(
                child({"job": "llama", "gguf": str(base_path(get(name))), "threads": threads} | asked)
            )
        print(f"{name}, {tokens} tokens: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return {"name": name, "tokens": tokens, **{who: middle(runs) for who, runs in kept.items() if runs}}


def middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each figure over runs; a pair (wall, processor) by its parts."""
    found: dict[str, Any] = {}
    for key in runs[0].keys() - {"asked"}:
        values = [run[key] for run in runs if key in run]
        pair = isinstance(values[0], list)
        found[key] = [median(part) for part in zip(*values, strict=True)] if pair else median(values)
    return found


def measure(options: argparse.Namespace, threads: int) -> dict[str, list[dict[str, Any]]]:
    """Rows of every model that is built here, at every length, and how the cost of some grows."""
    rows, grown = [], []
    for name in filter(None, options.models.split(",")):
        folder = build_of(name)
        if folder is None:
            print(f"{name}: not built on this machine; `edgescribe-export onnx {name}` builds it", file=sys.stderr)
            continue
        told = {"weights": weights(folder), "threads": threads, "busy": options.busy}
        rows += [beside(name, folder, int(n), options.rounds, threads) | told for n in options.tokens.split(",")]
    for name in [] if options.growth == "-" else options.growth.split(","):
        if (folder := build_of(name)) is not None:
            job = {"folder": str(folder), "threads": threads}
            found = child(job | {"job": "curve", "lengths": [one for one in LENGTHS if one <= options.longest]})
            grown.append({"name": name} | found | child(job | {"job": "many", "sections": 20, "encounters": 8}))
    return {"rows": rows, "grown": grown}


def parsed() -> argparse.Namespace:
    """The command line."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--threads", type=int, default=0)
    asked.add_argument("--models", default=",".join(MODELS))
    asked.add_argument("--tokens", default="900,2500")
    asked.add_argument("--write", action=argparse.BooleanOptionalAction, default=True)
    asked.add_argument("--growth", default="qwen2.5-coder-0.5b-instruct", help="models whose growth is measured, or -")
    asked.add_argument("--longest", type=int, default=LENGTHS[-1], help="tokens that reading is measured up to")
    asked.add_argument("--busy", action="store_true", help="others use the machine: tell processor time alone")
    asked.add_argument("--machine", default="", help="what it was measured on, in words")
    asked.add_argument("--kept", type=Path, help="JSON file of measurements: added to, and all of it is written")
    return asked.parse_args()


def main() -> int:
    """Measure, print the tables, and write the page if asked."""
    from edge.engine.threads import usable_cores

    options = parsed()
    found = measure(options, options.threads or usable_cores())
    if options.kept:
        if options.kept.is_file():
            before = json.loads(options.kept.read_text(encoding="utf-8"))
            found = {key: [*before[key], *found[key]] for key in found}
        options.kept.write_text(json.dumps(found), encoding="utf-8")
    machine = f", {options.machine}" if options.machine else ""
    text = speed_report.measured(found["rows"], found["grown"], speed_report.Options(options.rounds, machine))
    print(text)
    if options.write and any("theirs" in row for row in found["rows"]):
        speed_report.write(ROOT / "docs", text, found["grown"])
    return 0


def weights(folder: Path) -> int:
    """Bytes of the files of a build."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.name != to_onnx.HASHES)


if __name__ == "__main__":
    sys.exit(main())
