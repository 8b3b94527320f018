"""Keeping a log small: old days are compressed, older ones removed."""

from __future__ import annotations

import gzip
import os
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.prediction_log import losses
from mlkit.prediction_log.layout import (
    NAME,
    Kind,
    check_model,
    find_parts,
    leftovers,
    part_path,
)
from mlkit.prediction_log.scanning import Finds, open_day
from mlkit.prediction_log.sealing import alone, ended, published, remove_open, seal
from mlkit.prediction_log.tables import held_parts

KINDS: tuple[Kind, ...] = ("predictions", "outcomes")
DAMAGED = ".damaged"
BLOCK = 1024 * 1024
LEVEL = 6


@dataclass(frozen=True)
class Tidied:
    """What was done to a model's log.

    Attributes
    ----------
    compressed : tuple of str
        Files that were made.
    removed : tuple of str
        Files that were too old, and leftovers of what was cut short before.
    kept_days : tuple of date
        The days that the log still has.
    """

    model: str
    compressed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept_days: tuple[date, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON data."""
        return asdict(self) | {"kept_days": [day.isoformat() for day in self.kept_days]}


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


def tidy(
    storage_path: str | os.PathLike[str],
    model: str,
    *,
    now: datetime,
    compress_days: int = 1,
    keep_days: int = 7,
) -> Tidied:
    """Compress the files of old days, remove those of older ones, repair the rest.

    It may be cut short anywhere and run again, and run while others write and read: no
    line is lost, and none is read twice. Lines that come for a compressed day stand in
    a file beside it and are compressed the next time.

    Parameters
    ----------
    storage_path : str or path
        The folder of the log.
    model : str
        Whose files.
    now : datetime
        The time, with its zone.
    compress_days, keep_days : int
        Whole days after the end of a day (UTC).

    Raises
    ------
    ValueError
        When an argument is not what it has to be.
    OSError
        When the disk refuses; every line is then where it was.
    """
    today = utc_day(now)
    for name, days in (("compress_days", compress_days), ("keep_days", keep_days)):
        if days < 0:
            raise ValueError(f"{name} must be 0 or more, got {days}")
    folder = Path(storage_path) / check_model(model)
    if not folder.is_dir():
        return Tidied(model)
    removed: list[str] = []
    compressed: list[str] = []
    with alone(folder):
        removed += _remove_old(folder, today, keep_days)
        for kind in KINDS:
            removed += _remove_leftovers(folder, kind)
            compressed += _compress(folder, kind, today, compress_days)
        losses.prune(folder, before=today - timedelta(days=keep_days))
        swept = store.sweep(folder, now=now.timestamp())
    removed += [path.name for path in swept]
    days_left = {part.day for kind in KINDS for part in find_parts(folder, kind)}
    return Tidied(model, tuple(compressed), tuple(removed), tuple(sorted(days_left)))


def _remove_old(folder: Path, today: date, keep_days: int) -> list[str]:
    removed = []
    for name in sorted(os.listdir(folder)):
        found = NAME.fullmatch(name.removesuffix(DAMAGED))
        if found is None:
            continue
        try:
            day = date.fromisoformat(found[2])
        except ValueError:
            continue
        if ended(day, today, keep_days) and (folder / name).is_file():
            remove_open(folder / name)
            removed.append(name)
    return removed


def _remove_leftovers(folder: Path, kind: Kind) -> list[str]:
    parts = leftovers(folder, kind)
    for part in parts:
        os.unlink(part.path)
    return [part.path.name for part in parts]


def _compress(folder: Path, kind: Kind, today: date, days: int) -> list[str]:
    made = []
    for part in find_parts(folder, kind):
        if part.form not in ("open", "sealed") or not ended(part.day, today, days):
            continue
        if not part.path.is_file():
            continue
        sealed = seal(part, taken_numbers(folder, kind, part.day))
        if sealed is None or sealed.number is None:
            continue
        path = part_path(folder, kind, part.day, sealed.number, "gzip")
        with (
            open(sealed.path, "rb") as source,
            published(path) as target,
            # Without a time in it, the same lines give the same bytes.
            gzip.GzipFile("", "wb", LEVEL, target, mtime=0) as packed,
        ):
            shutil.copyfileobj(source, packed, BLOCK)
        os.unlink(sealed.path)
        made.append(path.name)
    return made


def taken_numbers(folder: Path, kind: Kind, day: date) -> frozenset[int]:
    """Return the numbers of parts that the compacted day holds."""
    compacted = part_path(folder, kind, day, 0, "parquet")
    if not compacted.exists():
        return frozenset()
    with open_day(folder, kind, day, Finds()) as files:
        return held_parts(files[0]) if files[0].part.form == "parquet" else frozenset()
