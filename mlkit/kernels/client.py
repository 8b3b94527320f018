"""A parent's side of the connection to one client.

A script's part, loaded by its path. A frame is 8 bytes of length and JSON; descriptors
come with the first byte.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# As in `wire.py`, which cannot be imported here: no module of mlkit may be in a parent.
HEAD = struct.Struct("!Q")
CREDENTIALS = struct.Struct("3i")


@dataclass
class Client:
    """A connection, and the kernel or command that was forked for it.

    Attributes
    ----------
    conn : socket
        The connection.
    pid, alive : int
        The process at the other end, and a descriptor of it.
    buffer, streams : bytearray, list of int
        What has come of a request, and the descriptors that came with it: three streams
        and a pipe.
    kernel, ended : int
        The forked process and a descriptor of it; 0 and -1 without one.
    what : str
        ``kernel`` or ``command``.
    since : float
        When it was forked, in seconds since the epoch.
    gone : bool
        The client has hung up.
    """

    conn: socket.socket
    pid: int
    alive: int
    buffer: bytearray = field(default_factory=bytearray)
    streams: list[int] = field(default_factory=list)
    kernel: int = 0
    ended: int = -1
    what: str = ""
    since: float = 0.0
    gone: bool = False

    def descriptors(self) -> Iterator[int]:
        """Yield every descriptor that belongs to this client."""
        yield from (self.conn.fileno(), self.alive, *self.streams)
        if self.ended >= 0:
            yield self.ended

    def read(self) -> Iterator[dict[str, Any]]:
        """Read what has come; yield the request if it is whole.

        Raises
        ------
        OSError
            If the client hung up.
        ValueError
            If it is no request.
        """
        try:
            data, streams, _, _ = socket.recv_fds(self.conn, 1 << 16, 4)
        except BlockingIOError:
            return
        self.streams += streams
        self.buffer += data
        if not data:
            raise ConnectionResetError("the client hung up")
        if len(self.buffer) < HEAD.size:
            return
        (size,) = HEAD.unpack_from(self.buffer)
        if len(self.buffer) >= HEAD.size + size:
            whole = bytes(self.buffer[HEAD.size : HEAD.size + size])
            self.buffer.clear()
            request = json.loads(whole)
            if not isinstance(request, dict):
                raise ValueError("it is not an object")
            yield request

    def say(self, answer: dict[str, Any]) -> bool:
        """Answer; tell whether that could be done."""
        data = json.dumps(answer).encode()
        try:
            self.conn.sendall(HEAD.pack(len(data)) + data)
        except OSError:
            return False
        return True

    def has(self, kernel: int, what: str) -> None:
        """Note the process that was forked, and whether it is a kernel or a command.

        Raises
        ------
        OSError
            If there is no descriptor to be had of it; nothing is noted then.
        """
        for stream in self.streams:
            os.close(stream)
        self.streams = []
        self.ended = os.pidfd_open(kernel)
        self.kernel, self.what, self.since = kernel, what, time.time()

    def exit_code(self) -> int:
        """Return how the forked process ended, and let it be a zombie.

        As long as nobody has reaped it, its number is nobody else's: the client may
        still send signals to it.
        """
        ended = os.waitid(os.P_PIDFD, self.ended, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def has_a_kernel(self) -> bool:
        """Tell whether a kernel, and no command, is at work for it."""
        return self.what == "kernel" and not self.is_over()

    def is_over(self) -> bool:
        """Tell whether there is nothing left to wait for."""
        return not self.kernel or bool(select.select([self.ended], [], [], 0)[0])


def accept(listener: socket.socket) -> Client | None:
    """Return the client that calls, None if it is another user's or gone."""
    try:
        conn, _ = listener.accept()
    except OSError:
        return None
    found = conn.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    pid, user, _ = CREDENTIALS.unpack(found)
    if user != os.geteuid():
        conn.close()
        return None
    try:
        alive = os.pidfd_open(pid)
    except OSError:
        conn.close()
        return None
    conn.setblocking(False)
    return Client(conn, pid, alive)
