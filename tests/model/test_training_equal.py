"""Packed rows give the same loss and gradients as one plain sample a row, in every decoder family."""

from pathlib import Path

import pytest
import torch
from transformers.modeling_layers import GradientCheckpointingLayer

from tests import tiny
from training import model, packing, seq2seq
from training.config import BaseConfig, BatchConfig, Lora
from training.sources import Task, TrainingDocument

pytestmark = pytest.mark.model
FAMILIES = ("qwen2", "llama", "mistral", "gemma3")

DOCUMENTS = [
    TrainingDocument(
        "a", "t", "train", "Conversation:\nDoctor: the cough? " * 3, (Task("s", "Write one.", "the cough."),)
    ),
    TrainingDocument(
        "b",
        "t",
        "train",
        "Report:\nthe heart, 20 mg of the drug",
        (Task("s", "First.", "None."), Task("s", "The second one.", "20 mg of the drug"), Task("s", "3rd", "the")),
    ),
]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(params=FAMILIES, scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make(request.param, tmp_path_factory.mktemp(request.param))


def _gradients(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {n: p.grad.clone() for n, p in net.named_parameters() if p.grad is not None}


def _lora(folder: Path, for_training: bool = True, dora: bool = False) -> object:
    torch.manual_seed(1)
    base = BaseConfig(name=str(folder))
    adapted = model.add_lora(
        model.load(folder, base, torch.float32, for_training), Lora(rank=4, alpha=8, dora=dora), base
    )
    with torch.no_grad():  # B starts at zero, which would hide A's gradient
        for name, p in adapted.named_parameters():
            if "lora_B" in name:
                p.normal_(std=0.05)
    return adapted


def _encoded(folder: Path) -> list[packing.Encoded]:
    tokenizer, name = model.tokenizer(folder), model.prompt_format(folder)
    return [e for d in DOCUMENTS for e in packing.encode(d, name, tokenizer, BatchConfig())]


def _separate(adapted: object, encoded: list[packing.Encoded]) -> tuple[float, dict[str, torch.Tensor]]:
    """The reference: transformers' own attention and loss, one sample at a time."""
    total = 0.0
    for sample in encoded:
        for branch in sample.branches:
            ids = [*sample.document, *branch.instruction, *branch.answer]
            labels = [-100] * (len(ids) - len(branch.answer)) + list(branch.answer)
            out = adapted(input_ids=torch.tensor([ids]), labels=torch.tensor([labels]))
            loss = out.loss * len(branch.answer)
            loss.backward()
            total += loss.item()
    return total, _gradients(adapted)


@pytest.mark.parametrize(("free", "dora"), [(10_000, False), (50, True)])
def test_packed_row_equals_separate_samples(folder: Path, free: int, dora: bool) -> None:
    """free: below the row's length, half of the layers recompute their activations."""
    encoded = _encoded(folder)
    want, want_gradients = _separate(_lora(folder, for_training=False, dora=dora), encoded)
    net = model.PackedLoss(_lora(folder, dora=dora), free)
    net.train()
    loss = net(encoded)
    loss.backward()
    got = {name.removeprefix("model."): g for name, g in _gradients(net).items()}
    assert loss.item() == pytest.approx(want, rel=1e-5)
    assert got.keys() == want_gradients.keys()
    assert len(got) >= 28
    for name, g in want_gradients.items():
        assert g.abs().max() > 0, name
        torch.testing.assert_close(got[name], g, rtol=2e-4, atol=2e-6, msg=name)


@pytest.mark.parametrize("family", ["bart", "t5"])
def test_an_encoder_decoder_recomputes_what_is_over_free_tokens(family: str, tmp_path: Path) -> None:
    """The same loss and gradients, dropout included, whether none of its four layers computes twice, or two, or all."""
    base = BaseConfig(name=str(tiny.make(family, tmp_path / family)), kind="encoder-decoder")
    tokenizer, end = model.tokenizer(tmp_path / family), seq2seq.end_id(tmp_path / family)
    encoded = [e for d in DOCUMENTS for e in seq2seq.encode(d, tokenizer, end, BatchConfig())]
    longest = len(encoded) * max(len(side) for e in encoded for b in e.branches for side in (b.instruction, b.answer))
    found, calls = [], []
    for free, computed in ((longest, 4), (longest / 2, 6), (1, 8)):
        torch.manual_seed(1)
        net = model.adapted(
            tmp_path / family, base, Lora(rank=4), BatchConfig(free_tokens=int(free)), torch.float32
        ).train()
        with torch.no_grad():
            for name, p in net.named_parameters():
                if "lora_B" in name:
                    p.normal_(std=0.05)
        calls.clear()
        for layer in (m for m in net.modules() if isinstance(m, GradientCheckpointingLayer)):
            layer.register_forward_pre_hook(lambda module, _: calls.append(module))
        loss = net(encoded)
        loss.backward()
        assert (len(calls), len(set(calls))) == (computed, 4)
        found.append((loss.item(), _gradients(net)))
    for loss, gradients in found[1:]:
        assert loss == pytest.approx(found[0][0], rel=1e-6)
        assert len(gradients) >= 48
        for name, g in gradients.items():
            torch.testing.assert_close(g, found[0][1][name], rtol=1e-5, atol=1e-7, msg=name)


def test_a_branch_does_not_see_another(folder: Path) -> None:
    net = model.PackedLoss(_lora(folder), 10_000).eval()
    first, second = _encoded(folder)
    changed = packing.Encoded("b", second.document, (second.branches[0], packing.Branch((1, 2, 3), (4,) * 9)))
    alone = packing.Encoded("b", second.document, second.branches[:1])
    with torch.no_grad():
        with_other = net([first, changed]) - net([first])
        other = packing.Encoded("b", second.document, changed.branches[1:])
        parts = net([alone]) + net([other])
    torch.testing.assert_close(with_other, parts, rtol=1e-4, atol=1e-3)
