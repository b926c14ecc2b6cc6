"""`edgescribe extract`: a clinical report becomes 15 structured fields, each entry with its place in the report."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from edge.errors import Cancelled
from edge.verbs import generate
from edge.verbs.narrate import Narrator

if TYPE_CHECKING:
    from edge.contract.document import Document
    from edge.encounters.writing import Extraction, Scribe

_CUT = {
    "length": "writing stopped at its length limit; later fields may be missing",
    "loop": "the model began to repeat itself; that field was closed and may lack entries",
    "cancelled": "stopped; later fields are missing",
    "schema": "the answer ended before its last field",
}


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = sub.add_parser(
        "extract",
        help="extract 15 structured fields from a clinical report",
        description="Extract the 15 ELMTEX fields from a clinical report. Every entry stands word for word in the "
        "report; start and end are its character offsets in the text as read.",
    )
    parser.add_argument(
        "--format", choices=("table", "elmtex"), default="table", help="printed form without --json (default: table)"
    )
    generate.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    return generate.run_all(args, write)


def write(scribe: Scribe, document: Document, args: argparse.Namespace, narrator: Narrator) -> generate.Outcome:
    from edge.encounters import writing

    extraction = _follow(scribe, document, narrator)
    if not args.json:
        if args.format == "elmtex":
            generate.out(json.dumps(writing.elmtex(extraction), ensure_ascii=False, indent=2) + "\n")
        else:
            generate.out(table(extraction) + "\n")
        if extraction.incomplete:
            narrator.say(f"INCOMPLETE: {_CUT[extraction.stop]}.")
        narrator.say(
            f"{extraction.generated_tokens} tokens in {extraction.seconds:.1f} s with {scribe.engine.info.bundle}."
        )
    origin = writing.origin(scribe.engine.info, document, extraction)
    content = extraction.content
    return generate.Outcome(
        {**content.to_json(), **writing.envelope(origin)}, "report", writing.Generated(content, origin)
    )


def _follow(scribe: Scribe, document: Document, narrator: Narrator) -> Extraction:
    from edge.contract.events import Finished, Reading, Text
    from edge.contract.schemas import FIELD_KEYS
    from edge.encounters.writing import ExtractionFinished

    written = ""
    for event in scribe.extract(document):
        if isinstance(event, Reading):
            narrator.progress("Reading the report", event.done, event.total)
        elif isinstance(event, Text):
            written += event.text
            begun = sum(f'"{key}":' in written for key in FIELD_KEYS)
            narrator.progress("Filling the fields", begun, len(FIELD_KEYS))
        elif isinstance(event, Finished) and event.reason == "cancelled":
            raise Cancelled("Stopped.", "Nothing was saved.")
        elif isinstance(event, ExtractionFinished):
            narrator.clear()
            return event.extraction
    raise Cancelled("Stopped.", "Nothing was saved.")


def table(extraction: Extraction) -> str:
    """The fields as lines: label, then one entry a line with its place."""
    from edge.contract.schemas import FIELDS

    width = max(len(field.label) for field in FIELDS)
    lines = []
    for field in FIELDS:
        entries = extraction.fields[field.key]
        rows = [
            f"{e.text}  [{e.start}–{e.end}]" if e.start is not None else f"{e.text}  [no place found]" for e in entries
        ]
        for i, row in enumerate(rows or ["–"]):
            lines.append(f"{field.label if i == 0 else '':<{width}}  {row}")
    return "\n".join(lines)
