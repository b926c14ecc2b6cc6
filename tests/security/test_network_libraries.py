"""Every compiled library that is shipped: no collector address in any, and the runtime is the pair that has none."""

from __future__ import annotations

from importlib import metadata

import pytest

from edge.audit import inventory
from tests.security.conftest import Pack

SHIPPED = ("onnxruntime", "onnxruntime_genai", "sqlcipher3", "tokenizers", "rapidfuzz", "_argon2_cffi_bindings",
           "cryptography", "pydantic_core", "_cffi_backend", "numpy")  # fmt: skip


pytestmark = pytest.mark.model


@pytest.fixture
def libraries(pack: Pack) -> list[inventory.SharedObject]:
    return [inventory.SharedObject(**library) for library in pack.evidence["shared_objects"]]


def test_every_shipped_library_is_looked_through(libraries: list[inventory.SharedObject]) -> None:
    tops = {library.path.replace(".", "/").split("/")[0] for library in libraries}
    assert set(SHIPPED) <= tops
    assert len(libraries) >= 40
    assert sum(library.size for library in libraries) > 80_000_000
    assert all(library.size > 1000 for library in libraries)


def test_no_library_holds_a_collector_address(libraries: list[inventory.SharedObject]) -> None:
    assert len(inventory.COLLECTORS) >= 20
    assert {library.path: list(library.collectors) for library in libraries if library.collectors} == {}


def test_the_runtime_is_the_pair_without_a_collector() -> None:
    # From onnxruntime 1.29 and onnxruntime-genai 0.15 on, both report home unless told not to.
    assert metadata.version("onnxruntime") == "1.28.0"
    assert metadata.version("onnxruntime-genai") == "0.14.1"


def test_no_library_brings_a_client_of_its_own(libraries: list[inventory.SharedObject]) -> None:
    assert [library.path for library in libraries if "curl_easy_init" in library.can_call] == []
    # Why the seal is in the kernel: these name socket functions, and nothing but the kernel stops a call.
    could = {library.path.split("/")[0] for library in libraries if "socket" in library.can_call}
    assert could <= {"cryptography", "hf_xet", "onnxruntime_genai"}
