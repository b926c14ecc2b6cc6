"""Writes the golden vault of this schema version. Run once when a migration is added; never rewrite an old one.

    python tests/golden/vaults/make.py     ->  tests/golden/vaults/vN.vault and vN.vault.keys

The passphrase is in the test that opens them: these files hold made-up text.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edge.contract.encounter import Generated, Source
from edge.contract.fields import FieldEntry, Fields
from edge.contract.note import EncounterNote, Section
from edge.contract.origin import Origin
from edge.store import migrations
from edge.store.kdf import KdfParameters
from edge.store.secret import Passphrase
from edge.store.vault import Vault

PASSPHRASE = b"golden vault passphrase 2026"
SOURCE = Source("visit.txt", "[doctor] Where does it hurt?\n[patient] My left knee, since Monday.", "a" * 64)
ORIGIN = Origin("golden-bundle", "b" * 64, "1", "a" * 64, {"greedy": True}, 120, 34, 2.5)


def fill(vault: Vault) -> None:
    """Three encounters with made-up content."""
    for number in range(1, 4):
        plan = Section("PLAN", f"Rest the knee for {number} days. Ibuprofen 400 mg.")
        note = Generated(EncounterNote("soap", (plan,)), ORIGIN)
        saved = vault.encounters.save(f"Golden visit {number}", SOURCE, [note])
        fields = Fields({"age": (FieldEntry(str(40 + number), 0, 2),)})
        vault.encounters.save("", SOURCE, [Generated(fields, ORIGIN)], saved.id)


def main() -> int:
    """Write the files; refuses to replace any."""
    target = Path(__file__).with_name(f"v{migrations.LATEST}.vault")
    if target.exists():
        print(f"{target.name} is there already", file=sys.stderr)
        return 1
    passphrase = Passphrase(PASSPHRASE)
    with Vault.create(target, passphrase, kdf=KdfParameters(64 * 1024, 1, 1), actor="golden") as vault:
        fill(vault)
    for extra in (vault.paths.lock, vault.paths.maintenance):
        extra.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
