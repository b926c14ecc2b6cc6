"""Which tagger bundle of this machine does a task, and opening it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edge.contract.bundle import find_bundle, scan_bundles, signed_by
from edge.contract.manifest import Manifest
from edge.errors import BundleError


def tagger_folder(task: str, dirs: Iterable[Path], name: str | None = None) -> Path:
    """Folder of the named tagger bundle, or of one that does the task: signed ones first, then by name.

    Raises BundleError if there is none.
    """
    dirs = list(dirs)
    if name is not None:
        return find_bundle(name, dirs)
    found = [
        folder
        for folder, manifest in scan_bundles(dirs)
        if isinstance(manifest, Manifest)
        and manifest.kind == "tagger"
        and task in str(manifest.options.get("tasks", "")).split()
    ]
    if not found:
        raise BundleError(
            f"There is no tagger for {task} on this machine.",
            f"Looked in {', '.join(str(one) for one in dirs)}.",
            "Run `make demo` in a source checkout, or `edgescribe bundle install FILE.tar`.",
        )
    return min(found, key=lambda folder: (signed_by(folder) is None, folder.name))
