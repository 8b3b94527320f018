"""Shifts: the logged features of each window against what the version learned from."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data import Schema
from mlkit.drift import (
    ColumnProfile,
    DriftReport,
    Multivariate,
    ReferenceProfile,
    count_rows,
    detect,
)
from mlkit.drift.bins import Bins
from mlkit.drift.counts import Counts
from mlkit.drift.sequential import Spending
from mlkit.monitor.division import Window
from mlkit.monitor.window_records import WindowDrift
from mlkit.params.models import Drift

Rows = NDArray[np.bool_]
Numbers = NDArray[np.float64]

# Chance of any false alarm of the data in a year of checks.
ALPHA = 0.05
# What a window spends of its share when it has ended, on looks before, and on pools.
ENDED, EARLIER, POOLS = 0.5, 0.25, 0.25


@dataclass(frozen=True)
class Look:
    """How a window is judged.

    Attributes
    ----------
    rows : int
        How many of its rows, the oldest first.
    level : float
        The false-alarm rate of the verdict.
    """

    rows: int
    level: float


@dataclass(frozen=True, eq=False)
class Judged:
    """The drift of one window.

    Attributes
    ----------
    window : Window
        The window.
    report : DriftReport
        What was found, in full.
    short : WindowDrift
        What the window keeps of it.
    counted : ReferenceProfile
        The rows that were judged, counted on the bins of the reference.
    """

    window: Window
    report: DriftReport
    short: WindowDrift
    counted: ReferenceProfile


def look_at(rows: int, *, complete: bool, least: int, level: float) -> Look:
    """Return how a window is judged, so that looking often does no harm.

    A window has one share of the year's false alarms. Half of it is for the window when
    it has ended, and a quarter for the pools that end with it. The rest is for looks
    before: each time its rows have doubled, the first `least` times a power of two of
    them are judged, at half the level of the look before. So every check between two
    doublings judges the same rows and comes to the same verdict, and all looks together
    stay within the share.

    Examples
    --------
    >>> look_at(1000, complete=False, least=50, level=0.001)
    Look(rows=800, level=7.8125e-06)
    """
    if complete or rows < least:
        return Look(rows, ENDED * level)
    doublings = int(math.log2(rows / least))
    return Look(least * 2**doublings, EARLIER * level / 2 ** (doublings + 1))


def without_values(
    reference: ReferenceProfile, schema: Schema, hidden: Collection[str]
) -> tuple[ReferenceProfile, Schema]:
    """Return what can be compared with a log that keeps hashes of some columns.

    Of those only the missing values are compared, as of identifiers.
    """
    columns = tuple(
        replace(column, kind="identifier") if column.name in hidden else column
        for column in schema.columns
    )
    profiles = tuple(
        _only_missing(column) if column.name in hidden else column
        for column in reference.columns
    )
    return replace(reference, columns=profiles), replace(schema, columns=columns)


def _only_missing(column: ColumnProfile) -> ColumnProfile:
    # A value that could not be read has a hash like any other.
    read = column.counts.present + column.counts.unreadable
    counts = Counts((read,), missing=column.counts.missing)
    return replace(
        column,
        kind="identifier",
        measure="none",
        bins=Bins(cuts=(0,)),
        counts=counts,
    )


def judge_window(
    window: Window,
    mine: Rows,
    features: pd.DataFrame,
    probabilities: Numbers | None,
    reference: ReferenceProfile,
    schema: Schema,
    *,
    params: Drift,
    spending: Spending,
    seed: int,
    importances: Mapping[str, float] | None = None,
    together: Callable[[NDArray[np.intp]], Multivariate] | None = None,
    notes: Sequence[str] = (),
) -> Judged:
    """Return the drift of one window.

    Parameters
    ----------
    window : Window
        Its rows.
    mine : ndarray of bool of shape (n,)
        Rows that the version answered.
    features : DataFrame of shape (n, n_columns)
        What was logged.
    probabilities : ndarray of shape (n, n_classes) or (n,), optional
        The answers; NaN rows are left out.
    reference, schema
        What the version learned from.
    params : Drift
        The bounds.
    spending : Spending
        How much chance of a false alarm each window may take.
    seed : int
        Of the tables that are drawn where counts are small.
    importances : mapping of str to float, optional
        How far each column moves the predictions.
    together : callable, optional
        Looks at all columns of the rows at some places; None compares columns alone.
    notes : sequence of str
        What the reader must know.
    """
    places = np.flatnonzero(window.rows & mine)
    look = look_at(
        len(places),
        complete=window.complete,
        least=params.min_rows,
        level=spending.level(window.number),
    )
    notes = (*notes, *_part(look, len(places)))
    places = places[: look.rows]
    counted = counted_rows(places, features, probabilities, reference, schema)
    report = detect(
        reference,
        counted,
        schema,
        params=params,
        importances=importances,
        multivariate=None if together is None else together(places),
        seed=seed,
        notes=notes,
        level=look.level,
    )
    return Judged(window, report, in_short(report, look), counted)


def counted_rows(
    places: NDArray[np.intp],
    features: pd.DataFrame,
    probabilities: Numbers | None,
    reference: ReferenceProfile,
    schema: Schema,
) -> ReferenceProfile:
    """Return the rows at some places, counted on the bins of the reference."""
    given = _given(probabilities, places, reference)
    return count_rows(reference, features.iloc[places], schema, predictions=given)


def _part(look: Look, rows: int) -> tuple[str, ...]:
    """Say that not all rows are judged, where that is so."""
    if look.rows == rows:
        return ()
    return (
        f"The first {look.rows:,} of {rows:,} rows of a window that has not ended are "
        "judged; it is judged again when there are twice as many.",
    )


def _given(
    probabilities: Numbers | None, places: NDArray[np.intp], reference: ReferenceProfile
) -> Numbers | None:
    if probabilities is None or not reference.predictions:
        return None
    chosen = probabilities[places]
    rows = np.isfinite(chosen)
    known = rows if chosen.ndim == 1 else rows.all(axis=1)
    return chosen[known] if known.any() else None


def in_short(report: DriftReport, look: Look) -> WindowDrift:
    """Return what a window keeps of a report."""
    judged = report.verdict not in ("too_few", "not_applicable")
    effects = {
        column.name: round(column.effect, 4)
        for column in report.columns
        if column.effect is not None
    }
    return WindowDrift(
        verdict=report.verdict,
        score=report.score if judged else None,
        flagged=report.flagged,
        reason=report.reason,
        rows=report.current_rows,
        level=look.level if judged else None,
        effects=effects,
    )
