"""`make bench`: every benchmark in turn, each in a process of its own. Figures are ratios measured in one run."""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent


def benches() -> dict[str, str]:
    """Every benchmark beside this file, by name, with the first sentence of what it says about itself."""
    found = {}
    for path in sorted(FOLDER.glob("bench_*.py")):
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found[path.stem.removeprefix("bench_")] = said.partition("\n")[0]
    return found


def parser(known: dict[str, str]) -> argparse.ArgumentParser:
    """The command line; --help lists the benchmarks."""
    lines = "\n".join(f"  {name:8}{said}" for name, said in known.items())
    one = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Run benchmarks in turn, each in a process of its own: those named, or all of them.",
        epilog=f"benchmarks:\n{lines}\n\nA benchmark's own options: python -m tests.bench.bench_NAME --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument("names", nargs="*", metavar="NAME", help="a benchmark (default: all)")
    return one


def main(words: Sequence[str] | None = None) -> int:
    """Run what the words name, sys.argv by default; returns 1 if one failed, exits with 2 at an unknown name."""
    known = benches()
    command = parser(known)
    names = command.parse_args(words).names or list(known)
    if unknown := [name for name in names if name not in known]:
        command.error(f"no benchmark is named {', '.join(unknown)}; there are {', '.join(known)}")
    failed = []
    for name in names:
        print(f"\n## {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"tests.bench.bench_{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
