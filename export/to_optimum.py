"""Hugging Face folder of an encoder-decoder or an encoder -> ONNX bundle, by optimum: one model, float32.

An embedding bundle is for laptops: one graph, read by onnxruntime. Encoder-decoders are baselines that evaluation
compares with; the laptop refuses to load them.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import tempfile
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any

from edge import __version__
from edge.contract.bundle import Bundle
from edge.contract.manifest import (
    FORMAT,
    FORMAT_VERSION,
    AdapterRef,
    BaseRef,
    FileEntry,
    Gate,
    Manifest,
    ModelKind,
    canonical,
)
from edge.contract.prompts import PROMPT_VERSION, load_tokenizer
from edge.errors import BaseModelError, BundleError
from edge.paths import cache_dir
from export.base import folder_digest
from export.files import named_disk_errors, need_space, sha256_file
from export.merge import adapter_ref, load_source, merge, with_facts
from export.pack import pack
from export.progress import BuildProgress, silent
from export.to_onnx import Build

PACKAGE = "onnxruntime"
_TASKS: dict[ModelKind, str] = {"encoder-decoder": "text2text-generation-with-past", "embedding": "feature-extraction"}
_GRAPHS: dict[ModelKind, tuple[str, ...]] = {
    "encoder-decoder": ("encoder_model.onnx", "decoder_model_merged.onnx"),
    "embedding": ("model.onnx",),
}
_BESIDE: dict[ModelKind, tuple[str, ...]] = {
    "encoder-decoder": ("config.json", "generation_config.json"),
    "embedding": (),
}
_LIMIT = 1e-3  # largest difference of any output from the source's: float32 against float32


def kind_of(folder: Path) -> ModelKind:
    """What the model in a Hugging Face folder is for. Raises BaseModelError for a decoder: those are built by name."""
    config = _json(folder / "config.json")
    if config.get("is_encoder_decoder"):
        return "encoder-decoder"
    if any(name.endswith("ForCausalLM") for name in config.get("architectures") or ()):
        raise BaseModelError(
            f"{folder} holds a decoder.", "", "Name it in export/catalog.toml, then build it by its name."
        )
    return "embedding"


def make_optimum_bundle(
    folder: Path, name: str, origin: str, licence: str, out: Path, adapter: Path | None = None,
    progress: BuildProgress = silent,
) -> Bundle:  # fmt: skip
    """The bundle of a Hugging Face folder, merged with an adapter if one is given, under out/name.

    Its gate is the agreement of its outputs with the source's. Raises BaseModelError for a folder or adapter that is
    none or does not fit, BundleError if what optimum wrote differs from the source.
    """
    kind = kind_of(folder)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights or not (folder / "tokenizer.json").is_file():
        raise BaseModelError(
            f"{folder} lacks safetensors weights or tokenizer.json.", "", "Save the model and its fast tokenizer there."
        )
    _check_tokenizer(folder / "tokenizer.json")
    digest = folder_digest({path.name: sha256_file(path, progress=progress) for path in weights})
    reference = adapter_ref(adapter)
    cache = cache_dir()
    need_space(cache, (5 if adapter else 4) * sum(path.stat().st_size for path in weights), name)
    with (
        named_disk_errors(f"The bundle {name}", cache),
        tempfile.TemporaryDirectory(prefix=".optimum.", dir=cache) as scratch,
    ):
        source = folder
        if adapter is not None:
            progress(f"Merging {adapter.name}", 0, 0)
            source = Path(scratch) / "merged" / folder.resolve().name
            source.mkdir(parents=True)
            merge(folder, adapter, source, kind)
        progress(f"Exporting {name}", 0, 0)
        built = Path(scratch) / "built"
        built.mkdir()
        _export(source, kind, Path(scratch) / "out", built)
        gate, parameters = _compare(source, kind, built)
        files = {path.name: sha256_file(path, progress=progress) for path in sorted(built.iterdir())}
        base = BaseRef(name=name, origin=origin, sha256=digest, licence=licence, parameters=parameters)
        manifest = with_facts(_manifest(folder, kind, base, reference, gate), adapter)
        return pack(Build(built, files), manifest, out / name, progress)


def _check_tokenizer(path: Path) -> None:
    try:
        load_tokenizer(path)
    except Exception as error:  # noqa: BLE001 - what tokenizers raises has no class of its own
        reason = (str(error).splitlines() or [""])[0][:200]
        raise BaseModelError(f"{path} cannot be read.", reason, "Copy the base here again.") from None


def _export(folder: Path, kind: ModelKind, raw: Path, built: Path) -> None:
    import onnx
    from safetensors import SafetensorError

    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's, about shapes that are fixed on purpose
        from optimum.exporters.onnx import main_export

        try:
            main_export(str(folder), raw, task=_TASKS[kind], device="cpu", do_validation=False, local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError, NotImplementedError, SafetensorError) as error:
            raise BundleError(
                f"optimum could not export {folder.name}.", str(error).splitlines()[0][:200] if str(error) else ""
            ) from None
    for name in _GRAPHS[kind]:
        model = onnx.load(str(raw / name))
        onnx.save_model(model, str(built / name), save_as_external_data=True, location=f"{name}.data", size_threshold=0)
    for name in _BESIDE[kind]:
        (built / name).write_bytes(canonical(_json(raw / name)))
    shutil.copyfile(folder / "tokenizer.json", built / "tokenizer.json")


def _compare(folder: Path, kind: ModelKind, built: Path) -> tuple[Gate, int]:
    """Run source and graphs on the same tokens; the verdict, and the number of the source's parameters."""
    import numpy as np
    import torch

    model = load_source(folder, kind).eval()
    rng = np.random.default_rng(0)
    ids = rng.integers(0, int(model.config.vocab_size), size=(1, 12), dtype=np.int64)
    ones = np.ones_like(ids)
    with torch.inference_mode():
        given = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(ones)}
        if kind == "encoder-decoder":
            answer = model(**given, decoder_input_ids=torch.from_numpy(ids[:, :5]))
            expected = [answer.encoder_last_hidden_state.numpy(), answer.logits.numpy()]
        else:
            expected = [model(**given).last_hidden_state.numpy()]
    first = run_graph(built / _GRAPHS[kind][0], {"input_ids": ids, "attention_mask": ones})[0]
    found = [first]
    if kind == "encoder-decoder":
        feed = {"input_ids": ids[:, :5], "encoder_attention_mask": ones, "encoder_hidden_states": first}
        found.append(run_graph(built / _GRAPHS[kind][1], feed)[0])
    difference = max(float(np.abs(a - b).max()) for a, b in zip(expected, found, strict=True))
    if not difference <= _LIMIT:
        raise BundleError(
            f"What optimum made of {folder.name} computes other numbers.", f"They differ by {difference:.3g}."
        )
    parameters = sum(p.numel() for p in model.parameters())
    measured = {"largest_difference": round(difference, 9)}
    return Gate(passed=True, measured=measured, limits={"largest_difference": _LIMIT}), parameters


def run_graph(path: Path, feed: dict[str, Any]) -> Any:
    """Outputs of an exported graph. Inputs that feed lacks are those of an empty cache."""
    import numpy as np
    import onnxruntime as ort

    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    whole = dict(feed)
    for entry in session.get_inputs():
        if entry.name == "use_cache_branch":
            whole[entry.name] = np.array([False])
        elif entry.name not in whole and entry.type == "tensor(float)":
            whole[entry.name] = np.zeros([d if isinstance(d, int) else 1 for d in entry.shape], dtype=np.float32)
        elif entry.name not in whole:
            whole[entry.name] = np.zeros_like(feed["input_ids"])
    return session.run(None, {entry.name: whole[entry.name] for entry in session.get_inputs()})


def _manifest(folder: Path, kind: ModelKind, base: BaseRef, adapter: AdapterRef | None, gate: Gate) -> Manifest:
    config = _json(folder / "config.json")
    length = int(config.get("max_position_embeddings") or config.get("n_positions") or 512)
    special = _json(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").is_file() else {}
    ends = [special[key] for key in ("eos_token", "sep_token", "pad_token") if isinstance(special.get(key), str)]
    return Manifest(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        name=base.name,
        runtime="onnx",
        runtime_version=metadata.version(PACKAGE),
        precision="fp32",
        options={},
        base=base,
        adapter=adapter,
        prompt_format="none",
        prompt_version=PROMPT_VERSION,
        context_length=length,
        end_tokens=ends[:1] or ["</s>"],
        purpose="test",
        built_by=f"edgescribe {__version__}, optimum-onnx {metadata.version('optimum-onnx')}",
        files=[FileEntry(path="tokenizer.json", size=0, sha256="0" * 64)],
        gate=gate,
        kind=kind,
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise ValueError
        return value
    except (OSError, ValueError) as error:
        raise BaseModelError(f"{path} cannot be read.", type(error).__name__, "Name a Hugging Face folder.") from None
