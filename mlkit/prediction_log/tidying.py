"""Keeping a log small: old days are compressed or compacted, older ones removed."""

from __future__ import annotations

import gzip
import os
import shutil
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.prediction_log import losses
from mlkit.prediction_log.compacting import compact
from mlkit.prediction_log.layout import (
    DAMAGED,
    KINDS,
    NAME,
    Kind,
    check_model,
    find_parts,
    leftovers,
    part_path,
)
from mlkit.prediction_log.sealing import (
    alone,
    ended,
    published,
    remove_open,
    seal,
    utc_day,
)
from mlkit.prediction_log.tables import taken_numbers

BLOCK = 1024 * 1024
MB = 1_000_000
LEVEL = 6


@dataclass(frozen=True)
class Tidied:
    """What was done to a model's log.

    Attributes
    ----------
    compressed : tuple of str
        Files that were made.
    compacted : tuple of date
        Days that were turned into Parquet.
    removed : tuple of str
        Files that were too old, and leftovers of what was cut short before.
    kept_days : tuple of date
        The days that the log still has.
    """

    model: str
    compressed: tuple[str, ...] = ()
    compacted: tuple[date, ...] = ()
    removed: tuple[str, ...] = ()
    kept_days: tuple[date, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON data."""
        days = {name: getattr(self, name) for name in ("compacted", "kept_days")}
        return asdict(self) | {
            name: [day.isoformat() for day in those] for name, those in days.items()
        }


def tidy(
    storage_path: str | os.PathLike[str],
    model: str,
    *,
    now: datetime,
    compress_days: int = 1,
    keep_days: int = 7,
    compact_mb: float | None = None,
) -> Tidied:
    """Compress old days, compact large ones, remove older ones, repair the rest.

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
    compact_mb : float, optional
        Days that are over are compacted where their lines take more than so many
        megabytes: columns are read about six times as fast. None compacts none.

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
    compacted: tuple[date, ...] = ()
    with alone(folder):
        swept = store.sweep(folder, now=now.timestamp())
        removed += [path.name for path in swept]
        removed += _remove_old(folder, today, keep_days)
        for kind in KINDS:
            removed += _remove_leftovers(folder, kind)
    if compact_mb is not None:
        # Before the rest is compressed, for what counts is the size of the lines.
        found = compact(storage_path, model, now=now, least_bytes=int(compact_mb * MB))
        compacted = found.days
    with alone(folder):
        for kind in KINDS:
            compressed += _compress(folder, kind, today, compress_days)
        losses.prune(folder, before=today - timedelta(days=keep_days))
    days_left = {part.day for kind in KINDS for part in find_parts(folder, kind)}
    return Tidied(
        model, tuple(compressed), compacted, tuple(removed), tuple(sorted(days_left))
    )


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
