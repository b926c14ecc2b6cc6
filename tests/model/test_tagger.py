"""A tagger from configuration to facts on the laptop, with a tiny random encoder: the whole way, no quality."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tagging_kit import tiny_encoder

from edge.contract.bundle import verify_bundle
from edge.contract.tagging import parse_spec
from edge.errors import BundleError, UsageError
from edge.reading.conversation import parse
from edge.tagging.facts import find_facts
from edge.tagging.onnx import load_tagger
from edge.tagging.tagger import Span
from edge.tagging.windows import of_report
from export import to_tagger
from export.catalog import Base
from training import precision, tagger_config, tagger_data, tagger_publish, tagger_run, tagger_train
from training.tagger_data import FACT_LABELS
from training.tagger_model import TaggerModel

pytestmark = pytest.mark.model
WORDS = "any chest pain ? no . i have a cough and take lisinopril 20 mg doctor patient fever 50 year old man denies"
TALK = [
    ("Doctor", "any chest pain ?", "chest pain", "symptom", "denied"),
    ("Patient", "no .", "", "", ""),
    ("Patient", "i have a cough .", "a cough", "symptom", "affirmed"),
    ("Patient", "i take lisinopril 20 mg .", "lisinopril 20 mg", "medication", "affirmed"),
]
CONFIG = """
name = "tiny"
base = "tiny"
window = 40
overlap = 8
[tasks.facts]
kind = "facts"
train = ["aci-train"]
validate = ["aci-valid"]
[tasks.fields]
kind = "reports"
train = ["{rows}"]
validate = ["{rows}"]
labels = ["age", "signs"]
[train]
epochs = 60
patience = 60
batch = 2
rate = 3e-3
head_rate = 2e-2
word_dropout = 0.0
"""


def _visit(number: int) -> tuple[str, dict[str, Any]]:
    dialogue = "\n".join(f"[{speaker.lower()}] {words}" for speaker, words, *_ in TALK)
    facts = [
        {
            "id": f"V{number}-{i}", "statement": "x", "kind": kind, "polarity": polarity, "subject": "patient",
            "time": "current", "critical": True, "in_note": None, "evidence": [{"turn": i, "quote": quote}],
        }
        for i, (_, _, quote, kind, polarity) in enumerate(TALK) if quote
    ]  # fmt: skip
    return dialogue, {"id": f"V{number}", "facts": facts, "note_without_source": []}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with six visits and as many reports."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "aci_bench").mkdir()
    (folder / "facts").mkdir()
    rows, visits = [], {"train.csv": "", "valid.csv": ""}
    for name, split, numbers in (("train.csv", "aci-train", range(4)), ("valid.csv", "aci-valid", range(4, 6))):
        lines = ["encounter_id,dialogue,note"]
        for number in numbers:
            dialogue, facts = _visit(number)
            rows.append(json.dumps({**facts, "set": split}))
            lines.append(f'V{number},"{dialogue}","ASSESSMENT\n\nCough."')
        visits[name] = "\n".join(lines)
    for name, text in visits.items():
        (folder / "aci_bench" / name).write_text(text, encoding="utf-8")
    (folder / "facts" / "a.jsonl").write_text("\n".join(rows), encoding="utf-8")
    reports = [
        {"id": f"R{i}", "split": split, "report": "a 50 year old man .\ndenies fever .",
         "fields": {"age": ["50 year old"], "signs": ["denies fever"]}}
        for split in ("train", "valid") for i in range(3)
    ]  # fmt: skip
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, reports)), encoding="utf-8")
    (folder / "c.toml").write_text(CONFIG.format(rows=folder / "rows.jsonl"), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def tuned(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(encoder, tuned tagger)."""
    import torch

    torch.set_num_threads(1)
    base = tiny_encoder(tmp_path_factory.mktemp("bases") / "tiny", WORDS)
    config = tagger_config.load(data / "c.toml")
    return base, tagger_run.run(config, base, data, data / "tuned", lambda _: None)


@pytest.fixture(scope="module")
def bundle(tuned: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, in float32: rounding noise is not what a tiny model is about."""
    base, tagger = tuned
    entry = Base(
        name="tiny", origin="tests", licence="CC0", kind="encoder", parameters=1, context_length=64, purpose="test",
        prompt_format="none", end="[SEP]", pad="[PAD]", stop=("[SEP]",), tied=False, file="tiny.zip", bytes=1,
        sha256="0" * 64,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(to_tagger, "hf_folder", lambda *_, **__: base)
        patch.setattr(to_tagger, "get", lambda _: entry)
        out = tmp_path_factory.mktemp("bundles")
        return to_tagger.make_tagger_bundle("tiny", tagger, "tagger-tiny", out, "fp32").folder


def test_the_bundle_is_verified_and_says_what_it_is(bundle: Path) -> None:
    manifest = verify_bundle(bundle).manifest
    assert (manifest.kind, manifest.options["tasks"], manifest.purpose) == ("tagger", "facts fields", "test")
    assert manifest.gate is not None
    assert manifest.gate.measured["agreement"] == 1.0
    assert {figure.metric for figure in manifest.figures} >= {"facts.f1", "fields.f1", "facts.precision"}
    assert [one.role for one in manifest.data] == ["training", "evaluation"] * 2


def test_what_was_learned_the_laptop_finds(bundle: Path, data: Path) -> None:
    tagger = load_tagger(bundle, allow_unsigned=True, threads=1)
    valid = tagger_data.facts(data, "aci-valid")
    task = tagger.spec.task("facts")
    assert task is not None
    figures = tagger_train.validate(tagger, task, valid)
    assert figures["f1"] > 90  # three kinds of turn, learned by heart
    found = find_facts(tagger, parse(valid[0].text))
    assert ("chest pain", "denied") in [(f.evidence[0].text, f.polarity.value) for f in found]


def _found(words: str, text: str, spans: list[Span]) -> bool:
    """Whether a span lies within these words, or they within it."""
    return any(one in words or words in one for one in (text[span.start : span.end] for span in spans))


def test_several_tasks_read_the_text_once(bundle: Path) -> None:
    tagger = load_tagger(bundle, allow_unsigned=True, threads=1)
    text = "a 50 year old man .\ndenies fever ."
    reading = tagger.read(of_report(text))
    fields = tagger.spans("fields", text, reading)
    assert [span.label for span in fields] == ["age", "signs"]
    assert [w for w in ("50 year old", "denies fever") if _found(w, text, fields)] == ["50 year old", "denies fever"]
    assert {one.span.label for one in tagger.candidates("facts", text, reading)} <= set(FACT_LABELS)
    with pytest.raises(ValueError, match="no task"):
        tagger.spans("codes", text, reading)


def test_the_same_text_gives_the_same_spans_at_one_and_two_threads(bundle: Path, data: Path) -> None:
    text = tagger_data.facts(data, "aci-valid")[0].text
    one, two = (
        [f.as_json() for f in find_facts(load_tagger(bundle, allow_unsigned=True, threads=n), parse(text))]
        for n in (1, 2)
    )
    assert one == two


@pytest.mark.parametrize("name", ["tagger.json", "spans.onnx", "model.onnx.data"])
def test_a_spoilt_bundle_is_refused(bundle: Path, tmp_path: Path, name: str) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(bundle, copy)
    raw = bytearray((copy / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (copy / name).write_bytes(raw)
    with pytest.raises(BundleError, match="altered"):
        load_tagger(copy, allow_unsigned=True)


def test_an_unsigned_bundle_is_refused(bundle: Path) -> None:
    with pytest.raises(BundleError):
        load_tagger(bundle)


@pytest.mark.parametrize("line", ["surprise = 1", '[tasks.x]\nkind = "poems"\ntrain = []\nvalidate = []'])
def test_a_wrong_configuration_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "c.toml").write_text(f'name = "a"\nbase = "b"\n{line}\n', encoding="utf-8")
    with pytest.raises(UsageError):
        tagger_config.load(tmp_path / "c.toml")


def test_what_is_published_may_be_the_mean_of_two(tuned: tuple[Path, Path], data: Path) -> None:
    base, tagger = tuned
    config = tagger_config.load(data / "c.toml").model_copy(update={"start": str(tagger), "mean": 0.25})
    spec = config.spec()
    started, model = TaggerModel(base, spec), TaggerModel(base, spec)
    tagger_publish.go_on(started, base, tagger, spec)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    tagger_run.averaged(config, base, tagger_train.TaggerOutcome(model, spec))
    name = "tokens.weight"
    wanted = 0.75 * before[name] + 0.25 * started.state_dict()[name]
    assert float((model.state_dict()[name] - wanted).abs().max()) < 1e-5


JUDGE = """
name = "judge"
base = "tiny"
window = 40
overlap = 0
[tasks.statement]
kind = "pairs"
train = ["aci-train"]
validate = ["aci-valid"]
[train]
epochs = 3
"""


@pytest.mark.parametrize(("line", "answers"), [("", 11), ('errors = ["negation", "side"]\n[train]\n', 3)])
def test_a_judge_is_trained_and_written(line: str, answers: int, tuned: tuple[Path, Path], tmp_path: Path) -> None:
    base, _ = tuned
    folder = tmp_path / "data"
    (folder / "aci_bench").mkdir(parents=True)
    (folder / "facts").mkdir()
    rows = []
    for name, split in (("train.csv", "aci-train"), ("valid.csv", "aci-valid")):
        dialogue, facts = _visit(1)
        note = "HISTORY OF PRESENT ILLNESS\n\nThe patient denies chest pain.\n\nThe patient has a cough."
        for fact, piece in zip(facts["facts"], ("denies chest pain", "has a cough", None), strict=True):
            fact["in_note"] = piece
        rows.append(json.dumps({**facts, "set": split}))
        (folder / "aci_bench" / name).write_text(
            f'encounter_id,dialogue,note\nV1,"{dialogue}","{note}"', encoding="utf-8"
        )
    (folder / "facts" / "a.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "judge.toml").write_text(JUDGE.replace("[train]\n", line or "[train]\n"), encoding="utf-8")
    config = tagger_config.load(tmp_path / "judge.toml")
    assert config.judges
    out = tagger_run.run(config, base, folder, tmp_path / "out", lambda _: None)
    spec = parse_spec((out / "tagger.json").read_bytes())
    assert [(task.key, task.source, len(task.labels)) for task in spec.tasks] == [("statement", "pair", answers)]
    assert json.loads((out / "adapter.json").read_text(encoding="utf-8"))["figures"]


@pytest.mark.parametrize(("ratio", "expected"), [(0.06, False), (2.0, True)])
def test_a_tagger_is_trained_in_bf16_only_where_the_processor_multiplies_it(
    ratio: float, expected: bool, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(precision, "gain", lambda: ratio)
    seen = []
    monkeypatch.setattr(tagger_run, "_judge", lambda config, *_: seen.append(config.train.bf16) or tmp_path)
    (tmp_path / "judge.toml").write_text(JUDGE, encoding="utf-8")
    config = tagger_config.load(tmp_path / "judge.toml")
    config = config.model_copy(update={"train": config.train.model_copy(update={"bf16": True})})
    tagger_run.run(config, tmp_path, data, tmp_path, said.append)
    assert seen == [expected]
    assert len(said) == (not expected)


def test_a_judge_has_its_task_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "judge.toml").write_text(JUDGE.replace("tasks.statement", "tasks.other"), encoding="utf-8")
    with pytest.raises(UsageError, match="one task"):
        tagger_config.load(tmp_path / "judge.toml")
    (tmp_path / "judge.toml").write_text(JUDGE.replace("[train]", 'errors = ["typo"]\n[train]'), encoding="utf-8")
    with pytest.raises(UsageError, match="typo"):
        tagger_config.load(tmp_path / "judge.toml")
