"""Warns about folders where a vault is not safe: synced to a cloud service, or on a network file system.

Sync programs copy a database between two writes, and keep old versions of it; network file systems break locks.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from edge.mounts import MOUNTINFO, NETWORK_TYPES, mounted_type

_SYNCED = {
    "dropbox": "Dropbox",
    "onedrive": "OneDrive",
    "google drive": "Google Drive",
    "googledrive": "Google Drive",
    "my drive": "Google Drive",
    "icloud drive": "iCloud Drive",
    "iclouddrive": "iCloud Drive",
    "com~apple~clouddocs": "iCloud Drive",
    "mobile documents": "iCloud Drive",
    "cloudstorage": "a cloud storage provider",
    "nextcloud": "Nextcloud",
    "owncloud": "ownCloud",
    "box": "Box",
    "box sync": "Box",
    "pclouddrive": "pCloud",
    "mega": "MEGA",
    "megasync": "MEGA",
    "seafile": "Seafile",
    "syncthing": "Syncthing",
    "sync": "Sync.com or Resilio",
}
_MARKERS = {
    ".stfolder": "Syncthing",
    ".dropbox": "Dropbox",
    ".sync_journal.db": "Nextcloud",
    ".owncloudsync.log": "ownCloud",
    ".tmp.drivedownload": "Google Drive",
    ".849c9593-d756-4e56-8d6e-42412f2a707b": "OneDrive",
}
_BAD_LOCKS = NETWORK_TYPES | {"9p"}  # a folder of the host in a virtual machine: no network, but no locks either


def warning(path: Path, mounts: str | None = None) -> str | None:
    """One sentence naming the service or file system that the vault's folder is on, or None.

    mounts: text of /proc/self/mountinfo, read where it is None (Linux).
    """
    folder = path.absolute().parent
    if (service := _synced(folder)) is not None:
        return f"{folder} is synced by {service}: copies of the vault leave this machine, and may be made half-written."
    if str(folder).startswith(("\\\\", "//")):
        return (
            f"{folder} is on a network share: its locks can't be relied on, and a lost connection can damage a vault."
        )
    if mounts is None and sys.platform == "linux":
        mounts = MOUNTINFO.read_text(encoding="utf-8", errors="surrogateescape")
    if mounts and (kind := mounted_type(folder, mounts)) in _BAD_LOCKS:
        return f"{folder} is on a network file system ({kind}): its locks can't be relied on."
    return None


def _synced(folder: Path) -> str | None:
    for part in (folder, *folder.parents):
        name = part.name.casefold()
        # "OneDrive - Clinic", "Dropbox (Personal)", "GoogleDrive-someone@example.org"
        first = re.split(r" [-(]|-", name, maxsplit=1)[0]
        if service := _SYNCED.get(name) or (_SYNCED.get(first) if len(first) > 4 else None):
            return service
        for marker, service in _MARKERS.items():
            if (part / marker).exists() and (part != Path.home() or marker == ".stfolder"):
                return service
    return None
