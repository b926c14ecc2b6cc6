"""The protocols of this package: Engine is what tasks see, Session is what a runtime gives to the decoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from edge.contract.events import EngineEvent
from edge.contract.prompts import Prompt
from edge.engine.repeats import BY_DEFAULT

if TYPE_CHECKING:
    from edge.contract.bundle import Bundle


@dataclass(frozen=True)
class EngineInfo:
    """What is loaded. bundle_sha256: hash of the manifest, names weights and options. context_length: tokens.

    languages: ISO 639-1 codes of those it was trained to write notes in.
    """

    bundle: str
    bundle_sha256: str
    prompt_format: str
    prompt_version: str
    context_length: int
    runtime: str
    purpose: str = "clinical"
    signed_by: str | None = None
    languages: tuple[str, ...] = ("en",)

    @classmethod
    def of(cls, bundle: Bundle) -> EngineInfo:
        """What is known of a verified bundle."""
        manifest = bundle.manifest
        return cls(
            bundle=manifest.name,
            bundle_sha256=bundle.sha256,
            prompt_format=manifest.prompt_format,
            prompt_version=manifest.prompt_version,
            context_length=manifest.context_length,
            runtime=manifest.runtime,
            purpose=manifest.purpose,
            signed_by=bundle.signed_by,
            languages=tuple(str(manifest.options.get("languages", "en")).split()),
        )


@dataclass(frozen=True)
class Request:
    """One answer to write. grammar: an llguidance grammar (Lark form) that the answer must follow, or None.

    no_repeats: free text is written under the rule of edge.engine.repeats. copies: it is written under that of
    edge.engine.copied: its numbers, units and drugs are those of the prompt's document.
    """

    prompt: Prompt
    max_tokens: int
    grammar: str | None = None
    no_repeats: bool = BY_DEFAULT
    copies: bool = False


class Engine(Protocol):
    """A loaded model. Calls may come from any thread; answers are written one at a time."""

    @property
    def info(self) -> EngineInfo: ...

    def count(self, prompt: Prompt) -> int:
        """Tokens of the whole prompt."""

    def stream(self, request: Request) -> Iterator[EngineEvent]:
        """Yield Reading and Text events, then exactly one Finished.

        Raises InputError if prompt and answer do not fit into the context, EngineError if the runtime fails.
        """

    def cancel(self) -> None:
        """End the answer being written within one token (or one prefill chunk); it finishes as "cancelled"."""

    def close(self) -> None:
        """Free the model. The engine cannot be used afterwards."""


class AheadReader(Protocol):
    """An engine that reads a document before it is asked about it: while it is typed, pasted or spoken."""

    @property
    def info(self) -> EngineInfo: ...

    def read_ahead(self, prompt: Prompt) -> None:
        """Read the prompt's document part in the background and return at once.

        A later call, with the text as it is by then, goes on from what both have in common; a request ends the
        reading within one chunk and goes on from it as well. Nothing is raised: what fails is told by the request.
        """


class Session(Protocol):
    """A key-value cache with a model behind it. All calls come from the engine's own thread.

    capacity: tokens that fit. places: it can score several places of one pass.
    """

    capacity: int
    places: bool

    def rewind(self, length: int) -> None:
        """Forget all but the first length tokens."""

    def append(self, ids: Sequence[int], places: int = 1) -> None:
        """Read tokens (at least one) and score the last places of them; more than one only where places is true."""

    def logits(self, back: int = 0) -> Any:
        """Scores after the last token read, or after the one that stands back before it: float32, shape (vocabulary,).

        The array is the caller's to change.
        """
