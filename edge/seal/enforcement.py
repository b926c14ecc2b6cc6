"""The order of the seal on every platform: environment, descriptors, folders, then what the system can enforce."""

from __future__ import annotations

import sys

from edge.errors import SealError
from edge.seal import descriptors, environment, imports, setting, streams
from edge.seal.policy import SealPolicy, SealStatus
from edge.seal.setting import Accepted


def enforce(policy: SealPolicy) -> SealStatus:
    """See edge.seal.enforce."""
    environment.scrub()
    imports.refuse_clients()
    streams.guard_output()
    descriptors.fill_missing_streams()
    descriptors.close_inherited()
    if not policy.allow_unsealed:
        descriptors.refuse_socket_stdio()
    for folder in policy.write_dirs:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as fault:
            raise SealError(
                "A folder that the program must write to cannot be made.",
                fault.strerror or "",
                "Check EDGESCRIBE_HOME, EDGESCRIBE_CACHE and the folder you named.",
            ) from fault
    return judged(policy, _system(policy))


def _system(policy: SealPolicy) -> SealStatus:
    if sys.platform == "linux":
        from edge.seal import linux

        return linux.seal(policy)
    if sys.platform == "darwin":
        from edge.seal import macos

        return macos.seal(policy)
    from edge.seal import windows

    return windows.seal(policy)


def judged(policy: SealPolicy, status: SealStatus) -> SealStatus:
    """The status, if it is enough. Raises SealError where a part is missing that nobody has accepted."""
    if status.level == "kernel" or policy.allow_unsealed:
        return status
    recorded = Accepted(policy.accept) if policy.accept != "kernel" else setting.read()
    if not recorded.takes(status.level):
        raise SealError(
            "This process is not fully sealed from the network.",
            " ".join(status.gaps),
            f"Use Linux 5.13 or later, start with --unsealed, which shows on every screen, or let IT record that it is"
            f" accepted on this machine ({setting.folder() / setting.FILE}; see the audit guide).",
        )
    by = (f"Accepted on this machine by {recorded.by}: {recorded.why}.",) if recorded.by else ()
    return status._replace(gaps=(*status.gaps, *by))
