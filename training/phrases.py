"""Counts the table of phrases that helps a bundle to guess tokens ahead (edge.contract.phrases).

It is counted in the answers of the data sets that a model was trained on, and only in those that everybody may read:
documents of one's own are left out, since a table holds words of them in their order. What follows a run of tokens is
kept where at least two answers say it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from edge import disk
from edge.contract import prompts
from edge.contract.phrases import MOST, PHRASES, RUN, START, phrases_bytes
from edge.errors import TrainingError
from training import folders, mixing, model, sources
from training.config import Config, Data
from training.publish import known

Counted = dict[tuple[int, ...], tuple[int, int, int]]
_ANSWERS = 2  # that must say it
_HEADING = "## Phrases"


def count(answers: Iterable[Sequence[int]]) -> Counted:
    """Run of one to three tokens -> token that follows it most often, times that it does, times the run is there.

    answers: tokens of each, none of them twice. At most as many runs as a table may have, the most frequent ones.
    """
    times: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    said_in: dict[tuple[tuple[int, ...], int], int] = {}  # the first answer that says it, -1 for several
    for number, answer in enumerate(answers):
        tokens = (START, *answer)
        for end in range(1, len(tokens)):
            for size in range(1, min(RUN, end) + 1):
                run = tokens[end - size : end]
                times[run][tokens[end]] += 1
                if said_in.setdefault((run, tokens[end]), number) != number:
                    said_in[run, tokens[end]] = -1
    found: Counted = {}
    for run, after in times.items():
        token, most = min(after.items(), key=lambda one: (-one[1], one[0]))
        if most >= _ANSWERS and said_in[run, token] == -1:
            found[run] = token, most, after.total()
    kept = sorted(found.items(), key=lambda one: (-one[1][1], one[0]))[:MOST]
    return dict(kept)


def public(data: Data) -> list[str]:
    """The data sets of a configuration that a table may be counted in."""
    return [name for name, times in data.passes.items() if times > 0 and not sources.is_own(name)]


def write(chosen: Config, data: Path, out: Path) -> Path:
    """Count the table of a configuration's data sets, write it into an adapter's folder and name it in the card there;
    returns its path.

    Raises TrainingError if none of the sets is public, BaseModelError without the base.
    """
    names = public(chosen.data)
    prepared = mixing.prepare(chosen.data, data)
    texts = dict.fromkeys(task.target for name in names for one in prepared.train[name] for task in one.tasks)
    if not texts:
        raise TrainingError(
            "There is nothing to count phrases in.", "Documents of one's own are left out.", "Leave the table out."
        )
    path = model.base_folder(chosen.base.name) / "tokenizer.json"
    tokenizer = prompts.load_tokenizer(path)
    counted = count(tokenizer.encode(text, add_special_tokens=False).ids for text in texts)
    titles = [known(name)[0] for name in names]
    with folders.writing(out):
        out.mkdir(parents=True, exist_ok=True)
        disk.write(out / PHRASES, phrases_bytes(counted, folders.sha256(path), titles, len(texts)), 0o644)
        _name_in_card(out / "README.md", f"{len(counted):,} runs counted in {len(texts):,} answers of", names)
    return out / PHRASES


def _name_in_card(card: Path, counted: str, names: Sequence[str]) -> None:
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    kept = text.partition(_HEADING)[0].rstrip()
    lines = [f"- {title}, {licence}" for title, licence in map(known, names)]
    about = f"`{PHRASES}`: {counted} the sets below; what follows a run of up to {RUN} tokens in at least {_ANSWERS} of"
    about += "\nthem. A bundle guesses tokens ahead by it; it shapes no text."
    folders.replace(card, "\n".join([*([kept, ""] if kept else []), _HEADING, "", about, "", *lines, ""]))
