"""The runtime gets the cores that this process may use, no more."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import pytest

from edge.cli import build_parser
from edge.coding import encoder as coding_encoder
from edge.engine import threads
from edge.tagging import onnx as tagging_onnx
from edge.verbs.audit import verbs_of

OF_RECORDS = ("extract", "rewrite", "write")


@pytest.mark.parametrize(
    ("cores", "share", "expected"),
    [(1, "max 100000", 1), (2, "max 100000", 2), (8, "max 100000", 7), (8, "200000 100000", 2), (8, "50000 100000", 1)],
)
def test_threads_follow_affinity_and_the_containers_share(
    cores: int, share: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(share)
    monkeypatch.setattr(threads, "_CPU_MAX", file)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert threads.usable_cores() == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", 7), ("300000", 2), ("50000", 1)])
def test_the_share_of_older_control_groups(
    quota: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu.cfs_period_us").write_text("100000")
    monkeypatch.setattr(threads, "_CPU_MAX", tmp_path / "missing")
    monkeypatch.setattr(threads, "_OLDER", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert threads.usable_cores() == expected


def test_without_a_readable_share_affinity_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_CPU_MAX", tmp_path / "missing")
    monkeypatch.setattr(threads, "_OLDER", tmp_path / "missing")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert threads.usable_cores() == 2


@pytest.mark.parametrize(("asked", "given"), [(0, 3), (2, 2)])
def test_a_tagger_keeps_to_the_share_too(
    asked: int, given: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class Session:
        def __init__(self, _: str, options: Any, **__: object) -> None:
            seen.append(options.intra_op_num_threads)

        def get_inputs(self) -> list[object]:
            return []

    monkeypatch.setattr(tagging_onnx, "usable_cores", lambda: 3)
    monkeypatch.setattr(tagging_onnx.ort, "InferenceSession", Session)
    tagging_onnx.OnnxBackend(tmp_path, asked)
    assert seen == [given, given]


@pytest.mark.parametrize(("asked", "given"), [(0, 3), (2, 2)])
def test_an_encoder_of_codes_keeps_to_the_share_too(
    asked: int, given: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr(coding_encoder, "usable_cores", lambda: 3)
    monkeypatch.setattr(
        coding_encoder.ort, "InferenceSession", lambda _, options, **__: seen.append(options.intra_op_num_threads)
    )
    coding_encoder.OnnxTextEncoder(tmp_path, None, asked)
    assert seen == [given]


def test_every_verb_that_runs_a_model_takes_threads() -> None:
    parser = build_parser()
    running, others = set(), {"audit network", "doctor"}  # one starts the others, one looks at files
    coding = {"code", "records codes"}  # they take the installed coding bundle, and no other
    for words in verbs_of(parser):
        verb = parser
        for word in words:
            (actions,) = [one for one in verb._actions if isinstance(one, argparse._SubParsersAction)]
            verb = actions.choices[word]
        if {"--bundle", "--tagger"} & set(verb._option_string_actions) or " ".join(words) in coding:
            running.add(words)
            assert ("--threads" in verb._option_string_actions) == (" ".join(words) not in others), words
    named = {"app", "window", "check", "demo", "extract", "facts", "note"} | {f"records {one}" for one in OF_RECORDS}
    assert {" ".join(words) for words in running} == named | others | coding
