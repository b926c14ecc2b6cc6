"""One conversation from every format: the same turns, speakers and offsets; what is refused is named."""

from __future__ import annotations

import codecs
import io
import zipfile

import pytest
from reading_kit import LABELLED, RARE, VISIT, as_json, azure, docx, pdf, textgrid, timed, tsv, zipped

from edge.errors import InputError, UsageError
from edge.reading import encoding, files
from edge.reading.files import ReadFile

BASE = "".join(f"{who}: {words}\n" for who, words in VISIT)


def said(reading: ReadFile) -> list[tuple[str, str]]:
    return [(turn.speaker, turn.text) for turn in reading.turns]


def test_there_are_formats_enough() -> None:
    assert len(LABELLED) >= 45
    assert len(RARE) >= 15
    assert not {*LABELLED} & {*RARE}


@pytest.mark.parametrize("form", [*LABELLED, *RARE])
def test_the_same_turns_speakers_and_offsets_from_every_format(form: str) -> None:
    reading = files.read((LABELLED | RARE)[form](VISIT), "visit")
    assert reading.kind == "conversation"
    assert said(reading) == VISIT
    assert reading.text == BASE
    assert [reading.text[t.start : t.end] for t in reading.turns] == [words for _, words in VISIT]
    assert reading.language == "en"


@pytest.mark.parametrize("form", ["srt", "zoom", "teams", "tsv", "textgrid", "whisperx", "aws", "azure", "google"])
def test_times_are_kept(form: str) -> None:
    reading = files.read(LABELLED[form](VISIT), "visit")
    assert [t.seconds for t in reading.turns] == pytest.approx([begin for begin, *_ in timed(VISIT)], abs=0.002)


def test_channels_are_speakers_where_nobody_is_named() -> None:
    raw = (
        azure(VISIT).replace(b'"speaker": "Doctor"', b'"channel": 0').replace(b'"speaker": "Patient"', b'"channel": 1')
    )
    reading = files.read(raw, "visit.json")
    assert [turn.speaker for turn in reading.turns] == ["Channel 0", "Channel 1"] * 4
    assert [turn.text for turn in reading.turns] == [words for _, words in VISIT]


def test_what_a_service_added_is_left_out_and_told() -> None:
    reading = files.read(RARE["teams, pasted with its title"](VISIT), "visit")
    assert reading.warnings == (
        "2 lines of the transcription service were left out.",
        "3 lines before the first speaker, as an export's title or summary, were left out.",
    )
    spoken = files.read(f"Good to see you again.\n{BASE}".encode(), "visit")
    assert spoken.turns[0].text == "Good to see you again.", "without times it may be what somebody said"
    asked = files.read(
        "".join(f"Q: {w}\n" if n % 2 == 0 else f"A: {w}\n" for n, (_, w) in enumerate(VISIT)).encode(), "v"
    )
    assert {turn.speaker for turn in asked.turns} == {"Q", "A"}


@pytest.mark.parametrize(
    "text",
    [
        "Serum Sodium\t140\nSerum Potassium\t4.2\nSerum Sodium\t138\nSerum Potassium\t4.0\n",
        "S: cough for nine days\nO: crackles\nA: pneumonia\nP: doxycycline\n",
        "Allergies = penicillin\nSmoking = stopped\n",
        "PATIENT  DATA\nAGE  47\nDIAGNOSES  pneumonia\n",
        "Vital Signs | normal\nPhysical Exam | crackles\nVital Signs | stable\n",
    ],
)
def test_columns_and_headings_of_a_report_are_no_speakers(text: str) -> None:
    assert files.read(text.encode(), "report.txt").kind == "report"


def test_a_report_that_is_taken_for_a_conversation_is_told() -> None:
    raw = b"DISCHARGE SUMMARY\nDiagnosis: pneumonia\nMedication: doxycycline 100 mg\nFindings: crackles at the base\n"
    assert "reads as a report" in files.read(raw, "letter", "conversation").warnings[0]
    assert files.read(BASE.encode(), "visit", "conversation").warnings == ()


def test_two_letters_that_take_turns_are_speakers() -> None:
    text = "".join(f"{'A' if who == 'Doctor' else 'B'}: {words}\n" for who, words in VISIT)
    assert said(files.read(text.encode(), "visit", None, {"A": "Doctor", "B": "Patient"})) == VISIT


def test_dashes_before_each_who_speaks_are_no_words() -> None:
    reading = files.read("".join(f"– {words}\n" for _, words in VISIT).encode(), "visit")
    assert said(reading) == [("", words) for _, words in VISIT]


def test_a_pdf_with_text() -> None:
    reading = files.read(pdf([f"{who}: {words}" for who, words in VISIT]), "visit.pdf")
    assert (reading.format, said(reading)) == ("pdf", VISIT)


def test_files_of_one_speaker_each_are_merged_by_time() -> None:
    parts = [(textgrid(VISIT, only=one), f"visit_{one.lower()}.TextGrid") for one in ("Doctor", "Patient")]
    parts = [(raw.replace(b'"Doctor"', b'"utterances"').replace(b'"Patient"', b'"utterances"'), n) for raw, n in parts]
    assert said(files.read_together(parts)) == VISIT
    with pytest.raises(InputError, match="no times"):
        files.read_together([(BASE.encode(), "a.txt"), (BASE.encode(), "b.txt")])


def test_speakers_are_named_when_it_is_read() -> None:
    text = BASE.replace("Doctor", "SPEAKER_00").replace("Patient", "SPEAKER_01").encode()
    assert said(files.read(text, "visit", None, {"SPEAKER_00": "doctor", "speaker_01": "Patient"})) == VISIT
    with pytest.raises(UsageError, match="SPEAKER_00, SPEAKER_01"):
        files.read(text, "visit", None, {"SPEAKER_07": "Doctor"})


@pytest.mark.parametrize(
    ("labels", "roles"),
    [
        (("Dr. Patel", "Mrs Jones"), ["Doctor", "Patient"]),
        (("Miriam Vance, MD (she/her)", "Bell's iPad (2)"), ["Doctor", "Patient"]),
        (("Dr. Miriam Vance", "Peter Bell"), ["Doctor", "Patient"]),
        (("Vance, Miriam", "Bell, Peter (Guest)"), ["Vance, Miriam", "Bell, Peter (Guest)"]),
        (("Dr. med. Vogt", "Herr Bär"), ["Doctor", "Patient"]),
        (("Nurse Kelly", "Patient"), ["Nurse", "Patient"]),
        (("SPEAKER_00", "SPEAKER_01"), ["SPEAKER_00", "SPEAKER_01"]),
        (("Speaker A", "Speaker B"), ["Speaker A", "Speaker B"]),
        (("Sprecher 1", "Sprecher 2"), ["Sprecher 1", "Sprecher 2"]),
        (("Doctor 1", "Patient 1"), ["Doctor", "Patient"]),
        (("anna", "ben"), ["anna", "ben"]),
        (("Médica", "Paciente"), ["Doctor", "Patient"]),
        (("Médecin", "Patiente"), ["Doctor", "Patient"]),
    ],
)
def test_names_titles_and_numbers(labels: tuple[str, str], roles: list[str]) -> None:
    named = [(labels[0] if who == "Doctor" else labels[1], words) for who, words in VISIT]
    for form in ("colon", "bold", "zoom", "teams", "textgrid", "whisperx"):
        reading = files.read(LABELLED[form](named), "visit")
        assert [t.speaker for t in reading.turns[:2]] == roles, form
        assert [t.text for t in reading.turns] == [words for _, words in VISIT], form


def test_a_label_seen_once_among_peers_is_a_speaker_and_measurements_are_none() -> None:
    text = BASE + "Interpreter: Is it safe?\nPatient: P: 92 R: 18 BP: 138/84 is what the nurse wrote.\n"
    reading = files.read(text.encode(), "visit")
    assert said(reading)[-2:] == [
        ("Interpreter", "Is it safe?"),
        ("Patient", "P: 92 R: 18 BP: 138/84 is what the nurse wrote."),
    ]
    vitals = files.read((BASE + "P: 92 R: 18 BP: 138/84\nBlood pressure: 138/84\n").encode(), "visit")
    assert len(vitals.turns) == len(VISIT)
    assert vitals.turns[-1].text.endswith("P: 92 R: 18 BP: 138/84 Blood pressure: 138/84")


def test_sound_marks_are_no_speakers_and_no_turns() -> None:
    rows = [f"[Music]\n{who}: {words}\n" for who, words in VISIT]
    captions = [f"00:{n:02}.000 --> 00:{n:02}.900\n{row}" for n, row in enumerate(("[Music]\n", *rows[:1]))]
    reading = files.read(("WEBVTT\n\n" + "\n".join(captions)).encode(), "v")
    assert [t.speaker for t in reading.turns if t.speaker] == ["Doctor"]


def test_a_loop_of_a_recogniser_collapses_and_is_announced() -> None:
    text = BASE + "Patient: Thank you.\n" * 12
    reading = files.read(text.encode(), "visit")
    assert said(reading) == [*VISIT, ("Patient", "Thank you.")]
    assert "Turn 8 stands 12 times in a row" in reading.warnings[0]
    within = files.read((BASE + "Patient: " + "I take it at night. " * 9 + "\n").encode(), "visit")
    assert within.turns[-1].text == "I take it at night."
    assert "8 copies were left out" in within.warnings[0]


def test_growing_and_rolling_captions_are_said_once() -> None:
    spoken = [words for _, words in VISIT]
    growing, rolling, at, before = "WEBVTT\n\n", "WEBVTT\n\n", 0, ""
    for words in spoken:
        parts = words.split()
        for count in range(1, len(parts) + 1):
            growing += (
                f"{at // 60:02}:{at % 60:02}.000 --> {at // 60:02}:{at % 60:02}.990\n{' '.join(parts[:count])}\n\n"
            )
            at += 1
    for n, words in enumerate(spoken):
        rolling += f"00:{n:02}.000 --> 00:{n:02}.990\n{before}{words}\n\n"
        before = words + "\n"
    for text in (growing, rolling):
        assert [t.text for t in files.read(text.encode(), "v").turns] == spoken


def test_phones_and_words_of_an_aligner_are_left_out() -> None:
    tiers = {
        "doctor": "How are you?",
        "words": "how are you",
        "phones": "HH AW1 AA1 R Y UW1",
        "doctor - phones": "HH AW1",
    }
    out = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "0", "9", "<exists>", f"{len(tiers)}"]
    for name, words in tiers.items():
        parts = [words] if name == "doctor" else words.split()
        out += ['"IntervalTier"', f'"{name}"', "0", "9", f"{len(parts)}"]
        out += [line for n, word in enumerate(parts) for line in (f"{n}", f"{n + 1}", f'"{word}"')]
    assert said(files.read("\n".join(out).encode(), "v")) == [("Doctor", "How are you?")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_encodings(encoding: str) -> None:
    text = "Arzt: Guten Morgen Herr Bär, was führt Sie her?\nPatient: Ich habe 38,4 °C Fieber – seit „Montag“.\n"
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    reading = files.read((mark + text).encode(encoding), "visit.txt")
    assert said(reading)[1] == ("Patient", "Ich habe 38,4 °C Fieber – seit „Montag“.")
    assert reading.language == "de"
    assert bool(reading.warnings) == (encoding == "cp1252")


def test_a_mixed_file_is_named_with_its_places() -> None:
    raw = "Arzt: Herr Bär\n".encode() + "Patient: Ich habe Rückenschmerzen.\n".encode("cp1252")
    with pytest.raises(InputError, match="mixes two encodings") as refused:
        files.read(raw, "visit.txt")
    assert "Line 1 holds letters in UTF-8, line 2" in str(refused.value)
    again = files.read("Patient: Ich habe RÃ¼ckenschmerzen und FÃ¼ÃŸe.\n".encode(), "visit.txt")
    assert "wrong encoding" in again.warnings[0]


@pytest.mark.parametrize("mark", [b"\xfe\xff", b"\xff\xfe"])
def test_a_mark_of_utf_16_before_text_in_utf_8_is_refused(mark: bytes) -> None:
    rows = "".join(f"{who} — {said}\n" for who, said in VISIT).encode()
    raw = mark + b"\0\0" + rows[: len(rows) // 2 * 2]  # as damage leaves it: of an even length
    with pytest.raises(InputError, match="does not go on so"):
        files.read(raw, "visit.txt")
    chinese = "医生：头痛吗？\n病人：不痛。\n" * 3
    assert encoding.decode(codecs.BOM_UTF16_BE + chinese.encode("utf-16-be"), "v").text == chinese


BOMB = zipped({"word/document.xml": "<w>" + "a" * 60_000_000 + "</w>"})
REFUSED = {
    "old Office": (b"\xd0\xcf\x11\xe0....", "old Office"),
    "another ZIP": (zipped({"a.txt": "x"}), "neither a DOCX nor an ODT"),
    "bomb": (BOMB, "unpacks to more than"),
    "entities": (zipped({"content.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}), "entities"),
    "cut ZIP": (docx(VISIT)[:300], "damaged"),
    "damaged XML": (zipped({"content.xml": "<a><b></a>"}), "damaged XML"),
    "damaged PDF": (b"%PDF-1.4\n1 0 obj<<>>endobj\n", "damaged PDF"),
    "PDF without text": (pdf([]), "without text"),
    "RTF without text": (b"{\\rtf1\\ansi{\\fonttbl x;}}", "without text"),
    "JSON of something else": (as_json({"a": [1, 2]}), "nothing in it is known as speech"),
    "nested JSON": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "table without words": (tsv([("Doctor", "x")]).split(b"\n")[0] + b"\n", "no words"),
    "XML": (b"<?xml version='1.0'?><a/>", "XML of a kind"),
    "HL7 without results": (b"MSH|^~\\&|A|B|C|D|20250101||ADT^A01|1|P|2.5\rEVN|A01\r", "without results"),
    "CDA without narrative": (
        b'<ClinicalDocument xmlns="urn:hl7-org:v3"><id/></ClinicalDocument>',
        "without narrative",
    ),
    "Japanese in Shift-JIS": ("頭が痛いです。昨日から熱があります。".encode("shift-jis"), "neither UTF-8 nor"),
    "NUL": (b"Doctor: hi\0there", "binary"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_by_name(name: str) -> None:
    raw, says = REFUSED[name]
    with pytest.raises(InputError, match=says):
        files.read(raw, "file")


def test_a_locked_docx_is_named() -> None:
    raw = bytearray(docx(VISIT))
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(sign) + place] |= 1
    assert zipfile.ZipFile(io.BytesIO(bytes(raw))).infolist()[0].flag_bits & 1
    with pytest.raises(InputError, match="password"):
        files.read(bytes(raw), "file")


HL7 = (
    "MSH|^~\\&|LAB|CLINIC|EHR|CLINIC|20251107101500||ORU^R01|42|P|2.5\rPID|1||000042^^^CLINIC||BELL^PETER||19660304|M\r"
    "OBR|1|||24336-0^Chest X-ray^LN|||20251107093000\r"
    "OBX|1|FT|XR^Report||Consolidation.\\.br\\No effusion \\T\\ no failure||||||F\r"
    "OBX|2|NM|CRP^C reactive protein||112|mg/l|0-5|H|||F\rNTE|1||Temperature 38.1\\S\\C, path a\\E\\b\r"
)
CDA = """<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Letter</title>
<recordTarget>
<patientRole><patient><name><given>Peter</given> <family>Bell</family></name><administrativeGenderCode code="M"/>
<birthTime value="19660304"/></patient></patientRole></recordTarget><component><structuredBody><component><section>
<code code="1"/><title>Medication</title><text><list><item>Metformin 500&#160;mg</item><item>Ramipril 5 mg</item></list>
<table><tr><td>CRP</td><td>112</td></tr></table></text><entry><value>hidden</value></entry></section></component>
</structuredBody></component></ClinicalDocument>"""


def test_hl7_cda_and_html_are_read_to_clean_text() -> None:
    message = files.read(HL7.encode(), "oru.hl7")
    assert (message.kind, message.format) == ("report", "hl7v2")
    assert "C reactive protein\t112 mg/l (0-5) H\n" in message.text
    assert "Consolidation.\nNo effusion & no failure\n" in message.text
    assert "Temperature 38.1^C, path a\\b\n" in message.text
    document = files.read(CDA.encode(), "letter.xml", "report")
    assert document.format == "cda"
    assert [line for line in document.text.split("\n") if line.strip()] == [
        "Letter", "Patient: Peter Bell", "Sex: M", "Birth date: 19660304", "Medication", "Metformin 500 mg",
        "Ramipril 5 mg", "CRP\t112",
    ]  # fmt: skip
    page = b"<html><head><style>p{}</style></head><body><p>CRP&nbsp;112 &lt;&nbsp;x</p><script>x</script><p>b</body>"
    assert files.read(page, "a.html", "report").text == "CRP 112 < x\n\nb\n"
    laid_out = b"<meta charset=utf-8><pre>CRP\t112\nHb   13.9</pre><p>No\nfever"
    assert files.read(laid_out, "b.html", "report").text == "CRP\t112\nHb 13.9\n\nNo fever\n"


def test_a_report_has_no_turns() -> None:
    reading = files.read(b"Diagnosis: Pneumonia\nMedication:\tDoxycycline 100 mg\nHistory: cough for nine days.\n", "r")
    assert (reading.kind, reading.turns) == ("report", ())
    assert reading.text == "Diagnosis: Pneumonia\nMedication:\tDoxycycline 100 mg\nHistory: cough for nine days.\n"
