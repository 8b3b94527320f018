"""How one thread ends the notebook that another one is running."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from jupyter_core.utils import ensure_event_loop

from mlkit.pipeline.stopped import StepStoppedError


class Ending:
    """Lets one thread end the notebook that another one is running."""

    def __init__(self) -> None:
        self.asked = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def ask(self) -> None:
        """End the notebook that is being run, or that is about to be."""
        with self._lock:
            self.asked = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(_cancel_all)

    @contextmanager
    def heeded(self, name: str) -> Iterator[None]:
        """Give this thread an event loop of its own, and end what is on it when asked.

        Raises
        ------
        StepStoppedError
            If it was asked to end.
        """
        loop = ensure_event_loop()
        with self._lock:
            self._loop = loop
        try:
            self._refuse(name)
            yield
        except BaseException:
            # nbclient takes a wait that was cancelled for the death of the kernel.
            self._refuse(name)
            raise
        finally:
            with self._lock:
                self._loop = None
            _close(loop)

    def _refuse(self, name: str) -> None:
        if self.asked:
            raise StepStoppedError(f"the step {name!r} was ended before it was done")


def _cancel_all() -> None:
    for task in asyncio.all_tasks():
        task.cancel()


def _close(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
