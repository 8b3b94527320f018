"""What could not be written: told to others even while the disk is full.

``losses.jsonl`` in a model's folder has one slot of a fixed size a day. A writer
reserves the slots of a day and of the next when it opens that day's file, so that a
count can later be put in place without room for another byte.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.prediction_log.appending import lock, sync, unlock
from mlkit.prediction_log.layout import check_model, logged_models

FILE = "losses.jsonl"
SLOT = 512
LONGEST_REASON = 120


@dataclass(frozen=True)
class Loss:
    """Predictions and outcomes of a day that could not be written.

    Attributes
    ----------
    day : date
        The day (UTC) to which they belong.
    lost : int
        How many.
    first, last : datetime
        When the first and the last of them were lost.
    why : str
        What the system said of the last.
    """

    model: str
    day: date
    lost: int
    first: datetime
    last: datetime
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Return the loss as plain JSON data."""
        return asdict(self) | {
            "day": self.day.isoformat(),
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
        }


def reserve(folder: Path, day: date) -> None:
    """Make room for what may be lost on a day and the one after.

    Raises
    ------
    OSError
        When there is no room.
    """

    def missing(descriptor: int, slots: list[dict[str, Any]]) -> None:
        days = {slot.get("day") for slot in slots}
        for wanted in (day, day + timedelta(days=1)):
            if wanted.isoformat() not in days:
                _put(descriptor, len(slots), {"day": wanted.isoformat(), "lost": 0})
                slots.append({})

    _update(folder, missing)


def add(folder: Path, loss: Loss) -> None:
    """Count what was lost; on return another process sees it.

    Raises
    ------
    OSError
        When it could not be written either.
    """

    def count(descriptor: int, slots: list[dict[str, Any]]) -> None:
        day = loss.day.isoformat()
        place = next((i for i, s in enumerate(slots) if s.get("day") == day), None)
        before = {} if place is None else slots[place]
        content = {
            "day": day,
            "lost": int(before.get("lost") or 0) + loss.lost,
            "first": before.get("first") or loss.first.isoformat(),
            "last": loss.last.isoformat(),
            "why": loss.why[:LONGEST_REASON],
        }
        _put(descriptor, len(slots) if place is None else place, content)
        sync(descriptor)

    _update(folder, count)


def _update(folder: Path, change: Callable[[int, list[dict[str, Any]]], None]) -> None:
    while True:
        descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            lock(descriptor, folder / FILE)
            try:
                if os.fstat(descriptor).st_nlink:
                    size = os.fstat(descriptor).st_size
                    change(descriptor, _slots(os.pread(descriptor, size, 0)))
                    return
            finally:
                unlock(descriptor)
        finally:
            os.close(descriptor)


def _put(descriptor: int, place: int, content: dict[str, Any]) -> None:
    line = json.dumps(content).encode()
    data = line[: SLOT - 1].ljust(SLOT - 1) + b"\n"
    if os.pwrite(descriptor, data, place * SLOT) < SLOT:
        raise OSError("no room for what was lost")


def _slots(data: bytes) -> list[dict[str, Any]]:
    """Return every slot, an empty one for what cannot be read."""
    slots = []
    for start in range(0, len(data) - len(data) % SLOT, SLOT):
        try:
            slot = json.loads(data[start : start + SLOT])
        except ValueError:
            slot = {}
        slots.append(slot if isinstance(slot, dict) else {})
    return slots


def read_losses(
    storage_path: str | os.PathLike[str],
    model: str | None = None,
    *,
    start: date | None = None,
    end: date | None = None,
) -> tuple[Loss, ...]:
    """Return what could not be written, day by day; any process may ask.

    Parameters
    ----------
    storage_path : str or path
        The folder of the log.
    model : str, optional
        None takes every model.
    start, end : date, optional
        Days (UTC) from and to which, both included.
    """
    models = logged_models(storage_path) if model is None else (check_model(model),)
    found = []
    for name in models:
        try:
            data = (Path(storage_path) / name / FILE).read_bytes()
        except FileNotFoundError:
            continue
        found += [loss for slot in _slots(data) for loss in _parse(name, slot)]
    return tuple(
        loss
        for loss in sorted(found, key=lambda loss: (loss.model, loss.day))
        if (start is None or loss.day >= start) and (end is None or loss.day <= end)
    )


def _parse(model: str, slot: dict[str, Any]) -> list[Loss]:
    try:
        if not slot.get("lost"):
            return []
        first, last = map(datetime.fromisoformat, (slot["first"], slot["last"]))
        day, why = date.fromisoformat(slot["day"]), str(slot["why"])
        return [Loss(model, day, int(slot["lost"]), first, last, why)]
    except (KeyError, TypeError, ValueError):
        now = datetime.fromtimestamp(0, UTC)
        return [Loss(model, now.date(), 1, now, now, "a damaged entry")]


def prune(folder: Path, *, before: date) -> int:
    """Remove the entries of days before a day, and return how many."""
    gone: list[dict[str, Any]] = []
    if not (folder / FILE).exists():
        return 0

    def rewrite(descriptor: int, slots: list[dict[str, Any]]) -> None:
        kept = [s for s in slots if s.get("day", "") >= before.isoformat()]
        gone.extend(slots[len(kept) :])
        if gone:
            lines = [json.dumps(s).encode().ljust(SLOT - 1) + b"\n" for s in kept]
            # Writers that wait for the old file's lock then find it removed.
            store.write_atomic(folder / FILE, b"".join(lines))

    _update(folder, rewrite)
    return len(gone)
