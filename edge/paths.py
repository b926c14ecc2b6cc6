"""Where things live on this machine. Pure functions of the environment, read when called and never at import."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path


def data_dir() -> Path:
    """Folder of the vault and installed bundles: EDGESCRIBE_HOME, else the platform's place for application data."""
    if home := os.environ.get("EDGESCRIBE_HOME"):
        return Path(home)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "edgescribe"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "edgescribe"
    return Path(os.environ.get("XDG_DATA_HOME", str(Path.home() / ".local" / "share"))) / "edgescribe"


def cache_dir() -> Path:
    """Folder of what can be rebuilt (base models, built bundles): EDGESCRIBE_CACHE, else the platform's cache."""
    if cache := os.environ.get("EDGESCRIBE_CACHE"):
        return Path(cache)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "edgescribe"
    if sys.platform == "win32":
        return data_dir() / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "edgescribe"


def checkout() -> Path | None:
    """The source checkout that this code runs from, or None in an installed copy."""
    root = Path(__file__).resolve().parent.parent
    return root if (root / "pyproject.toml").is_file() and (root / "models").is_dir() else None


def bundle_dirs() -> list[Path]:
    """Folders searched for model bundles, first match wins: installed ones, then those built in a source checkout."""
    dirs = [data_dir() / "bundles"]
    if (root := checkout()) is not None:
        dirs.append(root / "models" / "bundles")
    return dirs


def default_vault() -> Path:
    """The clinician's vault file."""
    return data_dir() / "records.vault"


def device_name(name: str) -> bool:
    """Whether Windows takes a file's name for one of its devices, whatever its case and ending: "con", "COM1.toml"."""
    stem = unicodedata.normalize("NFKC", name).partition(".")[0].rstrip().lower()  # COM¹ is COM1 there
    return stem in {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
