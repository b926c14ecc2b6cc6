"""Questions in front of a screen: one base, and the few shapes that all of them have."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList
from textual.widgets.option_list import Option

from edge.errors import EdgescribeError
from edge.text import one_line
from tui import actions
from tui.labels import seal_line
from tui.texts import t
from tui.texts.core import hint_label, told
from tui.widgets.safe import Label, SafeInput, button, label

R = TypeVar("R")


class Dialog(ModalScreen[R]):
    """A box in the middle; below 30 lines its fields and buttons take one line each. Escape answers None."""

    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-short"), (30, "-tall")]  # noqa: RUF012 - as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", show=False)]
    heading = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Label(self.heading, classes="dialog-title")
            yield from self.body()

    def body(self) -> ComposeResult:
        """What stands under the title."""
        raise NotImplementedError

    def action_give_up(self) -> None:
        self.dismiss(None)


class Confirm(Dialog[bool]):
    """Yes or no; no is where the focus is. Their first letters answer, too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,j", "answer(True)", show=False),
        Binding("n", "answer(False)", show=False),
        Binding("right", "app.focus_next", show=False),
        Binding("left", "app.focus_previous", show=False),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self.heading = question

    def body(self) -> ComposeResult:
        with Horizontal(classes="buttons"):
            yield button(t("app.no"), "no", "primary")
            yield button(t("app.yes"), "yes", "error")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, sure: bool) -> None:
        self.dismiss(sure)


class Complaint(Dialog[bool]):
    """A named error: what happened, why, what to do. mend: the title of a button that leads there; it answers True."""

    AUTO_FOCUS = "#ok"  # it may come by itself: Enter only closes it

    def __init__(self, error: EdgescribeError, mend: str = "") -> None:
        super().__init__()
        self._error, self._mend = error, mend
        self.heading = told(error.what)

    def body(self) -> ComposeResult:
        if self._error.why:
            yield Label(told(self._error.why))
        if hint := told(hint_label(self._error.hint)):
            yield Label(f"→ {hint}")
        with Horizontal(classes="buttons"):
            if self._mend:
                yield button(self._mend, "mend")
            yield button(t("app.ok"), "ok", "primary")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "mend")


class Ask(Dialog[str]):
    """One line of text."""

    def __init__(
        self, heading: str, prompt: str, value: str = "", ok: str = "", note: str = "", password: bool = False
    ) -> None:
        super().__init__()
        self.heading, self._prompt, self._value, self._ok, self._note = heading, prompt, value, ok, note
        self._password = password

    def body(self) -> ComposeResult:
        if self._note:
            yield Label(self._note, classes="dialog-note")
        if self._prompt:
            yield Label(self._prompt)
        yield SafeInput(self._value, password=self._password)
        with Horizontal(classes="buttons"):
            yield button(t("app.cancel"), "no")
            yield button(self._ok or t("app.ok"), "yes", "primary")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(self.query_one(SafeInput).value if event.button.id == "yes" else None)


class Choose(Dialog[str]):
    """One of several. options: (answer, shown)."""

    def __init__(self, heading: str, options: list[tuple[str, str]], note: str = "", chosen: str = "") -> None:
        super().__init__()
        self.heading, self._options, self._note, self._chosen = heading, options, note, chosen

    def body(self) -> ComposeResult:
        if self._note:
            yield Label(self._note, classes="dialog-note")
        yield OptionList(*[Option(label(shown)) for _, shown in self._options], markup=False)

    def on_mount(self) -> None:
        answers = [answer for answer, _ in self._options]
        self.query_one(OptionList).highlighted = answers.index(self._chosen) if self._chosen in answers else 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._options[event.option_index][0])


class Sign(Dialog[str]):
    """The one confirmation before a note is final. cut: names of what is INCOMPLETE. shown: what is open, a line
    each."""

    AUTO_FOCUS = "SafeInput"  # the name is typed at once; what is shown scrolls with Tab

    def __init__(self, signer: str, cut: list[str], shown: list[str] | None = None) -> None:
        super().__init__()
        self.heading = t("sign.title")
        self._signer, self._cut, self._shown = signer, cut, shown or []

    def body(self) -> ComposeResult:
        yield Label(t("sign.about"))
        if self._cut:
            names = one_line(", ".join(self._cut))
            yield Label(Text(t("sign.incomplete", sections=names), style="bold reverse"), classes="dialog-note")
        if self._shown:  # the list can be scrolled; the cursor begins in the name (on_mount)
            yield Label(t("sign.shown", count=len(self._shown)), classes="dialog-note")
            with VerticalScroll(classes="sign-shown"):
                yield Label("\n".join(self._shown))
        yield Label(t("sign.name"))
        yield SafeInput(self._signer)
        with Horizontal(classes="buttons"):
            yield button(t("app.cancel"), "no")
            yield button(t("sign.button"), "yes", "primary")

    def on_mount(self) -> None:
        self.query_one(SafeInput).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        name = self.query_one(SafeInput).value.strip()
        if event.button.id == "no" or name:
            self.dismiss(name if event.button.id == "yes" else None)


class Help(Dialog[bool]):
    """All keys, from the registry."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f1,question_mark,q", "give_up", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self.heading = t("help.title")

    def body(self) -> ComposeResult:
        with VerticalScroll():
            here = next((getattr(one, "scope", "") for one in reversed(self.app.screen_stack) if one is not self), "")
            yield Label(self.table(here))
            seal = getattr(self.app, "seal", None)
            word = {"kernel": "sealed", "partial": "partly"}.get(seal.level if seal is not None else "", "unsealed")
            yield Label(Text(t(f"app.{word}"), "bold"))
            yield Label(seal_line(seal))
        yield Label(t("help.close"), classes="dialog-note")

    @staticmethod
    def table(here: str = "") -> Text:
        """Keys and what they do, by screen: those of the screen it was asked on first."""
        out = Text()
        scopes = ("app", "library", "encounter", "settings", "template")
        for scope in sorted(scopes, key=lambda scope: scope != here):
            out.append(t(f"help.{'everywhere' if scope == 'app' else scope}") + "\n", "bold")
            for action in actions.of(scope):
                keys = ", ".join(actions.shown(key) for key in action.keys.split(","))
                out.append(f"  {keys:<14} {action.title}\n")
            out.append("\n")
        return out
