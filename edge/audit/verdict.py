"""From facts to findings: one line for each claim, with how to check it by hand. No claim without a fact beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

AuditAnswer = Literal["holds", "DOES NOT HOLD", "not examined"]

# Without the seal these must go through, or the attempts prove nothing. Plain Linux has all of them.
CONTROLS = (
    "tcp", "tcp-libc", "tcp-syscall", "udp", "local-path", "local-abstract", "pair-addressed", "inherited-descriptor",
    "early-thread", "child-python", "netlink", "write-elsewhere",
)  # fmt: skip


@dataclass(frozen=True)
class AuditFinding:
    """One claim. facts: the numbers behind the answer; by_hand: a command that shows the same without us."""

    claim: str
    answer: AuditAnswer
    facts: str
    by_hand: str


def judge(evidence: dict[str, Any]) -> Iterator[AuditFinding]:
    """Yield every finding in the order of the audit guide."""
    yield from _attempts(evidence["attempts"])
    yield _log(evidence["kernel_log"])
    yield from _session(evidence["session"])
    yield from _files(evidence)


def _answer(holds: bool) -> AuditAnswer:
    return "holds" if holds else "DOES NOT HOLD"


def _attempts(found: dict[str, Any]) -> Iterator[AuditFinding]:
    tried = found["tried"]
    through = [t["name"] for t in tried if t["sealed_arrived"] or t["sealed"] not in ("refused", "absent")]
    refused = sum(t["sealed"] == "refused" for t in tried)
    yield AuditFinding(
        "With the seal, every attempt to get out is refused.",
        _answer(not through and bool(tried)),
        f"{len(tried)} attempts, {refused} refused, {len(tried) - refused - len(through)} not possible on this system"
        + (f"; went through or unclear: {', '.join(through)}" if through else ""),
        "audit-guide.md, part 3",
    )
    by_name = {t["name"]: t for t in tried}
    idle = [name for name in CONTROLS if by_name.get(name, {}).get("unsealed") != "reached"]
    reached = sum(t["unsealed"] == "reached" for t in tried)
    yield AuditFinding(
        "Without the seal the same attempts go through, so the test can fail.",
        _answer(not idle),
        f"{reached} of {len(tried)} went through, all {len(CONTROLS)} that any Linux allows among them"
        if not idle
        else f"did not go through: {', '.join(idle)}",
        "audit-guide.md, part 3",
    )
    moved = {k: v for k, v in found["counters_sealed"].items() if v}
    yield AuditFinding(
        "During the sealed attempts no packet left, not even on loopback.",
        _answer(not moved and bool(found["counters_sealed"])),
        f"{len(found['counters_sealed'])} kernel counters, all unchanged (unsealed: "
        f"{found['counters_unsealed'].get('Ip.OutRequests', 0)} packets)"
        if not moved
        else f"rose: {moved}",
        "unshare -rn sh -c 'edgescribe records list; cat /proc/net/snmp'",
    )
    status = found["status"]
    yield AuditFinding(
        "The kernel enforces the seal.",
        _answer(status.get("level") == "kernel"),
        str(status.get("line", "no status")),
        "grep -E 'Seccomp|NoNewPrivs' /proc/$(pgrep -n -f seal/boot.py)/status",
    )


def _log(found: dict[str, Any]) -> AuditFinding:
    lines, made = found["lines"], found["made"]
    each = ", ".join(f"{name} {count}" for name, count in lines.items())
    facts = f"{sum(lines.values())} lines of one sealed process, {len(made)} kinds of refused calls: {each}"
    if found["missing"]:
        facts += f"; no line of: {', '.join(found['missing'])}"
    limit = "; for all programs together the kernel prints few lines a second, so not every attempt has one"
    return AuditFinding(
        "Refused calls are in the kernel's own log.",
        "not examined" if found["why_not"] else _answer(bool(made) and not found["missing"]),
        found["why_not"] or facts + limit,
        "as root: dmesg | grep type=1326 (or: journalctl -k -g type=1326; ausearch -m SECCOMP)",
    )


def _session(found: dict[str, Any]) -> Iterator[AuditFinding]:
    done = [d for d in found["done"] if d["exit_code"] is not None]
    failed = [f"{d['name']} (exit {d['exit_code']})" for d in done if d["exit_code"] != 0]
    left_out = [f"{d['name']} ({d['why']})" for d in found["done"] if d["exit_code"] is None]
    yield AuditFinding(
        "The program does its work while sealed.",
        _answer(bool(done) and not failed),
        f"{len(done)} steps ran{', failed: ' + ', '.join(failed) if failed else ''}"
        + (f"; not run: {', '.join(left_out)}" if left_out else ""),
        "the commands under `session` below",
    )
    rose = {d["name"]: d["rise"] for d in done if d["rise"]}
    counted = sum(found["counters_count"].values())
    yield AuditFinding(
        "The session made no packet and no connection, and tried none.",
        _answer(not rose and counted > 0 and not any(d["sockets_left"] for d in done)),
        f"all counters of the namespace at zero; one deliberate datagram afterwards raised {found['counters_count']}"
        if not rose
        else f"rose: {rose}",
        "unshare -rn sh -c 'edgescribe note visit.txt; cat /proc/net/snmp /proc/net/udp /proc/net/tcp'",
    )
    watched = [d["seen"] for d in done if d["seen"] and d["seen"]["sealed_samples"]]
    early = sorted({name for d in done for name in d["seen"]["mapped_unsealed"]})
    loose = sum(s["unsealed_threads"] for s in watched)
    mapped = sorted({name for s in watched for name in s["mapped_sealed"]})
    yield AuditFinding(
        "Runtime and vault library are loaded only after the seal, and every thread is under it.",
        _answer(bool(watched) and not early and not loose),
        f"{sum(s['sealed_samples'] for s in watched)} looks at {len(watched)} processes: Seccomp 2, NoNewPrivs 1 "
        f"on up to {max((s['threads'] for s in watched), default=0)} threads; loaded under it: {', '.join(mapped)}"
        + (f"; LOADED BEFORE IT: {', '.join(early)}" if early else "")
        + (f"; {loose} threads without it" if loose else ""),
        "grep -E 'Seccomp|NoNewPrivs' /proc/PID/task/*/status; "
        "as root: grep -cE 'onnxruntime|sqlcipher' /proc/PID/maps",
    )
    traces = [d["trace"] for d in done if d["trace"]]
    allowed = [line for t in traces for line in t["allowed"]]
    yield AuditFinding(
        "strace saw no network call that succeeded.",
        _answer(not allowed) if traces else "not examined",
        f"{sum(t['calls'] for t in traces)} calls, {sum(t['refused'] for t in traces)} refused, "
        f"{sum(t['private_pairs'] for t in traces)} private pairs (AF_UNIX, for the event loop and the self-test)"
        if traces
        else "strace is not installed here",
        "strace -f -e trace=%network,io_uring_setup edgescribe note visit.txt",
    )


def _files(evidence: dict[str, Any]) -> Iterator[AuditFinding]:
    altered = [f"{p['name']}: {name}" for p in evidence["packages"] for name in p["altered"]]
    checked = sum(p["files"] for p in evidence["packages"])
    yield AuditFinding(
        "The installed packages are as they were installed.",
        _answer(not altered and checked > 0),
        f"{len(evidence['packages'])} packages, {checked} files agree with their RECORD"
        if not altered
        else f"{altered}",
        "pip download --no-deps NAME==VERSION; compare with the RECORD in the wheel",
    )
    libraries = evidence["shared_objects"]
    hits = {s["path"]: s["collectors"] for s in libraries if s["collectors"]}
    yield AuditFinding(
        "No shipped library holds the address of a known collector.",
        _answer(not hits and bool(libraries)),
        f"{len(libraries)} libraries, {len(evidence['collectors_looked_for'])} addresses" if not hits else f"{hits}",
        "find SITE-PACKAGES -name '*.so*' -exec grep -l -a -i events.data.microsoft {} +",
    )
    wrong = [f"{b['name']}: {name}" for b in evidence["bundles"] for name in b["wrong"]]
    yield AuditFinding(
        "The model bundle is the one that its manifest describes.",
        _answer(not wrong and bool(evidence["bundles"])),
        f"{sum(len(b['files']) for b in evidence['bundles'])} files" if not wrong else ", ".join(wrong),
        "sha256sum BUNDLE/*; compare with BUNDLE/manifest.json",
    )
