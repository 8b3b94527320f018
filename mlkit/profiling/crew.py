"""Work that is done partition by partition, here or by the workers of an executor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor
from typing import TypeVar

Unit = TypeVar("Unit")
Result = TypeVar("Result")


def each(
    work: Callable[[Unit], Result], units: Sequence[Unit], executor: Executor | None
) -> Iterator[Result]:
    """Yield the result of each unit, in the order of the units.

    Parameters
    ----------
    work : callable
        A function that can be sent to another process.
    units : sequence
        What it is called with.
    executor : Executor or None
        Whose workers do it; None does it here.

    Raises
    ------
    RuntimeError
        When a worker died.
    """
    if executor is None:
        yield from map(work, units)
        return
    futures = [executor.submit(work, unit) for unit in units]
    try:
        for future in futures:
            yield future.result()
    except BrokenExecutor as error:
        raise RuntimeError(
            "a process that counted rows ended before it was done, most often for want "
            "of memory; use fewer workers or a smaller batch_rows"
        ) from error
    finally:
        for future in futures:
            future.cancel()
