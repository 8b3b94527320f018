"""Days as Parquet: the same rows, in columns that other tools can read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.prediction_log.garbage import NO_GARBAGE, Finds, Garbage
from mlkit.prediction_log.layout import (
    DAMAGED,
    KINDS,
    Kind,
    Part,
    check_model,
    find_parts,
    part_path,
)
from mlkit.prediction_log.scanning import (
    Opened,
    Record,
    open_day,
    records,
)
from mlkit.prediction_log.sealing import alone, ended, published, seal, utc_day
from mlkit.prediction_log.tables import (
    ROWS,
    DayDamageError,
    Kinds,
    described,
    garbage_of,
    taken_numbers,
    to_batch,
)


@dataclass(frozen=True)
class Compacted:
    """What became of a model's days.

    Attributes
    ----------
    days : tuple of date
        Days that were written.
    rows, outcomes : int
        Predictions and errors in them, and outcomes.
    skipped : tuple of str
        Files that cannot be read and were left alone, with all others of their day.
    garbage : Garbage
        What was no record; the files that held it are kept as ``<name>.damaged``.
    removed : tuple of str
        Leftovers of what was cut short before.
    """

    model: str
    days: tuple[date, ...] = ()
    rows: int = 0
    skipped: tuple[str, ...] = ()
    garbage: Garbage = NO_GARBAGE
    outcomes: int = 0
    removed: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON data."""
        return asdict(self) | {"days": [day.isoformat() for day in self.days]}


def compact(
    storage_path: str | os.PathLike[str],
    model: str,
    *,
    now: datetime,
    least_bytes: int = 0,
) -> Compacted:
    """Write each day that is over to a Parquet file, and remove what it then holds.

    Every feature is a column ``features.<name>`` of one type (a text in JSON where its
    values are of several). Readers see the same rows before, during and after;
    what comes late is added the next time. It may be cut short anywhere. Outcomes of a
    day have a file of their own, as before.

    Parameters
    ----------
    storage_path : str or path
        The folder of the log.
    model : str
        Whose days.
    now : datetime
        The time, with its zone.
    least_bytes : int
        Days whose files of lines take no more than this together are left as they are.

    Raises
    ------
    ValueError
        When an argument is not what it has to be.
    OSError
        When the disk refuses; every line is then where it was.
    """
    today = utc_day(now)
    folder = Path(storage_path) / check_model(model)
    if not folder.is_dir():
        return Compacted(model)
    done: set[date] = set()
    rows, skipped, garbage = dict.fromkeys(KINDS, 0), [], Garbage()
    with alone(folder):
        removed = [path.name for path in store.sweep(folder, now=now.timestamp())]
        days = {(p.day, p.kind) for kind in KINDS for p in find_parts(folder, kind)}
        over = {day for day, _ in days if ended(day, today, 0)}
        large = {day for day in over if _bytes(folder, day) > least_bytes}
        for day, kind in sorted(days):
            if day not in large or not _seal(folder, day, kind):
                continue
            try:
                written, found = _write(folder, day, kind)
            except DayDamageError:
                skipped.append(part_path(folder, kind, day, 0, "parquet").name)
                continue
            done.add(day)
            rows[kind] += written
            garbage += found
    return Compacted(
        model,
        tuple(sorted(done)),
        rows["predictions"],
        tuple(skipped),
        garbage,
        rows["outcomes"],
        tuple(removed),
    )


def _bytes(folder: Path, day: date) -> int:
    """Return how much the files of lines of a day take."""
    every = (part for kind in KINDS for part in _parts(folder, day, kind))
    return sum(p.path.stat().st_size for p in every if p.form != "parquet")


def _seal(folder: Path, day: date, kind: Kind) -> bool:
    """Seal what is open of a day; return whether there is anything to add."""
    taken = taken_numbers(folder, kind, day)
    for part in _parts(folder, day, kind):
        if part.form in ("open", "sealed") and part.path.is_file():
            seal(part, taken)
    damaged = _damaged(folder, day, kind)
    for part in _parts(folder, day, kind):
        if part.number in taken:
            _put_aside(part, damaged=part.number in damaged)
    return any(part.number is not None for part in _parts(folder, day, kind))


def _parts(folder: Path, day: date, kind: Kind) -> list[Part]:
    return [part for part in find_parts(folder, kind) if part.day == day]


def _damaged(folder: Path, day: date, kind: Kind) -> frozenset[int]:
    path = part_path(folder, kind, day, 0, "parquet")
    if not path.exists():
        return frozenset()
    with open(path, "rb") as file:
        try:
            return frozenset(described(file, folder.name)["damaged"])
        except DayDamageError:
            return frozenset()


def _write(folder: Path, day: date, kind: Kind) -> tuple[int, Garbage]:
    import pyarrow.parquet as pq

    path = part_path(folder, kind, day, 0, "parquet")
    with open_day(folder, kind, day, Finds()) as every:
        # A writer may have begun a file since all were sealed: its lines stay there.
        files = [opened for opened in every if opened.part.form != "open"]
        parts = [f.part for f in files if f.part.number is not None]
        metadata, kinds = _survey(files)
        schema = kinds.schema(metadata | {"model": folder.name})
        rows, found = 0, Finds()
        source = chain.from_iterable(records(opened, found) for opened in files)
        with published(path) as target, pq.ParquetWriter(target, schema) as writer:
            for some in _pieces(source):
                writer.write_batch(to_batch(some, schema))
                rows += len(some)
    for part in parts:
        _put_aside(part, damaged=part.number in metadata["damaged"])
    return rows, found.garbage


def _survey(files: Sequence[Opened]) -> tuple[dict[str, Any], Kinds]:
    """Read a day once: what its columns hold, and which parts hold garbage."""
    kinds, garbage = Kinds(), Garbage()
    held: set[int] = set()
    damaged: set[int] = set()
    for opened in files:
        finds = Finds()
        if opened.part.form == "parquet":
            content = described(opened.file, opened.part.path.parent.name)
            held |= set(content["parts"])
            damaged |= set(content["damaged"])
        for record in records(opened, finds):
            kinds.add(record)
        if opened.part.form == "parquet" and finds.garbage != garbage_of(content):
            raise DayDamageError("the compacted day is damaged")
        if opened.part.number is not None:
            held.add(opened.part.number)
            damaged |= {opened.part.number} if finds.garbage.count else set()
        garbage += finds.garbage
    metadata = {
        "parts": sorted(held),
        "damaged": sorted(damaged),
        "garbage": asdict(garbage),
    }
    return metadata, kinds


def _pieces(source: Iterator[Record]) -> Iterator[list[Record]]:
    while some := list(islice(source, ROWS)):
        yield some


def _put_aside(part: Part, *, damaged: bool) -> None:
    """Remove a part that the compacted day holds, or keep it for its garbage."""
    if not damaged:
        os.unlink(part.path)
        return
    os.replace(part.path, part.path.with_name(part.path.name + DAMAGED))
