"""Every sentence of the core that the app can show has its German: errors, checks, remarks, reasons."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import errors
from edge.errors import DamagedVaultError, InputError
from tui import texts
from tui.texts import core

ROOT = Path(__file__).resolve().parents[2]
# What only a command line, an auditor or the start of the program says: no screen shows it.
ELSEWHERE = (
    "edge/verbs", "edge/audit", "edge/cli.py", "edge/install.py", "edge/seal", "edge/store/terminal.py",
    "edge/command.py", "edge/encounters/annotating.py", "edge/encounters/reconstruction.py", "edge/extraction/examples",
    "edge/extraction/corrections", "edge/terminology/index.py", "edge/terminology/tabular.py", "edge/samples",
    "edge/contract/field_schemas.py", "edge/encounters/extracting.py", "tui/verb.py",
)  # fmt: skip
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and name.endswith("Error")}
WHOLE = ("io_error",)  # called with what happened, without its full stop
PLACES = re.compile(r"\{\d\}")


def names_of(tree: ast.AST) -> dict[str, list[ast.expr]]:
    """What each name of a module is set to, anywhere in it."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def forms(node: ast.expr, known: dict[str, list[ast.expr]], deep: bool = True) -> list[str | None]:
    """The sentences that an expression can be, None for a place in one, or for what no one can know here."""
    if isinstance(node, ast.Constant):
        return [node.value if isinstance(node.value, str) else None]
    if isinstance(node, ast.IfExp):
        return forms(node.body, known, deep) + forms(node.orelse, known, deep)
    if isinstance(node, ast.JoinedStr):
        options = [
            forms(part.value if isinstance(part, ast.FormattedValue) else part, known, False) for part in node.values
        ]
        return [_joined(parts) for parts in itertools.product(*options)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "strip":
        return forms(node.func.value, known, deep)
    if isinstance(node, ast.Name):
        values = [one for value in known.get(node.id, ()) for one in forms(value, {}, deep)]
        fixed = [one for one in values if one is not None]
        return [*fixed] if fixed and (deep or len(fixed) == len(values)) else [None]
    return [None]


def _joined(parts: tuple[str | None, ...]) -> str:
    number = itertools.count(1)
    return "".join(f"{{{next(number)}}}" if one is None else one for one in parts)


def raised(tree: ast.Module) -> Iterator[str]:
    """Sentences of named errors and of flags of checks."""
    for function in [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]:
        known = names_of(function)
        for node in [one for one in ast.walk(function) if isinstance(one, ast.Call)]:
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            for found in (one for part in _shown(name, node.args) for one in forms(part, known)):
                if found and found != "The vault could not be {1}.":
                    yield f"The vault could not be {found}." if name == "translated" else found + "." * (name in WHOLE)


def _shown(name: str, given: list[ast.expr]) -> list[ast.expr]:
    """Arguments of a call that are shown."""
    if name in ERRORS:
        return given
    return {"flag": given[2:3], "translated": given[:1], "bad": given[:1], **dict.fromkeys(WHOLE, given[:1])}.get(
        name, []
    )


def remarks(tree: ast.Module) -> Iterator[str]:
    """Sentences that stand in a module outside its errors and docstrings: what a reader tells of a file."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS]
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    docs = [node for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    others = {id(inner) for node in (*calls, *docs) for inner in ast.walk(node)}
    parts = {id(inner) for node in joined for inner in ast.walk(node) if inner is not node}
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for scope in [tree, *scopes]:
        for node in ast.walk(scope):
            if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in others | parts:
                for found in forms(node, names_of(scope) if scope is not tree else {}):
                    if found and re.fullmatch(r"(?:[A-Z]|\{1\} [a-z]).* .*[a-z)]\.", found):
                        yield found


def reasons(tree: ast.AST) -> Iterator[str]:
    """Why a code is proposed, part by part."""
    for node in ast.walk(tree):
        values: list[ast.expr] = []
        if (isinstance(node, ast.keyword) and node.arg == "why") or (
            isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("why", "place", "kind")
        ):
            values = [node.value]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_take":
            values = node.args[-1:]
        for found in (one for value in values for one in forms(value, {})):
            yield from (part for part in (found or "").split("; ") if len(part) > 3)


def findings(tree: ast.Module) -> Iterator[str]:
    """What the checks of the records find, without a capital at the beginning and a full stop at the end."""
    parts = {
        id(p) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for p in ast.walk(node) if p is not node
    }
    for function in [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]:
        for node in ast.walk(function):
            if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in parts:
                for found in forms(node, names_of(function)):
                    if found and re.fullmatch(
                        r"(?:[a-z]|\{1\} [a-z]).* (?:chain|records|index|nothing|lists|time).*", found
                    ):
                        yield found


def said() -> dict[str, set[str]]:
    """Kind -> every sentence of it."""
    found: dict[str, set[str]] = {"raised": set(), "remarks": set(), "reasons": set(), "findings": set()}
    for file in sorted([*(ROOT / "edge").rglob("*.py"), *(ROOT / "tui").rglob("*.py")]):
        name = file.relative_to(ROOT).as_posix()
        if name.startswith(ELSEWHERE):
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found["raised"].update(raised(tree))
        if name.startswith("edge/reading/"):
            found["remarks"].update(remarks(tree))
        if name.startswith("edge/coding/"):
            found["reasons"].update(reasons(tree))
        if name in ("edge/store/verify.py", "edge/store/states.py"):
            found["findings"].update(findings(tree))
    return found


def is_told(sentence: str) -> bool:
    """Whether a sentence has its German: as a whole, or each of those in it that the app shows."""
    parts = re.split(r"(?<=[.!?]) +", core.hint_label(sentence))
    return all(core.in_table(one, "de") or not re.search("[a-z]", one) for one in parts) or core.in_table(
        sentence, "de"
    )


def test_every_sentence_of_the_core_has_its_german() -> None:
    found = said()
    assert len(found["raised"]) >= 330
    assert len(found["remarks"]) >= 10
    assert len(found["reasons"]) >= 12
    assert len(found["findings"]) >= 8
    missing = sorted(one for kind in found.values() for one in kind if not is_told(one))
    assert not missing, "\n".join(missing)


def test_no_sentence_of_the_app_speaks_of_bundles() -> None:
    spoken = {one for one in said()["raised"] if "bundle" in re.sub("`[^`]*`", "", core.hint_label(one)).casefold()}
    assert len(spoken) > 25
    shown = {core.told(part) for one in spoken for part in re.split(r"(?<=[.!?]) +", core.hint_label(one))}
    assert not [one for one in shown if "bundle" in one.casefold()]


def test_a_german_sentence_has_the_same_places() -> None:
    table = core.table("de")
    assert len(table) > 500
    for english, german in table.items():
        assert sorted(PLACES.findall(english)) == sorted(PLACES.findall(german)), english


def test_what_the_core_says_is_told_in_german_with_its_values() -> None:
    said_of = "Lisinopril 20 mg: the conversation has it denied."
    assert core.told(said_of) == said_of  # the language in use is English
    texts.use("de")
    assert core.told(said_of) == "Lisinopril 20 mg: Im Gespräch wird es verneint."
    assert core.told("left: the conversation says right.") == "links: Im Gespräch heißt es rechts."
    assert core.told("scan.png is a PNG picture, not a text.") == "scan.png ist ein PNG-Bild, kein Text."
    assert core.told("5 mg was not said of Lisinopril.") == "5 mg wurde nicht über Lisinopril gesagt."
    assert core.told("Nobody knows this one.") == "Nobody knows this one."
    assert core.reason("term of the index; stands under plan") == "Begriff des Verzeichnisses; steht unter plan"
    error = InputError("The report is empty.", "Permission denied", "`edgescribe read` says more. Try again.")
    assert core.error_line(error) == "Der Bericht ist leer. keine Berechtigung Versuchen Sie es noch einmal."
    damaged = DamagedVaultError("The vault is damaged.", "", "Restore it from a backup (`vault restore`).")
    assert core.error_line(damaged) == "Die Akten sind beschädigt."


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    texts.use("en")
