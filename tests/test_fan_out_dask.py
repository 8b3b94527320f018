"""Segments on a real Dask cluster, one of whose workers is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.divided import (
    by_segment,
    in_the_middle,
    make_divided,
    records,
    wait_until,
)
from tests.workspace import mlkit_command, run_mlkit

pytest.importorskip("distributed")


def start(module: str, *arguments: str, folder: Path) -> subprocess.Popen[str]:
    """Start a part of a cluster, in a folder that is no workspace."""
    known = {k: v for k, v in os.environ.items() if k != "MLKIT_ROOT"}
    with (folder / f"{module}.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *arguments],
            cwd=folder,
            env={**known, "OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=log,
            text=True,
        )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a scheduler that has two workers of one thread each."""
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    local = ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file))
    scheduler = start("dask_scheduler", *local, "--port", "0", folder=folder)
    wait_until(file.exists, "the start of the scheduler")
    asked = ("--scheduler-file", str(file), "--no-nanny", "--no-dashboard")
    one = ("--nthreads", "1", "--local-directory", str(folder))
    workers = [start("dask_worker", *asked, *one, folder=folder) for _ in range(2)]
    try:
        yield json.loads(file.read_text())["address"].replace("tcp://", "dask://")
    finally:
        for process in (*workers, scheduler):
            process.terminate()
            process.wait(timeout=20)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_divided(tmp_path_factory.mktemp("shared") / "ws")


@pytest.fixture(scope="module")
def killed(cluster: str, root: Path) -> dict[str, Any]:
    """Return what became of segments while a worker was killed, and which one it was.

    The workers see the workspace's folder.
    """
    process = mlkit_command(root, "retrain", "toy", "--executor", cluster, "--json")
    victim = wait_until(lambda: in_the_middle(root, "toy.north"), "a second step")
    os.kill(victim["pid"], signal.SIGKILL)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    found: dict[str, Any] = json.loads(out)
    return found | {"victim": victim}


def test_a_worker_that_dies_loses_its_step_and_not_the_run(
    killed: dict[str, Any], root: Path
) -> None:
    members = by_segment(killed)
    assert {name: each["status"] for name, each in members.items()} == {
        "north": "ok", "south": "ok", "east": "not enough data",
        "west": "not enough data",
    }  # fmt: skip
    first, last = records(root, "toy.north")
    assert first["status"] == "interrupted"
    assert last["pid"] != killed["victim"]["pid"] == first["pid"]
    taken = [step["name"] for step in last["steps"] if step["taken"] == first["run"]]
    assert taken == [step["name"] for step in first["steps"]]


def test_workers_without_the_folder_are_refused_or_given_an_address(
    killed: dict[str, Any], cluster: str, root: Path, tmp_path: Path
) -> None:
    """The exchange is all that a worker knows: it retrains in a scratch folder."""
    exchange = tmp_path / "exchange"
    asked = (
        "retrain",
        "toy",
        "--executor",
        cluster,
        "--workspace",
        f"file://{exchange}",
    )
    done = run_mlkit(root, *asked, "--json")
    assert done.returncode == 0, done.stderr
    member = by_segment(json.loads(done.stdout))["south"]
    last = records(root, "toy.south")[-1]
    assert last["run"] == member["run"]
    # The earlier run went to the exchange: its steps are taken from it.
    earlier = by_segment(killed)["south"]["run"]
    taken = {step["name"] for step in last["steps"] if step["taken"] == earlier}
    assert {"data", "train", "explain"} <= taken
    assert (root / "reports" / "toy.south" / last["run"] / "index.html").is_file()
    assert (exchange / "reports" / "toy.south" / last["run"] / "run.json").is_file()
    held = sorted(path.name for path in (exchange / "registry").glob("toy.south/log/*"))
    mine = sorted(path.name for path in (root / "registry").glob("toy.south/log/*"))
    assert held == mine != []


def test_what_answers_must_be_a_scheduler(root: Path, cluster: str) -> None:
    done = run_mlkit(root, "retrain", "toy", "--executor", "dask://127.0.0.1:1")
    assert done.returncode == 2
    assert "127.0.0.1:1 can not be reached: Connection refused" in done.stderr
