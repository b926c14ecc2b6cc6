"""What a bundle says of itself: what it is for, what was measured, how it is known to fail."""

from __future__ import annotations

from itertools import groupby

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from edge.contract.bundle_card import BundleCard
from edge.text import one_line
from tui.texts import catalogue, current, t
from tui.widgets.safe import Label, plain


def purpose_of(card: BundleCard) -> str:
    """What it is for, in a few words."""
    return t(f"bundle.purpose_{card.purpose}") if card.purpose in ("clinical", "test") else card.purpose


def signer_of(card: BundleCard) -> str:
    """Who vouches for it."""
    return t("bundle.signed_by", name=one_line(card.signer)) if card.signer else t("bundle.not_signed")


def why_not(card: BundleCard) -> str:
    """Why a bundle may not be chosen to write, in a sentence that says what mends it."""
    return t("bundle.no_writer" if card.manifest.kind != "decoder" else "bundle.not_vouched", name=card.name)


class BundleView(VerticalScroll):
    """Shows a BundleCard."""

    def compose(self) -> ComposeResult:
        yield Label(classes="preview-text")

    def show(self, card: BundleCard) -> None:
        """Show a bundle."""
        self.query_one(".preview-text", Label).show(words_of(card))
        self.scroll_home(animate=False)


def words_of(card: BundleCard) -> Text:
    """Everything that is known of a bundle, most important first."""
    manifest = card.manifest
    out = Text()
    _line(out, card.name, "bold underline")
    _line(out, purpose_of(card), "bold" if card.purpose == "clinical" else "bold reverse")
    runtime = f"{manifest.runtime} {manifest.runtime_version}"
    _line(out, t("bundle.facts", parameters=f"{card.parameters:.0f}", precision=manifest.precision,
                 size=f"{card.megabytes:.0f}", runtime=runtime))  # fmt: skip
    _line(out, signer_of(card), "" if card.signer else "bold reverse")
    if card.use:
        _head(out, "good_for")
        _line(out, card.use)
    _head(out, "failures")
    for one in card.failures or (t("bundle.no_failures"),):
        _line(out, f"• {one}")
    _head(out, "figures")
    if not card.figures:
        _line(out, t("bundle.no_figures"))
    for (name, count), group in groupby(card.figures, key=lambda f: (f.dataset, f.documents)):
        _line(out, t("bundle.figures_on", name=one_line(name), count=count), "italic")
        for figure in group:
            bounds = (figure.low, figure.high)
            interval = "" if None in bounds else " [{:.1f}–{:.1f}]".format(*bounds)
            _line(out, f"{figure.value:6.1f}{interval:<14}{_measure(figure.metric)}")
    gate = card.gate
    _line(out, t("bundle.gate_none" if gate is None else "bundle.gate_passed" if gate.passed else "bundle.gate_failed"))
    if gate is not None and gate.accepted:
        _line(out, one_line(gate.accepted))
    adapter = manifest.adapter.name if manifest.adapter else "–"
    out.append("\n")
    _line(out, t("bundle.base", base=manifest.base.name, licence=manifest.base.licence, adapter=one_line(adapter)))
    if trained := [one_line(one.name) for one in manifest.data if one.role == "training"]:
        _line(out, t("bundle.trained_on", names=", ".join(trained)))
    return out


def _measure(metric: str) -> str:
    """A metric in words, its own name where there are none."""
    name = metric.replace(".", "_")
    return t(f"figure.{name}") if f"figure.{name}" in catalogue(current()) else one_line(metric)


def _head(out: Text, name: str) -> None:
    out.append(f"\n{t(f'bundle.{name}')}\n", "bold")


def _line(out: Text, text: str, style: str = "") -> None:
    out.append_text(plain(text, style)).append("\n")
