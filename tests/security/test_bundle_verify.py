"""A bundle that is not what was built is refused by name, before any runtime sees it."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bundle_kit import CONFIG, contents, edit_manifest, manifest_of, tiny_onnx, write_bundle

from edge.contract.bundle import check_unchanged, find_bundle, list_bundles, scan_bundles, verify_bundle
from edge.contract.manifest import canonical
from edge.engine import loader
from edge.errors import BundleError


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "bundles" / "tiny")


def refused(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        verify_bundle(folder)
    assert caught.value.hint
    return str(caught.value)


def test_a_good_bundle_passes_and_reports_every_byte(bundle: Path) -> None:
    seen: list[tuple[int, int]] = []
    verified = verify_bundle(bundle, lambda done, total: seen.append((done, total)))
    assert verified.manifest.name == "tiny"
    assert len(verified.sha256) == 64
    total = sum(len(raw) for raw in contents().values())
    assert seen[-1] == (total, total)
    assert verified.signed_by is None


@pytest.mark.parametrize("name", sorted(contents()))
def test_a_flipped_byte_is_refused_by_name(bundle: Path, name: str) -> None:
    raw = bytearray((bundle / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (bundle / name).write_bytes(raw)
    assert f"{name} was altered" in refused(bundle)


def _extra(folder: Path) -> None:
    (folder / "notes.md").write_text("x")


def _hidden(folder: Path) -> None:
    (folder / ".hidden").write_text("x")


def _library(folder: Path) -> None:
    (folder / "libcustom.so").write_bytes(b"\x7fELF")


def _missing(folder: Path) -> None:
    (folder / "model.onnx.data").unlink()


def _symlink(folder: Path) -> None:
    (folder / "model.onnx.data").rename(folder.parent / "data")
    (folder / "model.onnx.data").symlink_to(folder.parent / "data")


def _fifo(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    os.mkfifo(folder / "tokenizer.json")


def _folder(folder: Path) -> None:
    (folder / "more").mkdir()


def _longer(folder: Path) -> None:
    with (folder / "model.onnx.data").open("ab") as file:
        file.write(b"\0")


def _shorter(folder: Path) -> None:
    os.truncate(folder / "model.onnx.data", 10)


def _no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _manifest_link(folder: Path) -> None:
    (folder / "manifest.json").rename(folder.parent / "manifest.json")
    (folder / "manifest.json").symlink_to(folder.parent / "manifest.json")


def _manifest_huge(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b" " * (2 << 20))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_extra, "'notes.md' is not listed"),
        (_hidden, "'.hidden' is not listed"),
        (_library, "'libcustom.so' is not listed"),
        (_missing, "model.onnx.data is missing"),
        (_symlink, "'model.onnx.data' is a link"),
        (_fifo, "'tokenizer.json' is not a regular file"),
        (_folder, "'more' is not a regular file"),
        (_longer, "'model.onnx.data' has the wrong size"),
        (_shorter, "'model.onnx.data' has the wrong size"),
        (_no_manifest, "manifest.json is missing"),
        (_manifest_link, "manifest.json cannot be opened"),
        (_manifest_huge, "manifest.json is longer than"),
    ],
)
def test_a_changed_folder_is_refused_by_name(bundle: Path, spoil: Callable[[Path], None], words: str) -> None:
    spoil(bundle)
    assert words in refused(bundle)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "other"}, "not an edgescribe bundle"),
        ({"format_version": 0}, "an older version"),
        ({"format_version": 2}, "a newer version"),
        ({"format_version": "1"}, "no format version"),
        ({"runtime": "python"}, "at runtime"),
        ({"runtime_version": "0.18.0"}, "built for onnxruntime-genai 0.18.0"),
        ({"context_length": 0}, "at context_length"),
        ({"context_length": 65}, "differ in the context length"),
        ({"end_tokens": []}, "at end_tokens"),
        ({"surprise": 1}, "at surprise"),
        ({"files": []}, "at files"),
        ({"name": "../tiny"}, "at name"),
        ({"built_by": "a\x1b]0;b"}, "at built_by"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(bundle: Path, changes: dict[str, Any], words: str) -> None:
    edit_manifest(bundle, **changes)
    assert words in refused(bundle)


@pytest.mark.parametrize(
    "name",
    [
        "../x.json", "/etc/x.json", "a/b.json", "x.so", "x.py", "x.bin", "x.pkl", "x.pt", ".x.json", "x.json/",
        "manifest.json", "con.json", "TOKENIZER.json", "x\n.json", "model.onnx.dll", "",
    ],
)  # fmt: skip
def test_file_names_that_reach_out_or_run_are_refused(bundle: Path, name: str) -> None:
    files = manifest_of(contents())["files"] + [{"path": name, "size": 1, "sha256": "0" * 64}]
    edit_manifest(bundle, files=sorted(files, key=lambda entry: entry["path"].lower()))
    assert "manifest.json is not complete" in refused(bundle)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe", b'{"format": NaN}', b"[" * 100_000, b"null"])
def test_a_manifest_that_is_not_json_is_refused(bundle: Path, raw: bytes) -> None:
    (bundle / "manifest.json").write_bytes(raw)
    refused(bundle)


def test_a_manifest_in_another_spelling_is_refused(bundle: Path) -> None:
    raw = (bundle / "manifest.json").read_bytes()
    (bundle / "manifest.json").write_bytes(raw + b"\n")
    assert "canonical" in refused(bundle)
    (bundle / "manifest.json").write_bytes(raw.replace(b'"tiny"', b'"\\u0074iny"', 1))
    assert "canonical" in refused(bundle)
    (bundle / "manifest.json").write_bytes(raw.replace(b'"adapter": null', b'"adapter": null,\n "adapter": null', 1))
    assert "not valid JSON" in refused(bundle)


_BAD_CONFIG: list[tuple[tuple[str, ...], Any, str]] = [
    (("model", "decoder", "session_options", "custom_ops_library"), "./x.so", "custom_ops_library"),
    (("model", "decoder", "session_options", "enable_profiling"), "/tmp/x", "enable_profiling"),
    (("model", "decoder", "session_options", "provider_options"), [{"cuda": {}}], "execution provider"),
    (("model", "decoder", "session_options", "config_entries"), {"a": "b"}, "config_entries"),
    (("model", "decoder", "filename"), "../model.onnx", "not listed"),
    (("model", "decoder", "filename"), "tokenizer.json", "not listed"),
    (("model", "decoder", "pipeline"), [], "pipeline"),
    (("model", "vision"), {}, "vision"),
    (("model", "eos_token_id"), [], "no end token"),
    (("model", "eos_token_id"), ["x"], "no end token"),
    (("model", "vocab_size"), True, "wrong kind"),
    (("model", "decoder"), 3, "expected shape"),
    (("search", "chunk_size"), 8, "chunk_size"),
    (("search", "max_length"), 63, "context length"),
    (("engine",), {}, "engine"),
]


@pytest.mark.parametrize(("path", "value", "words"), _BAD_CONFIG)
def test_a_runtime_setting_outside_the_allow_list_is_refused(
    tmp_path: Path, path: tuple[str, ...], value: Any, words: str
) -> None:
    config = copy.deepcopy(CONFIG)
    place = config
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    bundle = write_bundle(tmp_path / "b", {**contents(), "genai_config.json": canonical(config)})
    assert words in refused(bundle)


@pytest.mark.parametrize(
    ("onnx", "words"),
    [
        (tiny_onnx(location="../outside.data"), "keeps weights outside"),
        (tiny_onnx(location="/etc/passwd"), "keeps weights outside"),
        (tiny_onnx(location="other.data"), "keeps weights outside"),
        (tiny_onnx(length=65), "reads beyond the end"),
        (tiny_onnx(length=-1), "reads beyond the end"),
        (tiny_onnx(domain="com.attacker"), "custom operators"),
        (b"", "not an ONNX file"),
        (b"\x7fELF" + b"\0" * 64, "not an ONNX file"),
        (tiny_onnx()[:-3], "not an ONNX file"),
        (b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "not an ONNX file"),
    ],
)
def test_a_graph_that_reaches_out_is_refused(tmp_path: Path, onnx: bytes, words: str) -> None:
    bundle = write_bundle(tmp_path / "b", {**contents(), "model.onnx": onnx})
    assert words in refused(bundle)


def _rewritten(folder: Path) -> None:
    path = folder / "model.onnx.data"
    path.write_bytes(path.read_bytes())


def _swapped_and_back(folder: Path) -> None:
    other = folder.parent / "other"
    folder.rename(other)
    other.rename(folder)


def _replaced(folder: Path) -> None:
    path, copy = folder / "model.onnx.data", folder.parent / "copy"
    shutil.copy2(path, copy)
    copy.replace(path)


def _removed(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


@pytest.mark.parametrize("change", [_rewritten, _swapped_and_back, _replaced, _removed])
def test_what_changes_between_check_and_load_is_refused(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    """The runtime opens files by name: the same bytes written anew count as changed, for nobody read those."""
    verified = verify_bundle(bundle)
    check_unchanged(verified)

    def runtime(*_: Any) -> Any:
        before = max(path.stat().st_ctime_ns for path in (bundle, *bundle.iterdir()))
        probe = bundle.parent / "probe"
        while not probe.exists() or probe.stat().st_ctime_ns <= before:  # the kernel's clock of files goes in steps
            probe.write_bytes(b"x")
        change(bundle)

    monkeypatch.setattr(loader, "_open_model", runtime)
    monkeypatch.setattr(loader, "load_tokenizer", lambda _: None)
    with pytest.raises(BundleError, match="was changed while it was loaded"):
        loader.load(verified)
    with pytest.raises(BundleError, match="changed while"):
        check_unchanged(replace(verified, stamps={}))


def test_bundles_are_found_by_name_and_path_and_broken_ones_are_told(bundle: Path, tmp_path: Path) -> None:
    parent = bundle.parent
    (parent / "broken").mkdir()
    (parent / ".tiny.part").mkdir()
    assert [found.folder for found in list_bundles([tmp_path / "none", parent])] == [bundle]
    assert [folder.name for folder, _ in scan_bundles([parent])] == ["broken", "tiny"]
    assert find_bundle("tiny", [parent]) == bundle
    assert find_bundle(str(bundle), []) == bundle
    with pytest.raises(BundleError, match=r"There is no bundle 'other'.*Installed: tiny"):
        find_bundle("other", [parent])
    with pytest.raises(BundleError):
        find_bundle("../tiny", [parent / "broken"])


def test_verification_imports_no_runtime() -> None:
    heavy = "{'onnx', 'onnxruntime', 'onnxruntime_genai', 'torch', 'numpy', 'mlx', 'tokenizers'}"
    code = f"import sys, edge.contract.bundle; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


MLX = {"model_type": "llama", "hidden_size": 8, "max_position_embeddings": 64, "eos_token_id": [2], "rope_theta": 1e4}


def mlx_bundle(folder: Path, config: Any) -> Path:
    files = {"config.json": canonical(config), "model.safetensors": b"weights", "tokenizer.json": b"{}\n"}
    return write_bundle(folder, files, runtime="mlx", runtime_version="0.29.1")


def test_a_plain_mlx_configuration_passes(tmp_path: Path) -> None:
    quantised = {**MLX, "quantization": {"bits": 4, "group_size": 64, "mode": "affine"}}
    for number, config in enumerate((MLX, quantised)):
        assert verify_bundle(mlx_bundle(tmp_path / str(number), config)).manifest.runtime == "mlx"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "../evil"}, "unknown architecture"),
        ({"model_type": ["llama"]}, "unknown architecture"),
        ({"model_file": "evil.py"}, "holds the key 'model_file'"),
        ({"auto_map": {}}, "holds the key 'auto_map'"),
        ({"hidden_size": "8"}, "wrong kind at 'hidden_size'"),
        ({"hidden_size": True}, "wrong kind at 'hidden_size'"),
        ({"quantization": {"bits": 4, "model.layers.0": {}}}, "wrong kind at 'quantization'"),
        ({"quantization": {"bits": [4]}}, "wrong kind at 'quantization'"),
        ({"rope_scaling": {"a": []}}, "wrong kind at 'rope_scaling'"),
        ({"eos_token_id": ["x"]}, "wrong kind at 'eos_token_id'"),
        ({"max_position_embeddings": 32}, "differ in the context length"),
    ],
)
def test_an_mlx_configuration_outside_the_allow_list_is_refused(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    assert words in refused(mlx_bundle(tmp_path / "b", {**MLX, **changes}))
