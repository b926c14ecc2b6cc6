"""Hardware lent for minutes: a base in parts, a pause, results in small files."""

import filecmp
import json
import tarfile
from pathlib import Path

import pytest
import torch

from edge.errors import BaseModelError, TrainingError
from export.base import hf_folder
from export.catalog import get
from export.fetch import fetch
from tests.training_kit import own_data
from training import cli, model, slot, tiny
from training.config import Base

BASE = "smollm2-135m-instruct"

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    tiny.make("qwen2", folder / "hf")
    with tarfile.open(folder / "tiny-qwen2.tar", "w") as archive:
        for path in sorted((folder / "hf").iterdir()):
            archive.add(path, arcname=path.name)
    assert slot.split(folder / "tiny-qwen2.tar", folder / "parts", 40_000) > 3
    return folder / "parts"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    options = (
        "[lora]\nrank = 2\n[batch]\ntokens = 300\nrow_tokens = 300\n[optimiser]\nepochs = 3\n"
        '[run]\nthreads = 1\nprecision = "fp32"\n'
    )
    return Path(own_data(Path("tiny-qwen2"), tmp_path, options)[0])


def test_calls_go_on_where_the_last_one_stopped(
    parts: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arriving, store, out = tmp_path / "arriving", tmp_path / "store", tmp_path / "out"
    names = sorted(p.name for p in parts.iterdir())
    rows = tmp_path / "rows.jsonl"

    def call(seconds: str, *bring: str, code: int = 0) -> str:
        arriving.mkdir()
        for name in bring:
            (arriving / name).write_bytes((parts / name).read_bytes())
        where = ["--parts", str(arriving), "--store", str(store), "--out", str(out), "--data", str(tmp_path)]
        asked = ["--id", "one", "--seconds", seconds, "--sets", str(rows), "--limit", "2"]
        assert cli.main(["slot", str(config), *asked, *where]) == code
        for name in bring:
            (arriving / name).unlink()
        arriving.rmdir()
        return [*capsys.readouterr().out.split(), ""][-2 if code == 0 else -1]

    assert call("60", "parts.json", names[0]) == "parts"
    assert call("1", *names[1:]) == "paused"
    assert not (store / "runs" / "one" / "adapter").exists()
    assert call("1000") == "done"
    before = (store / "runs" / "one" / "metrics.jsonl").read_text(encoding="utf-8")
    assert before.count('"loss"') >= 6
    assert call("1000") == "done"
    assert (store / "runs" / "one" / "metrics.jsonl").read_text(encoding="utf-8") == before
    assert cli.main(["parts", str(out), str(tmp_path / "home")]) == 0
    found = {str(p.relative_to(tmp_path / "home")) for p in (tmp_path / "home").rglob("*") if p.is_file()}
    assert {"metrics.jsonl", "config.json", "curves.png", "adapter/adapter_model.safetensors"} <= found
    for state, label in (("tuned", "tiny-qwen2+one"), ("untuned", "tiny-qwen2")):
        result = json.loads((tmp_path / f"home/results/{state}-rows.jsonl/result.json").read_text())
        assert (result["n"], result["model"]) == (2, label)
    raw = json.loads((tmp_path / "home/adapter/adapter_config.json").read_text(encoding="utf-8"))
    assert raw["base_model_name_or_path"] == "tiny-qwen2"
    # what came home is a run's folder: it is published from there, under the base's own name
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path / "cache"))
    assert cli.main(["parts", str(out), str(tmp_path / "cache" / "runs" / "one")]) == 0
    (tmp_path / "failures.md").write_text("- It knows nothing.", encoding="utf-8")
    results = tmp_path / "cache/runs/one/results/tuned-rows.jsonl/result.json"
    asked = ["--out", str(tmp_path / "card"), "--results", str(results), "--failures", str(tmp_path / "failures.md")]
    assert cli.main(["publish", "one", *asked]) == 0
    assert "# LoRA adapter for tiny-qwen2" in (tmp_path / "card" / "README.md").read_text(encoding="utf-8")
    # what a call was cut off over is done again: half an adapter, half a base; another configuration is no going on
    adapter = store / "runs" / "one" / "adapter" / "adapter_model.safetensors"
    whole = adapter.read_bytes()
    adapter.write_bytes(whole[: len(whole) // 2])
    assert call("1000") == "done"
    assert adapter.read_bytes() == whole
    config.write_text(config.read_text(encoding="utf-8").replace("rank = 2", "rank = 4"), encoding="utf-8")
    assert call("1000", code=9) == ""
    other = tmp_path / "cache" / "runs" / "one" / "config.json"
    other.write_text(other.read_text(encoding="utf-8").replace('"rank": 2', '"rank": 4'), encoding="utf-8")
    assert cli.main(["parts", str(out), str(other.parent)]) == 9  # another run of that name is not written over
    assert "another configuration (lora.rank)" in capsys.readouterr().err


def test_a_base_without_a_chat_form_is_measured_as_it_was_trained_and_a_failure_leaves_what_there_is(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.make("bart", tmp_path / "hf")
    with tarfile.open(tmp_path / "tiny-bart.tar", "w") as archive:
        for path in sorted((tmp_path / "hf").iterdir()):
            archive.add(path, arcname=path.name)
    slot.split(tmp_path / "tiny-bart.tar", tmp_path / "parts", 1_000_000)
    where = [f"--{name}={tmp_path / name}" for name in ("parts", "store", "out")]
    asked = ["slot", str(config), "--id", "one", *where, "--data", str(tmp_path), "--limit", "1"]
    asked += [
        "--set",
        "base.kind=encoder-decoder",
        "--set",
        "base.name=tiny-bart",
        "--sets",
        str(tmp_path / "rows.jsonl"),
    ]
    for seconds in ("nan", "-1"):
        assert cli.main([*asked, "--seconds", seconds]) == 2
    assert cli.main([*asked, "nosuch", "--seconds", "1000"]) == 9
    assert "There is no set 'nosuch'" in capsys.readouterr().err
    assert not (tmp_path / "store").exists()  # said before anything was done

    def fails(*_: object) -> None:
        raise TrainingError("The encoder is gone.")

    with monkeypatch.context() as patch:
        patch.setattr(slot.evaluation, "run", fails)
        assert cli.main([*asked, "--seconds", "1000"]) == 9
    slot.join(tmp_path / "out", tmp_path / "home")
    assert (tmp_path / "home" / "adapter" / "adapter_model.safetensors").is_file()
    assert cli.main([*asked, "--seconds", "1000"]) == 0
    assert capsys.readouterr().out == "done\n"


def test_what_cannot_be_cut_or_joined_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "file").write_bytes(b"x" * 10)
    for arguments in (["empty", "to"], ["file", "to", "--bytes", "0"], ["file", "to", "--bytes", "-3"]):
        first, second, *rest = arguments
        assert cli.main(["parts", str(tmp_path / first), str(tmp_path / second), *rest]) == 2
        assert "cannot be cut" in capsys.readouterr().err
    assert cli.main(["parts", str(tmp_path / "file"), str(tmp_path / "empty")]) == 9
    assert "cannot be written" in capsys.readouterr().err
    slot.split(tmp_path / "file", tmp_path / "to", 4)
    assert cli.main(["parts", str(tmp_path / "to"), str(tmp_path / "home")]) == 9
    assert "no results of a slot" in capsys.readouterr().err


def test_a_base_that_was_half_unpacked_is_unpacked_again(parts: Path, tmp_path: Path) -> None:
    whole, _ = slot.gather(parts, tmp_path)
    assert whole is not None
    (tmp_path / ".base").mkdir()
    (tmp_path / ".base" / "config.json").write_text("{", encoding="utf-8")
    folder = slot.base_folder(whole, "tiny", tmp_path)
    names = {p.name for p in (parts.parent / "hf").iterdir()}
    assert {p.name for p in folder.iterdir()} == names
    assert json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"] == "qwen2"
    whole.write_bytes(whole.read_bytes()[:1000])
    folder.rename(tmp_path / "away")
    with pytest.raises(BaseModelError, match="cannot be unpacked"):
        slot.base_folder(whole, "tiny", tmp_path)
    assert not folder.exists()


def test_a_catalogue_base_arrives_in_parts_and_becomes_a_folder_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As on the lent machine: the GGUF itself, a cache that holds nothing, no mirror to fetch from."""
    gguf, expected = fetch(get(BASE)), hf_folder(BASE)
    arriving, store = tmp_path / "arriving", tmp_path / "store"
    assert cli.main(["parts", str(gguf), str(arriving), "--bytes", "40000000"]) == 0
    late = (arriving / "0001.part").rename(tmp_path / "0001.part")
    assert slot.gather(arriving, store) == (None, [1])
    late.rename(arriving / "0001.part")
    whole, lacking = slot.gather(arriving, store)
    assert whole is not None
    assert (whole.name, lacking) == (get(BASE).file, [])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path / "cache"))
    cut = tmp_path / gguf.name
    cut.write_bytes(whole.read_bytes()[:1_000_000])
    with pytest.raises(BaseModelError, match=f"The base '{BASE}' could not be prepared"):
        slot.base_folder(cut, BASE, store)
    assert "cut short" in capfd.readouterr().err
    folder = slot.base_folder(whole, BASE, store)
    assert folder.is_relative_to(tmp_path / "cache")
    names = sorted(path.name for path in expected.iterdir() if not path.name.startswith("."))
    assert "model.safetensors" in names
    assert filecmp.cmpfiles(folder, expected, names, shallow=False) == (names, [], [])
    network = model.load(folder, Base(BASE), torch.bfloat16)
    assert sum(p.numel() for p in network.parameters()) == get(BASE).parameters
    assert slot.base_folder(whole, BASE, store) == folder


@pytest.mark.parametrize(
    "index",
    [
        "{",
        "[]",
        '{"name": "../../up", "sha256": "a", "parts": ["b"]}',
        '{"name": ".hidden", "sha256": "a", "parts": ["b"]}',
        '{"name": "a", "sha256": "a", "parts": []}',
        '{"name": "a", "sha256": "a", "parts": [1]}',
    ],
)
def test_an_index_that_names_no_plain_file_is_refused(tmp_path: Path, index: str) -> None:
    (tmp_path / "parts.json").write_text(index, encoding="utf-8")
    with pytest.raises(BaseModelError, match="is damaged"):
        slot.gather(tmp_path, tmp_path / "store")


def test_a_store_keeps_to_one_base(parts: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10)
    slot.split(tmp_path / "file", tmp_path / "other", 5)
    slot.gather(parts, tmp_path / "store")
    with pytest.raises(BaseModelError, match="holds another file"):
        slot.gather(tmp_path / "other", tmp_path / "store")
    slot.gather(parts, tmp_path / "store")


def test_damage_on_the_way_is_named(parts: Path, tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match="not begun"):
        slot.gather(tmp_path, tmp_path / "store")
    for path in parts.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "0001.part").write_bytes(b"x" + (tmp_path / "0001.part").read_bytes()[1:])
    with pytest.raises(BaseModelError, match="Part 1 of the base is damaged"):
        slot.gather(tmp_path, tmp_path / "store")
    (tmp_path / "0001.part").unlink()
    assert slot.gather(tmp_path, tmp_path / "store") == (None, [1])
    with pytest.raises(TrainingError, match="1 part"):
        slot.join(tmp_path, tmp_path / "store")
