"""A recorded session, replayed without its pauses: after a visit nothing of it is left in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from functional.session_kit import HALF_AN_HOUR, alive, alive_since, lines, minutes, visit
from functional.tui_kit import empty_vault, leave, make_app, unlock, until
from textual._compositor import Compositor


def test_eight_recorded_visits_are_half_an_hour() -> None:
    assert 30 <= HALF_AN_HOUR * minutes() < 45
    assert sum(len(keys) for _, keys, _ in lines()) > 150


@pytest.mark.long
async def test_a_visit_leaves_nothing_behind(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Compositor, "render_update", lambda *_, **__: None)  # nobody looks: half of the work
    empty_vault(home)
    before = alive()
    app = make_app(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await unlock(pilot)
        await visit(app, pilot, 0, home / "exports")
        await until(pilot, lambda: not alive_since(before)["SafeArea"], "the fields' end", looks=1000)
        first = alive_since(before)
        assert first["LibraryScreen"] == 1
        await visit(app, pilot, 0, home / "exports")
        # Closed screens go when their last timer has ended: what is more than after the first visit must go, too.
        await until(pilot, lambda: not alive_since(before) - first, "what the second visit made to go", looks=1000)
        await leave(pilot)
