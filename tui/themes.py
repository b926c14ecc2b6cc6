"""The four themes. Meaning never rests on colour alone: every state is also a word."""

from __future__ import annotations

from textual.theme import Theme

# The colour-blind safe palette is Okabe and Ito's (2008): blue, orange, sky, yellow, vermilion on near black.
THEMES = (
    Theme(
        "edge-dark", primary="#5fafd7", secondary="#87afaf", accent="#d7af5f", warning="#ffaf5f", error="#ff6e6e",
        success="#87d787", foreground="#d8dee4", background="#14181c", surface="#1a2026", panel="#242c34", dark=True,
    ),
    Theme(
        "edge-light", primary="#005f87", secondary="#3a6b6b", accent="#8a5a00", warning="#9a4a00", error="#b00020",
        success="#1b6e2a", foreground="#1c2126", background="#f7f7f4", surface="#ffffff", panel="#e6e9ea", dark=False,
    ),
    Theme(
        "edge-contrast", primary="#00ffff", secondary="#ffffff", accent="#ffff00", warning="#ffff00", error="#ff8080",
        success="#00ff00", foreground="#ffffff", background="#000000", surface="#000000", panel="#1c1c1c", dark=True,
        text_alpha=1.0,
    ),
    Theme(
        "edge-colour-blind", primary="#56b4e9", secondary="#0072b2", accent="#f0e442", warning="#e69f00",
        error="#d55e00", success="#56b4e9", foreground="#f0f0f0", background="#101214", surface="#16191c",
        panel="#22272b", dark=True,
    ),
)  # fmt: skip
