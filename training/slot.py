"""A run on hardware lent for minutes: the base arrives in parts, training pauses in time, results leave in small files.

Each call does what fits into its seconds: collect parts, verify and unpack the base, train or continue, evaluate,
write results. Whatever is done is kept in the store, so the next call goes on from there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import math
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import BaseModelError, TrainingError, UsageError
from training import config, evaluate, evaluation, folders, mixing, publish, running, sources
from training.config import Config

INDEX = "parts.json"
_LEAVING = ("config.json", "environment.json", "metrics.jsonl", "curves.png", "results")
_RESERVE = 20.0  # seconds kept for writing results


@dataclass(frozen=True)
class Slot:
    """parts: folder of arriving parts, "" parts arrive no more. store: kept between calls. out: what leaves.

    seconds: this call's time. out_part_bytes: largest file that may leave.
    """

    parts: Path
    store: Path
    out: Path
    seconds: float
    sets: tuple[str, ...] = ()
    limit: int = 0
    data: Path | None = None
    out_part_bytes: int = 15_000_000


def split(file: Path, folder: Path, part_bytes: int) -> int:
    """Cut a file into numbered parts with an index of their hashes; returns how many parts.

    Raises UsageError for parts of no size and for an empty file, TrainingError if they cannot be written.
    """
    if part_bytes < 1 or not file.stat().st_size:
        raise UsageError(f"{file.name} cannot be cut into parts of {part_bytes} bytes.", "", "Correct --bytes.")
    hashes: list[str] = []
    whole = hashlib.sha256()
    with folders.writing(folder), file.open("rb") as stream:
        folder.mkdir(parents=True, exist_ok=True)
        while piece := stream.read(part_bytes):
            (folder / f"{len(hashes):04d}.part").write_bytes(piece)
            hashes.append(hashlib.sha256(piece).hexdigest())
            whole.update(piece)
        index = {"name": file.name, "sha256": whole.hexdigest(), "parts": hashes}
        (folder / INDEX).write_text(json.dumps(index), encoding="utf-8")
    return len(hashes)


def gather(parts: Path, store: Path) -> tuple[Path | None, list[int]]:
    """Take arrived parts into the store. Returns the whole file, once every part is there, and the parts that lack.

    Raises BaseModelError for a part whose hash is wrong.
    """
    store.mkdir(parents=True, exist_ok=True)
    if (parts / INDEX).is_file():
        arriving = _index(parts / INDEX)
        if (store / INDEX).is_file() and _index(store / INDEX) != arriving:
            raise BaseModelError(
                f"The store {store} holds another file.", f"The {INDEX} that arrived names other parts.",
                "Give an empty folder, or take away what lies in this one.",
            )  # fmt: skip
        folders.replace(store / INDEX, json.dumps(arriving))
    if not (store / INDEX).is_file():
        raise BaseModelError(
            "The base has not begun to arrive.", f"There is no {INDEX}.", "Bring it with the first part."
        )
    index = _index(store / INDEX)
    whole = store / index["name"]
    if whole.is_file():
        return whole, []
    lacking = []
    for number, wanted in enumerate(index["parts"]):
        name = f"{number:04d}.part"
        if not (store / name).is_file() and (parts / name).is_file():
            shutil.copyfile(parts / name, store / f".{name}")
            if hashlib.sha256((store / f".{name}").read_bytes()).hexdigest() != wanted:
                raise BaseModelError(f"Part {number} of the base is damaged.", "Its sha256 differs.", "Bring it again.")
            (store / f".{name}").rename(store / name)
        if not (store / name).is_file():
            lacking.append(number)
    if lacking:
        return None, lacking
    return _join(store, whole, index), []


def _index(path: Path) -> dict[str, Any]:
    """Name, sha256 and hashes of the parts of a file. Raises BaseModelError for what names no plain file."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        name, whole, hashes = raw["name"], raw["sha256"], raw["parts"]
        good = all(isinstance(text, str) and text for text in (name, whole, *hashes)) and bool(hashes)
    except (ValueError, KeyError, TypeError):
        good = False
    if not good or Path(name).name != name or name.startswith("."):
        raise BaseModelError(f"The {INDEX} in {path.parent} is damaged.", "", "Bring it again.")
    return {"name": name, "sha256": whole, "parts": hashes}


def _join(store: Path, whole: Path, index: dict[str, Any]) -> Path:
    digest = hashlib.sha256()
    aside = whole.with_name(f".{whole.name}")
    with aside.open("wb") as stream:
        for number in range(len(index["parts"])):
            piece = (store / f"{number:04d}.part").read_bytes()
            digest.update(piece)
            stream.write(piece)
    if digest.hexdigest() != index["sha256"]:
        raise BaseModelError("The base is damaged.", "Its sha256 differs once its parts are joined.", "Bring it again.")
    aside.rename(whole)
    for number in range(len(index["parts"])):
        (store / f"{number:04d}.part").unlink()
    return whole


def base_folder(file: Path, name: str, store: Path) -> Path:
    """Hugging Face folder of the base: file itself unpacked if it is a tar, else what `edgescribe-export hf` makes."""
    if file.suffix == ".tar":
        folder, aside = store / "base", store / ".base"
        if not folder.is_dir():  # unpacked aside, so that a call cut off in the middle leaves no half base behind
            shutil.rmtree(aside, ignore_errors=True)
            try:
                with tarfile.open(file) as archive:
                    archive.extractall(aside, filter="data")
            except tarfile.TarError as error:
                raise BaseModelError(f"{file.name} cannot be unpacked.", str(error), "Pack the base again.") from None
            aside.rename(folder)
        return folder
    command = [sys.executable, "-m", "export.cli", "hf", name, "--from", str(file)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0 or not done.stdout.strip():
        raise BaseModelError(f"The base {name!r} could not be prepared.", "See the message above.", "")
    return Path(done.stdout.strip().splitlines()[-1])


def use(slot: Slot, chosen: Config, run_folder: Path, say: Callable[[str], None]) -> str:
    """Go as far as the slot's seconds allow; returns "parts", "paused", "trained" or "done".

    Raises named errors; what a run has come to leaves all the same.
    """
    if not (math.isfinite(slot.seconds) and slot.seconds > 0):
        raise UsageError(f"--seconds is {slot.seconds}.", "", "Give how long this machine is lent.")
    for name in slot.sets:
        evaluate.documents(name, slot.data, 1)  # a wrong name is told now, not after the training
    ends = time.monotonic() + slot.seconds - _RESERVE
    whole, lacking = gather(slot.parts, slot.store)
    if whole is None:
        say(f"{len(lacking)} part(s) of the base to come: {', '.join(map(str, lacking[:20]))}")
        return "parts"
    name = chosen.base.name
    folder = base_folder(whole, name, slot.store)
    with running.held(run_folder):
        running.check_same(run_folder, chosen, running.FREE)
        try:
            state = _train(slot, chosen, folder, run_folder, ends, say)
            if state == "trained":
                state = _evaluate(slot, chosen, folder, run_folder, ends, say)
        finally:
            if (run_folder / "metrics.jsonl").is_file():
                leave(slot, run_folder, name)
    return state


def _train(slot: Slot, chosen: Config, base: Path, run: Path, ends: float, say: Callable[[str], None]) -> str:
    if running.ended(run):
        return "trained"
    prepared = mixing.prepare(chosen.data, sources.data_dir(slot.data))
    here = dataclasses.replace(chosen, base=dataclasses.replace(chosen.base, name=str(base)))
    outcome = running.train(run, chosen, prepared, say, here, ends)
    return "paused" if outcome.reason == "paused" else "trained"


def _evaluate(
    slot: Slot, chosen: Config, folder: Path, run: Path, ends: float, say: Callable[[str], None]
) -> str:  # fmt: skip
    """Evaluate set after set, untuned and tuned, while time is left; answers already written are kept."""
    base = chosen.base
    own = Path(base.name).name
    for name in slot.sets:
        for state, label, adapter in (("tuned", f"{own}+{run.name}", run / "adapter"), ("untuned", own, None)):
            out = run / "results" / f"{state}-{Path(name).name}"
            if (out / "result.json").is_file():
                continue
            asked = evaluation.Evaluation(
                set=name, base=str(folder), adapter=adapter, format=base.format, kind=base.kind, label=label,
                limit=slot.limit, out=out, data=slot.data,
            )  # fmt: skip
            if not evaluation.run(asked, say, ends):
                return "trained"
    return "done"


def leave(slot: Slot, run: Path, base_name: str) -> None:
    """Write results.tgz in parts small enough to leave: adapter in fp16, metrics, configuration, answers, figures."""
    leaving = {name: run / name for name in _LEAVING if (run / name).exists()}
    if running.ended(run):
        publish.shrink(run / "adapter", base_name, run / "adapter-fp16")
        leaving["adapter"] = run / "adapter-fp16"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, path in leaving.items():
            archive.add(path, arcname=name)
    (run / "results.tgz").write_bytes(packed.getvalue())
    for old in slot.out.glob("[0-9][0-9][0-9][0-9].part"):  # of an earlier call that had more to bring
        old.unlink()
    split(run / "results.tgz", slot.out, slot.out_part_bytes)


def join(folder: Path, target: Path) -> Path:
    """Put results that left in parts together again (gather) and unpack them into target, a run's folder."""
    with tempfile.TemporaryDirectory() as store:
        whole, lacking = gather(folder, Path(store))
        if whole is None:
            raise TrainingError(
                f"{len(lacking)} part(s) of the results lack.", "", "Copy every file of the slot's --out."
            )
        try:
            with tarfile.open(whole) as archive:
                if "config.json" in archive.getnames() and (member := archive.extractfile("config.json")):
                    brought = config.parse(json.loads(member.read()), target.name)
                    running.check_same(target, brought, running.FREE)  # another run of this name is not written over
                archive.extractall(target, filter="data")
        except tarfile.TarError:
            raise TrainingError(
                f"The parts in {folder} are no results of a slot.", f"Together they are {whole.name}, no archive.",
                "Name the folder that was the slot's --out.",
            ) from None  # fmt: skip
    return target
