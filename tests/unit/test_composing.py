"""Facts as lines, and notes composed of them: what a line holds is what its fact says, after corrections."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from note_facts_kit import written

from edge.composing import allergies, lines, mending, readable
from edge.composing.notes import FORMS, Composed, compose, takes_facts
from edge.composing.words import words_of
from edge.contract import prompts, templates
from edge.contract.events import EngineEvent, Finished, SectionFinished, StopReason
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.note import EncounterNote, Section
from edge.contract.templates import Contradicted, SectionSpec, Template
from edge.contract.transcript import Transcript
from edge.engine import copied
from edge.engine.base import Request
from edge.engine.scripted import ScriptedEngine
from edge.evidence.conversation import converse
from edge.evidence.review import review_sections
from edge.reading.conversation import parse
from edge.tasks.note import NoteFinished

TALK = parse(
    """[doctor] what do you take?
[patient] lisinopril, the twenty. no, wait, sorry, forty milligrams every morning. and the water pill, furosemide.
[patient] that one is eighty milligrams twice a day.
[doctor] and hydralazine?
[doctor] no, not hydralazine, that's something else.
[patient] i stopped the amlodipine, my ankles were swollen.
[patient] my dad had a heart attack at forty-nine. i'm allergic to penicillin, i get hives.
[doctor] blood pressure is one fifty-two over ninety-four.
[doctor] let's start metformin, five hundred milligrams twice a day, and see you in two weeks.
"""
)


def _fact(kind: FactKind, words: str, time: Time = Time.CURRENT, polarity: Polarity = Polarity.AFFIRMED) -> Fact:
    start = TALK.source.index(words)
    turn = next(n for n, one in enumerate(TALK.turns) if one.start <= start < one.end)
    quote = Quote(turn, start, start + len(words), words)
    return Fact(kind, polarity, Subject.PATIENT, time, True, (quote,))


FACTS = [
    _fact(FactKind.MEDICATION, "lisinopril, the twenty. no, wait, sorry, forty milligrams every morning"),
    _fact(FactKind.MEDICATION, "the water pill, furosemide"),
    _fact(FactKind.MEDICATION, "eighty milligrams twice a day"),
    _fact(FactKind.MEDICATION, "hydralazine?"),
    _fact(FactKind.MEDICATION, "i stopped the amlodipine", Time.STOPPED),
    _fact(FactKind.FAMILY, "my dad had a heart attack at forty-nine"),
    _fact(FactKind.ALLERGY, "allergic to penicillin, i get hives"),
    _fact(FactKind.VITAL, "blood pressure is one fifty-two over ninety-four"),
    _fact(FactKind.PLAN_MEDICATION, "let's start metformin, five hundred milligrams twice a day", Time.PLANNED),
    _fact(FactKind.FOLLOW_UP, "see you in two weeks", Time.PLANNED),
]
WANTED = [
    "Lisinopril 40 mg every morning.",
    "Furosemide 80 mg twice daily.",
    "Amlodipine: stopped (swollen).",
    "Father: heart attack at 49.",
    "Penicillin: hives.",
    "Blood pressure 152/94.",
    "Start Metformin 500 mg twice daily.",
    "Follow up in two weeks.",
]


def test_lines_of_facts() -> None:
    prepared = lines.prepared(FACTS, converse(TALK))
    assert [one.text for one in lines.lines(prepared, tuple(FactKind))] == WANTED


def test_every_line_keeps_its_fact_and_no_facts_are_no_lines() -> None:
    found = lines.lines(FACTS, (FactKind.ALLERGY, FactKind.FAMILY))
    assert [one.fact.kind for one in found] == [FactKind.FAMILY, FactKind.ALLERGY]
    assert lines.lines([], tuple(FactKind)) == []


@pytest.mark.parametrize(
    ("said", "clean"),
    [
        ("uh , so , um , it hurts , it hurts .", "It hurts"),
        ("okay", ""),
        ("your , your blood pressure", "Your blood pressure"),
        ("i'm gon na wait. then i'll see", "I'm gonna wait. Then I'll see"),
        ("eighty... no, forty", "40"),
    ],
)
def test_words_as_they_were_said(said: str, clean: str) -> None:
    assert readable.clean(said).startswith(clean)


def _composed(
    form: str, answer: str = "He feels well.", facts: list[Fact] | None = None, mend: bool = True
) -> Composed:
    engine = None if form == "facts" else ScriptedEngine(lambda _: answer)
    return [e for e in compose(engine, TALK, FACTS if facts is None else facts, form, mend) if isinstance(e, Composed)][
        -1
    ]


def test_a_note_of_facts_alone_needs_no_model() -> None:
    made = _composed("facts")
    assert all(line in made.note.text for line in WANTED)
    assert "Hydralazine" not in made.note.text
    assert [one.key for one in made.note.sections] == [
        "medications", "allergies", "family_history", "physical_examination", "assessment_and_plan",
    ]  # fmt: skip
    assert made.note.generated_tokens == 0


def test_lists_come_from_facts_and_prose_from_the_model() -> None:
    made = _composed("lists")
    by_key = {one.key: one.text for one in made.note.sections}
    assert by_key["allergies"] == "- Penicillin: hives."
    assert by_key["assessment_and_plan"].startswith("He feels well.")
    assert "social_history" not in by_key


def test_mending_leaves_out_what_is_contradicted_and_adds_what_is_missing() -> None:
    wrong = "Start metformin 850 mg twice a day. He was told about it."
    made = _composed("lists", wrong)
    plan = next(one.text for one in made.note.sections if one.key == "assessment_and_plan")
    assert "850" not in plan
    assert {one.what for one in made.steps} == {"left out", "added"}
    assert made.parameters("lists")["steps"][0]["why"] == "dose"
    assert "850" in _composed("lists", wrong, mend=False).note.text


def test_forms_are_the_same_each_time_and_nothing_is_made_of_nothing() -> None:
    assert FORMS == ("turns", "lists", "facts")
    for form in FORMS:
        assert _composed(form).note.text == _composed(form).note.text
        assert _composed(form, facts=[]).note.sections == ()
    with pytest.raises(ValueError, match="form"):
        _composed("other")
    with pytest.raises(ValueError, match="form"):
        list(compose(None, Transcript("", ()), [], "lists"))


def test_the_note_takes_the_shape_of_its_template() -> None:
    events = list(compose(None, TALK, FACTS, "facts", template=templates.get("visit")))
    made = next(one for one in events if isinstance(one, Composed))
    keys = [one.key for one in made.note.sections]
    assert keys == [
        "subjective.medications", "subjective.allergies", "subjective.family_history", "objective_exam",
        "assessment_and_plan",
    ]  # fmt: skip
    finished = [one for one in events if isinstance(one, SectionFinished)]
    assert [one.key for one in finished] == [
        "subjective", "objective_exam", "objective_results", "assessment_and_plan",
    ]  # fmt: skip
    assert [one.absent for one in finished] == [False, False, True, False]
    own = templates.get("section:CC")
    assert not takes_facts(own)
    with pytest.raises(ValueError, match="form"):
        list(compose(None, TALK, FACTS, "facts", template=own))


def test_a_soap_note_has_its_four_parts() -> None:
    facts = [*FACTS, _fact(FactKind.DIAGNOSIS, "heart attack")]
    events = list(compose(None, TALK, facts, "facts", template=templates.get("soap")))
    note = next(one for one in events if isinstance(one, Composed)).note
    assert [(one.key, one.heading) for one in note.sections][-3:] == [
        ("O", "PHYSICAL EXAMINATION"), ("A", "ASSESSMENT"), ("P", "PLAN"),
    ]  # fmt: skip
    assert [one.key for one in note.sections[:3]] == ["S.medications", "S.allergies", "S.family_history"]
    assert "Metformin" in note.sections[-1].text
    assert "Heart attack" in note.sections[-2].text
    prose = list(compose(ScriptedEngine(lambda _: "Well."), TALK, facts, "lists", template=templates.get("soap")))
    made = next(one for one in prose if isinstance(one, Composed)).note
    assert [one.key for one in made.sections][-3:] == ["O", "A", "P"]


HOSTILE = parse(
    """[doctor] the amoxicillin comes as four hundred per five mils. eight mils, no, sorry. it's nine mils, \
seven hundred and twenty milligrams, twice a day for ten days.
[guest] and tylenol, seven and a half mils. the ankle blew up on the twenty-third.
[doctor] mom, this is a cold. one-oh-two-four was the reading.
[doctor] you can keep on with the tylenol, and use ibuprofen, two hundred milligrams.
[patient] i'd like to stay on lisinopril, the twenty. i'm not allergic to latex.
"""
)


@pytest.mark.parametrize(
    ("kind", "words", "wanted"),
    [
        (
            FactKind.PLAN_MEDICATION,
            HOSTILE.turns[0].text,
            "Plan: Amoxicillin 720 mg (9 mL) twice daily for 10 days.",
        ),
        (FactKind.MEDICATION, "tylenol, seven and a half mils", "Tylenol 7.5 mL."),
        (FactKind.SYMPTOM, "the ankle blew up on the twenty-third", "Guest: The ankle blew up on the twenty-third."),
        (FactKind.FAMILY, "mom, this is a cold", "Doctor: Mom, this is a cold."),
        (FactKind.RESULT, "one-oh-two-four was the reading", "One-oh-two-four was the reading."),
        (
            FactKind.PLAN_MEDICATION,
            "keep on with the tylenol, and use ibuprofen, two hundred milligrams",
            "Keep on with the tylenol, and use ibuprofen, 200 milligrams.",
        ),
        (FactKind.MEDICATION, "lisinopril, the twenty", "Lisinopril 20."),
    ],
)
def test_no_line_says_more_than_was_said(kind: FactKind, words: str, wanted: str) -> None:
    """A strength is no dose, a value that was taken back is none, a unit that nobody said is not written, two drugs in
    one breath keep their words, somebody who is spoken to is no relative."""
    assert lines.line(_of(HOSTILE, kind, words), HOSTILE.turns) == wanted


def test_a_plan_begins_with_what_is_planned_and_takes_no_assent() -> None:
    talk = parse(
        "Doctor: I'd like you to go ahead and get an X-ray. We'll recheck the lipids.\nPatient: Okay, sounds good."
    )
    plan = _of(talk, FactKind.PLAN_TEST, "We'll recheck the lipids.")
    answer = _of(talk, FactKind.PLAN_TEST, "Okay, sounds good.").evidence
    answer = (replace(answer[0], turn=1),)
    assert lines.line(replace(plan, evidence=(*plan.evidence, *answer)), talk.turns) == "Recheck the lipids."
    kept = _of(talk, FactKind.PLAN_ADVICE, "I'd like you to go ahead and get an X-ray.")
    assert lines.line(kept, talk.turns) == "Get an X-ray."


def test_a_question_has_its_answer_and_a_name_that_was_not_meant_is_none() -> None:
    talk = parse(
        "Doctor: Any blood clots, ever?\nPatient: No, never.\nDoctor: Does it hurt at night?\nDoctor: Well.\n"
        "Patient: I take Zantac for my allergies.\nDoctor: Do you mean Zyrtec?\nPatient: Zyrtec! Yes."
    )
    clots = _of(talk, FactKind.HISTORY, "Any blood clots, ever")
    hanging = _of(talk, FactKind.SYMPTOM, "Does it hurt at night")
    wrong, right = (_of(talk, FactKind.MEDICATION, words) for words in ("Zantac for my allergies", "Zyrtec! Yes"))
    found = lines.prepared([clots, hanging, wrong, right], converse(talk))
    assert [lines.line(one, talk.turns) for one in found] == [
        "Any blood clots, ever? “No, never.”", "Zyrtec.",
    ]  # fmt: skip


def test_another_allergy_that_is_denied_is_not_none_at_all() -> None:
    fact = replace(_of(HOSTILE, FactKind.ALLERGY, "i'm not allergic to latex"), polarity=Polarity.DENIED)
    assert lines.line(fact, HOSTILE.turns) == "“I'm not allergic to latex.”"


def test_words_in_the_language_of_the_visit() -> None:
    talk = parse(
        "Arzt: Der Blutdruck ist hundertachtunddreißig zu zweiundachtzig, "
        "und wir erhöhen Ramipril auf zehn Milligramm.\n"
        "Patient: Meine Mutter hat Diabetes, und ich habe keine Allergien."
    )
    words = words_of(talk)
    assert words.language == "de"
    pressure = _of(talk, FactKind.VITAL, "Der Blutdruck ist hundertachtunddreißig zu zweiundachtzig")
    assert "138/82" in lines.line(pressure, talk.turns, words)
    plan = _of(talk, FactKind.PLAN_MEDICATION, "wir erhöhen Ramipril auf zehn Milligramm")
    assert lines.line(plan, talk.turns, words) == "Ramipril erhöhen auf 10 mg."
    family = _of(talk, FactKind.FAMILY, "Meine Mutter hat Diabetes")
    assert lines.line(family, talk.turns, words) == "Mutter: Diabetes."
    none = replace(_of(talk, FactKind.ALLERGY, "keine Allergien"), polarity=Polarity.DENIED)
    assert lines.line(none, talk.turns, words) == "Keine Allergien bekannt."
    made = next(one for one in compose(None, talk, [family], "facts") if isinstance(one, Composed))
    assert made.note.text.startswith("FAMILIENANAMNESE")
    own = SectionSpec("subjective", "Erzähltes", "Write it.")
    for template, titles in (
        (templates.get("visit"), ["Subjektiv", "Körperliche Untersuchung", "Befunde", "Beurteilung und Procedere"]),
        (templates.get("soap"), ["Subjektiv", "Objektiv", "Beurteilung", "Procedere"]),
        (Template("clinic", "Klinik", (own,)), ["Erzähltes"]),
    ):
        events = list(compose(None, talk, [family], "facts", template=template))
        assert [one.title for one in events if isinstance(one, SectionFinished)] == titles


def test_what_was_said_word_for_word_is_never_mended_away() -> None:
    """Checks read a sentence apart from its question and may be wrong; a line that repeats the words cannot be."""
    fact = _fact(FactKind.HISTORY, "i'm allergic to penicillin, i get hives")
    note = _composed("facts", facts=[fact, _fact(FactKind.MEDICATION, "i stopped the amlodipine")]).note
    assert "I'm allergic to penicillin, I get hives." in note.text


def test_a_line_stands_in_one_section() -> None:
    words = "my ankles were swollen"
    note = _composed("facts", facts=[_fact(FactKind.COMPLAINT, words), _fact(FactKind.SYMPTOM, words)]).note
    assert [one.key for one in note.sections] == ["chief_complaint"]


def test_unsure_facts_are_left_to_the_list_of_what_was_said() -> None:
    talk = converse(TALK)
    doubted = [one for one in FACTS if not (allergies.is_named(one, talk) or lines.is_measured(one))]  # need no score
    unsure = [replace(one, score=0.4) for one in doubted]
    assert _composed("facts", facts=unsure).note.sections == ()
    other = [replace(one, score=0.6, critical=False) for one in doubted]
    assert _composed("facts", facts=other).note.sections == ()
    assert _composed("facts", facts=[replace(one, score=0.6) for one in FACTS]).note.sections


@pytest.mark.parametrize(
    ("asked", "answered", "sure"),
    [
        ("Sind Allergien bekannt?", "Ja, gegen Penicillin, da bekomme ich Ausschlag", True),
        ("Any allergies?", "Yes, penicillin, I get a rash", True),
        ("Any allergies?", "Novalgin", True),  # begins like a no
        ("Any allergies?", "No, I took penicillin before", False),
        ("Haben Sie Allergien?", "Nein, Penicillin vertrage ich gut", False),
        ("What do you take for your allergies?", "Penicillin", False),
        ("What happened last week?", "Penicillin gave me a rash", False),  # the finder's score decides
    ],
)
def test_an_allergy_that_answers_the_question_needs_no_score(asked: str, answered: str, sure: bool) -> None:
    talk = parse(f"[doctor] {asked}\n[patient] {answered}.\n")
    fact = replace(_of(talk, FactKind.ALLERGY, answered), score=0.2)
    assert allergies.is_named(fact, converse(talk)) is sure


def _of(talk: Transcript, kind: FactKind, words: str) -> Fact:
    start = talk.source.index(words)
    turn = next(n for n, one in enumerate(talk.turns) if one.start <= start < one.end)
    return Fact(
        kind, Polarity.AFFIRMED, Subject.PATIENT, Time.CURRENT, True, (Quote(turn, start, start + len(words), words),)
    )


def _again(answers: dict[str, str], way: Contradicted = "again") -> Composed:
    """The note of FACTS in the form "turns" by a model whose history says something wrong, and what it makes of it when
    it is asked for a single statement. answers: by instruction's first words."""

    def script(instruction: str) -> str:
        return next((text for start, text in answers.items() if start in instruction), "None.")

    template = templates.get("sections")
    sections = tuple(replace(one, contradicted=way) for one in template.sections)
    template = replace(template, sections=sections)
    events = list(compose(ScriptedEngine(script), TALK, FACTS, "turns", template=template))
    assert isinstance(events[-1], Composed)
    return events[-1]


WRONG = "He takes lisinopril 20 mg every morning."


@pytest.mark.parametrize(
    ("new", "kept"),
    [
        ("He takes lisinopril 40 mg every morning.", True),
        ("He takes lisinopril 5 mg every morning.", False),  # a check speaks against it, too
        ("He wishes to see a dermatologist.", False),  # nothing was said of it
        ("None.", False),
    ],
)
def test_a_contradicted_statement_is_written_again_once_or_left_out(new: str, kept: bool) -> None:
    made = _again({"medications": WRONG, prompts.STATEMENT_INSTRUCTION: new})
    step = made.steps[0]
    assert (step.what, step.text, step.why) == ("written again" if kept else "left out", WRONG, "dose")
    assert step.instead == (new if kept else "")
    assert (new in made.note.text) is kept
    assert WRONG not in made.note.text
    assert made.parameters("turns")["steps"][0] == step.as_json()
    assert ("instead" in step.as_json()) is kept


def test_a_template_says_what_is_done_with_a_contradicted_statement() -> None:
    answers = {"medications": WRONG, prompts.STATEMENT_INSTRUCTION: "He takes lisinopril 40 mg every morning."}
    assert WRONG in _again(answers, "shown").note.text
    out = _again(answers, "out")
    assert WRONG not in out.note.text
    assert out.steps[0].what == "left out"


@pytest.mark.parametrize(("form", "masked"), [("turns", True), ("lists", True), ("facts", False)])
def test_what_a_model_writes_is_masked_and_the_origin_names_the_rule(form: str, masked: bool) -> None:
    asked: list[Request] = []

    class Asked(ScriptedEngine):
        def stream(self, request: Request) -> Iterator[EngineEvent]:
            asked.append(request)
            return super().stream(request)

    made = list(compose(Asked(lambda _: "None."), TALK, FACTS, form))[-1]
    assert isinstance(made, Composed)
    assert bool(asked) is masked
    assert all(request.copies for request in asked)
    assert made.parameters(form).get("copied") == (copied.RULE if masked else None)


def test_words_that_stand_in_the_section_are_not_said_again() -> None:
    right = "He takes lisinopril 40 mg every morning."
    made = _again({"medications": f"{right} {WRONG}", prompts.STATEMENT_INSTRUCTION: right})
    assert made.note.text.count(right) == 1


def _whole(way: Contradicted, answers: dict[str, str]) -> NoteFinished:
    template = replace(templates.get("section:MEDICATIONS"), name="m")
    template = replace(template, sections=tuple(replace(s, contradicted=way) for s in template.sections))

    def script(instruction: str) -> str:
        return next((text for start, text in answers.items() if start in instruction), f"{WRONG} He is well.")

    last = list(mending.whole(ScriptedEngine(script), TALK, template))[-1]
    assert isinstance(last, NoteFinished)
    return last


def test_a_note_of_the_whole_visit_is_mended_where_its_template_says_so() -> None:
    right = "He takes lisinopril 40 mg every morning."
    answers = {prompts.STATEMENT_INSTRUCTION: right}
    assert "steps" not in _whole("", answers).note.parameters
    assert WRONG in _whole("", answers).note.text
    again = _whole("again", answers).note
    assert right in again.text
    assert WRONG not in again.text
    assert again.parameters["steps"][0]["instead"] == right
    out = _whole("out", answers).note
    assert out.parameters["steps"][0]["what"] == "left out"
    assert WRONG not in out.text
    assert "He is well." in out.text


class _Counting:
    """An engine of a fixed answer and reason that counts how often it is asked."""

    def __init__(self, text: str, reason: StopReason, context: int = 4000) -> None:
        self.asked, self._finished = 0, Finished(text, reason, 1, 0, 1, 0.0)
        self.info = replace(ScriptedEngine(lambda _: "").info, context_length=context)

    def count(self, prompt: prompts.Prompt) -> int:
        return 20

    def stream(self, request: Request) -> Iterator[EngineEvent]:
        self.asked += 1
        assert request.copies
        yield self._finished


@pytest.mark.parametrize(
    ("reason", "context", "asked"), [("cancelled", 4000, 1), ("loop", 4000, 2), ("length", 4000, 2), ("end", 90, 0)]
)
def test_a_stop_ends_the_writing_and_what_broke_off_is_not_kept(reason: StopReason, context: int, asked: int) -> None:
    engine: Any = _Counting("He takes lisinopril 40 mg every morning.", reason, context)
    rewriter = mending.Rewriter(engine, converse(TALK))
    section = Section("MEDICATIONS", WRONG, "medications", "end")
    checked, _ = review_sections(EncounterNote("", (section,)), converse(TALK))
    for _ in range(2):
        assert rewriter.again(section, checked.sections[0].statements[0]) == ""
    assert engine.asked == asked


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("i'll see you in four weeks", "Follow up in four weeks."),
        ("have you back in one to two weeks", "Follow up in one to two weeks."),
        ("come back in in seven days you know in a week", "Follow up in seven days."),
        ("nurse will call you in two days , and i'll see you in ten days", None),
        ("if it's not better in six weeks , let me know", None),
        ("you'll need skin checks every six months now", None),
        ("check once a day , late afternoon", None),
        ("we'll see you again next week", None),
    ],
)
def test_when_to_come_back(words: str, wanted: str | None) -> None:
    (line,) = written(f"[doctor] {words}.\n", (FactKind.FOLLOW_UP, words, Time.PLANNED))
    assert line == wanted if wanted else not line.startswith("Follow up")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("my father had gout and kidney stones", "Father: gout, kidney stones."),
        ("my mother broke her hip at sixty five and i've got the celiac disease", None),  # the patient's own
        ("my son's got terrible hay fever", None),
        ("her dad had a toe red and swollen like this , they said gout", None),  # a story
    ],
)
def test_the_conditions_of_relatives(words: str, wanted: str | None) -> None:
    (line,) = written(f"[patient] {words}.\n", (FactKind.FAMILY, words, Time.PAST))
    assert line == wanted if wanted else line.startswith("“")


def test_what_was_said_twice_is_not_said_to_be_missing() -> None:
    twice = [_fact(FactKind.MEDICATION, "i stopped the amlodipine", Time.STOPPED)] * 2
    assert _composed("facts", facts=twice).note.text.count("Amlodipine: stopped") == 1


def test_a_couple_stays_a_couple() -> None:
    assert readable.clean("a couple of weeks ago , twenty two of them") == "A couple of weeks ago, 22 of them"


def test_a_reaction_that_is_denied_is_no_denial_of_allergies() -> None:
    talk = parse("[doctor] no rash or trouble breathing\n[patient] no but the keflex gave me hives\n")
    fact = replace(_of(talk, FactKind.ALLERGY, "no rash or trouble breathing"), polarity=Polarity.DENIED)
    assert "No known allergies" not in lines.line(fact, talk.turns)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("your creatinine was .7 not .8", "Creatinine 0.7."),
        ("iron saturation is four percent", "Iron saturation 4%."),
        ("hemoglobin is twelve point four and your type is o negative", None),  # the type would be lost
        ("the ejection fraction is thirty-five percent , with moderate mitral regurgitation", None),
        ("ultrasound in june showed two small kidneys", None),  # a picture has no value
        ("your last mammogram was in january 2021", None),
        ("cervical x-ray 6421", None),
    ],
)
def test_a_value_is_of_its_test_and_not_all_that_was_found(words: str, wanted: str | None) -> None:
    (line,) = written(f"[doctor] {words}.\n", (FactKind.RESULT, words, Time.PAST))
    assert line == wanted if wanted else len(line.split()) >= len(words.split()) - 3


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("it's a threatened miscarriage", "Possible: Threatened miscarriage."),
        ("you might have lyme disease", "You might have lyme disease."),  # it says so itself
        (
            "with a negative d-dimer , a clot's effectively ruled out",
            "With a negative d-dimer, a clot's effectively ruled out.",
        ),
    ],
)
def test_doubt_is_said_once(words: str, wanted: str) -> None:
    talk = parse(f"[doctor] {words}.\n")
    fact = replace(_of(talk, FactKind.DIAGNOSIS, words), polarity=Polarity.UNCERTAIN)
    assert lines.line(fact, talk.turns) == wanted


@pytest.mark.parametrize("said", ["i'm ² years old", "lisinopril ² mg", "creatinine is ³", "see you in ½ ² weeks"])
def test_raised_figures_are_no_numbers_and_stop_no_note(said: str) -> None:
    talk = parse(f"[patient] {said}.\n")
    kinds = (FactKind.MEDICATION, FactKind.RESULT, FactKind.FOLLOW_UP, FactKind.DEMOGRAPHIC)
    found = [_of(talk, kind, said) for kind in kinds]
    assert any(isinstance(one, Composed) for one in compose(None, talk, found, "facts"))
