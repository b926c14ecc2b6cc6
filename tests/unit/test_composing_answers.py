"""What a line needs of the turns around it: short answers, sides, the test that a value is of."""

from __future__ import annotations

import pytest
from note_facts_kit import facts, written

from edge.composing import lines, readable
from edge.contract.facts import FactKind, Time
from edge.reading.conversation import parse

_SYMPTOM, _RESULT = FactKind.SYMPTOM, FactKind.RESULT


@pytest.mark.parametrize(
    ("question", "answer", "wanted"),
    [
        ("Any nausea, vomiting?", "No.", ["Denies nausea, vomiting."]),
        ("Any bleeding? Contractions?", "No bleeding. I get the tightening.", ["Denies bleeding."]),
        ("Are your feet numb?", "No, they aren't.", ["Denies numbness."]),
        ("What about bruising?", "Yes, a little on the back.", ["Bruising: “Yes, a little on the back.”"]),
        ("Any dizziness?", "No I mean I stood up quick and saw stars.", []),
        ("Does it hurt when I press here? Any swelling when I do?", "No.", []),  # an examination
        ("Any nausea, vomiting?", "Yes, some.", []),  # which of them, is not known
        ("Smoking, alcohol?", "Never smoked. Three glasses of wine a week.", []),
    ],
)
def test_a_short_answer_that_no_fact_has_is_taken(question: str, answer: str, wanted: list[str]) -> None:
    assert written(f"[doctor] {question}\n[patient] {answer}\n") == wanted


def test_what_a_fact_names_already_is_not_said_again() -> None:
    source = "[patient] I had no nausea.\n[doctor] Any nausea?\n[patient] No.\n"
    assert len(written(source, (_SYMPTOM, "I had no nausea", Time.CURRENT))) == 1
    advice = source.replace("I had no nausea", "If you get nausea, call")
    planned = (FactKind.PLAN_ADVICE, "If you get nausea, call", Time.PLANNED)
    assert "Denies nausea." in written(advice, planned)


def test_an_answer_that_a_fact_quotes_is_not_said_twice() -> None:
    source = "[doctor] Did it swell up?\n[patient] A little on the first day. It is fine now, but stairs hurt.\n"
    said = (
        (_SYMPTOM, "A little on the first day", Time.PAST),
        (_SYMPTOM, "It is fine now, but stairs hurt", Time.CURRENT),
    )
    wanted = ["Did it swell up? “A little on the first day.”", "“It is fine now, but stairs hurt.”"]
    assert written(source, *said) == wanted


def test_a_side_that_was_put_right_is_the_one_that_stands() -> None:
    said = "She said the left shoulder blade. Hang on"
    source = f"[patient] {said}... it's on the right. It was the mirror. Right shoulder blade.\n"
    assert written(source, (_SYMPTOM, said, Time.CURRENT)) == ["“Right shoulder blade.”"]
    whole = f"[patient] {said}.\n"
    assert "left shoulder blade" in written(whole, (_SYMPTOM, said, Time.CURRENT))[0]  # nothing put it right


def test_an_answer_to_where_it_is_goes_with_the_complaint() -> None:
    source = (
        "[patient] My knee twisted under me.\n[doctor] And which knee?\n"
        "[patient] The left. No, the right. It's the right knee.\n"
    )
    twisted = (_SYMPTOM, "My knee twisted under me", Time.PAST)
    assert written(source, twisted) == ["“My knee twisted under me.” – “It's the right knee.”"]
    unsure = source.replace("It's the right knee", "The right knee or the left knee")
    assert written(unsure, twisted) == ["“My knee twisted under me.”"]


def test_an_animal_is_no_family() -> None:
    words = "The dog! He's on twelve units twice a day"
    assert written(f"[patient] {words}.\n", (FactKind.FAMILY, words, Time.CURRENT)) == []


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("A1c. Eight point four", "A1c 8.4."),
        ("the ct shows a stone, it's five millimeters", "The ct shows a stone, it's five millimeters."),
        ("biopsy was four weeks ago", "Biopsy was four weeks ago."),
        ("the b twelve and the tsh are normal", "The b 12 and the tsh are normal."),
        ("the walking test you did. It came back at ninety-two", "The walking test you did, came back at 92."),
        ("I pulled up the x-ray from urgent care. There's no fracture", "X-ray from urgent care: No fracture."),
    ],
)  # fmt: skip
def test_a_value_is_of_the_test_right_before_it(words: str, wanted: str) -> None:
    assert written(f"[doctor] {words}.\n", (_RESULT, words, Time.CURRENT)) == [wanted]


def test_a_result_that_names_nothing_goes_with_the_one_before_or_is_none() -> None:
    source = "[doctor] So, A1c. Eight point four.\n[patient] It was nine point six.\n[doctor] No, no. Thirty.\n"
    said = [
        (_RESULT, one, Time.CURRENT) for one in ("A1c. Eight point four", "It was nine point six", "No, no. Thirty")
    ]
    assert written(source, *said) == ["A1c 8.4 – “It was 9.6.”"]


def test_a_value_right_behind_its_name_needs_no_score() -> None:
    talk = parse("[doctor] So, A1c. Eight point four. And it is better.\n")
    said = [(_RESULT, words, Time.CURRENT) for words in ("A1c. Eight point four", "it is better")]
    assert [lines.is_measured(one) for one in facts(talk, *said)] == [True, False]


@pytest.mark.parametrize(
    ("said", "clean"),
    [
        ("No fever. I took it, ninety-eight four", "No fever. I took it, 98.4"),
        ("It was nine eighty-four", "It was 984"),  # of nothing that is hot
        ("the squeeze, at thirty percent. Three-zero. Normal's fifty-five", "The squeeze, at 30 percent. Normal's 55"),
        ("sixteen point three kilos. Sixteen, one-six", "16.3 kilos"),
        ("thirty percent. Forty last year", "30 percent. 40 last year"),  # another number is another thing
        ("Thirty, not thirteen", "30, not 13"),
        ("It takes forever. In bed. To, you know. Finish", "It takes forever. In bed. Finish"),
        ("It was nineteen in August. And", "It was 19 in August"),
        ("Yes. Forty milligrams", "Yes. 40 milligrams"),
    ],
)
def test_what_was_said_reads_as_it_was_meant(said: str, clean: str) -> None:
    assert readable.clean(said) == clean
