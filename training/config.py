"""A training run as documented data: one TOML file, checked key by key when it is read.

Every error names the key and what to change (UsageError). Shipped configurations: training/configs/*.toml.
"""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from edge.errors import UsageError


@dataclass(frozen=True)
class BaseConfig:
    """The model to adapt. name: a catalogue name (fetched and verified by `edgescribe-export hf`) or a folder.

    format: prompt format (edge.contract.prompts.FORMATS), "" = by the chat template. quantise: "", "4bit" or "8bit"
    (bitsandbytes, CUDA only). kind: "decoder" or "encoder-decoder".
    """

    name: str = ""
    format: str = ""
    quantise: str = ""
    kind: str = "decoder"


@dataclass(frozen=True)
class Lora:
    """LoRA on all linear layers (Hu et al. 2021), with weight decomposition (DoRA) or rank-stabilised scaling.

    layers: adapt only the last so many transformer layers (0 = all); the ones below need no backward pass.
    start: folder of an adapter of the same shape to go on from ("" = fresh weights, which change nothing at first).
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    dora: bool = False
    rslora: bool = False
    layers: int = 0
    start: str = ""


@dataclass(frozen=True)
class Data:
    """Mix of data sets. passes: data set or JSONL path -> times it is seen in an epoch (0.5 = a seeded half).

    whole_note: one instruction for the whole note instead of one a division. max_valid: validation documents a set.
    instruction_first: ablation only; no bundle runs it.
    """

    passes: dict[str, float] = field(default_factory=lambda: {"mts": 1.0, "aci": 1.0, "elmtex_aci": 1.0})
    validate: tuple[str, ...] = ("mts", "aci", "elmtex_aci")
    max_valid: int = 24
    whole_note: bool = False
    instruction_first: bool = False


@dataclass(frozen=True)
class BatchConfig:
    """tokens: a step's token budget. row_tokens: short samples share a row up to this length; a longer document has a
    row to itself. free_tokens: rows up to this length keep all activations, longer ones recompute the share of layers
    that does not fit; 0 = as memory allows. max_tokens: longest document with one answer; too_long: "error" or "drop".
    """

    tokens: int = 4096
    row_tokens: int = 4096
    free_tokens: int = 0
    max_tokens: int = 8192
    too_long: str = "error"


@dataclass(frozen=True)
class Optimiser:
    """AdamW. The learning rate warms up over a share of the run, then follows a cosine to zero.

    The run ends after epochs, or max_steps, or max_seconds of training time, whichever is set and comes first. With
    max_seconds the cosine follows the elapsed share of that time, so a run on borrowed hardware still ends at zero.
    """

    learning_rate: float = 2e-4
    warmup: float = 0.03
    weight_decay: float = 0.0
    clip: float = 1.0
    epochs: float = 1.0
    max_steps: int = 0
    max_seconds: float = 0.0


@dataclass(frozen=True)
class Run:
    """Seed, precision ("auto": bf16 on accelerators, and CPUs that have it, else fp32), how often to save and validate.

    patience: validations without a better figure before the run stops early, 0 = never; if it is set, the best weights
    are those kept, however the run ends.
    stop_on: that figure: "loss", or "rouge": ROUGE-1 of answers that the model writes itself, to up to rouge_answers of
    the validation tasks, rouge_tokens tokens each. shard: several processes share the weights too, not the rows alone,
    for a base that outgrows one card; nothing changes for one process.
    """

    seed: int = 0
    precision: str = "auto"
    checkpoint_seconds: float = 300.0
    checkpoint_steps: int = 0
    validate_steps: int = 0
    patience: int = 0
    stop_on: str = "loss"
    rouge_answers: int = 12
    rouge_tokens: int = 256
    threads: int = 0
    shard: bool = False


@dataclass(frozen=True)
class Config:
    """A whole run."""

    base: BaseConfig = field(default_factory=BaseConfig)
    lora: Lora = field(default_factory=Lora)
    data: Data = field(default_factory=Data)
    batch: BatchConfig = field(default_factory=BatchConfig)
    optimiser: Optimiser = field(default_factory=Optimiser)
    run: Run = field(default_factory=Run)


_CHOICES = {
    "base.quantise": ("", "4bit", "8bit"),
    "base.kind": ("decoder", "encoder-decoder"),
    "batch.too_long": ("error", "drop"),
    "run.stop_on": ("loss", "rouge"),
    "run.precision": ("auto", "fp32", "bf16"),
}
_RANGES: dict[str, tuple[float, float]] = {
    "lora.rank": (1, 1024),
    "lora.alpha": (1, 4096),
    "lora.dropout": (0, 0.9),
    "lora.layers": (0, 1000),
    "data.max_valid": (0, 10_000),
    "batch.tokens": (16, 10_000_000),
    "batch.row_tokens": (16, 1_000_000),
    "batch.free_tokens": (0, 10_000_000),
    "batch.max_tokens": (16, 1_000_000),
    "optimiser.learning_rate": (1e-8, 1.0),
    "optimiser.warmup": (0, 0.9),
    "optimiser.weight_decay": (0, 1),
    "optimiser.clip": (1e-6, 1e6),
    "optimiser.epochs": (0, 10_000),
    "optimiser.max_steps": (0, 100_000_000),
    "optimiser.max_seconds": (0, 1e9),
    "run.seed": (0, 2**32 - 1),
    "run.checkpoint_seconds": (0, 1e9),
    "run.checkpoint_steps": (0, 100_000_000),
    "run.validate_steps": (0, 100_000_000),
    "run.patience": (0, 10_000),
    "run.threads": (0, 1024),
    "run.rouge_answers": (1, 10_000),
    "run.rouge_tokens": (1, 8192),
}


def load(path: Path, overrides: tuple[str, ...] = ()) -> Config:
    """Read a configuration file; overrides are "section.key=TOML value". Raises UsageError naming file and key."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"The configuration {path} does not exist.", "", "Give a path to a TOML file.") from None
    except OSError as error:
        raise UsageError(
            f"The configuration {path} cannot be read.", str(error.strerror), "Give a TOML file."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} is not valid TOML.", str(error), "Correct the file.") from None
    return changed(raw, overrides, path.name)


def changed(raw: dict[str, Any], overrides: tuple[str, ...], where: str) -> Config:
    """parse() after overrides."""
    for item in overrides:
        _override(raw, item)
    return parse(raw, where)


def _override(raw: dict[str, Any], item: str) -> None:
    name, _, value = item.partition("=")
    section, _, key = name.partition(".")
    try:
        parsed = tomllib.loads(f"v = {value}")["v"]
    except tomllib.TOMLDecodeError:
        parsed = value
    if not key or not value:
        raise UsageError(f"--set {item!r} is not understood.", "", "Write it as section.key=value.")
    if isinstance(body := raw.setdefault(section, {}), dict):  # what is none is named by parse
        body[key] = parsed


def parse(raw: dict[str, Any], where: str) -> Config:
    """Check a configuration given as nested dictionaries. Raises UsageError."""
    sections = get_type_hints(Config)
    parts: dict[str, Any] = {}
    for name, body in raw.items():
        if name not in sections:
            raise UsageError(f"{where}: there is no section [{name}].", f"Known: {', '.join(sections)}.", "Correct it.")
        if not isinstance(body, dict):
            raise UsageError(f"{where}: {name} must be a section [{name}].", "", "Correct it.")
        parts[name] = _section(sections[name], name, body, where)
    config = Config(**parts)
    if not config.base.name:
        raise UsageError(f"{where}: base.name is missing.", "", "Name a base of the catalogue or a folder.")
    if not (config.optimiser.epochs or config.optimiser.max_steps or config.optimiser.max_seconds):
        raise UsageError(f"{where}: the run has no end.", "", "Set optimiser.epochs, max_steps or max_seconds.")
    if config.run.shard and config.base.quantise:
        why = "The processes can't share the packed weights of a quantised base."
        raise UsageError(f"{where}: run.shard does not go with base.quantise.", why, "Leave one of them out.")
    if not any(times > 0 for times in config.data.passes.values()):
        raise UsageError(f"{where}: data.passes names no data.", "", "Give at least one data set a number above 0.")
    return config


def _section(cls: type, name: str, body: dict[str, Any], where: str) -> Any:
    hints = get_type_hints(cls)
    values = {}
    for key, value in body.items():
        if key not in hints:
            raise UsageError(
                f"{where}: there is no key {name}.{key}.", f"Known: {', '.join(hints)}.", "Correct or remove it."
            )
        values[key] = _value(hints[key], value, f"{name}.{key}", where)
    return cls(**values)


def _value(kind: Any, value: Any, key: str, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind == tuple[str, ...]:
        good = isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)
        value = tuple(value) if good else value
    elif kind == dict[str, float]:
        good = isinstance(value, dict) and all(isinstance(v, int | float) and 0 <= v <= 1000 for v in value.values())
    else:
        good = type(value) is kind
    if not good:
        raise UsageError(f"{where}: {key} is {value!r}.", f"It must be {_kind_name(kind)}.", "Correct it.")
    if key in _CHOICES and value not in _CHOICES[key]:
        raise UsageError(f"{where}: {key} is {value!r}.", f"It must be one of {', '.join(map(repr, _CHOICES[key]))}.")
    if key in _RANGES and not _RANGES[key][0] <= value <= _RANGES[key][1]:
        low, high = _RANGES[key]
        raise UsageError(f"{where}: {key} is {value!r}.", f"It must lie between {low:g} and {high:g}.", "Correct it.")
    return value


def _kind_name(kind: Any) -> str:
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return names.get(kind, "a list of texts" if kind == tuple[str, ...] else "a table of numbers from 0 to 1000")


def differing(one: Config, other: Config) -> list[str]:
    """Keys, as section.key, in which two configurations differ."""
    first, second = as_dict(one), as_dict(other)
    return [f"{name}.{key}" for name in first for key in first[name] if first[name][key] != second[name][key]]


def as_dict(config: Config) -> dict[str, Any]:
    """The configuration as plain data, for runs/<id>/config.json."""
    return dataclasses.asdict(config)
