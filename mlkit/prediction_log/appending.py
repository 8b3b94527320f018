"""One file to which many processes append whole lines.

Every line is handed to the system in one call, under a lock of the file, behind a line
break. Who holds the lock is alone: so nothing is mixed, a line that a killed or a full
machine has torn is found by the next writer, who leaves it as a line of its own, and a
part of a line that could not be written whole is cut off again. A file that was sealed
or removed is not written to; the one who asked opens another.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # There is no such lock on Windows.
    fcntl = None  # type: ignore[assignment]

# Seconds between attempts to get a lock: it is held for microseconds.
PAUSES = (0.0, 0.0, 0.00005, 0.0002, 0.001, *[0.005] * 400)
WRITABLE = 0o222


class LineFile:
    """A file of lines that is open for appending.

    Attributes
    ----------
    repaired : int
        Torn lines of others that this one has closed.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        self.path = path
        self.repaired = 0
        self._size = -1
        self.descriptor = os.open(path, flags, 0o666)

    def append(self, data: bytes, *, patient: bool = True) -> bool:
        """Append whole lines; False when the file was sealed or removed meanwhile.

        Raises
        ------
        OSError
            When they could not be written; nothing of them is left in the file.
        """
        descriptor = self.descriptor
        lock(descriptor, self.path, patient=patient)
        try:
            state = os.fstat(descriptor)
            if not state.st_nlink or not state.st_mode & WRITABLE:
                return False
            size = state.st_size
            torn = size not in (0, self._size) and (
                os.pread(descriptor, 1, size - 1) != b"\n"
            )
            if torn:
                data = b"\n" + data
            self._write(data, size)
            self.repaired += torn
            self._size = size + len(data)
        finally:
            unlock(descriptor)
        return True

    def _write(self, data: bytes, size: int) -> None:
        written = os.write(self.descriptor, data)
        try:
            while written < len(data):
                written += os.write(self.descriptor, data[written:])
        except OSError:
            os.ftruncate(self.descriptor, size)
            raise

    def sync(self) -> None:
        """Return when what was appended is on the disk."""
        sync(self.descriptor)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def sync(descriptor: int) -> None:
    """Return when a file's content is on the disk."""
    if sys.platform == "darwin":
        # There, fsync stops at the drive's cache.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def check_locks() -> None:
    """Refuse to work where writers cannot keep out of each other's way.

    Raises
    ------
    OSError
        When the system has no ``flock``.
    """
    if fcntl is None:
        raise OSError(
            errno.ENOTSUP,
            "this system has no file locks (flock), which the prediction log needs; "
            "use Linux or macOS",
        )


def lock(descriptor: int, path: Path, *, patient: bool = True) -> None:
    """Wait up to two seconds for the lock of a file; not at all if not `patient`.

    A process that was stopped while it held the lock must not stop those that answer
    requests, so nobody waits for ever.

    Raises
    ------
    TimeoutError
        When another process keeps it.
    OSError
        When the file system has no locks.
    """
    for pause in PAUSES if patient else PAUSES[:3]:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(pause)
            continue
        return
    raise TimeoutError(
        errno.ETIMEDOUT, "another process keeps the lock of the file", str(path)
    )


def unlock(descriptor: int) -> None:
    """Give the lock of a file back."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
