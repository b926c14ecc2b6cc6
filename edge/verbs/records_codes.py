"""`edgescribe records codes`: candidate codes of a kept note, and what a person decides on each."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from edge.errors import UsageError
from edge.text import one_line, sanitise
from edge.verbs import bundle_options, vault_options
from edge.verbs.narrate import Narrator

if TYPE_CHECKING:
    from edge.encounters.open_encounter import OpenEncounter
    from edge.vaults import Vault


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action on codes to those of `edgescribe records`."""
    codes = actions.add_parser("codes", help="candidate ICD-10-CM codes of a kept note: list, accept, change, reject")
    codes.add_argument("--find", action="store_true", help="look for candidates anew; what was decided stays")
    codes.add_argument("--accept", nargs="+", metavar="CODE", default=[], help="take these candidates")
    codes.add_argument("--change", nargs=2, metavar=("CODE", "NEW"), help="take another code of the catalogue instead")
    codes.add_argument("--reject", nargs="+", metavar="CODE", default=[], help="reject these, with --reason")
    codes.add_argument("--reason", default="", metavar="TEXT", help="why, in a few words")
    bundle_options.add_threads(codes)
    vault_options.on_record(codes, _codes)


def _codes(args: argparse.Namespace) -> int:
    changes = bool(args.find or args.accept or args.change or args.reject)
    with vault_options.open_vault(args) as vault:
        kept = vault.encounters.get(args.id)
        if kept.codes is None or changes:
            encounter = _decided(vault, args, kept.codes is None or args.find)
            codes, note = encounter.codes, encounter.note_text()
        else:
            codes, note = kept.codes.content, kept.note.content.text() if kept.note is not None else ""
    if not codes.entries:
        Narrator().say("No diagnosis that can be coded was found.")
    for line in codes.lines(note):
        print(sanitise(line))
    for one in codes.conflicts:
        print(sanitise(f"{one.code} and {one.excludes} exclude each other: {one.note}"))
    Narrator().say("Candidates, not codes: a person decides on each.")
    return 0


def _decided(vault: Vault, args: argparse.Namespace, find: bool) -> OpenEncounter:
    """The encounter after what was asked for, kept. Raises UsageError."""
    from edge.encounters import code_decisions, coding, keeping
    from edge.encounters.open_encounter import typed

    encounter = keeping.to_change(vault, args.id)
    text = encounter.note_text()
    if not text:
        raise UsageError("This record has no note to code.", "", "`edgescribe note FILE --save` writes and keeps one.")
    catalogue = coding.catalogue()
    if find:
        encounter.codes_found(coding.find(coding.coder(catalogue, args.threads), text), typed(text, "note"))
    for code in args.accept:
        at = _place(encounter, code)
        encounter.decide(at, code_decisions.accept(encounter.codes.entries[at]))
    if args.change:
        at = _place(encounter, args.change[0])
        encounter.decide(at, code_decisions.accept(encounter.codes.entries[at], catalogue.require(args.change[1])))
    for code in args.reject:
        at = _place(encounter, code)
        encounter.decide(at, code_decisions.reject(encounter.codes.entries[at], args.reason))
    keeping.save(vault, encounter)
    return encounter


def _place(encounter: OpenEncounter, code: str) -> int:
    wanted = one_line(code, 20).upper()
    found = next((at for at, one in enumerate(encounter.codes.entries) if one.code.upper() == wanted), None)
    if found is None:
        known = ", ".join(one.code for one in encounter.codes.entries)
        raise UsageError(
            f"{wanted} is no candidate of this note.", f"Candidates: {known or 'none'}.", "--find looks anew."
        )
    return found
