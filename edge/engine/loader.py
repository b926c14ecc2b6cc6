"""From a bundle's manifest to exactly one runtime import. Every load verifies every file first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Protocol

from edge.contract.bundle import Bundle, ProgressFn, check_unchanged, load_phrases, verify_bundle
from edge.contract.events import EngineEvent
from edge.contract.prompts import Prompt, TokenizerLike, chat_format, load_tokenizer, renderer
from edge.engine.base import Engine, EngineInfo, Request, Session
from edge.engine.constrain import GrammarCompiler
from edge.engine.decode import Decoder
from edge.engine.host import EngineHost, Loaded
from edge.engine.memory import give_back
from edge.errors import BundleError, EdgescribeError


class Model(Protocol):
    """Weights that can open caches."""

    def open_session(self, capacity: int) -> Session: ...


def load_engine(
    folder: Path,
    progress: ProgressFn | None = None,
    *,
    allow_unsigned: bool = False,
    threads: int = 0,
    drafts: bool = True,
) -> EngineHost:
    """Verify the bundle in folder and start its engine.

    progress: called with bytes verified and bytes in total. allow_unsigned: go on without a signature by a pinned key.
    threads: of the runtime; 0 for what this process may use. drafts: see Decoder. Raises BundleError or EngineError.
    """
    return EngineHost(
        lambda: load(verify_bundle(folder, progress, require_signature=not allow_unsigned), threads, drafts=drafts)
    )


def load(bundle: Bundle, threads: int = 0, *, drafts: bool = True) -> Loaded:
    """Load a verified bundle on the calling thread. threads: of the runtime; 0 for what this process may use."""
    manifest = bundle.manifest
    if manifest.kind != "decoder":
        raise BundleError(
            f"The bundle {manifest.name!r} holds no model that writes notes.",
            f"Its kind is {manifest.kind}.",
            "`edgescribe bundle list` shows what there is.",
        )
    renderer(manifest.prompt_version)  # a newer one is told now, not at the first note
    model = _open_model(bundle, threads)  # first: memory is highest while it loads
    tokenizer = load_tokenizer(bundle.folder / "tokenizer.json")
    give_back()
    phrases = load_phrases(bundle.folder, manifest)
    check_unchanged(bundle)
    if phrases is not None:
        phrases.check(tokenizer.get_vocab_size())
    ends = _end_ids(tokenizer, [chat_format(manifest.prompt_format).end.token, *manifest.end_tokens])

    @cache
    def compiler() -> GrammarCompiler:
        return GrammarCompiler(tokenizer, tokenizer.get_vocab_size(), ends)

    info = EngineInfo.of(bundle)
    decoder = Decoder(
        tokenizer, model.open_session, compiler, ends, manifest.context_length, drafts=drafts, phrases=phrases
    )
    return Loaded(info, decoder, tokenizer)


def _open_model(bundle: Bundle, threads: int) -> Model:
    if bundle.manifest.runtime == "onnx":
        from edge.engine.onnx import OnnxModel

        return OnnxModel(bundle.folder, threads)
    try:
        from edge.engine.mlx import MlxModel
    except ImportError:
        raise BundleError(
            f"The bundle {bundle.manifest.name!r} needs the MLX runtime.",
            "It is not installed on this machine.",
            "On Apple Silicon: install edgescribe[mlx]. Elsewhere: the ONNX bundle of the same model.",
        ) from None
    return MlxModel(bundle.folder)


def _end_ids(tokenizer: TokenizerLike, tokens: list[str]) -> list[int]:
    found = [tokenizer.token_to_id(token) for token in dict.fromkeys(tokens)]
    ids = [number for number in found if number is not None]
    if len(ids) < len(found):
        raise BundleError("The bundle's tokenizer does not know its own end token.", "", "Build the bundle again.")
    return ids


class DeferredEngine:
    """An engine that is opened when it is first asked for, since a note made from facts needs none.

    opener raises BundleError, EngineError; so do the calls.
    """

    def __init__(self, opener: Callable[[], Engine]) -> None:
        self._opener = opener
        self._engine: Engine | None = None

    def _opened(self) -> Engine:
        if self._engine is None:
            self._engine = self._opener()
        return self._engine

    @property
    def info(self) -> EngineInfo:
        return self._opened().info

    def count(self, prompt: Prompt) -> int:
        """Tokens of the whole prompt."""
        return self._opened().count(prompt)

    def stream(self, request: Request) -> Iterator[EngineEvent]:
        """As the engine's."""
        return self._opened().stream(request)

    def read_ahead(self, prompt: Prompt) -> None:
        """As the engine's, which is opened for it."""
        engine = self._opened()
        if isinstance(engine, EngineHost):
            engine.read_ahead(prompt)

    def cancel(self) -> None:
        """End what is being written, if anything is."""
        if self._engine is not None:
            self._engine.cancel()

    def close(self) -> None:
        """Free the engine, if it was opened."""
        if self._engine is not None:
            self._engine.close()


class NoEngine:
    """What stands where a model is asked for and none can be opened: every call that needs one raises why.

    info: of what works without a model.
    """

    def __init__(self, info: EngineInfo, why: EdgescribeError) -> None:
        self._info, self._why = info, why

    @property
    def info(self) -> EngineInfo:
        return self._info

    def count(self, prompt: Prompt) -> int:
        """Raises why."""
        raise self._why

    def stream(self, request: Request) -> Iterator[EngineEvent]:
        """Raises why."""
        raise self._why

    def cancel(self) -> None:
        """Nothing is being written."""

    def close(self) -> None:
        """Nothing is held."""
