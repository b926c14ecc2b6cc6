"""The one reader of small files that somebody else may have written: settings, keys, locks, templates, manifests.

A file is of a known kind and size before it is read, and its text is nested only so deep and its numbers only so long
before a parser sees it: a pipe that nobody writes to, a link, 900 brackets or a number of 5,000 digits end in Refused,
never in a hang or a fault of the parser. All checks take time in proportion to the size.
"""

from __future__ import annotations

import json
import os
import re
import select
import stat
import time
from pathlib import Path
from typing import IO, Any

DIGITS = 32  # in one number
_JSON = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]|[0-9]++', re.DOTALL)
_TOML = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+(?:"""|\\?\Z)|' + r"'''(?:[^']++|'(?!''))*+(?:'''|\Z)|"
    r'"(?:[^"\\\n]++|\\[^\n])*+(?:"|(?=\n)|\\?\Z|(?=\\\n))|' + r"'[^'\n]*+(?:'|(?=\n)|\Z)|"
    r"#[^\n]*+|[\[{]|[\]}]|[0-9_]++|\.|\n",
    re.DOTALL,
)


class Refused(ValueError):
    """Why a file or its text is not read any further: a part of a sentence ("it is nested too deeply")."""


def open_regular(path: str | os.PathLike[str], *, links: bool = True) -> IO[bytes]:
    """Open a regular file for reading, without ever waiting for a pipe. links: whether a link may lead to it.

    Raises Refused for another kind of file, OSError.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags | (0 if links else getattr(os, "O_NOFOLLOW", 0)))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refused("it is not a regular file")
    return os.fdopen(descriptor, "rb")


def read(path: str | os.PathLike[str], limit: int, *, links: bool = True) -> bytes:
    """The content of a small regular file. Raises Refused for another kind or over limit bytes, OSError."""
    with open_regular(path, links=links) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Refused(f"it is longer than {limit:,} bytes")
    return content


def read_into(path: str | os.PathLike[str], buffer: bytearray, wait: float) -> int:
    """Fill buffer from a regular file, or from a pipe to which somebody writes within wait seconds. Returns the size.

    For a secret: no copy is left beside the buffer. Raises Refused, OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        kind = os.fstat(descriptor).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind)):
            raise Refused("it is neither a file nor a pipe")
        size, end = 0, time.monotonic() + wait
        while size < len(buffer):
            got = file.readinto(memoryview(buffer)[size:])
            if got:
                size += got
            elif stat.S_ISREG(kind) or (got == 0 and size):
                break
            elif time.monotonic() > end:
                raise Refused("nobody writes to this pipe")
            else:
                select.select([descriptor], [], [], 0.05)
                time.sleep(0.01)
        return size


def parse_json(raw: bytes, *, depth: int = 16) -> Any:
    """Strict JSON: UTF-8 without lone surrogates, no key twice, no NaN, bounded nesting and numbers. Raises Refused."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("it is not UTF-8 text") from None
    deep = 0
    for found in _JSON.finditer(text):
        deep = _step(found[0], deep, depth)
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()  # an escape may stand for half a character
    except (ValueError, RecursionError) as error:
        raise Refused(str(error) if isinstance(error, Refused) else "it is not valid JSON") from None
    return value


def _step(token: str, deep: int, depth: int) -> int:
    """Nesting after a token. Raises Refused."""
    if token in ("[", "{"):
        if deep >= depth:
            raise Refused("it is nested too deeply")
        return deep + 1
    if token in ("]", "}"):
        return deep - 1
    if len(token) > DIGITS and token[0] in "0123456789_":
        raise Refused("a number has too many digits")
    return deep


def _once(items: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in items}) != len(items):
        raise Refused("a name occurs twice")
    return dict(items)


def _no_constant(text: str) -> Any:
    raise Refused(f"{text} is not JSON")


def toml_line_starts(text: str, *, depth: int = 4, parts: int = 8) -> list[bool]:
    """For each line of a TOML text, whether it begins outside every text in quotation marks and every bracket.

    Raises Refused for what a parser should not see: nesting, long numbers, names of many parts.
    """
    starts, deep, dots = [True], 0, 0
    for found in _TOML.finditer(text):
        token = found[0]
        if token == "\n":
            starts.append(deep == 0)
            dots = 0
        elif token == ".":
            dots += 1
            if dots > parts:
                raise Refused("a name has too many parts")
        elif token[0] in "\"'":
            starts += [False] * token.count("\n")
        elif token[0] != "#":
            deep = max(_step(token, deep, depth), 0)
    return starts


def loose(path: Path) -> str | None:
    """A sentence about a file or folder that others of this machine may read or write; None where it is the owner's."""
    if os.name != "posix":
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    folder, mode = stat.S_ISDIR(found.st_mode), found.st_mode
    if folder and mode & 0o022:
        return f"Other users of this machine may put files into {path}: chmod 700 {path}"
    if stat.S_ISREG(mode) and mode & 0o077:
        return f"Other users of this machine may read {path}: chmod 600 {path}"
    return None
