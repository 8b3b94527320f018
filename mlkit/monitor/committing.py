"""Committing a check: its alerts, its place in the history, its figures for others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.alerts import Finding, Update
from mlkit.alerts import alert_book as alert_book
from mlkit.exposition import CheckMetrics, Totals, of_totals, write_textfile
from mlkit.exposition.metrics import Judged
from mlkit.monitor.check_record import Check
from mlkit.monitor.counting import read_totals, write_totals
from mlkit.monitor.detector import HISTORY as DETECTIONS
from mlkit.monitor.history import NAME, drifted_window, read_past, settings
from mlkit.monitor.journal import Journal
from mlkit.monitor.recorded import NAME as RECORDED
from mlkit.monitor.watched import monitor_folder
from mlkit.params import Params

ACCURACY = {"binary": "accuracy", "multiclass": "accuracy", "regression": "r2"}


def commit(
    check: Check | Mapping[str, Any],
    params: Params,
    root: Path,
    *,
    now: datetime,
    tell: Callable[[Update], object] = lambda update: None,
) -> Update:
    """Keep what a check found: alerts, history, counters and the textfile.

    What cannot be written keeps nothing else from being written, and nobody from being
    told.

    Parameters
    ----------
    check : Check or mapping
        What :func:`mlkit.monitor.check` returned, or its ``to_dict()``.
    params : Params
        The case.
    root : Path
        The workspace.
    now : datetime
        The present, with a time zone.
    tell : callable
        Is given the update before anything else is written; without it nobody is told.

    Returns
    -------
    Update
        Alerts that were raised, are to be told again, and are over.

    Raises
    ------
    OSError
        When a file cannot be written, once all else was done; others that cannot are
        in its notes.
    """
    found = check.to_dict() if isinstance(check, Check) else dict(check)
    failed: list[OSError] = []
    update = _alerted(found, params, root, now, failed)
    tell(update)
    with _collected(failed):
        totals = _kept(found, params, root, now)
        if params.monitor.textfile is not None:
            metrics = of_totals()
            expose(found, metrics)
            # With the drift that this check found.
            metrics.set_totals(totals)
            write_textfile(metrics, store.resolve(params.monitor.textfile, root))
    with _collected(failed):
        _prune(params, root, now)
    if failed:
        for other in failed[1:]:
            failed[0].add_note(str(other))
        raise failed[0]
    return update


@contextmanager
def _collected(failed: list[OSError]) -> Iterator[None]:
    """Go on after what the system refuses; it is raised in the end."""
    try:
        yield
    except OSError as error:
        failed.append(error)


def _alerted(
    found: Mapping[str, Any],
    params: Params,
    root: Path,
    now: datetime,
    failed: list[OSError],
) -> Update:
    """Return what changed in the alerts, also where that cannot be written."""
    book = alert_book(params, root)
    findings = [_finding(each) for each in found["findings"]]
    checked = found["causes_checked"]
    try:
        return book.update(findings, now=now, causes_checked=checked)
    except OSError as error:
        failed.append(error)
    return book.would_update(findings, now=now, causes_checked=checked)


def _kept(
    found: Mapping[str, Any], params: Params, root: Path, now: datetime
) -> Totals:
    """Add a check to the history; return the counters after it."""
    folder = monitor_folder(params.model, root)
    totals = _counted(found, read_past(folder, params).drifted, folder)
    entry = {**found, "settings": settings(params)}
    Journal(folder, NAME).append([entry], now=now)
    write_totals(folder, totals)
    return totals


def _prune(params: Params, root: Path, now: datetime) -> None:
    folder, days = monitor_folder(params.model, root), params.monitor.keep_history_days
    for name in (NAME, RECORDED, DETECTIONS):
        Journal(folder, name).prune(now=now, keep_days=days)
    alert_book(params, root).prune(now=now, keep_days=days)


def _finding(plain: Mapping[str, Any]) -> Finding:
    return Finding(**{each.name: plain[each.name] for each in fields(Finding)})


def _counted(
    found: Mapping[str, Any], counted_last: str | None, folder: Path
) -> Totals:
    """Return the counters after a check; the drift of a window is counted once."""
    totals = Totals.from_dict(found["totals"])
    kept = read_totals(folder, totals.model)
    # Another check may have counted drift while this one was made.
    totals = Totals(totals.model, totals.days, kept.drifts)
    window = drifted_window(found)
    if window is None or window == counted_last:
        return totals
    return totals.with_drift(str(found["version"]))


def expose(check: Check | Mapping[str, Any], metrics: Judged) -> None:
    """Set the figures of a check where Prometheus finds them.

    Parameters
    ----------
    check : Check or mapping
        What :func:`mlkit.monitor.check` returned, or its ``to_dict()``.
    metrics : CheckMetrics or ModelMetrics
        Gauges are set on either; the counters of a service are its own.
    """
    found = check.to_dict() if isinstance(check, Check) else check
    model, version = found["model"], str(found["version"] or "")
    if isinstance(metrics, CheckMetrics):
        metrics.set_totals(Totals.from_dict(found["totals"]))
    metrics.forget(model, but=version)
    if not version:
        return
    overall, drift = found["overall"], found["drift"]
    name = ACCURACY.get(str(found["task"]), "")
    known = {} if overall is None else overall["metrics"].get(name, {})
    metrics.set_accuracy(model, version, known.get("value"))
    score = None if drift is None else drift.get("score")
    metrics.set_drift_score(model, version, score)
    metrics.set_health(model, version, found["status"])
