"""From phrases of a report to its fields: rules where they are surer than a model, attributes, a relative's illness in
its place, details of laboratory results and drugs.

Every entry is text[start:end] of the report as read. What an entry's attributes hold is said at Known.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from edge.clinical import clauses, labs, lists, medications, person, relatives
from edge.clinical.context import Context
from edge.clinical.cues import lexicon
from edge.clinical.language import is_german
from edge.clinical.sections import Headings
from edge.clinical.sentences import with_point
from edge.contract.facts import Attributes, Polarity, Subject, Time
from edge.contract.fields import FieldEntry, Fields
from edge.contract.schemas import FIELD_KEYS

AGE, GENDER, FAMILY, SOCIAL = "age", "gender", "family_history", "social_history"
HISTORY, COMORBIDITIES, DIAGNOSIS = "medical_surgical_history", "comorbidities", "diagnosis"
LABORATORY, MEDICATION = "laboratory_values", "pharmacological_therapy"
# Fields that tell the patient's own illness: no relative's may stand there.
_OWN = frozenset(
    {"medical_surgical_history", "comorbidities", "diagnosis", "signs_symptoms", "pathology", "interventional_therapy"}
)
# Fields whose lists are long in German reports, so that an item between two of one field is of it, too.
_LISTED = frozenset({"signs_symptoms", LABORATORY, "interventional_therapy"})
_TELEPHONE = re.compile(r"(?<![\d.,])0\d{2,5}\s?[-/]\s?\d{2,}")
# The head or foot of a page, as text recognition leaves it between two lines.
_PAGE = re.compile(r"\W*(?:page|seite|blatt)\s*\d+(?:\s*(?:of|von|/)\s*\d+)?\W*", re.IGNORECASE)
_LEAD = re.compile(r"(?:(?:a|an|the|some|of|in|and|that|it is|this is|there is|been|also|i)\s+)+", re.IGNORECASE)
_REST = re.compile(r"\s+(?:and|or|in|as well|however|with|of|the|a)$")
_ALLERGY = re.compile(r"allerg|intoleran|unverträglich", re.IGNORECASE)
_BY_MARRIAGE = frozenset(
    name.casefold()
    for name in (
        "husband", "wife", "spouse", "partner", "stepfather", "stepmother", "mother-in-law", "father-in-law", "Ehemann",
        "Ehefrau", "Ehepartner", "Partner", "Partnerin", "Schwiegermutter",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Phrase:
    """A piece of a report under a key of the schema: text[start:end]. score: 0 to 1, the model's own confidence."""

    key: str
    start: int
    end: int
    score: float


def known(attributes: Attributes, **more: Any) -> dict[str, Any]:
    """What an entry carries beside its words.

    {"polarity", "subject", "time"} always, as edge.contract.facts has their values; "relative": the relation by name;
    "confidence": 0 to 1, of a model's entry; "by": "rule" for an entry that no model found; "lab" and "medication":
    the parts of a laboratory result and of a drug (Lab.as_json, Medication.as_json).
    """
    said = attributes.as_json()
    if not said["relative"]:
        del said["relative"]
    return {**said, **{key: value for key, value in more.items() if value is not None}}


def assemble(text: str, phrases: Iterable[Phrase], keys: Sequence[str] = FIELD_KEYS) -> Fields:
    """Fields of the phrases a model found in text, completed by rules. Time grows with the length of the text.

    keys: of the schema; a rule works for a field that it has.
    """
    report = _Report(text)
    found = report.trimmed(_best(phrases))
    if AGE in keys and GENDER in keys:
        found = report.with_person(found)
    if LABORATORY in keys:
        found = report.with_laboratory(found)
    if MEDICATION in keys:
        found = report.with_medications(found)
    if set(clauses.FIELDS) <= set(keys):
        found = report.with_lists(report.with_clauses(found))
    report.movable = FAMILY in keys and SOCIAL in keys
    if FAMILY in keys:
        found = report.with_relatives(found)
    if {HISTORY, COMORBIDITIES, DIAGNOSIS} <= set(keys):
        found = report.with_comorbidities(found)
    entries: dict[str, list[tuple[Phrase, FieldEntry]]] = {key: [] for key in keys}
    for phrase in found:
        key, entry = report.entry(phrase)
        entries.setdefault(key, []).append((phrase, entry))
    return Fields({key: _in_order(listed) for key, listed in entries.items()})


def with_attributes(fields: Fields, text: str) -> Fields:
    """Fields of any origin with attributes for every entry that has a place; a relative's illness is moved."""
    report = _Report(text)
    report.movable = {FAMILY, SOCIAL} <= set(fields.entries)
    moved: dict[str, list[FieldEntry]] = {key: [] for key in fields.entries}
    for key, entry in fields.rows():
        if entry.start is None or entry.end is None:
            moved[key].append(entry)
            continue
        home, new = report.entry(Phrase(key, entry.start, entry.end, 1.0))
        attributes = {**entry.attributes, **{k: v for k, v in new.attributes.items() if k not in ("confidence", "by")}}
        moved[home].append(replace(entry, attributes=attributes))
    return replace(fields, entries={key: tuple(entries) for key, entries in moved.items()})


def _best(phrases: Iterable[Phrase]) -> list[Phrase]:
    """Phrases in order of place without those that lie within another of their field, the surer first."""
    last: dict[str, int] = {}
    kept: list[Phrase] = []
    for phrase in sorted(phrases, key=lambda one: (one.start, -one.end)):
        if phrase.end <= phrase.start:
            continue
        at = last.get(phrase.key)
        if at is None or kept[at].end <= phrase.start:
            last[phrase.key] = len(kept)
            kept.append(phrase)
        elif phrase.score > kept[at].score:
            kept[at] = phrase
    return sorted(kept, key=lambda one: (one.start, one.end))


def _in_order(listed: Sequence[tuple[Phrase, FieldEntry]]) -> tuple[FieldEntry, ...]:
    unique: dict[str, FieldEntry] = {}
    for _, entry in sorted(listed, key=lambda pair: (pair[0].start, pair[0].end)):
        unique.setdefault(f"{entry.text}\0{entry.attributes.get('subject')}", entry)
    return tuple(unique.values())


_RULE = -1.0  # the score of what a rule found


class _Placed(Protocol):
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


_P = TypeVar("_P", bound=_Placed)


def _missed(key: str, by_rule: Sequence[_Placed], found: Sequence[Phrase]) -> list[Phrase]:
    """What a rule found and the model has under no field: a place that it gave another field, it has decided on."""
    taken = sorted(found, key=lambda one: one.start)
    reach, furthest = [], 0
    for phrase in taken:
        furthest = max(furthest, phrase.end if phrase.key not in (AGE, GENDER) else 0)
        reach.append(furthest)
    starts = [one.start for one in taken]
    missed = []
    for one in by_rule:
        before = bisect_left(starts, one.end)
        if not before or reach[before - 1] <= one.start:
            missed.append(Phrase(key, one.start, one.end, _RULE))
    return missed


def _overlapping(placed: Sequence[_P], phrase: Phrase) -> list[_P]:
    """Those that share characters with a phrase; placed: in order, without overlaps."""
    low = bisect_left(placed, phrase.start, key=lambda one: one.end - 1)
    return [one for one in placed[low : low + 50] if one.start < phrase.end]


class _Report:
    """A report with what rules know of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.headings = Headings(text)
        self.german = is_german(text)
        self.context = Context(text, "de" if self.german else "en", self.headings)
        self.labs = labs.find(text, self.german, self.headings)
        self.medications = medications.find(text, self.german, self.headings)
        self.chronic = lexicon("de" if self.german else "en").chronic
        self.movable = True  # whether there is a field for relatives

    def trimmed(self, found: list[Phrase]) -> list[Phrase]:
        """Phrases with the point of a last abbreviation, in German reports; no telephone numbers, no page numbers."""
        kept = [
            one for one in found
            if not _TELEPHONE.search(self.text, one.start, one.end)
            and not _PAGE.fullmatch(self.text, one.start, one.end)
        ]  # fmt: skip
        if self.german:
            return [replace(one, end=with_point(self.text, one.end)) for one in kept]
        return [self._bare(one) for one in kept]

    def _bare(self, phrase: Phrase) -> Phrase:
        """The phrase without an article or a preposition before it and a conjunction behind it."""
        lead = _LEAD.match(self.text, phrase.start, phrase.end)
        start = lead.end() if lead else phrase.start
        rest = _REST.search(self.text, start, phrase.end)
        end = rest.start() if rest else phrase.end
        return replace(phrase, start=start, end=end) if end > start else phrase

    def with_person(self, found: list[Phrase]) -> list[Phrase]:
        """One age and one gender: the rule's if it has one, else the surest of the model's."""
        for key, place in ((AGE, person.age(self.text)), (GENDER, person.gender(self.text, self.german))):
            own = [phrase for phrase in found if phrase.key == key]
            chosen = Phrase(key, *place, _RULE) if place else max(own, key=lambda one: one.score, default=None)
            same = next((one for one in own if chosen and (one.start, one.end) == (chosen.start, chosen.end)), chosen)
            found = [phrase for phrase in found if phrase.key != key] + ([same] if same else [])
        return found

    def with_laboratory(self, found: list[Phrase]) -> list[Phrase]:
        """Rows and values that the model missed; where both have one value, the rule's bounds."""
        kept = []
        for one in found:
            within = _overlapping(self.labs, one) if one.key == LABORATORY else []
            kept.append(replace(one, start=within[0].start, end=within[0].end) if len(within) == 1 else one)
        return _best(kept) + _missed(LABORATORY, self.labs, kept)

    def with_medications(self, found: list[Phrase]) -> list[Phrase]:
        """Lines of plans and lists that the model missed; a phrase that holds several drugs is as many entries."""
        parted = [part for one in found for part in (self._drugs(one) if one.key == MEDICATION else [one])]
        return parted + _missed(MEDICATION, self.medications, parted)

    def _drugs(self, phrase: Phrase) -> list[Phrase]:
        """The phrase, or where it holds several drugs that rules know, one for each, in the rules' bounds."""
        within = [one for one in _overlapping(self.medications, phrase) if phrase.start <= one.start < phrase.end]
        return [replace(phrase, start=one.start, end=one.end) for one in within] if len(within) > 1 else [phrase]

    def with_clauses(self, found: list[Phrase]) -> list[Phrase]:
        """Smoking, work, family status and what else a clause tells by its words, where the model missed it."""
        told = clauses.find(self.text, self.german)
        for key in clauses.FIELDS:
            found = found + _missed(key, [one for one in told if one.key == key], found)
        return found

    def with_lists(self, found: list[Phrase]) -> list[Phrase]:
        """Items of German lists of findings, values and therapies that the model left out between two it has."""
        if not self.german:
            return found
        placed = [(one.key, one.start, one.end) for one in found if one.key not in (AGE, GENDER)]
        return found + [Phrase(*one, _RULE) for one in lists.left_out(self.text, placed, _LISTED)]

    def with_relatives(self, found: list[Phrase]) -> list[Phrase]:
        """What the family history says that the model has not there, and in the rule's bounds what it has in others."""
        told = relatives.find(self.text, self.german, self.headings, self.context)
        own = sorted((one.start, one.end) for one in found if one.key == FAMILY and self._of_family(one))
        new = [
            Phrase(FAMILY, start, end, _RULE)
            for start, end in told
            if not any(low < end and start < high for low, high in own)
        ]
        inside = {(low, high) for low, high in told}
        kept = [
            one for one in found
            if one.key in (AGE, GENDER)
            or (one.key == FAMILY and self._of_family(one))
            or (one.key != FAMILY and not any(low <= one.start and one.end <= high for low, high in inside))
        ]  # fmt: skip
        return kept + new

    def _of_family(self, phrase: Phrase) -> bool:
        """Whether a phrase of the family history tells of a relative by blood, or stands under that heading."""
        if self.headings.key(phrase.start) == "family":
            return True
        said = self.context.at(phrase.start, phrase.end)
        named = relatives.names_blood(self.text[phrase.start : phrase.end], self.german)
        return named or (said.subject is Subject.FAMILY and said.relative.casefold() not in _BY_MARRIAGE)

    def with_comorbidities(self, found: list[Phrase]) -> list[Phrase]:
        """A chronic condition of the history is a comorbidity, too, unless it is what was diagnosed."""
        others = [one for one in found if one.key in (COMORBIDITIES, DIAGNOSIS)]
        new = []
        for one in found:
            if one.key != HISTORY or any(o.start < one.end and one.start < o.end for o in others):
                continue
            said = self.context.at(one.start, one.end)
            plain = (said.polarity, said.subject, said.time) == (Polarity.AFFIRMED, Subject.PATIENT, Time.CURRENT)
            words = self.text[one.start : one.end]
            chronic = self.chronic.search(words) and not _ALLERGY.search(words)
            if plain and chronic and self.headings.key(one.start) not in ("allergy", "medication"):
                new.append(Phrase(COMORBIDITIES, one.start, one.end, _RULE))
        return found + new

    def entry(self, phrase: Phrase) -> tuple[str, FieldEntry]:
        """The key under which a phrase belongs, and its entry."""
        said = self.context.at(phrase.start, phrase.end)
        if phrase.key in (AGE, GENDER):
            said = Attributes()
        key = _home(phrase.key, said) if self.movable else phrase.key
        rule = phrase.score == _RULE
        attributes = known(
            said,
            confidence=None if rule else round(phrase.score, 3),
            by="rule" if rule else None,
            lab=self._lab(phrase) if key == LABORATORY else None,
            medication=self._medication(phrase) if key == MEDICATION else None,
        )
        words = self.text[phrase.start : phrase.end]
        return key, FieldEntry(words, phrase.start, phrase.end, 1.0, attributes)

    def _lab(self, phrase: Phrase) -> dict[str, Any] | None:
        within = _overlapping(self.labs, phrase)
        return within[0].as_json() if len(within) == 1 else None

    def _medication(self, phrase: Phrase) -> dict[str, Any] | None:
        within = [one for one in _overlapping(self.medications, phrase) if phrase.start < one.start + len(one.name)]
        if len(within) == 1:
            return within[0].as_json()
        made = medications.of_phrase(self.text[phrase.start : phrase.end], self.german) if not within else None
        return made.as_json() if made is not None and made.dose is not None else None


def _home(key: str, said: Attributes) -> str:
    """The field that a phrase belongs to, given whom it is about."""
    if said.subject is Subject.PATIENT or key not in _OWN:
        return key
    married = said.relative.casefold() in _BY_MARRIAGE
    return SOCIAL if said.subject is Subject.OTHER or married else FAMILY
