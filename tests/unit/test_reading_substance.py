"""No note about nobody: marks, stock phrases on silence and greetings are refused; whatever a patient says is not."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import InputError
from edge.reading.conversation import parse
from edge.reading.substance import says_something, visit
from edge.text import sanitise
from training.sources import data_dir

NOTHING = [
    "[BLANK_AUDIO]",
    "[BLANK_AUDIO]\n[BLANK_AUDIO]\n (silence)",
    "[Music]\n(upbeat music)\n*laughs*",
    "♪ ♪",
    "...",
    "you",
    "Thanks for watching!",
    "Thank you for watching. Please subscribe to my channel.",
    "Subtitles by the Amara.org community",
    "Transcribed by https://otter.ai",
    "Untertitel im Auftrag des ZDF für funk, 2017",
    "Vielen Dank fürs Zuschauen. Bis zum nächsten Mal!",
    "Untertitelung aufgrund der Amara.org-Community",
    "Sous-titres réalisés par la communauté d'Amara.org",
    "¡Gracias por ver el video!",
    "This meeting is being recorded.\nPlease wait for the host to start this meeting.",
    "Doctor: Is this thing on?\nPatient: I think so.",
    "(speaking in foreign language)",
    "Copyright 2026 WDR mediagroup GmbH",
    "Sottotitoli creati dalla comunità Amara.org",
    "Спасибо за просмотр!",
    "ご視聴ありがとうございました",
    "시청해주셔서 감사합니다",
    "Doctor: Hello? Can you hear me?\nPatient: Yes.\nDoctor: Good, one moment please.",
    "Doctor: Good morning Mr. Bell, how are you feeling today?\nPatient: Fine, thanks.",
    "Arzt: Guten Morgen Frau Müller, nehmen Sie bitte Platz.\nPatientin: Danke schön.",
    "WEBVTT\n\n00:00.000 --> 00:02.000\n[BLANK_AUDIO]\n",
]
SOMETHING = [
    "Doctor: Any pain?\nPatient: No.",
    "Patient: I can't see.",
    "Patient: I think so many pills hurt me.",
    "Patient: I'm not feeling well.",
    "Patient: Mir geht es nicht gut.",
    "Patient: Kopfweh.",
    "Doctor: Hello. Any allergies?\nPatient: No.",
    "Doctor: How much?\nPatient: 38.4",
    "Hasta hoy tengo fiebre",
    "我头疼",
    "Patient: I stopped in 2015.",
]


@pytest.mark.parametrize("text", NOTHING)
def test_a_conversation_about_nobody_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="nothing in this conversation"):
        visit(text)


@pytest.mark.parametrize("text", SOMETHING)
def test_what_a_patient_says_is_not_refused(text: str) -> None:
    assert visit(text).turns


def conversations(folder: Path) -> Iterator[str]:
    csv.field_size_limit(1 << 30)
    tables = [*(folder / "aci_bench").glob("*.csv"), *(folder / "mts_dialog").glob("*Set*.csv")]
    for path in sorted(tables):
        with path.open(encoding="utf-8") as file:
            yield from (row["dialogue"] for row in csv.DictReader(file) if row.get("dialogue"))
    for path in sorted((folder / "synthetic_visits").glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            yield from (json.loads(line)["dialogue"] for line in file)


def test_no_real_conversation_is_refused() -> None:
    texts = [sanitise(text) for text in conversations(data_dir())]
    refused = [text[:80] for text in texts if not says_something(turn.text for turn in parse(text).turns)]
    assert len(texts) >= 1_700
    assert not refused
