"""How a statement stands, as a sign and in words: a sign says it without colour, and colour only repeats it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.style import Style
from textual.app import App

from edge.contract.evidence import ShownAtSigning
from edge.contract.facts import Omission, Severity, SourceLink, Statement
from edge.text import one_line
from tui.labels import check_label
from tui.texts import t
from tui.texts.core import told

HIGH, LOW, NONE, GOOD = "high", "low", "none", ""
SIGNS = {HIGH: "!!", LOW: "!", NONE: "?", GOOD: ""}
SAID = "+"  # before what was said and is not in the note; critical ones have HIGH's sign after it
_COLOURS = {HIGH: "error", LOW: "warning", NONE: "warning", GOOD: "foreground"}
_NOTHING = frozenset({"none", "keine", "keines", "nothing"})
_QUOTED = 300  # characters of a quote


def standing(statement: Statement) -> str:
    """HIGH: the conversation says something else. LOW: to be looked at. NONE: no source found. GOOD: none of these."""
    severities = {flag.severity for flag in statement.flags}
    if Severity.HIGH in severities:
        return HIGH
    if statement.text.strip(" .-").casefold() in _NOTHING:
        return GOOD
    if not statement.sources:
        return NONE
    return LOW if severities else GOOD


def style(app: App[object], kind: str) -> Style:
    """Bold and underlined where it matters, in the theme's colour."""
    colour = app.theme_variables.get(_COLOURS[kind], "")
    marks = Style(bold=kind == HIGH, underline=kind != GOOD)
    return marks + Style(color=colour) if colour.startswith("#") else marks


def counted(statements: Iterable[Statement]) -> list[tuple[str, int]]:
    """Kinds with how many statements stand so, worst first, without those that are good."""
    found = [standing(one) for one in statements]
    return [(kind, found.count(kind)) for kind in (HIGH, LOW, NONE) if kind in found]


def places(statement: Statement, conversation: str) -> list[tuple[int, int]]:
    """Where the quotes of its sources stand in the conversation, best first; found again if their offsets moved."""
    found = []
    for link in statement.sources:
        quote = link.quote
        start = quote.start if conversation[quote.start : quote.end] == quote.text else conversation.find(quote.text)
        if quote.text and start >= 0:
            found.append((start, start + len(quote.text)))
    return found


def in_words(statement: Statement) -> Iterator[tuple[str, str]]:
    """(kind, line) of everything that is known of a statement: flags with their quotes, then its sources."""
    for flag in statement.flags:
        kind = HIGH if flag.severity is Severity.HIGH else LOW
        yield kind, f"{SIGNS[kind]} {check_label(flag.check)}: {one_line(told(flag.message))}"
        for number, quote in enumerate(flag.quotes):
            where = t("sources.in_note") if number == 0 else t("sources.in_talk")
            yield GOOD, f"   {where}: {quoted(quote)}"
    for link in statement.sources:
        yield GOOD, source_line(link)
    if not statement.sources and standing(statement) == NONE:
        yield NONE, f"{SIGNS[NONE]} {t('sources.no_source')}"


def quoted(text: str, most: int = _QUOTED) -> str:
    """Words in quotation marks, in one line."""
    return t("app.quoted", text=one_line(text, most))


def source_line(link: SourceLink) -> str:
    """A source in a line."""
    return f"{place_label(link)}: {quoted(link.quote.text)}"


def place_label(link: SourceLink) -> str:
    """Turn and score of a source, turns counted as `edgescribe read` does."""
    return t("sources.turn", turn=link.quote.turn, percent=round(100 * link.score))


def omission_lines(omission: Omission) -> Iterator[tuple[str, str]]:
    """(kind, line) of everything that is known of something said."""
    kind = HIGH if omission.critical else GOOD
    what = t("sources.critical") if omission.critical else t("sources.not_critical")
    yield kind, f"{said_sign(omission)} {t(f'kind.{omission.kind.value}')} · {what}"
    turn = t("sources.only_turn", turn=omission.quote.turn)
    yield GOOD, f"   {turn}: {quoted(omission.quote.text)}"
    yield GOOD, f"   {t('sources.keys')}"


def signing_lines(shown: ShownAtSigning) -> list[str]:
    """What is listed before a signature, a line each."""
    lines = [
        f"{SIGNS[HIGH]} {check_label(one.flag.check)}: {told(one.flag.message)}  "
        + t("sources.stands_in", statement=one.statement)
        for one in shown.flags
    ]
    for said in shown.omissions:
        turn = t("sources.only_turn", turn=said.quote.turn)
        lines.append(f"{SAID} {t(f'kind.{said.kind.value}')}: {said.statement}  ({turn})")
    return [one_line(line) for line in lines]


def said_sign(omission: Omission) -> str:
    """The sign of something said that the note lacks."""
    return SAID + (SIGNS[HIGH] if omission.critical else "")
