"""Commands in the time of a fork: what the command line does, in a warm process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from mlkit.kernels.control import check_possible, reach
from mlkit.kernels.forked import ForkedProcess, ask_for
from mlkit.kernels.inheritance import inheritance
from mlkit.kernels.likeness import likeness
from mlkit.kernels.place import ColdError, folder

# What ends a command, or asks it to end; by name, as Windows lacks some.
PASSED_ON = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM")


def hand_over(argv: Sequence[str]) -> int | None:
    """Run the command line in a process that the parent of kernels forks.

    It has the streams, the environment and the working directory of this process, gets
    the signals that this one gets, and ends when this one does. No parent is started
    for it: that would take as long as the command's own imports.

    Parameters
    ----------
    argv : sequence of str
        The command, its own path first.

    Returns
    -------
    int or None
        Its exit code, negative for the signal that ended it; None when there is no
        parent, or it refused: nothing has been done then.
    """
    try:
        process = _forked(argv)
    except (ColdError, OSError, ValueError):
        return None
    return None if process is None else _follow(process)


def end_as(code: int) -> None:
    """End this process as another one ended.

    Parameters
    ----------
    code : int
        Its exit code, negative for the signal that ended it.
    """
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    raise SystemExit(code)


def _forked(argv: Sequence[str]) -> ForkedProcess | None:
    env = dict(os.environ)
    check_possible(env)
    streams = (sys.stdin, sys.stdout, sys.stderr)
    # Python has none for a descriptor that was closed.
    if None in streams:
        return None
    wire = reach(folder(env) / f"{likeness(env).name}.sock")
    if wire is None:
        return None
    try:
        request = {"ask": "command", "argv": list(argv), "folder": None}
        request |= inheritance(env, os.getcwd())
        return ask_for(wire, request, [stream.fileno() for stream in streams])
    except BaseException:
        wire.close()
        raise


def _follow(process: ForkedProcess) -> int:
    """Pass signals on until a process ends; return its exit code."""

    def pass_on(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    for name in PASSED_ON:
        number = getattr(signal, name)
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, pass_on)
    return process.wait()
