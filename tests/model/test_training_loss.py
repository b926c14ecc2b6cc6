"""The chunked cross-entropy against the plain one, and that a real vocabulary never meets all answers at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import Qwen2Config, Qwen2ForCausalLM

from training import attention, loss, model
from training.config import BaseConfig, Lora
from training.packing import Branch, Encoded

pytestmark = pytest.mark.model
VOCABULARY = 151_936


class _Largest(TorchDispatchMode):
    """Most values of any tensor that an operation gives, forward and backward."""

    values = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for one in out if isinstance(out, tuple | list) else (out,):
            if isinstance(one, torch.Tensor):
                self.values = max(self.values, one.numel())
        return out


@contextmanager
def _plain() -> Iterator[None]:
    """Cross-entropy as everybody writes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            loss, "answer_loss",
            lambda hidden, weight, labels: torch.nn.functional.cross_entropy(
                hidden @ weight.t(), labels, reduction="sum"
            ),
        )  # fmt: skip
        yield


@pytest.mark.parametrize("answers", [1, 4, 5, 11, 15])
def test_chunks_come_to_the_plain_loss_and_gradient(answers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "CHUNK", 5)
    random = torch.Generator().manual_seed(answers)
    hidden, weight = (torch.randn(n, 8, generator=random) * 3 for n in (answers, 37))
    labels = torch.randint(37, (answers,), generator=random)
    one, other = hidden.clone().requires_grad_(), hidden.clone().requires_grad_()
    found = loss.answer_loss(one, weight, labels)
    wanted = torch.nn.functional.cross_entropy(other @ weight.t(), labels, reduction="sum")
    torch.testing.assert_close(found, wanted)
    (found * 0.25).backward()
    (wanted * 0.25).backward()
    torch.testing.assert_close(one.grad, other.grad)
    assert one.grad is not None
    assert one.grad.abs().max() > 0.01


def test_a_trained_head_gets_its_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "CHUNK", 2)
    hidden, weight, labels = torch.randn(5, 8), torch.randn(37, 8), torch.arange(5)
    one, other = weight.clone().requires_grad_(), weight.clone().requires_grad_()
    loss.answer_loss(hidden, one, labels).backward()
    torch.nn.functional.cross_entropy(hidden @ other.t(), labels, reduction="sum").backward()
    torch.testing.assert_close(one.grad, other.grad)


def test_no_tensor_holds_all_answers_by_the_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder of the real vocabulary and 8 values a token, from a row to its gradients."""
    assert loss.CHUNK * VOCABULARY * 4 < 200e6  # bytes of float32
    monkeypatch.setattr(loss, "CHUNK", 16)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=VOCABULARY, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
            num_key_value_heads=1, tie_word_embeddings=True,
        )
    )  # fmt: skip
    network.set_attn_implementation(attention.register())
    packed = model.PackedLoss(model.add_lora(network, Lora(rank=2), BaseConfig()), 1000)
    row = [Encoded("a", (1, 2, 3), (Branch((4,), tuple(range(5, 45))),))]
    with _Largest() as chunked:
        found = packed(row)
        found.backward()
    assert chunked.values == 16 * VOCABULARY
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in packed.parameters())
    with _plain(), _Largest() as whole:
        wanted = packed(row)
    assert whole.values == 40 * VOCABULARY
    torch.testing.assert_close(found, wanted)
