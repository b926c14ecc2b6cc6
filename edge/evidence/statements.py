"""A note split into statements: sentences and bullets, each with its exact place, section and label.

Headings are no statements. A full stop ends a sentence unless an abbreviation, an initial, a list numeral or a
decimal carries it. text == note[start:end] holds for every statement, and no two overlap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_STATEMENT = 1_000  # characters; a longer row without any full stop is cut at a space
_HARD_WRAP = 60  # a line at least so long goes on in the next one if that begins in lower case

_SECTIONS = {
    "complaint": "chief complaint|cc|reason for visit|presenting complaint|vorstellungsgrund|konsultationsgrund",
    "history": "history of present illness|hpi|present illness|subjective|interval history|history|anamnese|"
    "aktuelle anamnese|history of presenting complaint",
    "past": "past medical history|pmh|past history|medical history|past surgical history|surgical history|psh|"
    "vorerkrankungen|eigenanamnese",
    "medications": "medications|current medications|meds|medication|home medications|medikation|medikamente",
    "allergies": "allergies|allergy|allergien|allergien und unverträglichkeiten|drug allergies",
    "family": "family history|fh|fhx|familienanamnese",
    "social": "social history|sh|shx|sozialanamnese",
    "ros": "review of systems|ros|systemanamnese|systemübersicht",
    "exam": "physical exam|physical examination|exam|examination|pe|objective|untersuchung|körperliche untersuchung|"
    "untersuchungsbefund|befund",
    "vitals": "vitals|vital signs|vitals reviewed|vitalzeichen|vitalparameter",
    "results": "results|labs|laboratory|laboratory results|data|imaging|befunde|ergebnisse|diagnostics|tests",
    "assessment": "assessment|impression|diagnosis|diagnoses|beurteilung|diagnosen|diagnose",
    "plan": "plan|orders|instructions|disposition|follow-up|follow up|procedere|therapie|empfehlungen|recommendations",
    "assessment_plan": "assessment and plan|assessment & plan|a/p|a&p|impression and plan|assessment/plan|"
    "beurteilung und procedere|beurteilung und plan",
}
_SYSTEMS = (
    "constitutional|general|eyes|ears|nose|mouth|throat|neck|heent|ent|head|cardiovascular|respiratory|gastrointestinal|genitourinary|"
    "musculoskeletal|integumentary|skin|neurological|neurologic|neuro|psychiatric|endocrine|hematologic|lymphatic|allergic|abdomen|"
    "lungs|heart|extremities|procedures|hematology/lymphatic/immunology"
)
_SYSTEM_NAMES = frozenset(_SYSTEMS.split("|"))  # headings within a section, where they stand alone
_SECTION_OF = {name: kind for kind, names in _SECTIONS.items() for name in names.split("|")}

_BULLET = re.compile(
    r"[ \t]*(?:(?:[-*+•▪●◦·–—][ \t]+|\(?\d{1,2}[.)][ \t]+|\(?[a-hA-H][.)][ \t]+|\[[ xX]?\][ \t]+)[ \t]*){0,4}"
)
_LABEL = re.compile(r"(?:\*\*)?([^\W\d_][\w /&,()'’-]{1,48}?)(?:\*\*)?[ \t]*:(?:\*\*)?[ \t]+(?=\S)")
_END = re.compile(r"[.!?]+[\"')\]”’]*(?=\s)|(?<=[a-z]{3})[.](?=[A-Z][a-z]{2})")
_WORD_BEFORE = re.compile(r"[A-Za-zÄÖÜäöüß](?:[\wÄÖÜäöüß.&]{0,20})$")
_NO_END = (
    "dr mr mrs ms prof st vs e.g i.e eg ie cf approx ca fig jr sr rt lt pt resp temp incl excl esp z.b bzw ggf inkl "
    "evtl v.a u.a d.h sog hr fr "
)
_NEVER = frozenset(_NO_END.split())
_MONTH_WORDS = "jan feb mar apr jun jul aug sep sept oct okt nov dec dez no nr"
_MONTHS = frozenset(_MONTH_WORDS.split())
_UNIT_WORDS = (
    "mg mcg g kg ml l dl cm mm in ft lb lbs oz hr hrs h wk wks mo mos yr yrs yo y.o min mins sec tab tabs cap caps "
    "tsp tbsp p.o po b.i.d t.i.d q.i.d q.d q.h.s h.s p.r.n prn a.m p.m q i.v i.m s.c inj wt ht hx dx rx tx fx sx u iu "
    "d x o.d o.s o.u b.p h.r tgl std wo mon "
)
_UNITS = frozenset(_UNIT_WORDS.split())
_DIRECTION = re.compile(
    r"(?:PO|IV|IM|SC|SQ|SL|PR|BID|TID|QID|QD|QHS|QAM|QPM|QOD|HS|PRN|Q\d+\s?H\w*|DAILY|Tabs?|Tablets?|Caps?|Capsules?|"
    r"By mouth|[A-Z]\.[A-Z]\.)\b|[(\[]"
)
_OPENS = re.compile(r"[A-ZÄÖÜ0-9\"'(\[“„•*-]")
_SPOKEN = "“„"  # marks that open what a patient said


@dataclass(frozen=True)
class Piece:
    """One statement of a note: text == note[start:end]. section: kind of the section it stands in, "" if unknown.

    label: what the line announces before a colon ("Medical Treatment"), for every statement of the line.
    """

    text: str = field(repr=False)
    start: int
    end: int
    section: str = ""
    label: str = field(default="", repr=False)


def section_kind(heading: str) -> str:
    """Kind of a section by its heading, in any case and with or without marks; "" if it is none that is known."""
    name = re.sub(r"^[#*\s\d.)]+|[*:\s]+$", "", heading).casefold()
    return _SECTION_OF.get(" ".join(name.split()), "")


def is_heading(line: str) -> bool:
    """Whether a line is only a heading: marked (#), known by name, in capitals, or a few words and a colon."""
    text = line.strip()
    body = text.rstrip(":").strip(" *#")
    if not body:
        return True
    if text.startswith("#"):
        return True
    if len(body) > 80 or len(body.split()) > 8 or body[-1] in ".!?;":
        return False
    if section_kind(body) or body.casefold() in _SYSTEM_NAMES or text.endswith((":", ":**")):
        return True
    letters = [c for c in body if c.isalpha()]
    return len(letters) > 3 and all(c.isupper() for c in letters) and not any(c.isdigit() for c in body)


def split(note: str) -> list[Piece]:
    """Statements of a note in order. Linear in its length; a row of words without any end is cut (MAX_STATEMENT)."""
    found: list[Piece] = []
    section = ""
    for start, end in _lines(note):
        line = note[start:end]
        if is_heading(line):
            section = section_kind(line) or section if line.strip() else section
            continue
        bullet = _BULLET.match(line)
        begin = start + (bullet.end() if bullet else 0)
        rest = note[begin:end]
        if is_heading(rest):
            section = section_kind(rest) or section
            continue
        named = _LABEL.match(rest)
        label = " ".join(named[1].split()) if named else ""
        here = section_kind(label) or section
        found += (
            Piece(note[a:b], a, b, here, label) for a, b in _sentences(note, begin, end) if _says_something(note[a:b])
        )
    return found


def _says_something(text: str) -> bool:
    return any(c.isalnum() for c in text)


def _lines(note: str) -> Iterator[tuple[int, int]]:
    """Offsets of lines, with hard wraps undone."""
    held: tuple[int, int] | None = None
    at = 0
    for line in note.split("\n"):
        start, end = at, at + len(line)
        at = end + 1
        if held is not None and _goes_on(note[note.rfind("\n", held[0], held[1]) + 1 or held[0] : held[1]], line):
            held = (held[0], end)
            continue
        if held is not None:
            yield held
        held = (start, end)
    if held is not None:
        yield held


def _goes_on(line: str, following: str) -> bool:
    last = line.rstrip()
    first = following.lstrip()
    return len(last) >= _HARD_WRAP and last[-1] not in ".:;!?" and bool(first) and first[0].islower()


def _sentences(note: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Offsets of the sentences of one line, without the spaces around them."""
    begin = start
    for mark in _END.finditer(note, start, end):
        if _ends(note, begin, mark, end):
            yield from _cut(note, begin, mark.end())
            begin = mark.end()
    yield from _cut(note, begin, end)


def _ends(note: str, begin: int, mark: re.Match[str], end: int) -> bool:
    after = note[mark.end() : min(end, mark.end() + 24)].lstrip()
    if not after:
        return True
    if not _OPENS.match(after):
        return False
    if mark[0] == "?" and after[0] in _SPOKEN:  # a question with its answer beside it
        return False
    if not mark[0].startswith("."):
        return True
    before = note[max(begin, mark.start() - 24) : mark.start()]
    if re.fullmatch(r"\s*\d{1,2}", before):  # a list numeral
        return False
    found = _WORD_BEFORE.search(before)
    word = found[0].casefold() if found else ""
    if word in _NEVER or (len(word) == 1 and word.isalpha() and found is not None and found[0].isupper()):
        return False
    if word in _MONTHS and after[0].isdigit():
        return False
    return not (word in _UNITS and (_DIRECTION.match(after) or (after[0].isdigit() and word not in {"a.m", "p.m"})))


def _cut(note: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """One sentence without outer spaces, in parts of at most MAX_STATEMENT characters."""
    while start < end:
        while start < end and note[start].isspace():
            start += 1
        stop = end
        if end - start > MAX_STATEMENT:
            space = note.rfind(" ", start + MAX_STATEMENT // 2, start + MAX_STATEMENT)
            stop = space if space > start else start + MAX_STATEMENT
        last = stop
        while last > start and note[last - 1].isspace():
            last -= 1
        if last > start:
            yield start, last
        start = stop


def body(piece: Piece) -> str:
    """What a statement says, without the label that only names a part of a plan ("Medical Treatment:")."""
    if piece.section in {"assessment_plan", "plan", "assessment"} and (named := _LABEL.match(piece.text)) is not None:
        return piece.text[named.end() :]
    return piece.text
