"""tagger.json of a tagger bundle: tasks, labels, thresholds and windows; the rest of the bundle is in its manifest.

Columns of the two graphs follow from it: for each task in order, three columns a label (outside, begin, inside) for
tokens; for spans, one a label (is it one?), then one for every value of every attribute.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge.contract.manifest import canonical, damaged, parse_json

TAGGER, ENCODER_GRAPH, SPAN_GRAPH = "tagger.json", "model.onnx", "spans.onnx"
MAX_TAGGER_BYTES = 1 << 18
SCHEME = 3  # outside, begin, inside
# Of a tuned tagger as it is published: the change of each matrix of the encoder as int8 with a scale a row, the rest in
# float16; embeddings are the base's own.
TAGGER_WEIGHTS, SCALE = "tagger.safetensors", ".scale"
ENCODER, TOKEN_HEAD, SPAN_HEAD = "encoder.", "tokens.", "spans."

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TaggerLabel(_Strict):
    """A label. threshold: least score of a span of it."""

    key: Key
    threshold: Share = 0.5


class TaggerAttribute(_Strict):
    """What every span has: one of these values. threshold: least probability of the second of two values."""

    key: Key
    values: list[Key] = Field(min_length=2, max_length=50)
    threshold: Share = 0.5


class TaggerScorer(_Strict):
    """A logistic regression over what is known of a candidate (edge.tagging.scorer), after (x - mean) / scale."""

    features: list[Annotated[str, Field(max_length=100)]] = Field(min_length=1, max_length=1000)
    mean: list[Number]
    scale: list[Number]
    weights: list[Number]
    bias: Number

    @model_validator(mode="after")
    def _lengths(self) -> TaggerScorer:
        if {len(self.mean), len(self.scale), len(self.weights)} != {len(self.features)}:
            raise ValueError("as many means, scales and weights as features are needed")
        if min(self.scale) <= 0:
            raise ValueError("a scale is not positive")
        return self


class TaggerTask(_Strict):
    """One set of labels over one kind of text ("conversation" or "report").

    floors: least probabilities of a token within a candidate; each proposes candidates of its own, and of those that
    overlap the best is kept. scorer: what scores them, if tuned. german: least score of a span in a German text, in
    place of the labels' thresholds; None: theirs.
    """

    key: Key
    source: Literal["conversation", "report", "pair"]
    labels: list[TaggerLabel] = Field(min_length=1, max_length=200)
    attributes: list[TaggerAttribute] = []
    floors: list[Share] = Field(default=[0.5], min_length=1, max_length=10)
    scorer: TaggerScorer | None = None
    german: Share | None = None

    @model_validator(mode="after")
    def _names(self) -> TaggerTask:
        for keys in ([one.key for one in self.labels], [one.key for one in self.attributes]):
            if len(set(keys)) != len(keys):
                raise ValueError("a key is given twice")
        return self

    def least(self, german: bool) -> dict[str, float]:
        """Least score of a span of each label, in a German text or in another."""
        chosen = self.german if german else None
        return {label.key: label.threshold if chosen is None else chosen for label in self.labels}

    @property
    def token_columns(self) -> int:
        """Columns of the token output that are this task's."""
        return SCHEME * len(self.labels)

    @property
    def span_columns(self) -> int:
        """Columns of the span output that are this task's."""
        return len(self.labels) + sum(len(one.values) for one in self.attributes)


class TaggerSpec(_Strict):
    """What a tagger finds and how it reads: window and overlap in tokens, marks at both ends not counted.

    verified: share of the span head in the score of a task without a scorer, the rest is the tokens' own.
    """

    format: Literal["edgescribe-tagger"] = "edgescribe-tagger"
    version: Literal[1] = 1
    window: int = Field(ge=16, le=8190)
    overlap: int = Field(ge=0)
    verified: Share = 0.5
    tasks: list[TaggerTask] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _coherent(self) -> TaggerSpec:
        if self.overlap * 2 > self.window:
            raise ValueError("windows overlap by more than half")
        if len({task.key for task in self.tasks}) != len(self.tasks):
            raise ValueError("a task is given twice")
        return self

    def task(self, key: str) -> TaggerTask | None:
        """The task of that key, None if there is none."""
        return next((task for task in self.tasks if task.key == key), None)

    def token_slice(self, key: str) -> slice:
        """Columns of a task in the token output."""
        return self._slice(key, [task.token_columns for task in self.tasks])

    def span_slice(self, key: str) -> slice:
        """Columns of a task in the span output."""
        return self._slice(key, [task.span_columns for task in self.tasks])

    def _slice(self, key: str, widths: list[int]) -> slice:
        at = [task.key for task in self.tasks].index(key)
        return slice(sum(widths[:at]), sum(widths[: at + 1]))


def spec_bytes(spec: TaggerSpec) -> bytes:
    """tagger.json of a spec."""
    return canonical(spec.model_dump(mode="json"))


def parse_spec(raw: bytes) -> TaggerSpec:
    """Read tagger.json. Raises BundleError."""
    value: Any = parse_json(raw, TAGGER)
    try:
        return TaggerSpec.model_validate_json(raw) if isinstance(value, dict) else TaggerSpec.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"])
        raise damaged(f"{TAGGER} is not complete at {where or 'its top'}", first["msg"][:200]) from None
