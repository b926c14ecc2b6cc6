"""Where generated content comes from: which bundle wrote it, from which source, and whether it came to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from edge.contract.json_objects import mapping, number, whole


@dataclass(frozen=True)
class Origin:
    """With the source's hash it is enough to write the same content again.

    seconds: wall time of the generation. parameters: decoding options, JSON values only. An empty bundle: no model has
    written it. incomplete: writing ended before its end.
    """

    bundle: str
    bundle_sha256: str
    prompt_version: str
    source_sha256: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    prompt_tokens: int = 0
    generated_tokens: int = 0
    seconds: float = 0.0
    incomplete: bool = False

    def to_json(self) -> dict[str, Any]:
        """All values by their names."""
        return asdict(self) | {"parameters": dict(self.parameters)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """An origin of what to_json() gave; what is missing is empty."""
        return cls(
            str(value.get("bundle", "")),
            str(value.get("bundle_sha256", "")),
            str(value.get("prompt_version", "")),
            str(value.get("source_sha256", "")),
            dict(mapping(value.get("parameters"))),
            whole(value.get("prompt_tokens")),
            whole(value.get("generated_tokens")),
            number(value.get("seconds")),
            bool(value.get("incomplete", False)),
        )


def by_hand(source_sha256: str) -> Origin:
    """Origin of what no model has written."""
    return Origin("", "", "", source_sha256)
