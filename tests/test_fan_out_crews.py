"""Crews: who is known, who answers, and what becomes of work whose worker dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlkit.fan_out.crews import Crew, check_executor, open_crew
from mlkit.fan_out.errors import ExecutorError
from mlkit.fan_out.submitting import AGAIN, work_off
from mlkit.fan_out.units import Unit
from mlkit.pipeline.environment import THREADS
from tests.divided import wait_until

# Work for processes: it must be found in a module by its name.


def echo(unit: Unit) -> dict[str, Any]:
    return {"case": unit.case, "threads": [os.environ[name] for name in THREADS]}


def die_at_first(unit: Unit, *, folder: str) -> dict[str, Any]:
    """Kill this process the first time that the unit `doomed` comes by."""
    seen = Path(folder, unit.case)
    before = seen.read_text() if seen.exists() else ""
    seen.write_text(before + "x")
    if unit.case == "doomed" and not before:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"case": unit.case}


def die_always(unit: Unit, *, folder: str) -> dict[str, Any]:
    with Path(folder, unit.case).open("a") as file:
        file.write("x")
    if unit.case == "doomed":
        os.kill(os.getpid(), signal.SIGKILL)
    return {"case": unit.case}


def raise_always(unit: Unit) -> dict[str, Any]:
    raise ValueError("no such thing")


def units(*names: str) -> list[Unit]:
    return [Unit(name) for name in names]


def test_an_unknown_executor_is_refused_with_the_known_ones() -> None:
    for asked in ("threads", "dask://", "dask://host", "dask://host:port", "ray"):
        with pytest.raises(ExecutorError) as caught:
            check_executor(asked)
        assert str(caught.value) == (
            "--executor must be one of processes, dask://HOST:PORT; got "
            f"{asked!r}; leave it out for processes of this machine"
        )


@pytest.mark.parametrize("port", ["0", "65536", "99999", "123456"])
def test_a_port_that_can_not_be_is_a_wrong_address(port: str) -> None:
    with pytest.raises(ExecutorError) as caught:
        check_executor(f"dask://127.0.0.1:{port}")
    assert str(caught.value) == (
        f"--executor dask://127.0.0.1:{port}: a port must be from 1 to 65535, got "
        f"{port}; the scheduler's first lines say which one it listens on"
    )
    check_executor("dask://127.0.0.1:65535")


def test_a_scheduler_that_is_not_there_is_told_with_its_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        asked = f"dask://127.0.0.1:{port}"
        with pytest.raises(ExecutorError) as caught, open_crew(asked):
            pass
    assert str(caught.value) == (
        f"--executor {asked}: a Dask scheduler must answer there, and 127.0.0.1:{port} "
        "can not be reached: Connection refused; start one with `dask scheduler`, or "
        "check the address"
    )


def test_processes_do_all_units_and_share_the_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with open_crew("processes", 2) as crew:
        found = list(work_off(units("a", "b", "c"), crew, echo, print))
    assert sorted(each["case"] for each in found) == ["a", "b", "c"]
    share = str(max(1, len(os.sched_getaffinity(0)) // 2))
    assert found[0]["threads"] == ["7", *[share] * 4]


def test_a_unit_whose_process_dies_is_handed_out_again(tmp_path: Path) -> None:
    work = partial(die_at_first, folder=str(tmp_path))
    said: list[str] = []
    with open_crew("processes", 2) as crew:
        found = list(work_off(units("a", "doomed", "b", "c"), crew, work, said.append))
    assert sorted(each["case"] for each in found) == ["a", "b", "c", "doomed"]
    assert "doomed: its process died; it is handed out again" in said
    assert (tmp_path / "doomed").read_text() == "xx"


def test_a_unit_that_always_kills_its_process_fails_alone(tmp_path: Path) -> None:
    work = partial(die_always, folder=str(tmp_path))
    with open_crew("processes", 2) as crew:
        found = list(work_off(units("a", "doomed", "b", "c"), crew, work, print))
    failed = next(each for each in found if each["case"] == "doomed")
    assert failed["status"] == "failed"
    assert failed["error"]["type"] == "DeadWorker"
    assert len((tmp_path / "doomed").read_text()) == 1 + AGAIN
    assert sorted(each["case"] for each in found) == ["a", "b", "c", "doomed"]


def test_an_error_of_the_worker_is_the_error_of_its_unit() -> None:
    with open_crew("processes", 1) as crew:
        (found,) = work_off(units("a"), crew, raise_always, print)
    assert found["status"] == "failed"
    assert found["error"]["message"] == "no such thing"


def wait_for_the_end(unit: Unit, *, folder: str) -> dict[str, Any]:
    Path(folder, str(os.getpid())).touch()
    time.sleep(600)
    return {"case": unit.case}


def test_an_interrupt_ends_the_processes_of_the_crew_and_no_other(
    tmp_path: Path,
) -> None:
    other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
    other.start()

    def interrupt(crew: Crew) -> None:
        work = partial(wait_for_the_end, folder=str(tmp_path))
        crew.start().submit(work, Unit("a"))
        wait_until(lambda: list(tmp_path.iterdir()), "the start of the work")
        raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt), open_crew("processes", 1) as crew:
            interrupt(crew)
        assert not psutil.pid_exists(int(next(tmp_path.iterdir()).name))
        other.join(0.5)
        assert other.is_alive()
    finally:
        other.kill()
        other.join()


def test_units_are_taken_as_workers_get_free() -> None:
    taken: list[str] = []

    def endless() -> Any:
        for number in range(6):
            taken.append(str(number))
            yield Unit(str(number))

    with open_crew("processes", 2) as crew:
        results = work_off(endless(), crew, echo, print)
        next(results)
        assert len(taken) == 2
        assert len(list(results)) == 5
