"""The runtime gets the cores that this process may use, no more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.engine import threads


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
