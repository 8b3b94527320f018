"""A client that starts to use a kernel as soon as it is ready."""

from __future__ import annotations

import math
import time
from queue import Empty

from jupyter_client.asynchronous.client import AsyncKernelClient


class KernelNotReady(RuntimeError):
    """A kernel ended, or kept silent, before it could be given any work."""


class PromptClient(AsyncKernelClient):
    """Knows a kernel to be ready by what it says, and not by its silence.

    Jupyter's own goes on listening until nothing was heard for a fifth of a second.
    """

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel has answered a request and was idle after it.

        Parameters
        ----------
        timeout : float, optional
            Seconds; None waits as long as the kernel lives.

        Raises
        ------
        KernelNotReady
            If it died before, or did not answer in time.
        """
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while not await self._answers(self.kernel_info()):
            if not await self.is_alive():
                raise KernelNotReady("its process ended before it answered")
            if time.monotonic() > deadline:
                raise KernelNotReady(f"it did not answer within {timeout:g} s")

    async def _answers(self, asked: str) -> bool:
        try:
            await self.get_shell_msg(timeout=1)
            while True:
                # What was said before a channel was connected is never heard.
                heard = await self.get_iopub_msg(timeout=0.1)
                about = heard["parent_header"].get("msg_id")
                if about == asked and heard["content"].get("execution_state") == "idle":
                    return True
        except Empty:
            return False
