"""A base model with LoRA on all its linear layers, and the module that turns a packed row into an answer loss."""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from edge.contract import prompts
from edge.errors import BaseModelError, TrainingError
from training import attention, loss, packing
from training.config import BaseConfig, BatchConfig, Lora
from training.packing import Encoded

# What a chat template must contain to be written in one of our formats; tried in this order.
# Marks of chat templates, looked for in this order: a family that can think is told from one that can't by its switch.
_MARKS = {
    "chatml-no-thinking": "enable_thinking", "phi4": "<|assistant|>",
    "chatml": "<|im_start|>", "llama3": "<|start_header_id|>", "gemma": "<start_of_turn>", "mistral": "[INST]",
}  # fmt: skip


def base_folder(name: str) -> Path:
    """Folder of a base in Hugging Face form: name if it is one, else what `edgescribe-export hf NAME` provides.

    Raises BaseModelError.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise BaseModelError(
                f"The folder {folder} holds no model.", "config.json is missing.", "Name another base."
            )
        for described in ("config.json", "tokenizer_config.json"):
            _check_json(folder / described)
        return folder
    if "/" in name:
        raise BaseModelError(f"The folder {folder} does not exist.", "", "Correct base.name.")
    done = subprocess.run(
        [sys.executable, "-m", "export.cli", "hf", name], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0 or not done.stdout.strip():
        raise BaseModelError(f"The base {name!r} could not be prepared.", "See the message above.", "")
    return Path(done.stdout.strip().splitlines()[-1])


def _check_json(path: Path) -> None:
    try:
        if path.is_file() and not isinstance(json.loads(path.read_text(encoding="utf-8")), dict):
            raise ValueError
    except (OSError, ValueError):
        raise BaseModelError(
            f"{path} cannot be read.", "It is not a JSON object.", "Copy the base here again."
        ) from None


def prompt_format(folder: Path, chosen: str = "") -> str:
    """Prompt format of a base: chosen, else found from its chat template. Raises TrainingError if there is none."""
    if chosen:
        return prompts.chat_format(chosen).name
    template = ""
    if (folder / "chat_template.jinja").is_file():
        template = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    elif (folder / "tokenizer_config.json").is_file():
        raw = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        template = str(raw.get("chat_template") or "")
    for name, mark in _MARKS.items():
        if mark in template:
            return name
    raise TrainingError(
        f"The base {folder.name} has no chat template that this program knows.",
        f"Known formats: {', '.join(prompts.FORMATS)}.",
        'Set base.format in the configuration ("plain" suits bases without a chat form).',
    )


def places(folder: Path) -> int:
    """Positions that a base was made for, by its config.json; 0 if it names none (rotary bases without a limit)."""
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    found = raw.get("text_config", raw).get("max_position_embeddings", 0)
    return found if isinstance(found, int) else 0


def tokenizer(folder: Path) -> Any:
    """The base's tokenizer, as inference loads it."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise BaseModelError(
            f"The base {folder.name} has no tokenizer.json.", "", "Convert it with transformers first."
        )
    try:
        return prompts.load_tokenizer(path)
    except Exception as error:  # noqa: BLE001 - what tokenizers raises has no class of its own
        raise BaseModelError(f"{path} cannot be read.", _first_line(error), "Copy the base here again.") from None


def load(folder: Path, base: BaseConfig, dtype: torch.dtype, for_training: bool = True) -> Any:
    """Load the base model. Raises TrainingError if a quantised base is asked for without CUDA, or one that takes more
    than text is to be trained; BaseModelError if its files are none that transformers reads.
    """
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    kwargs: dict[str, Any] = {"dtype": dtype, "local_files_only": True}
    if base.quantise:
        kwargs["quantization_config"] = _quantisation(base.quantise)
    if base.kind == "encoder-decoder":
        with _loading(folder):
            return AutoModelForSeq2SeqLM.from_pretrained(folder, **kwargs)
    if for_training:
        _check_text_alone(folder)
    implementation = attention.register() if for_training else "sdpa"
    with _loading(folder):
        model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation=implementation, **kwargs)
    if getattr(model.config, "attn_logit_softcapping", None):
        raise TrainingError("This base caps its attention scores.", "Packed training does not.", "Use another base.")
    return model


def _check_text_alone(folder: Path) -> None:
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if "text_config" in raw:
        raise TrainingError(
            f"The base {folder.name} takes more than text ({raw.get('model_type')}).",
            "Its text part alone can be trained and made a bundle of.",
            "Save that part to a folder of its own, as docs/training.md says, and name it in base.name.",
        )


@contextlib.contextmanager
def _loading(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        if is_memory(error):
            raise
        raise BaseModelError(
            f"The base {folder.name} cannot be loaded.",
            _first_line(error),
            "Copy its files here again, or name another.",
        ) from None


def is_memory(error: BaseException) -> bool:
    """True if an error says that memory ran out, on whichever device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "memory" in str(error).casefold()


@contextlib.contextmanager
def memory_named(told: Callable[[], TrainingError]) -> Iterator[None]:
    """Raise told() for what says that memory ran out, on whichever device; everything else passes as it is."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # what torch raises for memory is a RuntimeError
        if is_memory(error):
            raise told() from error
        raise


def too_large() -> TrainingError:
    """For a base, loaded to write answers, that memory has no room for."""
    return TrainingError(
        "Memory ran out while the base was loaded.", "It does not fit.", "Close other programs, or take a smaller base."
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def with_adapter(network: Any, adapter: Path) -> Any:
    """A loaded base with a LoRA adapter merged in. Raises TrainingError if the adapter is damaged or another base's."""
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import safe_open

    try:
        wrapped = PeftModel.from_pretrained(network, str(adapter))
        taken = get_peft_model_state_dict(wrapped, save_embedding_layers=False)  # else it looks for a base by name
        with safe_open(adapter / "adapter_model.safetensors", "pt") as saved:
            unlike = [name for name in set(saved.keys()).symmetric_difference(taken) if "lora_" in name]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        if is_memory(error):
            raise
        raise TrainingError(
            f"The adapter in {adapter} cannot be loaded.", _first_line(error),
            "Copy it here again, or name the base it was trained on.",
        ) from None  # fmt: skip
    if unlike:  # peft passes over what the base has no place for, and leaves as they are layers that it lacks
        raise TrainingError(
            f"The adapter in {adapter} does not fit this base.", f"{len(unlike)} weights are in one of the two alone.",
            "Name the base it was trained on.",
        )  # fmt: skip
    return wrapped.merge_and_unload()


def _quantisation(width: str) -> Any:
    if not torch.cuda.is_available():
        raise TrainingError(
            f"base.quantise = {width!r} needs a CUDA device.",
            "bitsandbytes runs there only.",
            'Set base.quantise = "".',
        )
    if find_spec("bitsandbytes") is None:
        raise TrainingError(
            f"base.quantise = {width!r} needs bitsandbytes.",
            "It is not installed; only the extra training-cuda brings it.",
            "pip install 'edgescribe[training,training-cuda]'",
        )
    from transformers import BitsAndBytesConfig

    if width == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def add_lora(model: Any, lora: Lora, base: BaseConfig) -> Any:
    """Wrap a base with LoRA weights (kept in fp32), fresh or those of lora.start. Returns a peft model.

    Raises TrainingError if lora.start is no adapter of this shape.
    """
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if base.quantise:
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    task = "SEQ_2_SEQ_LM" if base.kind == "encoder-decoder" else "CAUSAL_LM"
    wrapped = get_peft_model(
        model,
        LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=_targets(model) if lora.layers else "all-linear",
            layers_to_transform=_last_layers(model, lora.layers),
            use_dora=lora.dora,
            use_rslora=lora.rslora,
            task_type=task,
        ),
    )
    if lora.start:
        _start_from(wrapped, Path(lora.start).expanduser())
    return wrapped


def _start_from(model: Any, folder: Path) -> None:
    """Put the weights of a saved adapter into a freshly wrapped model."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    hint = "Name a folder with an adapter of the same rank, alpha and layers."
    try:
        saved = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        weights = load_file(str(folder / "adapter_model.safetensors"))
        own = model.peft_config["default"]
        for key in ("r", "lora_alpha", "use_dora", "use_rslora"):  # alpha leaves no trace in the shapes
            if saved.get(key) != getattr(own, key):
                raise ValueError(f"Its {key} is {saved.get(key)}, that of this run {getattr(own, key)}.")
        loaded = set_peft_model_state_dict(model, weights)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise TrainingError(f"The run cannot start from {folder}.", _first_line(error), hint) from None
    left = [name for name in loaded.missing_keys if "lora_" in name]
    if left or loaded.unexpected_keys:
        reason = f"It lacks {len(left)} of this run's weights and holds {len(loaded.unexpected_keys)} others."
        raise TrainingError(f"The run cannot start from {folder}.", reason, hint)


def _targets(model: Any) -> list[str]:
    """Names of the linear modules inside the transformer layers."""
    layers = [m for name, m in model.named_modules() if name.endswith("layers.0")]
    return sorted(
        {n.rsplit(".", 1)[-1] for m in layers for n, c in m.named_modules() if isinstance(c, torch.nn.Linear)}
    )


def _last_layers(model: Any, count: int) -> list[int] | None:
    """Indices of the last count layers, None for all. Raises TrainingError if the base has fewer."""
    if not count:
        return None
    total = int(model.config.num_hidden_layers)
    if count > total:
        raise TrainingError(f"lora.layers is {count}.", f"This base has {total} layers.", "Lower lora.layers.")
    return list(range(total - count, total))


def adapted(folder: Path, base: BaseConfig, lora: Lora, batch: BatchConfig, dtype: torch.dtype) -> torch.nn.Module:
    """The network of a run: base, LoRA and answer loss. forward(samples) -> sum of -log p."""
    model = add_lora(load(folder, base, dtype), lora, base)
    if base.kind == "encoder-decoder":
        from training.seq2seq import PaddedLoss

        return PaddedLoss(model, batch.free_tokens)
    return PackedLoss(model, batch.free_tokens)


class AnswerLoss(torch.nn.Module):
    """A network whose forward(samples) is an answer loss, and whose layers recompute their activations where a row is
    longer than free_tokens (0 = than memory allows)."""

    def __init__(self, model: Any, free_tokens: int) -> None:
        super().__init__()
        self.model = model
        self._layers = _recomputable(model)
        self._free_tokens = free_tokens or fitting_tokens(model.config, len(self._layers), free_memory())

    def generate(self, **kwargs: Any) -> Any:
        """The model's generate; here, so that under sharding the embedding is whole meanwhile."""
        return self.model.generate(**kwargs)

    def _recompute(self, tokens: int) -> None:
        """Recompute activations in as many layers as a row is over free_tokens."""
        share = 1 - self._free_tokens / tokens if tokens > self._free_tokens else 0.0
        count = math.ceil(share * len(self._layers))
        for i, layer in enumerate(self._layers):
            layer.gradient_checkpointing = i < count


class PackedLoss(AnswerLoss):
    """Answer loss of a packed row: decoder over the row, cross-entropy at answer places only."""

    def forward(self, samples: list[Encoded]) -> torch.Tensor:
        """Sum of -log p over the answer tokens of a row of samples, float32 scalar."""
        row = packing.row(samples)
        device = next(self.model.parameters()).device
        self._recompute(len(row.ids))
        base = self.model.get_base_model()
        hidden = base.model(
            input_ids=torch.tensor([row.ids], device=device),
            position_ids=torch.tensor([row.positions], device=device),
            use_cache=False,
            layout=row.layout,
        ).last_hidden_state[0]
        chosen = hidden[torch.tensor(row.select, device=device)]
        return loss.answer_loss(chosen, base.get_output_embeddings().weight, torch.tensor(row.labels, device=device))


def free_memory() -> int:
    """Bytes that activations may take: what the accelerator has free, else the machine."""
    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 4 << 30


def fitting_tokens(config: Any, layers: int, available: int) -> int:
    """Tokens whose activations in that many adapted layers fill 40 % of the bytes available, at least 256.

    About 24 x hidden + 6 x intermediate values a token and layer, measured on the 0.5B in fp32 (docs/lab-log.md).
    """
    hidden = int(config.hidden_size)
    values = 24 * hidden + 6 * int(getattr(config, "intermediate_size", 4 * hidden))
    width = 2 if torch.cuda.is_available() else 4
    return max(256, int(0.4 * available / (values * width * max(1, layers))))


def _recomputable(model: Any) -> list[Any]:
    from transformers.modeling_layers import GradientCheckpointingLayer

    base = model.get_base_model()
    base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    for module in base.modules():
        if getattr(module, "gradient_checkpointing", False):
            module.gradient_checkpointing = False
    layers = [module for module in base.modules() if isinstance(module, GradientCheckpointingLayer)]
    # layers below the first adapted one keep no activations anyway
    return [layer for layer in layers if any(p.requires_grad for p in layer.parameters())]
