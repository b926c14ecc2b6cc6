"""The one registry of actions: keys, key bar, command palette and help are all made from it.

An action is a method action_<name> of the app (scope "app") or of the screen that its scope names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from textual.binding import Binding, BindingType
from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui.panels import PANELS
from tui.texts import t


@dataclass(frozen=True)
class Action:
    """name: of the method. keys: the first is shown. bar: in the key bar. over: before a focused field.

    text: of the catalogue, its title; "" for action.<name>.
    """

    name: str
    scope: str
    keys: str
    bar: bool = True
    over: bool = True
    text: str = ""

    @property
    def title(self) -> str:
        """What it does, in the language in use."""
        return t(self.text or f"action.{self.name}")

    @property
    def key(self) -> str:
        """The first key as it is written on a keyboard."""
        return shown(self.keys.split(",")[0])


def shown(key: str) -> str:
    """A key's name for people, in the language in use."""
    names = {"slash": "/", "question_mark": "?", "escape": "Esc", "enter": "Enter"}
    names |= {
        "ctrl": t("help.ctrl"),
        "delete": t("help.del"),
        "space": t("help.space"),
    }  # as they stand on the keyboard
    parts = [names.get(p, p.upper() if len(p) <= 3 and p.startswith("f") else p.capitalize()) for p in key.split("+")]
    if len(parts) == 1 and len(key) == 1:
        return key
    return "+".join(parts) if len(parts) > 1 else parts[0]


# What a panel may do with the line under its cursor: each panel says which of them it can (PanelBase.can).
_IN_PANELS = (
    ("mark", "space"), ("accept", "y"), ("add_row", "a"), ("insert", "i"), ("set_aside", "x,delete"), ("jump", "o"),
    ("look_anew", "n"),
)  # fmt: skip
IN_PANELS = tuple(name for name, _ in _IN_PANELS)
ACTIONS: tuple[Action, ...] = (
    Action("new", "library", "n", over=False),
    Action("open_row", "library", "enter", over=False),
    Action("open_file", "library", "o", over=False),
    Action("search", "library", "slash", over=False),
    Action("show_all", "library", "escape"),
    Action("filter", "library", "f", over=False),
    Action("export_row", "library", "e", bar=False, over=False),
    Action("delete", "library", "d,delete", over=False),
    Action("hold", "library", "h", bar=False, over=False),
    Action("sample", "library", "t", over=False),
    Action("write", "encounter", "ctrl+g"),
    Action("stop", "encounter", "ctrl+g"),
    Action("undo", "encounter", "ctrl+z"),
    Action("redo", "encounter", "ctrl+y", bar=False),
    Action("accept_cut", "encounter", "ctrl+k"),
    Action("speaker", "encounter", "s", over=False),
    Action("speaker_all", "encounter", "r", over=False),
    Action("speaker_next", "encounter", "u", over=False),
    Action("rewrite", "encounter", "ctrl+r"),
    Action("extract", "encounter", "f7"),
    Action("sign", "encounter", "f8"),
    Action("amend", "encounter", "f8"),
    Action("export", "encounter", "f9"),
    Action("copy", "encounter", "f5", bar=False),
    Action("back", "encounter", "escape,ctrl+b"),
    Action("swap", "encounter", "f6"),  # before others: on a narrow screen it is the way to the other side
    Action("title", "encounter", "ctrl+n"),
    Action("find", "encounter", "ctrl+f"),
    Action("template", "encounter", "ctrl+t"),
    *(Action(f"panel_{p.name}", "encounter", p.keys, bar=False, text=f"encounter.{p.name}") for p in PANELS),
    Action("edit_talk", "encounter", "ctrl+e", bar=False),
    Action("open_file", "encounter", "ctrl+o", bar=False),
    Action("save", "encounter", "ctrl+s", bar=False),
    *(Action(name, "encounter", keys, over=False) for name, keys in _IN_PANELS),
    Action("template_new", "settings", "n", over=False),
    Action("template_delete", "settings", "d,delete", over=False),
    Action("back", "settings", "escape"),
    Action("save", "template", "ctrl+s"),
    Action("discard", "template", "ctrl+r"),
    Action("back", "template", "escape,ctrl+b"),
    Action("help", "app", "f1,question_mark"),
    Action("palette", "app", "ctrl+p", bar=False),
    Action("settings", "app", "f10"),
    Action("lock", "app", "ctrl+l"),
    Action("quit", "app", "ctrl+q"),
)


def of(*scopes: str) -> list[Action]:
    """Actions of these scopes, in the registry's order."""
    return [action for action in ACTIONS if action.scope in scopes]


def bindings(scope: str) -> list[BindingType]:
    """Textual's bindings of a scope. Question mark and single letters stay typable in fields."""
    return [
        Binding(key, action.name, action.name, show=False, priority=action.over and key not in ("question_mark",))
        for action in of(scope)
        for key in action.keys.split(",")
    ]


class Commands(Provider):
    """Actions that are possible on the screen below the palette."""

    def _possible(self) -> Iterator[tuple[Action, Callable[[], object]]]:
        for action in of(getattr(self.screen, "scope", ""), "app"):
            owner = self.app if action.scope == "app" else self.screen
            if action.name != "palette" and owner.check_action(action.name, ()) is not False:
                yield action, getattr(owner, f"action_{action.name}")

    async def discover(self) -> Hits:
        for action, run in self._possible():
            yield DiscoveryHit(f"{action.title}  {action.key}", run)

    async def search(self, query: str) -> Hits:
        matcher, none = self.matcher(query), True
        for action, run in self._possible():
            if (score := matcher.match(action.title)) > 0:
                none = False
                yield Hit(score, matcher.highlight(action.title), run)
        if none:  # Textual would say so in English
            yield Hit(0.01, t("help.no_command"), lambda: None)
