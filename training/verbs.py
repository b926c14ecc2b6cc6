"""The verbs of edgescribe-training: arguments, and the work behind them. Heavy imports only when a verb runs."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge.errors import TrainingError, UsageError
from edge.paths import cache_dir
from edge.text import sanitise


def add_parsers(sub: Any) -> None:
    """Add every verb to an argparse subparsers object."""
    for add in (
        _add_training, _add_average, _add_evaluate, _add_checks, _add_publish, _add_phrases, _add_parts, _add_report,
        _add_tagger, _add_coding,
    ):  # fmt: skip
        add(sub)


def _add_training(sub: Any) -> None:
    prepare = sub.add_parser("prepare", help="read the data sets of a configuration and show what is in them")
    prepare.add_argument("config", type=Path)
    prepare.add_argument("--tokens", action="store_true", help="count tokens by set, too, with the base's tokenizer")
    _common(prepare)
    prepare.set_defaults(run=run_prepare)
    run = sub.add_parser("run", help="train an adapter; resumes where it stopped with --resume")
    run.add_argument("config", type=Path, nargs="?")
    run.add_argument("--id", help="name of the run (default: that of the configuration, with the date)")
    run.add_argument(
        "--resume", metavar="ID", nargs="?", const="", help="continue run ID; with CONFIG: continue its run or start it"
    )
    run.add_argument(
        "--from-snapshot", type=Path, metavar="DIR", help="go on from a snapshot of a run, under its id or --id"
    )
    _common(run)
    run.set_defaults(run=run_train)
    snapshot = sub.add_parser("snapshot", help="an unfinished run as a folder of under 40 MB, for another machine")
    snapshot.add_argument("id", help="run id")
    snapshot.add_argument("--out", type=Path, default=Path("models/snapshots"), metavar="DIR")
    snapshot.set_defaults(run=run_snapshot)
    ablate = sub.add_parser("ablate", help="train configurations over several seeds; mean and spread of each")
    ablate.add_argument("configs", type=Path, nargs="+", metavar="CONFIG")
    ablate.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds 0 to N - 1 (default 3)")
    ablate.add_argument("--prefix", default="", help="what the run ids begin with")
    ablate.add_argument(
        "--valid-tokens", type=int, default=0, metavar="N", help="judge by N tokens of each set (default: all of it)"
    )
    _common(ablate)
    ablate.set_defaults(run=run_ablate)


def _add_average(sub: Any) -> None:
    average = sub.add_parser("average", help="the weighted mean of adapters that went on from one another, as a run")
    average.add_argument("runs", nargs="+", metavar="RUN", help="ids of finished runs")
    average.add_argument(
        "--weights", type=float, nargs="*", default=[], metavar="W", help="a share each (default: equal)"
    )
    average.add_argument("--id", required=True, help="id of the run to make")
    average.set_defaults(run=run_average)


def _add_evaluate(sub: Any) -> None:
    evaluate = sub.add_parser("evaluate", help="score a bundle or a checkpoint on a test set, beside the floors")
    what = evaluate.add_mutually_exclusive_group()
    what.add_argument("--bundle", type=Path, metavar="DIR", help="a model bundle, through the shipped engine")
    what.add_argument("--base", metavar="NAME", help="a base of the catalogue or a folder, through transformers")
    what.add_argument("--answers", type=Path, metavar="FILE", help="another system's answers: .jsonl, .json or .csv")
    evaluate.add_argument("--adapter", type=Path, metavar="DIR", help="LoRA adapter for --base")
    evaluate.add_argument("--format", default="", help="prompt format of a base without a chat template")
    evaluate.add_argument("--kind", default="decoder", choices=("decoder", "encoder-decoder"), help="kind of --base")
    evaluate.add_argument(
        "--set",
        required=True,
        metavar="SET",
        help="facts-dev; mts-, aci-, elmtex- with valid or test1; medec-dev; icd-aci-train, -valid, -test1 or "
        "icd-facts-dev (--bundle: a coding bundle, or none); or FILE.jsonl",
    )
    evaluate.add_argument(
        "--strategy",
        default="",
        help="notes: divisions, own-divisions, sections, own-sections, or of facts that a tagger found: found-facts, "
        "found-lists, found-turns (-unmended); reports: naive, advanced, examples or judge",
    )
    evaluate.add_argument(
        "--tagger", type=Path, metavar="DIR", help="tagger bundle, for --strategy judge or found-… beside a --bundle"
    )
    evaluate.add_argument(
        "--repeats",
        choices=("default", "helped", "plain"),
        default="default",
        help="free text with or without the rule against repeats (edge/engine/repeats.py), to compare the two",
    )
    evaluate.add_argument("--limit", type=int, default=0, metavar="N", help="only the first N documents")
    evaluate.add_argument("--label", help="name of the model in tables (default: bundle, or base and adapter)")
    evaluate.add_argument("--out", type=Path, metavar="DIR", help="where answers and result.json go")
    evaluate.add_argument(
        "--encoder", type=Path, metavar="DIR", help="folder of an encoder, for BERTScore and examples"
    )
    evaluate.add_argument(
        "--train", default="", metavar="SET", help="training set or file for the nearest-example floor and examples"
    )
    evaluate.add_argument("--threads", type=int, default=0)
    evaluate.add_argument("--data", metavar="DIR", help=_DATA)
    evaluate.set_defaults(run=run_evaluate)


def _add_checks(sub: Any) -> None:
    checks = sub.add_parser("evaluate-checks", help="measure the checks of notes: planted errors, sources, omissions")
    checks.add_argument("--out", type=Path, required=True, metavar="DIR", help="where checks.json and checks.md go")
    checks.add_argument("--tagger", type=Path, metavar="DIR", help="tagger bundle, for omissions of found facts")
    checks.add_argument("--judge", type=Path, metavar="DIR", help="bundle of a judge of pairs, beside the rules")
    checks.add_argument("--encoder", type=Path, metavar="DIR", help="Hugging Face folder, for a head over MEDEC")
    checks.add_argument("--test", action="store_true", help="ACI test 1 in place of validation: once, at the end")
    checks.add_argument("--data", metavar="DIR", help=_DATA)
    checks.set_defaults(run=run_checks)
    fit = sub.add_parser("fit-checks", help="fit the weights of sources, omissions and negation anew")
    fit.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the three weight files go")
    fit.add_argument("--data", metavar="DIR", help=_DATA)
    fit.set_defaults(run=run_fit_checks)


def _add_publish(sub: Any) -> None:
    publish = sub.add_parser("publish", help="the adapter of a finished run as a folder to commit: fp16, with its card")
    publish.add_argument("id", help="run id")
    publish.add_argument("--out", type=Path, required=True, metavar="DIR")
    publish.add_argument(
        "--results", type=Path, nargs="*", default=[], metavar="FILE", help="result.json of this adapter, or folders"
    )
    publish.add_argument(
        "--beside", type=Path, nargs="*", default=[], metavar="FILE", help="result.json of other models"
    )
    publish.add_argument(
        "--languages", nargs="+", default=["en"], metavar="CODE", help="languages of the notes that it was trained to "
        "write (default: en); a conversation in another one is warned of",
    )  # fmt: skip
    publish.add_argument("--failures", type=Path, required=True, metavar="FILE", help="known failures, Markdown")
    publish.add_argument(
        "--no-phrases", action="store_true", help="without the table that helps a bundle to guess tokens ahead"
    )
    publish.add_argument("--data", metavar="DIR", help=_DATA)
    publish.set_defaults(run=run_publish)


def _add_phrases(sub: Any) -> None:
    phrases = sub.add_parser("phrases", help="count the table of phrases of an adapter that has none yet")
    phrases.add_argument("config", type=Path, help="the configuration that it was trained with")
    phrases.add_argument("--out", type=Path, required=True, metavar="DIR", help="the adapter's folder")
    _common(phrases)
    phrases.set_defaults(run=run_phrases)


def _add_parts(sub: Any) -> None:
    parts = sub.add_parser("parts", help="cut a file into parts to carry it, or join them again")
    parts.add_argument("source", type=Path, help="a file to cut, or a folder of parts to join")
    parts.add_argument("target", type=Path, help="folder for the parts, or for the joined file")
    parts.add_argument("--bytes", type=int, default=48_000_000, help="size of a part (default 48 MB)")
    parts.set_defaults(run=run_parts)


def _add_report(sub: Any) -> None:
    report = sub.add_parser("report", help="tables over evaluations, as Markdown and HTML")
    report.add_argument("results", type=Path, nargs="*", help="result.json files or folders (default: all evaluations)")
    report.add_argument("--out", type=Path, required=True, metavar="DIR", help="where report.md and report.html go")
    report.set_defaults(run=run_report)


def _add_tagger(sub: Any) -> None:
    tagger = sub.add_parser("tagger", help="train a tagger of facts or fields; prints the folder to build or commit")
    tagger.add_argument("config", type=Path, help="such as training/configs/taggers/minilm.toml")
    tagger.add_argument("--id", help="name of the run (default: that of the configuration, with the date)")
    tagger.add_argument(
        "--out", type=Path, metavar="DIR", help="where the tuned tagger goes (default: the run's folder)"
    )
    tagger.add_argument("--threads", type=int, default=0, metavar="N", help="0 for as many as there are")
    tagger.add_argument("--data", metavar="DIR", help=_DATA)
    tagger.set_defaults(run=run_tagger)


def _add_coding(sub: Any) -> None:
    coding = sub.add_parser("coding", help="tune the encoder of codes on pairs from the catalogue; prints its folder")
    coding.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the tuned encoder goes")
    coding.add_argument("--base", default="all-minilm-l6-v2", metavar="NAME", help="base of export/catalog.toml")
    coding.add_argument("--steps", type=int, default=400, metavar="N")
    coding.add_argument("--rate", type=float, default=1e-4)
    coding.add_argument("--seed", type=int, default=0)
    coding.add_argument("--fp32", action="store_true", help="not in bf16, even on a CPU that multiplies it")
    coding.add_argument("--threads", type=int, default=0, metavar="N", help="0 for as many as there are")
    coding.set_defaults(run=run_coding)
    fit = sub.add_parser(
        "fit-codes", help="fit what the score of a candidate code is worth, on the project's own codes"
    )
    fit.add_argument("--out", type=Path, required=True, metavar="DIR", help="where confidence.toml goes")
    fit.add_argument("--data", metavar="DIR", help=_DATA)
    fit.set_defaults(run=run_fit_codes)


_DATA = "data folder (default: EDGESCRIBE_DATA, else ../shared/data)"


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="DIR", help=_DATA)
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override, as section.key=value"
    )


def say(line: str) -> None:
    """Narration; files and runs are named in it, and a name is text from outside."""
    print(sanitise(line), file=sys.stderr, flush=True)


def run_folder(name: str) -> Path:
    """Folder of a run by its id. Raises UsageError for a name that is a path."""
    if not name or Path(name).name != name or name.startswith("."):
        raise UsageError(f"{name!r} is not a run id.", "It must be a plain name.", "Choose another --id.")
    return cache_dir() / "runs" / name


def _which_run(args: argparse.Namespace) -> tuple[str, bool]:
    """(run id, whether it exists and is to be continued). Raises UsageError, TrainingError."""
    if not args.config and not args.resume:
        raise UsageError("Give a configuration, or --resume ID.", "", "See edgescribe-training run --help.")
    if args.config and args.resume is not None:  # one command that can be given again and again
        name = args.resume or args.id or args.config.stem
        return name, (run_folder(name) / "config.json").is_file()
    name = args.resume or args.id or f"{args.config.stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    exists = (run_folder(name) / "config.json").is_file()
    if args.resume and not exists:
        raise TrainingError(f"There is no run {name!r}.", f"{run_folder(name)} holds no config.json.", "Check the id.")
    if exists and not args.resume:
        raise TrainingError(f"The run {name!r} exists.", "", "Resume it with --resume, or choose another --id.")
    return name, exists


def run_prepare(args: argparse.Namespace) -> int:
    """Print documents, tasks, their lengths in words and what was dropped, as JSON."""
    from training import config, mixing, sources

    chosen = config.load(args.config, tuple(args.set))
    prepared = mixing.prepare(chosen.data, sources.data_dir(args.data))
    tasks: dict[str, Any] = {
        name: {
            "documents": len(documents), "tasks": sum(len(d.tasks) for d in documents),
            "document_words": mixing.lengths([d.text for d in documents]),
            "answer_words": mixing.lengths([t.target for d in documents for t in d.tasks]),
        }
        for name, documents in prepared.train.items()
    }  # fmt: skip
    found = {"train": tasks, "counts": prepared.counts}
    if args.tokens:
        from training import lora

        found["epoch"] = lora.tokens(chosen, prepared)
    print(json.dumps(found, indent=2))
    return 0


def run_train(args: argparse.Namespace) -> int:
    """Train or resume; prints the run's folder. One process works in it, or those that one launcher started."""
    from training import config, lora, mixing, runlog, running, sources

    if args.from_snapshot:
        from training import snapshot

        args.resume = args.id or args.resume or args.from_snapshot.resolve().name
        args.config = None
        snapshot.restore(args.from_snapshot, run_folder(args.resume), say)
    name, resume = _which_run(args)
    folder = run_folder(name)
    if args.config:
        chosen = config.load(args.config, tuple(args.set))
    else:
        chosen = config.changed(runlog.configuration(folder), tuple(args.set), name)
    if resume:
        running.check_same(folder, chosen, running.FREE)
    prepared = mixing.prepare(chosen.data, sources.data_dir(args.data))
    with running.held(folder):
        outcome = running.train(folder, chosen, prepared, say)
    if lora.first_process():
        say(
            f"{outcome.reason}: {outcome.steps} steps, loss {outcome.loss:.4f}, {outcome.seconds:.0f} s, "
            f"peak {outcome.peak_bytes / 1e9:.1f} GB"
        )
        print(folder)
    return 0


def run_snapshot(args: argparse.Namespace) -> int:
    """Write the snapshot; prints its folder."""
    from training import snapshot

    print(snapshot.save(run_folder(args.id), args.out, say))
    return 0


def run_average(args: argparse.Namespace) -> int:
    """Make the run; prints its folder."""
    from training import averaging

    print(averaging.average([run_folder(name) for name in args.runs], args.weights, run_folder(args.id)))
    return 0


def run_ablate(args: argparse.Namespace) -> int:
    """Train every configuration with every seed; prints mean and spread of the last validation as JSON."""
    from training import ablation, sources

    if args.seeds < 1:
        raise UsageError(f"--seeds is {args.seeds}.", "", "Give 3 or more for a difference that counts.")
    run_folder(f"{args.prefix}ablation")  # the prefix must make plain names
    found = ablation.run(
        args.configs, tuple(args.set), range(args.seeds), sources.data_dir(args.data), cache_dir() / "runs", say,
        args.prefix, args.valid_tokens,
    )  # fmt: skip
    print(json.dumps(found, indent=2))
    return 0


def run_evaluate(args: argparse.Namespace) -> int:
    """Write and score answers; prints the result as JSON and keeps it under --out."""
    from edge.engine.repeats import BY_DEFAULT
    from training import code_evaluation, evaluation, tagger_evaluation

    data = Path(args.data) if args.data else None
    if args.set in code_evaluation.SETS:
        measured = code_evaluation.run(args.bundle, args.set, data, args.out, args.limit, say)
        print(json.dumps(measured, indent=2))
        return 0
    chosen = evaluation.Evaluation(
        bundle=args.bundle, base=args.base, adapter=args.adapter, format=args.format, kind=args.kind,
        set=args.set, limit=args.limit, label=args.label or "", out=args.out, encoder=args.encoder,
        threads=args.threads, strategy=args.strategy, data=data,
        train=args.train, answers=args.answers, tagger=args.tagger,
        repeats={"helped": True, "plain": False}.get(args.repeats, BY_DEFAULT),
    )  # fmt: skip
    evaluation.check_options(chosen)
    tagger = args.bundle is not None and tagger_evaluation.is_tagger(args.bundle)
    if tagger and args.strategy.startswith("found-"):
        chosen = replace(chosen, tagger=args.bundle)
    elif tagger and args.set not in tagger_evaluation.FACT_SETS:
        chosen = replace(chosen, strategy="tagger")
    elif tagger:
        found = tagger_evaluation.run(args.bundle, args.set, data, args.out, args.threads, args.limit, say)
        print(json.dumps(found, indent=2))
        return 0
    print(json.dumps(evaluation.run(chosen, say), indent=2))
    return 0


def run_checks(args: argparse.Namespace) -> int:
    """Measure the checks; writes checks.json and checks.md into a folder and prints their paths."""
    from functools import partial

    from edge.tagging.facts import find_facts
    from edge.tagging.onnx import load_tagger, load_verdicts
    from training import check_evaluation, check_report, folders, sources

    finder = partial(find_facts, load_tagger(args.tagger, allow_unsigned=True)) if args.tagger else None
    judge = load_verdicts(args.judge, allow_unsigned=True, threads=1) if args.judge else None
    found = check_evaluation.evaluate(sources.data_dir(args.data), say, finder, args.test, judge, args.encoder)
    stem = "checks-test1" if args.test else "checks"
    with folders.writing(args.out):
        args.out.mkdir(parents=True, exist_ok=True)
        read = check_report.verdicts(args.out / "read_by_eye.jsonl")
        pages = {f"{stem}.json": json.dumps(found, indent=1) + "\n", f"{stem}.md": check_report.page(found, read)}
        for name, text in pages.items():
            folders.replace(args.out / name, text)
            print(args.out / name)
    return 0


def run_fit_checks(args: argparse.Namespace) -> int:
    """Fit and print the paths of the weight files."""
    from training import check_fitting, sources

    for path in check_fitting.fit(sources.data_dir(args.data), args.out):
        print(path)
    return 0


def run_report(args: argparse.Namespace) -> int:
    """Write report.md and report.html; prints their paths."""
    from training import folders, report

    tables = report.load(args.results or [cache_dir() / "evaluations"])
    pages = {"report.md": report.markdown(tables, by_field=True), "report.html": report.page(tables)}
    with folders.writing(args.out):
        args.out.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            folders.replace(args.out / name, text)
            print(args.out / name)
    return 0


def run_publish(args: argparse.Namespace) -> int:
    """Write the adapter folder; prints its path."""
    from training import phrases, publish, running, sources

    folder = run_folder(args.id)
    if not (folder / "config.json").is_file():
        raise TrainingError(f"There is no run {args.id!r}.", f"{folder} holds no config.json.", "Check the id.")
    chosen = running.stored(folder)
    base = chosen.base.name
    counting = not args.no_phrases and chosen.base.kind == "decoder" and phrases.public(chosen.data)
    data = sources.data_dir(args.data) if counting else None  # told now, not when the rest is written
    try:
        failures = args.failures.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror or "" if isinstance(error, OSError) else "It is not UTF-8."
        raise UsageError(f"{args.failures} cannot be read.", reason, "Write down what the model gets wrong.") from None
    done = publish.publish(folder, Path(base).name, args.results, failures, args.out, args.beside, args.languages)
    say(f"{done.size / 1e6:.1f} MB of weights")
    if data is not None:
        _say_phrases(phrases.write(chosen, data, args.out))
    print(done.folder)
    return 0


def run_phrases(args: argparse.Namespace) -> int:
    """Write the table of phrases into an adapter's folder; prints its path."""
    from training import config, phrases, sources

    if not (args.out / "adapter_config.json").is_file():
        raise UsageError(f"{args.out} is no folder of an adapter.", "", "Name one that `publish` wrote.")
    path = phrases.write(config.load(args.config, tuple(args.set)), sources.data_dir(args.data), args.out)
    _say_phrases(path)
    print(path)
    return 0


def _say_phrases(path: Path) -> None:
    say(f"{path.stat().st_size / 1e6:.1f} MB of phrases")


def run_parts(args: argparse.Namespace) -> int:
    """Cut or join; prints the folder of the parts, or the joined file."""
    from training import parts

    if args.source.is_dir():
        print(parts.join(args.source, args.target))
        return 0
    if not args.source.is_file():
        raise UsageError(f"{args.source} does not exist.", "", "Name a file to cut or a folder of parts.")
    say(f"{parts.split(args.source, args.target, args.bytes)} parts")
    print(args.target)
    return 0


def run_tagger(args: argparse.Namespace) -> int:
    """Train a tagger; prints the folder of the tuned one."""
    from training import folders, sources, tagger_config, tagger_run
    from training.model import base_folder

    chosen = tagger_config.load(args.config)
    folder = run_folder(args.id or f"{chosen.name}-{time.strftime('%Y%m%d-%H%M%S')}")
    tagger_run.threads(args.threads)
    # A clinic's own reports lie in files of their own: they need no data folder.
    data = sources.data_dir(args.data) if chosen.needs_data else Path()
    with folders.hold(folder, f"The run {folder.name!r}"), folders.writing(folder):
        out = args.out or folder / "tagger"
        print(tagger_run.run(chosen, base_folder(chosen.base), data, out, say))
    return 0


def run_coding(args: argparse.Namespace) -> int:
    """Tune the encoder of codes; prints its folder."""
    from edge.terminology.index import open_catalogue
    from training import code_train, precision, tagger_run
    from training.model import base_folder

    if args.steps < 1:
        raise UsageError(f"--steps is {args.steps}.", "", "Give 100 or more.")
    tagger_run.threads(args.threads)
    bf16 = not args.fp32 and precision.bf16_pays(say)
    config = code_train.CodeTraining(steps=args.steps, rate=args.rate, seed=args.seed, bf16=bf16)
    print(code_train.tune(base_folder(args.base), open_catalogue(), config, args.out, say))
    return 0


def run_fit_codes(args: argparse.Namespace) -> int:
    """Fit; prints the path of the file."""
    from training import code_calibration, sources

    print(code_calibration.fit(sources.data_dir(args.data), args.out))
    return 0
