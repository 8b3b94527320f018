"""Detection: current rows against a reference profile, by column and as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mlkit.data import Schema
from mlkit.drift import columns as one_column
from mlkit.drift import wording
from mlkit.drift.columns import Pair
from mlkit.drift.own import OwnStatistic, own_statistics, own_values
from mlkit.drift.performance import (
    Performance,
    PerformanceDrift,
    compare_performance,
)
from mlkit.drift.profiles import (
    ColumnProfile,
    ReferenceProfile,
    answers,
    count,
    period,
)
from mlkit.drift.reading import Read, read_column
from mlkit.drift.records import ColumnDrift, DriftReport, DriftTest, State
from mlkit.drift.significance import corrected
from mlkit.drift.statistics import shares
from mlkit.drift.verdict import judge
from mlkit.params.models import Drift

# From this share of unreadable values on, a column is said to be of another kind.
MOSTLY = 0.5


@dataclass(frozen=True, eq=False)
class _Found:
    """A column before all tests are corrected together."""

    pair: Pair
    state: State
    tests: Sequence[DriftTest]


def detect(
    reference: ReferenceProfile,
    current: pd.DataFrame,
    schema: Schema,
    *,
    params: Drift,
    predictions: ArrayLike | None = None,
    performance: Performance | None = None,
    broken: Sequence[ColumnDrift] = (),
    seed: int = 0,
    notes: Sequence[str] = (),
) -> DriftReport:
    """Say whether current rows still look like the reference, and where they do not.

    A column is flagged when a p-value, corrected for all tests of all columns, is below
    ``false_discovery_rate`` and the effect is at least ``min_effect``. Tested are its
    values, its missing values and its new levels, each on its own.

    Parameters
    ----------
    reference : ReferenceProfile
        What the rows are compared with.
    current : DataFrame of shape (n_rows, n_columns)
        Raw or conformed rows. Absent columns and values of another kind are findings,
        not errors; columns that the reference does not know are told and left alone.
    schema : Schema
        What the columns of the reference are.
    params : Drift
        The section ``drift`` of the case.
    predictions : array-like of shape (n, n_classes) or (n,), optional
        The answers, for current rows, of the model whose answers the reference holds.
    performance : Performance, optional
        That model's primary metric on current rows with labels.
    broken : sequence of ColumnDrift
        Columns that the profile does not hold and that broke the schema, such as a
        target none of whose labels is known.
    seed : int
        Seed of the tables that are drawn where expected counts are small.
    notes : sequence of str
        What the reader must know of the rows that are compared.

    Raises
    ------
    ValueError
        When a statistic of the user's own cannot be found or used.
    """
    own = own_statistics(params.statistics)
    rows = len(current)
    report = _unjudged(reference, current, schema, params, notes)
    if rows < params.min_rows:
        return report
    rng = np.random.default_rng(seed)
    found = [
        _found(profile, read_column(current, schema.column(profile.name)), rng)
        for profile in reference.columns
    ]
    asked = _answered(reference, predictions, schema, rng)
    columns = _judged(found, params, own, rng, params.min_effect)
    return judge(
        replace(
            report,
            columns=tuple(sorted((*broken, *columns), key=_rank)),
            predictions=_judged(asked, params, own, rng, params.prediction_effect),
            performance=_performance(reference, performance, params),
        ),
        params,
    )


def _unjudged(
    reference: ReferenceProfile,
    current: pd.DataFrame,
    schema: Schema,
    params: Drift,
    notes: Sequence[str],
) -> DriftReport:
    """Return what is known before any column was looked at."""
    rows = len(current)
    extra = [str(name) for name in current.columns if name not in schema.names]
    return DriftReport(
        verdict="too_few",
        reason=wording.too_few(rows, params.min_rows),
        extra=tuple(dict.fromkeys(extra)),
        rows=reference.rows,
        current_rows=rows,
        period=reference.period,
        current_period=period(current, schema) if rows else None,
        min_effect=params.min_effect,
        large_effect=params.large_effect,
        false_discovery_rate=params.false_discovery_rate,
        notes=(*notes, *wording.extra_columns(extra)),
    )


def _found(profile: ColumnProfile, read: Read, rng: np.random.Generator) -> _Found:
    pair = Pair(profile, count(read, profile.bins, profile.name))
    state: State = "compared"
    if not read.there:
        return _Found(pair, "absent", [])
    filled = read.unreadable + pair.current.present
    if read.unreadable and read.unreadable >= MOSTLY * filled:
        state = "wrong kind"
    elif not pair.tells or pair.moved_on:
        state = "not compared"
    return _Found(pair, state, one_column.tests(pair, rng))


def _answered(
    reference: ReferenceProfile,
    predictions: ArrayLike | None,
    schema: Schema,
    rng: np.random.Generator,
) -> list[_Found]:
    """Return what was found of the model's answers."""
    if predictions is None:
        return []
    now = answers(predictions, schema)
    found = []
    for profile in reference.predictions:
        values = pd.Series(np.asarray(now[profile.name], dtype=np.float64))
        found.append(_found(profile, Read(True, values, 0, 0), rng))
    return found


def _judged(
    found: Sequence[_Found],
    params: Drift,
    own: Sequence[OwnStatistic],
    rng: np.random.Generator,
    min_effect: float,
) -> tuple[ColumnDrift, ...]:
    """Correct the tests of one family together, and say of each column what it is."""
    family = [test for each in found for test in each.tests if test.counts]
    adjusted = iter(corrected([test.p for test in family]))
    judged = []
    for each in found:
        tests = []
        for test in each.tests:
            p = next(adjusted) if test.counts else 1.0
            surely = p < params.false_discovery_rate
            flagged = test.counts and surely and test.effect >= min_effect
            tests.append(replace(test, corrected=p, flagged=flagged))
        judged.append(_column(each, tuple(tests), own, params, rng))
    return tuple(judged)


def _column(
    found: _Found,
    tests: tuple[DriftTest, ...],
    own: Sequence[OwnStatistic],
    params: Drift,
    rng: np.random.Generator,
) -> ColumnDrift:
    pair, state = found.pair, found.state
    profile = pair.profile
    values = next((test for test in tests if test.subject == "values"), None)
    mine = _own(pair, own)
    bounds = {each.name: each.threshold for each in own}
    above = [name for name, value in mine.items() if value > bounds[name]]
    flagged = [test for test in tests if test.flagged]
    if any(test.subject == "missing" for test in flagged) and not pair.current.present:
        state = state if state == "wrong kind" else "all missing"
    lead = max(flagged, key=lambda test: test.effect, default=values)
    gone = state in ("absent", "wrong kind")
    column = ColumnDrift(
        name=profile.name,
        kind=profile.kind,
        sensitive=profile.sensitive,
        state=state,
        effect=1.0 if gone else None if lead is None else lead.effect,
        p=None if gone or lead is None else lead.p,
        corrected=None if gone or lead is None else lead.corrected,
        flagged=gone or bool(flagged or above),
        reason="",
        tests=tests,
        statistics=one_column.measures(pair, values, rng),
        own=mine,
        missing=pair.missing,
        new=pair.new if pair.current.present else None,
        bars=() if gone else one_column.bars(pair),
    )
    return replace(column, reason=wording.finding(column, pair, above, params))


def _own(pair: Pair, own: Sequence[OwnStatistic]) -> dict[str, float]:
    if not own or not pair.current.rows or pair.profile.measure == "none":
        return {}
    sides = zip(pair.coarse, (pair.profile.counts, pair.current), strict=True)
    reference, current = (
        shares(np.append(cells, counts.missing + counts.unreadable))
        for cells, counts in sides
    )
    return dict(own_values(own, reference, current, f"column {pair.profile.name!r}"))


def _rank(column: ColumnDrift) -> tuple[bool, bool, float, str]:
    size = -1.0 if column.effect is None else column.effect
    return (not column.broken, not column.flagged, -size, column.name)


def _performance(
    reference: ReferenceProfile, current: Performance | None, params: Drift
) -> PerformanceDrift | None:
    if reference.performance is None or current is None:
        return None
    return compare_performance(
        reference.performance,
        current,
        max_loss=params.max_loss,
        min_rows=params.min_rows,
    )
