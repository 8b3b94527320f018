"""Drift over time: the windows that could be judged, and where a change began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from mlkit.drift import DriftReport, count_rows
from mlkit.drift.onset import drift_began
from mlkit.monitor.answers import Numbers
from mlkit.monitor.data_findings import find_quality
from mlkit.monitor.history import Past
from mlkit.monitor.looking import Look
from mlkit.monitor.pooling import SIZES, Pool, judge_pools
from mlkit.monitor.records import Quality
from mlkit.monitor.shifts import Judged, counted_rows, judge_window
from mlkit.monitor.together import look_together
from mlkit.monitor.window_records import WindowDrift, WindowFigures


@dataclass(frozen=True, eq=False)
class Drifted:
    """What was found of the features over time.

    Attributes
    ----------
    report : DriftReport or None
        Of the newest window that could be judged, in full.
    label : str or None
        Label of that window.
    short : mapping of str to WindowDrift
        Of each window that was judged, by its label.
    pools : tuple of Pool
        The last windows that have ended, taken together, the shortest pool first.
    quality : tuple of Quality
        Columns of the newest window that are not what they were.
    began : mapping or None
        Where a change began.
    notes : tuple of str
        What could not be judged, and why; how columns were compared.
    """

    report: DriftReport | None = None
    label: str | None = None
    short: Mapping[str, WindowDrift] = field(default_factory=dict)
    pools: tuple[Pool, ...] = ()
    quality: tuple[Quality, ...] = ()
    began: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()

    @property
    def newest(self) -> WindowDrift | None:
        """What the window of the report keeps of it."""
        return None if self.label is None else self.short.get(self.label)


def find_drift(looked: Look, figures: Sequence[WindowFigures], past: Past) -> Drifted:
    """Return the drift of each window of the version, and the newest in full.

    Parameters
    ----------
    looked : Look
        The rows.
    figures : sequence of WindowFigures
        Of each of its windows.
    past : Past
        The last check: what it said of a window that has not changed still holds.
    """
    reference, schema = looked.watched.reference, looked.watched.schema
    if reference is None or schema is None:
        return Drifted()
    if not len(looked.gathered.features.columns):
        said = "No features are logged: drift is not looked for."
        return Drifted(notes=(said,))
    rows = [int((w.rows & looked.answered).sum()) for w in looked.windows]
    least = looked.params.drift.min_rows
    enough = [place for place, n in enumerate(rows) if n >= least]
    short: dict[str, WindowDrift] = {}
    newest: Judged | None = None
    for place in enough:
        window, before = looked.windows[place], past.still_holds(figures[place])
        if place != enough[-1] and before is not None and before.drift is not None:
            short[window.label] = before.drift
            continue
        newest = _judged(looked, place, past)
        short[window.label] = newest.short
    pools = _pools(looked, rows, newest)
    together = next((pool.report for pool in pools if pool.lasts), None)
    if newest is None:
        said = (
            f"No window has the {least} answers that looking for drift needs "
            "(drift.min_rows)."
        )
        return Drifted(pools=pools, began=_began(looked, together, rows), notes=(said,))
    drifted = newest.report if newest.report.drifted else together
    return Drifted(
        report=newest.report,
        label=newest.window.label,
        short=short,
        pools=pools,
        quality=find_quality(reference, newest.counted, level=looked.level),
        began=_began(looked, drifted, rows),
        notes=_not_together(newest.report),
    )


def _not_together(report: DriftReport) -> tuple[str, ...]:
    """Say why columns were not looked at together, where they were not."""
    found = report.multivariate
    return () if found is None or found.ran else (found.reason,)


def _judged(looked: Look, place: int, past: Past) -> Judged:
    watched = looked.watched
    assert watched.reference is not None
    assert watched.schema is not None
    together = partial(look_together, looked, past=past)
    return judge_window(
        looked.windows[place],
        looked.answered,
        looked.gathered.features,
        _answers(looked),
        watched.reference,
        watched.schema,
        params=looked.params.drift,
        spending=looked.spending,
        seed=looked.params.seed,
        importances=watched.importances,
        together=together,
    )


def _pools(
    looked: Look, rows: Sequence[int], newest: Judged | None
) -> tuple[Pool, ...]:
    """Return the drift of the windows that have ended since the version was there."""
    watched, answered = looked.watched, looked.answered
    assert watched.reference is not None
    assert watched.schema is not None
    first = next((place for place, n in enumerate(rows) if n), len(rows))
    ended = [each for each in looked.windows[first:] if each.complete][-SIZES[-1] :]
    recent = ended and newest is not None and newest.window.end >= ended[-1].end
    counted = [
        counted_rows(
            np.flatnonzero(window.rows & answered),
            looked.gathered.features,
            _answers(looked),
            watched.reference,
            watched.schema,
        )
        for window in ended
    ]
    return judge_pools(
        [window.label for window in ended],
        counted,
        watched.reference,
        watched.schema,
        params=looked.params.drift,
        level=looked.level,
        seed=looked.params.seed,
        importances=watched.importances,
        newest=newest.report if newest is not None and recent else None,
    )


def _answers(looked: Look) -> Numbers | None:
    """Return what the model answered: probabilities, or the numbers of a regression."""
    answers = looked.answers
    return answers.predicted if answers.asked.classes is None else answers.probabilities


def _began(
    looked: Look, report: DriftReport | None, rows: Sequence[int]
) -> dict[str, Any] | None:
    """Return since when the column that drifted most is what it is now."""
    if report is None:
        return None
    reference, schema = looked.watched.reference, looked.watched.schema
    assert reference is not None
    assert schema is not None
    names = [c.name for c in report.columns if c.flagged and not c.broken]
    chosen = tuple(c for c in reference.columns if names and c.name == names[0])
    if not chosen or chosen[0].measure == "none":
        return None
    one = replace(reference, columns=chosen, predictions=())
    windows = [w for w, n in zip(looked.windows, rows, strict=True) if n]
    counts = []
    for window in windows:
        frame = looked.gathered.features[window.rows & looked.answered]
        (column,) = count_rows(
            one, frame[frame.columns.intersection(names)], schema
        ).columns
        cells = np.array(column.counts.cells, dtype=np.int64)
        counts.append([*column.bins.coarse(cells), column.counts.missing])
    labels = [window.label for window in windows]
    found = drift_began(counts, labels=labels, seed=looked.params.seed)
    if found is None:
        return None
    start = windows[labels.index(found.label)].start
    return {
        "column": names[0],
        "window": found.label,
        "start": start.isoformat(),
        "p": found.p,
        "said": f"{names[0]!r} {found}",
        "first": found.first_label,
        "last": found.last_label,
    }
