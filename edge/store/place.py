"""Warns about folders where a vault is not safe: synced to a cloud service, or on a network file system.

Sync programs copy a database between two writes, and keep old versions of it; network file systems break locks.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

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
_NETWORK = re.compile(
    r"^(nfs4?|cifs|smb2?|smb3|smbfs|afs|afpfs|9p|davfs2?|webdav|ncpfs|ceph|glusterfs|lustre|beegfs|"
    r"fuse\.(sshfs|rclone|gvfsd-fuse|davfs2?|s3fs|google-drive-ocamlfuse|onedriver|glusterfs|curlftpfs))$"
)


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
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    if mounts and (kind := _file_system(folder, mounts)) is not None and _NETWORK.match(kind):
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


def _file_system(folder: Path, mounts: str) -> str | None:
    best, kind = -1, None
    resolved = folder.resolve()
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), fields[4]))
        if resolved.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind
