"""coding.json of a coding bundle: which edition its vectors belong to, and what makes candidates of what was found.

A coding bundle holds an encoder (model.onnx: mean of the last layer, Reimers & Gurevych 2019) and one vector a term of
the edition's index, in the index's order: vectors.data is int8, row by row, then one little-endian float32 scale a row.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.contract.manifest import Hash, OneLine, canonical, damaged, parse_json

CODING, CODING_GRAPH, VECTORS = "coding.json", "model.onnx", "vectors.data"
MAX_CODING_BYTES = 1 << 16
MAX_TOKENS = 64  # of a term or a sentence; what is longer is read to there
# Of a tuned encoder as it is published: what changed, as edge.contract.tagging has it.
CODING_WEIGHTS = "coding.safetensors"


class CodingSpec(BaseModel):
    """Edition by name and by the sha256 of its file; layout: of the index (edge.terminology.index). terms: rows."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    edition: OneLine
    source_sha256: Hash
    layout: OneLine
    terms: int = Field(gt=0, le=2_000_000)
    width: Annotated[int, Field(gt=0, le=4096)]


def coding_bytes(spec: CodingSpec) -> bytes:
    """coding.json of a spec."""
    return canonical(spec.model_dump(mode="json"))


def parse_coding(raw: bytes) -> CodingSpec:
    """Read coding.json. Raises BundleError."""
    value = parse_json(raw, CODING)
    try:
        return CodingSpec.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"])
        raise damaged(f"{CODING} is not complete at {where or 'its top'}", first["msg"][:200]) from None
