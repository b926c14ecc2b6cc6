"""`edgescribe records field` and `extract`: correct one extracted phrase of a record, or extract all fields anew."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from edge.errors import UsageError
from edge.text import one_line
from edge.verbs import extract as fields
from edge.verbs import model_verbs, vault_options
from edge.verbs.narrate import Narrator

if TYPE_CHECKING:
    from edge.contract.document import Document
    from edge.contract.encounter import Encounter
    from edge.contract.fields import Fields
    from edge.encounters.open_encounter import OpenEncounter

_NAME = 60  # characters of a name that is told


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the actions on fields to those of `edgescribe records`."""
    field = actions.add_parser("field", help="correct, add or remove one extracted fact")
    change = field.add_mutually_exclusive_group(required=True)
    change.add_argument("--list", action="store_true", help="print the numbered entries with their places")
    change.add_argument("--set", metavar="TEXT", help="the right words for an entry")
    change.add_argument("--add", metavar="TEXT", help="one more entry")
    change.add_argument("--remove", action="store_true", help="take an entry away")
    field.add_argument("--entry", type=int, metavar="N", help="number of the entry, where the field has several")
    extract = actions.add_parser("extract", help="extract the fields anew from the kept note or report")
    fields.add_tools(extract)
    model_verbs.add_quiet(extract)
    extract.set_defaults(format="table", json=False)
    for action, run in ((field, _field), (extract, _extract)):
        vault_options.on_record(action, run)
    field.add_argument("field", nargs="?", metavar="FIELD", help="key of the field, as `--list` prints it")


def _extract(args: argparse.Namespace) -> int:
    from edge.encounters.open_encounter import typed

    narrator = Narrator(args.quiet)
    tools = fields.ExtractTools(args, narrator)

    def report(kept: Encounter) -> Document:
        return typed(kept.report, "note")

    return model_verbs.run_on_kept(args, narrator, report, fields.write, tools.extractor, tools.close)


def _field(args: argparse.Namespace) -> int:
    from edge.contract.encounter import Kind
    from edge.encounters import keeping

    none = UsageError("This record has no fields.", "", "`edgescribe extract FILE --save` reads them.")
    with vault_options.open_vault(args) as vault:
        if args.list:
            found = vault.encounters.get(args.id).fields
            if found is None:
                raise none
            _print_entries(found.content, _known(args.field, required=False))
            return 0
        encounter = keeping.to_change(vault, args.id)
        if Kind.EXTRACTION not in encounter.documents:
            raise none
        key = _known(args.field, required=True)
        change(encounter, key, args)
        keeping.save(vault, encounter)
        revisions, _ = keeping.revisions(vault, encounter.id, Kind.EXTRACTION)
    older = f"the older ones are kept (`edgescribe records history {encounter.id} --fields`)"
    Narrator().say(f"Saved as revision {revisions[-1].number}; {older}.")
    _print_entries(encounter.fields_content(), key)
    return 0


def _known(field: str | None, required: bool) -> str:
    """The field's key; "" for all of them where none is required. Raises UsageError."""
    from edge.contract.schemas import FIELD_KEYS

    if field is None and not required:
        return ""
    if field not in FIELD_KEYS:
        what = "Which field?" if field is None else f"There is no field {one_line(field, _NAME)!r}."
        raise UsageError(what, f"Known: {', '.join(FIELD_KEYS)}.")
    return field


def change(encounter: OpenEncounter, key: str, args: argparse.Namespace) -> None:
    """Change the field's entries as asked; the place of changed words is looked up again. Raises UsageError."""
    rows = [index for index, row in enumerate(encounter.rows) if row.key == key]
    given = one_line((args.set if args.add is None else args.add) or "")
    if not (given or args.remove):
        raise UsageError("There are no words to keep.", "", "Give some, or take the entry away with --remove.")
    if args.add is not None and args.entry is not None:
        raise UsageError("--entry goes with --set or --remove.", "", "A new entry is the last one.")
    if args.add is not None or (not rows and args.entry is None and not args.remove):
        encounter.change_row(None, key, given)
        return
    number = 1 if args.entry is None and len(rows) == 1 else args.entry
    if number is None or not 1 <= number <= len(rows):
        raise UsageError(
            "Which entry?" if number is None else "There is no such entry.",
            f"The field has {len(rows)}, counted from 1.",
            "`edgescribe records field ID FIELD --list` shows them; --entry takes the number.",
        )
    encounter.change_row(rows[number - 1], key, "" if args.remove else given)


def _print_entries(fields: Fields, only: str) -> None:
    from edge.contract.schemas import FIELD_KEYS

    for key in FIELD_KEYS:
        if only in ("", key):
            for number, entry in enumerate(fields[key], start=1):
                place = "[no place found]" if entry.start is None else f"[{entry.start}–{entry.end}]"
                print(f"{key} {number}  {one_line(entry.text)}  {place}")
            if not fields[key]:
                print(f"{key} –")
