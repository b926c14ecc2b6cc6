"""What kind of file system holds a folder: the table of mounts of Linux, and which of its kinds are a network."""

from __future__ import annotations

import os
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")
_NETWORK_TYPES = (
    "nfs nfs4 cifs smb smb2 smb3 smbfs ncpfs afs afpfs ceph coda lustre beegfs gpfs orangefs pvfs2 gfs2 ocfs2 "
    "glusterfs davfs davfs2 webdav fuse.sshfs fuse.rclone fuse.s3fs fuse.goofys fuse.gcsfuse fuse.blobfuse "
    "fuse.blobfuse2 fuse.glusterfs fuse.davfs fuse.davfs2 fuse.gvfsd-fuse fuse.curlftpfs fuse.ceph-fuse fuse.juicefs "
    "fuse.google-drive-ocamlfuse fuse.onedriver fuse.seadrive"
)
NETWORK_TYPES = frozenset(_NETWORK_TYPES.split())


def mounted_type(folder: Path, mountinfo: str) -> str:
    """Return the type of the file system that holds folder, "" if the table does not say.

    mountinfo: the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). The last mount on the longest prefix counts.
    """
    target = os.path.realpath(folder)
    best, kind = -1, ""
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = _unescape(fields[4])
        inside = point == "/" or target == point or target.startswith(point + "/")
        if inside and len(point) >= best:
            best, kind = len(point), right.split(" ", 1)[0]
    return kind


def network_type(folder: Path, mountinfo: str) -> str:
    """Return the type of the network file system that holds folder, "" if it is local."""
    kind = mounted_type(folder, mountinfo)
    return kind if kind in NETWORK_TYPES else ""


def _unescape(field: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, char)
    return field
