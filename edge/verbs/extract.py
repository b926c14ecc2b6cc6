"""`edgescribe extract`: a clinical report becomes structured fields, each with its place and what is said of it."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import Cancelled
from edge.verbs import bundle_options, model_verbs, vault_options
from edge.verbs.narrate import Narrator

if TYPE_CHECKING:
    from edge.contract.document import Document
    from edge.contract.fields import FieldEntry
    from edge.contract.schemas import FieldSchema
    from edge.encounters.extracting import Extractor
    from edge.encounters.writing import Extraction

_CUT = {
    "length": "writing stopped at its length limit; later fields may be missing",
    "loop": "the model began to repeat itself; that field was closed and may lack entries",
    "cancelled": "stopped; later fields are missing",
    "schema": "the answer ended before its last field",
}
_STRATEGIES = ("naive", "advanced", "examples", "tuned", "tagger", "judge")


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = sub.add_parser(
        "extract",
        help="extract 15 structured fields from a clinical report",
        description="Extract the 15 ELMTEX fields, or fields of your own, from a clinical report. Every entry stands "
        "word for word in the report; start and end are its character offsets in the text that `read` shows. "
        "A tagger does it where one is installed, without a language model.",
    )
    parser.add_argument(
        "--format", choices=("table", "elmtex"), default="table", help="printed form without --json (default: table)"
    )
    model_verbs.add_files(parser)
    add_tools(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line on standard output")
    parser.add_argument("--save", action="store_true", help="keep source and result in the vault")
    parser.add_argument("--title", metavar="TEXT", help="title of the saved record (default: the file's name)")
    model_verbs.add_quiet(parser)
    vault_options.add_options(parser)
    parser.set_defaults(run=run)


def add_tools(parser: argparse.ArgumentParser) -> None:
    """What extracts."""
    bundle_options.add_bundle(parser, "the installed tagger, else the largest model here")
    bundle_options.add_threads(parser)
    parser.add_argument(
        "--strategy", choices=_STRATEGIES, help="how fields are found (default: tagger; a model bundle: tuned)"
    )
    parser.add_argument("--schema", type=Path, metavar="TOML", help="fields of your own instead of the 15")
    parser.add_argument("--examples", type=Path, metavar="JSONL", help="annotated reports, for --strategy examples")


def run(args: argparse.Namespace) -> int:
    from edge.encounters import writing

    narrator = Narrator(args.quiet)
    tools = ExtractTools(args, narrator)
    inputs = [model_verbs.Input(name, partial(writing.read_file, name, "report")) for name in args.files]
    return model_verbs.run_inputs(args, narrator, write, inputs, tools.extractor, tools.close)


class ExtractTools:
    """The open extractor, opened when the first good file needs it."""

    def __init__(self, args: argparse.Namespace, narrator: Narrator) -> None:
        self._args, self._narrator = args, narrator
        self._extractor: Extractor | None = None

    def extractor(self) -> Extractor:
        """Raises UsageError, BundleError, EngineError."""
        from edge.contract.field_schemas import load
        from edge.encounters.extracting import Extractor, Wish

        if self._extractor is None:
            args = self._args
            wish = Wish(args.strategy, args.bundle, args.allow_unsigned, examples=args.examples, threads=args.threads)
            if args.schema is not None:
                wish = replace(wish, schema=load(args.schema))
            self._extractor = Extractor.open(
                wish, lambda done, total: self._narrator.progress("Checking the bundle", done, total)
            )
            self._narrator.clear()
            model_verbs.remark_on(self._extractor.info, self._narrator)
            if self._extractor.fallback:
                self._narrator.say(
                    "No tagger for fields is installed: the language model extracts, which takes longer."
                )
        return self._extractor

    def close(self) -> None:
        if self._extractor is not None:
            self._extractor.close()


def write(
    extractor: Extractor, document: Document, args: argparse.Namespace, narrator: Narrator
) -> model_verbs.VerbResult:
    """Extract, print as asked, and return what is to be kept."""
    from edge.contract.encounter import Generated
    from edge.encounters import writing

    extraction = _follow(extractor, document, narrator)
    if not args.json:
        if args.format == "elmtex":
            model_verbs.out(json.dumps(writing.elmtex(extraction), ensure_ascii=False, indent=2) + "\n")
        else:
            model_verbs.out(table(extraction, extractor.schema) + "\n")
        if extraction.incomplete:
            narrator.say(f"INCOMPLETE: {_CUT[extraction.stop]}.")
        narrator.say(account(extraction, extractor))
    origin = extractor.origin(document, extraction)
    content = extraction.content
    how = {"strategy": extractor.strategy}
    return model_verbs.VerbResult(
        {**content.to_json(), **how, **model_verbs.envelope(origin)}, "report", Generated(content, origin)
    )


def account(extraction: Extraction, extractor: Extractor) -> str:
    """What was done, in a line."""
    entries = sum(map(len, extraction.fields.values()))
    tokens = f"{extraction.generated_tokens} tokens, " if extraction.generated_tokens else ""
    return f"{entries} entries, {tokens}{extraction.seconds:.1f} s with {extractor.info.bundle} ({extractor.strategy})."


def _follow(extractor: Extractor, document: Document, narrator: Narrator) -> Extraction:
    from edge.contract.events import Finished, Reading, Text
    from edge.encounters.writing import ExtractionFinished

    written, keys = "", extractor.schema.keys
    for event in extractor.extract(document):
        if isinstance(event, Reading):
            narrator.progress("Reading the report", event.done, event.total)
        elif isinstance(event, Text) and extractor.strategy != "judge":
            written += event.text
            begun = sum(f'"{key}":' in written for key in keys)
            narrator.progress("Filling the fields", begun, len(keys))
        elif isinstance(event, Finished) and event.reason == "cancelled":
            raise Cancelled("Stopped.", "Nothing was saved.")
        elif isinstance(event, ExtractionFinished):
            narrator.clear()
            return event.extraction
    raise Cancelled("Stopped.", "Nothing was saved.")


def table(extraction: Extraction, schema: FieldSchema) -> str:
    """The fields as lines: label, then one entry a line with its place and what is said of it."""
    labels = {field.key: field.label for field in schema.fields}
    width = max(len(labels.get(key, key)) for key in extraction.fields)
    lines = []
    for key, entries in extraction.fields.items():
        for i, row in enumerate([_row(entry) for entry in entries] or ["–"]):
            lines.append(f"{labels.get(key, key) if i == 0 else '':<{width}}  {row}")
    return "\n".join(lines)


def _row(entry: FieldEntry) -> str:
    place = f"[{entry.start}–{entry.end}]" if entry.start is not None else "[no place found]"
    said = ", ".join(remarks(entry))
    return f"{' '.join(entry.text.split())}{f'  ({said})' if said else ''}  {place}"


def remarks(entry: FieldEntry) -> list[str]:
    """What is unusual about an entry: denied, doubtful, past, a relative's, or that the model is not sure of it."""
    known = entry.attributes
    found = [str(known[key]) for key in ("polarity", "time") if known.get(key) not in (None, "affirmed", "current")]
    if known.get("subject") not in (None, "patient"):
        found.append(str(known.get("relative") or known["subject"]))
    lab = known.get("lab")
    if isinstance(lab, dict) and lab.get("flag") in ("high", "low"):
        found.append(str(lab["flag"]))
    if entry.doubtful:
        found.append(f"doubtful, {entry.confidence:.0%}")
    return found
