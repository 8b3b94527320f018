"""Kernels for tests: started as Jupyter starts them, asked for what they print."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from jupyter_core.utils import ensure_event_loop

from mlkit.kernels.forked import ForkedProcess


def alive(pid: int) -> bool:
    """Whether a process has not ended; one that nobody has asked how it did has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


class Kernel:
    """A kernel and a client of it."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client

    @property
    def process(self) -> Any:
        """The kernel's process, as the provisioner sees it."""
        return self.manager.provisioner.process  # type: ignore[union-attr]

    @property
    def warm(self) -> bool:
        """Whether it was forked."""
        return isinstance(self.process, ForkedProcess)

    def run(self, code: str, *, seconds: float = 120) -> str:
        """Run a cell and return what it printed; raise if the cell did."""
        printed: list[str] = []

        def on_output(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])
            elif message["msg_type"] == "execute_result":
                printed.append(message["content"]["data"]["text/plain"])

        reply = self.client.execute_interactive(
            code, timeout=seconds, output_hook=on_output
        )
        if reply["content"]["status"] != "ok":
            raise RuntimeError(f"{reply['content'].get('ename')}: {reply['content']}")
        return "".join(printed)


_running: list[KernelManager] = []


def _close_loop() -> None:
    """Close the event loop that jupyter_client has left to the thread."""
    loop = ensure_event_loop()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    asyncio.set_event_loop(None)


@contextlib.contextmanager
def kernel(**asked: Any) -> Iterator[Kernel]:
    """Start a kernel and end it; keywords go to ``start_kernel``."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(**asked)
    _running.append(manager)
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=120)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.context.destroy(linger=0)
        _running.remove(manager)
        if not _running:
            _close_loop()
