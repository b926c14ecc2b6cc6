"""manifest.json of a model bundle: what it says, and its one canonical spelling.

Reading the file and comparing it with the folder lies in edge.contract.bundle.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge import foreign
from edge.errors import BundleError
from edge.foreign import Refused
from edge.paths import device_name

FORMAT: Literal["edgescribe-bundle"] = "edgescribe-bundle"
FORMAT_VERSION: Literal[1] = 1
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
MAX_MANIFEST_BYTES = 1 << 20
MAX_FILE_BYTES = 64 << 30

# A bundle is flat. Names that every file system takes, and only kinds of file that are data to whoever opens them.
_PATH = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.(onnx|data|json|safetensors|md|jinja)$"

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
OneLine = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
# What a model is for: a decoder writes; an encoder-decoder is a baseline for evaluation; an embedding compares texts; a
# tagger finds spans (edge.contract.tagging); a coding model finds entries of a classification (edge.contract.coding).
ModelKind = Literal["decoder", "encoder-decoder", "embedding", "tagger", "coding"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FileEntry(_Strict):
    """One file of the bundle: its name, size in bytes and sha256."""

    path: str = Field(pattern=_PATH)
    size: int = Field(ge=0, le=MAX_FILE_BYTES)
    sha256: Hash


class BaseRef(_Strict):
    """The base model. sha256 names it (export/catalog.toml); parameters is their count."""

    name: Name
    origin: OneLine
    sha256: Hash
    licence: OneLine
    parameters: int = Field(gt=0, lt=10**15)


class AdapterRef(_Strict):
    """The adapter that was merged in; sha256 of its folder (export.merge)."""

    name: OneLine
    sha256: Hash


class DataSet(_Strict):
    """Data that trained or judged the model."""

    name: OneLine
    licence: OneLine
    role: Literal["training", "evaluation"]
    records: int = Field(ge=0)


class Figure(_Strict):
    """One measured figure with its 95 % interval, the set and the number of documents it was measured on."""

    metric: OneLine
    value: float = Field(allow_inf_nan=False)
    low: float | None = Field(default=None, allow_inf_nan=False)
    high: float | None = Field(default=None, allow_inf_nan=False)
    dataset: OneLine
    documents: int = Field(ge=0)


class Gate(_Strict):
    """How the bundle compared with the unquantised model, and the limits it had to keep.

    accepted: the reason given by whoever let a bundle pass that did not keep them, else empty.
    """

    passed: bool
    measured: dict[str, float]
    limits: dict[str, float]
    accepted: OneLine = ""


class Manifest(_Strict):
    """Everything that a bundle says of itself. context_length in tokens. kind: left out of the file for a decoder."""

    format: Literal["edgescribe-bundle"]
    format_version: Literal[1]
    name: Name
    runtime: Literal["onnx", "mlx"]
    runtime_version: OneLine
    precision: Literal["int4", "int8", "fp16", "fp32"]
    options: dict[str, str | int | bool]
    base: BaseRef
    adapter: AdapterRef | None
    prompt_format: OneLine
    prompt_version: OneLine
    context_length: int = Field(gt=0, le=1 << 21)
    end_tokens: list[OneLine] = Field(min_length=1)
    purpose: Literal["clinical", "test"]
    built_by: OneLine
    files: list[FileEntry] = Field(min_length=1, max_length=1000)
    data: list[DataSet] = []
    figures: list[Figure] = []
    gate: Gate | None = None
    kind: ModelKind = "decoder"

    @model_validator(mode="after")
    def _names(self) -> Manifest:
        names = [entry.path.lower() for entry in self.files]
        if len(set(names)) != len(names):
            raise ValueError("two files have the same name")
        if names != sorted(names):
            raise ValueError("files are not in order")
        bad = [n for n in names if n in (MANIFEST, SIGNATURE) or device_name(n)]
        if bad:
            raise ValueError(f"a file may not be named {bad[0]!r}")
        if "tokenizer.json" not in names:
            raise ValueError("tokenizer.json is not listed")
        return self


def served_strategies(manifest: Manifest) -> tuple[str, ...]:
    """The strategies of `edgescribe extract` that a bundle serves, the best for it first."""
    if manifest.kind == "tagger":
        return ("tagger", "judge") if "fields" in str(manifest.options.get("tasks", "")).split() else ()
    if manifest.kind != "decoder":
        return ()
    prompted = ("advanced", "naive", "examples", "judge")
    return ("tuned", *prompted) if manifest.adapter is not None else prompted


def canonical(value: Any) -> bytes:
    """The one spelling of a JSON value, signed byte for byte: sorted keys, one-space indent, ASCII, final newline."""
    return (json.dumps(value, sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False) + "\n").encode("ascii")


def manifest_bytes(manifest: Manifest) -> bytes:
    """manifest.json of a manifest."""
    return canonical(manifest.model_dump(mode="json", exclude={"kind"} if manifest.kind == "decoder" else None))


def parse_json(raw: bytes, name: str) -> Any:
    """Strict JSON (edge.foreign). name is for the error; raises BundleError."""
    try:
        return foreign.parse_json(raw)
    except Refused as error:
        raise damaged(f"{name} is not valid JSON", str(error)) from None


def parse_manifest(raw: bytes) -> Manifest:
    """Read manifest.json. Raises BundleError: not ours, older, newer, incomplete, or not in canonical form."""
    value = parse_json(raw, MANIFEST)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise BundleError(
            "This is not an edgescribe bundle.", "Its manifest.json is of another kind.", "Check the path."
        )
    version = value.get("format_version")
    if type(version) is not int:
        raise damaged("manifest.json has no format version")
    if version != FORMAT_VERSION:
        age = "a newer" if version > FORMAT_VERSION else "an older"
        raise BundleError(
            f"This bundle was made by {age} version of edgescribe.",
            f"It has format version {version}; this program reads {FORMAT_VERSION}.",
            "Update edgescribe." if version > FORMAT_VERSION else "Ask IT to build the bundle again.",
        )
    try:
        # JSON mode: strict types, yet lists and numbers as JSON has them.
        manifest = Manifest.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"])
        raise damaged(f"manifest.json is not complete at {where or 'its top'}", first["msg"][:200]) from None
    if manifest_bytes(manifest) != raw:
        raise damaged("manifest.json is not in its canonical form")
    return manifest


def damaged(what: str, why: str = "") -> BundleError:
    """The error of a bundle that is not what was built."""
    return BundleError(
        f"The bundle was refused: {what}.",
        f"{why.rstrip('.')}." if why else "It is not what was built.",
        "Install it again from the file that IT gave out, or build it again.",
    )
