"""Planted violations: each attempt goes through without the seal, against listeners in a network namespace of the
test's own, and is refused with it. A list that shrinks, or an attempt that never worked, fails the test."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from once import once

from edge.audit import attempts, stage, verdict

NAMES = [a.name for a in attempts.ATTEMPTS] + ["early-thread", "inherited-descriptor"]


def run_stage(folder: Path, as_root: bool) -> dict[str, Any]:
    done = subprocess.run(
        stage.python_command("edge.audit.stage:main", {"folder": str(folder), "as_root": as_root}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=600,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module", params=[True, False], ids=["as found", "as a user without rights"])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return once(tmp_path_factory, f"stage-{request.param}", lambda folder: run_stage(folder, request.param))


def by_name(found: dict[str, Any]) -> dict[str, Any]:
    return {t["name"]: t for t in found["tried"]}


def test_every_attempt_was_made(found: dict[str, Any]) -> None:
    assert len(NAMES) == 34
    assert len(attempts.FAMILIES) == 46
    assert set(by_name(found)) == {*NAMES, *(f"family-{n}" for n in range(46))}
    assert len(found["tried"]) == 80


def test_without_the_seal_the_attempts_go_through(found: dict[str, Any]) -> None:
    tried = by_name(found)
    for name in verdict.CONTROLS:
        assert tried[name]["unsealed"] == "reached", tried[name]
        assert tried[name]["unsealed_arrived"] or name not in attempts.DELIVERING, tried[name]
    assert {f"family-{n}" for n in (1, 2, 16)} <= {n for n, t in tried.items() if t["unsealed"] == "reached"}
    assert found["counters_unsealed"]["Tcp.ActiveOpens"] >= 5
    assert found["counters_unsealed"]["Udp.OutDatagrams"] >= 1


def test_a_name_server_is_asked_without_the_seal_and_not_with_it(found: dict[str, Any]) -> None:
    lookup = by_name(found)["name-lookup"]
    assert lookup["unsealed_arrived"]
    assert not lookup["sealed_arrived"]


@pytest.mark.parametrize("name", NAMES)
def test_with_the_seal_the_attempt_is_refused(found: dict[str, Any], name: str) -> None:
    tried = by_name(found)[name]
    assert not tried["sealed_arrived"]
    assert tried["sealed"] == "refused" or (tried["sealed"], tried["unsealed"]) == ("absent", "absent"), tried


@pytest.mark.parametrize("family", range(46))
def test_with_the_seal_no_family_opens_a_socket(found: dict[str, Any], family: int) -> None:
    tried = by_name(found)[f"family-{family}"]
    assert tried["sealed"] == "refused"
    assert tried["sealed_detail"] == "EPERM, EPERM, EPERM, EPERM"


def test_with_the_seal_no_counter_of_the_kernel_moves(found: dict[str, Any]) -> None:
    assert len(found["counters_sealed"]) >= 12
    assert not any(found["counters_sealed"].values())
    assert found["counters_count"] == {"Ip.OutNoRoutes": 1}


def test_the_attempts_were_made_under_the_whole_seal(found: dict[str, Any]) -> None:
    assert found["status"]["level"] == "kernel"


def test_the_judge_says_no_if_one_attempt_gets_through(found: dict[str, Any]) -> None:
    assert [line.answer for line in verdict._attempts(found)] == ["holds"] * 4
    for change, index in (
        ({"sealed_arrived": True}, 0),
        ({"sealed": "reached"}, 0),
        ({"sealed": "failed"}, 0),
        ({"unsealed": "failed"}, 1),
    ):
        spoilt = [{**t, **change} if t["name"] == "tcp" else t for t in found["tried"]]
        answers = [line.answer for line in verdict._attempts({**found, "tried": spoilt})]
        assert answers[index] == "DOES NOT HOLD", change
    moved = {**found, "counters_sealed": {**found["counters_sealed"], "Udp.OutDatagrams": 1}}
    assert [line.answer for line in verdict._attempts(moved)][2] == "DOES NOT HOLD"
