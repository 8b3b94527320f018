"""Reading a log back: by time and version, with outcomes, as columns."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from mlkit.prediction_log.garbage import NO_GARBAGE, Finds
from mlkit.prediction_log.gathering import Gathered, Logged
from mlkit.prediction_log.layout import check_model
from mlkit.prediction_log.losses import read_losses
from mlkit.prediction_log.outcomes import read_outcomes
from mlkit.prediction_log.pieces import Asked, Piece, line_pieces, piece_of
from mlkit.prediction_log.recent import check_limit, newest
from mlkit.prediction_log.scanning import days_of, open_day

# What is parsed at a time should fit into a processor's cache.
LINES = 1_000
BATCH = 20_000


def _asked(version: str | None, start: datetime | None, end: datetime | None) -> Asked:
    for name, moment in (("start", start), ("end", end)):
        if moment is not None and moment.tzinfo is None:
            raise ValueError(
                f"{name} must be a datetime with its zone, got {moment!r}; add "
                "tzinfo=UTC"
            )
    return Asked(version, start, end)


def _days(asked: Asked) -> tuple[date | None, date | None]:
    """Return the first and the last day whose files are opened."""
    first = None if asked.start is None else asked.start.astimezone(UTC).date()
    if asked.end is None:
        return first, None
    return first, (asked.end.astimezone(UTC) - timedelta(microseconds=1)).date()


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

    Lines are read 1,000 at a time and packed into columns, so that memory follows from
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
    finds, days = Finds(), _days(asked)
    if limit is None:
        gathered = Gathered(read_outcomes(folder, days[0], finds))
        for piece in _pieces(folder, asked, finds, BATCH):
            gathered.add(piece)
    else:
        rows = newest(folder, asked.match, limit=limit, days=days, finds=finds)
        oldest = min((row["at"].astimezone(UTC).date() for row in rows), default=None)
        gathered = Gathered(read_outcomes(folder, oldest, finds) if rows else {})
        gathered.add(piece_of(rows[::-1]))
    whole = asked.everything and limit is None
    lost = read_losses(storage_path, model, start=days[0], end=days[1])
    return gathered.logged(
        model,
        finds,
        lost=sum(loss.lost for loss in lost),
        whole=whole,
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
        ask :func:`read_losses`. Of a log with nothing but garbage one without rows.
    """
    folder, asked = Path(storage_path) / check_model(model), _asked(version, start, end)
    check_limit(rows, "rows", least=1)
    finds = Finds()
    outcomes = read_outcomes(folder, _days(asked)[0], finds)
    gathered, held, found = Gathered(outcomes), 0, Finds()
    for piece in _pieces(folder, asked, finds, rows):
        if held and held + piece.rows > rows:
            yield gathered.logged(model, found)
            gathered, held, found = Gathered(outcomes), 0, Finds()
        gathered.add(piece)
        held += piece.rows
        found.garbage += finds.garbage
        found.files.append(finds.files[-1])
        finds.garbage = NO_GARBAGE
    found.garbage += finds.garbage
    if held or found.garbage.count:
        yield gathered.logged(model, found)


def _pieces(folder: Path, asked: Asked, finds: Finds, size: int) -> Iterator[Piece]:
    """Yield at most `size` rows at a time, in the order in which they were written."""
    for day in days_of(folder, "predictions", *_days(asked)):
        with open_day(folder, "predictions", day, finds) as files:
            for opened in files:
                if opened.part.form == "parquet":
                    from mlkit.prediction_log.tables import stored_pieces

                    yield from stored_pieces(opened, asked, finds, size)
                else:
                    lines = min(size, LINES)
                    yield from line_pieces(opened, asked, finds, lines)
