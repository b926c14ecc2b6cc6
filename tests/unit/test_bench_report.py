"""The tables of `python -m tests.bench speed`: a table for each number of threads, the clocks that can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.bench import speed_report


def row(threads: int, busy: bool) -> dict[str, Any]:
    """Ours reads at 200 tokens a wall second and 100 a processor second, theirs at half of it."""
    ours = {
        "read": [1.0, 2.0], "read_tokens": 200, "write": [4.0, 5.0], "write_tokens": 100, "plain": [2.0, 3.0],
        "plain_tokens": 40, "fields": [1.0, 1.0], "fields_tokens": 10, "first": [0.25, 0.5], "loaded": [1.0, 1.5],
        "visit": [6.0, 9.0], "passes": 80, "peak": 300_000_000,
    }  # fmt: skip
    theirs = {
        "read": [2.0, 4.0], "read_tokens": 200, "write": [8.0, 10.0], "write_tokens": 100, "visit": [12.0, 18.0],
        "anew": [24.0, 36.0], "peak": 400_000_000,
    }  # fmt: skip
    return {
        "name": "model-x", "tokens": 900, "threads": threads, "busy": busy, "weights": 100_000_000, "ours": ours,
        "theirs": theirs,
    }  # fmt: skip


def test_each_number_of_threads_has_its_tables_with_the_clocks_that_hold() -> None:
    text = speed_report.measured([row(2, False), row(1, True)], [], speed_report.Options(1, ", here"))
    one, two = text.split("One round, 2 threads each")
    assert "one thread each, int4 builds beside the published GGUF of the same base, here: processor time." in one
    assert "| model-x, 900 | 2.00 | 2.00 | 1.33 | 1.00 | 0.25 | 0.50 | 0.75 |" in one
    assert "| model-x, 900 | 2.00 / 2.00 | 2.00 / 2.00 | 1.60 / 1.33 |" in two
    assert "A thread that waits for another may spin" in two
    assert "the second is the one to trust" in speed_report.measured([row(1, False)], [], speed_report.Options(1))
    assert "| 0.25 / 0.50 | 1.00 / 1.50 | 300, 200, 400 |" in two


def test_the_page_is_replaced_between_its_marks_alone(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{speed_report.BEGIN}\nold\n{speed_report.END}\nafter\n", encoding="utf-8")
    grown = {
        "name": "model-x", "read": {"250": [1, 1.0], "2000": [1, 8.0], "4000": [1, 16.0]},
        "write": {"250": [1, 0.01], "4000": [1, 0.02]}, "sections": {"1": [1, 2.0, 500, 30], "2": [1, 3.0, 540, 60]},
        "queue": {"1": [1, 3.0, 500, 30], "2": [1, 6.0, 1000, 60]},
    }  # fmt: skip
    text = speed_report.measured([row(1, True)], [grown, grown | {"name": "model-y"}], speed_report.Options(3))
    assert "reading 250 to 4,000 tokens | 1.0 to 16.0 s | 1.00; from 2,000 on 1.00 |" in text
    assert "Growth, by processor time (model-y):" in text
    speed_report.write(tmp_path, text, [grown, grown | {"name": "model-y"}])
    shown = page.read_text(encoding="utf-8")
    assert shown == f"before\n{speed_report.BEGIN}\n{text}{speed_report.END}\nafter\n"
    assert "Medians of 3 rounds in turns, one thread each" in shown
    assert (tmp_path / "performance-growth.svg").read_text(encoding="utf-8").count("<svg") == 1
