"""What exactly was examined: program files, packages, shared objects and model bundles, each with its hash."""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import re
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

PROGRAM = "edgescribe"
PACKAGES = ("edge", "tui")
_CHUNK = 1 << 20
_SHARED = re.compile(r"\.(so(\.\d+)*|dylib|pyd|dll)$")

# Addresses that libraries report home to. Looked for as plain bytes and as 16-bit text.
COLLECTORS = (
    "mobile.events.data.microsoft", "events.data.microsoft", "vortex.data.microsoft", "settings-win.data.microsoft",
    "dc.services.visualstudio", "in.applicationinsights", "google-analytics.com", "app-measurement.com",
    "crashlytics.com", "sentry.io", "bugsnag.com", "segment.io", "mixpanel.com", "amplitude.com", "posthog.com",
    "datadoghq.com", "honeycomb.io", "telemetry.mozilla", "snowplowanalytics", "newrelic.com",
)  # fmt: skip


_NETWORK_CALLS = ("socket", "connect", "sendto", "getaddrinfo", "gethostbyname", "res_query", "curl_easy_init")


@dataclass(frozen=True)
class Package:
    """An installed distribution: its files as its own RECORD lists them, compared with the disk."""

    name: str
    version: str
    licence: str
    files: int
    altered: tuple[str, ...]
    record_sha256: str


@dataclass(frozen=True)
class SharedObject:
    """A compiled library that the program can load.

    collectors: addresses found in it. can_call: functions of the C library's network half that it names.
    """

    path: str
    size: int
    sha256: str
    collectors: tuple[str, ...]
    can_call: tuple[str, ...]


@dataclass(frozen=True)
class BundleFiles:
    """A model bundle: every file's hash, and those that do not agree with its manifest."""

    name: str
    files: dict[str, str]
    wrong: tuple[str, ...]


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def program_root() -> Path:
    """Return the folder that holds the packages `edge` and `tui`."""
    return Path(__file__).resolve().parents[2]


def program_files(root: Path) -> dict[str, str]:
    """Return path -> sha256 of every file of the program, without compiled caches, in byte order of the paths."""
    found = [
        path
        for package in PACKAGES
        for path in (root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    return {name: sha256_file(root / name) for name in sorted(p.relative_to(root).as_posix() for p in found)}


def listing_digest(files: dict[str, str]) -> str:
    """Return the sha256 of `sha256sum`'s own output over these files, in this order."""
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in files.items()).encode()).hexdigest()


def needed(root: str = PROGRAM) -> list[metadata.Distribution]:
    """Return the program's distribution and every installed one that it needs, itself first, then by name.

    Optional extras are left out. Raises metadata.PackageNotFoundError if the program is not installed.
    """
    found: dict[str, metadata.Distribution] = {}
    waiting = [root]
    while waiting:
        name = _plain(waiting.pop())
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if name == root:
                raise
            continue  # asked for on another platform only
        for line in found[name].requires or ():
            requirement, _, marker = line.partition(";")
            if "extra" not in marker and (match := re.match(r"[A-Za-z0-9._-]+", requirement)):
                waiting.append(match.group())
    first = found.pop(root)
    return [first, *(found[name] for name in sorted(found))]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def examine(dist: metadata.Distribution) -> Package:
    """Compare a distribution's files with its RECORD."""
    altered, checked = [], 0
    for file in dist.files or ():
        if file.hash is None or file.hash.mode != "sha256":
            continue
        checked += 1
        path = Path(str(file.locate()))
        raw = hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b""
        if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != file.hash.value:
            altered.append(str(file))
    record = dist.read_text("RECORD") or ""
    info = dist.metadata
    stated = (info[key] for key in ("License-Expression", "License") if key in info)
    licence = next((text for text in stated if text), "not stated")
    return Package(
        info["Name"],
        dist.version,
        licence.splitlines()[0][:80],
        checked,
        tuple(altered),
        hashlib.sha256(record.encode()).hexdigest(),
    )


def shared_objects(dists: Iterable[metadata.Distribution]) -> Iterator[tuple[str, Path]]:
    """Yield (name in its package, path) of every compiled library that these distributions installed."""
    for dist in dists:
        for file in dist.files or ():
            if _SHARED.search(file.name):
                path = Path(str(file.locate()))
                if path.is_file():
                    yield str(file), path


def scan(name: str, path: Path) -> SharedObject:
    """Look through one library for collector addresses and for calls that could reach a network."""
    blob = path.read_bytes()
    words = blob.replace(b"\0", b"")  # 16-bit text becomes 8-bit text, and 8-bit text has no zeros within
    hits = [c for c in COLLECTORS if c.encode() in words]
    calls = [c for c in _NETWORK_CALLS if b"\0" + c.encode() + b"\0" in blob]
    return SharedObject(name, len(blob), hashlib.sha256(blob).hexdigest(), tuple(hits), tuple(calls))


def bundle(folder: Path, say: Callable[[str], None] = lambda _: None) -> BundleFiles:
    """Hash every file of a bundle and compare with its manifest.json."""
    say(f"hashing {folder.name}")
    files = {p.name: sha256_file(p) for p in sorted(folder.iterdir()) if p.is_file()}
    listed = json.loads((folder / "manifest.json").read_text(encoding="utf-8")).get("files", [])
    told = {str(f.get("path")): str(f.get("sha256")) for f in listed if isinstance(f, dict)}
    wrong = [name for name, digest in told.items() if files.get(name) != digest]
    return BundleFiles(folder.name, files, tuple(wrong))


def sbom(packages: list[Package], files: dict[str, str], bundles: list[BundleFiles], made: str) -> dict[str, object]:
    """Return a CycloneDX 1.5 bill of materials: the program, its packages, its bundles."""
    own, *rest = packages
    digest = listing_digest(files)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest + made)}",
        "version": 1,
        "metadata": {
            "timestamp": made,
            "component": {
                "type": "application",
                "bom-ref": f"pkg:pypi/{PROGRAM}@{own.version}",
                "name": PROGRAM,
                "version": own.version,
                "hashes": [{"alg": "SHA-256", "content": digest}],
            },
        },
        "components": [
            *(
                {
                    "type": "library",
                    "bom-ref": f"pkg:pypi/{_plain(p.name)}@{p.version}",
                    "name": p.name,
                    "version": p.version,
                    "purl": f"pkg:pypi/{_plain(p.name)}@{p.version}",
                    "licenses": [{"license": {"name": p.licence}}],
                    "properties": [{"name": "edgescribe:record-sha256", "value": p.record_sha256}],
                }
                for p in rest
            ),
            *(
                {
                    "type": "machine-learning-model",
                    "bom-ref": f"bundle:{b.name}",
                    "name": b.name,
                    "hashes": [{"alg": "SHA-256", "content": b.files.get("manifest.json", "")}],
                }
                for b in bundles
            ),
        ],
        "dependencies": [
            {
                "ref": f"pkg:pypi/{PROGRAM}@{own.version}",
                "dependsOn": [f"pkg:pypi/{_plain(p.name)}@{p.version}" for p in rest],
            }
        ],
    }


def machine() -> dict[str, str]:
    """Return what the evidence was gathered on: system, kernel, processor, interpreter."""
    release = Path("/etc/os-release")
    pretty = (
        re.search(r'^PRETTY_NAME="?([^"\n]*)', release.read_text(encoding="utf-8"), re.M) if release.exists() else None
    )
    return {
        "system": pretty.group(1) if pretty else platform.system(),
        "kernel": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "python": sys.version.split()[0],
    }
