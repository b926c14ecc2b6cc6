"""Spans and facts from what an encoder says, with an encoder whose answers are written by hand."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from tagging_kit import word_tagger

from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.errors import InputError
from edge.reading.conversation import parse
from edge.tagging import pairs
from edge.tagging.corrections import corrected
from edge.tagging.facts import find_facts
from edge.tagging.merging import merged
from edge.tagging.polarity import worded
from edge.tagging.tagger import MAX_CHARACTERS
from edge.tagging.windows import of_report, of_transcript, windows

WORDS = "any chest pain ? no . i have a cough and the take lisinopril twenty forty milligrams wait doctor patient"


def test_a_span_has_its_exact_words_and_its_turn() -> None:
    text = "Doctor: Good day.\nPatient: I have a COUGH, and chest pain."
    tagger = word_tagger(WORDS, {"cough": "symptom", "chest": "symptom", "pain": "symptom"})
    spans = tagger.tag("facts", text, of_transcript(parse(text)))
    assert [(text[s.start : s.end], s.label, s.segment) for s in spans] == [
        ("COUGH", "symptom", 1), ("chest pain", "symptom", 1),
    ]  # fmt: skip
    assert all(0.9 < span.score <= 1 for span in spans)


def test_windows_give_the_same_spans_as_one_window() -> None:
    text = "\n".join(f"Patient: I have a cough and chest pain {i}" for i in range(60))
    segments = of_transcript(parse(text))
    found = [
        word_tagger(WORDS, {"cough": "symptom", "chest": "exam", "pain": "exam"}, window=size).tag(
            "facts", text, segments
        )
        for size in (20, 33, 4000)
    ]
    assert [len(one) for one in found] == [120] * 3
    assert [(s.start, s.end, s.label) for s in found[0]] == [(s.start, s.end, s.label) for s in found[2]]
    assert [(s.start, s.end, s.label) for s in found[1]] == [(s.start, s.end, s.label) for s in found[2]]


def test_no_span_crosses_a_turn() -> None:
    text = "Doctor: pain\nPatient: pain"
    spans = word_tagger(WORDS, {"pain": "symptom"}).tag("facts", text, of_transcript(parse(text)))
    assert [span.segment for span in spans] == [0, 1]


def test_control_tokens_in_a_text_are_words_like_others() -> None:
    text = "Patient: [SEP] [CLS] pain [PAD]"
    spans = word_tagger(WORDS, {"pain": "symptom"}).tag("facts", text, of_transcript(parse(text)))
    assert [text[s.start : s.end] for s in spans] == ["pain"]


def test_a_text_that_is_too_long_is_refused_before_the_encoder_reads_it() -> None:
    with pytest.raises(InputError, match="too long"):
        word_tagger(WORDS, {}).read(of_report("a " * MAX_CHARACTERS))


def test_an_empty_text_has_no_spans() -> None:
    assert word_tagger(WORDS, {"pain": "symptom"}).tag("facts", "", []) == []


def test_nothing_of_a_batch_of_windows_outlives_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of batches that are kept tie up the memory of all: a line of 200,000 characters took 1.1 GB."""
    tagger = word_tagger(WORDS, {"pain": "symptom"}, window=20)
    alive: list[weakref.ref[object]] = []
    encode = tagger._backend.encode

    def watched(ids: object, mask: object) -> tuple[object, object]:
        states, logits = encode(ids, mask)
        alive.extend((weakref.ref(states), weakref.ref(logits)))
        return states, logits

    monkeypatch.setattr(tagger._backend, "encode", watched)
    reading = tagger.read(of_report("chest pain and a cough " * 100))
    gc.collect()
    assert len(alive) > 10
    assert not [one for one in alive if one() is not None]
    assert len(reading.hidden) == len(reading.stream)


def test_a_question_and_its_short_answer_are_one_denied_fact() -> None:
    transcript = parse("Doctor: Any chest pain?\nPatient: No.\nDoctor: Good.")
    facts = find_facts(word_tagger(WORDS, {"chest": "symptom", "pain": "symptom"}), transcript)
    assert [(f.kind, f.polarity, [q.text for q in f.evidence]) for f in facts] == [
        (FactKind.SYMPTOM, Polarity.DENIED, ["chest pain", "No"])
    ]


@pytest.mark.parametrize(
    ("said", "denied"),
    [("Nope, not at all.", True), ("Uh, yeah, a little.", False), ("Nein, gar nicht.", True), ("Ja, schon.", False)],
)
def test_answers_are_read_in_both_languages(said: str, denied: bool) -> None:
    transcript = parse(f"Doctor: Any cough?\nPatient: {said}")
    found = pairs.answer(transcript.source, transcript.turns, 0)
    assert found is not None
    assert found.yes is not denied


def test_a_long_answer_that_opens_with_neither_yes_nor_no_is_no_answer() -> None:
    transcript = parse("Doctor: Any cough?\nPatient: The thing is that my sister had one when we were at the lake.")
    assert pairs.answer(transcript.source, transcript.turns, 0) is None


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("lisinopril twenty, no, forty milligrams a day", "lisinopril twenty, no, forty milligrams"),
        ("200 milligrams, no, wait, the 400 ones", "200 milligrams, no, wait, the 400"),
        ("ten, no, twenty, sorry, thirty mg", "ten, no, twenty, sorry, thirty mg"),
        ("20 mg. No chest pain", "20 mg"),
        ("zwanzig, nein, vierzig Milligramm", "zwanzig, nein, vierzig Milligramm"),
    ],
)
def test_the_last_version_of_a_corrected_number_is_in_the_quote(said: str, wanted: str) -> None:
    start = 0
    for first in ("twenty", "200 milligrams", "ten", "20 mg", "zwanzig"):
        if first in said:
            start = said.index(first) + len(first)
            break
    assert said[: corrected(said, 0, start, len(said))] == wanted


def _fact(kind: FactKind, text: str, start: int, score: float = 0.9, **changes: object) -> Fact:
    values = {"polarity": Polarity.AFFIRMED, "subject": Subject.PATIENT, "time": Time.CURRENT, "critical": False}
    return Fact(kind, **{**values, **changes}, evidence=(Quote(0, start, start + len(text), text),), score=score)  # type: ignore[arg-type]


def test_what_is_said_twice_is_one_fact_with_both_quotes() -> None:
    facts = [
        _fact(FactKind.SYMPTOM, "shortness of breath", 0, 0.6),
        _fact(FactKind.SYMPTOM, "i am short of breath", 50, 0.9, critical=True),
    ]
    one = merged(facts)
    assert [[q.text for q in f.evidence] for f in one] == [["i am short of breath", "shortness of breath"]]
    assert one[0].critical


@pytest.mark.parametrize(
    "other",
    [
        _fact(FactKind.MEDICATION, "lisinopril 40 mg", 50),
        _fact(FactKind.PLAN_MEDICATION, "lisinopril 20 mg", 50),
        _fact(FactKind.MEDICATION, "lisinopril 20 mg", 50, polarity=Polarity.DENIED),
        _fact(FactKind.MEDICATION, "lisinopril 20 mg", 50, time=Time.STOPPED),
        _fact(FactKind.MEDICATION, "metoprolol 20 mg", 50),
    ],
)
def test_another_dose_drug_kind_polarity_or_end_is_another_fact(other: Fact) -> None:
    assert len(merged([_fact(FactKind.MEDICATION, "lisinopril 20 mg", 0), other])) == 2


def test_windows_cover_every_token_once() -> None:
    for length in (1, 29, 30, 31, 100, 1001):
        kept = np.zeros(length, dtype=int)
        for cut in windows(length, 30, 8):
            assert cut.end - cut.start <= 30
            kept[cut.keep_start : cut.keep_end] += 1
        assert (kept == 1).all()


@pytest.mark.parametrize(
    ("kind", "words", "wanted"),
    [
        (FactKind.EXAM, "i do n't appreciate any edema", Polarity.DENIED),
        (FactKind.EXAM, "no edema but the knee is warm", Polarity.AFFIRMED),
        (FactKind.EXAM, "The knee has no effusion. It is tender", Polarity.AFFIRMED),
        (FactKind.RESULT, "the x-ray showed no evidence of fracture", Polarity.DENIED),
        (FactKind.RESULT, "die Aufnahme zeigt keine Fraktur", Polarity.DENIED),
        (FactKind.RESULT, "potassium is no longer low", Polarity.AFFIRMED),
        (FactKind.DIAGNOSIS, "it could be gout", Polarity.UNCERTAIN),
        (FactKind.MEDICATION, "no more than two tylenol a day", Polarity.AFFIRMED),
    ],
)
def test_words_that_say_it_plainly_decide_the_polarity(kind: FactKind, words: str, wanted: Polarity) -> None:
    assert worded(_fact(kind, words, 0)).polarity is wanted
