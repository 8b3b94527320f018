"""Parts of a check: all that follows from the rows of the log, judged part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlkit.data.wording import counted
from mlkit.drift import PerformanceDrift
from mlkit.evaluate import SliceResult
from mlkit.exposition import Totals
from mlkit.monitor import data_findings as data
from mlkit.monitor import performance as perform
from mlkit.monitor.answers import Asked
from mlkit.monitor.challenger import compare_versions, judge_challenger
from mlkit.monitor.division import Window
from mlkit.monitor.drifting import Drifted, find_drift
from mlkit.monitor.expectation import expect, judge_expected
from mlkit.monitor.figures import Measures, window_figures
from mlkit.monitor.found import Found, together
from mlkit.monitor.gathering import Gathered
from mlkit.monitor.history import Past, with_past
from mlkit.monitor.looking import Look, look
from mlkit.monitor.records import Challenger, Trend
from mlkit.monitor.slicing import by_slice
from mlkit.monitor.traffic import judge_traffic, slow_answers
from mlkit.monitor.trends import find_trend
from mlkit.monitor.watched import Watched
from mlkit.monitor.window_records import WindowFigures
from mlkit.params import Params

if TYPE_CHECKING:
    from mlkit.label_free import Expected

# Where all requests failed, nothing tells the classes.
UNKNOWN = {"binary": ("0", "1"), "multiclass": ("0", "1", "2")}


@dataclass(frozen=True, eq=False)
class Parts:
    """What was found of the rows of the log, before it is judged together."""

    windows: tuple[WindowFigures, ...] = ()
    overall: WindowFigures | None = None
    performance: PerformanceDrift | None = None
    trends: tuple[Trend, ...] = ()
    slices: tuple[SliceResult, ...] = ()
    drifted: Drifted = field(default_factory=Drifted)
    expected: tuple[Expected, ...] = ()
    challenger: Challenger | None = None
    found: Found = field(default_factory=Found)


def find_parts(
    params: Params,
    root: Path,
    gathered: Gathered,
    watched: Watched,
    past: Past,
    totals: Totals,
    *,
    now: datetime,
) -> Parts:
    """Return what follows from the rows of the log.

    Parameters
    ----------
    params, root
        The case and the workspace.
    gathered : Gathered
        The rows.
    watched : Watched
        The version that is judged.
    past : Past
        The last check.
    totals : Totals
        What was ever logged.
    now : datetime
        The present.
    """
    if not len(gathered.frame):
        said = "The log holds no prediction of the windows that are looked back."
        log = data.judge_log(gathered.log, None, sensitive=False)
        return Parts(
            windows=with_past((), past, now=now, **_limits(params)),
            found=replace(log, notes=(said,)),
        )
    asked = watched.asked or Asked(params.task, UNKNOWN.get(params.task))
    before = _gone(totals, gathered, watched.version)
    looked = look(params, root, gathered, watched, asked, now=now, before=before)
    return _of_rows(looked, past)


def _limits(params: Params) -> dict[str, Any]:
    asked = params.monitor
    return {"label_days": asked.label_days, "most": asked.windows}


def _gone(totals: Totals, gathered: Gathered, version: str | None) -> int:
    """Return how many rows of a version were logged and are no longer there."""
    ever = totals.by_version().get(str(version))
    known = int(gathered.of(version).sum())
    return 0 if ever is None else max(0, ever.predictions + ever.errors - known)


def _of_rows(looked: Look, past: Past) -> Parts:
    params, answers, spec = looked.params, looked.answers, looked.spec
    fresh = [_figures(looked, window, past) for window in looked.windows]
    drifted = find_drift(looked, fresh, past)
    fresh = [
        replace(each, drift=drifted.short.get(each.label, each.drift)) for each in fresh
    ]
    windows = with_past(fresh, past, now=looked.now, **_limits(params))
    overall = _overall(looked, fresh)
    reference, expectation = looked.watched.reference, expect(looked)
    compared = perform.compare_with_reference(
        None if reference is None else reference.performance,
        answers,
        looked.windows,
        looked.answered,
        spec,
        looked.measures,
        max_loss=params.drift.max_loss,
        level=looked.level,
    )
    parts = Parts(
        windows=windows,
        overall=overall,
        performance=compared,
        trends=_trends(looked, windows),
        slices=by_slice(looked),
        drifted=drifted,
        expected=expectation.expected,
        challenger=_challenger(looked),
    )
    notes = Found(notes=expectation.notes)
    return replace(parts, found=_judged(looked, parts) + notes)


def _figures(looked: Look, window: Window, past: Past) -> WindowFigures:
    rows, version = looked.rows_of(window)
    counted_only = replace(looked.measures, min_labels=len(looked.frame) + 1)

    def figures(measures: Measures) -> WindowFigures:
        return window_figures(
            window,
            looked.frame,
            looked.answers,
            measures,
            mine=rows,
            version=version,
            now=looked.now,
        )

    quick = figures(counted_only)
    before = past.still_holds(quick)
    if before is not None and before.digest == quick.digest:
        return replace(before, late_labels=quick.late_labels)
    return figures(looked.measures)


def _overall(looked: Look, fresh: Sequence[WindowFigures]) -> WindowFigures:
    windows, inside = looked.windows, np.zeros(len(looked.frame), dtype=bool)
    if len(fresh) == 1 and fresh[0].version == looked.watched.version:
        return replace(fresh[0], label="all", drift=None)
    for window in windows:
        inside |= window.rows
    if not windows:
        start = end = looked.now
    else:
        start, end = windows[0].start, windows[-1].end
    return window_figures(
        Window("all", start, end, False, inside, 0),
        looked.frame,
        looked.answers,
        looked.measures,
        mine=looked.mine,
        version=looked.watched.version,
        now=looked.now,
    )


def _trends(looked: Look, windows: Sequence[WindowFigures]) -> tuple[Trend, ...]:
    """Return the trend of each metric in the windows of the version."""
    own = [each for each in windows if each.version == looked.watched.version]
    specs = sorted(looked.measures.specs, key=lambda spec: spec is not looked.spec)
    return tuple(
        find_trend(
            spec.name,
            [each.metrics.get(spec.name) for each in own],
            greater_is_better=spec.greater_is_better,
            label=spec.label,
        )
        for spec in specs
    )


def _challenger(looked: Look) -> Challenger | None:
    watched = looked.watched
    if watched.challenger is None or watched.version is None:
        return None
    return compare_versions(
        looked.frame,
        looked.answers,
        watched.version,
        watched.challenger,
        looked.spec,
        looked.measures,
        min_gain=looked.params.evaluate.min_gain,
    )


def _judged(looked: Look, parts: Parts) -> Found:
    params, asked = looked.params, looked.params.monitor
    overall, max_loss = parts.overall, params.drift.max_loss
    slow = [_slow(looked, each) for each in parts.windows]
    drifted = parts.drifted
    calibration = None if overall is None else overall.calibration
    return together(
        [
            perform.judge_performance(parts.performance),
            perform.judge_trend(parts.trends[0], max_loss=max_loss),
            perform.judge_calibration(
                calibration, bound=asked.max_calibration_error, level=looked.level
            ),
            data.judge_drift(
                drifted.report, drifted.newest, drifted.label, drifted.pools
            ),
            data.judge_quality(drifted.quality, judged=drifted.report is not None),
            judge_traffic(
                parts.windows,
                slow,
                asked,
                now=looked.now,
                level=looked.level,
                problem=looked.gathered.problem,
            ),
            judge_challenger(parts.challenger),
            judge_expected(
                parts.expected, looked.spec.name, max_loss=max_loss, level=looked.level
            ),
            data.judge_log(
                looked.gathered.log, looked.answers, sensitive=_hides_target(looked)
            ),
            Found(notes=(*drifted.notes, *_notes(looked, parts))),
        ]
    )


def _slow(looked: Look, figures: WindowFigures) -> tuple[int, int]:
    """Return how many answers of a window were slow; none of one that is gone."""
    if figures.stored:
        return 0, 0
    window = next(each for each in looked.windows if each.label == figures.label)
    rows, _ = looked.rows_of(window)
    chosen = window.rows & rows & ~looked.gathered.failed
    bound = looked.params.monitor.latency_ms
    return slow_answers(looked.frame["latency_ms"][chosen], bound)


def _hides_target(looked: Look) -> bool:
    target, schema = looked.params.data.target, looked.watched.schema
    hidden = schema is not None and any(
        column.sensitive for column in schema.columns if column.role == "target"
    )
    return hidden or target in looked.params.data.sensitive


def _notes(looked: Look, parts: Parts) -> list[str]:
    """Say what was not judged, and why."""
    overall, least = parts.overall, looked.measures.min_labels
    if overall is None:
        return []
    found = []
    name = f"version {looked.watched.version}"
    if not overall.predictions:
        said = "failed" if overall.errors else "was asked for in these windows"
        found.append(f"No request of {name} was answered: every one {said}.")
    others = {
        str(key): int(count)
        for key, count in looked.frame["version"].value_counts().items()
        if key != looked.watched.version
    }
    if others:
        told = ", ".join(f"{key} ({count:,})" for key, count in others.items())
        found.append(f"The log also holds rows of other versions: {told}.")
    if overall.predictions and not overall.labelled:
        found.append("No outcome is known yet: performance is not judged.")
    elif overall.predictions and overall.labelled < least:
        known = counted(overall.labelled, "outcome")
        verb = "is" if overall.labelled == 1 else "are"
        found.append(
            f"{known} {verb} known, and {least} are needed to judge performance "
            "(monitor.min_labels)."
        )
    return found
