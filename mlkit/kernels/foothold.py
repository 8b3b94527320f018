"""How one process becomes the parent, of however many are started at once.

A script's part, loaded by its path.
"""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path


def take_place(path: Path) -> int | None:
    """Lock the place beside a socket; None when another parent has it.

    The lock goes with the process, however it ends: a socket without it is stale.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    lock = os.open(path.with_suffix(".lock"), flags, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def come_up(path: Path, lock: int) -> socket.socket:
    """Go to the background and listen.

    The process that was started ends when clients can call, and with it the wait of the
    client that started it; what follows is nobody's child.
    """
    told, tell = os.pipe()
    if os.fork():
        os.close(tell)
        os._exit(0 if os.read(told, 1) else 1)
    os.close(told)
    os.setsid()
    # What an earlier parent complained about.
    os.ftruncate(2, 0)
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(os.fspath(path))
    path.chmod(0o600)
    listener.listen(128)
    os.write(tell, b".")
    os.close(tell)
    return listener
