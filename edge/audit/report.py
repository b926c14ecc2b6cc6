"""The evidence as text: what a person reads first. Everything in it is also in evidence.json."""

from __future__ import annotations

import textwrap
from typing import Any

from edge.text import sanitise

_WIDTH = 100
NOT_COVERED = (
    "The evidence is about this machine, these versions and this time.",
    "Some libraries name socket functions (listed with their hashes): they could call them, and the kernel refuses.",
    "Other programs on this machine (a terminal that records, a browser, a backup) are outside the seal.",
    "Whoever administers the machine can change the program or the kernel; compare the hashes with your own copy.",
    "The signature shows that the pack is unchanged and which installation made it, not who ran it.",
)
CHECK = (
    "sha256sum -c SHA256SUMS",
    "openssl pkeyutl -verify -pubin -inkey signing-key.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig",
    "openssl pkey -pubin -in signing-key.pem -outform DER | sha256sum",
)


def text(evidence: dict[str, Any]) -> str:
    """Return the report. Plain text, safe for a terminal."""
    parts = [
        [
            "EDGESCRIBE: EVIDENCE ABOUT THE NETWORK",
            f"made {evidence['made']} on {', '.join(evidence['machine'].values())}",
        ],
        _verdict(evidence["verdict"]),
        _session(evidence["session"]),
        _attempts(evidence["attempts"]["tried"]),
        _versions(evidence),
        ["WHAT THIS DOES NOT SHOW", *(f"- {line}" for line in NOT_COVERED)],
        ["CHECK THIS PACK WITHOUT EDGESCRIBE", *CHECK, f"the last must print {evidence['signing_key_sha256']}"],
    ]
    return sanitise("\n\n".join("\n".join(part) for part in parts) + "\n")


def _wrapped(words: str, indent: str) -> str:
    return textwrap.fill(words, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False)


def _verdict(lines: list[dict[str, str]]) -> list[str]:
    out = ["FINDINGS"]
    for line in lines:
        out += [
            f"[{line['answer']}] {line['claim']}",
            _wrapped(line["facts"], "    "),
            f"    by hand: {line['by_hand']}",
        ]
    return out


def _session(session: dict[str, Any]) -> list[str]:
    out = [f"SESSION (network namespace made as {session['how']}; strace: {session['strace'] or 'not installed'})"]
    for done in session["done"]:
        if done["exit_code"] is None:
            out.append(f"  not run   {done['name']}: {done['why']}")
        else:
            said = f": {done['why']}" if done["exit_code"] else ""
            out.append(f"  exit {done['exit_code']:<4} {done['name']} ({done['seconds']} s){said}")
            out.append(f"            {done['command']}")
    out.append(f"  verbs that no step uses: {', '.join(session['not_exercised']) or 'none'}")
    return out


def _attempts(tried: list[dict[str, Any]]) -> list[str]:
    out = ["ATTEMPTS, WITHOUT THE SEAL AND WITH IT"]
    families = [t for t in tried if t["name"].startswith("family-")]
    for t in tried:
        if t not in families:
            arrived = " and arrived" if t["unsealed_arrived"] else ""
            out.append(f"  {t['says']}")
            out.append(f"      without: {t['unsealed']}{arrived}; with: {t['sealed']} ({t['sealed_detail']})")
    opened = [t["name"].removeprefix("family-") for t in families if t["unsealed"] == "reached"]
    refused = sum(t["sealed"] == "refused" for t in families)
    out.append(f"  sockets of all {len(families)} families by number")
    out.append(f"      without: families {' '.join(opened)} open; with: {refused} of {len(families)} refused")
    return out


def _versions(evidence: dict[str, Any]) -> list[str]:
    program = evidence["program"]
    out = [
        "VERSIONS AND HASHES",
        f"  program: {len(program['files'])} files, listing sha256 {program['listing_sha256']}",
    ]
    out.append(
        "      by hand: cd ROOT && find edge tui -type f ! -path '*/__pycache__/*' | LC_ALL=C sort "
        "| xargs -d '\\n' sha256sum | sha256sum"
    )
    out += [
        f"  {p['name']} {p['version']} ({p['files']} files, RECORD {p['record_sha256']})" for p in evidence["packages"]
    ]
    for bundle in evidence["bundles"]:
        out += [f"  bundle {bundle['name']}/{name} {digest}" for name, digest in bundle["files"].items()]
    for library in evidence["shared_objects"]:
        calls = f" names {', '.join(library['can_call'])}" if library["can_call"] else ""
        out.append(f"  {library['path']} {library['sha256']}{calls}")
    return out
