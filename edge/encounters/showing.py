"""Which text of an encounter is shown or leaves: the signed one wherever there is one, a draft only if it is asked for.

A signed encounter may be amended: its text then differs from what was signed, until it is signed again. Whoever reads
an export, or `records show`, must never take that text, or one that was never signed, for the signed note.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from edge.contract.encounter import Encounter, State
from edge.store.chain import Event
from edge.store.edits import Signature
from edge.store.vault import Vault


@dataclass(frozen=True)
class Shown:
    """An encounter as it is shown. signature: of this text, None for a draft. newer: a draft after it is not shown."""

    record: Encounter
    signature: Signature | None
    newer: bool = False

    @property
    def signed(self) -> bool:
        """Whether this text is the signed one."""
        return self.signature is not None

    def label(self) -> str:
        """What the text is, in a line for its head."""
        if self.signature is None:
            return "DRAFT: not signed by a clinician."
        by = f"SIGNED: version {self.signature.version}, by {self.signature.signer}, {self.signature.at}."
        return f"{by} A newer draft is not shown; --draft shows it." if self.newer else by

    def to_json(self) -> dict[str, Any]:
        """The record as JSON, with {"shown": "signed" or "draft", "newer_draft", "signature"}."""
        signature = self.signature and {name: getattr(self.signature, name) for name in ("version", "signer", "at")}
        head = {"shown": "signed" if self.signed else "draft", "newer_draft": self.newer, "signature": signature}
        return head | self.record.to_json()


def shown(vault: Vault, identifier: str, draft: bool = False) -> Shown:
    """The signed text of an encounter, or its draft if it was never signed or draft is set.

    Raises as Encounters.peek, DamagedVaultError if the signed text does not fit its signature.
    """
    record = vault.encounters.peek(identifier)
    last = vault.edits.last_signed(record.summary.id)
    amended = record.summary.state is not State.SIGNED
    if last is None or (draft and amended):
        return Shown(record, None)
    signature, texts = last
    documents = tuple(
        replace(one, content=texts[one.id][1], revision=texts[one.id][0], version=signature.version, draft=False)
        for one in record.documents
        if one.id in texts
    )
    summary = replace(record.summary, state=State.SIGNED)
    return Shown(replace(record, summary=summary, documents=documents), signature, amended)


def view(vault: Vault, identifier: str, draft: bool = False) -> Shown:
    """shown(), with the entry in the audit chain that somebody looked."""
    found = shown(vault, identifier, draft)
    vault.session.record(Event.VIEW, found.record.summary.id)
    return found
