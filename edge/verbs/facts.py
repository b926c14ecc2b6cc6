"""`edgescribe facts`: what was said in a conversation, each fact with its words and place."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING

from edge.errors import EdgescribeError
from edge.text import sanitise
from edge.verbs import bundle_options
from edge.verbs.narrate import Narrator, complain

if TYPE_CHECKING:
    from edge.contract.facts import Fact
    from edge.tagging.tagger import Tagger


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = sub.add_parser(
        "facts",
        help="what was said in a conversation, each fact with its words and place",
        description="The facts of a conversation: what each is about, whether it is so, whose it is, when it holds, "
        "and the words that say it. turn counts from 0, start and end are character offsets in the text as read. No "
        "language model is loaded.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="transcript, or - for standard input")
    parser.add_argument("--json", action="store_true", help="one JSON object a file on standard output")
    parser.add_argument("--bundle", metavar="NAME", help="tagger bundle by name or folder (default: the installed one)")
    parser.add_argument("--allow-unsigned", action="store_true", help="use a bundle that no known key signed")
    bundle_options.add_threads(parser)
    parser.add_argument("--quiet", action="store_true", help="no narration on standard error")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from edge import paths
    from edge.tagging.facts import TASK
    from edge.tagging.installed import tagger_folder
    from edge.tagging.onnx import load_tagger

    narrator = Narrator(args.quiet)
    folder = tagger_folder(TASK, paths.bundle_dirs(), args.bundle)
    tagger = load_tagger(folder, allow_unsigned=args.allow_unsigned, threads=args.threads)
    codes = []
    for name in args.files:
        try:
            _one(name, tagger, args.json, narrator)
            codes.append(0)
        except EdgescribeError as error:
            complain(error)
            codes.append(error.exit_code)
    return codes[0] if len(codes) == 1 else int(any(codes))


def _one(name: str, tagger: Tagger, as_json: bool, narrator: Narrator) -> None:
    from edge.clinical.language import is_german, language
    from edge.contract.transcript import Transcript
    from edge.encounters.writing import read_file
    from edge.tagging.facts import find_facts

    document = read_file(name, "conversation")
    started = time.perf_counter()
    spoken = "de" if is_german(document.text) else language(document.text) or "en"
    facts = find_facts(tagger, Transcript(document.text, document.turns))
    seconds = round(time.perf_counter() - started, 3)
    if as_json:
        shown = {"file": document.name, "facts": [fact.as_json() for fact in facts], "language": spoken}
        print(json.dumps(shown | {"seconds": seconds}, ensure_ascii=False))
    else:
        print(sanitise(table(facts)))
    if spoken == "other":
        narrator.say(
            "The text is neither English nor German as far as can be seen: facts of it are not to be relied on."
        )
    narrator.say(f"{len(facts)} facts in {seconds:.1f} s: found by a model, so read the words.")


def table(facts: list[Fact]) -> str:
    """Facts as lines: kind, what else is known of it, its words, its place; "!" marks those that could harm if lost."""
    if not facts:
        return "No fact was found."
    rows = []
    for fact in facts:
        known = [fact.polarity.value, fact.subject.value, fact.time.value]
        usual = {"affirmed", "patient", "current"}
        words = ", ".join(word for word in known if word not in usual)
        quote = fact.evidence[0]
        beside = next((one for one in fact.evidence if one.turn != quote.turn), None)  # a question or its answer
        said = " … ".join(" ".join(one.text.split()) for one in (quote, beside) if one is not None)
        rows.append(
            f'{"!" if fact.critical else " "} {fact.kind.value:<15} "{said}"{f"  ({words})" if words else ""}'
            f"  [turn {quote.turn}, {quote.start}–{quote.end}]"
        )
    return "\n".join(rows)
