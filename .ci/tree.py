"""Write the tree of README.md: every module with the first sentence of its docstring. README's copy is tested."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("edge", "training", "export", "tui")
WIDTH = 118


def purpose(file: Path) -> str:
    """First sentence of a module's docstring, on one line."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    first = " ".join(text.split("\n\n")[0].split())
    return first.split(". ")[0].rstrip(".")


def lines(folder: Path, depth: int = 0) -> list[str]:
    """One line for a package and each module in it, modules before sub-packages."""
    found = [_line(f"{folder.name}/", purpose(folder / "__init__.py"), depth)]
    for file in sorted(folder.glob("*.py")):
        if file.name != "__init__.py":
            found.append(_line(file.name, purpose(file), depth + 1))
    for sub in sorted(p for p in folder.iterdir() if (p / "__init__.py").is_file()):
        found += lines(sub, depth + 1)
    return found


def _line(name: str, what: str, depth: int) -> str:
    line = f"{'  ' * depth + name:<28} {what}"
    return line if len(line) <= WIDTH else line[: WIDTH - 1].rstrip() + "…"


def tree() -> str:
    """The whole tree."""
    return "\n".join(line for package in PACKAGES for line in lines(ROOT / package))


def rewrite(readme: Path) -> None:
    """Put the tree between README's two marks."""
    before, rest = readme.read_text(encoding="utf-8").split("<!-- tree -->\n")
    after = rest.split("<!-- end of tree -->")[1]
    body = f"```text\n{tree()}\n```\n"
    readme.write_text(f"{before}<!-- tree -->\n{body}<!-- end of tree -->{after}", encoding="utf-8")


if __name__ == "__main__":
    rewrite(ROOT / "README.md")
