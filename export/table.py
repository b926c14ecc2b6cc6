"""The quantisation table: what each way of rounding costs and saves, measured in one run on one machine.

Variants are built as a user would build them; distances are from the float32 source on held answers, rates are the best
of several interleaved rounds. Writes Markdown and an SVG plot. Half precision has no kernels on most CPUs: where it
does not run, its distance is that of the rounded weights, computed in float32, and it has no rates.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge.engine.base import Engine
from edge.errors import BundleError
from edge.paths import cache_dir
from export.base import hf_folder
from export.catalog import Base
from export.compare import Distance, compare
from export.held import Held
from export.logits import HfLogits, KeptLogits, LogitSource, OnnxLogits
from export.notes import ACI, MTS, Sets, answers_key, remembered, scores, start_engine
from export.options import OnnxOptions
from export.progress import BuildProgress, silent
from export.speed import Speed, measure_speed
from export.to_onnx import Build, build, fit

VARIANTS = (
    OnnxOptions.of("fp32"),
    OnnxOptions.of("fp16"),
    OnnxOptions.of("int8"),
    OnnxOptions.of("int4"),
    OnnxOptions.of("int4", "rtn_mixed"),
    OnnxOptions.of("int4", "k_quant_mixed"),
    OnnxOptions.of("int4", "k_quant_last"),
    OnnxOptions.of("int4", "rtn_last"),
    OnnxOptions.of("int4", "rtn_last", symmetric=True),
    OnnxOptions.of("int4", "rtn_last", 128, symmetric=True),
)
_HALF = "fp16"
_TWO_DAYS = 2 * 24 * 3600.0


@dataclass(frozen=True)
class TableRow:
    """One variant. size in bytes, of the files that a laptop gets. speed: None if it does not run here.

    rouge: mean ROUGE-1 of every set of notes.
    """

    name: str
    size: int
    distance: Distance
    speed: Speed | None
    rouge: Mapping[str, float]


def build_variants(base: Base, without: Sequence[str] = (), progress: BuildProgress = silent) -> dict[str, Build]:
    """Every variant that can be built, by name, but for those whose name holds a word of without.

    Half precision is left out where this machine cannot run it.
    """
    source = hf_folder(base.name, progress=progress)
    builds: dict[str, Build] = {}
    for options in VARIANTS:
        name = _name(fit(options, source))
        if name in builds or any(word in name for word in without):
            continue  # a narrow model takes no wider blocks
        try:
            builds[name] = build(base, options, progress=progress)
        except BundleError:
            if options.precision != _HALF:
                raise
    return builds


def write_notes(base: Base, made: Build, sets: Sets, progress: BuildProgress = silent) -> dict[str, list[str]]:
    """What a build writes about the public sets, kept in the cache: it depends on the build alone."""

    def start() -> Engine:
        from edge.engine.onnx import OnnxModel

        tokenizer = made.folder / "tokenizer.json"
        return start_engine(OnnxModel(made.folder), tokenizer, base.prompt_format, base.stop, base.context_length)

    return remembered(answers_key(made.folder.name, ""), cache_dir(), start, sets, progress) if sets else {}


def measure_table(
    base: Base,
    held: Sequence[Held],
    sets: Sets,
    rounds: int = 3,
    without: Sequence[str] = (),
    progress: BuildProgress = silent,
) -> list[TableRow]:
    """Build and measure every variant but those of without (build_variants). Raises BaseModelError, BundleError."""
    builds = build_variants(base, without, progress)
    halved = _HALF not in builds and not any(word in _HALF for word in without)
    rouge = {name: scores(sets, write_notes(base, made, sets, progress)) for name, made in builds.items()}
    distances = measure_distances(base, builds, held, halved, progress)
    speeds: dict[str, Speed] = {}
    for done in range(rounds):  # interleaved, so that a busy minute does not fall on one variant
        for step, (name, made) in enumerate(builds.items()):
            progress("Timing", done * len(builds) + step, rounds * len(builds))
            found = measure_speed(made.folder)
            speeds[name] = speeds[name].best(found) if name in speeds else found
    rows = [TableRow(name, _size(builds[name]), distances[name], speeds[name], rouge[name]) for name in builds]
    if halved:
        rows.append(TableRow(_HALF, 2 * base.parameters, distances[_HALF], None, {}))
    return sorted(rows, key=lambda row: -row.size)


def measure_distances(
    base: Base, builds: Mapping[str, Build], held: Sequence[Held], halved: bool, progress: BuildProgress = silent
) -> dict[str, Distance]:
    """The distance of every build from the float32 source, one loaded after the other: memory holds one at a time.

    halved: half precision as well, by its rounded weights.
    """
    source = hf_folder(base.name, progress=progress)
    loads: dict[str, Callable[[], LogitSource]] = {n: partial(OnnxLogits, made.folder) for n, made in builds.items()}
    if halved:
        loads[_HALF] = partial(HfLogits, source, halved=True)
    found: dict[str, Distance] = {}
    cache_dir().mkdir(parents=True, exist_ok=True)
    _forget_killed_runs()
    with tempfile.TemporaryDirectory(prefix="scores-", dir=cache_dir()) as folder:
        reference = KeptLogits(partial(HfLogits, source), Path(folder))
        text = (source / "tokenizer.json", base.prompt_format)
        compare(reference, {}, held, *text, lambda _, done, total: progress("Reading with the source", done, total))
        reference.release()
        for before, (name, load) in enumerate(loads.items()):
            progress("Comparing", before * len(held), len(loads) * len(held))
            found |= compare(reference, {name: load()}, held, *text)
    return found


def _forget_killed_runs() -> None:
    """Take away scores that a killed run left, gigabytes of them: no run takes two days."""
    for left in cache_dir().glob("scores-*"):
        if time.time() - left.stat().st_mtime > _TWO_DAYS:
            shutil.rmtree(left, ignore_errors=True)


def _name(options: OnnxOptions) -> str:
    if options.precision in ("fp16", "fp32"):
        return options.precision
    rule = options.algorithm if options.precision == "int4" else ""
    zero_points = "" if options.symmetric else ", zero points"
    default = " (default)" if options.algorithm == OnnxOptions().algorithm and options.precision == "int4" else ""
    return f"{options.precision} {rule}".strip() + f", block {options.block}{zero_points}{default}"


def _size(made: Build) -> int:
    return sum((made.folder / name).stat().st_size for name in made.files)


def markdown(base: Base, rows: Sequence[TableRow], notes: int, machine: str, plot: str) -> str:
    """The section of docs/quantisation.md for one base."""
    first = rows[0].distance
    still = [row.name for row in rows if row.speed is None]
    why = "this machine's runtime lacks the kernels; the distance is that of the rounded weights"
    absent = [f"{', '.join(still)}: {why}.", ""] if still else []
    sets = (ACI, MTS) if notes else ()
    first_ones = "conversation" if notes == 1 else f"{notes} conversations"
    chance = (
        f" ROUGE-1 of what the untuned model writes greedily about the first {first_ones} of each set: "
        "chance alone moves so few by some points."
        if notes
        else ""
    )
    heads = (
        "weights", "size, MB", "peak memory, MB", "prefill, tok/s", "decode, tok/s", "perplexity ÷ source",
        "KL, nats", "same first choice", *(f"ROUGE-1 {name} (n={notes})" for name in sets),
    )  # fmt: skip
    lines = [
        f"## {base.name}",
        "",
        f"{first.documents} held conversations of MTS-Dialog (validation), {first.tokens:,} answer tokens, "
        f"source perplexity {first.reference_perplexity:.2f}. Rates: {machine}.{chance}",
        "",
        *absent,
        f"| {' | '.join(heads)} |",
        "|" + "---|" * len(heads),
    ]
    lines += [f"| {' | '.join([*_cells(row), *(_points(row, name) for name in sets)])} |" for row in rows]
    return "\n".join([*lines, "", f"![KL against size]({plot})", ""])


def _cells(row: TableRow) -> list[str]:
    speed, distance = row.speed, row.distance
    rates = (
        ["–"] * 3 if speed is None else [f"{speed.peak_bytes / 1e6:.0f}", f"{speed.prefill:.0f}", f"{speed.decode:.1f}"]
    )
    return [
        row.name,
        f"{row.size / 1e6:.0f}",
        *rates,
        f"{distance.perplexity_ratio:.3f}",
        f"{max(distance.kl, 0.0):.4f}",
        f"{distance.agreement:.1%}",
    ]


def _points(row: TableRow, name: str) -> str:
    return f"{row.rouge[name]:.1f}" if name in row.rouge else "–"


def plot_svg(base: Base, rows: Sequence[TableRow], path: Path) -> None:
    """KL from the source against size, one point a variant."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = base.name  # the same figures make the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    for row in rows:
        size, kl = row.size / 1e6, max(row.distance.kl, 1e-5)
        axes.scatter([size], [kl], s=30, label=row.name)
    axes.set_yscale("log")
    axes.set_xlabel("size on disk, MB")
    axes.set_ylabel("KL from the float32 source, nats a token")
    axes.set_title(base.name)
    axes.margins(x=0.1, y=0.15)
    axes.legend(fontsize=8)  # beside the points their names would cover each other
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def replace_section(text: str, name: str, section: str) -> str:
    """docs/quantisation.md with the section of one base replaced, or appended."""
    start = text.find(f"## {name}\n")
    if start < 0:
        return text.rstrip("\n") + "\n\n" + section
    end = text.find("\n## ", start + 1)
    return text[:start] + section + ("" if end < 0 else text[end:])
