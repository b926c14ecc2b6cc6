"""`python -m tests.bench`: help and unknown names start nothing."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.bench import __main__ as bench


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the modules that would have been started; the engine's benchmark fails."""
    names: list[str] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        names.append(command[-1])
        return subprocess.CompletedProcess(command, int(command[-1].endswith("engine")))

    monkeypatch.setattr(bench.subprocess, "run", run)
    return names


def test_help_lists_the_benchmarks_and_starts_none(started: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        bench.main(["--help"])
    told = capsys.readouterr().out
    assert end.value.code == 0
    assert started == []
    assert len(bench.benches()) == 6
    assert all(f"  {name} " in told and said in told for name, said in bench.benches().items())


def test_an_unknown_name_is_named_with_those_there_are(started: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        bench.main(["store", "sped"])
    assert end.value.code == 2
    assert started == []
    assert "sped" in (told := capsys.readouterr().err)
    assert "app, engine, first, seal, speed, store" in told


def test_named_ones_run_in_turn_and_failures_are_told(started: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["store", "seal"]) == 0
    assert started == ["tests.bench.bench_store", "tests.bench.bench_seal"]
    assert bench.main([]) == 1
    assert len(started) == 2 + 6
    assert "failed: engine" in capsys.readouterr().err
