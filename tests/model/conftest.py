"""Real bundles for the model tests: built once, kept in the cache, trusted as what is built on this machine is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from export.bundles import make_onnx_bundle
from export.machine import sign_here

TEST_BASE = "smollm2-135m-instruct"


@pytest.fixture(scope="session")
def bundle_135m(tmp_path_factory: pytest.TempPathFactory, machine: Path) -> Path:
    """A verified int4 ONNX bundle of the 135M. The first time it needs the package mirror and half a minute."""
    folder = make_onnx_bundle(TEST_BASE, out=tmp_path_factory.mktemp("bundles"))[0].folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGESCRIBE_HOME", str(machine))
        sign_here(folder)
    return folder


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose machine key signs the bundles here."""
    return tmp_path_factory.mktemp("machine")


@pytest.fixture(autouse=True)
def trusting(home: Path, machine: Path) -> None:
    """The test's data folder trusts that key, as `make demo` leaves it."""
    if (machine / "trusted_keys").is_dir():
        shutil.copytree(machine / "trusted_keys", home / "trusted_keys")
