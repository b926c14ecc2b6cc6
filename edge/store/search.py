"""Full-text search over titles, notes, extractions, codes and sources. Whatever is typed is a query, nothing an error.

Words must all occur; the last one counts as a beginning unless a space follows it, and any word with a * does.
"Quoted words" must stand together. Newest first is the order that clinicians look for, and the one that stays fast
when a word is in every record: no score has to be computed for all of them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from edge.contract.encounter import EncounterSummary
from edge.store.encounters import SUMMARY, EncounterFilter, summary_of
from edge.store.session import VaultSession
from edge.text import sanitise

MAX_TERMS = 16
MAX_CHARACTERS = 500
_PARTS = re.compile(r'"([^"]*)"?|([^\s"]+)')
_WORDS = re.compile(r"[^\W_]+", re.UNICODE)


@dataclass(frozen=True)
class SearchHit:
    """A record that matches, and the place: snippet has the matching words between « and »."""

    summary: EncounterSummary
    snippet: str = field(repr=False)


def expression(typed: str) -> str:
    """The FTS5 expression for what was typed; empty if it holds no letter or digit.

    Built of quoted strings and * only, so no operator, column name or syntax error can come from outside.
    """
    typed = sanitise(typed)[:MAX_CHARACTERS]
    terms: list[str] = []
    for match in _PARTS.finditer(typed):
        quoted, bare = match.groups()
        words = _words(quoted if quoted is not None else bare)
        if not words:
            continue
        if quoted is not None:
            terms.append('"' + " ".join(words) + '"')
            continue
        # One letter begins a twentieth of all words: as somebody starts to type, it is taken for a word of its own.
        begun = match.end() == len(typed) and not (len(words[-1]) == 1 and words[-1].isascii())
        open_end = bare.endswith("*") or begun
        terms += [f'"{word}"' for word in words[:-1]]
        terms.append(f'"{words[-1]}"' + ("*" if open_end else ""))
    return " AND ".join(terms[:MAX_TERMS])


def _words(text: str) -> list[str]:
    """Runs of letters and digits; the index's tokenizer folds case and accents in both."""
    return _WORDS.findall(unicodedata.normalize("NFC", text))


class Search:
    """Search in one open vault."""

    def __init__(self, session: VaultSession) -> None:
        self._session = session

    def find(
        self,
        typed: str,
        limit: int = 50,
        offset: int = 0,
        snippets: bool = True,
        where: EncounterFilter | None = None,
    ) -> list[SearchHit]:
        """Encounters that match, newest first. Nothing typed, or nothing that can match, finds nothing.

        where: only among these.
        """
        wanted = expression(typed)
        if not wanted:
            return []
        snippet = "snippet(search, -1, '«', '»', '…', 12)" if snippets else "''"
        among, values = (where or EncounterFilter()).where()
        rows = self._session.query(
            f"SELECT {SUMMARY}, {snippet} FROM search JOIN encounter ON encounter.id = search.rowid"
            f" WHERE search MATCH ? AND {among} ORDER BY search.rowid DESC LIMIT ? OFFSET ?",
            (wanted, *values, limit, offset),
        )
        return [SearchHit(summary_of(row[:-1]), str(row[-1])) for row in rows]
