"""What the classification and its official guidelines ask of a set of candidates: combine, leave out, put in order.

ICD-10-CM official guidelines for coding and reporting (FY 2026): the "with" convention and combination codes (I.A.15,
I.B.9, I.C.4.a, I.C.9.a), etiology before manifestation (I.A.13), signs that belong to a diagnosis (I.B.5), codes of
pregnancy first (I.C.15.a), use additional code (I.A.17). Every rule that acts says so in the candidate's "why".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from edge.coding.resolution import site
from edge.coding.results import Candidate
from edge.terminology.catalogue import Catalogue

_COMBINED = 0.5  # both parts must be at least so sure
# Category of signs and symptoms -> chapters of diagnoses that they may belong to.
_INTEGRAL = (
    (("R00", "R01", "R03", "R05", "R06", "R07", "R09", "R04", "R60"), "I J"),
    (("R10", "R11", "R12", "R13", "R14", "R15", "R19", "R63"), "K"),
    (("R16", "R17", "R18"), "K7 K8"),
    (("R20", "R21", "R22", "R23"), "L"),
    (("R25", "R26", "R27", "R29", "R42", "R51", "R55"), "G"),
    (("R30", "R31", "R32", "R33", "R34", "R35", "R36", "R37", "R39"), "N0 N1 N2 N3 N4"),
    (("R40", "R41", "R44", "R45", "R46"), "F G"),
    (("R50", "R53", "R52"), "A B J"),
    (("R73",), "E"),
    (("R91",), "C J"),
    (("M25", "M54", "M79"), "M S"),
)
_SYMPTOMS = ("R", "M25.4", "M25.5", "M54.2", "M54.5", "M54.9", "M79.6")
# Chronic diseases of these chapters that explain no sign of their own: hypertension, diabetes without complications.
_SILENT = ("I10", "I11.9", "I12.9", "I15", "I16")
_WEEKS = re.compile(
    r"\b(\d{1,2})(?:\s*(?:and|&)?\s*[0-6]/7)?[ -]*(?:weeks?|wks?)\b[^.\n]{0,40}\b(?:pregnan\w*|gestation\w*|gravid)|"
    r"\b(?:pregnan\w*|gestation\w*|gravid\w*)\b[^.\n]{0,40}?\b(\d{1,2})[ -]*(?:weeks?|wks?)\b",
    re.IGNORECASE,
)
_HEEL = re.compile(
    r"\b(?:ulcer|wound|blister|sore)\b[^.\n]{0,60}\b(?:heel|midfoot)\b|\b(?:heel|midfoot)\b[^.\n]{0,40}\b(?:ulcer|wound)\b",
    re.IGNORECASE,
)
_CHAPTER_15 = {"D5": "O99.0", "D6": "O99.0"}  # anemia in pregnancy (I.C.15.a)
_TRIMESTER = {1: "1", 2: "2", 3: "3"}
# Diseases -> code of their history.
HISTORY = {
    "C44": "Z85.828", "C43": "Z85.820", "C50": "Z85.3", "C61": "Z85.46", "C18": "Z85.038", "C20": "Z85.048",
    "C34": "Z85.118", "C73": "Z85.850", "C67": "Z85.51", "C56": "Z85.43", "C64": "Z85.528", "C53": "Z85.41",
    "C54": "Z85.42", "C62": "Z85.47", "C81": "Z85.71", "C82": "Z85.72", "C83": "Z85.72", "C85": "Z85.72",
    "C91": "Z85.6", "C92": "Z85.6", "I63": "Z86.73", "G45": "Z86.73", "I21": "I25.2", "I82": "Z86.718",
    "I26": "Z86.711", "N20": "Z87.442", "M10": "Z87.39", "K25": "Z87.11", "K26": "Z87.11", "K27": "Z87.11",
    "J18": "Z87.01", "O24": "Z86.32", "K63.5": "Z86.0100", "D12": "Z86.0100", "A15": "Z86.11", "N39.0": "Z87.440",
}  # fmt: skip
_MORE_EXACT = ("E08", "E09", "E10", "E11", "E13")


def symptom(code: str) -> bool:
    """Whether a code stands for a sign or symptom."""
    return code.startswith(_SYMPTOMS)


def past(catalogue: Catalogue, found: dict[str, Candidate]) -> dict[str, Candidate]:
    """Diseases that a problem calls past or removed, as codes of history (I.C.21.c.4)."""
    result: dict[str, Candidate] = {}
    for code, one in found.items():
        old = next((new for marks, new in HISTORY.items() if code.startswith(marks)), "")
        entry = catalogue.get(old) if old and one.problem and one.past else None
        if entry is not None and entry.billable:
            result.setdefault(old, replace(one, code=entry, needs=(), why="past, as the note says: a code of history"))
        else:
            result[code] = one
    return result


def combined(catalogue: Catalogue, found: dict[str, Candidate], note: str) -> list[Candidate]:
    """Candidates with combination codes in place of their parts. found: by code."""
    result = dict(found)
    _hypertension(catalogue, result)
    _diabetes(catalogue, result, note)
    _throat(result)
    _pregnancy(catalogue, result, note)
    _pain(catalogue, result)
    return list(result.values())


def _sure(found: dict[str, Candidate], *beginnings: str) -> list[Candidate]:
    return [c for code, c in found.items() if code.startswith(beginnings) and c.confidence >= _COMBINED]


def _take(catalogue: Catalogue, found: dict[str, Candidate], old: str, new: str, why: str) -> None:
    """Put a combination code in the place of one of its parts."""
    entry = catalogue.get(new)
    if entry is not None and entry.billable:
        part = found.pop(old)
        known = found.get(new)
        if known is None or known.confidence < part.confidence:
            found[new] = replace(part, code=entry, why=why, needs=())


def _hypertension(catalogue: Catalogue, found: dict[str, Candidate]) -> None:
    if not _sure(found, "I10"):
        return
    heart, kidney = bool(_sure(found, "I50", "I51.4", "I51.7")), bool(_sure(found, "N18"))
    worst = bool(_sure(found, "N18.5", "N18.6"))
    failure = bool(_sure(found, "I50"))
    new = {
        (True, False): "I11.0" if failure else "I11.9",
        (False, True): "I12.0" if worst else "I12.9",
        (True, True): ("I13.2" if worst else "I13.0") if failure else ("I13.11" if worst else "I13.10"),
    }.get((heart, kidney))
    if new is not None:
        _take(catalogue, found, "I10", new, "hypertension with heart or kidney disease is one code")


def _diabetes(catalogue: Catalogue, found: dict[str, Candidate], note: str) -> None:
    for category in _MORE_EXACT:
        plain = f"{category}.9"
        if _sure(found, f"{category}.") and _sure(found, "R73.9"):
            _take(catalogue, found, "R73.9", f"{category}.65", "diabetes with hyperglycemia is one code")
        if (foot := f"{category}.621") in found and not _sure(found, "L97"):
            _foot_ulcer(catalogue, found, foot, note)
        if not _sure(found, plain):
            continue
        if _sure(found, "N18") and not _sure(found, f"{category}.2"):
            _take(catalogue, found, plain, f"{category}.22", "diabetes with chronic kidney disease is one code")
        elif _sure(found, "E16.2", "E16.1"):
            _take(catalogue, found, plain, f"{category}.649", "diabetes with hypoglycemia is one code")
            found.pop("E16.2", None)


def _foot_ulcer(catalogue: Catalogue, found: dict[str, Candidate], code: str, note: str) -> None:
    """The site of a diabetic foot ulcer, where its line names the side (the note at E11.621 asks for it)."""
    ulcer = found[code]
    line = note[note.rfind("\n", 0, ulcer.start) + 1 : max(ulcer.end, note.find("\n", ulcer.end))].casefold()
    sides = [digit for side, digit in (("right", "1"), ("left", "2")) if re.search(rf"\b{side}\b", line)]
    named = re.search(r"\b(?:toes?|heel|midfoot)\b", line)
    heel = "4" if (named and named[0] in ("heel", "midfoot")) or (not named and _HEEL.search(note)) else "5"
    entry = catalogue.get(f"L97.{heel}{sides[0]}9") if len(sides) == 1 else None
    if entry is not None and entry.billable:
        why = "the classification asks for the site of the ulcer beside the diabetes"
        found[entry.code] = replace(ulcer, code=entry, why=why, needs=("detail",))


def weeks(note: str) -> int | None:
    """Completed weeks of the pregnancy that a note states, 4 to 42, or None."""
    for match in _WEEKS.finditer(note):
        number = int(match[1] or match[2])
        if 4 <= number <= 42:
            return number
    return None


def _pregnancy(catalogue: Catalogue, found: dict[str, Candidate], note: str) -> None:
    pregnant = _sure(found, "Z33.1", "Z34", "O")
    if not pregnant:
        return
    week = weeks(note)
    trimester = "9" if week is None else _TRIMESTER[1 if week < 14 else 2 if week < 28 else 3]
    for old in [code for code in found if code[:2] in _CHAPTER_15]:
        entry = catalogue.get(f"{_CHAPTER_15[old[:2]]}1{trimester}")
        if entry is not None and entry.billable:
            why = "codes of pregnancy come first; the disease itself is coded beside it"
            found[entry.code] = replace(found[old], code=entry, why=why, needs=("trimester",) * (week is None))
    if week is not None and (entry := catalogue.get(f"Z3A.{week:02d}")) is not None and entry.billable:
        found.setdefault(entry.code, replace(pregnant[0], code=entry, why="completed weeks as the note states them"))
    for old in [code for code in found if code.startswith("R73")]:
        why = "abnormal glucose in pregnancy has a code of its own"
        _take(catalogue, found, old, "O99.810", why)
    if any(code.startswith("O") for code in found):
        found.pop("Z33.1", None)


def _throat(found: dict[str, Candidate]) -> None:
    """A sore throat is of the respiratory infection beside it (I.B.5), as long as nobody calls it pharyngitis."""
    throat = found.get("J02.9")
    infections = [one for one in _sure(found, "J0", "J1", "J20", "J36", "U07.1") if one is not throat]
    if throat is not None and "throat" in throat.quote.casefold() and infections:
        found.pop("J02.9")


def _pain(catalogue: Catalogue, found: dict[str, Candidate]) -> None:
    """Chronic pain beside a code of its site that does not say so (I.C.6.b.1.b)."""
    sites = [c for c in _sure(found, "M54", "M25.5", "M79.6") if c.chronic]
    entry = catalogue.get("G89.29")
    if sites and entry is not None and not _sure(found, "G89"):
        why = "the code of the site does not say that the pain is chronic"
        found[entry.code] = replace(sites[0], code=entry, why=why, needs=())


def without_symptoms(codes: Sequence[Candidate]) -> list[Candidate]:
    """Without signs that may belong to a diagnosis at least as sure (I.B.5), and without those that name no problem
    of their own beside any diagnosis."""
    diagnoses = [c for c in codes if not symptom(c.code.code) and c.code.code[0] not in "ZVWXY"]
    best = max((c.confidence for c in diagnoses), default=0.0)

    def kept(one: Candidate) -> bool:
        if not symptom(one.code.code) or one.confidence > best:
            return True
        chapters = next((letters for marks, letters in _INTEGRAL if one.code.code.startswith(marks)), "")
        near = [
            c
            for c in diagnoses
            if c.code.code.startswith(tuple(chapters.split()))
            and not c.code.code.startswith(_SILENT)
            and not _elsewhere(one, c)
        ]
        return one.problem and not any(c.confidence >= one.confidence for c in near)

    return [one for one in codes if kept(one)]


def _elsewhere(sign: Candidate, diagnosis: Candidate) -> bool:
    """Whether they name parts of the body and share none: a broken wrist explains no pain of the knee."""
    parts, others = (site(c.code.description) for c in (sign, diagnosis))
    return bool(parts and others) and parts.isdisjoint(others)


def without_general(codes: Sequence[Candidate]) -> list[Candidate]:
    """Without an unspecified code, or diabetes "without complications", beside a more exact one of its category."""
    kept = []
    for one in codes:
        text = one.code.description.casefold()
        plain = "unspecified" in text or (one.code.code[:3] in _MORE_EXACT and one.code.code.endswith(".9"))
        exact = (
            other
            for other in codes
            if other is not one
            and other.code.code[:3] == one.code.code[:3]
            and "unspecified" not in other.code.description.casefold()
        )
        if not (plain and any(other.confidence >= one.confidence for other in exact)):
            kept.append(one)
    return kept


def in_sequence(catalogue: Catalogue, codes: Sequence[Candidate]) -> list[Candidate]:
    """Best first; what a note of the catalogue says is coded first (I.A.13) stands before what it is coded for."""
    ranked = sorted(codes, key=lambda c: (-c.confidence, c.start))
    placed: list[Candidate] = []
    waiting = list(ranked)
    while waiting:
        names = [c.code.code for c in waiting]
        free = next((c for c in waiting if not _waits(catalogue, c.code.code, names)), waiting[0])
        waiting.remove(free)
        placed.append(free)
    return placed


def _waits(catalogue: Catalogue, code: str, others: Iterable[str]) -> bool:
    notes = catalogue.notes(code, "code_first", inherited=True)
    return any(names(note, other) for note in notes for other in others if other[:3] != code[:3])


def conflicts(catalogue: Catalogue, codes: Iterable[Candidate]) -> list[tuple[str, str, str]]:
    """Pairs of which one excludes the other (excludes1), with the note that says so; each pair once."""
    listed = [c.code.code for c in codes]
    pairs: dict[frozenset[str], tuple[str, str, str]] = {}
    for one in listed:
        for note in catalogue.notes(one, "excludes1", inherited=True):
            for other in listed:
                if other != one and names(note, other):
                    pairs.setdefault(frozenset((one, other)), (one, other, note))
    return list(pairs.values())


def asked_beside(catalogue: Catalogue, code: str, codes: Iterable[str]) -> str:
    """The note by which a code asks for another one that is not among codes (use additional code), or ""."""
    listed = list(codes)
    for note in catalogue.notes(code, "use_additional"):
        if "(" in note and not any(names(note, other) for other in listed):
            return note
    return ""


def names(note: str, code: str) -> bool:
    """Whether a note's codes in parentheses cover a code: "(E10.-)", "(I50.1-)", "(A00-B99)" or the code itself."""
    for inside in re.findall(r"\(([^()]*)\)", note):
        for piece in inside.replace(" ", "").split(","):
            if piece.endswith("-") and code.startswith(piece.rstrip("-").rstrip(".")):
                return True
            first, dash, last = piece.partition("-")
            if dash and last and first[:3] <= code[:3] <= last[:3]:
                return True
            if piece and (piece == code or (len(code) == 8 and code.startswith(piece) and len(piece) > 5)):
                return True
    return False
