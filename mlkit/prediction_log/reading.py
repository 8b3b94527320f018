"""Reading a log back: by time and version, with outcomes, as columns."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlkit.prediction_log.columns import Columns, feature_columns
from mlkit.prediction_log.layout import check_model
from mlkit.prediction_log.losses import read_losses
from mlkit.prediction_log.outcomes import read_outcomes
from mlkit.prediction_log.recent import check_limit, newest
from mlkit.prediction_log.scanning import (
    NO_GARBAGE,
    Finds,
    Garbage,
    Match,
    Record,
    days_of,
    open_day,
    records,
)

if TYPE_CHECKING:
    import pandas as pd

HEAD = (
    "id", "at", "version", "prediction", "probability", "actual", "latency_ms", "error",
)  # fmt: skip
TEXTS = ("id", "version", "error")
BATCH = 20_000


@dataclass(frozen=True, eq=False)
class Logged:
    """What a log holds of a model.

    Attributes
    ----------
    frame : DataFrame of n rows
        Predictions and errors in the order of their time: ``id, at`` (UTC)``, version,
        prediction, probability, actual, latency_ms, error``. ``error`` is missing for
        a prediction, and ``prediction`` for an error.
    features : DataFrame of n rows
        The features of the same rows; what a row lacked is missing.
    garbage : Garbage
        What was skipped in the files that were read.
    lost : int
        Lines of the days asked for that could not be written.
    clock_jumps : int
        How often a writer's clock went back between these rows.
    unknown_outcomes : int or None
        Outcomes whose prediction is not there; None where only a part was read.
    duplicate_outcomes : int
        Rows of a table of outcomes that a later one replaced.
    files : tuple of str
        The files that were read.
    """

    model: str
    frame: pd.DataFrame
    features: pd.DataFrame
    garbage: Garbage = NO_GARBAGE
    lost: int = 0
    clock_jumps: int = 0
    unknown_outcomes: int | None = None
    duplicate_outcomes: int = 0
    files: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True)
class _Asked:
    """The rows that are asked for."""

    version: str | None
    start: datetime | None
    end: datetime | None

    def match(self, record: Record) -> bool:
        return (
            (self.version is None or record.get("version") == self.version)
            and (self.start is None or record["at"] >= self.start)
            and (self.end is None or record["at"] < self.end)
        )

    @property
    def first(self) -> date | None:
        return None if self.start is None else self.start.astimezone(UTC).date()

    @property
    def last(self) -> date | None:
        if self.end is None:
            return None
        return (self.end.astimezone(UTC) - timedelta(microseconds=1)).date()

    @property
    def everything(self) -> bool:
        return self.version is None and self.start is None and self.end is None


def _asked(version: str | None, start: datetime | None, end: datetime | None) -> _Asked:
    for name, moment in (("start", start), ("end", end)):
        if moment is not None and moment.tzinfo is None:
            raise ValueError(
                f"{name} must be a datetime with its zone, got {moment!r}; add "
                "tzinfo=UTC"
            )
    return _Asked(version, start, end)


def read_predictions(
    storage_path: str | os.PathLike[str],
    model: str,
    *,
    version: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int | None = None,
) -> Logged:
    """Return what a model answered, with the outcomes that the log knows.

    Lines are read 20,000 at a time and packed into columns, so that memory follows from
    the columns of the answer: about 8 bytes a number and the length of a text.

    Parameters
    ----------
    storage_path : str or path
        The folder of the log; one that is missing holds nothing.
    model : str
        Whose predictions.
    version : str, optional
        Only those of this version.
    start, end : datetime, optional
        From `start` on, and before `end`, with their zone. Only the files of these days
        are opened.
    limit : int, optional
        Only the newest: the last lines of the last days, and no file before them.

    Returns
    -------
    Logged
        Without rows the columns and their types are there all the same.

    Raises
    ------
    ValueError
        When an argument is not what it has to be.
    OSError
        When a file may not be read.
    """
    folder, asked = Path(storage_path) / check_model(model), _asked(version, start, end)
    check_limit(limit)
    finds, columns = Finds(), _Gathered()
    if limit is None:
        outcomes = read_outcomes(folder, asked.first, finds)
        for batch in _batches(folder, asked, finds, BATCH):
            columns.add(batch, outcomes)
    else:
        days = asked.first, asked.last
        rows = newest(folder, asked.match, limit=limit, days=days, finds=finds)
        oldest = min((row["at"].astimezone(UTC).date() for row in rows), default=None)
        outcomes = read_outcomes(folder, oldest, finds) if rows else {}
        columns.add(rows[::-1], outcomes)
    whole = asked.everything and limit is None
    lost = read_losses(storage_path, model, start=asked.first, end=asked.last)
    return columns.logged(
        model,
        finds,
        lost=sum(loss.lost for loss in lost),
        unknown=len(outcomes.keys() - columns.ids()) if whole else None,
    )


def read_batches(
    storage_path: str | os.PathLike[str],
    model: str,
    *,
    version: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    rows: int = BATCH,
) -> Iterator[Logged]:
    """Yield what a model answered piece by piece, day by day.

    At no time more than one piece and the outcomes since `start` (some 200 bytes each)
    are in memory, whatever the size of the log.

    Parameters
    ----------
    storage_path, model, version, start, end
        As in :func:`read_predictions`.
    rows : int
        At most so many at a time; their order is that of writing.

    Yields
    ------
    Logged
        ``garbage`` and ``clock_jumps`` of each are those of its piece; ``lost`` is 0,
        ask :func:`read_losses`. What was skipped after the last row comes with a piece
        without rows.
    """
    folder, asked = Path(storage_path) / check_model(model), _asked(version, start, end)
    check_limit(rows, "rows", least=1)
    finds = Finds()
    outcomes = read_outcomes(folder, asked.first, finds)
    for batch in _batches(folder, asked, finds, rows):
        piece = _Gathered()
        piece.add(batch, outcomes)
        found = Finds()
        found.garbage, found.files = finds.garbage, finds.files[-1:]
        finds.garbage = Garbage()
        yield piece.logged(model, found)
    if finds.garbage.count:
        yield _Gathered().logged(model, finds)


def _batches(
    folder: Path, asked: _Asked, finds: Finds, size: int
) -> Iterator[list[Record]]:
    batch: list[Record] = []
    match: Match = asked.match
    for day in days_of(folder, "predictions", asked.first, asked.last):
        with open_day(folder, "predictions", day, finds) as files:
            for opened in files:
                for record in records(opened, finds):
                    if match(record):
                        batch.append(record)
                    if len(batch) >= size:
                        yield batch
                        batch = []
    if batch:
        yield batch


class _Gathered:
    """Rows as they come in."""

    def __init__(self) -> None:
        self._head, self._features = Columns(), Columns()
        self._ids: set[str] = set()
        self._jumps = 0

    def add(self, rows: list[Record], outcomes: dict[str, Any]) -> None:
        for row in rows:
            if row["id"] in outcomes:
                row["actual"] = outcomes[row["id"]]
            self._jumps += "clock_jump" in row
            row["at"] = row["at"].astimezone(UTC)
        self._head.add(
            ((name, [row.get(name) for row in rows]) for name in HEAD), len(rows)
        )
        named = feature_columns([row["features"] for row in rows])
        self._features.add(named, len(rows))

    def ids(self) -> set[str]:
        return set(self._head.frame(["id"])["id"])

    def logged(
        self, model: str, finds: Finds, *, lost: int = 0, unknown: int | None = None
    ) -> Logged:
        frame = self._head.frame(HEAD)
        frame["at"] = frame["at"].astype("datetime64[us, UTC]")
        frame = frame.astype(dict.fromkeys(TEXTS, "str"))
        features = self._features.frame()
        if not frame["at"].is_monotonic_increasing:
            order = frame["at"].argsort(kind="stable").to_numpy()
            frame = frame.iloc[order].reset_index(drop=True)
            features = features.iloc[order].reset_index(drop=True)
        files = tuple(dict.fromkeys(finds.files))
        return Logged(
            model, frame, features, finds.garbage, lost, self._jumps, unknown,
            files=files,
        )  # fmt: skip
