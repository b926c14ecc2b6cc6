"""`edgescribe audit`: evidence for an auditor. `audit network` shows that this program reaches no network."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path

from edge.verbs import audit_encounter, auditlog


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = sub.add_parser("audit", help="gather evidence that can be checked without this program")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    network = actions.add_parser(
        "network",
        help="run a synthetic session under watch and write a signed evidence pack",
        description="Try to get out of the seal in every known way, run a synthetic session in a network namespace "
        "of its own, and write a signed pack of what was seen: text, JSON, a bill of materials, strace logs. Opens no "
        "vault of yours. Exit code 0 if every finding holds, 7 if one does not. docs/audit-guide.md goes through it.",
    )
    network.add_argument(
        "--out", type=Path, metavar="DIR", help="empty or new folder for the pack (default: ./edgescribe-audit-TIME)"
    )
    network.add_argument("--bundle", metavar="B", help="model bundle to run (default: the smallest one here)")
    network.add_argument("--no-strace", action="store_true", help="do not use strace, also if it is installed")
    # This verb starts sealed processes and observes them; it makes namespaces, which a sealed process may not.
    network.set_defaults(run=run, sealed=False)
    auditlog.add_actions(actions)
    audit_encounter.add_actions(actions)


def run(args: argparse.Namespace) -> int:
    """Gather the evidence, write the pack, print the findings."""
    from edge import paths
    from edge.audit.network import AuditRequest, gather
    from edge.errors import SealError
    from edge.seal.environment import reexec_clean

    if sys.platform != "linux":
        raise SealError(
            "This system has no network namespaces to gather evidence in.",
            "",
            "docs/audit-guide.md has what can be done by hand.",
        )
    reexec_clean()
    out = args.out or Path(f"edgescribe-audit-{datetime.now():%Y%m%d-%H%M%S}")
    request = AuditRequest(
        verbs=tuple(sorted(verbs_of(args.parser_of_all()))),
        bundle=_bundle(args.bundle),
        samples=Path(__file__).resolve().parent.parent / "samples",
        key_folder=paths.data_dir(),
        out=out,
        strace=not args.no_strace,
    )
    evidence = gather(request, lambda line: print(line, file=sys.stderr, flush=True))
    for line in evidence["verdict"]:
        print(f"[{line['answer']}] {line['claim']}\n    {line['facts']}")
    print(f"Signing key: {evidence['signing_key_sha256']}", f"Evidence pack: {out}", sep="\n")
    return 0 if all(line["answer"] != "DOES NOT HOLD" for line in evidence["verdict"]) else SealError.exit_code


def _bundle(name: str | None) -> Path:
    from edge import paths
    from edge.contract.bundle import find_bundle, list_bundles

    if name is not None:
        return find_bundle(name, paths.bundle_dirs())
    found = list_bundles(paths.bundle_dirs())
    if not found:
        return find_bundle("any", paths.bundle_dirs())  # raises the error that says what to do
    return min(found, key=lambda one: one.manifest.base.parameters).folder


def verbs_of(parser: argparse.ArgumentParser, before: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Return every verb that a parser knows, as the words that name it: ("records", "list")."""
    subparsers = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not subparsers:
        return {before} if before else set()
    return {
        verb
        for action in subparsers
        for name, child in action.choices.items()
        for verb in verbs_of(child, (*before, name))
    }
