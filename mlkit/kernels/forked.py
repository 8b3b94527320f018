"""A process that the parent forked, with the face of ``subprocess.Popen``."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import weakref
from typing import IO

from mlkit.kernels.wire import Wire

# It ended and nobody could learn how: its parent had ended before it.
UNKNOWN = 1


class ForkedProcess:
    """The process of a warm kernel, or of a command.

    Parameters
    ----------
    pid : int
        The process; its parent does not reap it before ``wire`` is closed.
    wire : Wire
        Where the parent tells how it ended.
    """

    def __init__(self, pid: int, wire: Wire) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        self.stderr: IO[bytes] | None = None
        self._wire = wire
        self._ended = os.pidfd_open(pid)
        self._close = weakref.finalize(self, _close, self._ended, wire)

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit code."""
        code = self._look(None if timeout is None else timeout * 1000)
        if code is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired([f"process {self.pid}"], timeout)
        return code

    def send_signal(self, signum: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._ended, signum)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def _look(self, milliseconds: float | None) -> int | None:
        if self.returncode is None:
            poll = select.poll()
            poll.register(self._ended, select.POLLIN)
            if not poll.poll(milliseconds):
                return None
            try:
                self.returncode = int(self._wire.receive(5)["exit"])
            except (OSError, ValueError, LookupError):
                self.returncode = UNKNOWN
            self._close()
        return self.returncode


def _close(ended: int, wire: Wire) -> None:
    os.close(ended)
    wire.close()
