"""Plain export: every record as a JSON line, readable by anybody; the one way by which text leaves in clear."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path

from edge import disk
from edge.errors import VaultError
from edge.store import files
from edge.store.chain import Event
from edge.store.edits import Edits
from edge.store.encounters import Encounters
from edge.store.session import Session

FORMAT = "edgescribe-export-1"
_PAGE = 200


def write_plain(session: Session, records: Encounters, edits: Edits, target: Path) -> int:
    """Write all records to a new file that only its owner can read. Returns how many.

    The caller has asked for the passphrase again. The audit entry comes first: no entry, no export. Raises VaultError.
    """
    if target.exists():
        raise VaultError(f"{target} exists already.", "An export replaces no file.", "Give another name.")
    total = records.count()
    session.record(Event.EXPORT, "", form=FORMAT, records=total, plain=True)
    digest = hashlib.sha256()
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            for offset in range(0, total, _PAGE):
                for summary in records.list(_PAGE, offset):
                    record = records.peek(summary.id)
                    signatures = [asdict(s) for s in edits.signatures(summary.id)]
                    line = {"format": FORMAT} | record.to_json() | {"signatures": signatures}
                    data = json.dumps(line, ensure_ascii=False).encode() + b"\n"
                    digest.update(data)
                    out.write(data)
            out.flush()
            os.fsync(out.fileno())
        disk.sync_folder(target.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            target.unlink()
        if isinstance(error, OSError):
            raise files.io_error("The export could not be written", error) from None
        raise
    session.record(Event.EXPORT, "", form=FORMAT, records=total, done=True, sha256=digest.hexdigest())
    return total
