"""`edgescribe read`: what the program makes of a file, before any model sees it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from edge.errors import EdgescribeError
from edge.text import one_line, sanitise
from edge.verbs import model_verbs, read_options
from edge.verbs.narrate import Narrator, complain

if TYPE_CHECKING:
    from edge.encounters.writing import ReadFile

_NAME = 40  # characters of a speaker's name that are shown


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = sub.add_parser(
        "read",
        help="show how a conversation or report is read, before any model sees it",
        description="Show what the program makes of a file: kind, format, encoding, language, text and turns. "
        "Conversations: plain text with labels or times, SRT, WebVTT, TSV, TextGrid, JSON of recognisers, DOCX, ODT, "
        "RTF, PDF with text. Reports: text, HL7 v2, CDA, HTML and the same office files. Nothing is kept.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="file, or - for standard input")
    parser.add_argument("--json", action="store_true", help="one JSON object a line on standard output")
    read_options.add_options(parser)
    model_verbs.add_quiet(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from edge.encounters import writing

    narrator = Narrator(args.quiet)
    names, speakers = read_options.names_and_speakers(args)
    codes = []
    for group in [names] if args.together else [[name] for name in names]:
        try:
            if args.together:
                reading = writing.read_together(group, speakers)
            else:
                reading = writing.read_file(group[0], None, speakers)
            _show(reading, args.json, narrator)
            codes.append(0)
        except EdgescribeError as error:
            if args.json:
                print(
                    json.dumps({"file": sanitise(", ".join(group)), "error": sanitise(str(error))}, ensure_ascii=False)
                )
            complain(error)
            codes.append(error.exit_code)
    return codes[0] if len(codes) == 1 else int(any(codes))


def _show(reading: ReadFile, as_json: bool, narrator: Narrator) -> None:
    if as_json:
        print(json.dumps(reading.as_json(), ensure_ascii=False), flush=True)
    elif reading.kind == "report":
        print(sanitise(reading.text.rstrip("\n")))
    else:
        for number, turn in enumerate(reading.turns):
            speaker = one_line(turn.speaker, _NAME) or "–"
            print(f"{number:>4}  {_clock(turn.seconds)}{speaker}: {one_line(turn.text)}")
    known = ", ".join(one for one in (reading.format, reading.encoding, reading.language) if one)
    size = f"{len(reading.turns)} turns" if reading.kind == "conversation" else f"{len(reading.text):,} characters"
    narrator.say(f"{reading.name}: a {reading.kind} of {size} ({known}).")
    for remark in reading.warnings:
        narrator.say(f"  {remark}")


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return ""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}  "
