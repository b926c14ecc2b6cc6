"""A base that outgrows one card: every process holds its share of each weight, and gathers a layer while it computes.

This is FSDP2 (torch.distributed.fsdp.fully_shard), asked for by run.shard and started by `accelerate launch`. Files
never know of it: checkpoints and adapters hold whole tensors, so one process and several go on with each other's runs.
Gathering is a conversation: every process must come to whole() and to each forward pass as often, in the same order.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import torch
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor

from edge.errors import TrainingError

# What `accelerate launch` sets for ways of its own to cut a model.
_OTHERS = {
    "ACCELERATE_USE_FSDP": "accelerate's FSDP plugin",
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "a parallelism configuration",
}


def refuse_other_starts() -> None:
    """Raise TrainingError if `accelerate launch` was told to cut the model in a way of its own."""
    for variable, name in _OTHERS.items():
        if os.environ.get(variable, "").casefold() == "true":
            raise _refused(name)


def check_kind(kind: str) -> None:
    """Raise TrainingError unless the processes are plain ones. kind: accelerate's distributed type."""
    if kind not in {"NO", "MULTI_GPU", "MULTI_CPU"}:
        raise _refused(kind)


def _refused(name: str) -> TrainingError:
    return TrainingError(
        f"Training over {name} is not supported.",
        "Checkpoints would hold only a part of the weights.",
        "Start with `accelerate launch --multi_gpu`; for a base that outgrows one card, set run.shard = true as well.",
    )


def shard(network: torch.nn.Module, accelerator: Any) -> Any:
    """Cut base and adapter over the processes and move each one's share to its device, layer by layer.

    What lies outside the layers (embedding, head) is whole during the network's forward pass, where the loss reads it.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from transformers.modeling_layers import GradientCheckpointingLayer

    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    for layer in [m for m in network.modules() if isinstance(m, GradientCheckpointingLayer)]:
        fully_shard(layer, mesh=mesh, reshard_after_forward=True)
    fully_shard(network, mesh=mesh, reshard_after_forward=True)
    if not isinstance(network, FSDPModule):
        raise TypeError("fully_shard left the network as it was")
    network.set_force_sum_reduction_for_comms(True)  # gloo knows no average
    register_fsdp_forward_method(network, "generate")
    return accelerator.prepare_model(network, device_placement=False, evaluation_mode=True)  # bf16 alone, no DDP


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """The whole of a tensor that the processes share; any other tensor as it is."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def part(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """What this process holds of a whole tensor, cut as `like` is, on its device; every process must give the same."""
    tensor = tensor.to(like.device)
    if not isinstance(like, DTensor):
        return tensor
    return distribute_tensor(tensor, like.device_mesh, like.placements, src_data_rank=None)


def whole_state(optimiser: Any) -> dict[str, Any]:
    """state_dict of an optimiser, its tensors whole."""
    saved: dict[str, Any] = optimiser.state_dict()
    state = {i: {key: whole(value) for key, value in found.items()} for i, found in saved["state"].items()}
    return {**saved, "state": state}


def restore_state(optimiser: Any, saved: dict[str, Any]) -> None:
    """Load what whole_state gave into an optimiser, each process its share. Scalars, such as the step, are whole."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for number, values in saved["state"].items():
        like = parameters[number]
        state[number] = {k: part(v, like) if v.shape == like.shape else v for k, v in values.items()}
    optimiser.load_state_dict({**saved, "state": state})


def clip(parameters: Sequence[torch.Tensor], most: float) -> float:
    """Clip gradients by their norm over all processes' shares; returns the norm before. Unlike clip_grad_norm_, it
    gathers the norm: left as a shared tensor it would be gathered anew for every gradient."""
    norm = whole(torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None]))
    torch.nn.utils.clip_grads_with_norm_(parameters, most, norm)
    return float(norm)


def turns(items: Sequence[Any], accelerator: Any) -> list[tuple[Any, bool]]:
    """This process's items, in as many turns as every other process takes: (item, whether it counts).

    Under sharding a process that skipped a forward pass would leave the others waiting for its share of the weights.
    """
    world: int = accelerator.num_processes
    mine = [(item, True) for item in items[accelerator.process_index :: world]]
    return mine + [(items[0], False)] * (math.ceil(len(items) / world) - len(mine))


def is_sharded(network: torch.nn.Module) -> bool:
    """True if the processes share this network's weights."""
    return isinstance(network, FSDPModule)


def held(network: torch.nn.Module) -> tuple[int, int]:
    """(bytes of weights that this process holds, bytes of all weights), buffers not counted."""
    weights = list(network.parameters())
    own = sum((p.to_local() if isinstance(p, DTensor) else p).nbytes for p in weights)
    return own, sum(p.numel() * p.element_size() for p in weights)
