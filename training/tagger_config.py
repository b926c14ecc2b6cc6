"""Configuration of a tagger's training: one TOML file, checked key by key. Shipped ones: training/configs/taggers."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge.contract.schemas import FIELD_KEYS
from edge.contract.tagging import TaggerAttribute, TaggerLabel, TaggerSpec, TaggerTask
from edge.errors import UsageError
from edge.evidence.judging import ERRORS, HOLDS
from edge.tagging.verdicts import STATEMENT
from training.tagger_data import FACT_ATTRIBUTES, FACT_LABELS

Positive = Annotated[float, Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TaskConfig(_Strict):
    """A task. kind: "facts" (conversations of facts/), "reports" (fields) or "pairs" (training.judge_data;
    its key is "statement", and nothing stands beside it). train, validate: names of sets.

    labels: keys of a clinic's own fields, empty for the 15 of ELMTEX; without a meaning for facts. passes: times that
    an epoch sees the training texts. Of "pairs": errors: kinds of error that are told apart, empty for all; most: how
    many of each answer are trained on, 0 for all.
    """

    kind: Literal["facts", "reports", "pairs"]
    train: list[str] = Field(min_length=1)
    validate_on: list[str] = Field(alias="validate", min_length=1)
    labels: list[str] = []
    passes: int = Field(default=1, ge=1)
    errors: list[str] = []
    most: int = Field(default=0, ge=0)


class TrainConfig(_Strict):
    """How it is trained. rate: of the encoder; head_rate: of the heads; warmup: share of steps; patience: epochs
    without a better validation after which it ends; word_dropout: share of tokens that are hidden from the encoder;
    candidates: least probability of what the span head judges;
    frozen: layers from the bottom that stay as they are.
    """

    epochs: int = Field(default=8, ge=1)
    patience: int = Field(default=4, ge=1)
    batch: int = Field(default=8, ge=1)
    rate: Positive = 2.5e-4
    head_rate: Positive = 1e-3
    warmup: float = Field(default=0.1, ge=0, lt=1)
    decay: float = Field(default=0.01, ge=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    word_dropout: float = Field(default=0.05, ge=0, lt=1)
    span_weight: float = Field(default=0.5, ge=0)
    frozen: int = Field(default=0, ge=0)
    candidates: float = Field(default=0.35, gt=0, lt=1)
    seed: int = 0
    bf16: bool = False


class TaggerConfig(_Strict):
    """The whole file. base: name in export/catalog.toml or a folder with safetensors and tokenizer.json.

    start: folder of a tuned tagger of the same base to go on from, empty for none; of one with other labels its encoder
    serves. mean: share of start in what is published, the rest is what was trained from it: the mean of the two is
    often better than either (Wortsman et al. 2022).
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    base: str
    start: str = ""
    mean: float = Field(default=0, ge=0, lt=1)
    window: int = Field(default=254, ge=16)
    overlap: int = Field(default=64, ge=0)
    tasks: dict[str, TaskConfig] = Field(min_length=1)
    train: TrainConfig = TrainConfig()

    @model_validator(mode="after")
    def _pairs(self) -> TaggerConfig:
        if any(task.kind == "pairs" for task in self.tasks.values()) and list(self.tasks) != [STATEMENT]:
            raise ValueError('a judge of pairs has one task, "statement"')
        if self.mean and not self.start:
            raise ValueError("mean needs a tagger to start from")
        for task in self.tasks.values():
            if unknown := set(task.errors) - set(ERRORS):
                raise ValueError(f"errors: {sorted(unknown)[0]} is none of {', '.join(ERRORS)}")
        return self

    @property
    def needs_data(self) -> bool:
        """Whether a task learns from the data folder, not from files of one's own alone."""
        named = (name for task in self.tasks.values() for name in (*task.train, *task.validate_on))
        annotated = any(task.kind != "reports" for task in self.tasks.values())
        return annotated or any(name.startswith("elmtex") for name in named)

    @property
    def judges(self) -> bool:
        """Whether it is a judge of pairs that is trained."""
        return all(task.kind == "pairs" for task in self.tasks.values())

    def labels(self, key: str) -> tuple[str, ...]:
        """Labels of a task, in the order of its columns."""
        task = self.tasks[key]
        if task.kind == "pairs":
            return (HOLDS, *(one for one in ERRORS if one in task.errors or not task.errors))
        return FACT_LABELS if task.kind == "facts" else tuple(task.labels) or FIELD_KEYS

    def spec(self) -> TaggerSpec:
        """What the trained bundle will say of itself, thresholds not yet tuned."""
        tasks = []
        for key, task in self.tasks.items():
            facts = task.kind == "facts"
            source: Literal["conversation", "report", "pair"] = "pair" if self.judges else "report"
            tasks.append(
                TaggerTask(
                    key=key,
                    source="conversation" if facts else source,
                    labels=[TaggerLabel(key=label) for label in self.labels(key)],
                    attributes=[TaggerAttribute(key=k, values=list(v)) for k, v in FACT_ATTRIBUTES.items()]
                    if facts
                    else [],
                )
            )
        return TaggerSpec(window=self.window, overlap=self.overlap, tasks=tasks)


def load(path: Path) -> TaggerConfig:
    """Read a configuration. Raises UsageError that names the key."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return TaggerConfig(**raw)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise UsageError(f"{path} cannot be read.", str(error)[:200], "Correct the file.") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path}: {where or 'the file'} is not valid.", first["msg"][:200], "Correct it.") from None
