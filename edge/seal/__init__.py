"""The seal: this process cannot reach a network, and the kernel says so.

A front end calls, before it imports a runtime or opens the vault:

    reexec_clean()                                   # once: a clean environment and an isolated interpreter
    status = enforce(SealPolicy(write_dirs=(...,)))  # irrevocable, inherited by children
    print(status.line())

Importing this package is light (no ctypes, no sockets). What it protects against, and what not: docs/threat-model.md;
how to check it without this program: docs/audit-guide.md.
"""

from __future__ import annotations

from edge.seal.environment import reexec_clean

MYPY = False
if MYPY:  # at run time: __getattr__
    from edge.seal.policy import SealPolicy, SealStatus

__all__ = ["SealPolicy", "SealStatus", "enforce", "guard_output", "reexec_clean"]


def __getattr__(name: str) -> object:
    """The two types when they are asked for: the app's launcher, which needs neither, must start at once."""
    if name in ("SealPolicy", "SealStatus"):
        from edge.seal import policy

        return getattr(policy, name)
    raise AttributeError(name)


def enforce(policy: SealPolicy) -> SealStatus:
    """Seal this process and every child it will have; return what was enforced, after testing it.

    Raises SealError if the system cannot and policy.allow_unsealed is False, if standard input or output is a socket,
    or if the self-test finds a way out. Call it with one thread running.
    """
    from edge.contract import sealing
    from edge.seal.enforcement import enforce as seal_now

    status = seal_now(policy)
    sealing.note(status.level)
    return status


def guard_output() -> None:
    """Let only safe text through to standard output and error where they are terminals (see streams.py). Idempotent.

    enforce() calls it; a front end calls it before, so that what its argument parser says is covered too.
    """
    from edge.seal.streams import guard_output as put_up

    put_up()
