"""From a finished run to an adapter that can be committed: fp16 weights, no path of this machine, card and facts.

The card is written from what was measured: the run's configuration, and the results that evaluate left.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.contract.prompts import PROMPT_VERSION
from edge.errors import TrainingError
from training import config, report, runlog
from training.config import Config

LICENCES = {
    "mts": ("MTS-Dialog (Ben Abacha et al., EACL 2023)", "CC BY 4.0"),
    "aci": ("ACI-Bench (Yim et al., Sci Data 2023)", "CC BY 4.0"),
    "elmtex_aci": ("ACI-Bench notes annotated with the 15 ELMTEX fields", "CC BY 4.0"),
    "medec": ("MEDEC (Ben Abacha et al. 2024)", "CC BY 4.0"),
    "synthetic_visits": ("Synthetic visits written for this project", "CC0"),
    "elmtex_synthetic": ("Synthetic reports annotated with the 15 fields", "CC0"),
}
FIGURES = (
    "rouge1", "rouge2", "rougeL", "rougeLsum", "entity.f1", "unsupported.numbers", "unsupported.doses",
    "unsupported.drugs", "loop", "length.ratio", "span.f1.relaxed", "span.f1.exact", "json.valid",
)  # fmt: skip


@dataclass(frozen=True)
class Published:
    """Where the adapter lies, and its size in bytes."""

    folder: Path
    size: int


def publish(
    run: Path, base_name: str, results: Sequence[Path], failures: str, out: Path, beside: Sequence[Path] = ()
) -> Published:
    """Write the adapter of a run to out. results: result.json files of this adapter; failures: Markdown.

    beside: results of other models that the card shows in the same tables. Raises TrainingError if the run has not
    ended.
    """
    adapter = run / "adapter"
    if not (adapter / "adapter_model.safetensors").is_file():
        raise TrainingError(f"The run {run.name} has no adapter yet.", "It has not ended.", "Resume it.")
    chosen = config.parse(json.loads((run / "config.json").read_text(encoding="utf-8")), run.name)
    facts = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    size = shrink(adapter, base_name, out)
    judged = [json.loads(path.read_text(encoding="utf-8")) for path in results]
    found = {"prompt_version": PROMPT_VERSION, "data": _data(facts["counts"], judged), "figures": _figures(judged)}
    (out / "adapter.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (out / "README.md").write_text(
        _card(base_name, chosen, run, facts, [*results, *beside], failures), encoding="utf-8"
    )
    return Published(out, size)


def shrink(adapter: Path, base_name: str, out: Path) -> int:
    """Write an adapter in fp16 without paths of this machine; returns the bytes of its weights."""
    out.mkdir(parents=True, exist_ok=True)
    size = _weights(adapter, out)
    _adapter_config(adapter, base_name, out)
    return size


def _weights(adapter: Path, out: Path) -> int:
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(str(adapter / "adapter_model.safetensors"))
    if not all(bool(torch.isfinite(w).all()) for w in weights.values()):
        raise TrainingError("The adapter holds numbers that are not finite.", "", "Train it again with a lower rate.")
    path = out / "adapter_model.safetensors"
    save_file({name: w.to(torch.float16).contiguous() for name, w in weights.items()}, str(path), {"format": "pt"})
    return path.stat().st_size


def _adapter_config(adapter: Path, base_name: str, out: Path) -> None:
    raw = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    raw["base_model_name_or_path"] = base_name
    raw["target_modules"] = sorted(raw["target_modules"])  # a set, in no order of its own
    (out / "adapter_config.json").write_text(json.dumps(raw, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _data(counts: dict[str, int], judged: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    trained = [
        {"name": LICENCES[name][0], "licence": LICENCES[name][1], "role": "training", "records": counts[f"{name}.kept"]}
        for name in LICENCES
        if f"{name}.kept" in counts
    ]
    sources = {"mts": "mts", "aci": "aci", "elmtex": "elmtex_aci", "medec": "medec"}
    return trained + [
        {
            "name": f"{result['set']}: {LICENCES[sources[result['set'].split('-')[0]]][0]}",
            "licence": LICENCES[sources[result["set"].split("-")[0]]][1],
            "role": "evaluation",
            "records": result["n"],
        }
        for result in judged
        if result["set"].split("-")[0] in sources
    ]


def _figures(judged: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for result in judged:
        for metric in FIGURES:
            if metric in result["figures"]:
                low, high = result["intervals"].get(metric, (None, None))
                found.append(
                    {"metric": metric, "value": result["figures"][metric], "low": low, "high": high,
                     "dataset": result["set"], "documents": result["n"]}
                )  # fmt: skip
    return found


def _card(base: str, chosen: Config, run: Path, facts: dict[str, Any], results: Sequence[Path], failures: str) -> str:
    counts = facts["counts"]
    data = "\n".join(
        f"| {LICENCES[name][0]} | {LICENCES[name][1]} | {counts[f'{name}.kept']} | {times:g} |"
        for name, times in chosen.data.passes.items()
        if name in LICENCES and f"{name}.kept" in counts
    )
    tables = report.markdown(report.load(list(results))) if results else "Not measured.\n"
    layers = f"the last {chosen.lora.layers} layers" if chosen.lora.layers else "all layers"
    return f"""# LoRA adapter for {base}

Writes sections of clinical notes from conversations, whole visit notes by division, and the 15 ELMTEX fields of a
report. It proposes; a clinician must read and correct every word. Not a medical device, not reviewed by clinicians.

- Base: `{base}` of models/catalog.toml, named there by sha256. Adapter licence: Apache-2.0; data as below.
- Prompt version {PROMPT_VERSION} (edge.contract.prompts); no other version may be used with it.
- LoRA rank {chosen.lora.rank}, alpha {chosen.lora.alpha}, all linear modules of {layers}; loss on answers only.
{_history(chosen, run, facts)}

## Data

An epoch is a slice of each set (passes); held-out documents and their copies were dropped first
({counts.get("leaks.dialogue", 0)} conversations, {counts.get("leaks.note", 0)} notes).

| set | licence | documents to draw from | passes an epoch |
|---|---|---|---|
{data}

## Figures

{tables}
## Known failures

{failures.strip()}
"""


def _history(chosen: Config, run: Path, facts: dict[str, Any]) -> str:
    """How the weights came to be, as lines of the card's list."""
    if "averaged" in facts:
        parts = ", ".join(f"{name} ({100 * share:.0f} %)" for name, share in facts["averaged"].items())
        return f"- Mean of the adapters {parts}, which went on from one another (docs/lab-log.md)."
    steps = [m for m in runlog.read(run / "metrics.jsonl") if "loss" in m]
    tokens, answers = (sum(m[key] for m in steps) for key in ("tokens", "answers"))
    rate = chosen.optimiser.learning_rate
    before = (
        "\n- Went on from an earlier adapter and other slices of the same sets (docs/lab-log.md)."
        if chosen.lora.start
        else ""
    )
    return f"""- {len(steps)} steps, {tokens:,} tokens, {answers:,} of them answers; learning rate {rate:g},
  cosine to zero; seed {chosen.run.seed}; {steps[-1]["elapsed"] / 60:.0f} minutes on {facts["device"]} with
  {chosen.run.threads or facts["threads"]} thread(s); torch {facts["torch"]}, peft {facts["peft"]}.{before}"""
