"""The language of a document, and what is said where a bundle was not trained for it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest

from edge.clinical.language import language_code
from edge.encounters.writing import foreign_language
from edge.engine.scripted import ScriptedEngine
from training.sources import data_dir

TEXTS = {
    "en": "Doctor: What brings you in today?\nPatient: I have had this cough for nine days, and it is getting worse.\n",
    "de": "Arzt: Was führt Sie her?\nPatient: Ich habe seit neun Tagen Husten und seit Sonntag grünen Auswurf.\n",
    "es": "Médico: ¿Qué le trae por aquí?\nPaciente: Tengo tos desde hace nueve días y me falta el aire.\n",
    "fr": "Médecin: Qu'est-ce qui vous amène?\nPatient: Je tousse depuis neuf jours et j'ai mal à la poitrine.\n",
    "it": "Medico: Che cosa la porta qui?\nPaziente: Ho la tosse da nove giorni e non riesco a dormire.\n",
    "uk": "Лікар: Що вас турбує?\nПацієнт: У мене кашель уже дев'ять днів.\n",
    "ja": "医師: どうしましたか。\n患者: 九日前から咳が出ます。\n",
    "": "CRP 112 mg/l\n",
}


@pytest.mark.parametrize("code", TEXTS)
def test_languages(code: str) -> None:
    assert language_code(TEXTS[code]) == code


def test_every_conversation_of_the_data_has_its_language() -> None:
    wrong, total = [], 0
    with (data_dir() / "aci_bench" / "valid.csv").open(encoding="utf-8") as file:
        english = [row["dialogue"] for row in csv.DictReader(file)]
    texts = [(text, "en") for text in english]
    for path in sorted((data_dir() / "synthetic_visits").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            texts.append((row["dialogue"], row["lang"]))
    for text, lang in texts:
        total += 1
        if language_code(text) != lang:
            wrong.append(text[:60])
    assert total >= 140
    assert not wrong


def test_a_language_that_a_bundle_was_not_trained_for_is_named() -> None:
    info = ScriptedEngine(lambda _: "").info
    assert foreign_language(info, TEXTS["en"]) == ""
    assert foreign_language(info, TEXTS[""]) == ""
    said = foreign_language(info, TEXTS["es"])
    assert "in Spanish" in said
    assert "trained to write notes in English" in said
    assert foreign_language(replace(info, languages=("en", "de")), TEXTS["de"]) == ""
