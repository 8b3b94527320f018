"""Putting an open file away: no writer touches it any more, and nothing is lost.

A file is renamed, then made read-only, both under the lock that every writer takes for
a line. A writer that had it open sees that and opens the day's new file. If this is cut
short, the part is complete all the same: whoever goes on makes it read-only first.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO

from mlkit import store
from mlkit.prediction_log.appending import WRITABLE, lock, sync, unlock
from mlkit.prediction_log.layout import Part, find_parts, part_path

LOCK = ".tidy.lock"
# A process that was stopped in the middle must not stop every check after it.
PATIENCE_SECONDS = 60


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process tidies or compacts this model's log.

    Raises
    ------
    TimeoutError
        When one does so for longer than :data:`PATIENCE_SECONDS`.
    """
    from filelock import FileLock

    with FileLock(folder / LOCK, timeout=PATIENCE_SECONDS):
        yield


def seal(part: Part, taken: frozenset[int] = frozenset()) -> Part | None:
    """Make an open file the next part of its day; None when it is empty.

    Parameters
    ----------
    part : Part
        An open or sealed part; a sealed one is made read-only if it is not yet.
    taken : frozenset of int
        Numbers that parts of this day had before.

    Raises
    ------
    OSError
        When the file system does not keep a file's mode, or refuses.
    """
    descriptor = os.open(part.path, os.O_RDWR if part.form == "open" else os.O_RDONLY)
    try:
        # On a slow disk this takes longer than writers wait for the lock; what is left
        # to do under it is little.
        sync(descriptor)
        lock(descriptor, part.path)
        try:
            if part.form == "open":
                size = os.fstat(descriptor).st_size
                if size == 0:
                    os.unlink(part.path)
                    return None
                if os.pread(descriptor, 1, size - 1) != b"\n":
                    os.pwrite(descriptor, b"\n", size)
                sync(descriptor)
                part = _numbered(part, taken)
            _make_read_only(descriptor, part.path)
        finally:
            unlock(descriptor)
    finally:
        os.close(descriptor)
    store.sync_folder(part.path.parent)
    return part


def _numbered(part: Part, taken: frozenset[int]) -> Part:
    folder = part.path.parent
    others = {p.number for p in find_parts(folder, part.kind) if p.day == part.day}
    number = max((n for n in others | taken if n is not None), default=-1) + 1
    path = part_path(folder, part.kind, part.day, number, "sealed")
    os.rename(part.path, path)
    return Part(path, part.kind, part.day, number, "sealed")


def _make_read_only(descriptor: int, path: Path) -> None:
    mode = os.fstat(descriptor).st_mode
    if mode & WRITABLE:
        os.fchmod(descriptor, mode & 0o777 & ~WRITABLE)
    if os.fstat(descriptor).st_mode & WRITABLE:
        raise OSError(
            errno.ENOTSUP,
            "the file system does not keep that a file is read-only, by which writers "
            "know that it is closed; keep the log on another one",
            str(path),
        )


@contextlib.contextmanager
def published(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that appears under its name, durable and whole, at the end."""
    temporary = path.with_name(store.TEMPORARY.format(secrets.token_hex(8)))
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            sync(file.fileno())
        os.replace(temporary, path)
        store.sync_folder(path.parent)
    finally:
        # A leftover is invisible to readers and swept later.
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def remove_open(path: Path) -> None:
    """Remove a file that writers may have open; they open another."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        lock(descriptor, path)
        try:
            os.unlink(path)
        finally:
            unlock(descriptor)
    finally:
        os.close(descriptor)


def utc_day(now: datetime) -> date:
    """Return the day (UTC) of a moment.

    Raises
    ------
    ValueError
        When it has no zone.
    """
    if now.tzinfo is None:
        raise ValueError(f"now must be a datetime with its zone, got {now!r}")
    return now.astimezone(UTC).date()


def ended(day: date, today: date, days: int) -> bool:
    """Return whether a day ended at least so many days ago."""
    return (today - day).days > days
