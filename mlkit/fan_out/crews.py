"""Who does the work: processes of this machine, or the workers of a Dask cluster.

A crew is opened once and starts executors of ``concurrent.futures``: a new one after
the death of a process, which leaves a pool of processes unusable.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mlkit.fan_out.cluster import ADDRESS, PORTS, joined
from mlkit.fan_out.errors import ExecutorError
from mlkit.pipeline.environment import THREADS, cores

PROCESSES, DASK = "processes", "dask://HOST:PORT"
KNOWN = f"{PROCESSES}, {DASK}"
# A process that imported everything grows a little with each retrain.
UNITS_A_PROCESS = 20


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


def check_executor(asked: str) -> None:
    """Refuse an executor that there is not.

    Raises
    ------
    ExecutorError
        If it is neither ``processes`` nor ``dask://HOST:PORT``, or no such port can be.
    """
    if asked == PROCESSES:
        return
    found = ADDRESS.fullmatch(asked)
    if found is None:
        raise ExecutorError(
            f"--executor must be one of {KNOWN}; got {asked!r}; leave it out for "
            "processes of this machine"
        )
    if int(found["port"]) not in PORTS:
        raise ExecutorError(
            f"--executor {asked}: a port must be from {PORTS[0]} to {PORTS[-1]}, got "
            f"{found['port']}; the scheduler's first lines say which one it listens on"
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
    if asked == PROCESSES:
        with _processes(jobs) as crew:
            yield crew
        return
    with joined(asked, jobs) as (slots, words, start, ask):
        yield Crew(start, slots, words, ask)


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
        # The caller may have other processes: only those of the pool are ended, and no
        # method of it says before Python 3.14 which they are.
        for pool in started:
            for process in list((pool._processes or {}).values()):
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
