"""A check: one look at a model in production, and everything that it found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from mlkit.alerts import Finding
from mlkit.monitor.check_record import Check
from mlkit.monitor.counting import read_totals
from mlkit.monitor.detections import judge_detection, read_detection
from mlkit.monitor.division import named
from mlkit.monitor.found import Found, together
from mlkit.monitor.gathering import gather
from mlkit.monitor.health import judge_health
from mlkit.monitor.history import read_past
from mlkit.monitor.parts import Parts, find_parts
from mlkit.monitor.recorded import judge_recorded, read_recorded
from mlkit.monitor.records import Recorded
from mlkit.monitor.usage import Usage
from mlkit.monitor.watched import Watched, find_watched, monitor_folder
from mlkit.params import Params

RETRAINS = ("retrain.done", "retrain.failed")


def check(
    params: Params,
    root: Path,
    *,
    now: datetime,
    version: str | None = None,
    retrained: Callable[[], Finding | None] | None = None,
) -> Check:
    """Look at what a model in production was asked, and at what became of it.

    Nothing is written: see :func:`mlkit.monitor.commit`.

    Parameters
    ----------
    params : Params
        The case; its sections ``monitor``, ``drift`` and ``evaluate`` say what is
        looked at and what is wrong.
    root : Path
        The workspace.
    now : datetime
        The present, with a time zone.
    version : str, optional
        The version to judge; None takes the one in production, else the one that was
        logged last.
    retrained : callable, optional
        Returns what is to be told of the newest retrain.

    Raises
    ------
    DamageError
        When a file of the registry is missing or altered.
    OSError
        When the log cannot be read.
    """
    usage = Usage.begin()
    folder = monitor_folder(params.model, root)
    gathered = gather(params, root, now=now)
    watched = find_watched(params, root, gathered.frame, version=version)
    past = read_past(folder, params)
    totals = read_totals(folder, params.model).with_answers(gathered.frame)
    recorded = read_recorded(folder, now=now, days=params.monitor.keep_history_days)
    parts = find_parts(params, root, gathered, watched, past, totals, now=now)
    measured, news = _measured(params, watched, recorded), _news(retrained)
    given = _given(params, folder, watched, parts, now=now)
    found = together([measured, parts.found, given, news])
    found = replace(found, findings=_worst(found.findings, watched.version))
    judged = bool(parts.windows or recorded or given.checked)
    made = Check(
        model=params.model,
        version=watched.version,
        at=now.isoformat(),
        task=None if watched.asked is None else watched.asked.task,
        primary=watched.primary,
        window=named(params.monitor.window),
        windows=parts.windows,
        health=judge_health(found.findings, judged=judged),
        recorded=recorded,
        findings=found.findings,
        causes_checked=tuple(dict.fromkeys(found.checked)),
        log=gathered.log,
        totals=totals.to_dict(),
        notes=(*gathered.notes, *watched.notes, *found.notes),
    )
    return replace(_with(made, parts), resources=usage.end())


def _with(made: Check, parts: Parts) -> Check:
    """Return a check with what follows from the rows of the log."""
    drifted = parts.drifted
    return replace(
        made,
        overall=parts.overall,
        performance=parts.performance,
        trends=parts.trends,
        slices=parts.slices,
        drift=drifted.report,
        drifted_window=drifted.label,
        pools=drifted.pools,
        drift_began=drifted.began,
        expected=parts.expected,
        challenger=parts.challenger,
        quality=drifted.quality,
    )


def _given(
    params: Params, folder: Path, watched: Watched, parts: Parts, *, now: datetime
) -> Found:
    """Return what the newest rows say that were given by hand to be compared."""
    days, drifted = params.monitor.keep_history_days, parts.drifted
    newest = read_detection(folder, now=now, days=days, version=watched.version)
    if drifted.report is None or drifted.report.verdict == "too_few":
        return judge_detection(newest, judged_since=None)
    starts = [each.start for each in parts.windows if each.label == drifted.label]
    since = datetime.fromisoformat(starts[-1]) if starts else None
    return judge_detection(newest, judged_since=since)


def _news(retrained: Callable[[], Finding | None] | None) -> Found:
    """Return what the caller knows of the newest retrain."""
    if retrained is None:
        return Found()
    told = retrained()
    return Found(() if told is None else (told,), RETRAINS)


def _worst(findings: Sequence[Finding], version: str | None) -> tuple[Finding, ...]:
    """Return one finding a cause, the worst, each with the version it is about."""
    order = {"critical": 0, "warning": 1, "info": 2}
    kept: dict[str, Finding] = {}
    for each in sorted(findings, key=lambda each: order[each.severity]):
        kept.setdefault(each.cause, replace(each, version=each.version or version))
    return tuple(kept.values())


def _measured(params: Params, watched: Watched, recorded: Sequence[Recorded]) -> Found:
    reference = watched.reference
    return judge_recorded(
        recorded,
        None if reference is None else reference.performance,
        version=watched.version,
        max_loss=params.drift.max_loss,
    )
