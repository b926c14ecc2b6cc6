"""A tagger without weights: words of a list are spans; and a tiny random encoder in a folder as a real one lies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edge.contract.tagging import TaggerAttribute, TaggerLabel, TaggerSpec, TaggerTask
from edge.tagging.tagger import Tagger
from training.tagger_data import FACT_ATTRIBUTES, FACT_LABELS

MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def word_tokenizer(words: list[str]) -> Any:
    """A tokenizer of whole words, lower case."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    vocabulary = {word: i for i, word in enumerate(dict.fromkeys([*MARKS, ":", *words]))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def facts_spec(window: int = 30, overlap: int = 8) -> TaggerSpec:
    """The task of facts, every span of which counts by its tokens alone."""
    labels = [TaggerLabel(key=key) for key in FACT_LABELS]
    attributes = [TaggerAttribute(key=key, values=list(values)) for key, values in FACT_ATTRIBUTES.items()]
    task = TaggerTask(key="facts", source="conversation", labels=labels, attributes=attributes)
    return TaggerSpec(window=window, overlap=overlap, verified=0.0, tasks=[task])


class WordBackend:
    """Marks words of a list, and the first of several neighbours as the begin; polarity "denied" where told so."""

    def __init__(self, tokenizer: Any, spec: TaggerSpec, marked: Mapping[str, str], denied: bool = False) -> None:
        self._labels = {tokenizer.token_to_id(word): label for word, label in marked.items()}
        self._spec, self._denied = spec, denied
        self.longest = 0

    def encode(self, ids: Any, mask: Any) -> tuple[Any, Any]:
        self.longest = max(self.longest, ids.size)
        keys = [label.key for label in self._spec.tasks[0].labels]
        logits = np.zeros((*ids.shape, len(keys), 3), dtype=np.float32)
        logits[..., 0] = 5
        for row, line in enumerate(ids):
            before = ""
            for at, number in enumerate(line):
                label = self._labels.get(int(number), "")
                if label:
                    logits[row, at, keys.index(label)] = (-5, -1, 5) if label == before else (-5, 5, -1)
                before = label
        return np.ones((*ids.shape, 4), dtype=np.float32), logits.reshape(*ids.shape, -1)

    def judge(self, vectors: Any) -> Any:
        task = self._spec.tasks[0]
        judged = np.zeros((len(vectors), task.span_columns), dtype=np.float32)
        if task.attributes:
            judged[:, len(task.labels) + int(self._denied)] = 1.5
        return judged


def word_tagger(words: str, marked: Mapping[str, str], *, denied: bool = False, window: int = 30) -> Tagger:
    """A tagger of facts that knows these words and marks some of them."""
    tokenizer = word_tokenizer(words.casefold().split())
    spec = facts_spec(window)
    return Tagger(spec, tokenizer, WordBackend(tokenizer, spec, marked, denied))


def tiny_encoder(folder: Path, words: str) -> Path:
    """A BERT of two layers with random weights and 64 places."""
    import torch
    from transformers import BertConfig, BertModel

    folder.mkdir(parents=True)
    tokenizer = word_tokenizer(words.casefold().split())
    tokenizer.save(str(folder / "tokenizer.json"))
    kind = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(kind), encoding="utf-8")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=64, initializer_range=0.3, **sizes
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(str(folder))
    return folder
