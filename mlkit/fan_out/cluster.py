"""The workers of a Dask cluster, which somebody else started."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import mlkit
from mlkit.fan_out.errors import ExecutorError

ADDRESS = re.compile(r"dask://(?P<host>\[[^\]]+\]|[^:/\s]+):(?P<port>\d{1,9})/?")
PORTS = range(1, 1 << 16)
SECONDS_TO_CONNECT = 5.0
SECONDS_FOR_WORKERS = 10.0
# What distributed logs of lost connections is told by our errors.
LOGGERS = ("distributed", "distributed.core", "distributed.comm", "distributed.client")
Ask = Callable[..., dict[str, Any]]


@contextmanager
def joined(
    asked: str, jobs: int | None
) -> Iterator[tuple[int, str, Callable[[], Executor], Ask]]:
    """Connect to a scheduler, and let go of it afterwards.

    Parameters
    ----------
    asked : str
        ``dask://HOST:PORT``.
    jobs : int, optional
        Units at the same time; None takes one a thread of the cluster.

    Yields
    ------
    tuple
        How many units at the same time, what it is in words, what starts an executor,
        and what has every worker answer a call.

    Raises
    ------
    ExecutorError
        If no scheduler answers there, or it has no workers.
    """
    found = ADDRESS.fullmatch(asked)
    assert found is not None, "checked before"
    _knock(asked, found["host"].strip("[]"), int(found["port"]))
    client = _client(asked, f"tcp://{found['host']}:{found['port']}")
    try:
        threads = client.nthreads()
        workers = f"{len(threads)} worker{'s' if len(threads) > 1 else ''}"

        def start() -> Executor:
            # Not pure: the same retrain again is another one.
            executor: Executor = client.get_executor(pure=False)
            return executor

        slots = jobs or sum(threads.values())
        yield slots, f"{workers} of {asked}", start, client.run
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
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    connect: Any = Client
    try:
        client = connect(address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
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


def check_workers(ask: Ask, root: Path, *, shared: bool) -> None:
    """Refuse a cluster whose workers can not do the work.

    Parameters
    ----------
    ask : callable
        Has every worker answer a call.
    root : Path
        The workspace.
    shared : bool
        Whether the workers must see the folder of the workspace.

    Raises
    ------
    ExecutorError
        If a worker has no mlkit, another version of it, or does not see the folder.
    """
    try:
        answers = ask(look, str(root))
    except Exception as error:
        raise ExecutorError(
            "every Dask worker must have mlkit and its packages, and one could not "
            f"answer: {type(error).__name__}: {error}; install the same environment "
            "there"
        ) from error
    mine = look(str(root))
    for worker, (version, cases) in sorted(answers.items()):
        if version != mine[0]:
            raise ExecutorError(
                f"every Dask worker must have mlkit {mine[0]}, and {worker} has "
                f"{version}; install the same environment there"
            )
        if shared and cases != mine[1]:
            raise ExecutorError(
                f"every Dask worker must see the workspace {root}, and {worker} does "
                "not; share the folder under that path, or name a place that all "
                "reach by --workspace, such as s3://bucket/workspace"
            )


def look(root: str) -> tuple[str, list[str]]:
    """Return the version of mlkit here, and the params files that can be seen."""
    there = sorted(path.name for path in Path(root).glob("params/*.yaml"))
    return mlkit.__version__, there
