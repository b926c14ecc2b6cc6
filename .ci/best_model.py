"""Prints the base whose published adapter does best on the development visits: what `make` builds unasked.

Critical facts stated less forbidden statements made, by models/adapters/*/adapter.json (edge.contract.choice counts
the same of bundles). Standard library only: it runs before there is an environment.
"""

from __future__ import annotations

import json
from pathlib import Path

ADAPTERS = Path(__file__).resolve().parents[1] / "models" / "adapters"


def worth(folder: Path) -> float:
    """Points of an adapter, very low where nothing was measured."""
    figures = json.loads((folder / "adapter.json").read_text(encoding="utf-8"))["figures"]
    known = {one["metric"]: one["value"] for one in figures if one["dataset"] == "facts-dev"}
    return float(known.get("critical.recall", -1000.0) - known.get("forbidden.share", 0.0))


if __name__ == "__main__":
    print(max(sorted(path.parent for path in ADAPTERS.glob("*/adapter.json")), key=worth).name)
