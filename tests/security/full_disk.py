"""Every deed on a disk that is full, or becomes full in its middle; test_vault_full_disk runs it in a small one.

python full_disk.py FOLDER     -> a line of JSON a run: deed, bytes free, what was said, which parts changed
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.contract.encounter import State
from edge.contract.note import EncounterNote, Section
from edge.encounters.export import publish
from edge.errors import EdgescribeError
from edge.store import kdf
from edge.store.secret import Passphrase
from edge.store.vault import Vault

FREE = (0, 4096, 12288, 24576, 49152, 131072, 300_000, 3_500_000)  # bytes that are left when the deed begins
OTHER = "an entirely different phrase"

Deed = Callable[[Vault, dict[str, Any], Path], object]


def content(text: str) -> EncounterNote:
    return EncounterNote("soap", (Section("PLAN", text * 300),))


def prepared(vault: Vault) -> dict[str, Any]:
    """Encounters in every state that a deed needs."""
    from vaulting import note

    made: dict[str, Any] = {name: note(vault, f"{name} 10 mg " * 300, name).id for name in ("draft", "signed", "typed")}
    made["document"] = vault.edits.document_of(made["draft"])
    vault.edits.save(made["document"], content("second "))
    vault.edits.sign(made["signed"], "Dr. A")
    vault.retention.set_policy({State.SIGNED: 10})
    vault.edits.autosave(vault.edits.document_of(made["typed"]), content("typed "))
    return made


def _purge(vault: Vault, made: dict[str, Any], folder: Path) -> None:
    from datetime import UTC, datetime

    vault.session.clock = lambda: datetime(2200, 1, 1, tzinfo=UTC)
    vault.retention.purge()


def _note(vault: Vault, made: dict[str, Any], folder: Path) -> None:
    from vaulting import note

    note(vault, "new 5 mg " * 2000)


DEEDS: dict[str, Deed] = {
    "save": _note,
    "edit": lambda v, m, _: v.edits.save(m["document"], content("third ")),
    "autosave": lambda v, m, _: v.edits.autosave(m["document"], content("typing ")),
    "commit": lambda v, m, _: v.edits.commit(v.edits.document_of(m["typed"])),
    "discard": lambda v, m, _: v.edits.discard(v.edits.document_of(m["typed"])),
    "restore revision": lambda v, m, _: v.edits.restore(m["document"], 1),
    "sign": lambda v, m, _: v.edits.sign(m["draft"], "Dr. B"),
    "amend": lambda v, m, _: v.edits.amend(m["signed"]),
    "hold": lambda v, m, _: v.encounters.hold(m["draft"]),
    "rename": lambda v, m, _: v.encounters.rename(m["draft"], "another title"),
    "delete": lambda v, m, _: v.encounters.delete(m["signed"], signed_too=True),
    "policy": lambda v, m, _: v.retention.set_policy({State.DRAFT: 1}),
    "purge": _purge,
    "unsaved": lambda v, m, _: v.unsaved.keep({"x": "typed " * 5000}),
    "passphrase": lambda v, m, _: v.admin.change_passphrase(Passphrase(WORDS.encode()), Passphrase(OTHER.encode())),
    "recovery key": lambda v, m, _: v.admin.new_recovery_key(Passphrase(WORDS.encode())).wipe(),
    "rotate": lambda v, m, _: v.rotate_keys(Passphrase(WORDS.encode())),
    "backup": lambda v, m, folder: v.admin.backup(folder / "a.backup"),
    "plain export": lambda v, m, folder: v.export_plain(Passphrase(WORDS.encode()), folder / "all.jsonl"),
    "export": lambda v, m, folder: publish(v, m["draft"], folder / "out", "md", "DRAFT"),
}
LOG = "log"
WORDS = "correct horse battery staple"


def state(path: Path) -> dict[str, Any]:
    """All that a deed may change, read from the files once there is space again."""
    for words in (WORDS, OTHER):
        with (
            contextlib.suppress(EdgescribeError),
            Passphrase(words.encode()) as secret,
            Vault.open(path, secret, sleep=lambda _: None) as vault,
        ):
            assert vault.verify() == []
            listed = [vault.encounters.peek(one.id).to_json() for one in vault.encounters.list(100)]
            held = [[s.digest for s in vault.edits.signatures(one["summary"]["id"])] for one in listed]
            policy = sorted(vault.retention.policy().items())
            found = {"passphrase": words, "records": listed, "signed": held, "policy": policy}
            found |= {"unsaved": dict(vault.unsaved.texts(), **{LOG: ""}), "slots": vault.admin.slots()}
            others = (p for p in path.parent.rglob("*") if p.is_file() and not p.name.startswith(path.name))
            found["files"] = sorted(str(p.relative_to(path.parent)) for p in others)
            return json.loads(json.dumps(found, default=str))
    raise AssertionError("the vault does not open any more")


def fill(ballast: Path, free: int) -> None:
    """Take all space but so many bytes."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    with ballast.open("r+b") as file:
        file.truncate(max(0, ballast.stat().st_size - free))
    if free == 0:
        assert os.statvfs(ballast).f_bavail == 0


def once(name: str, free: int, template: Path, made: dict[str, Any], folder: Path, ballast: Path) -> dict[str, Any]:
    """One run of a deed on a copy of the template."""
    shutil.copytree(template, folder)
    path = folder / "records.vault"
    before, said = state(path), None
    with Passphrase(WORDS.encode()) as secret:
        vault = Vault.open(path, secret)
    vault.unsaved.keep({LOG: "x" * 600_000})  # in the log and not in the file yet: bringing it there needs space
    fill(ballast, free)
    try:
        DEEDS[name](vault, made, folder)
    except EdgescribeError as error:
        said = str(error)
    finally:
        vault.close()
        ballast.unlink()
    after = state(path)
    rotated = name == "rotate"
    shutil.rmtree(folder)
    parts = sorted(part for part in before if before[part] != after[part])
    return {"deed": name, "free": free, "said": said, "changed": parts, "may_look_alike": rotated}


def main() -> None:
    """Every deed at every amount of space."""
    kdf.FLOOR_KIB = 64
    root = Path(sys.argv[1])
    template = root / "template"
    cheap = kdf.KdfParameters(64, 1, 1)
    with (
        Passphrase(WORDS.encode()) as secret,
        Vault.create(template / "records.vault", secret, kdf=cheap, actor="dr.test") as vault,
    ):
        made = prepared(vault)
    for name in DEEDS:
        for free in FREE:
            print(json.dumps(once(name, free, template, made, root / "run", root / "ballast")), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    main()
