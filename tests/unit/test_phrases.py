"""The table of phrases of a bundle: what it says, what is refused, what it is counted in, how a bundle gets it."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest

from edge.contract.bundle import load_phrases, verify_bundle
from edge.contract.phrases import MAX_PHRASES_BYTES, PHRASES, START, parse_phrases, phrases_bytes
from edge.errors import BaseModelError, BundleError, TrainingError
from edge.paths import checkout
from export import bundles, pack
from export.card import described
from export.to_onnx import Build
from tests.bundle_kit import contents, write_bundle
from tests.tagging_kit import word_tokenizer
from tests.training_kit import documents
from training import cli, config, mixing, phrases
from training.mixing import PreparedSets

TOKENIZER = hashlib.sha256(contents()["tokenizer.json"]).hexdigest()
RUNS = {(START,): (1, 3, 4), (START, 1): (2, 2, 2), (1,): (3, 1, 2), (1, 2, 3): (4, 5, 50), (15,): (0, 1, 1)}


def table(tokenizer: str = TOKENIZER) -> bytes:
    return phrases_bytes(RUNS, tokenizer, ["Notes"], 7)


def test_the_longest_known_run_tells_what_follows() -> None:
    found = parse_phrases(table(), TOKENIZER)
    assert (found.head.entries, found.head.answers, found.head.sources) == (5, 7, ["Notes"])
    assert found.after([START]) == (1, 191)
    assert found.after([START, 1]) == (2, 255)
    assert found.after([9, 9, 1]) == (3, 127)
    assert found.after([1, 2, 3]) == (4, 25)
    assert found.after([15]) == (0, 255)
    assert [found.after(ids) for ids in ([], [2], [9, 2, 3], [0], [(1 << 20) - 1])] == [None] * 5


def test_every_run_of_a_large_table_is_found() -> None:
    rng = random.Random(4)
    runs = {
        tuple(rng.choices(range(150_000), k=rng.randint(1, 3))): (rng.randrange(150_000), 1, 1) for _ in range(5000)
    }
    found = parse_phrases(phrases_bytes(runs, TOKENIZER, [], 1), TOKENIZER)
    assert [found.after(run) for run in runs] == [(token, 255) for token, _, _ in runs.values()]


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        (table("1" * 64), "another tokenizer"),
        (table()[:-1], "wrong length"),
        (table() + b"\0", "wrong length"),
        (table().replace(b'"entries": 5', b'"entries": -1'), "no table"),
        (table().replace(b"edgescribe-phrases", b"edgescribe-phrase"), "no table"),
        (table().replace(b'"version": 1', b'"version": 2'), "no table"),
        (b"", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (table().split(b"\n")[0] + b"\n" + bytes(13 * 5), "not in order"),
    ],
)
def test_what_is_no_table_of_this_tokenizer_is_refused(spoiled: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=said):
        parse_phrases(spoiled, TOKENIZER)
    folder = write_bundle(tmp_path / "tiny", contents() | {PHRASES: spoiled})
    with pytest.raises(BundleError, match=said):
        verify_bundle(folder)


def test_a_bundle_has_its_table_verified_and_one_without_is_as_before(tmp_path: Path) -> None:
    bare = verify_bundle(write_bundle(tmp_path / "bare"))
    assert load_phrases(bare.folder, bare.manifest) is None
    bundle = verify_bundle(write_bundle(tmp_path / "tiny", contents() | {PHRASES: table()}))
    found = load_phrases(bundle.folder, bundle.manifest)
    assert found is not None
    assert found.after([1]) == (3, 127)
    with pytest.raises(BundleError, match="tokens that there are not"):
        found.check(4)
    found.check(5)
    path = bundle.folder / PHRASES
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(BundleError, match="altered"):
        verify_bundle(bundle.folder)


def test_an_adapters_table_comes_into_the_bundle_and_that_of_another_tokenizer_is_refused(tmp_path: Path) -> None:
    built, adapter = tmp_path / "built", tmp_path / "adapter"
    good = verify_bundle(write_bundle(tmp_path / "good"))
    built.mkdir()
    adapter.mkdir()
    for name, raw in contents().items():
        (built / name).write_bytes(raw)
    build = Build(built, {name: hashlib.sha256(raw).hexdigest() for name, raw in contents().items()})
    assert bundles.with_phrases(build, None) == build
    assert bundles.with_phrases(build, adapter) == build
    (adapter / PHRASES).write_bytes(table())
    packed = pack.pack(bundles.with_phrases(build, adapter), good.manifest, tmp_path / "tiny")
    assert load_phrases(packed.folder, verify_bundle(packed.folder).manifest) is not None
    assert PHRASES in described(packed.manifest)[1]["model-card.md"].decode()
    assert not (built / PHRASES).exists()  # the build is shared by adapters of the same weights
    assert pack.pack(bundles.with_phrases(build, adapter), good.manifest, tmp_path / "tiny") == packed
    (adapter / PHRASES).write_bytes(table("1" * 64))
    with pytest.raises(BaseModelError, match="does not fit"):
        bundles.with_phrases(build, adapter)


def test_what_only_one_answer_says_is_not_counted() -> None:
    found = phrases.count([[1, 2, 3, 9, 9, 9], [1, 2, 4], [1, 2, 4]])
    assert found[START,] == (1, 3, 3)
    assert found[1, 2] == (4, 2, 3)
    assert found[START, 1, 2] == (4, 2, 3)
    assert (9,) not in found  # twice, in one answer
    assert (2, 3) not in found
    assert phrases.count([]) == {}


def test_a_table_holds_the_most_frequent_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phrases, "MOST", 2)
    assert phrases.count([[1, 2], [1, 2], [1, 3], [4, 5], [4, 5]]) == {(START,): (1, 3, 5), (1,): (2, 2, 3)}


def test_the_verb_counts_public_sets_alone_and_names_them_in_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    base.mkdir()
    adapter.mkdir()
    word_tokenizer(["the", "0", "1", "2", "none", "."]).save(str(base / "tokenizer.json"))
    (base / "config.json").write_text("{}", encoding="utf-8")
    own = str(tmp_path / "own.jsonl")
    sets = PreparedSets({"mts": documents(3), own: documents(3)}, [], {})
    monkeypatch.setattr(mixing, "prepare", lambda *_: sets)
    path = tmp_path / "c.toml"
    passes = {"mts": 1.0, own: 2.0, "aci": 0.0}
    lines = ", ".join(f"{json.dumps(name)} = {times}" for name, times in passes.items())
    path.write_text(f"[base]\nname = {json.dumps(str(base))}\n[data]\npasses = {{ {lines} }}\n", encoding="utf-8")
    asked = ["phrases", str(path), "--out", str(adapter), "--data", str(tmp_path)]
    assert cli.main(asked) == 2
    assert "is no folder of an adapter" in capsys.readouterr().err
    (adapter / "adapter_config.json").write_text("{}", encoding="utf-8")
    (adapter / "README.md").write_text("# LoRA adapter\n\nWrites notes.\n", encoding="utf-8")
    for _ in range(2):  # the second takes the place of the first
        assert cli.main(asked) == 0
        card = (adapter / "README.md").read_text(encoding="utf-8")
        assert card.startswith(
            "# LoRA adapter\n\nWrites notes.\n\n## Phrases\n\n`phrases.data`: 1 runs counted in 4 answers"
        )
        assert card.endswith("- MTS-Dialog (Ben Abacha et al., EACL 2023), CC BY 4.0\n")
    raw = (adapter / PHRASES).read_bytes()
    found = parse_phrases(raw, hashlib.sha256((base / "tokenizer.json").read_bytes()).hexdigest())
    assert found.head.sources == ["MTS-Dialog (Ben Abacha et al., EACL 2023)"]
    assert found.after([START]) == (6, 255 * 3 // 4)  # "the" begins three of the four


def test_documents_of_ones_own_make_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = str(tmp_path / "own.jsonl")
    chosen = config.parse({"base": {"name": "b"}, "data": {"passes": {own: 1.0}}}, "test")
    monkeypatch.setattr(mixing, "prepare", lambda *_: PreparedSets({own: documents(3)}, [], {}))
    assert phrases.public(chosen.data) == []
    with pytest.raises(TrainingError, match="nothing to count"):
        phrases.write(chosen, tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_published_adapter_has_its_table() -> None:
    root = checkout()
    assert root is not None
    tables = sorted((root / "models" / "adapters").glob(f"*/{PHRASES}"))
    assert len(tables) == 1
    for path in tables:
        raw = path.read_bytes()
        assert len(raw) < MAX_PHRASES_BYTES
        head = json.loads(raw.partition(b"\n")[0])
        assert parse_phrases(raw, head["tokenizer_sha256"]).head.answers == 1976
        card = (path.parent / "README.md").read_text(encoding="utf-8")
        assert all(source in card.partition("## Phrases")[2] for source in head["sources"])
