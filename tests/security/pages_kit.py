"""Pages of a SQLCipher 4 file, as somebody sees them who knows the format: which page belongs to which table.

    page = AES-256-CBC(4016 bytes) | IV (16) | HMAC-SHA512 (64); the first 16 bytes of page 1 are the salt

Only the tests decrypt: an attacker without a key tells pages apart by which ones change.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from edge.store import db
from edge.store.secret import RawKey

PAGE, RESERVE = 4096, 80
USABLE = PAGE - RESERVE


def split(content: bytes) -> list[bytes]:
    """Pages of a file; page N of SQLite is at N - 1."""
    return [content[at : at + PAGE] for at in range(0, len(content), PAGE)]


def plain(page: bytes, number: int, key: bytes) -> bytes:
    """A page in clear, USABLE bytes."""
    start = 16 if number == 1 else 0
    opened = Cipher(algorithms.AES(key), modes.CBC(page[USABLE : USABLE + 16])).decryptor()
    return bytes(start) + opened.update(page[start:USABLE]) + opened.finalize()


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count in range(9):
        byte = data[at + count]
        if count == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 127
        if byte < 128:
            return value, at + count + 1
    raise AssertionError


def owners(path: Path, key: RawKey) -> dict[int, str]:
    """Name of the table or index by page number; free pages are left out."""
    connection = db.connect(path, key)
    try:
        roots = connection.execute("SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0").fetchall()
    finally:
        connection.close()
    pages, raw = split(path.read_bytes()), bytes(key.view()[:32])
    found = {1: "schema"}
    for name, root in [("schema", 1), *roots]:
        todo = [root]
        while todo:
            number = todo.pop()
            found[number] = name
            todo += below(plain(pages[number - 1], number, raw), number)
            for page in chains(plain(pages[number - 1], number, raw), number, pages, raw):
                found[page] = name
    return found


def cells(data: bytes, number: int) -> tuple[int, list[int], int]:
    """(kind of B-tree page, offsets of its cells, offset of its header)."""
    start = 100 if number == 1 else 0
    kind = data[start]
    count = int.from_bytes(data[start + 3 : start + 5])
    first = start + (12 if kind in (2, 5) else 8)
    return kind, [int.from_bytes(data[first + 2 * i : first + 2 * i + 2]) for i in range(count)], start


def below(data: bytes, number: int) -> list[int]:
    """Child pages of an interior page."""
    kind, offsets, start = cells(data, number)
    if kind not in (2, 5):
        return []
    return [int.from_bytes(data[at : at + 4]) for at in offsets] + [int.from_bytes(data[start + 8 : start + 12])]


def chains(data: bytes, number: int, pages: list[bytes], raw: bytes) -> list[int]:
    """Overflow pages of the cells of a page."""
    kind, offsets, _ = cells(data, number)
    found: list[int] = []
    if kind == 5:
        return found
    for cell in offsets:
        size, at = varint(data, cell + (4 if kind == 2 else 0))
        if kind == 13:
            at = varint(data, at)[1]
        most = USABLE - 35 if kind == 13 else (USABLE - 12) * 64 // 255 - 23
        if size <= most:
            continue
        least = (USABLE - 12) * 32 // 255 - 23
        local = least + (size - least) % (USABLE - 4)
        local = local if local <= most else least
        following = int.from_bytes(data[at + local : at + local + 4])
        while following:
            found.append(following)
            following = int.from_bytes(plain(pages[following - 1], following, raw)[:4])
    return found
