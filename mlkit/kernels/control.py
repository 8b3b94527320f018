"""Finding a parent, starting one, asking it."""

from __future__ import annotations

import contextlib
import math
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlkit.kernels.likeness import Likeness, likeness, parents_environment
from mlkit.kernels.place import ColdError, folder
from mlkit.kernels.wire import Wire

SCRIPT = Path(__file__).with_name("parent.py")
# Seconds without a kernel after which a parent leaves.
IDLE = 900.0
# Seconds in which a parent is there once it was started; it may go on loading then.
COMING_UP = 20.0
# The most seconds a client waits for an answer: loading on a busy machine.
ANSWER = 60.0


@dataclass(frozen=True)
class Parent:
    """A parent that answered.

    Attributes
    ----------
    name : str
        Stem of its socket.
    pid : int
        The process.
    since, used : float
        When it started and when it was last of use, in seconds since the epoch.
    idle : float
        Seconds without a kernel after which it leaves.
    memory_mb : float
        Its resident memory; kernels share what they do not change.
    kernels : list of dict
        ``pid``, ``what`` (kernel or command), ``client`` and ``since`` of each process
        that it has forked and that lives.
    modules : int
        Number of modules that it has imported.
    missing : dict
        Packages that it could not import, and why.
    """

    name: str
    pid: int
    since: float
    used: float
    idle: float
    memory_mb: float
    modules: int
    kernels: list[dict[str, Any]]
    missing: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def begin(env: Mapping[str, str] | None = None) -> bool:
    """Let the parent of this environment come up, without waiting for what it imports.

    Parameters
    ----------
    env : mapping, optional
        The environment that kernels will be given; None is this process's own.

    Returns
    -------
    bool
        Whether there is a parent now; without one, kernels start cold and say why.
    """
    try:
        connect(os.environ if env is None else env).close()
    except ColdError:
        return False
    return True


def connect(env: Mapping[str, str]) -> Wire:
    """Return a connection to the parent that fits, which is started if need be.

    Parameters
    ----------
    env : mapping
        The environment of the kernel.

    Raises
    ------
    ColdError
        If there can be no such parent.
    """
    check_possible(env)
    like = likeness(env)
    path = folder(env) / f"{like.name}.sock"
    deadline = time.monotonic() + COMING_UP
    while True:
        wire = reach(path)
        if wire is not None:
            return wire
        if time.monotonic() > deadline:
            raise ColdError(f"the parent of kernels did not come up{_last_words(path)}")
        _start(path, like, env)


def check(env: Mapping[str, str]) -> None:
    """Raise ColdError where kernels of this environment would not be forked.

    Parameters
    ----------
    env : mapping
        The environment that kernels will be given.
    """
    check_possible(env)
    folder(env)
    _seconds(env.get("MLKIT_KERNEL_IDLE"))


def check_possible(env: Mapping[str, str]) -> None:
    """Raise ColdError where no kernel can be forked, or none is wanted."""
    if env.get("MLKIT_COLD", "0") not in {"", "0"}:
        raise ColdError("MLKIT_COLD is set")
    if sys.platform != "linux":
        raise ColdError(f"kernels are forked on Linux only, and this is {sys.platform}")
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        raise ColdError(f"the system has no process descriptors: {error}") from error
    _seconds(env.get("MLKIT_KERNEL_IDLE"))
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        if env.get(name):
            raise ColdError(f"{name} is set, which measures a process from its start")


def reach(path: Path) -> Wire | None:
    """Return a connection to the parent at a path, None if there is none.

    Raises
    ------
    ColdError
        If somebody else listens there.
    """
    try:
        wire = Wire(path)
    except OSError:
        return None
    if wire.user != os.geteuid():
        wire.close()
        raise ColdError(f"{path} belongs to user {wire.user}; remove it")
    if wire.pid != _owner(path):
        # It does not hold the place: a new parent will take it.
        wire.close()
        return None
    return wire


def ask(path: Path, what: str) -> dict[str, Any] | None:
    """Ask a parent; None when it did not answer."""
    try:
        wire = reach(path)
    except ColdError:
        return None
    if wire is None:
        return None
    try:
        wire.send({"ask": what})
        return wire.receive(ANSWER)
    except (OSError, ValueError):
        return None
    finally:
        wire.close()


def status(env: Mapping[str, str] | None = None) -> list[Parent]:
    """Return the user's parents that answer."""
    found = []
    for path in _sockets(env):
        answer = ask(path, "status")
        if answer is not None:
            facts = {
                key: answer[key] for key in Parent.__dataclass_fields__ if key in answer
            }
            found.append(
                Parent(name=path.stem, memory_mb=_memory(answer["pid"]), **facts)
            )
    return found


def stop(env: Mapping[str, str] | None = None) -> list[int]:
    """End the user's parents; kernels that they forked go on.

    Returns
    -------
    list of int
        Process ids of the parents that ended.
    """
    ended = []
    for path in _sockets(env):
        answer = ask(path, "stop")
        if answer is not None:
            ended.append(int(answer["stopped"]))
            _wait_for_end(ended[-1])
    return ended


def _sockets(env: Mapping[str, str] | None) -> list[Path]:
    return sorted(folder(os.environ if env is None else env).glob("*.sock"))


def _start(path: Path, like: Likeness, env: Mapping[str, str]) -> None:
    """Start a parent, which goes to the background when it can be reached."""
    idle = _seconds(env.get("MLKIT_KERNEL_IDLE"))
    with path.with_suffix(".log").open("ab") as log:
        done = subprocess.run(
            [sys.executable, str(SCRIPT), str(path), str(idle)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd="/",
            env=parents_environment(env),
            check=False,
        )
    if done.returncode:
        # Another client's is coming up, or an old one is leaving.
        time.sleep(0.05)
        return
    for other in path.parent.glob(f"{like.family}-*.sock"):
        if other != path:
            ask(other, "retire")


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text or IDLE)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise ColdError(
            "MLKIT_KERNEL_IDLE must be a finite number of seconds above 0, and it is "
            f"{text!r}"
        )
    return seconds


def _owner(path: Path) -> int:
    try:
        return int(path.with_suffix(".lock").read_text() or 0)
    except (OSError, ValueError):
        return 0


def _last_words(path: Path) -> str:
    log = path.with_suffix(".log")
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return f": {lines[-1]} (all of it in {log})" if lines else ""


def _memory(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def _wait_for_end(pid: int) -> None:
    """Wait until a process has ended, whether or not somebody has asked how."""
    with contextlib.suppress(ProcessLookupError):
        ended = os.pidfd_open(pid)
        try:
            select.select([ended], [], [], 5)
        finally:
            os.close(ended)
