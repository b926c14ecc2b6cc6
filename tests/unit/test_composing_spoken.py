"""A doctor's words as a record writes them: what is named stays, and so do numbers, sides, negations and doubt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.composing import lines, readable, spoken
from edge.composing.notes import Composed, compose
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.reading.conversation import parse

_CASES = [
    (FactKind.EXAM, "I don't appreciate any murmur. Your lungs are clear, nice.", "No murmur. Lungs are clear."),
    (FactKind.EXAM, "I do hear a two out of six murmur.", "Two out of six murmur."),
    (FactKind.EXAM, "I can appreciate some of that effusion.", "Some of that effusion."),
    (FactKind.EXAM, "You have some tenderness over your left knee.", "Tenderness over the left knee."),
    (FactKind.EXAM, "You have lost some strength.", "You have lost some strength."),
    (FactKind.EXAM, "There's no swelling in your legs.", "No swelling in the legs."),
    (FactKind.EXAM, "There's not much swelling.", "There's not much swelling."),
    (FactKind.EXAM, "Does it hurt when I press here?", "Does it hurt when I press here?"),
    (FactKind.RESULT, "Your A1c is 5.4.", "A1c is 5.4."),
    (FactKind.DIAGNOSIS, "It's high cholesterol.", "High cholesterol."),
    (FactKind.DIAGNOSIS, "It's not cancer.", "It's not cancer."),
    (FactKind.DIAGNOSIS, "It's probably gout.", "It's probably gout."),
    (FactKind.DIAGNOSIS, "I think you have gout.", "I think you have gout."),
    (FactKind.DIAGNOSIS, "Number one, high blood pressure.", "High blood pressure."),
    (FactKind.DIAGNOSIS, "You have what your mother had.", "You have what your mother had."),
    (FactKind.PLAN_TEST, "I'm ordering an MRI.", "Order an MRI."),
    (FactKind.PLAN_TEST, "I want a blood test in two weeks.", "Blood test in two weeks."),
    (FactKind.PLAN_MEDICATION, "I'm not starting the statin.", "Not starting the statin."),
    (FactKind.PLAN_MEDICATION, "You should not take ibuprofen.", "You should not take ibuprofen."),
    (FactKind.PLAN_MEDICATION, "You should stop your ibuprofen.", "Stop the ibuprofen."),
    (FactKind.PLAN_MEDICATION, "I don't want you to go back on the glipizide.", "Do not go back on the glipizide."),
    (FactKind.PLAN_REFERRAL, "I'm gonna refer you to cardiology.", "Refer to cardiology."),
    (FactKind.PLAN_ADVICE, "If you get a fever, call me.", "If you get a fever, call."),
    (FactKind.PLAN_ADVICE, "You can keep using your scar gel.", "May keep using the scar gel."),
    (FactKind.PLAN_ADVICE, "You can keep on with your scar gel.", "May keep on with the scar gel."),
    (FactKind.HISTORY, "Past medical history significant for depression.", "Depression."),
    (FactKind.HISTORY, "You had a stroke in 2019.", "Had a stroke in 2019."),
    (FactKind.SYMPTOM, "How's your appetite?", "Appetite:"),
    (FactKind.SYMPTOM, "How is it?", "How is it?"),
    (FactKind.ALLERGY, "You have a penicillin allergy.", "You have a penicillin allergy."),
]


@pytest.mark.parametrize(("kind", "said", "written"), _CASES)
def test_words_of_speech_go_and_what_is_meant_stays(kind: FactKind, said: str, written: str) -> None:
    assert spoken.recorded(said, kind) == written


@given(st.text(max_size=200), st.sampled_from(list(FactKind)))
def test_any_words_keep_their_numbers(said: str, kind: FactKind) -> None:
    figures = [one for one in said if one.isdigit()]
    assert [one for one in spoken.recorded(said, kind) if one.isdigit()] == figures


_SPOKEN = [
    "i",
    "your",
    "you",
    "have",
    "a",
    "there's",
    "it's",
    "no",
    "left",
    "knee",
    "not",
    "don't",
    "see",
    "any",
    "fever",
    ".",
    ",",
    "?",
    "and",
]


@given(st.lists(st.sampled_from(_SPOKEN), max_size=25), st.sampled_from(list(FactKind)))
def test_no_side_finding_or_question_is_lost(words: list[str], kind: FactKind) -> None:
    said = " ".join(words)
    written = spoken.recorded(said, kind)
    for one in ("left", "knee", "fever", "?"):
        assert written.casefold().count(one) == said.count(one)
    assert sum(written.casefold().split().count(one) for one in ("no", "not", "don't")) == sum(
        words.count(one) for one in ("no", "not", "don't")
    )


def test_time_is_in_proportion_to_the_length() -> None:
    for said in ("and " * 30_000, "i don't see any " * 10_000, "your " * 30_000, "you have " * 20_000):
        for kind in FactKind:
            spoken.recorded(said, kind)


def _line(kind: FactKind, talk: str, *quotes: str) -> str:
    transcript = parse(talk)
    found = []
    for words in quotes:
        start = transcript.source.index(words)
        turn = next(n for n, one in enumerate(transcript.turns) if one.start <= start < one.end)
        found.append(Quote(turn, start, start + len(words), words))
    return lines.line(
        Fact(kind, Polarity.AFFIRMED, Subject.PATIENT, Time.CURRENT, True, tuple(found)), transcript.turns
    )


def test_the_doctor_is_named_only_where_somebody_is_spoken_to() -> None:
    told = "[doctor] past medical history significant for gout\n[patient] yes\n"
    assert _line(FactKind.HISTORY, told, "past medical history significant for gout") == "Gout."
    asked = "[doctor] you walked in here on crutches\n[patient] yes\n"
    assert _line(FactKind.HISTORY, asked, "you walked in here on crutches") == "Doctor: You walked in here on crutches."
    about = "[doctor] how's the eating\n[patient] good mostly\n"
    assert _line(FactKind.SYMPTOM, about, "how's the eating", "good mostly") == "Eating: “Good mostly.”"
    mine = "[doctor] hello\n[patient] your lungs are clear, they told me\n"
    assert _line(FactKind.EXAM, mine, "your lungs are clear") == "“Your lungs are clear.”"


def test_an_apostrophe_apart_is_closed() -> None:
    assert readable.clean("i do n't sleep and ca n't work") == "I don't sleep and can't work"


def test_words_that_an_earlier_section_has_are_not_said_again() -> None:
    talk = parse("[doctor] what is it?\n[patient] my knee hurts since may. on stairs it gives way, too.\n")

    def fact(kind: FactKind, *quotes: str) -> Fact:
        at = [talk.source.index(words) for words in quotes]
        found = tuple(Quote(1, start, start + len(words), words) for start, words in zip(at, quotes, strict=True))
        return Fact(kind, Polarity.AFFIRMED, Subject.PATIENT, Time.CURRENT, True, found)

    complaint = fact(FactKind.COMPLAINT, "my knee hurts since may")
    more = fact(FactKind.SYMPTOM, "my knee hurts since may", "on stairs it gives way, too")
    again = fact(FactKind.SYMPTOM, "knee hurts since may")
    (*_, made) = compose(None, talk, [complaint, again, more], "facts")
    assert isinstance(made, Composed)
    assert made.note.text == (
        "CHIEF COMPLAINT\n\n- “My knee hurts since may.”\n\n"
        "HISTORY OF PRESENT ILLNESS\n\n- “On stairs it gives way, too.”"
    )
