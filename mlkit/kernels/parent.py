"""The process that kernels and commands are forked from: it imports, waits, and forks.

A script, run by its path and never imported by mlkit: ``parent.py SOCKET IDLE``. It
computes nothing and starts no thread, event loop or ZMQ context, and looks before each
fork whether that is still so. A client asks over a socket that only its user can reach:
a frame of 8 bytes of length and JSON, and for a process its three standard streams and
a pipe into which it writes its exit code.

What a client may ask: ``{"ask": "kernel", ...}`` or ``{"ask": "command", ...}``,
answered by ``{"pid": n}`` and, when that process ended, by ``{"exit": code}``;
``{"ask": "status"}``; ``{"ask": "stop"}``; ``{"ask": "retire"}``, to leave with the
last process. A no is ``{"refused": why}``.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib.util
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlkit.kernels.client import Client

# How often a parent looks whether its socket is still its own.
LOOK = 60.0
ALREADY = 75


@dataclass(frozen=True)
class Fork:
    """What a process needs to become what was asked for: this is only in a child."""

    request: dict[str, Any]
    streams: list[int]
    tell: int
    alive: int
    kernels: int


class Parent:
    """Serves clients until it is idle, retired or told to stop."""

    def __init__(self, path: Path, listener: socket.socket, idle: float) -> None:
        self.path, self.listener, self.idle = path, listener, idle
        self.own = path.stat().st_ino
        self.since = self.used = time.time()
        self.leaving = False
        self.clients: list[Client] = []
        self.fork: Fork | None = None
        self.missing: dict[str, str] = {}
        self.why_not: Callable[[dict[str, Any], list[int]], str | None]
        self.accept: Callable[[socket.socket], Client | None] = _beside("client").accept
        self.selector = selectors.PollSelector()
        listener.setblocking(False)
        self._watch(listener.fileno(), self._accept)

    def serve(self) -> Fork | None:
        """Answer clients; return None to leave, or in a child what it is to become."""
        # Loading took its time, and clients wait already.
        self.used = time.time()
        while not self._over():
            for key, _ in self.selector.select(min(self.idle, LOOK)):
                # What an earlier one closed is no longer watched.
                if key.fd in self.selector.get_map():
                    key.data()
                if self.fork is not None:
                    return self.fork
        return None

    def _over(self) -> bool:
        live = [client for client in self.clients if client.kernel]
        if live:
            self.used = time.time()
        if not self.leaving and not self._has_its_socket():
            self._retire()
        idle = time.time() - self.used >= self.idle
        return not live and (self.leaving or idle)

    def _has_its_socket(self) -> bool:
        try:
            return self.path.stat().st_ino == self.own
        except OSError:
            return False

    def close(self) -> None:
        """Let the next parent take the place."""
        if self._has_its_socket():
            self.path.unlink(missing_ok=True)
        self.listener.close()

    def _retire(self) -> None:
        self.leaving = True
        self._unwatch(self.listener.fileno())
        self.close()

    def _watch(self, fd: int, act: Callable[[], None]) -> None:
        self.selector.register(fd, selectors.EVENT_READ, act)

    def _unwatch(self, fd: int) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self.selector.unregister(fd)

    def _accept(self) -> None:
        client = self.accept(self.listener)
        if client is not None:
            self.clients.append(client)
            self._watch(client.conn.fileno(), lambda: self._read(client))

    def _read(self, client: Client) -> None:
        try:
            for request in client.read():
                self._answer(client, request)
        except OSError:
            self._hung_up(client)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            client.say({"refused": f"no request: {error!r}"})

    def _answer(self, client: Client, request: dict[str, Any]) -> None:
        asked = request["ask"]
        if asked in {"kernel", "command"}:
            self.used = time.time()
            self._start(client, request)
        elif asked == "status":
            client.say(self._status())
        elif asked in {"stop", "retire"}:
            self._retire()
            if asked == "stop":
                self._forget_kernels()
            client.say({"stopped": os.getpid()})
        else:
            client.say({"refused": f"{asked!r} is not known"})

    def _start(self, client: Client, request: dict[str, Any]) -> None:
        why = self.why_not(request, client.streams)
        if client.kernel:
            why = f"it has been given process {client.kernel}"
        if why is not None:
            client.say({"refused": why})
            return
        try:
            pid = os.fork()
        except OSError as error:
            client.say({"refused": f"the system refused to fork: {error}"})
            return
        if pid == 0:
            kernels = 1 + sum(each.has_a_kernel() for each in self.clients)
            self._leave_to_the_parent(client)
            *streams, tell = client.streams
            self.fork = Fork(request, streams, tell, client.alive, kernels)
            return
        try:
            client.has(pid, request["ask"])
        except OSError as error:
            # It could not be watched.
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            client.say({"refused": f"the system refused to fork: {error}"})
            return
        self._watch(client.ended, lambda: self._ended(client))
        if not client.say({"pid": pid}):
            # Nobody would ever talk to it.
            os.kill(pid, signal.SIGKILL)

    def _leave_to_the_parent(self, own: Client) -> None:
        """Close, in a child, whatever is not the child's."""
        keep = {*own.streams, own.alive}
        for client in self.clients:
            for fd in client.descriptors():
                if fd not in keep and fd >= 0:
                    os.close(fd)
            client.conn.detach()
        os.close(self.listener.detach())

    def _ended(self, client: Client) -> None:
        self._unwatch(client.ended)
        client.say({"exit": client.exit_code()})
        if client.gone:
            self._drop(client)

    def _hung_up(self, client: Client) -> None:
        self._unwatch(client.conn.fileno())
        client.gone = True
        if client.is_over():
            self._drop(client)

    def _drop(self, client: Client) -> None:
        if client.kernel:
            self.used = time.time()
            os.waitpid(client.kernel, 0)
        for fd in list(client.descriptors()):
            self._unwatch(fd)
            os.close(fd)
        client.conn.detach()
        self.clients.remove(client)

    def _forget_kernels(self) -> None:
        """Leave kernels to themselves: they go on, without anybody to reap them."""
        for client in self.clients:
            client.kernel = 0

    def _status(self) -> dict[str, Any]:
        kernels = [
            {"pid": c.kernel, "what": c.what, "client": c.pid, "since": c.since}
            for c in self.clients
            if c.kernel
        ]
        return {
            "pid": os.getpid(),
            "since": self.since,
            "idle": self.idle,
            "used": self.used,
            "modules": len(sys.modules),
            "missing": self.missing,
            "kernels": kernels,
        }


def _beside(name: str) -> ModuleType:
    """Load a script that lies beside this one, and keep it out of `sys.modules`."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look for their module there while it is loaded.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    del sys.modules[name]
    return module


def main(path: Path, idle: float) -> int:
    """Be a parent; in a child, be what was asked for."""
    foothold = _beside("foothold")
    lock = foothold.take_place(path)
    if lock is None:
        return ALREADY
    parent = Parent(path, foothold.come_up(path, lock), idle)
    child, preload, refusal = _beside("child"), _beside("preload"), _beside("refusal")
    # Nothing is garbage yet, and collecting would look at every new object.
    gc.disable()
    loaded = preload.preload()
    parent.missing = loaded.missing
    parent.why_not = functools.partial(refusal.why_not, bare=loaded.bare)
    prepared = child.prepare(loaded.variables)
    gc.freeze()
    fork = parent.serve()
    if fork is None:
        parent.close()
        return 0
    os.close(lock)
    del parent
    child.become(fork, prepared)
    return 0


if __name__ == "__main__":
    # Python puts a script's folder first, where a kernel has no such thing.
    del sys.path[0]
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])))
