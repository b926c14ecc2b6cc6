"""What a run is judged by while it goes: the loss of validation answers, and ROUGE of answers the model writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from training import rouge, sharding
from training.packing import Encoded

# (prompt ids, wanted answer ids with the end token)
TokenPair = tuple[tuple[int, ...], tuple[int, ...]]


def pairs(samples: Sequence[Encoded], most: int) -> list[TokenPair]:
    """Up to `most` tasks, evenly spread over the validation samples so that every data set is asked."""
    found = [((*s.document, *b.instruction), b.answer) for s in samples for b in s.branches]
    count = min(most, len(found))
    return [found[i * len(found) // count] for i in range(count)]


def loss(accelerator: Any, plain: Any, rows: Sequence[list[Encoded]]) -> float:
    """Mean -log p of an answer token over the validation rows, each process taking its share."""
    plain.eval()
    sums = torch.zeros(2, device=accelerator.device, dtype=torch.float64)
    with torch.no_grad():
        for samples, real in sharding.turns(rows, accelerator):
            found = plain(samples).double()
            if real:
                sums[0] += found
                sums[1] += sum(e.answer_tokens for e in samples)
    total = accelerator.reduce(sums, "sum")
    return float(total[0] / total[1])


def rouge1(accelerator: Any, plain: Any, asked: Sequence[TokenPair], tokenizer: Any, most_tokens: int) -> float:
    """Mean ROUGE-1 F1 x 100 of greedy answers of up to most_tokens tokens, each process taking its share."""
    plain.eval()
    sums = torch.zeros(2, device=accelerator.device, dtype=torch.float64)
    base = plain.model.get_base_model()
    packed = base.config._attn_implementation
    base.set_attn_implementation("sdpa")  # a packed row has no cache to write from
    try:
        for (prompt, answer), real in sharding.turns(asked, accelerator):
            written = _greedy(plain, prompt, answer[-1], most_tokens)
            if not real:
                continue
            wanted, got = (tokenizer.decode(list(ids), skip_special_tokens=True) for ids in (answer, written))
            sums[0] += rouge.score(wanted, got, kinds=("rouge1",))["rouge1"]
            sums[1] += 1
    finally:
        base.set_attn_implementation(packed)
    total = accelerator.reduce(sums, "sum")
    return float(total[0] / total[1])


def _greedy(plain: Any, prompt: Sequence[int], end: int, most_tokens: int) -> list[int]:
    """Answer ids of the trainer's own model; a base's generation defaults, such as penalties, are not used."""
    from transformers import GenerationConfig

    config = plain.model.config
    ids = torch.tensor([list(prompt)], device=next(plain.parameters()).device)
    start = getattr(config, "decoder_start_token_id", None)
    chosen = GenerationConfig(
        max_new_tokens=most_tokens, do_sample=False, eos_token_id=end, pad_token_id=end, decoder_start_token_id=start
    )
    # under sharding a process whose answer has ended goes on computing until the longest has
    together = sharding.is_sharded(plain)
    with torch.no_grad():
        out = plain.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=chosen, synced_gpus=together
        )[0].tolist()
    return out[1:] if config.is_encoder_decoder else out[len(prompt) :]
