"""The changes of `edgescribe records` that put something new beside what is kept: a whole note, fields, another title.

The app's Ctrl+G, F7 and title line, for screen readers and scripts. What there was stays in the history.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from edge.errors import UsageError
from edge.text import one_line
from edge.verbs import bundle_options, generate, vault_options
from edge.verbs import extract as fields
from edge.verbs.narrate import Narrator

if TYPE_CHECKING:
    from edge.contract.document import Document
    from edge.contract.encounter import Encounter, Generated
    from edge.vaults import Vault


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Mount the actions beside those of record_work.py and record_parts.py."""
    title = actions.add_parser("title", help="give a record another title")
    write = actions.add_parser("write", help="write a whole note anew from the kept conversation")
    write.add_argument(
        "--template", metavar="T", help="as `note` takes it (default: that of the note there is, or visit)"
    )
    extract = actions.add_parser("extract", help="extract the fields anew from the kept note or report")
    bundle_options.add_bundle(write)
    fields.add_tools(extract)
    for action in (write, extract):
        generate.add_quiet(action)
    for action, run in ((title, _title), (write, _write), (extract, _extract)):
        vault_options.on_record(action, run)
    title.add_argument("title", metavar="TITLE")
    extract.set_defaults(format="table", json=False)
    write.set_defaults(json=False)


def _title(args: argparse.Namespace) -> int:
    words = one_line(args.title)
    if not words:
        raise UsageError("There are no words for a title.", "", "`edgescribe records title ID TITLE`.")
    with vault_options.open_vault(args) as vault:
        summary = vault.encounters.rename(args.id, words)
    Narrator().say(f"Encounter {summary.id} is called {summary.title!r}.")
    return 0


def _write(args: argparse.Namespace) -> int:
    from edge import workbench
    from edge.contract import templates
    from edge.paths import data_dir
    from edge.reading import substance
    from edge.verbs import note

    def conversation(record: Encounter) -> Document:
        kept, talk = record.note, workbench.conversation_of(record)
        if talk.kind == "report" or not talk.text.strip():
            raise UsageError("This record has no conversation.", "", "`edgescribe note FILE --save` keeps one.")
        args.template = args.template or (kept.content.template if kept else "") or "visit"
        templates.get(args.template, data_dir() / "templates")  # a wrong name is said before the model loads
        substance.visit(talk.text)
        return workbench.typed(talk.text, talk.name)

    narrator = Narrator(args.quiet)
    bench = generate.Bench(args, narrator)
    return _anew(args, narrator, conversation, note.write, bench.scribe, bench.close)


def _extract(args: argparse.Namespace) -> int:
    from edge import workbench

    narrator = Narrator(args.quiet)
    tools = fields.Tools(args, narrator)

    def report(record: Encounter) -> Document:
        return workbench.typed(workbench.report_of(record), "note")

    return _anew(args, narrator, report, fields.write, tools.extractor, tools.close)


def _anew(
    args: argparse.Namespace, narrator: Narrator, basis: generate.Basis, work: generate.Work[generate.T],
    tool: Callable[[], generate.T], close: Callable[[], None],
) -> int:  # fmt: skip
    """Run work over a text of the record and keep what it gives beside what is there, which stays as it is."""
    from edge.contract.encounter import Source

    with vault_options.open_vault(args) as vault:
        try:
            record = vault.encounters.get(args.id)
            code = record.summary.id
            vault.encounters.refuse_signed(code)
            document = basis(record)
            outcome = work(tool(), document, args, narrator)
            _commit(vault, record, outcome.generated)
            source = Source(document.name, document.text, document.sha256, outcome.source_kind)
            vault.encounters.save(record.summary.title, source, [outcome.generated], code)
            narrator.say(f"Saved in record {code}.")
        finally:
            narrator.clear()
            close()
    return 0


def _commit(vault: Vault, record: Encounter, generated: Generated) -> None:
    """A draft that the app left becomes a revision: what is new does not take its place."""
    from edge.contract.encounter import Kind

    former = record.note if generated.kind is Kind.NOTE else record.fields
    if former is not None:
        vault.edits.commit(former.id)
