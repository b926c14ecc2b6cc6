"""Worked examples for a prompt: the most similar of a clinic's own annotated reports (TF-IDF, cosine)."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from edge.contract.prompts import report_document
from edge.contract.schemas import FieldSchema
from edge.errors import InputError
from edge.text import sanitise

SHOWN = 3
MAX_BYTES = 50_000_000
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Example:
    """An annotated report: its text, and entries by key."""

    report: str = field(repr=False)
    fields: dict[str, list[str]] = field(repr=False)


def read(path: Path) -> list[Example]:
    """Annotated reports of a file, one JSON object a line: {"report": text, "fields": {key: [phrase]}}.

    Raises InputError.
    """
    try:
        raw = path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
        found = [_example(json.loads(line)) for line in raw.decode("utf-8").split("\n") if line.strip()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            "The annotated reports could not be read.",
            f"Cause: {type(error).__name__}.",
            'A line is a JSON object: {"report": "…", "fields": {"diagnosis": ["…"]}}.',
        ) from None
    if not found:
        raise InputError("There are no annotated reports in the file.", "", "`edgescribe annotate --lines` writes one.")
    return found


def _example(value: dict[str, object]) -> Example:
    fields = value["fields"]
    if not isinstance(fields, dict) or not isinstance(value["report"], str):
        raise TypeError
    return Example(sanitise(value["report"]), {str(k): [sanitise(str(e)) for e in es] for k, es in fields.items()})


def nearest(examples: list[Example], report: str, count: int = SHOWN) -> list[Example]:
    """The most similar reports, best first."""
    bags = [Counter(_words(example.report)) for example in examples]
    seen = Counter(word for bag in bags for word in bag)
    weight = {word: math.log(len(bags) / n) + 1 for word, n in seen.items()}

    def norm(bag: Counter[str]) -> float:
        return math.sqrt(sum((n * weight.get(word, 0.0)) ** 2 for word, n in bag.items())) or 1.0

    wanted = Counter(_words(report))
    scores = [
        sum(n * wanted[word] * weight[word] ** 2 for word, n in bag.items() if word in wanted) / norm(bag)
        for bag in bags
    ]
    order = sorted(range(len(examples)), key=lambda i: -scores[i])
    return [examples[i] for i in order[:count]]


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def shown(examples: list[Example], schema: FieldSchema) -> str:
    """The part of a prompt that shows examples, the nearest last."""
    parts = []
    for example in reversed(examples):
        answer = json.dumps({key: example.fields.get(key, []) for key in schema.keys}, ensure_ascii=False)
        parts.append(f"{report_document(example.report)}\nAnswer:\n{answer}\n\n")
    return "".join(parts)
