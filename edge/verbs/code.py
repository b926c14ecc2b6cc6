"""`edgescribe code`: candidate ICD-10-CM codes of a note, each with its quote; the catalogue itself."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import EdgescribeError, UsageError
from edge.text import sanitise
from edge.verbs import bundle_options
from edge.verbs.narrate import Narrator, complain

if TYPE_CHECKING:
    from edge.coding.results import Coding
    from edge.terminology.catalogue import Catalogue

_ALL = 0.02  # least confidence of what --all shows
_ASKED = ("lookup", "search", "tree")


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = sub.add_parser(
        "code",
        help="candidate ICD-10-CM codes of a note, each with the words that support it",
        usage="edgescribe code FILE … [--json] | lookup CODE | search WORDS … | tree CODE",
        description="Candidate ICD-10-CM codes of a note. Candidates only: a person decides on each. No language model "
        "is loaded. `lookup`, `search` and `tree` show the catalogue itself.",
    )
    parser.add_argument(
        "words", nargs="+", metavar="FILE", help="text file, or - for standard input; or lookup, search, tree"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line on standard output")
    parser.add_argument("--all", action="store_true", help="also candidates of low confidence")
    parser.add_argument(
        "--edition", metavar="FILE", type=Path, help="another list of codes: ClaML or tabular XML (default: ICD-10-CM)"
    )
    bundle_options.add_threads(parser)
    parser.add_argument("--quiet", action="store_true", help="no narration on standard error")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from edge.terminology.index import open_catalogue, open_edition

    narrator = Narrator(args.quiet)
    catalogue = open_edition(args.edition) if args.edition else open_catalogue()
    first, rest = args.words[0], args.words[1:]
    if first in _ASKED:
        if not rest:
            raise UsageError(f"`code {first}` needs words.", "", f"For example: edgescribe code {first} I10")
        {"lookup": _lookup, "search": _search, "tree": _tree}[first](catalogue, " ".join(rest), args.json)
        return 0
    return _files(args, catalogue, narrator)


def _files(args: argparse.Namespace, catalogue: Catalogue, narrator: Narrator) -> int:
    from edge import paths
    from edge.coding.candidates import LIKELY, MAX_NOTE
    from edge.coding.installed import open_coder
    from edge.encounters.writing import read_file

    coder = open_coder(catalogue, paths.bundle_dirs(), args.threads)
    if not coder.by_meaning:
        narrator.say("No coding bundle is installed: codes are found by their words alone.")
    codes = []
    for name in args.words:
        try:
            read = read_file(name, "report")
            started = time.perf_counter()
            coding = coder.code(read.text, _ALL if args.all else LIKELY)
            seconds = round(time.perf_counter() - started, 3)
            codes.append(0)
        except EdgescribeError as error:
            complain(error)
            codes.append(error.exit_code)
            continue
        if coding.cut:
            narrator.warn(f"{read.name} was read to {MAX_NOTE:,} characters; the rest holds no candidates.")
        if args.json:
            print(json.dumps({"file": read.name, **coding.as_json(), "seconds": seconds}, ensure_ascii=False))
        else:
            print(sanitise(table(coding)))
            narrator.say(f"{coding.edition}; candidates, not codes: a person decides on each.")
    return codes[0] if len(codes) == 1 else int(any(codes))


def table(coding: Coding) -> str:
    """Candidates as lines: code, confidence, description, then the quote with its place."""
    if not coding.codes:
        return "No diagnosis that can be coded was found."
    rows = []
    for c in coding.codes:
        needs = f"  needs: {', '.join(c.needs)}" if c.needs else ""
        rows.append(f"{c.code.code:<9} {c.confidence:4.0%}  {c.code.description}{needs}")
        rows.append(f'                 "{" ".join(c.quote.split())}"  [{c.start}–{c.end}]  {c.why}')
    rows += [f"{one} and {other} exclude each other: {note}" for one, other, note in coding.conflicts]
    return "\n".join(rows)


def _lookup(catalogue: Catalogue, code: str, as_json: bool) -> None:
    from edge.terminology.catalogue import NOTE_KINDS

    entry = catalogue.require(code)
    notes = {
        kind: found
        for kind in NOTE_KINDS
        if (found := catalogue.notes(entry.code, kind, inherited=kind != "inclusion"))
    }
    seventh = catalogue.seventh(entry.code)
    if as_json:
        shown = {
            "code": entry.code,
            "description": entry.description,
            "billable": entry.billable,
            "edition": catalogue.edition,
        }
        print(json.dumps(shown | {"notes": notes, "seventh": seventh}, ensure_ascii=False))
        return
    print(
        f"{entry.code}  {entry.description}  ({'billable' if entry.billable else 'not billable'}; {catalogue.edition})"
    )
    for kind, texts in notes.items():
        print(f"  {kind.replace('_', ' ')}: " + "; ".join(texts))
    for char, meaning in seventh.items():
        print(f"  seventh character {char}: {meaning}")


def _search(catalogue: Catalogue, words: str, as_json: bool) -> None:
    from edge.coding.search import search

    hits = search(catalogue, words)
    if as_json:
        rows = [
            {"code": h.code.code, "description": h.code.description, "billable": h.code.billable, "score": h.score}
            for h in hits
        ]
        print(json.dumps({"edition": catalogue.edition, "hits": rows}, ensure_ascii=False))
        return
    print("\n".join(f"{h.code.code:<9} {h.code.description}" for h in hits) or "Nothing was found.")


def _tree(catalogue: Catalogue, code: str, as_json: bool) -> None:
    entry = catalogue.require(code)
    above = list(reversed(catalogue.ancestors(entry.code)))
    below = catalogue.children(entry.code)
    if as_json:
        rows = [{"code": e.code, "description": e.description, "billable": e.billable} for e in (*above, entry, *below)]
        print(json.dumps({"edition": catalogue.edition, "tree": rows}, ensure_ascii=False))
        return
    for depth, e in enumerate((*above, entry)):
        print(f"{'  ' * depth}{e.code}  {e.description}")
    for e in below:
        print(f"{'  ' * (len(above) + 1)}{e.code}  {e.description}")
