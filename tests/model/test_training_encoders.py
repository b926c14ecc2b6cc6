"""BERTScore and the retrieval of examples, with a tiny random encoder that lies in a folder as a real one would."""

import json
import random
from pathlib import Path

import pytest
import torch

from edge.contract.schemas import FIELD_KEYS, extraction_target
from edge.errors import TrainingError
from training import bertscore, evaluation, prompting, report, sources
from training.answering import Item, Written
from training.sources import TrainingDocument

pytestmark = pytest.mark.model
KNOWN = "the a of with fever cough gout pain knee left right heart rate high blood pressure denies year old man"
WORDS = KNOWN.split()


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 2 layers with 60 places: a text of 200 words takes four windows."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("encoders") / "tiny-bert"
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {word: i for i, word in enumerate([*names, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    kind = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(kind), encoding="utf-8")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    model = BertModel(
        BertConfig(vocab_size=len(vocabulary), max_position_embeddings=60, initializer_range=0.2, **sizes)
    )
    model.save_pretrained(str(folder))
    return folder


def _by_hand(reference: str, candidate: str, encoder: Path) -> float:
    """The definition, word by word: every token's best cosine on the other side."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder).eval()
    with torch.no_grad():
        a, b = (
            model(**tokenizer(t, return_tensors="pt", return_token_type_ids=False)).last_hidden_state[0, 1:-1]
            for t in (reference, candidate)
        )
    cosine = [[float(torch.cosine_similarity(x, y, dim=0)) for y in b] for x in a]
    recall = sum(max(row) for row in cosine) / len(a)
    precision = sum(max(row[j] for row in cosine) for j in range(len(b))) / len(b)
    return 200 * precision * recall / (precision + recall)


def test_the_figure_is_the_definition(encoder: Path) -> None:
    pair = ("the man denies fever", "a year old man with cough and fever")
    got = bertscore.f1([pair[0]], [pair[1]], encoder)
    assert got == pytest.approx(_by_hand(*pair, encoder), rel=1e-4)
    assert got < 99
    both = bertscore.f1([pair[0], "gout"], [pair[1], ""], encoder)
    assert both == pytest.approx(got / 2)


@pytest.mark.parametrize("text", ["gout", "fever and cough", "left knee pain " * 700])
def test_a_text_agrees_with_itself_however_long(encoder: Path, text: str) -> None:
    assert bertscore.f1([text], [text], encoder) == pytest.approx(100.0, abs=1e-3)


@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_nothing_scores_nothing(encoder: Path, empty: str) -> None:
    assert bertscore.f1(["the fever"], [empty], encoder) == 0.0
    assert bertscore.f1([empty], ["the fever"], encoder) == 0.0
    assert bertscore.f1([], [], encoder) == 0.0
    assert bertscore.sentence_vectors(["the fever", empty], encoder).isfinite().all()


def test_one_word_against_many_is_no_perfect_note(encoder: Path) -> None:
    assert bertscore.f1(["the old man denies fever and cough with left knee pain"], ["fever"], encoder) < 90


def test_a_folder_without_an_encoder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no encoder"):
        bertscore.f1(["a"], ["a"], tmp_path)


def test_tables_name_the_encoder(encoder: Path, tmp_path: Path) -> None:
    item = Item("a", "note", "", "x", "the fever")
    summary = evaluation._summary([item], [Written("a", "the fever", ("end",), 1, 1.0)], encoder)
    facts = {"model": "m", "precision": "fp32", "set": "own.jsonl", "floors": {}}
    (tmp_path / "result.json").write_text(json.dumps({**facts, **summary}), encoding="utf-8")
    table = report.markdown(report.load([tmp_path]))
    assert "BERTScore (tiny-bert)" in table
    assert "| 100.0 |" in table


def test_an_extraction_is_scored_field_by_field(encoder: Path) -> None:
    shared: dict[str, list[str]] = {key: [] for key in FIELD_KEYS} | {FIELD_KEYS[0]: ["58 year old"]}
    item = Item("a", "extract", "", "x", json.dumps(shared | {FIELD_KEYS[1]: ["cough", "fever"]}))
    answer = extraction_target(shared | {FIELD_KEYS[1]: ["gout"], FIELD_KEYS[2]: ["pain"]})
    summary = evaluation._summary([item], [Written("a", answer, ("end",), 1, 1.0)], encoder)
    by_field = [100.0, bertscore.f1(["cough\nfever"], ["gout"], encoder)]  # a field the reference lacks has no text
    assert by_field[1] < 99
    assert summary["figures"]["bertscore"] == pytest.approx(sum(by_field) / 2)
    broken = evaluation._summary([item], [Written("a", "no json", ("end",), 1, 1.0)], encoder)
    assert broken["figures"]["bertscore"] == 0.0


def test_examples_are_the_nearest_reports(encoder: Path) -> None:
    """Nearest by the mean of the encoder's last layer, its marks included, as sentence-transformers does it."""
    from transformers import AutoModel, AutoTokenizer

    rng = random.Random(1)
    texts = [" ".join(rng.choices(WORDS, k=12)) for _ in range(8)]
    train = [TrainingDocument(str(i), "elmtex_aci", "train", sources.report(t), (), raw=t) for i, t in enumerate(texts)]
    asked = " ".join(rng.choices(WORDS, k=12))
    tokenizer, model = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder).eval()
    with torch.no_grad():
        means = [
            model(**tokenizer(t, return_tensors="pt", return_token_type_ids=False)).last_hidden_state[0].mean(0)
            for t in (asked, *texts)
        ]
    cosine = [float(torch.cosine_similarity(means[0], m, dim=0)) for m in means[1:]]
    best = sorted(range(8), key=lambda i: -cosine[i])
    similar = prompting.nearest(train, encoder)
    assert list(similar(asked, 3)) == best[:3]
    assert similar(texts[5], 1) == [5]


def test_rows_say_what_finds_the_examples(encoder: Path) -> None:
    assert prompting.title("naive", encoder) == "naive prompt"
    assert prompting.title("examples", None) == "advanced prompt, 3 examples by TF-IDF"
    assert prompting.title("examples", encoder) == "advanced prompt, 3 examples by tiny-bert"
