"""Notes made from facts that a tagger found, measured as the program makes them (edge/composing).

found-facts: worded by rules, no language model. found-lists: lists by rules, prose by the model from its own turns.
found-turns: all by the model. With "-copied": under the rule of edge.engine.copied. With "-again": contradicted
statements are written again before they are left out; with "-unmended": before anything is left out or added.
"""

from __future__ import annotations

from pathlib import Path

from edge.composing.notes import Composed, compose
from edge.contract import templates
from edge.contract.bundle import verify_bundle
from edge.contract.events import Finished
from edge.contract.templates import Contradicted
from edge.engine.base import Engine
from edge.errors import UsageError
from edge.reading.conversation import parse
from edge.tagging.facts import find_facts
from edge.tagging.onnx import open_tagger
from training.answering import UNANSWERED, Writer, Written
from training.sources import TrainingDocument

_UNMENDED = "-unmended"
_COPIED, _AGAIN = "-copied", "-again"
STRATEGIES = tuple(
    f"found-{form}{copied}{mended}"
    for form in ("facts", "lists", "turns")
    for copied in ("", _COPIED)
    for mended in ("", _AGAIN, _UNMENDED)
    if form != "facts" or (not copied and mended != _AGAIN)
)


def writer(strategy: str, tagger_bundle: Path | None, threads: int = 0) -> Writer:
    """What writes a visit note in a form. Raises UsageError without a tagger or for a set that holds no visits,
    BundleError."""
    if tagger_bundle is None:
        raise UsageError(f"--strategy {strategy} needs a tagger.", "", "Give --tagger DIR.")
    tagger = open_tagger(verify_bundle(tagger_bundle), threads)
    mend, written = not strategy.endswith(_UNMENDED), strategy.removeprefix("found-").removesuffix(_UNMENDED)
    way: Contradicted = "again" if written.endswith(_AGAIN) else "out"
    written = written.removesuffix(_AGAIN)
    form, copies = written.removesuffix(_COPIED), written.endswith(_COPIED)

    def write(engine: Engine, document: TrainingDocument) -> Written:
        if not document.note:
            raise UsageError("A note is made from a whole visit.", "", "Give a set of visits, such as facts-dev.")
        transcript = parse(document.raw)
        asked = None if form == "facts" else engine
        reasons: list[str] = []
        try:
            facts = find_facts(tagger, transcript)
            for event in compose(asked, transcript, facts, form, mend, templates.get("visit"), copies, way):
                if isinstance(event, Finished) and event.prompt_tokens:
                    reasons.append(event.reason)
                elif isinstance(event, Composed):
                    made = event.note
        except UNANSWERED as error:
            return Written(document.id, "", ("error",), 0, 0.0, error.what)
        parts: dict[str, str] = {}
        for section in made.sections:
            key = section.key.split(".")[0]
            parts[key] = "\n\n".join([*([parts[key]] if key in parts else []), section.heading, section.text])
        tokens = made.generated_tokens
        return Written(document.id, made.text, tuple(reasons) or ("end",), tokens, made.seconds, parts=parts)

    return write
