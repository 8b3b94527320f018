"""The newest predictions, from the end of the newest files on."""

from __future__ import annotations

from datetime import UTC, date
from pathlib import Path
from typing import Any

from mlkit.prediction_log.garbage import Finds
from mlkit.prediction_log.layout import check_model, logged_models
from mlkit.prediction_log.outcomes import read_outcomes
from mlkit.prediction_log.scanning import (
    Match,
    Record,
    days_of,
    newest_records,
    open_day,
)


def check_limit(limit: int | None, name: str = "limit", least: int = 0) -> None:
    """Refuse what cannot be a number of rows.

    Raises
    ------
    ValueError
        When it is below `least`.
    """
    if limit is not None and limit < least:
        raise ValueError(f"{name} must be {least} or more, got {limit}")


def newest(
    folder: Path,
    match: Match,
    *,
    limit: int,
    days: tuple[date | None, date | None],
    finds: Finds,
) -> list[Record]:
    """Return the newest records that match, the newest first.

    Days are taken from the last on, and within a file the lines written last, so that
    no file is opened for rows that are not asked for.
    """
    found: list[Record] = []
    for day in reversed(days_of(folder, "predictions", *days)):
        if len(found) >= limit:
            break
        with open_day(folder, "predictions", day, finds) as files:
            for opened in reversed(files):
                if (wanted := limit - len(found)) > 0:
                    found += newest_records(opened, finds, limit=wanted, match=match)
    return sorted(found, key=lambda record: record["at"], reverse=True)


def recent_predictions(
    storage_path: Path, model: str | None, *, limit: int
) -> list[dict[str, Any]]:
    """Return the newest predictions of a model or of all, with their outcomes.

    Raises
    ------
    ValueError
        When `limit` is negative, or the model's name is none.
    """
    check_limit(limit)
    models = logged_models(storage_path) if model is None else (check_model(model),)
    found: list[Record] = []
    for name in models:
        folder, finds = storage_path / name, Finds()
        days = None, None
        rows = newest(folder, _is_prediction, limit=limit, days=days, finds=finds)
        if rows:
            since = min(row["at"] for row in rows).astimezone(UTC).date()
            outcomes = read_outcomes(folder, since, finds)
            for row in rows:
                row["actual"] = outcomes.get(row["id"], row.get("actual"))
        found += rows
    found.sort(key=lambda record: record["at"], reverse=True)
    return [_shown(record) for record in found[:limit]]


def _is_prediction(record: Record) -> bool:
    return bool(record["kind"] == "prediction")


def _shown(record: Record) -> dict[str, Any]:
    at = record["at"].astimezone(UTC).isoformat(timespec="microseconds")
    return record | {"at": f"{at[:26]}Z"}
