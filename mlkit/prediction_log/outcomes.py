"""What came of predictions: kept by the log itself, or joined from a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlkit.prediction_log.columns import to_list
from mlkit.prediction_log.garbage import Finds
from mlkit.prediction_log.pieces import Asked, line_outcomes
from mlkit.prediction_log.scanning import Opened, days_of, open_day

if TYPE_CHECKING:
    import pandas as pd

    from mlkit.prediction_log.gathering import Logged

LINES = 1_000
BATCH = 20_000


def read_outcomes(folder: Path, since: date | None, finds: Finds) -> dict[str, Any]:
    """Return the outcomes of a model by id; the last that was written counts.

    Parameters
    ----------
    since : date, optional
        The day of the oldest prediction that is asked for: outcomes come after it, a
        clock's error aside.
    """
    first = None if since is None else since - timedelta(days=1)
    found: dict[str, Any] = {}
    for day in days_of(folder, "outcomes", first):
        with open_day(folder, "outcomes", day, finds) as files:
            for opened in files:
                for ids, values in _pairs(opened, finds):
                    found.update(zip(ids, values, strict=True))
    return found


def _pairs(opened: Opened, finds: Finds) -> Iterator[tuple[list[str], list[Any]]]:
    """Yield ids and what came of them, in the order in which they were written."""
    if opened.part.form == "parquet":
        from mlkit.prediction_log.tables import stored_pieces

        for piece in stored_pieces(opened, Asked(), finds, BATCH):
            yield to_list(piece.head["id"]), to_list(piece.head["actual"])
        return
    for some in line_outcomes(opened, finds, LINES):
        yield [each["id"] for each in some], [each.get("actual") for each in some]


def join_outcomes(
    logged: Logged, outcomes: pd.DataFrame, *, key: str, target: str
) -> Logged:
    """Return what was logged with the outcomes of a table.

    Parameters
    ----------
    logged : Logged
        What :func:`read_predictions` returned.
    outcomes : DataFrame
        A row for each outcome. The last row of an id counts. Rows without an id or
        without an outcome change nothing.
    key : str
        The column that holds the ids; whole numbers stand for their digits.
    target : str
        The column that holds the outcomes.

    Returns
    -------
    Logged
        With ``actual`` filled in, `unknown_outcomes` (ids that are not among the rows)
        and `duplicate_outcomes` (rows that a later one replaced).

    Raises
    ------
    ValueError
        When the table lacks a column, or has it twice.
    """
    for column, what in ((key, "the ids"), (target, "the outcomes")):
        if (found := list(outcomes.columns).count(column)) != 1:
            there = ", ".join(map(str, outcomes.columns)) or "none"
            raise ValueError(
                f"the table of outcomes must have one column {column!r} for {what}, "
                f"got {found}; its columns: {there}"
            )
    rows = outcomes[[key, target]].dropna()
    ids = rows[key].map(_id_text)
    last = ~ids.duplicated(keep="last")
    by_id = dict(zip(ids[last], rows[target][last], strict=True))
    frame = logged.frame.copy()
    known = frame["id"].isin(by_id.keys()).to_numpy()
    return replace(
        logged,
        frame=frame.assign(actual=_filled(frame, known, by_id)),
        unknown_outcomes=len(by_id.keys() - set(frame["id"])),
        duplicate_outcomes=int((~last).sum()),
    )


def _filled(frame: pd.DataFrame, known: Any, by_id: dict[str, Any]) -> pd.Series:
    import pandas as pd

    from mlkit.prediction_log.columns import to_series

    before = frame["actual"].tolist()
    ids = frame["id"].tolist()
    values = [
        _scalar(by_id[id]) if there else (None if pd.isna(old) is True else old)
        for id, there, old in zip(ids, known, before, strict=True)
    ]
    return to_series([values]).set_axis(frame.index)


def _scalar(value: Any) -> Any:
    return value.item() if hasattr(value, "dtype") and hasattr(value, "item") else value


def _id_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
