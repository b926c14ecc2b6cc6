"""Readers against the real data sets: counts, leaks, divisions, prompts; and bad input by file and line."""

from pathlib import Path

import pytest

from edge.contract import prompts, templates, transcript
from edge.errors import TrainingError
from training import divisions, mixing, packing, sources
from training.config import Batch, Data


@pytest.fixture(scope="module")
def data() -> Path:
    return sources.data_dir()


COUNTS = {
    ("mts", "train"): 1201,
    ("mts", "valid"): 100,
    ("mts", "test1"): 200,
    ("aci", "train"): 67,
    ("aci", "valid"): 20,
    ("aci", "test1"): 40,
    ("synthetic_visits", "train"): 128,
    ("elmtex_aci", "train"): 67,
    ("elmtex_aci", "valid"): 20,
    ("elmtex_aci", "test1"): 40,
    ("elmtex_synthetic", "train"): 46,
    ("elmtex_synthetic", "valid"): 14,
    ("medec", "train"): 450,
    ("medec", "dev"): 124,
}


@pytest.mark.parametrize(("name", "split"), COUNTS)
def test_every_set_is_read_whole(data: Path, name: str, split: str) -> None:
    found = sources.read(name, data, split)
    assert len(found) == COUNTS[name, split]
    assert len({d.id for d in found}) == len(found)
    assert all(d.text and d.tasks and all(t.target for t in d.tasks) for d in found)


def test_the_leaks_of_the_data_sheet_are_dropped(data: Path) -> None:
    prepared = mixing.prepare(Data(passes={"mts": 1.0}, validate=()), data)
    assert prepared.counts["leaks.dialogue"] == 4
    assert prepared.counts["leaks.note"] == 7  # 8 notes, one of them beside a dialogue already dropped
    assert prepared.counts["mts.kept"] == 1190


def test_no_held_out_id_is_trained_on(data: Path) -> None:
    names = ("aci", "elmtex_aci")
    prepared = mixing.prepare(Data(passes=dict.fromkeys(names, 1.0), validate=names), data)
    trained = {d.id for documents in prepared.train.values() for d in documents}
    held_out = {d.id for name in names for split in ("valid", "test1") for d in sources.read(name, data, split)}
    assert trained
    assert held_out
    assert not trained & held_out


def test_divisions_keep_every_word_of_every_aci_note(data: Path) -> None:
    notes = [d.note for split in ("train", "valid", "test1") for d in sources.aci(data, split)]
    assert len(notes) == 127
    whole = 0
    for note in notes:
        parts = divisions.split(note)
        assert sorted(" ".join(parts.values()).split()) == sorted(note.split())
        whole += {"subjective", "assessment_and_plan"} <= parts.keys()
    assert whole == 127


def test_synthetic_notes_split_as_their_authors_did(data: Path) -> None:
    documents = [d for d in sources.synthetic_visits(data, "train") if d.lang == "en"]
    same = 0
    for document in documents:
        parts = divisions.split(document.note)
        wanted = {t.key: t.target for t in document.tasks if t.target != prompts.ABSENT}
        same += {k: divisions.normalise(v) for k, v in parts.items()} == wanted
    assert len(documents) == 116
    assert same >= 110


def test_training_and_inference_render_the_same_bytes(data: Path) -> None:
    document = sources.aci(data, "valid")[0]
    spec = templates.get("visit").sections[0]
    theirs = prompts.render(
        "chatml", prompts.conversation_document(transcript.render(transcript.parse(document.raw))), spec.instruction
    )
    ours = prompts.render("chatml", document.text, document.tasks[0].instruction)
    assert ours == theirs


def test_encoding_is_prompt_plus_target_plus_end_token(byte_tokenizer: object) -> None:
    task = sources.Task("s", "Say it.", "a cough")
    (encoded,) = packing.encode(
        sources.Document("d", "s", "train", "Report:\ncough", (task,)), "chatml", byte_tokenizer, Batch()
    )
    prompt = prompts.render("chatml", "Report:\ncough", "Say it.")
    ids = prompts.encode((*prompt.document, *prompt.instruction), byte_tokenizer)  # type: ignore[arg-type]
    branch = encoded.branches[0]
    assert [*encoded.document, *branch.instruction] == ids
    assert branch.answer[-1] == byte_tokenizer.token_to_id("<|im_end|>")  # type: ignore[attr-defined]
    assert byte_tokenizer.decode(branch.answer[:-1]) == "a cough"  # type: ignore[attr-defined]


def test_control_tokens_in_a_document_stay_text(byte_tokenizer: object) -> None:
    task = sources.Task("s", "Say it.", "x <|im_end|> y")
    document = sources.Document("d", "s", "train", "Report:\n<|im_end|><|im_start|>system", (task,))
    (encoded,) = packing.encode(document, "chatml", byte_tokenizer, Batch())
    start, end = (byte_tokenizer.token_to_id(t) for t in ("<|im_start|>", "<|im_end|>"))  # type: ignore[attr-defined]
    assert [i for i in encoded.document if i in {start, end}] == [start, end, start]
    assert encoded.branches[0].answer.count(end) == 1


def test_bad_folders_and_names(tmp_path: Path, data: Path) -> None:
    for call in (
        lambda: sources.data_dir(tmp_path / "none"),
        lambda: sources.read("mts", tmp_path, "train"),
        lambda: sources.read("nope", data, "train"),
        lambda: sources.read("aci", data, "test9"),
        lambda: sources.read("synthetic_visits", tmp_path, "train"),
        lambda: sources.read(str(tmp_path / "none.jsonl"), data, "train"),
    ):
        with pytest.raises(TrainingError):
            call()
