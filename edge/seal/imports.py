"""Network clients cannot be imported by a sealed process, although a dependency may have put them on the disk.

The tokenizer package, for one, installs a hub client that its tokenizer never needs. The kernel refuses their sockets
in any case; this makes an import fail at the import, by name. `socket` stays, asyncio cannot do without; it can do
without `ssl`, and so no TLS library is loaded at all.

One exception: the Apple runtime (mlx_lm) imports a hub client when it is imported itself, and cannot do without. From
then on clients can be imported again, and only the kernel's refusal is left.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_CLIENTS = (
    "requests urllib3 httpx httpx2 httpcore aiohttp h11 h2 websockets huggingface_hub hf_xet fsspec boto3 botocore "
    "paramiko grpc sentry_sdk opentelemetry posthog datadog certifi "
    "http.client http.server urllib.request urllib.robotparser ftplib smtplib poplib imaplib nntplib telnetlib "
    "socketserver xmlrpc wsgiref webbrowser ssl _ssl"
)
CLIENTS = frozenset(_CLIENTS.split())


class _Refuser:
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if "mlx_lm" in sys.modules:
            return None
        if fullname in CLIENTS or fullname.partition(".")[0] in CLIENTS:
            raise ModuleNotFoundError(f"{fullname} is a network client; the sealed program has none", name=fullname)
        return None


def refuse_clients() -> None:
    """From now on, importing a network client raises ModuleNotFoundError. Idempotent."""
    if not any(isinstance(finder, _Refuser) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Refuser())
