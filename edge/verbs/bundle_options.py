"""Which bundle a verb runs, and whether it may be one that nobody vouches for. Light: the app's window waits for it."""

from __future__ import annotations

import argparse


def add_bundle(parser: argparse.ArgumentParser, default: str = "the largest one here") -> None:
    """Which bundle writes. default: what is taken without the option, in words."""
    parser.add_argument("--bundle", metavar="B", help=f"name or folder of a model bundle (default: {default})")
    add_unsigned(parser)


def add_threads(parser: argparse.ArgumentParser) -> None:
    """How many threads models get."""
    parser.add_argument(
        "--threads", type=_count, default=0, metavar="N", help="threads of the models (default: the cores that this "
        "process may use, within its container's share)"
    )  # fmt: skip


def _count(word: str) -> int:
    if not (word.isdecimal() and len(word) < 4 and int(word) > 0):
        raise argparse.ArgumentTypeError("a number from 1 to 999")
    return int(word)


def add_unsigned(parser: argparse.ArgumentParser) -> None:
    """The one way to run a bundle that nobody vouches for: typed each time, never a setting."""
    words = "run the bundle although no key that this machine trusts signed it"
    parser.add_argument("--allow-unsigned", action="store_true", help=words)
