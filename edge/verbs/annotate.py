"""`edgescribe annotate`: extracted entries put right, and kept as training lines from the vault, on demand."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import UsageError
from edge.text import one_line
from edge.verbs import vault_options
from edge.verbs.narrate import Narrator

if TYPE_CHECKING:
    from edge.contract.encounter import Encounter
    from edge.contract.fields import Fields
    from edge.vaults import Vault


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = sub.add_parser(
        "annotate",
        help="put extracted entries right, and keep them as training lines",
        description="Goes through the extracted entries of a record, one command a line on standard input, to `save`. "
        "With --lines, writes the reports that were gone through to a file of yours, as training lines for "
        "`edgescribe-training tagger`.",
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="record id; with --lines any number (default: all)")
    parser.add_argument("--lines", type=Path, metavar="FILE", help="write training lines to this new file")
    vault_options.add_options(parser)
    parser.set_defaults(run=run, write_dirs=_write_dirs)


def _write_dirs(args: argparse.Namespace) -> tuple[Path, ...]:
    own = vault_options.vault_folder(args)
    return own if args.lines is None else (*own, args.lines.absolute().parent)


def run(args: argparse.Namespace) -> int:
    if args.lines is not None:
        return _lines(args)
    if len(args.ids) != 1:
        raise UsageError("Which record?", "Entries are put right one record at a time.", "`edgescribe records list`.")
    with vault_options.open_vault(args) as vault:
        record = vault.encounters.get(args.ids[0])
        vault.encounters.refuse_signed(record.summary.id)
        return _go_through(vault, record)


def _lines(args: argparse.Namespace) -> int:
    from edge.encounters import annotating

    narrator = Narrator()
    with vault_options.open_vault(args) as vault:
        count, left = annotating.write_lines(vault, args.lines, args.ids)
    what = "1 report" if count == 1 else f"{count} reports"
    narrator.say(f"{what} written to {one_line(str(args.lines), 200)}. It holds patients' words: keep it here.")
    if left:
        narrator.say(f"{left} entries were left out: they do not stand in their report as one piece of a line.")
    return 0


def _go_through(vault: Vault, record: Encounter) -> int:
    from edge.encounters import annotating

    narrator = Narrator()
    fields = annotating.fields_of(record)
    _print(fields)
    narrator.say(annotating.HELP)
    for line in sys.stdin:
        command = one_line(line)
        if command in ("", "list"):
            _print(fields)
        elif command == "quit":
            break
        elif command == "save":
            number = annotating.save(vault, record, fields)
            narrator.say(f"Saved as revision {number}; it counts among the training lines now.")
            return 0
        else:
            try:
                fields = annotating.apply(record, fields, command)
            except UsageError as error:
                narrator.say(str(error))
                continue
            _print(fields)
    narrator.say("Nothing was saved.")
    return 0


def _print(fields: Fields) -> None:
    from edge.verbs.extract import remarks

    for number, (key, entry) in enumerate(fields.rows(), start=1):
        said = ", ".join(remarks(entry))
        print(f"{number:>3}  {key:<32} {one_line(entry.text)}{f'  ({said})' if said else ''}")
    sys.stdout.flush()
