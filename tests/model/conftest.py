"""Real bundles for the model tests: built once, kept in the cache, trusted as what is built on this machine is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from once import once

from export.bundles import make_onnx_bundle
from export.machine import sign_here

TEST_BASE = "smollm2-135m-instruct"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bundle lies, and the data folder whose machine key signed it: made by one worker for all."""
    return once(tmp_path_factory, "bundle", _build)


def _build(folder: Path) -> Path:
    bundle = make_onnx_bundle(TEST_BASE, out=folder / "bundles")[0].folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGESCRIBE_HOME", str(folder / "machine"))
        sign_here(bundle)
    return folder


@pytest.fixture(scope="session")
def bundle_135m(built: Path) -> Path:
    """A verified int4 ONNX bundle of the 135M. The first time it needs the package mirror and half a minute."""
    return built / "bundles" / TEST_BASE


@pytest.fixture(autouse=True)
def trusting(request: pytest.FixtureRequest, home: Path) -> None:
    """The data folder of a test with the bundle trusts that key, as `make demo` leaves it."""
    if "bundle_135m" in request.fixturenames:
        shutil.copytree(request.getfixturevalue("built") / "machine" / "trusted_keys", home / "trusted_keys")
