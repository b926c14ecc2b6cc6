"""`edgescribe demo`: the main job on a sample visit, from conversation to encrypted record, shown step by step."""

from __future__ import annotations

import argparse
import os
import secrets
from importlib import resources
from typing import TYPE_CHECKING

from edge.verbs import bundle_options, extract, model_verbs, note, records
from edge.verbs.narrate import Narrator

_SOURCES = 6  # statements that are shown with their sources

if TYPE_CHECKING:
    from edge.contract.codes import Codes
    from edge.encounters.extracting import Extractor
    from edge.encounters.writing import Scribe
    from edge.vaults import Vault


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = sub.add_parser(
        "demo",
        help="write, extract and save a sample visit",
        description="Run the main job on a sample visit that ships with the program: note, fields, encrypted record.",
    )
    bundle_options.add_bundle(parser)
    bundle_options.add_threads(parser)
    parser.set_defaults(run=run, live=True, json=False, template="visit", title="Sample visit")


def run(args: argparse.Namespace) -> int:
    from edge.encounters import writing

    narrator = Narrator()

    def checking(done: int, total: int) -> None:
        narrator.progress("Checking the bundle", done, total)

    with writing.Scribe.open(args.bundle, checking, args.allow_unsigned, args.threads) as scribe:
        narrator.clear()
        model_verbs.remark_on(scribe.engine.info, narrator)
        with _vault(args, narrator) as vault:
            record = _visit(scribe, vault, args, narrator)
            _heading(narrator, "6. What the demo vault holds now")
            for summary in vault.encounters.list(limit=10):
                print(records.line(summary), flush=True)
    where = f"--vault {args.vault} --passphrase-file {args.passphrase_file}"
    narrator.say("\nWhat to type next:")
    narrator.say(f"  edgescribe records show {record} {where}")
    narrator.say("  edgescribe note YOUR_TRANSCRIPT.txt --save      (asks for a passphrase, makes your own vault)")
    narrator.say("  edgescribe extract REPORT.txt --json")
    narrator.say("  edgescribe doctor")
    return 0


def _heading(narrator: Narrator, text: str) -> None:
    narrator.say(f"\n── {text} " + "─" * max(0, 76 - len(text)))


def _vault(args: argparse.Namespace, narrator: Narrator) -> Vault:
    """Open the demo vault; its passphrase is random and lies beside it, since it holds nothing but the sample."""
    from edge import paths, vaults

    folder = paths.data_dir() / "demo"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    args.vault, args.passphrase_file = folder / "demo.vault", folder / "demo.passphrase"
    if args.vault.exists() and args.passphrase_file.exists():
        return vaults.open_vault(args.vault, args.passphrase_file)
    if args.vault.exists():
        args.vault = folder / f"demo-{secrets.token_hex(3)}.vault"
    with open(args.passphrase_file, "x", opener=_private, encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(24) + "\n")
    narrator.say("Making an encrypted demo vault (its passphrase lies beside it: it holds only the sample).")
    return vaults.create(args.vault, args.passphrase_file)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _extractor(scribe: Scribe, args: argparse.Namespace) -> Extractor:
    """The installed tagger, else the language model that wrote the note."""
    from edge.encounters.extracting import Extractor, Wish
    from edge.errors import BundleError

    try:
        return Extractor.open(Wish("tagger", None, args.allow_unsigned, threads=args.threads))
    except BundleError:
        return Extractor.of(scribe)


def _sources(content: object, narrator: Narrator) -> None:
    """The first statements of the note that have a source, each with the best of them."""
    from edge.contract.note import EncounterNote
    from edge.text import one_line

    assert isinstance(content, EncounterNote)
    statements = [one for section in content.sections for one in section.statements]
    shown = [one for one in statements if one.sources]
    for one in shown[:_SOURCES]:
        quote = one.sources[0].quote
        narrator.say(f"{one_line(one.text, 90)}\n    turn {quote.turn}: “{one_line(quote.text, 90)}”")
    without = len(statements) - len(shown)
    narrator.say(f"{len(shown)} of {len(statements)} statements have a source; {without} have none.")


def _codes(note_text: str, args: argparse.Namespace, narrator: Narrator) -> Codes:
    """Candidates of the note, shown; all open."""
    from edge.encounters import coding

    narrator.say("Reading the classification (its index is built the first time) …")
    coder = coding.coder(threads=args.threads)
    found = coding.find(coder, note_text)
    for line in found.lines():
        narrator.say(line)
    if not found.entries:
        narrator.say("No diagnosis that can be coded was found.")
    if not coder.by_meaning:
        narrator.say("Found by their words alone; `edgescribe-export coding` builds the bundle that finds by meaning.")
    return found


def _visit(scribe: Scribe, vault: Vault, args: argparse.Namespace, narrator: Narrator) -> str:
    """Write, extract and save; returns the record's id."""
    from edge.contract import document as documents
    from edge.contract.note import EncounterNote
    from edge.encounters import keeping, templates, writing
    from edge.encounters.open_encounter import OpenEncounter, source_of, typed

    sample = resources.files("edge.samples").joinpath("visit.txt").read_bytes()
    visit = documents.from_bytes(sample, "visit.txt")
    _heading(narrator, "1. The conversation")
    narrator.say(visit.text.strip()[:420] + " …")
    from_facts = scribe.form_of(templates.get(args.template), visit.text) == writing.FACTS
    made = "made of what was said" if from_facts else f"written by {scribe.engine.info.bundle}"
    _heading(narrator, f"2. The note, {made} on this machine")
    written = note.write(scribe, visit, args, narrator)
    text = str(written.printed["text"])
    _heading(narrator, "3. Where it comes from: statements with the words that they stand on")
    _sources(written.result.content, narrator)
    _heading(narrator, "4. Structured fields of that note, each with its characters in it")
    report = documents.from_text(text, "note")
    found = extract.write(_extractor(scribe, args), report, argparse.Namespace(json=False, format="table"), narrator)
    encounter = OpenEncounter(title=args.title)
    encounter.add_result(source_of(visit), written.result)
    encounter.add_result(source_of(report, "report"), found.result)
    _heading(narrator, "5. Candidate ICD-10-CM codes of that note, each with its words: a person decides")
    content = written.result.content
    assert isinstance(content, EncounterNote)
    kept = content.text()  # as the records show it: a code is stale when its words are not there
    encounter.codes_found(_codes(kept, args, narrator), typed(kept, "note"))
    return keeping.save(vault, encounter).id
