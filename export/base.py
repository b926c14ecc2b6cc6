"""One call from a base's name to a Hugging Face folder that training and export can load.

The folder lies in the cache under the base's hash and the converter's version, so it is made once. Training never
imports this module: it is given the folder's path (`edgescribe-export hf NAME` prints it).
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path
from typing import Literal

from edge.errors import BaseModelError
from edge.paths import cache_dir
from export.catalog import Base, get
from export.fetch import fetch
from export.files import claimed, named_disk_errors, need_space, new_folder, sha256_file
from export.gguf import CONVERTER_VERSION, convert
from export.progress import BuildProgress, silent

_ENCODER_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
_PINNED = ".pinned"  # in a folder that was fetched with --sha256: IT named its bytes
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


def hf_folder(
    name: str,
    cache: Path | None = None,
    from_: Path | str | None = None,
    progress: BuildProgress = silent,
    sha256: str | None = None,
) -> Path:
    """Path of the base's Hugging Face folder, fetched and converted if needed.

    from_: a file or folder to take the base from, or "hub". sha256: demanded digest of a folder without known hashes.
    Raises BaseModelError.
    """
    base = get(name)
    cache = cache or cache_dir()
    if base.gated:
        return gated_folder(base, cache, Path(from_) if from_ else None, progress, sha256)
    final = cache / "hf" / f"{base.name}-{base.sha256[:12]}-{CONVERTER_VERSION}"
    if (final / "config.json").is_file():
        return final
    with named_disk_errors(f"the converted {base.name}", final.parent), claimed(final, progress):
        if not (final / "config.json").is_file():
            source = fetch(base, from_, cache, progress)
            need_space(final.parent, 2 * base.parameters, f"the converted {base.name}")
            with new_folder(final) as temporary:
                (unpack if base.kind == "encoder" else convert)(source, base, temporary, progress)
    return final


def unpack(source: Path, base: Base, folder: Path, progress: BuildProgress = silent) -> None:
    """Write the files of an encoder's archive that models are loaded from into folder. Raises BaseModelError."""
    try:
        with zipfile.ZipFile(source) as archive:
            for number, name in enumerate(_ENCODER_FILES, 1):
                progress(f"Unpacking {base.name}", number, len(_ENCODER_FILES))
                with archive.open(name) as member, (folder / name).open("wb") as file:
                    shutil.copyfileobj(member, file)
    except (zipfile.BadZipFile, KeyError) as error:
        raise BaseModelError(f"{source.name} is not an archive of an encoder.", str(error)[:200]) from None


def base_digest(base: Base, folder: Path) -> str:
    """The sha256 that names a base in a manifest: the GGUF's, or the digest of a folder's listed files."""
    return base.sha256 or (folder / ".sha256").read_text(encoding="ascii").strip()


def gated_folder(base: Base, cache: Path, source: Path | None, progress: BuildProgress, demanded: str | None) -> Path:
    """Copy a publisher's folder into the cache, safetensors and JSON only. Raises BaseModelError on any mismatch."""
    final = cache / "hf" / base.name
    if source is None:
        if (final / "config.json").is_file() and (demanded is None or base_digest(base, final) == demanded):
            if demanded is not None:
                (final / _PINNED).write_text(demanded + "\n", encoding="ascii")
            return final
        raise BaseModelError(
            f"{base.name} is not in the cache.",
            f"Its weights need an account with {base.origin.split('/', maxsplit=1)[0]}.",
            f"Download them there, then run `edgescribe-export fetch {base.name} --from DIR`.",
        )
    files = _listed(base, source)
    hashes = {path.name: sha256_file(path, progress=progress) for path in files}
    for name, expected in base.weights.items():
        if hashes[name] != expected:
            raise BaseModelError(
                f"{name} is not the published file of {base.name}.",
                f"Its sha256 is {hashes[name]}, {expected} was expected.",
                "Download the folder again.",
            )
    digest = folder_digest(hashes)
    pinned = (final / ".sha256").read_text(encoding="ascii").strip() if (final / ".sha256").is_file() else None
    for wanted, who in ((demanded, "--sha256"), (None if base.weights else pinned, "the first fetch")):
        if wanted is not None and wanted != digest:
            raise BaseModelError(
                f"{source} is not the folder that {who} named.",
                f"Its digest is {digest}, {wanted} was expected.",
                f"Use the same folder, or remove {final} to accept this one.",
            )
    need_space(final.parent, sum(path.stat().st_size for path in files), base.name)
    with named_disk_errors(base.name, final.parent), new_folder(final) as temporary:
        for done, path in enumerate(files, start=1):
            progress(f"Copying {base.name}", done, len(files))
            shutil.copyfile(path, temporary / path.name)
            if sha256_file(temporary / path.name, progress=progress) != hashes[path.name]:
                raise BaseModelError(f"{path.name} changed while it was copied.", "", "Fetch it again.")
        (temporary / ".sha256").write_text(digest + "\n", encoding="ascii")
        if demanded is not None:
            (temporary / _PINNED).write_text(digest + "\n", encoding="ascii")
    return final


def purpose(base: Base, folder: Path) -> Literal["clinical", "test"]:
    """What a bundle of this base may be for: one whose bytes nobody named by their hash stays a test model."""
    named = base.pinned or (folder / _PINNED).is_file()
    return base.purpose if named else "test"


def folder_digest(hashes: dict[str, str]) -> str:
    """sha256 over sorted "name sha256" lines: one name for a folder of files."""
    lines = "".join(f"{name} {hashes[name]}\n" for name in sorted(hashes))
    return hashlib.sha256(lines.encode()).hexdigest()


def _listed(base: Base, source: Path) -> list[Path]:
    if not source.is_dir():
        raise BaseModelError(f"There is no folder {source}.", "", "Name the folder that holds config.json.")
    files = sorted(p for p in source.iterdir() if p.suffix in (".json", ".safetensors") and p.is_file())
    names = {path.name for path in files}
    missing = ({"config.json", "tokenizer.json"} | set(base.weights)) - names
    if missing or not any(name.endswith(".safetensors") for name in names):
        pickles = any(path.suffix in _PICKLES for path in source.iterdir())
        raise BaseModelError(
            f"{source} is not a folder of {base.name}.",
            f"It lacks {', '.join(sorted(missing)) or 'safetensors weights'}."
            + (" Pickled weights (.bin) are not read: they can run code." if pickles else ""),
            "Download the whole folder with safetensors weights.",
        )
    return files
