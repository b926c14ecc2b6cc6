"""The index of the real ICD-10-CM, built once for all tests of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from once import once

from edge.terminology.index import open_catalogue


def catalogue_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder that holds it; to be read, not written."""

    def make(folder: Path) -> Path:
        open_catalogue(folder).close()
        return folder

    return once(factory, "terminology", make)
