"""Detections of rows that were given by hand, and what they say of the health."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlkit.alerts import Finding
from mlkit.monitor.detector import HISTORY
from mlkit.monitor.found import Found
from mlkit.monitor.journal import Journal

JUDGED = ("drift", "columns", "none")
Detection = Mapping[str, Any]


def read_detection(
    folder: Path, *, now: datetime, days: int, version: str | None
) -> Detection | None:
    """Return the newest detection that could judge, of so many days.

    Parameters
    ----------
    folder : Path
        The model's own.
    now : datetime
        The present, with a time zone.
    days : int
        Older ones say nothing any more.
    version : str or None
        The version that is judged: its detections count, and those of no version. None
        takes those of any.
    """
    since = now - timedelta(days=days)
    entries: tuple[Detection, ...] = Journal(folder, HISTORY).read(since=since)
    for each in reversed(entries):
        ours = version is None or each.get("version") in (None, "", version)
        if ours and _whole(each) and _moment(each) is not None:
            return each
    return None


def _whole(entry: Detection) -> bool:
    return (
        entry.get("verdict") in JUDGED
        and isinstance(entry.get("drifted"), bool)
        and isinstance(entry.get("reason"), str)
    )


def _moment(entry: Detection) -> datetime | None:
    try:
        at = datetime.fromisoformat(entry["at"])
    except (KeyError, TypeError, ValueError):
        return None
    return at if at.tzinfo else None


def judge_detection(
    detection: Detection | None, *, judged_since: datetime | None
) -> Found:
    """Return whether rows that were given by hand drifted, as a finding.

    Parameters
    ----------
    detection : mapping or None
        What :func:`read_detection` returned.
    judged_since : datetime or None
        Where the newest window of the log whose drift was judged begins. What was
        detected before tells of older rows than that window: it is over.
    """
    at = None if detection is None else _moment(detection)
    if detection is None or at is None:
        return Found()
    if judged_since is not None and at < judged_since:
        return Found()
    if not detection["drifted"]:
        return Found(checked=("drift",))
    evidence = {
        "at": detection["at"],
        "score": detection.get("score"),
        "columns": list(detection.get("drifted_columns") or ()),
        "rows": detection.get("current_rows"),
    }
    day = f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
    said = f"the rows given on {day} (UTC) have drifted: {detection['reason']}"
    version = detection.get("version") or None
    return Found((Finding("drift", "warning", said, evidence, version),), ("drift",))
