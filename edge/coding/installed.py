"""The coder of this machine: by words alone, or by meaning too where a coding bundle of the edition is installed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edge.coding.candidates import Coder
from edge.coding.encoder import installed_model
from edge.terminology.catalogue import Catalogue


def open_coder(catalogue: Catalogue, dirs: Iterable[Path], threads: int = 0) -> Coder:
    """A coder for a catalogue. dirs: where bundles lie; threads: of the encoder, 0 for what this process may use.
    Raises BundleError, EngineError for a damaged bundle."""
    model = installed_model(dirs, catalogue, threads)
    return Coder(catalogue, model.retriever(catalogue) if model is not None else None)
