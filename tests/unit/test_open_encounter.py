"""A person's words in a note that a model writes: typing claims a section; what would be put aside is told first."""

from __future__ import annotations

from edge.contract import templates
from edge.contract.events import SectionFinished, StopReason
from edge.contract.note import EncounterNote, Section
from edge.contract.templates import SectionSpec, Template
from edge.encounters.open_encounter import OpenEncounter, OpenSection

SPECS = tuple(SectionSpec(key, key.title(), f"Write {key}.") for key in ("plan", "exam", "results"))
TEMPLATE = Template("visit", "Visit", SPECS)


def finished(key: str, text: str, reason: StopReason = "end") -> SectionFinished:
    return SectionFinished(0, key, key.title(), text, reason, False)


def begun() -> OpenEncounter:
    one = OpenEncounter(conversation="Doctor: Hello.\nPatient: My knee hurts.", title="x")
    one.begin_note(TEMPLATE)
    one.job, one.doing = 1, "note"
    return one


def texts(one: OpenEncounter) -> list[str]:
    return [section.text for section in one.sections]


def test_what_is_typed_into_a_waiting_section_stays() -> None:
    one = begun()
    one.section_begun("plan")
    one.text_written("Rest.")
    one.sections[1].text = "Typed by me."
    one.section_written(finished("plan", "Rest."))
    one.section_begun("exam")
    one.text_written("Invented.")
    one.section_written(finished("exam", "Invented."))
    one.section_begun("results")
    one.section_written(finished("results", "None."))
    one.job = None
    one.note_written(None, None)
    assert texts(one) == ["Rest.", "Typed by me.", "None."]
    kept = one.note_content().sections[1]
    assert (kept.text, kept.edited, kept.cut) == ("Typed by me.", True, False)


def test_stopped_before_its_turn_a_typed_section_is_kept_and_not_cut() -> None:
    one = begun()
    one.sections[2].text = "Mine."
    one.section_begun("plan")
    one.text_written("Rest.")
    one.job = None
    one.note_written(None, None)
    assert texts(one) == ["Rest.", "", "Mine."]
    assert [section.stop for section in one.sections] == ["cancelled", "cancelled", "end"]


def test_a_section_nobody_touched_is_written_again_from_nothing() -> None:
    one = OpenEncounter(conversation="x", template="visit")
    one.sections = [
        OpenSection.of(Section("PLAN", "Rest.", "plan", "end")),
        OpenSection.of(Section("EXAM", "Cut he", "exam", "loop")),
        OpenSection.of(Section("RESULTS", "None.", "results", "end")),
    ]
    one.blank = False
    assert one.replaces(TEMPLATE) == []
    assert [spec.key for spec in one.begin_note(TEMPLATE).sections] == ["exam"]
    one.section_begun("exam")
    assert texts(one) == ["Rest.", "", "None."]


def test_words_that_writing_would_put_aside_are_named_first() -> None:
    one = OpenEncounter(conversation="x", template="visit", blank=False)
    one.sections = [
        OpenSection.of(Section("PLAN", "Rest.", "plan", "end", edited=True)),
        OpenSection.of(Section("EXAM", "Cut he", "exam", "loop")),
        OpenSection.of(Section("RESULTS", "None.", "results", "end")),
    ]
    one.sections[1].text = "Cut here, and put right by me."
    assert one.replaces(TEMPLATE) == ["EXAM"], "what stands is left: only the cut section is written"
    other = Template("other", "Other", SPECS)
    assert one.replaces(other) == ["PLAN", "EXAM"], "another template writes all anew"
    assert OpenEncounter(template="visit").replaces(TEMPLATE) == []


def test_a_note_by_hand_is_a_persons_too() -> None:
    one = OpenEncounter(conversation="x", template="visit", blank=True)
    one.kept = EncounterNote("visit", (Section("PLAN", "Rest."),))
    one.sections = [OpenSection.of(section) for section in one.kept.sections]
    assert one.replaces(TEMPLATE) == ["PLAN"]


def test_a_section_is_headed_as_its_note_was_written() -> None:
    visit = templates.get("visit")
    one = OpenEncounter.begin(visit)
    one.begin_note(visit)
    title = "Beurteilung und Procedere"
    text = "BEURTEILUNG UND PROCEDERE\n\n- Ruhe."
    one.section_written(SectionFinished(3, "assessment_and_plan", title, text, "end", False))
    section = one.sections[3]
    assert (section.heading, section.text) == ("BEURTEILUNG UND PROCEDERE", "- Ruhe.")
    assert one.spec_of(section) == visit.sections[3]
