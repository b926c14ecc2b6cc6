"""Real bundles for the model tests, built once and kept in the user's cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.bundles import make_onnx_bundle

TEST_BASE = "smollm2-135m-instruct"


@pytest.fixture(scope="session")
def bundle_135m(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A verified int4 ONNX bundle of the 135M. The first time it needs the package mirror and half a minute."""
    out = tmp_path_factory.mktemp("bundles")
    return make_onnx_bundle(TEST_BASE, out=out)[0].folder
