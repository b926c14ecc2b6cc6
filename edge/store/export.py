"""Plain export: every record as a JSON line, readable by anybody; the one way by which text leaves in clear."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from edge import disk
from edge.contract.encounter import Encounter, State
from edge.errors import VaultError
from edge.store import files
from edge.store.chain import Event
from edge.store.edits import Edits
from edge.store.encounters import Encounters
from edge.store.session import VaultSession

FORMAT = "edgescribe-export-1"
_PAGE = 200


def write_plain(session: VaultSession, records: Encounters, edits: Edits, target: Path) -> int:
    """Write all records to a new file that only its owner can read. Returns how many.

    The caller has asked for the passphrase again. The audit entry comes first, and another one when the file stands: no
    entry, no file. Raises VaultError.
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
                    line = {"format": FORMAT} | _line(record, edits) | {"signatures": signatures}
                    data = json.dumps(line, ensure_ascii=False).encode() + b"\n"
                    digest.update(data)
                    out.write(data)
            out.flush()
            os.fsync(out.fileno())
        disk.sync_folder(target.parent)
        session.record(Event.EXPORT, "", form=FORMAT, records=total, done=True, sha256=digest.hexdigest())
    except BaseException as error:
        with contextlib.suppress(OSError):
            target.unlink()
        if isinstance(error, OSError):
            raise files.io_error("The export could not be written", error) from None
        raise
    return total


def _line(record: Encounter, edits: Edits) -> dict[str, Any]:
    """The record as JSON. "documents" are the signed ones wherever there are any ("text_is": "signed"); what was
    written after that and is not signed stands apart, as "unsigned_documents"."""
    found, last = record.to_json(), edits.last_signed(record.summary.id)
    if last is None:
        return found | {"text_is": "draft"}
    signature, texts = last
    signed = [
        replace(one, content=texts[one.id][1], revision=texts[one.id][0], version=signature.version, draft=False)
        for one in record.documents
        if one.id in texts
    ]
    newer = {} if record.summary.state is State.SIGNED else {"unsigned_documents": found["documents"]}
    return found | {"text_is": "signed", "documents": [one.to_json() for one in signed]} | newer
