"""How Jupyter starts warm kernels, and cold ones where that is not possible."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from typing import Any, cast

from jupyter_client.localinterfaces import is_local_ip
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from mlkit.kernels.control import check_possible, connect
from mlkit.kernels.forked import ForkedProcess, ask_for
from mlkit.kernels.inheritance import inheritance
from mlkit.kernels.place import ColdError

# Sockets of a kernel are in a folder of their own: such paths must be short.
PREFIX, SOCKETS = "mlkit-", "kernel"
LAUNCHER = ["-m", "ipykernel_launcher"]
# What clients give when they start a kernel and a forked one can have.
KNOWN = {"cwd", "env", "independent", "kernel_id", "stdin", "stdout", "stderr"}
logger = logging.getLogger(__name__)


class WarmProvisioner(LocalProvisioner):
    """Forks kernels from a parent that has imported what notebooks import.

    Where that cannot be, an ordinary kernel starts, and one line of the log says why.
    Both talk over sockets in a folder of their own, where the client left the choice to
    Jupyter: no port is opened that others can reach or take.
    """

    folder: str | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose sockets in a folder, then do as for any kernel."""
        manager: Any = self.parent
        if self._of_python() and _leaves_the_choice(manager):
            self.folder = tempfile.mkdtemp(prefix=PREFIX)
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
            manager.transport = "ipc"
            manager.ip = f"{self.folder}/{SOCKETS}"
        elif self._of_python() and manager.transport == "ipc":
            self.folder = _own_folder(manager.ip)
        prepared: dict[str, Any] = await super().pre_launch(**kwargs)
        return prepared

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Fork a kernel, or start one."""
        try:
            kernel = await self._fork(cmd, kwargs)
        except ColdError as error:
            if self._wanted(kwargs):
                logger.warning("an ordinary kernel starts, not a warm one: %s", error)
            return await super().launch_kernel(cmd, **kwargs)
        # It answers to what jupyter_client asks a Popen.
        self.process = cast("subprocess.Popen[bytes]", kernel)
        self.pid = self.pgid = kernel.pid
        self.cwd = kwargs.get("cwd", pathlib.Path.cwd())
        return self.connection_info

    def _wanted(self, kwargs: Mapping[str, Any]) -> bool:
        """Tell whether a warm kernel was to be had: not so if it is turned off."""
        env = kwargs.get("env") or os.environ
        return self._of_python() and env.get("MLKIT_COLD", "0") in {"", "0"}

    def _of_python(self) -> bool:
        # As a default, this provisioner is asked for kernels of every language.
        return self.parent is not None and self.kernel_spec.language == "python"

    async def cleanup(self, restart: bool = False) -> None:
        """Remove the folder with the sockets, unless the kernel comes again."""
        await super().cleanup(restart=restart)
        if self.folder is not None and not restart:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def _fork(self, cmd: list[str], kwargs: Mapping[str, Any]) -> ForkedProcess:
        if cmd[:1] != [sys.executable] or cmd[1:3] != LAUNCHER:
            raise ColdError(f"the kernel's command is {' '.join(cmd[:3])}")
        odd = {name for name in set(kwargs) - KNOWN if kwargs[name] is not None}
        if odd:
            raise ColdError(f"the client asks for {', '.join(sorted(odd))}")
        # First: elsewhere than on Linux, what follows cannot be asked for.
        check_possible(kwargs.get("env") or os.environ)
        request = _request(cmd, kwargs, self.folder)
        with contextlib.ExitStack() as opened:
            streams = [
                opened.enter_context(_descriptor(number, kwargs.get(name)))
                for number, name in enumerate(("stdin", "stdout", "stderr"))
            ]
            # Not on the event loop: a parent may be loading for seconds.
            return await asyncio.to_thread(_forked, request, streams)


def _leaves_the_choice(manager: Any) -> bool:
    """Tell whether neither user nor client said how to talk to the kernel."""
    sections = [cls.__name__ for cls in type(manager).mro()]
    said = any("transport" in manager.config.get(name, {}) for name in sections)
    return (
        os.name == "posix"
        and manager.transport == "tcp"
        and not said
        and is_local_ip(manager.ip)
        and not any(manager.ports)
    )


def _own_folder(ip: str) -> str | None:
    """Return the folder of a kernel's sockets if it holds nothing else."""
    folder = pathlib.Path(ip).parent
    own = folder.name.startswith(PREFIX) and pathlib.Path(ip).name == SOCKETS
    return str(folder) if own else None


def _request(
    cmd: list[str], kwargs: Mapping[str, Any], folder: str | None
) -> dict[str, Any]:
    """Return what a parent is asked for a kernel."""
    env = dict(kwargs.get("env") or os.environ)
    if not kwargs.get("independent"):
        env["JPY_PARENT_PID"] = str(os.getpid())
    cwd = os.fspath(kwargs.get("cwd") or pathlib.Path.cwd())
    return {
        "ask": "kernel",
        "argv": [cmd[0], *map(os.path.expanduser, cmd[1:])],
        "folder": folder,
        **inheritance(env, cwd),
    }


@contextlib.contextmanager
def _descriptor(number: int, given: Any) -> Iterator[int]:
    """Yield a descriptor for one of the kernel's streams, as ``Popen`` reads it."""
    if given is None and number == 0:
        # As for any kernel: nothing can be read from it.
        reading, writing = os.pipe()
        os.close(writing)
        try:
            yield reading
        finally:
            os.close(reading)
    elif given is None:
        yield number
    elif given == subprocess.DEVNULL:
        with open(os.devnull, "r+b", buffering=0) as nothing:
            yield nothing.fileno()
    elif isinstance(given, int) and given < 0:
        raise ColdError("the client asks for a pipe to the kernel")
    else:
        yield given if isinstance(given, int) else given.fileno()


def _forked(request: Mapping[str, Any], streams: list[int]) -> ForkedProcess:
    """Ask for a kernel; once more if the parent was about to leave."""
    for attempt in (1, 2):
        wire = connect(request["env"])
        try:
            return ask_for(wire, request, streams)
        except (OSError, ValueError) as error:
            if attempt == 2:
                raise ColdError(f"the parent did not answer: {error}") from error
    raise AssertionError
