"""Fields by a tagger without weights, by a scripted language model, by both; schemas of one's own; bad input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.contract import field_schemas
from edge.contract.document import from_text
from edge.contract.events import Finished
from edge.contract.manifest import AdapterRef, Manifest, served_strategies
from edge.contract.schemas import ELMTEX, FIELD_KEYS, Field, FieldSchema, extraction_instruction
from edge.contract.tagging import TaggerLabel, TaggerSpec, TaggerTask
from edge.encounters.extracting import Extractor, Wish, _chosen
from edge.encounters.writing import Scribe
from edge.engine.constrain import extraction_grammar
from edge.engine.scripted import ScriptedEngine
from edge.errors import BundleError, InputError, UsageError
from edge.extraction import examples, judge, tagged
from edge.tagging.tagger import Tagger
from edge.tasks.extract import Extraction, ExtractionFinished, extract_fields
from tests.tagging_kit import WordBackend, word_tokenizer

REPORT = (
    "HISTORY\nThe patient is a 61-year-old man. He denies fever. His brother had a stroke last year.\n"
    "Labs: Na 138, K 5.6 (H)\n"
)
SCHEMA = """
name = "oncology"
[[fields]]
key = "tumour_stage"
label = "Tumour stage"
definition = "TNM stage as written"
examples = ["pT2 pN1"]
[[fields]]
key = "performance"
label = "Performance status"
definition = "ECOG or Karnofsky"
"""


def word_tagger(text: str, marked: dict[str, str], keys: tuple[str, ...] = FIELD_KEYS) -> Tagger:
    tokenizer = word_tokenizer([*text.casefold().replace(".", " ").replace(",", " ").split(), *marked])
    task = TaggerTask(key="fields", source="report", labels=[TaggerLabel(key=key) for key in keys])
    spec = TaggerSpec(window=60, overlap=16, verified=0.0, tasks=[task])
    return Tagger(spec, tokenizer, WordBackend(tokenizer, spec, marked))


def last(events: Iterator[object]) -> Extraction:
    *_, event = events
    assert isinstance(event, ExtractionFinished)
    return event.extraction


def test_a_tagger_and_rules_make_all_fields_without_a_language_model() -> None:
    tagger = word_tagger(REPORT, {"fever": "signs_symptoms", "stroke": "medical_surgical_history"})
    found = tagged.extract(tagger, REPORT)
    assert tuple(found.fields) == FIELD_KEYS
    assert [e.text for e in found.fields["signs_symptoms"]] == ["fever"]
    assert found.fields["signs_symptoms"][0].attributes["polarity"] == "denied"
    assert [e.text for e in found.fields["age"]] == ["61-year-old"]
    assert [e.text for e in found.fields["laboratory_values"]] == ["Na 138", "K 5.6 (H)"]
    assert found.generated_tokens == 0


def test_the_brothers_stroke_is_family_history() -> None:
    found = tagged.extract(word_tagger(REPORT, {"stroke": "medical_surgical_history"}), REPORT)
    assert found.fields["medical_surgical_history"] == ()
    assert found.fields["family_history"][0].attributes["relative"] == "brother"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n ",
        "Le patient est une femme de 54 ans qui consulte pour une douleur dans la poitrine avec de la fièvre.",
    ],
)
def test_an_empty_or_foreign_report_is_refused_by_name(text: str) -> None:
    with pytest.raises(InputError):
        tagged.extract(word_tagger(REPORT, {}), text)


def test_five_megabytes_are_refused_before_they_are_read() -> None:
    with pytest.raises(InputError, match="too long"):
        tagged.extract(word_tagger(REPORT, {}), "The patient is well and has no fever. " * 140_000)


def test_a_table_alone_is_read_by_rules() -> None:
    table = "Parameter\tWert\tEinheit\nNatrium\t138\tmmol/l\nKalium\t5,6 (H)\tmmol/l\n"
    found = tagged.extract(word_tagger(table, {}), table)
    assert [e.attributes["lab"]["value"] for e in found.fields["laboratory_values"]] == [138.0, 5.6]


class Judge(ScriptedEngine):
    """Says yes to what its words name; counts questions."""

    def __init__(self, yes: str) -> None:
        self.asked = 0

        def script(instruction: str) -> str:
            self.asked += 1
            return "yes" if f'"{yes}"' in instruction else "no"

        super().__init__(script)


def test_a_language_model_judges_doubtful_spans_only() -> None:
    tagger = word_tagger(REPORT, {"fever": "signs_symptoms"})
    sure = Judge("nothing")
    assert [e.text for e in last(judge.extract(tagger, sure, REPORT)).fields["signs_symptoms"]] == ["fever"]
    assert sure.asked == 0
    label = tagger.spec.tasks[0].labels[4].model_copy(update={"threshold": 0.95})
    labels = [*tagger.spec.tasks[0].labels[:4], label, *tagger.spec.tasks[0].labels[5:]]
    task = tagger.spec.tasks[0].model_copy(update={"labels": labels})
    tagger.spec = tagger.spec.model_copy(update={"tasks": [task]})
    for words, kept in (("fever", ["fever"]), ("other", [])):
        asked = Judge(words)
        found = last(judge.extract(tagger, asked, REPORT))
        assert [e.text for e in found.fields["signs_symptoms"]] == kept
        assert asked.asked == 1


def schema_file(folder: Path, text: str = SCHEMA) -> Path:
    path = folder / "schema.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_fields_of_ones_own_by_the_language_model_under_a_grammar(tmp_path: Path) -> None:
    schema = field_schemas.load(schema_file(tmp_path))
    assert schema.keys == ("tumour_stage", "performance")
    assert "tumour_stage: TNM stage as written (for example: pT2 pN1)" in extraction_instruction(schema)
    assert "tumour_stage" in extraction_grammar("a report", schema.keys)
    report = "Mamma-Ca pT2 pN1, ECOG 1."
    engine = ScriptedEngine(lambda _: '{"tumour_stage": ["pT2 pN1"], "performance": ["ECOG 1"]}')
    found = last(extract_fields(engine, report, schema))
    assert [(e.text, e.start) for e in found.fields["tumour_stage"]] == [("pT2 pN1", report.index("pT2"))]
    assert not found.incomplete


def test_fields_of_ones_own_by_a_tagger() -> None:
    text = "Mamma-Ca pT2. ECOG 1."
    found = tagged.extract(word_tagger(text, {"pt2": "tumour_stage"}, ("tumour_stage", "performance")), text)
    assert tuple(found.fields) == ("tumour_stage", "performance")
    assert [e.text for e in found.fields["tumour_stage"]] == ["pT2"]


@pytest.mark.parametrize(
    "broken",
    [
        "name = 'x'",
        SCHEMA.replace("tumour_stage", "Tumour Stage"),
        SCHEMA.replace('key = "performance"', 'key = "tumour_stage"'),
        SCHEMA + "\nextra = 1",
        "not toml [",
        SCHEMA.replace("TNM stage as written", "x\\u001b[31m"),
    ],
)
def test_a_schema_that_is_none_is_told_with_its_place(tmp_path: Path, broken: str) -> None:
    with pytest.raises(UsageError):
        field_schemas.load(schema_file(tmp_path, broken))


def test_the_trained_instruction_is_what_it_was() -> None:
    assert extraction_instruction().startswith("Extract the facts of this report as JSON with these keys, each a list")
    assert extraction_instruction().endswith("age: as written\ngender: as written")


def test_examples_are_the_most_similar_reports(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(
        '{"report": "knee pain after a fall", "fields": {"diagnosis": ["knee"]}}\n'
        '{"report": "chest pain and troponin", "fields": {"diagnosis": ["infarction"]}}\n',
        encoding="utf-8",
    )
    found = examples.nearest(examples.read(path), "troponin rise with chest pain", 1)
    assert found[0].fields == {"diagnosis": ["infarction"]}
    assert "infarction" in examples.shown(found, ELMTEX)


def test_annotated_reports_that_are_none_are_told(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text("[1]\n", encoding="utf-8")
    with pytest.raises(InputError):
        examples.read(path)


def test_without_a_tagger_the_language_model_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> Path:
        raise BundleError("none")

    monkeypatch.setattr("edge.encounters.extracting.tagger_folder", none)
    assert _chosen(Wish()) == ("tuned", True)
    monkeypatch.setattr("edge.encounters.extracting.tagger_folder", lambda *_: Path())
    assert _chosen(Wish()) == ("tagger", False)
    assert _chosen(Wish("naive")) == ("naive", False)
    own = FieldSchema("own", (Field("a", "A", "a"),))
    assert _chosen(Wish(schema=own)) == ("advanced", False)
    with pytest.raises(UsageError):
        _chosen(Wish("tagger", schema=own))


def test_the_strategy_is_kept_with_the_result() -> None:
    engine = ScriptedEngine(lambda _: "{" + ", ".join(f'"{key}": []' for key in FIELD_KEYS) + "}")
    extractor = Extractor.of(Scribe(engine), "naive")
    document = from_text(REPORT, "report")
    events = list(extractor.extract(document))
    assert isinstance(events[-2], Finished)
    assert extractor.origin(document, events[-1].extraction).parameters["strategy"] == "naive"


def test_a_bundle_says_which_strategies_it_serves() -> None:
    def manifest(**own: object) -> Manifest:
        return Manifest.model_construct(**{"kind": "decoder", "adapter": None, "options": {}, **own})

    assert served_strategies(manifest()) == ("advanced", "naive", "examples", "judge")
    assert served_strategies(manifest(adapter=AdapterRef(name="a", sha256="0" * 64)))[0] == "tuned"
    assert served_strategies(manifest(kind="tagger", options={"tasks": "facts fields"})) == ("tagger", "judge")
    assert served_strategies(manifest(kind="tagger", options={"tasks": "facts"})) == ()
    assert served_strategies(manifest(kind="embedding")) == ()
