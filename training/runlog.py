"""What a run records and shows: metrics.jsonl, environment, curves, the progress line, peak memory."""

from __future__ import annotations

import contextlib
import json
import platform
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from edge.errors import TrainingError
from training import folders
from training.config import Config, as_dict
from training.schedule import Schedule

Say = Callable[[str], None]  # where progress is told, a line at a time


class Metrics:
    """Appends facts to metrics.jsonl, one object a line. Lines of steps after the resumed one are dropped."""

    def __init__(self, path: Path, resumed_step: int, writes: bool) -> None:
        self._path, self._writes = path, writes
        if writes:
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = [facts for facts in read(path) if facts["step"] <= resumed_step] if resumed_step else []
            folders.replace(path, "".join(json.dumps(facts) + "\n" for facts in kept))

    def add(self, facts: dict[str, Any]) -> None:
        """Write one line; it is on disk when this returns, a kill loses nothing earlier."""
        if self._writes:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(facts) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """Lines of a metrics.jsonl; a last line cut by a kill is left out."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return found


def peak_bytes() -> int:
    """Peak memory of this process: of the accelerator if one is used, else resident memory. Bytes; 0 on Windows, which
    does not tell without another package."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def progress_line(facts: dict[str, Any], schedule: Schedule) -> str:
    """One line for people: step, loss, rate, tokens/s, time left, peak memory."""
    elapsed = facts["elapsed"]
    done = max(schedule.share(facts["step"], elapsed), 1e-6)
    left = max(0, round(elapsed / done - elapsed))
    total = f"/{schedule.total_steps}" if schedule.total_steps else ""
    return (
        f"step {facts['step']}{total}  loss {facts['loss']:.4f}  rate {facts['rate']:.1e}  norm {facts['norm']:.2f}  "
        f"{facts['tokens'] / facts['seconds']:.0f} tok/s  {100 * done:.1f} %  "
        f"left {left // 3600}:{left // 60 % 60:02}:{left % 60:02}  peak {peak_bytes() / 1e9:.1f} GB"
    )


def environment() -> dict[str, Any]:
    """Versions and hardware of a run, for its folder."""
    import torch

    packages = ("torch", "transformers", "peft", "accelerate", "tokenizers", "edgescribe")
    found = {name: _version(name) for name in packages}
    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else platform.processor() or platform.machine()
    return {"python": platform.python_version(), "device": device, "threads": torch.get_num_threads(), **found}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "not installed"


def begin(folder: Path, chosen: Config, counts: dict[str, int]) -> None:
    """Write config.json and environment.json of a new run; a run that has them keeps them."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "config.json").is_file():
        facts = {**environment(), "counts": counts}
        folders.replace(folder / "environment.json", json.dumps(facts, indent=2))
        settle(folder, chosen)


def remember(folder: Path, key: str, value: str) -> None:
    """Add what a run found out about its machine to its environment.json, if it has one and does not say it yet."""
    path = folder / "environment.json"
    if remembered(folder, key) or not path.is_file():
        return
    with contextlib.suppress(ValueError):  # damaged: those who need it say so
        folders.replace(path, json.dumps({**json.loads(path.read_text(encoding="utf-8")), key: value}, indent=2))


def remembered(folder: Path, key: str) -> str:
    """What remember() kept, "" if nothing."""
    try:
        return str(json.loads((folder / "environment.json").read_text(encoding="utf-8")).get(key, ""))
    except (OSError, ValueError, AttributeError):
        return ""


def settle(folder: Path, chosen: Config) -> None:
    """Write what a run goes on with in the place of what it went by before."""
    folders.replace(folder / "config.json", json.dumps(as_dict(chosen), indent=2))


def same_data(folder: Path, counts: dict[str, int]) -> None:
    """Raise TrainingError if a set holds more or fewer documents than when the run began: its steps would be others."""
    try:
        begun = json.loads((folder / "environment.json").read_text(encoding="utf-8"))["counts"]
        changed = [key for key in begun if key.endswith(".kept") and counts.get(key, begun[key]) != begun[key]]
    except (OSError, ValueError, KeyError, TypeError):
        return  # a run of before this was written down
    if changed:
        name = changed[0].removesuffix(".kept")
        reason = f"It holds {counts[changed[0]]:,} documents, then {begun[changed[0]]:,}."
        raise TrainingError(
            f"The data set {Path(name).name} has changed since the run began.",
            reason,
            "Restore it, or start a new run.",
        )


def forget(folder: Path) -> None:
    """Undo begin() for a run that came to no first step, so that its id is free once its mistake is corrected."""
    if not (folder / "metrics.jsonl").exists():
        for name in ("config.json", "environment.json"):
            (folder / name).unlink(missing_ok=True)


def configuration(folder: Path) -> dict[str, Any]:
    """What begin() wrote. Raises TrainingError if it is damaged."""
    try:
        found: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError
    except ValueError:
        raise TrainingError(
            f"The run {folder.name!r} has no readable configuration.", "config.json is damaged.", "Start a new run."
        ) from None
    return found


def facts(folder: Path) -> dict[str, Any]:
    """Environment and counts that begin() wrote. Raises TrainingError if they are damaged or gone."""
    try:
        found: dict[str, Any] = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
        if not isinstance(found["counts"], dict):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise TrainingError(
            f"The run {folder.name!r} does not say what it was trained on.", "environment.json is damaged.",
            "Restore it.",
        ) from None  # fmt: skip
    return found


def curves(folder: Path) -> Path | None:
    """Draw curves.png from metrics.jsonl; None if there is nothing to draw."""
    facts = read(folder / "metrics.jsonl")
    train = [(f["step"], f["loss"]) for f in facts if "loss" in f]
    if not train:
        return None
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(8, 4.5))
    axis.plot(*zip(*train, strict=True), linewidth=0.8, label="training")
    if valid := [(f["step"], f["valid_loss"]) for f in facts if "valid_loss" in f]:
        axis.plot(*zip(*valid, strict=True), marker="o", label="validation")
    axis.set_xlabel("step")
    axis.set_ylabel("loss per answer token")
    if rouge := [(f["step"], f["valid_rouge"]) for f in facts if "valid_rouge" in f]:
        other = axis.twinx()
        other.plot(*zip(*rouge, strict=True), marker="s", color="tab:green")
        other.set_ylabel("validation ROUGE-1 (squares)")
    axis.legend()
    figure.tight_layout()
    figure.savefig(folder / "curves.png", dpi=110)
    pyplot.close(figure)
    return folder / "curves.png"
