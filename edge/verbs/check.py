"""`edgescribe check`: a note held against its conversation."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from edge.errors import EdgescribeError, UsageError
from edge.text import one_line, sanitise
from edge.verbs import bundle_options
from edge.verbs.narrate import Narrator, complain

if TYPE_CHECKING:
    from edge.contract.document import Document
    from edge.contract.facts import Omission, Statement
    from edge.encounters.checking import Checker, Review

_MARK = {"high": "!!", "low": "!"}
_SHOWN = 150  # characters of a quote


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = sub.add_parser(
        "check",
        help="hold a note against its conversation: sources, contradictions, what was said and is not in it",
        description="Show what each statement of a note stands on, where the conversation says something else, and "
        "what was said and is not in the note. turn counts from 0 as `edgescribe read` does, start and end are "
        "character offsets in the text as read. Nothing is changed, and no language model is loaded.",
    )
    parser.add_argument("files", nargs="+", metavar="NOTE", help="note as text, or - for standard input")
    parser.add_argument("--source", required=True, metavar="TRANSCRIPT", help="the conversation that the notes are of")
    parser.add_argument("--json", action="store_true", help="one JSON object a note on standard output")
    parser.add_argument("--tagger", metavar="NAME", help="tagger bundle that finds facts (default: the installed one)")
    parser.add_argument("--allow-unsigned", action="store_true", help="use a bundle that no known key signed")
    bundle_options.add_threads(parser)
    parser.add_argument("--quiet", action="store_true", help="no narration on standard error")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 where every note could be checked, whatever was found; the error's code, or 1 if some of several failed."""
    from edge.encounters import checking, writing

    if args.source == "-" and "-" in args.files:
        raise UsageError(
            "Note and conversation can't both come from standard input.", "", "Give one of them as a file."
        )
    source = writing.read_document(args.source)
    checker = checking.Checker.open(args.tagger, args.allow_unsigned, args.threads)
    narrator = Narrator(args.quiet)
    codes = [_one(name, source, checker, args.json, narrator) for name in args.files]
    return codes[0] if len(codes) == 1 else int(any(codes))


def _one(name: str, source: Document, checker: Checker, as_json: bool, narrator: Narrator) -> int:
    from edge.encounters import writing

    try:
        note = writing.read_document(name)
        found = checker.check(note, source)
    except EdgescribeError as error:
        if as_json:
            print(json.dumps({"file": sanitise(name), "error": sanitise(str(error))}, ensure_ascii=False))
        complain(error)
        return error.exit_code
    if as_json:
        print(json.dumps({"file": note.name} | found.as_json(), ensure_ascii=False))
    else:
        print(text(found))
    account(found, checker, narrator)
    return 0


def account(found: Review, checker: Checker, narrator: Narrator) -> None:
    """Say in one line what was found, and what could not be looked for."""
    if found.foreign:
        narrator.warn("Hardly anything of this note was said in the conversation: it may be of another visit.")
    high = sum(flag.severity.value == "high" for flag in found.flags)
    bare = sum(not one.sources for one in found.statements)
    narrator.say(
        f"{len(found.statements)} statements, {high} that the conversation contradicts, {bare} without a source; "
        f"{found.seconds:.1f} s. A help for reading, no judgement of the note."
    )
    if checker.finder is None:
        narrator.say(f"Nothing is said about what is missing from the note. {checker.lacking}".strip())


def text(found: Review) -> str:
    """The review for people: every statement with its first source and its flags, then what is not in the note."""
    lines = [line for one in found.statements for line in _statement(one)]
    if found.omissions:
        lines += ["", "SAID, NOT IN THE NOTE"]
        lines += [_omission(one) for one in found.omissions]
    return sanitise("\n".join(lines))


def _statement(one: Statement) -> list[str]:
    lines = [f"{'  ' if one.supported else '? '}{one_line(one.text)}"]
    if one.sources:
        quote = one.sources[0].quote
        lines.append(f"      turn {quote.turn}: “{one_line(quote.text, _SHOWN)}”  ({one.sources[0].score:.2f})")
    else:
        lines.append("      no source found")
    for flag in one.flags:
        lines.append(f"   {_MARK[flag.severity.value]:>2} {flag.check}: {one_line(flag.message)}")
    return lines


def _omission(one: Omission) -> str:
    return (
        f"  {'!' if one.critical else ' '} {one.kind.value}: {one_line(one.statement, _SHOWN)}  [turn {one.quote.turn}]"
    )
