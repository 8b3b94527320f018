"""A process that the parent forked, with the face of ``subprocess.Popen``."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import weakref
from collections.abc import Mapping, Sequence
from typing import IO, Any

from mlkit.kernels.control import ANSWER
from mlkit.kernels.place import ColdError
from mlkit.kernels.wire import Wire

# It was killed and nobody could learn how: its parent had ended before it. A command
# says with 1 that the answer is no, and with 3 that it failed.
UNKNOWN = {"kernel": 1, "command": 3}


class ForkedProcess:
    """The process of a warm kernel, or of a command.

    Parameters
    ----------
    pid : int
        The process; its parent does not reap it before ``wire`` is closed.
    wire : Wire
        Where the parent tells how it ended.
    told : int
        A pipe into which the process wrote its exit code, if it came to that.
    unknown : int
        The exit code when neither has told it.
    """

    def __init__(self, pid: int, wire: Wire, told: int, unknown: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        self.stderr: IO[bytes] | None = None
        self._wire, self._told, self._unknown = wire, told, unknown
        self._ended = os.pidfd_open(pid)
        self._close = weakref.finalize(self, _close, (self._ended, told), wire)

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
            self.returncode = self._exit_code()
            self._close()
        return self.returncode

    def _exit_code(self) -> int:
        # A process that it has forked may hold the other end of the pipe.
        with contextlib.suppress(BlockingIOError):
            for code in os.read(self._told, 1):
                return code
        try:
            return int(self._wire.receive(5)["exit"])
        except (OSError, ValueError, LookupError):
            return self._unknown


def ask_for(
    wire: Wire, request: Mapping[str, Any], streams: Sequence[int]
) -> ForkedProcess:
    """Ask a parent for a process; hang up if there is none.

    Parameters
    ----------
    wire : Wire
        A connection to the parent.
    request : mapping
        What is asked for.
    streams : sequence of int
        The process's three standard streams.

    Raises
    ------
    ColdError
        If the parent refused.
    OSError, ValueError
        If it did not answer.
    """
    told, tell = os.pipe()
    os.set_blocking(told, False)
    try:
        wire.send(request, [*streams, tell])
        answer = wire.receive(ANSWER)
        if "pid" not in answer:
            raise ColdError(str(answer.get("refused", answer)))
        return ForkedProcess(int(answer["pid"]), wire, told, UNKNOWN[request["ask"]])
    except BaseException:
        _close((told,), wire)
        raise
    finally:
        os.close(tell)


def _close(descriptors: Sequence[int], wire: Wire) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
    wire.close()
