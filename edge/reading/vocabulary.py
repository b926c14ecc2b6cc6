"""Words that open a line and are no speaker: headings, measurements, sound marks; in English and German."""

from __future__ import annotations

import re
from functools import lru_cache

from edge.clinical.words import words as listed

_HEADING_WORDS = listed(
    "a abdomen abdominal about action addendum address admission admit admitted advice after age agenda aim "
    "allergic allergies allergy anamnese and appearance assessment attendees audio back background blood bmi bp "
    "cardiac cardiovascular case cc chest chief clinical comment comparison complaint complaints conclusion "
    "condition consult consultation course crp ct current daily data date day department detail details "
    "diagnose diagnosen diagnoses diagnosis diet differential discharge dob dose drug drugs duration ecg ekg "
    "ears emergency encounter eos examination exam example extremities eyes family fever file final finding "
    "findings fluid follow follow-up followup for function gender general goal goals gynecological habits "
    "haemoglobin hba1c head heart heent height hemoglobin history home hospital hpi hr hx id imaging "
    "immunization immunizations impression in indication information injury instructions intake intervention "
    "investigations invoice issue issues kidney lab labor laboratory labs language length link list lungs "
    "location lymph main med medical medication medications medicine medicines meeting mental method mood mri "
    "mrn name narrative neck neurologic neurological next nose note notes number o2 objective obstetric of on "
    "operation opinion order orders other outcome oxygen pain page past pathology patientenname phone physical "
    "plan planned plt pmh position post prescription prescriptions present presenting previous principal prior "
    "problem problems procedure procedures prognosis psychiatric psychiatry pulse question questions rate "
    "reaction reason recommendation recommendations recording reference referral related remark remarks report "
    "respiration respiratory response result results review risk risks ros rr sat sats saturation section "
    "service sex side signs skin social source spo2 stage start state status step steps study subject "
    "subjective summary surgeries surgical surgery symptom symptoms system systems technique temp temperature "
    "test tests therapy throat time times title to today topic total transcript treatment type unit up urine "
    "usage vaccinations vital vitals warning wbc weight with x-ray xray year years der die das des dem den und "
    "oder von vom zum zur bei im am an auf mit allergien aktuell aktuelle alter anamnese anschrift antrag "
    "arztbrief atmung aufnahme augenbefund befund befunde befundung behandlung bemerkung bericht beschwerden "
    "beurteilung bildgebung blutdruck datum dauer diagnostik dosis eigenanamnese einheit empfehlung "
    "empfehlungen entlassung entlassmedikation entlassungsmedikation epikrise ergebnis familienanamnese fieber "
    "frage fragestellung geboren geb geburtsdatum gewicht größe hausmedikation herz herzfrequenz hinweis "
    "indikation jahr klinik klinischer körperliche körperlicher konsil kontrolle labor laborwerte lunge "
    "medikamente medikation methode nebendiagnosen hauptdiagnose nächste nächster nächstes operation procedere "
    "prozedere puls röntgen sauerstoffsättigung sättigung seite sozialanamnese station temperatur termin "
    "therapie therapieempfehlung tel telefon untersuchung untersuchungsbefund verdacht verlauf vorerkrankungen "
    "vormedikation vorgeschichte zeit ziel zusammenfassung zustand antecedentes diagnóstico tratamiento plan "
    "exploración motivo alergias fecha edad sexo medicación "
)
_SOUND_WORDS = listed(
    "applause no audio background beep beeping blank blank_audio breathing buzzing chatter chuckles chuckling "
    "clears click clicking cough coughing coughs cross crosstalk crying door exhales footsteps foreign gasps "
    "groans inaudible indistinct inhales knocking language laughing laughs laughter mumbling mumbles music "
    "musik noise noises no_speech overlapping pause phone playing ringing sigh sighs silence silent sneezes "
    "sniffles sobbing sound sounds speaking speech static talk throat typing unclear unintelligible "
    "unverständlich upbeat stille pause gelächter lachen lacht hustet husten geräusch geräusche applaus "
    "räuspern seufzt música risas silencio aplausos musique rires "
)
_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_FEW = 8  # words of a heading or mark


@lru_cache(maxsize=4096)
def is_heading(label: str) -> bool:
    """True if every word of a label is one of report headings or measurements: "Blood pressure", "Plan", "P/E"."""
    words = _WORD.findall(label.casefold()[:80])
    return 0 < len(words) <= _FEW and all(word in _HEADING_WORDS or word.isdecimal() for word in words)


@lru_cache(maxsize=4096)
def is_sound(label: str) -> bool:
    """True if a label is a recogniser's mark for what is no speech: "Music", "BLANK_AUDIO", "laughs", "♪"."""
    words = label.casefold()[:80].replace("_", " ").split()
    words = [word.strip(".,!♪*-") for word in words]
    return 0 < len(words) <= _FEW and all(not word or word in _SOUND_WORDS for word in words)
