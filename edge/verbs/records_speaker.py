"""`edgescribe records speaker`: correct who speaks in a kept conversation."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge.errors import UsageError
from edge.text import one_line
from edge.verbs import vault_options
from edge.verbs.narrate import Narrator

if TYPE_CHECKING:
    from edge.contract.transcript import Turn

_NAME = 60  # characters of a name that is told


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `speaker` to the actions of `edgescribe records`."""
    speaker = actions.add_parser("speaker", help="correct who speaks in the conversation of a record")
    which = speaker.add_mutually_exclusive_group()
    which.add_argument("--list", action="store_true", help="print the numbered turns with their speakers")
    which.add_argument("--turn", type=int, action="append", metavar="N", help="number of a turn; may be given again")
    speaker.add_argument(
        "--as", dest="name", metavar="NAME", help="Doctor, Patient, Nurse, Guest or another speaker of the conversation"
    )
    vault_options.on_record(speaker, _speaker)
    speaker.add_argument(
        "names", nargs="*", metavar="OLD=NEW", help="another name for a speaker everywhere: SPEAKER_00=Doctor"
    )


def _speaker(args: argparse.Namespace) -> int:
    from edge.encounters import keeping
    from edge.reading import conversation

    with vault_options.open_vault(args) as vault:
        if args.list:
            turns = conversation.parse(vault.encounters.get(args.id).conversation.text).turns
            for number, turn in enumerate(turns, start=1):
                print(f"{number:>4}  {_told(turn)}")
            Narrator().say(f"{len(turns)} turns.")
            return 0
        encounter = keeping.to_change(vault, args.id)
        text = _changed(conversation.parse(encounter.conversation).turns, args)
        encounter.set_conversation(text)
        keeping.save(vault, encounter)
    turns = conversation.parse(text).turns
    for number in sorted(set(args.turn or ())):
        print(f"{number:>4}  {_told(turns[number - 1])}")
    if args.names:
        for speaker, count in Counter(turn.speaker for turn in turns).items():
            print(f"{one_line(speaker, _NAME) or '–'}: {count} turns")
    Narrator().say("Saved; the conversation as it was given is kept.")
    return 0


def _changed(turns: Sequence[Turn], args: argparse.Namespace) -> str:
    """The conversation with speakers as asked. Raises UsageError."""
    from edge.reading import roles

    if bool(args.turn) == bool(args.names):
        raise UsageError(
            "Which speaker?", "", "Give OLD=NEW for a whole conversation, or --turn N --as NAME for single turns."
        )
    if args.names:
        return roles.renamed_text(turns, roles.pairs(args.names))
    return corrected(turns, args.turn, args.name or "")


def _told(turn: Turn) -> str:
    return f"{one_line(turn.speaker, _NAME) or '–'}: {one_line(turn.text)}"


def corrected(turns: Sequence[Turn], numbers: Sequence[int], name: str) -> str:
    """The conversation with another speaker at the turns with these numbers (from 1).

    Raises UsageError for a turn or a speaker that there is not, or one that would not be read as a speaker then.
    """
    from edge.contract import transcript
    from edge.reading import conversation

    if any(not 1 <= number <= len(turns) for number in numbers):
        raise UsageError(
            "There is no such turn.",
            f"The conversation has {len(turns)}, counted from 1.",
            "`edgescribe records speaker ID --list` shows them.",
        )
    own = {one_line(turn.speaker).casefold(): turn.speaker for turn in turns if turn.speaker}
    speaker = own.get(one_line(name).casefold()) or transcript.role(one_line(name))
    if speaker is None:
        raise UsageError(
            f"There is no speaker {one_line(name, _NAME)!r}." if name else "Who speaks there?",
            "",
            f"Add --as with one of {', '.join(transcript.SPEAKERS)}, or another speaker of this conversation.",
        )
    at = [number - 1 for number in numbers]
    text = conversation.with_speaker(turns, at, speaker)
    if not conversation.keeps_speakers(turns, at, speaker, text):
        raise UsageError(
            "The conversation would lose a speaker.",
            f"A speaker besides {', '.join(transcript.SPEAKERS)} needs two turns or more to be known as one.",
            "Correct all turns of that speaker at once: --turn may be given several times.",
        )
    return text
