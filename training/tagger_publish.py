"""A trained tagger as a folder to commit: what changed of the encoder as int8, heads as float16, its card.

Written by training, read by `edgescribe-export tagger`; no path of this machine is in it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from edge.contract.tagging import ENCODER, SCALE, TAGGER, TAGGER_WEIGHTS, TaggerSpec, parse_spec, spec_bytes
from edge.errors import BundleError, TrainingError
from training import folders
from training.tagger_config import TaggerConfig
from training.tagger_model import TaggerModel

MAX_BYTES = 25_000_000
_FROZEN = "embeddings."
_STEPS = 127
DATA = {
    "aci-train": ("Facts of ACI-Bench visits (Yim et al., Sci Data 2023)", "CC BY 4.0"),
    "aci-valid": ("Facts of ACI-Bench visits (Yim et al., Sci Data 2023)", "CC BY 4.0"),
    "aci-test1": ("Facts of ACI-Bench visits (Yim et al., Sci Data 2023)", "CC BY 4.0"),
    "synthetic": ("Facts of synthetic visits written for this project", "CC0"),
    "synthetic-most": ("Pairs of synthetic visits written for this project, three of four", "CC0"),
    "synthetic-rest": ("Pairs of synthetic visits written for this project, one of four", "CC0"),
    "elmtex_aci": ("ACI-Bench notes annotated with the 15 ELMTEX fields", "CC BY 4.0"),
    "elmtex_synthetic": ("Synthetic reports annotated with the 15 fields", "CC0"),
    "elmtex_synthetic/german.jsonl": ("German synthetic reports of these, seen twice an epoch", "CC0"),
    "elmtex_synthetic/german_2.jsonl": ("German synthetic reports of these, seen twice an epoch", "CC0"),
}


def tensors(model: TaggerModel, base: Path) -> dict[str, torch.Tensor]:
    """Weights as they are published. Raises TrainingError for numbers that are not finite."""
    return changes(model.state_dict(), base)


def changes(state: dict[str, torch.Tensor], base: Path) -> dict[str, torch.Tensor]:
    """Of weights named "encoder.…", what changed from a base's, embeddings left out; the rest as float16.

    Raises TrainingError for numbers that are not finite.
    """
    from safetensors.torch import load_file

    before = load_file(str(base / "model.safetensors"))
    found: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        if not bool(torch.isfinite(value).all()):
            raise TrainingError("The model holds numbers that are not finite.", "", "Train it with a lower rate.")
        inner = name.removeprefix(ENCODER)
        if name == inner:
            found[name] = value.to(torch.float16).contiguous()
        elif not inner.startswith(_FROZEN):
            found |= _change(name, value - before[inner])
    return found


def _change(name: str, change: torch.Tensor) -> dict[str, torch.Tensor]:
    if change.dim() != 2:
        return {name: change.to(torch.float16).contiguous()}
    scale = change.abs().amax(dim=1).clamp(min=1e-12) / _STEPS
    rounded = (change / scale[:, None]).round().clamp(-_STEPS, _STEPS).to(torch.int8)
    return {name: rounded.contiguous(), name + SCALE: scale.float().contiguous()}


def restore(model: TaggerModel, base: Path, saved: dict[str, torch.Tensor]) -> None:
    """Give a model the weights as published, so that what is tuned and measured is what ships."""
    from safetensors.torch import load_file

    before = load_file(str(base / "model.safetensors"))
    state = model.state_dict()
    for name, value in saved.items():
        if name.endswith(SCALE):
            continue
        whole = value.float() * saved[name + SCALE][:, None] if name + SCALE in saved else value.float()
        inner = name.removeprefix(ENCODER)
        state[name] = whole if name == inner else before[inner] + whole
    model.load_state_dict(state)


def go_on(model: TaggerModel, base: Path, tagger: Path, spec: TaggerSpec) -> None:
    """Give a model the weights of a tuned tagger; its encoder alone if that has other labels. Raises TrainingError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        before = parse_spec((tagger / TAGGER).read_bytes())
        labels = [[(task.key, label.key) for label in task.labels] for task in before.tasks]
        saved = load_file(str(tagger / TAGGER_WEIGHTS))
        if labels != [[(task.key, label.key) for label in task.labels] for task in spec.tasks]:
            saved = {name: value for name, value in saved.items() if name.startswith(ENCODER)}
        restore(model, base, saved)
    except (OSError, BundleError, SafetensorError, RuntimeError, KeyError) as error:
        raise TrainingError(f"{tagger} cannot be gone on from.", type(error).__name__, "Correct start.") from None


def publish(
    out: Path, saved: dict[str, torch.Tensor], spec: TaggerSpec, config: TaggerConfig, facts: dict[str, Any]
) -> int:
    """Write the folder; returns the bytes of its weights. facts: history, records, figures. Raises TrainingError."""
    from safetensors.torch import save_file

    with folders.writing(out):
        out.mkdir(parents=True, exist_ok=True)
        path = out / TAGGER_WEIGHTS
        save_file(saved, str(path), {"format": "pt"})
        if path.stat().st_size > MAX_BYTES:
            raise TrainingError(f"{path} is larger than {MAX_BYTES / 1e6:.0f} MB.", "", "Tune fewer weights.")
        (out / TAGGER).write_bytes(spec_bytes(spec))
        found = {"data": _data(config, facts["records"]), "figures": facts["figures"]}
        (out / "adapter.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        (out / "README.md").write_text(_card(spec, config, facts), encoding="utf-8")
    return path.stat().st_size


def _data(config: TaggerConfig, records: dict[str, int]) -> list[dict[str, Any]]:
    found = []
    for task in config.tasks.values():
        for role, names in (("training", task.train), ("evaluation", task.validate_on)):
            for name in names:
                title, licence = DATA.get(name, (f"Own documents ({Path(name).name[:100]})", "of your own, not stated"))
                found.append({"name": title, "licence": licence, "role": role, "records": records[f"{role}/{name}"]})
    return found


def _card(spec: TaggerSpec, config: TaggerConfig, facts: dict[str, Any]) -> str:
    rows = [f"| {f['metric']} | {f['value']:.1f} | {f['dataset']} | {f['documents']} |" for f in facts["figures"]]
    labels = [f"| {task.key} | {label.key} | {label.threshold:g} |" for task in spec.tasks for label in task.labels]
    labels += [
        f"| {task.key} | all of German texts | {task.german:g} |" for task in spec.tasks if task.german is not None
    ]
    data = [
        f"- {one['name']}: {one['role']}, {one['records']} records, {one['licence']}"
        for one in _data(config, facts["records"])
    ]
    history = [_epoch(line) for line in facts["history"]]
    return "\n".join(
        [
            f"# Tagger {config.name}",
            "",
            f"Finds {_finds(spec)}. It proposes; a clinician reads the quotes. Not a medical device, not reviewed by",
            "clinicians. Trained by `edgescribe-training tagger`, built by `edgescribe-export tagger`.",
            "",
            f"- Base: `{config.base}` of export/catalog.toml, by sha256; its embeddings are used as they are.",
            "- Weights: the change of the encoder's matrices in int8, a scale a row; heads in float16. Apache-2.0.",
            f"- Seed {config.train.seed}, epoch {facts['best']} of {config.train.epochs}, {facts['seconds']:.0f} s.",
            *_mean(config),
            "- A span's score is a logistic regression over both heads and what is plain to see (edge.tagging.scorer).",
            "", "## Data", "", *data,
            "", "## Figures", "", "| measure | value | set | documents |", "|---|---|---|---|", *rows,
            "", "## Training", "", "| epoch | loss | seconds | validation |", "|---|---|---|---|", *history,
            "", "## Labels", "",
            "Tuned on validation: least score of a span.", "",
            "| task | label | score |", "|---|---|---|", *labels,
            "",
        ]
    )  # fmt: skip


def _mean(config: TaggerConfig) -> list[str]:
    if not config.mean:
        return []
    return [f"- Of the weights {config.mean:g} are those that it started from, the rest those after these passes."]


def _finds(spec: TaggerSpec) -> str:
    words = {
        "conversation": "facts of conversations", "report": "fields of clinical reports",
        "pair": "what a note says and the conversation does not, and the other way round",
    }  # fmt: skip
    return " and ".join(dict.fromkeys(words[task.source] for task in spec.tasks))


def _epoch(line: dict[str, Any]) -> str:
    valid = "; ".join(
        f"{key}: " + ", ".join(f"{name} {value:.1f}" for name, value in one.items())
        for key, one in line["valid"].items()
    )
    return f"| {line['epoch']} | {line['loss']:.3f} | {line['seconds']:.0f} | {valid} |"


def figures(
    valid: dict[str, dict[str, float]], sets: dict[str, list[str]], documents: dict[str, int]
) -> list[dict[str, Any]]:
    """Measured figures as a manifest has them."""
    return [
        {"metric": f"{key}.{name}", "value": round(value, 2), "dataset": f"validation: {', '.join(sets[key])}",
         "documents": documents[key]}
        for key, one in valid.items() for name, value in one.items()
    ]  # fmt: skip
