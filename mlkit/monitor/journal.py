"""Journals: one JSON object a line, in a file a day, read past what is damaged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock

from mlkit import store


@dataclass(frozen=True)
class Journal:
    """What was noted, day by day.

    Attributes
    ----------
    folder : Path
        Where its files are.
    name : str
        How their names begin: ``<name>_YYYYMMDD.jsonl``, days in UTC.
    """

    folder: Path
    name: str

    def append(self, entries: Iterable[Mapping[str, Any]], *, now: datetime) -> None:
        """Add entries to the day's file; after a torn line a new one begins.

        Raises
        ------
        OSError
            When the file cannot be written.
        """
        lines = b"".join(
            orjson.dumps(entry, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n"
            for entry in entries
        )
        store.make_folder(self.folder)
        path = self.folder / f"{self.name}_{now.astimezone(UTC):%Y%m%d}.jsonl"
        with FileLock(self.folder / f".{self.name}.lock"), path.open("ab+") as file:
            if file.tell():
                file.seek(-1, 2)
                lines = lines if file.read(1) == b"\n" else b"\n" + lines
            file.write(lines)

    def read(self, *, since: datetime | None = None) -> tuple[dict[str, Any], ...]:
        """Return the entries of the days from a moment on, the oldest first.

        Lines that are no JSON object are left out.
        """
        found = []
        for day, path in self._days():
            if since is not None and day < since.astimezone(UTC).date():
                continue
            found += list(_objects(path))
        return tuple(found)

    def latest(self) -> dict[str, Any] | None:
        """Return the newest entry, or None."""
        for _, path in reversed(self._days()):
            entries = list(_objects(path))
            if entries:
                return entries[-1]
        return None

    def prune(self, *, now: datetime, keep_days: int) -> int:
        """Remove the files of days that are over by more than so many; return how many.

        Raises
        ------
        OSError
            When a file cannot be removed.
        """
        oldest = now.astimezone(UTC).date() - timedelta(days=keep_days)
        old = [path for day, path in self._days() if day < oldest]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _days(self) -> list[tuple[date, Path]]:
        pattern = re.compile(re.escape(self.name) + r"_(\d{8})\.jsonl")
        found = []
        for path in sorted(self.folder.glob(f"{self.name}_*.jsonl")):
            match = pattern.fullmatch(path.name)
            if match is None:
                continue
            try:
                found.append((date.fromisoformat(match[1]), path))
            except ValueError:
                continue
        return found


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().splitlines():
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(entry, dict):
            yield entry
