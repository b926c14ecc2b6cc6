"""The line that a run shows for each step, and its peak memory where the system does not tell."""

import importlib.util
import sys
from typing import Any

import pytest
import torch

from training import runlog
from training.schedule import Schedule


def _facts(**own: float) -> dict[str, Any]:
    return {"step": 5, "loss": 1.23456, "rate": 2e-4, "norm": 0.987, "tokens": 3000, "seconds": 1.5, **own}


@pytest.mark.parametrize(
    ("facts", "schedule", "shown"),
    [
        (_facts(elapsed=1200.0), Schedule(0.1, 20, 0), "step 5/20  25.0 %  left 1:00:00"),
        (_facts(elapsed=1000.0), Schedule(0.1, 0, 8323), "step 5  12.0 %  left 2:02:03"),
        (_facts(elapsed=90.0), Schedule(0.1, 20, 100), "step 5/20  90.0 %  left 0:00:10"),  # whichever is further along
        (_facts(step=20, elapsed=1200.0), Schedule(0.1, 20, 0), "step 20/20  100.0 %  left 0:00:00"),
    ],
)
def test_a_step_shows_speed_time_left_and_memory(
    facts: dict[str, Any], schedule: Schedule, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runlog, "peak_bytes", lambda: 1_260_000_000)
    step, share, left = shown.split("  ")
    figures = "loss 1.2346  rate 2.0e-04  norm 0.99  2000 tok/s"
    assert runlog.progress_line(facts, schedule) == f"{step}  {figures}  {share}  {left}  peak 1.3 GB"


def test_the_rate_follows_the_middle_of_a_step() -> None:
    assert Schedule(0.1, 20, 0).progress(4, 0.0) == pytest.approx(4.5 / 20)
    assert Schedule(0.1, 20, 100).progress(4, 50.0) == pytest.approx(0.5)
    assert Schedule(0.1, 20, 0).progress(30, 0.0) == 1.0


def test_a_system_that_tells_no_peak_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where there is no module `resource`."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert runlog.peak_bytes() > 1e6
    monkeypatch.setitem(sys.modules, "resource", None)
    spec = importlib.util.find_spec("training.runlog")
    assert spec
    assert spec.loader
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    assert fresh.peak_bytes() == 0
