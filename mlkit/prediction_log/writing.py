"""The open files of a logger, and what becomes of a line that the disk refuses."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
import weakref
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.prediction_log import losses
from mlkit.prediction_log.appending import LineFile, check_locks, sync
from mlkit.prediction_log.layout import Kind, check_model, open_path

MODES = ("system", "group", "each")
MOST_OPEN = 64
DAYS_OPEN = 2
GROUP_SECONDS = 1.0
# A file may be sealed just when it was opened, once by each of several that tidy up.
ATTEMPTS = 5

Key = tuple[str, Kind, str]


class Writers:
    """The files that a logger has open: one for each model, kind and day."""

    def __init__(
        self, storage_path: Path, mode: str, clock: Callable[[], datetime]
    ) -> None:
        check_locks()
        if mode not in MODES:
            raise ValueError(f"sync must be one of {', '.join(MODES)}, got {mode!r}")
        self._storage = storage_path
        self._mode = mode
        self._clock = clock
        self.lost = 0
        self._repaired = 0
        self._start_anew()

    def _start_anew(self) -> None:
        # A signal's handler may log in the middle of a line of the same thread.
        self._lock = threading.RLock()
        self._files: dict[Key, LineFile] = {}
        self._unsafe: dict[Key, int] = {}
        # Whose lock another process keeps: one line waits for it, the next do not.
        self._stuck: set[Key] = set()
        self._untold: dict[tuple[str, str], tuple[int, datetime, datetime, str]] = {}
        self._flusher: threading.Thread | None = None
        self._wanted = threading.Event()

    @property
    def repaired(self) -> int:
        """How many torn lines were closed."""
        with self._lock:
            return self._repaired + sum(f.repaired for f in self._files.values())

    def append(
        self, model: str, kind: Kind, moment: str, data: bytes, lines: int
    ) -> None:
        """Append whole lines to the file of a moment's day, or count them as lost."""
        key = model, kind, moment[:10]
        with self._lock:
            try:
                self._write(key, data)
                if self._mode == "each":
                    self._files[key].sync()
                else:
                    self._unsafe[key] = self._unsafe.get(key, 0) + lines
            except OSError as error:
                self._lose(key, lines, error)
                return
            if self._untold:
                self._tell()
        if self._mode == "group":
            self._flush_soon()

    def _write(self, key: Key, data: bytes) -> None:
        for _ in range(ATTEMPTS):
            file = self._files.get(key) or self._open(key)
            try:
                whole = file.append(data, patient=key not in self._stuck)
            except TimeoutError:
                self._stuck.add(key)
                raise
            self._stuck.discard(key)
            if whole:
                return
            self._drop(key)
        raise OSError(errno.ESTALE, "the file is removed whenever it is opened")

    def _open(self, key: Key) -> LineFile:
        model, kind, day = key
        folder = self._storage / check_model(model)
        # A removed file that is kept open would go on taking room.
        others = [other for other in self._files if other[:2] == (model, kind)]
        for other in others[: 1 - DAYS_OPEN] + list(self._files)[: 1 - MOST_OPEN]:
            self._drop(other)
        store.make_folder(folder)
        file = LineFile(open_path(folder, kind, day.replace("-", "")))
        self._files[key] = file
        if self._mode != "system":
            store.sync_folder(folder)
        # Without room for it a loss stays in memory until there is some.
        with contextlib.suppress(OSError):
            losses.reserve(folder, datetime.fromisoformat(day).date())
        return file

    def _drop(self, key: Key) -> None:
        """Close a file; what it has taken is made safe first."""
        file, lines = self._files.pop(key, None), self._unsafe.pop(key, 0)
        if file is None:
            return
        self._repaired += file.repaired
        try:
            if lines:
                file.sync()
        except OSError as error:
            self._lose(key, lines, error)
        finally:
            file.close()

    def _lose(self, key: Key, lines: int, error: OSError) -> None:
        model, _, day = key
        self.lost += lines
        self._drop(key)
        now = self._clock()
        why = error.strerror or os.strerror(error.errno or 0)
        before = self._untold.get((model, day))
        count, first = (before[0], before[1]) if before else (0, now)
        self._untold[model, day] = (count + lines, first, now, why)
        self._tell()

    def _tell(self) -> None:
        """Write down what was lost, where that is possible by now."""
        for (model, day), (lost, first, last, why) in list(self._untold.items()):
            about = datetime.fromisoformat(day).date()
            loss = losses.Loss(model, about, lost, first, last, why)
            # It stays in memory, and the next line tries again.
            with contextlib.suppress(OSError):
                losses.add(self._storage / model, loss)
                del self._untold[model, day]

    def flush(self) -> None:
        """Return when all lines are on the disk; raise the first OSError."""
        with self._lock:
            unsafe = {
                key: (os.dup(self._files[key].descriptor), lines)
                for key, lines in self._unsafe.items()
            }
            self._unsafe.clear()
            self._tell()
        failed: list[OSError] = []
        for key, (descriptor, lines) in unsafe.items():
            try:
                sync(descriptor)
            except OSError as error:
                failed.append(error)
                with self._lock:
                    self._lose(key, lines, error)
            finally:
                os.close(descriptor)
        if failed:
            raise failed[0]

    def _flush_soon(self) -> None:
        if self._flusher is None or not self._flusher.is_alive():
            with self._lock:
                if self._flusher is None or not self._flusher.is_alive():
                    self._flusher = threading.Thread(
                        target=_flush_each_second,
                        args=(weakref.ref(self), self._wanted),
                        name="prediction-log",
                        daemon=True,
                    )
                    self._flusher.start()
        self._wanted.set()

    def close(self) -> None:
        """Flush and close all files; the next line opens them again."""
        try:
            self.flush()
        finally:
            with self._lock:
                for key in list(self._files):
                    self._drop(key)

    def forget(self) -> None:
        """Begin anew in a forked process: the files and locks are its parent's."""
        self.lost = self._repaired = 0
        for file in self._files.values():
            with contextlib.suppress(OSError):
                file.close()
        self._start_anew()

    def __del__(self) -> None:
        for file in getattr(self, "_files", {}).values():
            with contextlib.suppress(OSError):
                file.close()


def _flush_each_second(writers: weakref.ref[Any], wanted: threading.Event) -> None:
    """Flush at most once a second, while there is anybody to flush for."""
    while True:
        wanted.wait(GROUP_SECONDS)
        time.sleep(GROUP_SECONDS)
        if (those := writers()) is None:
            return
        if wanted.is_set():
            wanted.clear()
            # What is not safe was counted as lost.
            with contextlib.suppress(OSError):
                those.flush()
        del those
