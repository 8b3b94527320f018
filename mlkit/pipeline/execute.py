"""One notebook, run headless by papermill, with a status that can be believed.

papermill marks the cells of a notebook ``completed`` even when the kernel died or a
cell ran out of time. Here success is decided by two facts: papermill raised nothing,
and the notebook's last cell wrote its result (``steps.Step.finish``).
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import papermill
import scrapbook
from jupyter_client.kernelspec import NoSuchKernel
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop, run_sync
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError
from traitlets import default

from mlkit import store
from mlkit.pipeline.environment import kernel_environment
from mlkit.pipeline.prompt_client import KernelNotReady, PromptClient
from mlkit.pipeline.runs import read_result
from mlkit.pipeline.stopped import StepError

PAPERMILL = ("papermill", "papermill.translators", "papermill.utils")
# Seconds; also on a machine under load, an ordinary kernel answers well within them.
START = 60
# What a person can do about errors that say in full what is wrong.
ADVICE = {
    "DataError": "Put the table right, or the data section of the params file.",
    "SourceError": "Put the source right, or the data section of the params file.",
    "StaleError": "The message says which step comes first.",
    "DamageError": "`mlkit registry verify` lists every damaged file; restore it from "
    "a backup, or archive the version with `mlkit registry archive`.",
    "MemoryError": "Take fewer rows or columns, or aggregate with `data.query`.",
}


class IpcKernelManager(AsyncKernelManager):
    """Talks to the kernel over sockets in a folder of its own.

    A TCP port can be taken by another process between choosing and binding it, and so
    can a path that others use; a new folder can not.
    """

    @default("client_factory")
    def _client_that_does_not_wait(self) -> type[PromptClient]:
        return PromptClient

    @default("transport")
    def _sockets_where_there_are_some(self) -> str:
        return "ipc" if os.name == "posix" else "tcp"

    @default("ip")
    def _own_folder(self) -> str:
        if self.transport == "tcp":
            return "127.0.0.1"
        folder = tempfile.mkdtemp(prefix="mlkit-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return f"{folder}/kernel"


@dataclass
class Progress:
    """What papermill's hooks saw last: the cell that was being run, and its number."""

    index: int = 0
    count: int = 0
    source: str = ""
    started: float = field(default_factory=time.monotonic)

    def on_cell_start(self, cell: Any, cell_index: int) -> None:
        """Note which cell starts."""
        self.index, self.source = cell_index, cell.source
        self.count += cell.cell_type == "code"


def execute(
    notebook: Path,
    output: Path,
    given: Mapping[str, Any],
    *,
    root: Path,
    cell_timeout: float,
    deadline: float,
    progress_bar: bool = False,
    share: int = 1,
) -> None:
    """Run a notebook and return when, and only when, it reached its end.

    However it ends, its kernel has ended too. Any thread may call this.

    Parameters
    ----------
    notebook, output : Path
        The notebook, and where the executed copy goes.
    given : mapping
        What is injected, plain JSON data.
    root : Path
        The workspace that the notebook's kernel works in.
    cell_timeout : float
        Seconds one cell may take.
    deadline : float
        ``time.monotonic()`` at which the whole run must have ended.
    progress_bar : bool
        Show papermill's progress bar.
    share : int
        How many kernels share the cores of the machine.

    Raises
    ------
    StepError
        If a cell raised or ran out of time, or the kernel died or did not start.
    """
    progress, step = Progress(), notebook.stem
    env = kernel_environment(root, share=share)
    managers: list[IpcKernelManager] = []
    try:
        with _quiet_papermill(), _quiet_interrupt(), _ended(managers):
            papermill.execute_notebook(
                notebook,
                output,
                parameters=dict(given),
                kernel_name="python3",
                progress_bar=progress_bar,
                kernel_manager_class=_manager_class(env, managers),
                timeout_func=_budget(cell_timeout, deadline),
                start_timeout=_time_to_start(deadline),
                on_cell_start=progress.on_cell_start,
                extra_arguments=["--IPKernelApp.log_level=50"],
            )
    except PapermillExecutionError as error:
        raise StepError(_raised(step, error)) from error
    except CellTimeoutError as error:
        mark_truth(output, progress.index)
        raise StepError(_timed_out(step, progress, cell_timeout)) from error
    except DeadKernelError as error:
        mark_truth(output, progress.index)
        raise StepError(_died(step, progress)) from error
    except KernelNotReady as error:
        raise StepError(_not_started(step, error)) from error


def _manager_class(
    env: Mapping[str, str], started: list[IpcKernelManager]
) -> type[IpcKernelManager]:
    """Return a class of managers that start a kernel with an environment of its own.

    papermill takes a class and no arguments for it, and the environment of this process
    is that of all its threads.
    """

    class StepKernelManager(IpcKernelManager):
        # Of an asynchronous manager it is, and its types say otherwise.
        async def start_kernel(self, **given: Any) -> None:  # type: ignore[override]
            started.append(self)
            try:
                await super().start_kernel(env=dict(env), **given)
            except (NoSuchKernel, OSError, RuntimeError) as error:
                raise KernelNotReady(str(error)) from error

    return StepKernelManager


@contextmanager
def _ended(managers: Sequence[IpcKernelManager]) -> Iterator[None]:
    """End kernels that papermill has left, as it does when it is interrupted early."""
    try:
        yield
    finally:
        for manager in managers:
            if manager.has_kernel:
                run_sync(manager.shutdown_kernel)(now=True)


def _budget(cell_timeout: float, deadline: float) -> Callable[[Any], float]:
    """Give each cell its own limit or what is left of the run's, whichever is less."""

    def seconds(_cell: Any) -> float:
        # nbclient takes 0 for "no limit", so an overdrawn budget is a tiny one.
        return max(0.001, min(cell_timeout, deadline - time.monotonic()))

    return seconds


def _time_to_start(deadline: float) -> int:
    """Return the seconds a kernel may take to answer: of the run's, at most a minute.

    nbclient takes whole seconds only.
    """
    return max(1, min(START, math.ceil(deadline - time.monotonic())))


@contextmanager
def _quiet_papermill() -> Iterator[None]:
    """Keep papermill's log lines out of ours; errors come as exceptions."""
    loggers = [logging.getLogger(name) for name in PAPERMILL]

    # One a notebook: several may be run at the same time, and end in any order.
    def silence(record: logging.LogRecord) -> bool:
        return False

    for logger in loggers:
        logger.addFilter(silence)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(silence)


@contextmanager
def _quiet_interrupt() -> Iterator[None]:
    """Keep the fate of an abandoned cell from being printed after Ctrl-C.

    The interrupt leaves the cell's task on the event loop; it ends with its kernel, and
    asyncio would print that nobody asked it how.
    """
    loop = ensure_event_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(_unless_kernel_died)
    try:
        yield
    except KeyboardInterrupt:
        # It may be printed at any time from now on, so the silence stays.
        raise
    except BaseException:
        loop.set_exception_handler(before)
        raise
    loop.set_exception_handler(before)


def _unless_kernel_died(
    loop: asyncio.AbstractEventLoop, context: dict[str, Any]
) -> None:
    if not isinstance(context.get("exception"), DeadKernelError):
        loop.default_exception_handler(context)


def mark_truth(output: Path, index: int) -> None:
    """Correct an executed notebook whose cells papermill called completed.

    Parameters
    ----------
    output : Path
        The executed notebook; nothing is done when it was never written.
    index : int
        Position of the cell that failed.
    """
    if not output.exists():
        return
    document = nbformat.read(output, as_version=4)
    for number, cell in enumerate(document.cells):
        if "papermill" in cell.metadata and number >= index:
            failed = number == index
            cell.metadata.papermill["status"] = "failed" if failed else "pending"
            cell.metadata.papermill["exception"] = failed
    document.metadata.setdefault("papermill", {})["exception"] = True
    store.write_atomic(output, nbformat.writes(document))


def step_facts(folder: Path, name: str) -> dict[str, Any]:
    """Return what an executed notebook recorded of itself.

    Parameters
    ----------
    folder : Path
        Folder of the run or draft.
    name : str
        The notebook's stem.

    Raises
    ------
    StepError
        If it recorded nothing: then it did not reach its end.
    """
    result = read_result(folder, name)
    if result is None:
        raise StepError(
            {
                "step": name,
                "cell": None,
                "source": "",
                "type": "NoResult",
                "message": f"the notebook ended without recording {name}.json",
                "advice": "Its last code cell must call mlkit.pipeline.finish(...).",
            }
        )
    path = folder / f"{name}.ipynb"
    return {
        "peak_memory_mb": result["peak_memory_mb"],
        "inputs": result["inputs"],
        "outputs": {
            path.name: store.sha256_file(path),
            f"{name}.json": store.sha256_file(folder / f"{name}.json"),
            **result["outputs"],
        },
        "cutoff": result.get("cutoff"),
        "scraps": scrapbook.read_notebook(str(path)).scraps.data_dict,
    }


def _raised(step: str, error: PapermillExecutionError) -> dict[str, Any]:
    return {
        "step": step,
        "cell": error.exec_count,
        "source": error.source,
        "type": error.ename,
        "message": error.evalue,
        "advice": ADVICE.get(
            error.ename,
            f"Open {step}.ipynb in this folder: the cell has its traceback.",
        ),
    }


def _timed_out(step: str, progress: Progress, limit: float) -> dict[str, Any]:
    took = time.monotonic() - progress.started
    return {
        "step": step,
        "cell": progress.count,
        "source": progress.source,
        "type": "Timeout",
        "message": f"the cell was stopped: a cell may take {limit:g} s, and the run's "
        f"notebooks together what is left of `pipeline.run_timeout`; the step had run "
        f"for {took:.0f} s",
        "advice": "Raise `pipeline.cell_timeout` or `pipeline.run_timeout`, or give "
        "the step less to do.",
    }


def _died(step: str, progress: Progress) -> dict[str, Any]:
    return {
        "step": step,
        "cell": progress.count,
        "source": progress.source,
        "type": "DeadKernel",
        "message": "the kernel died while it ran this cell; most often the machine was "
        "out of memory, or somebody ended the process",
        "advice": "Check the machine's memory, then run again; less data or a smaller "
        "model needs less.",
    }


def _not_started(step: str, error: KernelNotReady) -> dict[str, Any]:
    return {
        "step": step,
        "cell": 0,
        "source": "",
        "type": "KernelNotStarted",
        "message": f"the kernel did not start: {error}",
        "advice": "Run `mlkit doctor`; it checks the kernel and its packages.",
    }
