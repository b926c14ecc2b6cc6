"""The work of a check, and of a note made of facts, grows with the length of conversation and note, not with their
product. Work is counted in calls of the program's own functions, which no other load of the machine changes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from tagging_kit import word_tagger

import edge
from edge.composing.notes import compose
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.transcript import Transcript
from edge.errors import InputError
from edge.evidence import links
from edge.evidence.review import MAX_NOTE_WORDS, review
from edge.reading.conversation import parse
from edge.tagging import merging
from edge.tagging.windows import LONGEST_RUN, of_report, of_transcript, shortened

_OURS = str(Path(edge.__file__).parent)
_SHORT, _LONG = 60, 120  # turns
_SHARE = 2.3  # times the work for twice the length; four times if every statement reads every mention

# What is said again and again, and what the note says of it again and again.
HOSTILE = {
    "one drug": (
        ("Keep metformin at {} milligrams twice a day.", "I am allergic to it. Metformin {} makes me sick."),
        "Metformin 850 mg three times a day, case {}.",
    ),
    "one drug stopped": (("We stop the lisinopril, {}.", "I stopped lisinopril {} weeks ago."), "Lisinopril, {}."),
    "denied": (("No chest pain {} today.", "No, no pain in the chest, {}."), "Reports chest pain, {}."),
    "questions": (("Any chest pain on the left side, {}?", "Any cough, {}?"), "Denies pain on the right, {}."),
    "sides": (("The left knee hurts, {}.", "My left knee is swollen, {}."), "Right knee is swollen, {}."),
    "numbers": (("Blood pressure is {} over 80.", "It was {} at home."), "Blood pressure 99{}, dose of aspirin {} mg."),
    "durations": (("Since {} weeks.", "It is {} months and a half."), "Cough for 9{} years."),
    "relatives": (("Your mother has diabetes, {}.", "And my father, {}."), "Brother with diabetes and asthma, {}."),
    "tests": (("We will order a CRP and a CT, {}.", "An x-ray, {}?"), "CRP {}. CT showed a mass."),
    "ages": (("You are {} years old.", "I am {} years old."), "Patient is a 9{} year old male."),
    "another visit": (("The weather is fine, {}.", "We went to the sea, {}."), "Warfarin 5 mg for palpitations, {}."),
}  # fmt: skip


@contextmanager
def _counted() -> Iterator[list[int]]:
    """Counts the calls of functions of edge while it is open."""
    count = [0]

    def seen(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(_OURS):
            count[0] += 1

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        yield count
    finally:
        sys.setprofile(before)


def _talk(kind: str, turns: int) -> Transcript:
    asked, told = HOSTILE[kind][0]
    said = [f"{'Doctor' if n % 2 == 0 else 'Patient'}: {(asked, told)[n % 2].format(n + 20)}" for n in range(turns)]
    return parse("\n".join(said))


def _note(kind: str, lines: int) -> str:
    return "ASSESSMENT\n\n" + "\n".join(f"- {HOSTILE[kind][1].format(n, n)}" for n in range(lines))


def _facts(transcript: Transcript) -> list[Fact]:
    """A fact a turn, as a finder that is sure of everything would list them."""
    kinds = (FactKind.MEDICATION, FactKind.SYMPTOM, FactKind.PLAN_TEST, FactKind.ALLERGY)
    return [
        Fact(
            kinds[n % len(kinds)], Polarity.AFFIRMED, Subject.PATIENT, Time.CURRENT, n % 3 == 0,
            (Quote(n, one.start, one.end, transcript.source[one.start : one.end]),), 1.0,
        )
        for n, one in enumerate(transcript.turns)
    ]  # fmt: skip


def _work(job: Callable[[int], object]) -> tuple[int, int]:
    job(_SHORT)  # what is read once for all, such as the lexicon
    counts = []
    for turns in (_SHORT, _LONG):
        with _counted() as count:
            job(turns)
        counts.append(count[0])
    assert counts[0] > 1_000
    return counts[0], counts[1]


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_check_reads_conversation_and_note_once(kind: str) -> None:
    talks = {turns: _talk(kind, turns) for turns in (_SHORT, _LONG)}
    short, long = _work(lambda turns: review(_note(kind, turns // 2), talks[turns], _facts))
    assert long <= _SHARE * short


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_note_of_facts_reads_the_conversation_once(kind: str) -> None:
    talks = {turns: _talk(kind, turns) for turns in (_SHORT, _LONG)}
    short, long = _work(lambda turns: list(compose(None, talks[turns], _facts(talks[turns]), "facts")))
    assert long <= _SHARE * short


def test_a_turn_of_thousands_of_words_is_read_once() -> None:
    said = {
        n: parse("Doctor: hello\nPatient: " + "and my left knee hurts no cough my mother has diabetes " * n)
        for n in (_SHORT, _LONG)
    }
    short, long = _work(lambda n: review("Right knee pain, cough, diabetes.\n" * 20, said[n]))
    assert long <= _SHARE * short


def _one_turn(kind: str, characters: int) -> Transcript:
    """All that is said of a kind in one turn of at most so many characters."""
    asked, told = HOSTILE[kind][0]
    said: list[str] = []
    length = n = 0
    while length < characters:
        said += [asked.format(n % 90 + 20), told.format(n % 90 + 20)]
        length, n = length + len(said[-1]) + len(said[-2]) + 2, n + 1
    return parse("Doctor: hello\nPatient: " + " ".join(said)[:characters])


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_note_against_one_long_turn_reads_it_once(kind: str) -> None:
    talks = {turns: _one_turn(kind, 50 * turns) for turns in (_SHORT, _LONG)}
    short, long = _work(lambda turns: review(_note(kind, turns // 2), talks[turns], _facts))
    assert long <= _SHARE * short


@pytest.mark.long
def test_one_turn_of_half_a_million_characters_is_checked_and_little_of_it_quoted() -> None:
    talk = _one_turn("numbers", 500_000)
    assert len(talk.turns[-1].text) > 490_000
    found = review(_note("numbers", 50), talk, _facts)
    assert len(found.statements) == 50
    said = [link.quote.text for one in found.statements for link in one.sources]
    said += [quote for flag in found.flags for quote in flag.quotes]
    assert said
    assert max(map(len, said)) <= links.LONGEST + 1


def test_a_note_of_twenty_thousand_words_is_checked() -> None:
    note = "\n".join(f"Metformin {n} mg twice a day for chest pain on the left." for n in range(1_900))
    assert 20_000 < len(note.split()) < MAX_NOTE_WORDS
    found = review(note, _talk("one drug", 200), _facts)
    assert len(found.statements) == 1_900
    assert all(one.sources for one in found.statements)


def test_a_hard_wrapped_note_is_split_once() -> None:
    lines = "and the pain goes on in the left knee and in the back and in the neck and so on\n"
    counts = []
    for n in (2_000, 4_000):
        with _counted() as count:
            review(lines * (n // 20), _talk("denied", 20))
        counts.append(count[0])
    assert counts[1] <= _SHARE * counts[0]


def test_facts_are_merged_with_those_shortly_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_LOOKS_BACK", 20)

    def facts(count: int) -> list[Fact]:
        said = [Quote(0, n, n + 1, f"word{n} thing{n}") for n in range(count)]
        kind = FactKind.SYMPTOM, Polarity.AFFIRMED, Subject.PATIENT, Time.CURRENT, False
        return [Fact(*kind, (one,)) for one in said]

    some = {turns: facts(4 * turns) for turns in (_SHORT, _LONG)}
    assert len(merging.merged(some[_LONG])) == 4 * _LONG
    short, long = _work(lambda turns: merging.merged(some[turns]))
    assert long <= _SHARE * short


def test_a_row_of_thousands_of_marks_costs_no_more_than_a_short_one() -> None:
    words = "i have a cough"
    tagger = word_tagger(words, {"cough": "symptom"})
    text = "Patient: I have " + "_" * 50_000 + " a cough " + "_-" * 20_000 + " a cough."
    segments = of_transcript(parse(text))
    assert len(tagger.read(segments).stream) < 200
    spans = tagger.tag("facts", text, segments)
    assert [text[span.start : span.end] for span in spans] == ["cough", "cough"]
    assert [span.start for span in spans] == [text.index("cough"), text.rindex("cough")]


@pytest.mark.parametrize(
    "text", ["", "no marks", "_" * LONGEST_RUN, "a" + "_" * 99, "-" * 99 + "b", "x" + "=" * 50 + "y" + "." * 60 + "z"]
)
def test_every_place_of_a_shortened_text_is_that_of_the_whole(text: str) -> None:
    short = shortened(text)
    assert len(short.text) <= len(text)
    assert "".join(text[short.place(at)] for at in range(len(short.text))) == short.text
    assert [c for c in short.text if c.isalnum()] == [c for c in text if c.isalnum()]
    assert "_" * (LONGEST_RUN + 1) not in short.text


def test_more_tokens_than_words_can_have_are_refused() -> None:
    tagger = word_tagger("pain", {"pain": "symptom"})
    with pytest.raises(InputError, match="tokens"):
        tagger.read(of_report("x.\n" * 150_000))
