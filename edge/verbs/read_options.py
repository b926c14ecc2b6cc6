"""What `note` and `read` share: several files as one conversation, and names for its speakers."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import UsageError
from edge.verbs.model_verbs import Input

if TYPE_CHECKING:
    from edge.encounters.writing import ReadFile


def add_options(parser: argparse.ArgumentParser) -> None:
    """Arguments of a verb that reads conversations."""
    parser.add_argument(
        "--together", action="store_true", help="the files are one conversation, a speaker each, merged by their times"
    )
    parser.add_argument(
        "--speaker", action="append", default=[], metavar="OLD=NEW", help="name a speaker: SPEAKER_00=Doctor; may be "
        "given again, or stand after the files without --speaker"
    )  # fmt: skip


def names_and_speakers(args: argparse.Namespace) -> tuple[list[str], dict[str, str]]:
    """The files, and the speakers' names, which may stand among them as OLD=NEW. Raises UsageError."""
    from edge.encounters.writing import speaker_names

    named = [word for word in args.files if "=" in word and not Path(word).exists()]
    files = [word for word in args.files if word not in named]
    if not files:
        raise UsageError("Which file?", "", "Give a file before the names of its speakers.")
    return files, speaker_names([*named, *args.speaker])


def conversations(args: argparse.Namespace) -> list[Input]:
    """The conversations that the arguments name; each is refused if nothing in it could be written about."""
    files, speakers = names_and_speakers(args)
    if args.together:
        return [Input(", ".join(files), partial(_together, files, speakers))]
    return [Input(name, partial(_one, name, speakers)) for name in files]


def _one(name: str, speakers: dict[str, str]) -> ReadFile:
    from edge.encounters import writing

    return writing.about_someone(writing.read_file(name, "conversation", speakers))


def _together(names: list[str], speakers: dict[str, str]) -> ReadFile:
    from edge.encounters import writing

    return writing.about_someone(writing.read_together(names, speakers))
