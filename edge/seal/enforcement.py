"""The order of the seal on every platform: environment, descriptors, folders, then what the system can enforce."""

from __future__ import annotations

import sys

from edge.errors import SealError
from edge.seal import descriptors, environment, imports, streams
from edge.seal.policy import SealPolicy, SealStatus


def enforce(policy: SealPolicy) -> SealStatus:
    """See edge.seal.enforce."""
    environment.scrub()
    imports.refuse_clients()
    streams.wall()
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
    if sys.platform == "linux":
        from edge.seal import linux

        return linux.seal(policy)
    if sys.platform == "darwin":
        from edge.seal import macos

        return macos.seal(policy)
    from edge.seal import windows

    return windows.seal(policy)
