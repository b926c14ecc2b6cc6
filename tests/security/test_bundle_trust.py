"""Who may run: bundles of a pinned key and those built here; any other by --allow-unsigned alone, and it is said."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from bundle_kit import edit_manifest, write_bundle
from functional.tui_kit import FLOOR, SEALED, leave, screen_text, until

from edge import cli
from edge.contract.bundle import signed_by, verify_bundle
from edge.contract.signing import BUILT_HERE, PublicKey, trust
from edge.encounters import writing
from edge.engine.loader import load_engine
from edge.engine.scripted import ScriptedEngine
from edge.errors import BundleError, Cancelled, EdgescribeError, UsageError
from edge.verbs import demo
from export import cli as export_cli
from export.machine import built_here, key_file, sign_here
from export.sign import keygen, sign
from tui import launcher, settings, texts
from tui.app import EdgeApp
from tui.vault_thread import VaultThread


def test_the_loader_refuses_an_unsigned_bundle_before_it_reads_a_weight(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "tiny")
    seen: list[int] = []
    with pytest.raises(BundleError, match=r"not signed by a key that this machine trusts.*--allow-unsigned"):
        load_engine(folder, lambda done, _: seen.append(done))
    assert seen == []
    with pytest.raises(EdgescribeError) as caught:  # allowed: verified, and only then too small to be a model
        load_engine(folder, lambda done, _: seen.append(done), allow_unsigned=True)
    assert "not signed" not in str(caught.value)
    assert seen


def test_the_key_of_somebody_unknown_is_no_signature(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "tiny")
    private, public = keygen("it", tmp_path, "correct horse battery")
    sign(folder, private, "correct horse battery")
    with pytest.raises(BundleError, match="not signed by a key that this machine trusts"):
        load_engine(folder)
    trust(public)
    assert signed_by(folder) == "it"
    edit_manifest(folder, purpose="clinical")
    assert signed_by(folder) is None
    with pytest.raises(BundleError, match="signature"):
        load_engine(folder, allow_unsigned=True)  # a false signature is worse than none


def test_what_is_built_here_is_trusted_here_and_only_here(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_bundle(tmp_path / "tiny")
    assert not built_here(folder)
    assert sign_here(folder) == BUILT_HERE
    assert built_here(folder)
    assert verify_bundle(folder, require_signature=True).signed_by == BUILT_HERE
    first = key_file().read_bytes()
    assert stat.S_IMODE(key_file().stat().st_mode) == 0o600
    assert sign_here(write_bundle(tmp_path / "other")) == BUILT_HERE
    assert key_file().read_bytes() == first
    assert [path.name for path in (home / "machine_key").iterdir()] == [f"{BUILT_HERE}.key"]
    monkeypatch.setenv("EDGESCRIBE_HOME", str(tmp_path / "another laptop"))
    assert signed_by(folder) is None
    assert sign_here(folder) == BUILT_HERE  # built again there: that machine's own signature
    assert signed_by(folder) == BUILT_HERE


def test_a_pinned_signature_is_not_replaced_by_the_machines(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "tiny")
    private, public = keygen("it", tmp_path, "correct horse battery")
    trust(public)
    sign(folder, private, "correct horse battery")
    before = (folder / "manifest.sig").read_bytes()
    assert sign_here(folder) == "it"
    assert (folder / "manifest.sig").read_bytes() == before


def test_no_key_from_elsewhere_takes_the_machines_name(tmp_path: Path) -> None:
    path = tmp_path / "evil.pub"
    path.write_text(PublicKey(BUILT_HERE, bytes(32)).line())
    with pytest.raises(UsageError, match="name of this machine's own key"):
        trust(path)


def test_a_spoiled_machine_key_is_a_named_error(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "tiny")
    sign_here(folder)
    key_file().write_text("nonsense\n")
    (folder / "manifest.sig").unlink()
    with pytest.raises(UsageError, match="Remove it; the next build makes another"):
        sign_here(folder)
    key_file().unlink()
    assert sign_here(folder) == BUILT_HERE
    assert verify_bundle(folder, require_signature=True).signed_by == BUILT_HERE


def test_the_largest_trusted_bundle_is_the_default_where_none_was_measured(home: Path) -> None:
    base = {"name": "b", "origin": "o", "sha256": "0" * 64, "licence": "l"}
    for name, size in (("small", 10), ("large", 20), ("huge", 30)):
        write_bundle(
            home / "bundles" / name, name=name, base={**base, "parameters": size}, purpose="clinical",
            adapter={"name": "a", "sha256": "1" * 64},
        )  # fmt: skip
    with pytest.raises(BundleError, match="No trusted key"):
        writing.chosen_bundle(None)
    for name in ("small", "large"):
        sign_here(home / "bundles" / name)
    assert writing.chosen_bundle(None)[0].name == "large"


@pytest.mark.parametrize("verb", ["note", "extract", "demo"])
def test_every_verb_says_it_even_when_asked_for_quiet(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = ScriptedEngine(lambda _: '{"age": []}' if verb == "extract" else "None.")
    engine.info = replace(engine.info, signed_by=None)
    asked: list[bool] = []

    def opened(bundle: str | None, progress: object, allow_unsigned: bool, *_: object) -> writing.Scribe:
        asked.append(allow_unsigned)
        return writing.Scribe(engine)

    monkeypatch.setattr(writing.Scribe, "open", opened)
    (tmp_path / "visit.txt").write_text("Doctor: What is it?\nPatient: My knee.\n")

    def stop(*_: object) -> None:
        raise Cancelled("Enough.")

    monkeypatch.setattr(demo, "_vault", stop)
    words = ["demo"] if verb == "demo" else [verb, str(tmp_path / "visit.txt"), "--quiet"]
    for allowed in ([], ["--allow-unsigned"]):
        args = cli.build_parser().parse_args([*words, *allowed])
        with contextlib.suppress(Cancelled):
            assert args.run(args) == 0
        assert capsys.readouterr().err.count("UNSIGNED") == 1
    assert asked == [False, True]


def test_the_app_hands_the_flag_to_its_window_and_nothing_else_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(launcher, "main", lambda options: started.append(list(options)) or 0)
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("EDGESCRIBE_ALLOW_UNSIGNED", "1")
    for words in (["app"], ["app", "--allow-unsigned"]):
        args = cli.build_parser().parse_args(words)
        args.run(args)
    assert started == [["window"], ["window", "--allow-unsigned"]]
    assert cli.build_parser().parse_args(started[1]).allow_unsigned
    assert not cli.build_parser().parse_args(started[0]).allow_unsigned


@pytest.mark.parametrize(("language", "word"), [("en", "SOURCE NOT VERIFIED"), ("de", "HERKUNFT UNGEPRÜFT")])
async def test_the_apps_status_line_says_it(tmp_path: Path, language: str, word: str) -> None:
    for signer in ("hospital-it", None):
        engine = ScriptedEngine(lambda _: "None.")
        engine.info = replace(engine.info, signed_by=signer)
        opener = partial(lambda engine, _: writing.Scribe(engine), engine)
        kept = replace(settings.load(), language=language)
        app = EdgeApp(VaultThread(tmp_path / "records.vault", FLOOR), opener, kept, SEALED)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda app=app: "scripted" in screen_text(app))  # type: ignore[misc]
            assert (word in screen_text(app)) is (signer is None)
            await leave(pilot)
    texts.use("en")


def test_build_signs_for_this_machine_and_a_verdict_keeps_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from edge.contract.manifest import Gate
    from export import bundles, verify
    from export.to_onnx import Build

    folder = write_bundle(tmp_path / "tiny")
    built = (verify_bundle(folder), Build(folder, {}))
    monkeypatch.setattr(bundles, "make_onnx_bundle", lambda *_, **__: built)
    assert export_cli.main(["onnx", "smollm2-135m-instruct"]) == 0
    assert f"signed by {BUILT_HERE}" in capsys.readouterr().err
    passed = Gate(passed=True, measured={}, limits={})
    monkeypatch.setattr(verify, "measure", lambda *_, **__: [passed])
    for words in (["verify", str(folder)], ["onnx", "smollm2-135m-instruct", "--verify"]):
        assert export_cli.main(words) == 0
        assert verify_bundle(folder, require_signature=True).manifest.gate == passed
    (folder / "manifest.sig").unlink()
    assert export_cli.main(["verify", str(folder)]) == 0  # not built here: nobody signs it in passing
    assert not os.path.lexists(folder / "manifest.sig")
