"""One connection between a client and a parent: frames of JSON, and descriptors."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

# `client.py` has both as well: it is a script's part, and no module of mlkit may be in
# a parent, whose kernels would have it too.
HEAD = struct.Struct("!Q")
CREDENTIALS = struct.Struct("3i")


class Wire:
    """A connection to a parent, to the same user at the other end.

    Parameters
    ----------
    path : Path
        The parent's socket.

    Raises
    ------
    OSError
        If nobody listens there.
    """

    def __init__(self, path: Path) -> None:
        with contextlib.ExitStack() as unless_connected:
            conn = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            unless_connected.callback(conn.close)
            conn.settimeout(5)
            conn.connect(os.fspath(path))
            found = conn.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size
            )
            unless_connected.pop_all()
        self._conn = conn
        self.pid, self.user, _ = CREDENTIALS.unpack(found)

    def send(self, message: Mapping[str, Any], streams: Sequence[int] = ()) -> None:
        """Send a message, and descriptors with it."""
        data = json.dumps(message).encode()
        self._conn.settimeout(5)
        if streams:
            socket.send_fds(self._conn, [HEAD.pack(len(data))], streams)
        else:
            self._conn.sendall(HEAD.pack(len(data)))
        self._conn.sendall(data)

    def receive(self, seconds: float) -> dict[str, Any]:
        """Wait for a message.

        Raises
        ------
        OSError
            If none came in time, or the other end hung up.
        ValueError
            If it is none.
        """
        self._conn.settimeout(seconds)
        (size,) = HEAD.unpack(self._exactly(HEAD.size))
        if size > 1 << 24:
            raise ValueError(f"a message of {size} bytes is none")
        message = json.loads(self._exactly(size))
        if not isinstance(message, dict):
            raise ValueError("a message must be an object")
        return message

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            some = self._conn.recv(size - len(data))
            if not some:
                raise ConnectionResetError("the other end hung up")
            data += some
        return data

    def close(self) -> None:
        """Hang up."""
        self._conn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
