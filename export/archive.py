"""Bundle folder -> one .tar for `edgescribe bundle install`: the same bytes for the same bundle, whoever packs it."""

from __future__ import annotations

import tarfile
from pathlib import Path

from edge.contract.bundle import verify_bundle
from edge.contract.manifest import MANIFEST, SIGNATURE
from export.files import named_disk_errors, need_space, new_file
from export.progress import BuildProgress, silent


def pack_archive(folder: Path, target: Path, progress: BuildProgress = silent) -> str | None:
    """Verify the bundle in folder and write it to target; returns the name of the trusted key that signed it, if any.

    Order: manifest, signature, files as listed. No times, owners or modes of this machine. Raises BundleError.
    """
    bundle = verify_bundle(folder)
    names = [MANIFEST, *([SIGNATURE] if (folder / SIGNATURE).exists() else [])]
    names += [entry.path for entry in bundle.manifest.files]
    need_space(target.parent, sum((folder / name).stat().st_size for name in names), target.name)
    with (
        named_disk_errors(target.name, target.parent),
        new_file(target) as temporary,
        tarfile.open(temporary, "w:", format=tarfile.PAX_FORMAT) as tar,
    ):
        for done, name in enumerate(names, start=1):
            _add(tar, folder / name)
            progress(f"Packing {target.name}", done, len(names))
    return bundle.signed_by


def _add(tar: tarfile.TarFile, path: Path) -> None:
    member = tarfile.TarInfo(path.name)
    member.size, member.mode = path.stat().st_size, 0o644
    with path.open("rb") as file:
        tar.addfile(member, file)
