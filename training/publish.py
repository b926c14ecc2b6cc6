"""From a finished run to an adapter that can be committed: fp16 weights, no path of this machine, card and facts.

The card is written from what was measured: the run's configuration, and the results that evaluate left.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from edge.contract.prompts import PROMPT_VERSION
from edge.errors import TrainingError, UsageError
from training import config, folders, report, runlog, sources
from training.answering import SETS
from training.config import Config

LICENCES = {
    "mts": ("MTS-Dialog (Ben Abacha et al., EACL 2023)", "CC BY 4.0"),
    "aci": ("ACI-Bench (Yim et al., Sci Data 2023)", "CC BY 4.0"),
    "elmtex_aci": ("ACI-Bench notes annotated with the 15 ELMTEX fields", "CC BY 4.0"),
    "medec": ("MEDEC (Ben Abacha et al. 2024)", "CC BY 4.0"),
    "synthetic_visits": ("Synthetic visits written for this project", "CC0"),
    "elmtex_synthetic": ("Synthetic reports annotated with the 15 fields", "CC0"),
    "sections": ("Sections of ACI-Bench and synthetic visits, each with its own turns", "CC BY 4.0; CC0"),
    "sections_de": ("German sections of the synthetic visits, each with its own turns", "CC0"),
    "own_divisions": ("Divisions of ACI-Bench and synthetic visits, each with its own turns", "CC BY 4.0; CC0"),
    "statements": ("Statements of ACI-Bench and synthetic notes, each with its own turns", "CC BY 4.0; CC0"),
    "wordings": ("Facts of ACI-Bench and synthetic visits, what was said and the statement", "CC BY 4.0; CC0"),
    "facts_dev": ("Invented visits with checklists of facts", "CC0"),
}
_OWN = "of your own, not stated"  # the licence of documents that no program knows
_WRITES = {
    "mts": "sections of clinical notes from conversations",
    "aci": "whole visit notes by division",
    "synthetic_visits": "whole visit notes by division",
    "sections": "sections of visit notes from the turns that they stand on",
    "sections_de": "sections of visit notes from the turns that they stand on",
    "own_divisions": "sections of visit notes from the turns that they stand on",
    "statements": "single statements from the turns that they stand on",
    "wordings": "single facts as lines of a note",
    "elmtex_aci": "the 15 ELMTEX fields of a report",
    "elmtex_synthetic": "the 15 ELMTEX fields of a report",
    "medec": "the sentence of a note that holds a medical error",
}
FIGURES = (
    "critical.recall", "forbidden.share", "rouge1", "rouge2", "rougeL", "rougeLsum", "entity.f1",
    "unsupported.numbers", "unsupported.doses", "unsupported.drugs", "loop",
    "length.ratio", "span.f1.relaxed", "span.f1.exact", "json.valid",
)  # fmt: skip


@dataclass(frozen=True)
class Published:
    """Where the adapter lies, and its size in bytes."""

    folder: Path
    size: int


def publish(
    run: Path,
    base_name: str,
    results: Sequence[Path],
    failures: str,
    out: Path,
    beside: Sequence[Path] = (),
    languages: Sequence[str] = ("en",),
) -> Published:
    """Write the adapter of a run to out. results: result.json files of this adapter, or folders of them; failures:
    Markdown.

    beside: results of other models that the card shows in the same tables. languages: of the notes that it was trained
    to write. Raises TrainingError if the run has not
    ended, or it or a result can't be read, UsageError if no failures are named or the results are of several models;
    then nothing is written.
    """
    adapter = run / "adapter"
    if not (adapter / "adapter_model.safetensors").is_file():
        raise TrainingError(f"The run {run.name} has no adapter yet.", "It has not ended.", "Resume it.")
    if not failures.strip():
        raise UsageError("No failures are named.", "Every model has some.", "Write down what the model gets wrong.")
    chosen = config.parse(runlog.configuration(run), run.name)
    facts = runlog.facts(run)
    tables = report.markdown(report.load([*results, *beside])) if results else "Not measured.\n"
    judged = [json.loads(path.read_text(encoding="utf-8")) for path in report.files(results)]
    _one_model(judged)
    card = _card(base_name, chosen, run, facts, tables, failures)
    found = {
        "prompt_version": PROMPT_VERSION, "languages": list(languages), "data": _data(facts["counts"], judged),
        "figures": _figures(judged),
    }  # fmt: skip
    with folders.writing(out):
        size = shrink(adapter, base_name, out)
        (out / "adapter.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        (out / "README.md").write_text(card, encoding="utf-8")
    return Published(out, size)


def _one_model(judged: Sequence[dict[str, Any]]) -> None:
    """Raise UsageError where another model's figures would become the adapter's own."""
    labels = sorted({result["model"] for result in judged})
    if len(labels) > 1:
        named = ", ".join(report.plain(label)[:60] for label in labels[:5])
        raise UsageError(
            f"The results are of {len(labels)} models.", f"They are named {named}.",
            "Give those of this adapter by --results, the others by --beside.",
        )  # fmt: skip


def shrink(adapter: Path, base_name: str, out: Path) -> int:
    """Write an adapter in fp16, no path of this machine in it; returns its weights' bytes. Raises TrainingError."""
    from safetensors.torch import save_file

    weights = _halved(adapter)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "adapter_model.safetensors"
    save_file(weights, str(path), {"format": "pt"})
    _adapter_config(adapter, base_name, out)
    return path.stat().st_size


def _halved(adapter: Path) -> dict[str, Any]:
    import torch
    from safetensors.torch import load_file

    try:
        weights = load_file(str(adapter / "adapter_model.safetensors"))
    except SafetensorError:
        raise TrainingError(f"The adapter of {adapter.parent.name} is damaged.", "", "Resume its run.") from None
    if not all(bool(torch.isfinite(w).all()) for w in weights.values()):
        raise TrainingError("The adapter holds numbers that are not finite.", "", "Train it again with a lower rate.")
    return {name: w.to(torch.float16).contiguous() for name, w in weights.items()}


def _adapter_config(adapter: Path, base_name: str, out: Path) -> None:
    raw = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    raw["base_model_name_or_path"] = base_name
    raw["target_modules"] = sorted(raw["target_modules"])  # a set, in no order of its own
    (out / "adapter_config.json").write_text(json.dumps(raw, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def known(name: str) -> tuple[str, str]:
    """A data set by name, or a file of one's own by its path, as title and licence; of the path, the file's name."""
    return LICENCES.get(name) or (f"Own documents ({report.plain(Path(name).name)[:100]})", _OWN)


def _data(counts: dict[str, int], judged: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    names = [key.removesuffix(".kept") for key in counts if key.endswith(".kept")]
    trained = [(*known(name), "training", counts[f"{name}.kept"]) for name in _ordered(names)]
    for result in judged:
        title, licence = known(SETS[result["set"]][0] if result["set"] in SETS else result["set"])
        trained.append((f"{result['set']}: {title}", licence, "evaluation", result["n"]))
    return [dict(zip(("name", "licence", "role", "records"), one, strict=True)) for one in trained]


def _ordered(names: Sequence[str]) -> list[str]:
    """Known data sets in the order of their table, then files of one's own."""
    return [n for n in LICENCES if n in names] + [n for n in names if sources.is_own(n)]


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


def _writes(chosen: Config) -> str:
    """What the model was trained to write, as the end of a sentence."""
    names = [name for name, times in chosen.data.passes.items() if times > 0]
    what = list(dict.fromkeys(_WRITES.get(name, "what its own documents ask for") for name in names))
    return f"{', '.join(what[:-1])}{',' * (len(what) > 2)} and {what[-1]}" if len(what) > 1 else what[0]


def _origin(base: str, chosen: Config) -> str:
    """Which base, and whose the adapter is."""
    where = "of export/catalog.toml, named there by sha256"
    if "/" in chosen.base.name or Path(chosen.base.name).is_dir():
        where = "from a folder: no catalogue names its files, so keep them with the adapter"
    own = any(sources.is_own(name) for name in chosen.data.passes) or "from a folder" in where
    licence = "yours to choose, within those of base and data" if own else "Apache-2.0; data as below"
    return f"- Base: `{base}` {where}. Adapter licence: {licence}."


def _card(base: str, chosen: Config, run: Path, facts: dict[str, Any], tables: str, failures: str) -> str:
    counts = facts["counts"]
    data = "\n".join(
        f"| {' | '.join(known(name))} | {counts[f'{name}.kept']} | {times:g} |"
        for name, times in chosen.data.passes.items()
        if times > 0 and f"{name}.kept" in counts
    )
    layers = f"the last {chosen.lora.layers} layers" if chosen.lora.layers else "all layers"
    return f"""# LoRA adapter for {base}

Writes {_writes(chosen)}.
It proposes; a clinician must read and correct every word. Not a medical device, not reviewed by clinicians.

{_origin(base, chosen)}
- Prompt version {PROMPT_VERSION} (edge.contract.prompts): a bundle of it is always asked so.
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
    if not steps:
        raise TrainingError(f"The run {run.name} has no metrics.", "metrics.jsonl is empty or gone.", "Restore it.")
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
