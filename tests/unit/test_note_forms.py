"""Which form a note takes: facts where a tagger serves, the whole visit where not, and what its origin then names."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from edge.contract.document import from_text
from edge.contract.facts import Fact, FactKind, Polarity, Quote, Subject, Time
from edge.contract.transcript import Transcript
from edge.encounters import templates, writing
from edge.encounters.checking import Checker
from edge.engine.base import Engine, EngineInfo
from edge.engine.scripted import ScriptedEngine
from edge.errors import BundleError, UsageError

TALK = "Doctor: What do you take?\nPatient: Lisinopril, forty milligrams every morning, and it is fine with me.\n"
INFO = EngineInfo("tagger-x", "ab" * 32, "", "", 512, "onnx")


def _finder(transcript: Transcript) -> Sequence[Fact]:
    start = transcript.source.index("Lisinopril")
    end = transcript.source.index(",", start + 12)
    quote = Quote(1, start, end, transcript.source[start:end])
    return [Fact(FactKind.MEDICATION, Polarity.AFFIRMED, Subject.PATIENT, Time.CURRENT, True, (quote,))]


def _scribe(form: str = writing.AUTOMATIC, checker: Checker | None = None) -> writing.Scribe:
    given = Checker(_finder, info=INFO) if checker is None else checker
    return writing.Scribe(ScriptedEngine(lambda _: "The model wrote this."), form=form, checker=given)


def _note(scribe: writing.Scribe, talk: str = TALK, template: str = "visit") -> writing.Note:
    events = list(scribe.note(from_text(talk, "visit.txt"), template))
    finished = events[-1]
    assert isinstance(finished, writing.NoteFinished)
    return finished.note


def test_with_a_tagger_a_note_is_made_of_facts() -> None:
    note = _note(_scribe())
    assert note.text == "MEDICATIONS\n\n- Lisinopril 40 mg every morning."
    origin = writing.origin(_scribe().engine.info, from_text(TALK, "visit.txt"), note)
    assert origin.bundle == "tagger-x"
    assert origin.parameters["form"] == "facts"
    assert origin.parameters["tagger_sha256"] == INFO.bundle_sha256
    assert origin.parameters["rules"]


@pytest.mark.parametrize(
    ("checker", "talk", "template"),
    [
        (Checker(), TALK, "visit"),  # no tagger
        (None, TALK, "section:CC"),  # sections that no fact is sorted into
        (
            None,
            "Docteur: Bonjour, le patient est là pour la douleur dans le genou et il ne dort pas avec elle.\n",
            "visit",
        ),
    ],
)
def test_without_one_or_where_it_does_not_serve_the_model_writes(
    checker: Checker | None, talk: str, template: str
) -> None:
    scribe = _scribe(checker=checker)
    assert scribe.form_of(templates.get(template), talk) == writing.WHOLE
    note = _note(scribe, talk, template)
    assert "The model wrote this." in note.text
    assert writing.origin(scribe.engine.info, from_text(talk, "v.txt"), note).bundle == "scripted"


def test_a_form_that_is_named_is_kept_or_refused() -> None:
    assert "The model wrote this." in _note(_scribe(writing.WHOLE)).text
    assert "The model wrote this." in _note(_scribe("turns")).text
    assert _note(_scribe("lists")).writer is None
    with pytest.raises(BundleError, match="no tagger"):
        _note(_scribe("facts", Checker()))
    with pytest.raises(UsageError, match="section:CC"):
        _note(_scribe("facts"), template="section:CC")


def test_a_section_is_rewritten_by_the_model_whatever_the_form() -> None:
    scribe = _scribe()
    spec = templates.get("visit").sections[0]
    events = list(scribe.rewrite(TALK, spec, "as it stands", "shorter"))
    assert isinstance(events[-1], writing.NoteFinished)
    assert "The model wrote this." in events[-1].note.text


def test_a_model_that_is_not_needed_is_not_opened() -> None:
    opened: list[Engine] = []

    def opener() -> Engine:
        opened.append(ScriptedEngine(lambda _: "The model wrote this."))
        return opened[-1]

    scribe = writing.Scribe.deferred(opener, writing.AUTOMATIC)
    scribe.checker = Checker(_finder, info=INFO)
    with scribe:
        assert "Lisinopril" in _note(scribe).text
        assert opened == []
        assert "The model" in _note(scribe, template="section:CC").text
        _note(scribe, template="section:CC")
        assert len(opened) == 1


def test_without_any_model_facts_make_a_note_and_a_rewrite_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    why = BundleError("There is no model bundle on this machine.")
    monkeypatch.setattr(Checker, "open", classmethod(lambda cls: Checker(_finder, info=INFO)))
    scribe = writing.Scribe.without_model(why)
    assert scribe.engine.info.bundle == "tagger-x"
    assert "Lisinopril" in _note(scribe).text
    with pytest.raises(BundleError, match="no model bundle"):
        list(scribe.rewrite(TALK, templates.get("visit").sections[0], "", ""))
    monkeypatch.setattr(Checker, "open", classmethod(lambda cls: Checker()))
    with pytest.raises(BundleError, match="no model bundle"):
        writing.Scribe.without_model(why)


def test_a_form_may_be_asked_for_each_time() -> None:
    scribe = _scribe()
    assert scribe.form_of(templates.get("visit"), TALK) == "facts"
    assert scribe.form_of(templates.get("visit"), TALK, writing.WHOLE) == writing.WHOLE
    events = list(scribe.sections(TALK, templates.get("visit"), writing.WHOLE))
    assert isinstance(events[-1], writing.NoteFinished)
    assert "The model wrote this." in events[-1].note.text
