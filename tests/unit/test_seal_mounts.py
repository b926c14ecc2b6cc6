"""Folders on network file systems are recognised from the mount table."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge import mounts
from edge.errors import SealError
from edge.seal import linux
from edge.seal.policy import SealPolicy

TABLE = r"""22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:45 / /home rw,relatime - nfs4 server:/home rw,vers=4.2
41 40 0:46 / /home/ada/local rw - ext4 /dev/sdb1 rw
42 22 0:47 / /mnt/hospital\040share rw - cifs //server/share rw
43 22 0:48 / /mnt/cloud rw - fuse.rclone remote: rw
44 22 0:49 / /mnt/crypt rw - fuse.gocryptfs /secret rw
45 22 0:50 / /mnt/over rw - nfs server:/old rw
46 22 0:51 / /mnt/over rw - tmpfs tmpfs rw
a broken line
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/edgescribe", ""),
        ("/home/ada/records", "nfs4"),
        ("/home/ada/local/records", ""),
        ("/homework", ""),
        ("/mnt/hospital share/out", "cifs"),
        ("/mnt/cloud", "fuse.rclone"),
        ("/mnt/crypt/x", ""),
        ("/mnt/over/x", ""),
        ("/", ""),
    ],
)
def test_the_innermost_mount_decides(folder: str, kind: str) -> None:
    assert mounts.network_type(Path(folder), TABLE) == kind


def test_a_vault_on_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        f"22 1 0:1 / / rw - ext4 /dev/a rw\n23 22 0:2 / {tmp_path} rw - nfs4 server:/x rw\n", encoding="utf-8"
    )
    monkeypatch.setattr(mounts, "MOUNTINFO", table)
    with pytest.raises(SealError, match="network file system") as caught:
        linux.refuse_network_folders(SealPolicy(write_dirs=(tmp_path / "vault",)))
    assert "nfs4" in str(caught.value)
    linux.refuse_network_folders(SealPolicy(write_dirs=(Path("/"),)))


def test_no_mount_table_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "MOUNTINFO", tmp_path / "none")
    linux.refuse_network_folders(SealPolicy(write_dirs=(tmp_path,)))
