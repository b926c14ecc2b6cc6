"""The field for a passphrase holds dots; what was typed is in one buffer, given out once and wiped."""

from __future__ import annotations

import random

from textual.app import App, ComposeResult

from tui.widgets.safe import SecretInput


class One(App[None]):
    def compose(self) -> ComposeResult:
        yield SecretInput()


async def test_it_types_like_any_field_and_holds_nothing() -> None:
    app = One()
    async with app.run_test() as pilot:
        field = app.query_one(SecretInput)
        await pilot.press(
            *"corect", "left", "left", "left", "r", "end", "backspace", "t", "space", "ü", "home", "delete"
        )
        assert field.value == "•" * 8
        assert field.take() == "orrect ü".encode()
        assert field.value == ""
        assert not any(field._kept)
        field.value = "pasted by a test"
        assert field.take() == b"pasted by a test"
        field.masked = False
        await pilot.press(*"23-ab")
        assert field.value == "23-ab"
        assert field.take() == b"23-ab"


async def test_it_keeps_what_a_plain_field_would() -> None:
    randomly, app = random.Random(8), One()
    async with app.run_test():
        field = app.query_one(SecretInput)
        for _ in range(60):
            shadow = ""
            for _ in range(randomly.randrange(12)):
                text = "".join(randomly.choices("abü€😀 ", k=randomly.randrange(5)))
                start, end = sorted(randomly.randrange(len(shadow) + 1) for _ in range(2))
                shadow = shadow[:start] + text + shadow[end:]
                field.replace(text, start, end)
            assert len(field.value) == len(shadow)
            assert field.take() == shadow.encode()
        field.replace("x" * 5000, 0, 0)
        assert len(field.take()) == 1024
