"""A file of events, one JSON object a line, that only ever grows at its end.

Writers take a lock and hand all lines of a change to the system in one piece, then
flush them to the disk. A writer that is killed within that piece leaves a last line
without its end; as no part of an object is itself an object, readers tell such a line
from a whole one, and the next writer removes it.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock, Timeout

from mlkit import store

PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Journal:
    """The file of events at a path, which need not exist yet."""

    path: Path

    def read(self) -> tuple[list[dict[str, Any]], int]:
        """Return the events in their order, and how many lines were none.

        A last line that was cut short is neither.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return [], 0
        whole = data[: _end_of_whole(data)]
        lines = [line for line in whole.split(b"\n") if line.strip()]
        events = [event for line in lines if (event := _parsed(line)) is not None]
        return events, len(lines) - len(events)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers out; the lock of a writer that is killed is free at once.

        Raises
        ------
        OSError
            When another writer keeps it, or the disk refuses.
        """
        store.make_folder(self.path.parent)
        lock = FileLock(self.path.with_suffix(".lock"), timeout=PATIENCE_SECONDS)
        try:
            lock.acquire()
        except Timeout as error:
            raise TimeoutError(
                f"{self.path} is kept locked by another process for more than "
                f"{PATIENCE_SECONDS} seconds; look for one that is stopped or hangs, "
                "end it, and try again"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def append(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Add events at the end, durably; the caller holds the lock.

        Raises
        ------
        OSError
            When the disk refuses; the events that were there before are intact.
        """
        lines = b"".join(_line(event) for event in events)
        if not lines:
            return
        new = not self.path.exists()
        with open(self.path, "ab", buffering=0) as file, self._explained():
            end = self._repaired(file)
            try:
                _write_durably(file, lines)
            except OSError:
                file.truncate(end)
                raise
        if new:
            store.sync_folder(self.path.parent)

    def _repaired(self, file: io.FileIO) -> int:
        """Remove a last line that was cut short; return where the file ends."""
        size = file.seek(0, os.SEEK_END)
        if size == 0 or _last_byte(self.path) == b"\n":
            return size
        data = self.path.read_bytes()
        end = _end_of_whole(data)
        if end == len(data):
            # Whole, but saved without a line break, as some editors do.
            file.write(b"\n")
            return size + 1
        file.truncate(end)
        return end

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise OSError(
                error.errno,
                f"an alert could not be written ({reason}); those that were there "
                "before are intact; free some space or ask for the right to write "
                "there, and check again",
                str(self.path),
            ) from error

    def rewrite(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Put other events in place of all of them; the caller holds the lock."""
        store.write_atomic(self.path, b"".join(_line(event) for event in events))


def _line(event: Mapping[str, Any]) -> bytes:
    return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)


def _write_durably(file: io.FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def _last_byte(path: Path) -> bytes:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read()


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return event if isinstance(event, dict) else None


def _end_of_whole(data: bytes) -> int:
    """Return where the last whole line ends."""
    start = data.rfind(b"\n") + 1
    return len(data) if _parsed(data[start:]) is not None else start
