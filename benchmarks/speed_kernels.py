"""Kernels by themselves: how soon they answer, many at once, and what they hold."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import papermill
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from mlkit.params import load_params
from mlkit.pipeline.signatures import arguments

STACK = """\
import lime.lime_tabular, matplotlib.pyplot, numpy, pandas, shap, sklearn.ensemble
import scipy.stats, pyarrow.parquet, duckdb, skops.io
"""
WORK = """\
rows = numpy.random.default_rng(0).normal(size=(2000, 10))
forest = sklearn.ensemble.RandomForestClassifier(50).fit(rows, rows[:, 0] > 0)
matplotlib.pyplot.plot(forest.feature_importances_);
"""
OWN = "import psutil; psutil.Process().memory_full_info().uss / 1e6"


def run(cells: list[str]) -> nbformat.NotebookNode:
    """Run a notebook of these cells and return it."""
    return asyncio.run(_run(cells))


async def _run(cells: list[str]) -> nbformat.NotebookNode:
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    return await NotebookClient(made, kernel_name="python3").async_execute()


def to_first_result(repeats: int, kind: str) -> Iterator[float]:
    """Yield the seconds from starting a kernel to a result that needs the stack."""
    _choose(kind)
    for _ in range(repeats):
        yield asyncio.run(_first_result())


async def _first_result() -> float:
    kernel = AsyncKernelManager(kernel_name="python3")
    started = time.perf_counter()
    await kernel.start_kernel()
    client = kernel.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=60)
        reply = await client.execute(STACK, reply=True, timeout=60)
        took = time.perf_counter() - started
    finally:
        client.stop_channels()
        await kernel.shutdown_kernel(now=True)
    assert reply["content"]["status"] == "ok", reply["content"]
    return took


def at_once(repeats: int, kind: str, count: int = 8) -> Iterator[float]:
    """Yield the seconds that several notebooks take which are run at once."""
    _choose(kind)

    async def all_of_them() -> None:
        await asyncio.gather(*(_run([STACK, WORK]) for _ in range(count)))

    for _ in range(repeats):
        started = time.perf_counter()
        asyncio.run(all_of_them())
        yield time.perf_counter() - started


def own_memory(repeats: int, kind: str) -> Iterator[float]:
    """Yield the megabytes that only the kernel holds, with the stack imported."""
    _choose(kind)
    for _ in range(repeats):
        done = run([STACK, OWN])
        yield float(done.cells[1].outputs[0]["data"]["text/plain"])


def _choose(kind: str) -> None:
    if kind == "cold":
        os.environ["MLKIT_COLD"] = "1"
    else:
        os.environ.pop("MLKIT_COLD", None)


KERNELS: dict[str, Callable[[int, str], Iterator[float]]] = {
    "kernel": to_first_result,
    "eight": at_once,
    "memory": own_memory,
}


def stage_for_nbval(root: Path, case: str, names: tuple[str, ...]) -> list[str]:
    """Write the notebooks with a case's parameters in place, and return their paths."""
    params = load_params(case, root).to_dict()
    staged = root / "staged"
    staged.mkdir()
    for name in names:
        source = root / "notebooks" / f"{name}.ipynb"
        papermill.execute_notebook(
            source,
            staged / f"{name}.ipynb",
            parameters=arguments(source, case, None, params),
            prepare_only=True,
            progress_bar=False,
        )
    return [str(staged / f"{name}.ipynb") for name in names]
