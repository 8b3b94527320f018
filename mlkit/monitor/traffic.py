"""Traffic: whether requests are answered, in time, as many as usual, and labelled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from scipy import stats

from mlkit.alerts import Finding
from mlkit.data.wording import counted
from mlkit.drift.wording import percent
from mlkit.metrics import show
from mlkit.monitor.found import Found, more_than, together
from mlkit.monitor.window_records import WindowFigures
from mlkit.params.models import Monitor

# Fewer requests than this say little: the window before is asked, too.
FEWEST = 20
# Windows from which it is known what is usual.
USUAL_FROM = 3
SLOW_SHARE = 0.05
# Scales the median absolute deviation to the standard deviation of a normal sample.
NORMAL_MAD = 1.4826


def judge_traffic(
    windows: Sequence[WindowFigures],
    slow: Sequence[tuple[int, int]],
    asked: Monitor,
    *,
    now: datetime,
    level: float,
    problem: str = "",
) -> Found:
    """Return what is wrong with the requests.

    Parameters
    ----------
    windows : sequence of WindowFigures
        The oldest first.
    slow : sequence of (int, int)
        Of each window, how many answers took longer than ``latency_ms``, of how many.
    asked : Monitor
        The bounds.
    now : datetime
        The present.
    level : float
        Chance of a false alarm of each.
    problem : str
        Why outcomes could not be read.
    """
    return together(
        [
            _errors(windows, asked, level),
            _latency(windows, slow, asked, level),
            _volume(windows, asked, level),
            _labels(windows, asked, now=now, problem=problem),
        ]
    )


def _newest(sizes: Sequence[int]) -> int | None:
    """Return the newest window with enough requests, else with any."""
    for least in (FEWEST, 1):
        for place in reversed(range(len(sizes))):
            if sizes[place] >= least:
                return place
    return None


def _errors(windows: Sequence[WindowFigures], asked: Monitor, level: float) -> Found:
    place = _newest([each.predictions + each.errors for each in windows])
    if place is None:
        return Found()
    window = windows[place]
    requests, bound = window.predictions + window.errors, asked.max_error_rate
    if not more_than(window.errors, requests, bound, level=level):
        return Found(checked=("errors",))
    share = window.errors / requests
    said = (
        f"{window.errors:,} of {counted(requests, 'request')} failed in "
        f"{window.label}, {percent(share)}, and {percent(bound)} may "
        "(monitor.max_error_rate)"
    )
    evidence = {"errors": window.errors, "requests": requests, "share": share}
    found = Finding(
        "errors",
        "critical" if share >= 0.5 else "warning",
        said,
        evidence | {"max_error_rate": bound, "window": window.label},
    )
    return Found((found,), ("errors",))


def _latency(
    windows: Sequence[WindowFigures],
    slow: Sequence[tuple[int, int]],
    asked: Monitor,
    level: float,
) -> Found:
    bound = asked.latency_ms
    place = _newest([n for _, n in slow])
    if bound is None or place is None:
        return Found()
    over, n = slow[place]
    took = windows[place].latency
    if took is None or not more_than(over, n, SLOW_SHARE, level=level):
        return Found(checked=("latency",))
    said = (
        f"95 % of answers took up to {show(took.p95)} ms in {windows[place].label}, "
        f"and {bound:g} ms are allowed (monitor.latency_ms): {percent(over / n)} took "
        "longer"
    )
    evidence = {"p50": took.p50, "p95": took.p95, "p99": took.p99, "n": n}
    found = Finding(
        "latency",
        "critical" if took.p50 > bound else "warning",
        said,
        evidence | {"latency_ms": bound, "window": windows[place].label},
    )
    return Found((found,), ("latency",))


def _volume(windows: Sequence[WindowFigures], asked: Monitor, level: float) -> Found:
    if isinstance(asked.window, int):
        return Found()
    over = [each for each in windows if each.complete]
    # The first one may have begun before there was a service.
    newest, before = (over[-1], over[1:-1]) if over else (None, [])
    if newest is None or len(before) < USUAL_FROM:
        return Found()
    counts = np.array([_asked_for(each) for each in _alike(newest, before, asked)])
    usual = float(np.median(counts))
    spread = NORMAL_MAD * float(np.median(np.abs(counts - usual)))
    now = _asked_for(newest)
    gap = abs(now - usual)
    error = math.sqrt(usual + spread**2)
    odd = usual > 0 and gap > asked.volume_change * usual
    if not odd or gap <= float(stats.norm.isf(level / 2)) * error:
        return Found(checked=("volume",))
    word = "fewer" if now < usual else "more"
    said = (
        f"{counted(now, 'prediction')} in {newest.label}, {percent(gap / usual)} "
        f"{word} than the usual {usual:,.0f}"
    )
    evidence = {"predictions": now, "usual": usual, "window": newest.label}
    found = Finding(
        "volume",
        "warning" if now else "critical",
        said,
        evidence | {"volume_change": asked.volume_change},
    )
    return Found((found,), ("volume",))


def _asked_for(window: WindowFigures) -> int:
    """Return the predictions of all versions: a release changes no volume."""
    return max(sum(window.versions.values()), window.predictions)


def _alike(
    newest: WindowFigures, before: Sequence[WindowFigures], asked: Monitor
) -> Sequence[WindowFigures]:
    """Return the earlier windows of the same weekday, where there are enough."""
    if asked.window != "day":
        return before
    day = datetime.fromisoformat(newest.start).weekday()
    same = [
        each for each in before if datetime.fromisoformat(each.start).weekday() == day
    ]
    return same if len(same) >= USUAL_FROM else before


def _labels(
    windows: Sequence[WindowFigures], asked: Monitor, *, now: datetime, problem: str
) -> Found:
    if problem:
        return Found((Finding("labels", "warning", problem),), ("labels",))
    limit = now - timedelta(days=asked.label_days)
    over = [each for each in windows if datetime.fromisoformat(each.end) <= limit]
    late = sum(each.late_labels for each in windows)
    due = late + sum(each.labelled for each in over)
    if due < asked.min_labels:
        return Found()
    share = late / due
    if share <= asked.max_missing_labels:
        return Found(checked=("labels",))
    known = sum(each.labelled for each in windows)
    said = (
        f"{late:,} of {counted(due, 'outcome')} that are due are not known, "
        f"{percent(share)}, and {percent(asked.max_missing_labels)} may be late "
        "(monitor.max_missing_labels)"
    )
    if not known:
        said = f"{said}; not one outcome has come: performance is not known"
    evidence = {"late": late, "due": due, "share": share, "known": known}
    found = Finding("labels", "warning", said, evidence)
    return Found((found,), ("labels",))


def slow_answers(latency_ms: pd.Series, bound: float | None) -> tuple[int, int]:
    """Return how many answers took longer than a bound, and of how many it is known."""
    values = pd.to_numeric(latency_ms, errors="coerce").to_numpy(dtype=np.float64)
    values = values[np.isfinite(values) & (values >= 0)]
    return (0 if bound is None else int((values > bound).sum())), len(values)
