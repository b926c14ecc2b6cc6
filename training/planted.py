"""Notes that people wrote with one error planted in each: what the checks of edge.evidence are measured on.

Every kind of error is a small change of one statement that makes it say something else: another dose, the other side, a
denial turned round. A seed gives the same notes again. Only statements that name something checkable are changed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from edge.evidence.context import side_marks
from edge.evidence.statements import Piece, split
from edge.terms import drugs

PlantedChange = Callable[[Piece, random.Random], str | None]

_DOSE = re.compile(r"\b(\d+(?:\.\d+)?)( ?-?(?:mg|mcg|milligrams?|micrograms?|units?|g|ml)\b)", re.IGNORECASE)
_SIDE = re.compile(r"\b(left|right)\b", re.IGNORECASE)
_DENIED = re.compile(r"\b(Denies|denies|denied|Denied)\b")
_AFFIRMED = re.compile(r"\b(Reports|reports|Endorses|endorses|Complains of|complains of)\b(?! that)")
_NO = re.compile(r"(?:^|(?<=: ))No (?=[a-z])")
_FREQUENCY = re.compile(
    r"\b(once (?:a day|daily)|twice (?:a day|daily)|three times (?:a day|daily)|every \d+ hours|daily|at bedtime|"
    r"weekly)\b",
    re.IGNORECASE,
)
_DURATION = re.compile(
    r"\b(\d+|two|three|four|five|six)([- ](?:days?|weeks?|months?|years?)\b)(?![- ]old)", re.IGNORECASE
)
_VALUE = re.compile(
    r"\b((?:blood pressure|BP|pulse|heart rate|hemoglobin A1c|A1c|LDL|potassium|creatinine|temperature|"
    r"ejection fraction|"
    r"oxygen saturation|weight|glucose|hemoglobin)\b[^.;,\d]{0,40}?)(?<![A-Za-z\d])(\d+(?:\.\d+)?)(?![\dA-Za-z]|"
    r" (?:days?|weeks?|months?|times))",
    re.IGNORECASE,
)
_AGE = re.compile(r"\b(\d{1,2})(-year-old| year old| years old)", re.IGNORECASE)
_SEX = re.compile(r"\b(year-old|year old) (male|female|man|woman)\b", re.IGNORECASE)
_RELATIVE = re.compile(r"\b(mother|father|brother|sister|grandmother|grandfather)\b", re.IGNORECASE)
_STOPPED = re.compile(r"\b(Stop|Discontinue|discontinue|stop)\b")
_CONTINUED = re.compile(r"\b(Continue|continue)\b(?! to )")
_ORDERED = re.compile(
    r"(?:^|(?<=: ))(?:We will order|Order|Obtain|Schedule|We will obtain) (?:an? |the )?([\w' -]{3,40}?)(?=\.|,|"
    r" in | to |$)"
)
_OTHER_SEX = {"male": "female", "female": "male", "man": "woman", "woman": "man"}
_PAIRS = {"mother": "father", "father": "mother", "brother": "sister", "sister": "brother"} | {
    "grandmother": "grandfather", "grandfather": "grandmother"
}  # fmt: skip
_DOSES = (
    "2.5",
    "5",
    "10",
    "12.5",
    "20",
    "25",
    "40",
    "50",
    "75",
    "80",
    "100",
    "150",
    "200",
    "300",
    "500",
    "800",
    "1000",
)
_TIMES = ("once a day", "twice a day", "three times a day", "at bedtime", "weekly", "every 6 hours", "every 12 hours")
_SWAPS = (
    "lisinopril", "losartan", "amlodipine", "metoprolol", "hydralazine", "hydroxyzine", "metformin", "glipizide",
    "glyburide", "atorvastatin", "rosuvastatin", "prednisone", "prednisolone", "tramadol", "trazodone", "celecoxib",
    "citalopram", "escitalopram", "bupropion", "buspirone", "furosemide", "torsemide", "clonidine", "clonazepam",
    "lamotrigine", "terbinafine", "omeprazole", "pantoprazole", "levothyroxine", "warfarin", "apixaban", "ibuprofen",
    "naproxen", "meloxicam", "amoxicillin", "azithromycin", "doxycycline", "cephalexin", "gabapentin", "pregabalin",
)  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """A note with one error: kind of it, where the changed statement stands, and what it said before."""

    id: str
    kind: str
    note: str = field(repr=False)
    start: int
    end: int
    before: str = field(repr=False)


def _swap(found: re.Match[str], text: str, group: int, new: str) -> str:
    return text[: found.start(group)] + new + text[found.end(group) :]


def _pick(pattern: re.Pattern[str], text: str, rng: random.Random) -> re.Match[str] | None:
    found = list(pattern.finditer(text))
    return rng.choice(found) if found else None


def dose(piece: Piece, rng: random.Random) -> str | None:
    """Another dose of the same drug."""
    found = _pick(_DOSE, piece.text, rng)
    if found is None or not drugs.find(piece.text):
        return None
    value = float(found[1])
    near = {f"{value * 2:g}", f"{value / 2:g}", f"{value * 10:g}", *_DOSES} - {found[1], f"{value:g}"}
    options = sorted(o for o in near if value / 12 <= float(o) <= value * 12)
    return _swap(found, piece.text, 1, rng.choice(options)) if options else None


def drug(piece: Piece, rng: random.Random) -> str | None:
    """Another drug, one that sounds alike where there is one."""
    found = drugs.find(piece.text)
    if not found:
        return None
    span = rng.choice(found)
    known = set(drugs.lexicon().values())
    alike = sorted(name for name in known if drugs.alike(name, span.generic))
    new = rng.choice(alike or [name for name in _SWAPS if name != span.generic])
    word = piece.text[span.start : span.end]
    return piece.text[: span.start] + (new.capitalize() if word[0].isupper() else new) + piece.text[span.end :]


def side(piece: Piece, rng: random.Random) -> str | None:
    """The other side."""
    found = _pick(_SIDE, piece.text, rng)
    marks = {start: named for start, _, named in side_marks(piece.text)}
    if found is None or found.start() not in marks or len(set(marks.values())) > 1:
        return None
    new = "right" if found[1].casefold() == "left" else "left"
    return _swap(found, piece.text, 1, new.capitalize() if found[1][0].isupper() else new)


def negation(piece: Piece, rng: random.Random) -> str | None:
    """A denial turned into a finding or the other way round."""
    text = piece.text
    if (found := _DENIED.search(text)) is not None:
        return _swap(found, text, 1, "Reports" if found[1][0] == "D" else "reports")
    if (found := _AFFIRMED.search(text)) is not None:
        return _swap(found, text, 1, "Denies" if found[1][0].isupper() else "denies")
    if (found := _NO.search(text)) is not None:
        rest = text[found.end() :]
        return text[: found.start()] + rest[:1].upper() + rest[1:]
    return None


def frequency(piece: Piece, rng: random.Random) -> str | None:
    """Another number of times."""
    found = _pick(_FREQUENCY, piece.text, rng)
    if found is None or not drugs.find(piece.text):
        return None
    once = {"daily", "once a day", "once daily"}
    old = found[1].casefold().replace(" daily", " a day")
    options = [t for t in _TIMES if t != old and not (old in once and t in once)]
    return _swap(found, piece.text, 1, rng.choice(options))


def duration(piece: Piece, rng: random.Random) -> str | None:
    """Another number of days, weeks, months or years."""
    found = _pick(_DURATION, piece.text, rng)
    if found is None:
        return None
    words = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
    value = words.get(found[1].casefold()) or int(found[1])
    return _swap(found, piece.text, 1, str(rng.choice([n for n in (1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 18) if n != value])))


def number(piece: Piece, rng: random.Random) -> str | None:
    """Another value of a measurement."""
    found = _pick(_VALUE, piece.text, rng)
    if found is None:
        return None
    value = float(found[2])
    step = 10 if value >= 50 else 2 if value >= 10 else 0.7
    return _swap(found, piece.text, 2, f"{value + rng.choice([-1, 1]) * step * rng.choice([1, 2]):g}")


def age_sex(piece: Piece, rng: random.Random) -> str | None:
    """Another age or the other sex."""
    age, sex = _AGE.search(piece.text), _SEX.search(piece.text)
    if sex is not None and rng.random() < 0.4:
        return _swap(sex, piece.text, 2, _OTHER_SEX[sex[2].casefold()])
    if age is None:
        return None
    value = int(age[1])
    return _swap(age, piece.text, 1, str(value + rng.choice([-20, -10, -3, 3, 10, 20]) if value > 25 else value + 10))


def subject(piece: Piece, rng: random.Random) -> str | None:
    """Another relative, or the patient for the relative."""
    found = _pick(_RELATIVE, piece.text, rng)
    if found is None or piece.section not in {"family", "history", "social", ""}:
        return None
    own = re.match(
        r"(?:Family history: )?(?:Her |His |The )?(?:mother|father|brother|sister)(?: has| had| with|:)",
        piece.text,
        re.I,
    )
    if own is not None and rng.random() < 0.5:
        return "The patient has" + piece.text[own.end() :]
    new = _PAIRS[found[1].casefold()]
    return _swap(found, piece.text, 1, new.capitalize() if found[1][0].isupper() else new)


def planned(piece: Piece, rng: random.Random) -> str | None:
    """What was ordered is said to be done."""
    found = _ORDERED.search(piece.text)
    if found is None or rng.random() < 0:
        return None
    what = found[1].strip()
    return (
        piece.text[: found.start()]
        + f"{what[:1].upper() + what[1:]} was done and was normal"
        + piece.text[found.end() :]
    )


def stopped(piece: Piece, rng: random.Random) -> str | None:
    """A drug that goes on is stopped, or a stopped one goes on."""
    if not drugs.find(piece.text):
        return None
    if (found := _STOPPED.search(piece.text)) is not None:
        return _swap(found, piece.text, 1, "Continue" if found[1][0].isupper() else "continue")
    if (found := _CONTINUED.search(piece.text)) is not None:
        return _swap(found, piece.text, 1, "Discontinue" if found[1][0].isupper() else "discontinue")
    return None


def allergy(piece: Piece, rng: random.Random) -> str | None:
    """A drug that is taken is called an allergy."""
    found = drugs.find(piece.text)
    if not found or piece.section not in {"medications", "history", "plan", "assessment_plan"}:
        return None
    if re.search(r"allerg|stop|discontinu|intoleran|side effect", piece.text, re.IGNORECASE):
        return None
    return f"Allergic to {found[0].generic}."


KINDS: dict[str, PlantedChange] = {
    "dose": dose,
    "drug": drug,
    "side": side,
    "negation": negation,
    "frequency": frequency,
    "duration": duration,
    "number": number,
    "age_sex": age_sex,
    "subject": subject,
    "planned": planned,
    "stopped": stopped,
    "allergy": allergy,
}


def plant(identifier: str, note: str, kind: str, rng: random.Random) -> Planted | None:
    """The note with one error of a kind, or None if it has no statement that the kind can change."""
    pieces = split(note)
    rng.shuffle(pieces)
    for piece in pieces:
        changed = KINDS[kind](piece, rng)
        if changed is not None and changed != piece.text:
            text = note[: piece.start] + changed + note[piece.end :]
            return Planted(f"{identifier}/{kind}", kind, text, piece.start, piece.start + len(changed), piece.text)
    return None


def plant_all(notes: Sequence[tuple[str, str]], each: int, seed: int = 0) -> Iterator[Planted]:
    """Up to `each` notes of every kind from (id, note) pairs, every note once a kind before any twice, none like
    another."""
    for kind in KINDS:
        rng = random.Random(f"{seed}-{kind}")
        order = list(notes)
        rng.shuffle(order)
        made: set[tuple[str, str]] = set()
        for round_ in range(3):
            for identifier, note in order:
                if len(made) >= each:
                    break
                one = plant(identifier, note, kind, random.Random(f"{seed}-{kind}-{identifier}-{round_}"))
                if one is not None and (identifier, one.note) not in made:
                    made.add((identifier, one.note))
                    yield one
