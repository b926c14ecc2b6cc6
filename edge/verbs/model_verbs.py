"""What verbs share that write with a model: options, one loaded bundle for several files, errors a file, saving."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from edge.errors import BundleError, Cancelled, EdgescribeError
from edge.text import one_line, sanitise
from edge.verbs import bundle_options, vault_options
from edge.verbs.narrate import Narrator, complain

if TYPE_CHECKING:
    from edge.contract.document import Document
    from edge.contract.encounter import Encounter, Generated
    from edge.contract.origin import Origin
    from edge.encounters.writing import Engine, EngineInfo, ReadFile, Scribe
    from edge.vaults import Vault


@dataclass(frozen=True)
class VerbResult:
    """One file's result: the JSON object to print (without "file"), and the record to keep."""

    printed: dict[str, Any]
    source_kind: str
    result: Generated


Basis = Callable[["Encounter"], "Document"]  # what of a kept record is worked on
T = TypeVar("T")
Work = Callable[[T, "Document", argparse.Namespace, Narrator], VerbResult]


@dataclass(frozen=True)
class Input:
    """What a verb works on: its name, and what reads it; that raises InputError for what the verb cannot use."""

    name: str
    read: Callable[[], ReadFile]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Arguments of a verb that writes with a model."""
    add_files(parser)
    bundle_options.add_bundle(parser)
    bundle_options.add_threads(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line on standard output")
    parser.add_argument("--save", action="store_true", help="keep source and result in the vault")
    parser.add_argument("--title", metavar="TEXT", help="title of the saved record (default: the file's name)")
    add_quiet(parser)
    vault_options.add_options(parser)


def add_files(parser: argparse.ArgumentParser) -> None:
    """What is worked on."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="text file, or - for standard input")


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Results only."""
    parser.add_argument("--quiet", action="store_true", help="no narration on standard error")


def run_all(args: argparse.Namespace, work: Work[Scribe], inputs: Sequence[Input]) -> int:
    """Run work over every input with one loaded bundle, loaded once the first was read.

    Returns the exit code (see README.md): the error's own for a single file, 1 if some of several failed.
    """
    narrator = Narrator(args.quiet)
    bundle = OpenBundle(args, narrator)
    return run_inputs(args, narrator, work, inputs, bundle.scribe, bundle.close)


def run_inputs(
    args: argparse.Namespace, narrator: Narrator, work: Work[T], inputs: Sequence[Input], tool: Callable[[], T],
    close: Callable[[], None],
) -> int:  # fmt: skip
    """As run_all, with any tool: it is asked for once the first input was read, and closed at the end."""
    # The passphrase is asked for first, so that no note is written in vain.
    vault = vault_options.open_vault(args, create=True) if args.save else None
    codes: list[int] = []
    try:
        for one in inputs:
            codes.append(_one(one, tool, narrator, vault, args, work))
    finally:
        narrator.clear()
        close()
        if vault is not None:
            vault.close()
    failed = [code for code in codes if code]
    return 0 if not failed else failed[0] if len(codes) == 1 else 1


class OpenBundle:
    """The loaded bundle, opened when the first good file needs it."""

    def __init__(self, args: argparse.Namespace, narrator: Narrator) -> None:
        self._args, self.narrator = args, narrator
        self._scribe: Scribe | None = None

    def scribe(self) -> Scribe:
        """The scribe of this bundle; where notes are made from facts, the model is loaded when it is first asked for.

        Raises BundleError, EngineError.
        """
        from edge.encounters import writing

        if self._scribe is None:
            form = getattr(self._args, "form", None) or (writing.WHOLE if self._args.bundle else writing.AUTOMATIC)
            whole = form == writing.WHOLE
            self._scribe = (
                writing.Scribe(self._open(), form=form, threads=self._args.threads)
                if whole
                else writing.Scribe.deferred(self._open, form, self._args.threads)
            )
        return self._scribe

    def _open(self) -> Engine:
        from edge.encounters import writing

        opened = writing.Scribe.open(
            self._args.bundle,
            lambda done, total: self.narrator.progress("Checking the bundle", done, total),
            self._args.allow_unsigned,
            self._args.threads,
        )
        self.narrator.clear()
        if opened.why:
            self.narrator.say(f"Writing with {opened.engine.info.bundle}, {opened.why}.")
        remark_on(opened.engine.info, self.narrator)
        return opened.engine

    def close(self) -> None:
        if self._scribe is not None:
            self._scribe.engine.close()


def remark_on(info: EngineInfo, narrator: Narrator) -> None:
    """Say what the user must know of this bundle."""
    if info.signed_by is None:
        narrator.warn(f"The bundle {info.bundle!r} is UNSIGNED: no key that this machine trusts vouches for it.")
    if info.purpose == "test":
        narrator.say(f"The bundle {info.bundle!r} is a test model: its output is not fit for patients.")


def _one(
    one: Input, tool: Callable[[], T], narrator: Narrator, vault: Vault | None, args: argparse.Namespace, work: Work[T]
) -> int:
    try:
        reading = one.read()
        for remark in reading.warnings:
            narrator.say(f"{reading.name}: {remark}")
        document = reading.document
        outcome = work(tool(), document, args, narrator)
        if vault is not None:
            narrator.say(f"Saved as record {_keep(vault, document, args, outcome)}.")
        if args.json:
            remarks = [*reading.warnings, *outcome.printed.get("warnings", ())]
            read = {"language": reading.language, "warnings": remarks}
            _print_json({"file": sanitise(one.name), **outcome.printed, **read})
    except (Cancelled, BundleError):
        raise  # no other file would fare better
    except EdgescribeError as error:
        narrator.clear()
        if args.json:
            _print_json({"file": sanitise(one.name), "error": sanitise(str(error))})
        complain(error)
        return error.exit_code
    return 0


def _keep(vault: Vault, document: Document, args: argparse.Namespace, written: VerbResult) -> str:
    from edge.encounters import keeping
    from edge.encounters.open_encounter import source_of

    source = source_of(document, written.source_kind)
    return keeping.begin(vault, _title(document, args), source, written.result)


def _title(document: Document, args: argparse.Namespace) -> str:
    name = Path(document.name).stem if document.name != "standard input" else document.name
    return one_line(args.title or name, 120)


def run_on_kept(
    args: argparse.Namespace, narrator: Narrator, basis: Basis, work: Work[T], tool: Callable[[], T],
    close: Callable[[], None],
) -> int:  # fmt: skip
    """Run work over a text of a kept encounter; what it gives is kept beside what is there, which stays as it is."""
    from edge.encounters import keeping
    from edge.encounters.open_encounter import source_of

    with vault_options.open_vault(args) as vault:
        try:
            encounter = keeping.to_change(vault, args.id)
            document = basis(vault.encounters.peek(encounter.id))
            written = work(tool(), document, args, narrator)
            encounter.add_result(source_of(document, written.source_kind), written.result)
            keeping.save(vault, encounter)
            narrator.say(f"Saved in record {encounter.id}.")
        finally:
            narrator.clear()
            close()
    return 0


def envelope(origin: Origin) -> dict[str, Any]:
    """What every JSON result says about where it comes from."""
    return {
        "incomplete": origin.incomplete,
        "bundle": origin.bundle,
        "bundle_sha256": origin.bundle_sha256,
        "prompt_version": origin.prompt_version,
        "source_sha256": origin.source_sha256,
        "tokens": {"prompt": origin.prompt_tokens, "generated": origin.generated_tokens},
        "seconds": origin.seconds,
    }


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False), flush=True)


def out(text: str) -> None:
    """Write generated text to standard output at once."""
    sys.stdout.write(text)
    sys.stdout.flush()
