"""Adapters ready to commit: small weights without paths, and a card that says what they are, from what was measured."""

import json
import tomllib
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from edge.contract.manifest import DataSet, Figure
from edge.contract.prompts import PROMPT_VERSION, RENDERERS
from training import cli, config, phrases, publish

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run of the catalogue's base "b" over MTS-Dialog, in the cache."""
    monkeypatch.setenv("EDGESCRIBE_CACHE", str(tmp_path))
    run = tmp_path / "runs" / "one"
    (run / "adapter").mkdir(parents=True)
    save_file({"a.lora_A.weight": torch.ones(4, 8)}, str(run / "adapter" / "adapter_model.safetensors"))
    own = {"base_model_name_or_path": "/home/x/base", "target_modules": ["v_proj", "q_proj"], "r": 2}
    (run / "adapter" / "adapter_config.json").write_text(json.dumps(own), encoding="utf-8")
    _say(run, {"mts": 1.0}, {"mts.kept": 7, "leaks.note": 3})
    step = {"step": 1, "loss": 1.0, "tokens": 100, "answers": 10, "elapsed": 120.0}
    (run / "metrics.jsonl").write_text(json.dumps(step) + "\n", encoding="utf-8")
    return run


def _say(run: Path, passes: dict[str, float], counts: dict[str, int], base: str = "b") -> None:
    chosen = {"base": {"name": base}, "data": {"passes": passes}}
    (run / "config.json").write_text(json.dumps(chosen), encoding="utf-8")
    facts = {"device": "cpu", "threads": 1, "torch": "2", "peft": "0", "counts": counts}
    (run / "environment.json").write_text(json.dumps(facts), encoding="utf-8")


def _result(folder: Path, where: str, model: str = "m") -> Path:
    result = {
        "model": model, "precision": "int4", "set": where, "n": 2, "figures": {"rouge1": 20.0, "loop": 0.0},
        "intervals": {"rouge1": [10.0, 30.0]}, "floors": {},
    }  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return folder / "result.json"


def test_a_published_adapter_says_where_it_comes_from(run: Path, tmp_path: Path) -> None:
    done = publish.publish(run, "base-name", [_result(tmp_path / "r", "mts-valid")], "- It loops.", tmp_path / "out")
    assert load_file(str(tmp_path / "out" / "adapter_model.safetensors"))["a.lora_A.weight"].dtype == torch.float16
    text = "".join(p.read_text(encoding="utf-8") for p in done.folder.iterdir() if p.suffix != ".safetensors")
    assert "/home/x" not in text
    for wanted in (
        "base-name",
        "CC BY 4.0",
        f"Prompt version {PROMPT_VERSION}",
        "It loops.",
        "20.0 [10.0–30.0]",
        "2 minutes",
    ):
        assert wanted in text
    assert "Writes sections of clinical notes from conversations." in text
    assert "of export/catalog.toml, named there by sha256. Adapter licence: Apache-2.0" in text
    adapter = json.loads((done.folder / "adapter.json").read_text(encoding="utf-8"))
    assert adapter["languages"] == ["en"]
    assert [DataSet.model_validate(d).role for d in adapter["data"]] == ["training", "evaluation"]
    assert [Figure.model_validate(f).low for f in adapter["figures"]] == [10.0, None]
    assert json.loads((done.folder / "adapter_config.json").read_text())["target_modules"] == ["q_proj", "v_proj"]


def test_a_card_names_every_set_and_none_that_was_not_used(run: Path, tmp_path: Path) -> None:
    """Files of one's own by their names alone, without a licence that nobody gave; each set under its own licence."""
    own = "/home/x/clinic.jsonl"
    passes = {own: 2.0, "elmtex_synthetic": 0.5, "aci": 0.0}
    _say(run, passes, {f"{own}.kept": 9, "elmtex_synthetic.kept": 46, "valid.kept": 3}, base="/home/x/mine")
    results = tmp_path / "results"
    for name in ("elmtex-synthetic-valid", "elmtex-valid", "clinic.jsonl"):
        _result(results / name, name)
    publish.publish(run, "mine", [results], "- It loops.", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "Writes what its own documents ask for and the 15 ELMTEX fields of a report." in card
    assert "| Own documents (clinic.jsonl) | of your own, not stated | 9 | 2 |" in card
    assert "| Synthetic reports annotated with the 15 fields | CC0 | 46 | 0.5 |" in card
    assert "ACI-Bench (Yim" not in card.split("## Figures")[0]
    assert "`mine` from a folder" in card
    assert "Apache" not in card.split("## Figures")[0]
    data = json.loads((tmp_path / "out" / "adapter.json").read_text(encoding="utf-8"))["data"]
    assert [(DataSet.model_validate(d).name.split(" (")[0], d["licence"], d["records"]) for d in data] == [
        ("Synthetic reports annotated with the 15 fields", "CC0", 46),
        ("Own documents", "of your own, not stated", 9),
        ("clinic.jsonl: Own documents", "of your own, not stated", 2),
        ("elmtex-synthetic-valid: Synthetic reports annotated with the 15 fields", "CC0", 2),
        ("elmtex-valid: ACI-Bench notes annotated with the 15 ELMTEX fields", "CC BY 4.0", 2),
    ]
    assert not any("/home/x" in p.read_text(encoding="utf-8") for p in (tmp_path / "out").glob("*[.][jm]*[nd]"))


def test_figures_of_another_model_stand_beside_and_are_not_the_adapters_own(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, out = tmp_path / "results", tmp_path / "out"
    _result(results / "one-mts", "mts-valid", "one")
    _result(results / "one-aci", "aci-valid", "one")
    _result(results / "untuned-mts", "mts-valid", "b, untuned")
    (tmp_path / "failures.md").write_text("- It loops.", encoding="utf-8")
    asked = ["publish", "one", "--no-phrases", "--out", str(out)]
    asked += ["--failures", str(tmp_path / "failures.md"), "--results"]
    assert cli.main([*asked, *map(str, sorted(results.iterdir()))]) == 2
    said = capsys.readouterr().err
    assert all(part in said for part in ("of 2 models", "b, untuned, one", "--beside"))
    assert not out.exists()
    own, other = map(str, sorted(results.glob("one-*"))), str(results / "untuned-mts" / "result.json")
    assert cli.main([*asked, *own, "--beside", other]) == 0
    figures = json.loads((out / "adapter.json").read_text(encoding="utf-8"))["figures"]
    assert [figure["dataset"] for figure in figures] == ["aci-valid"] * 2 + ["mts-valid"] * 2
    assert "| b, untuned | int4 |" in (out / "README.md").read_text(encoding="utf-8")


def test_the_table_of_phrases_is_counted_in_the_runs_own_sets(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "failures.md").write_text("- It loops.", encoding="utf-8")
    asked = ["publish", "one", "--failures", str(tmp_path / "failures.md"), "--out"]
    counted = []

    def write(chosen: config.Config, data: Path, out: Path) -> Path:
        assert (out / "README.md").is_file()
        counted.append((list(chosen.data.passes), data))
        return out / "README.md"

    monkeypatch.setattr(phrases, "write", write)
    assert cli.main([*asked, str(tmp_path / "a"), "--data", str(tmp_path / "nosuch")]) == 9
    assert not (tmp_path / "a").exists()
    assert cli.main([*asked, str(tmp_path / "a"), "--data", str(tmp_path)]) == 0
    assert cli.main([*asked, str(tmp_path / "b"), "--data", str(tmp_path), "--no-phrases"]) == 0
    _say(run, {str(tmp_path / "own.jsonl"): 1.0}, {f"{tmp_path / 'own.jsonl'}.kept": 7})
    assert cli.main([*asked, str(tmp_path / "c")]) == 0  # a user's own documents alone: no table
    assert counted == [(["mts"], tmp_path)]
    capsys.readouterr()


def test_what_cannot_be_published_is_named_and_nothing_written(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, out = _result(tmp_path / "r", "mts-valid"), tmp_path / "out"
    (tmp_path / "failures.md").write_text("- It loops.", encoding="utf-8")
    (tmp_path / "blank.md").write_text(" \n", encoding="utf-8")
    (tmp_path / "bytes.md").write_bytes(b"\xff\xfe")
    (tmp_path / "damaged.json").write_text("{", encoding="utf-8")

    def says(message: str, results: Path = good, failures: str = "failures.md", to: Path = out) -> None:
        asked = ["--out", str(to), "--failures", str(tmp_path / failures), "--results", str(results)]
        assert cli.main(["publish", "one", "--no-phrases", *asked]) in {2, 9}
        assert message in capsys.readouterr().err
        assert not out.exists()

    says("is not an evaluation", results=tmp_path / "nosuch.json")
    says("is not an evaluation", results=tmp_path / "damaged.json")
    says("No failures are named", failures="blank.md")
    says("It is not UTF-8", failures="bytes.md")
    says("nosuch.md cannot be read", failures="nosuch.md")
    says("cannot be written", to=tmp_path / "blank.md")
    weights, damaged = run / "adapter" / "adapter_model.safetensors", {}
    for path, message in (
        (run / "metrics.jsonl", "has no metrics"),
        (run / "environment.json", "does not say what it was trained on"),
        (run / "config.json", "has no readable configuration"),
    ):
        damaged[path] = path.read_bytes()
        path.write_text("", encoding="utf-8")
        says(message)
        path.write_bytes(damaged[path])
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-9])
    says("The adapter of one is damaged")
    save_file({"a": torch.tensor([float("nan")])}, str(weights))
    says("not finite")
    weights.write_bytes(whole)
    asked = ["--out", str(out), "--failures", str(tmp_path / "failures.md"), "--results", str(good)]
    assert cli.main(["publish", "one", "--no-phrases", *asked]) == 0


def test_the_adapters_that_ship_are_small_and_say_what_they_are() -> None:
    catalogue = tomllib.loads((ROOT / "export" / "catalog.toml").read_text(encoding="utf-8"))
    folders = [path.parent for path in (ROOT / "models" / "adapters").glob("*/adapter_model.safetensors")]
    assert folders
    for folder in folders:
        weights = folder / "adapter_model.safetensors"
        assert weights.stat().st_size < (40_000_000 if "1.5b" in folder.name else 20_000_000)
        with safe_open(weights, "pt") as opened:
            assert {opened.get_slice(name).get_dtype() for name in opened.keys()} == {"F16"}  # noqa: SIM118 - no dict
        base = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
        assert base in catalogue
        facts = json.loads((folder / "adapter.json").read_text(encoding="utf-8"))
        assert facts["prompt_version"] in RENDERERS
        assert {DataSet.model_validate(d).role for d in facts["data"]} == {"training", "evaluation"}
        assert len([Figure.model_validate(f) for f in facts["figures"]]) >= 10
        card = (folder / "README.md").read_text(encoding="utf-8")
        for heading in ("## Data", "## Figures", "## Known failures"):
            assert len(card.split(heading)[1].split("\n## ")[0].strip()) > 100, heading
