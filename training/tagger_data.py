"""Training data of a tagger: texts with spans, labels and attributes, read from the data folder or a file of one's own.

Two kinds of example: facts of a conversation (kind, polarity, subject, time, critical; the data folder's facts/) and
fields of a report ({"id", "split", "report", "fields": {label: [span, …]}} a line, every span verbatim).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.contract.facts import FactKind, Polarity, Subject, Time
from edge.contract.schemas import FIELD_KEYS
from edge.errors import TrainingError
from edge.reading.conversation import parse
from edge.tagging.windows import WindowSegment, of_report, of_transcript
from edge.text import sanitise
from training import lines, sources

FACT_LABELS = tuple(kind.value for kind in FactKind)
FACT_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "polarity": tuple(v.value for v in Polarity),
    "subject": tuple(v.value for v in Subject),
    "time": tuple(v.value for v in Time),
    "critical": ("no", "yes"),
}
_TAG = re.compile(r"^\s*\[[^\]]{1,40}\]\s*")
_FEW_WORDS = 3
_VISITS = {"aci-train": ("aci", "train"), "aci-valid": ("aci", "valid"), "aci-test1": ("aci", "test1")}


@dataclass(frozen=True)
class GoldSpan:
    """A span that is to be found. attributes: attribute -> number of its value."""

    label: int
    start: int
    end: int
    attributes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class AnnotatedFact:
    """A fact as annotated. quotes: (start, end) in the text, best first. names: those that tell it from other facts."""

    kind: str
    polarity: str
    subject: str
    time: str
    critical: bool
    quotes: tuple[tuple[int, int], ...]
    names: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class TaggerExample:
    """A text with its spans. ignore: (label, start, end) that are neither right nor wrong, label -1 for all of them."""

    id: str
    text: str = field(repr=False)
    segments: tuple[WindowSegment, ...] = field(repr=False)
    gold: tuple[GoldSpan, ...] = field(repr=False)
    ignore: tuple[tuple[int, int, int], ...] = field(repr=False)
    facts: tuple[AnnotatedFact, ...] = field(default=(), repr=False)
    fields: dict[str, list[str]] = field(default_factory=dict, repr=False)
    lang: str = "en"
    source: str = ""


def facts(folder: Path, split: str) -> list[TaggerExample]:
    """Conversations of facts/ of one split: "aci-train", "aci-valid", "aci-test1" or "synthetic". Raises TrainingError.

    Offsets are those of the conversation as training.sources reads it, which is as the product does.
    """
    name, part = _VISITS.get(split, ("synthetic_visits", "train"))
    visits = {document.id: document for document in sources.read(name, folder, part)}
    found = []
    for path in sorted((folder / "facts").glob("*.jsonl")):
        for record in lines.records(path):
            if record.fields.get("set") == split:
                document = visits.get(str(record.fields.get("id")))
                if document is None:
                    raise TrainingError(f"{record.where}: an unknown visit.", "", "Copy the data set here again.")
                found.append(_visit(document, record))
    if not found:
        raise TrainingError(f"There are no facts of {split!r}.", "", "Check the data folder (--data).")
    return found


def _visit(document: sources.TrainingDocument, record: lines.Record) -> TaggerExample:
    text = document.raw
    spoken = list(_lines(text))
    known = [_fact(one, spoken, record.where) for one in record.fields["facts"]]
    shared = Counter(quote for fact in known for quote in set(fact.quotes))
    named = tuple(_named(fact, shared, text) for fact in known)
    gold = tuple(_gold(fact) for fact in named)
    main = {(g.label, g.start, g.end) for g in gold}
    beside = {(FACT_LABELS.index(f.kind), *quote) for f in named for quote in f.quotes}
    segments = tuple(of_transcript(parse(text)))
    source = str(record.fields["set"])
    return TaggerExample(
        document.id, text, segments, gold, tuple(sorted(beside - main)), named, {}, document.lang, source
    )  # fmt: skip


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Start and words of each line that is not blank, without its speaker tag, as the annotation counts turns."""
    start = 0
    for line in text.split("\n"):
        if line.strip():
            words = _TAG.sub("", line)
            yield start + len(line) - len(words), words
        start += len(line) + 1


def _fact(raw: dict[str, Any], spoken: Sequence[tuple[int, str]], where: str) -> AnnotatedFact:
    quotes = []
    for piece in raw["evidence"]:
        begin, words = spoken[piece["turn"]]
        at = words.find(sanitise(piece["quote"]))
        if at < 0:
            raise TrainingError(
                f"{where} {raw.get('id')}: a quote is not in its turn.", "", "Copy the data set here again."
            )
        quotes.append((begin + at, begin + at + len(piece["quote"])))
    every = tuple(quotes)
    return AnnotatedFact(
        raw["kind"], raw["polarity"], raw["subject"], raw["time"], bool(raw["critical"]), every, every
    )  # fmt: skip


def _named(fact: AnnotatedFact, shared: Counter[tuple[int, int]], text: str) -> AnnotatedFact:
    """The fact with the quotes that name it: not the "no" that answers three questions, not a mere "yes, I am"."""
    own = [quote for quote in fact.quotes if shared[quote] == 1] or list(fact.quotes)
    long = [(a, b) for a, b in own if len(text[a:b].split()) > _FEW_WORDS] or own
    asked = [quote for quote in long if text[quote[1] : quote[1] + 2].strip().startswith("?")]
    names = long if fact.polarity != Polarity.DENIED or not asked else asked + [q for q in long if q not in asked]
    return AnnotatedFact(fact.kind, fact.polarity, fact.subject, fact.time, fact.critical, fact.quotes, tuple(names))


def _gold(fact: AnnotatedFact) -> GoldSpan:
    values = {"polarity": fact.polarity, "subject": fact.subject, "time": fact.time}
    numbers = {key: FACT_ATTRIBUTES[key].index(value) for key, value in values.items()} | {
        "critical": int(fact.critical)
    }
    return GoldSpan(FACT_LABELS.index(fact.kind), *fact.names[0], numbers)


def reports(name: str, folder: Path, split: str, labels: Sequence[str] = FIELD_KEYS) -> list[TaggerExample]:
    """Reports with fields of one split: elmtex_aci, elmtex_synthetic, or a path. Raises TrainingError."""
    if name == "elmtex_aci":
        paths = [folder / name / f"{split}.jsonl"]
    elif name == "elmtex_synthetic":
        paths = sorted((folder / name).glob("*.jsonl"))
    else:
        paths = [folder / name if name.startswith("elmtex") else Path(name).expanduser()]
    found = [
        _report(record, labels, name) for path in paths for record in lines.records(path)
        if record.fields.get("split", split) == split
    ]  # fmt: skip
    if not found:
        raise TrainingError(f"There is no report of {name!r}, split {split!r}.", "", "Check the data folder (--data).")
    return found


def _report(record: lines.Record, labels: Sequence[str], source: str) -> TaggerExample:
    lines.require(record, {"report": str, "fields": dict})
    text = sanitise(record.fields["report"]).strip()
    fields: dict[str, list[str]] = record.fields["fields"]
    gold: list[GoldSpan] = []
    ignore: list[tuple[int, int, int]] = []
    for label, key in enumerate(labels):
        after = 0
        for words in fields.get(key, []):
            places = _places(text, sanitise(words))
            if not places:
                raise TrainingError(f"{record.where}: an entry of {key} is not in the report.", "", "Correct it.")
            at = next((place for place in places if place >= after), places[0])
            after = at + 1
            gold.append(GoldSpan(label, at, at + len(words)))
            ignore += [(label, place, place + len(words)) for place in places if place != at]
    name = str(record.fields.get("id", record.where))
    lang = str(record.fields.get("lang", "en"))
    return TaggerExample(
        name, text, tuple(of_report(text)), tuple(gold), tuple(ignore), (), fields, lang, source
    )  # fmt: skip


def _places(text: str, words: str) -> list[int]:
    """Where words stand in text as whole words; where they stand at all if nowhere as such."""
    found, at = [], text.find(words)
    while at >= 0:
        found.append(at)
        at = text.find(words, at + 1)
    whole = [
        a for a in found
        if not (a and text[a - 1].isalnum() and words[0].isalnum())
        and not (a + len(words) < len(text) and text[a + len(words)].isalnum() and words[-1].isalnum())
    ]  # fmt: skip
    return whole or found
