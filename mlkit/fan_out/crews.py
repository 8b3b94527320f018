"""Who does the work: processes of this machine, or the workers of a Dask cluster.

A crew is opened once and starts executors of ``concurrent.futures``: a new one after
the death of a process, which leaves a pool of processes unusable.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

PROCESSES, DASK = "processes", "dask://HOST:PORT"
KNOWN = f"{PROCESSES}, {DASK}"
ADDRESS = re.compile(r"dask://(?P<host>\[[^\]]+\]|[^:/\s]+):(?P<port>\d{1,5})/?")
SECONDS_TO_CONNECT = 5.0
SECONDS_FOR_WORKERS = 10.0
# A process that imported everything grows a little with each retrain.
UNITS_A_PROCESS = 20
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)


class ExecutorError(ValueError):
    """There is no such executor, or it can not be reached."""


@dataclass(frozen=True)
class Crew:
    """Workers that can be given units.

    Attributes
    ----------
    start : callable
        Returns an executor.
    slots : int
        How many units it works on at the same time.
    words : str
        What it is, for reports.
    ask : callable or None
        Has every worker of a cluster answer a call; None on this machine.
    """

    start: Callable[[], Executor]
    slots: int
    words: str
    ask: Callable[..., dict[str, Any]] | None = None


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_executor(asked: str) -> None:
    """Refuse an executor that there is not.

    Raises
    ------
    ExecutorError
        If it is neither ``processes`` nor ``dask://HOST:PORT``.
    """
    if asked != PROCESSES and not ADDRESS.fullmatch(asked):
        raise ExecutorError(
            f"--executor must be one of {KNOWN}; got {asked!r}; leave it out for "
            "processes of this machine"
        )


@contextmanager
def open_crew(asked: str, jobs: int | None = None) -> Iterator[Crew]:
    """Reach the workers, and let them go afterwards.

    Parameters
    ----------
    asked : str
        ``processes`` or ``dask://HOST:PORT``.
    jobs : int, optional
        Units at the same time; None takes one a core, or one a thread of the cluster.

    Raises
    ------
    ExecutorError
        If there is no such executor, or the scheduler can not be reached.
    """
    check_executor(asked)
    opened = _processes(jobs) if asked == PROCESSES else _dask(asked, jobs)
    with opened as crew:
        yield crew


@contextmanager
def _processes(jobs: int | None) -> Iterator[Crew]:
    slots = jobs or cores()
    share = max(1, cores() // slots)
    context = multiprocessing.get_context("spawn")
    started: list[ProcessPoolExecutor] = []

    def start() -> Executor:
        for pool in started:
            pool.shutdown(wait=True, cancel_futures=True)
        pool = ProcessPoolExecutor(
            slots,
            mp_context=context,
            initializer=begin,
            initargs=(share,),
            max_tasks_per_child=UNITS_A_PROCESS,
        )
        started[:] = [pool]
        return pool

    words = f"{slots} process{'es' if slots > 1 else ''} of this machine"
    try:
        yield Crew(start, slots, words)
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        for pool in started:
            pool.shutdown(wait=True, cancel_futures=True)


def begin(share: int) -> None:
    """Make a new process ready for units.

    Parameters
    ----------
    share : int
        Cores that it may use; limits that the user has set stand.
    """
    for name in THREADS:
        os.environ.setdefault(name, str(share))
    # Ctrl-C reaches the whole group: the head decides, and ends its processes itself.
    # A handler that does nothing, as an ignored signal would be ignored by kernels too.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _dask(asked: str, jobs: int | None) -> Iterator[Crew]:
    found = ADDRESS.fullmatch(asked)
    assert found is not None, "checked before"
    host, port = found["host"].strip("[]"), int(found["port"])
    _knock(asked, host, port)
    client: Any = _client(asked, f"tcp://{found['host']}:{port}")
    try:
        threads = client.nthreads()
        slots = jobs or sum(threads.values())
        workers = f"{len(threads)} worker{'s' if len(threads) > 1 else ''}"

        def start() -> Executor:
            executor: Executor = client.get_executor(pure=False)
            return executor

        yield Crew(start, slots, f"{workers} of {asked}", client.run)
    finally:
        with suppress(Exception):
            client.close(timeout=SECONDS_TO_CONNECT)


def _knock(asked: str, host: str, port: int) -> None:
    """Find out in seconds, before anything is imported, that nobody is there."""
    try:
        socket.create_connection((host, port), timeout=SECONDS_TO_CONNECT).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ExecutorError(
            f"--executor {asked}: a Dask scheduler must answer there, and {host}:{port}"
            f" can not be reached: {reason}; start one with `dask scheduler`, or check "
            "the address"
        ) from error


def _client(asked: str, address: str) -> Any:
    """Return a connected client of a scheduler that has workers."""
    try:
        from distributed import Client
    except ImportError as error:
        raise ExecutorError(
            f"--executor {asked}: the package distributed is not installed; add the "
            "extra: .venv/bin/uv pip install 'mlkit[dask]'"
        ) from error
    connect: Any = Client
    for name in ("distributed", "distributed.core", "distributed.comm"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client: Any = connect(address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ExecutorError(
            f"--executor {asked}: what answers there is no Dask scheduler that this "
            f"Dask can talk to: {error}; check the address and the versions of Dask"
        ) from error
    try:
        client.wait_for_workers(1, timeout=SECONDS_FOR_WORKERS)
    except TimeoutError as error:
        client.close()
        raise ExecutorError(
            f"--executor {asked}: the scheduler has no worker after "
            f"{SECONDS_FOR_WORKERS:g} s; start one with `dask worker {address}`"
        ) from error
    return client
