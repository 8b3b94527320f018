"""Committing a check: its alerts, its place in the history, its figures for others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.alerts import AlertBook, Finding, Update
from mlkit.exposition import CheckMetrics, Totals, of_totals, write_textfile
from mlkit.exposition.metrics import Judged
from mlkit.monitor.check_record import Check
from mlkit.monitor.counting import read_totals, write_totals
from mlkit.monitor.history import NAME, read_past, settings
from mlkit.monitor.journal import Journal
from mlkit.monitor.recorded import NAME as RECORDED
from mlkit.monitor.watched import monitor_folder
from mlkit.params import Params

ACCURACY = {"binary": "accuracy", "multiclass": "accuracy", "regression": "r2"}


def alert_book(params: Params, root: Path) -> AlertBook:
    """Return the alerts of a case's model."""
    return AlertBook(
        monitor_folder(params.model, root),
        params.model,
        cooldown_minutes=params.monitor.cooldown_minutes,
    )


def commit(
    check: Check | Mapping[str, Any], params: Params, root: Path, *, now: datetime
) -> Update:
    """Keep what a check found: alerts, history, counters and the textfile.

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

    Returns
    -------
    Update
        Alerts that were raised, are to be told again, and are over. Nobody is told by
        this.

    Raises
    ------
    OSError
        When a file cannot be written.
    """
    found = check.to_dict() if isinstance(check, Check) else dict(check)
    folder = monitor_folder(params.model, root)
    past = read_past(folder, params)
    totals = _counted(found, past.drifted, folder)
    book = alert_book(params, root)
    update = book.update(
        [_finding(each) for each in found["findings"]],
        now=now,
        causes_checked=found["causes_checked"],
    )
    journal, days = Journal(folder, NAME), params.monitor.keep_history_days
    journal.append([found | {"settings": settings(params)}], now=now)
    write_totals(folder, totals)
    journal.prune(now=now, keep_days=days)
    Journal(folder, RECORDED).prune(now=now, keep_days=days)
    book.prune(now=now, keep_days=days)
    if params.monitor.textfile is not None:
        metrics = of_totals()
        expose(found, metrics)
        # With the drift that this check found.
        metrics.set_totals(totals)
        write_textfile(metrics, store.resolve(params.monitor.textfile, root))
    return update


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
    drift, window = found["drift"], found["drifted_window"]
    if drift is None or drift["verdict"] != "drift" or window == counted_last:
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
