"""Detection: current rows against a reference profile, by column and as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from mlkit.data import Schema
from mlkit.drift import wording
from mlkit.drift.asked import check_chance
from mlkit.drift.columns import tests
from mlkit.drift.counting import count_rows
from mlkit.drift.importance import importance_shares, ranked
from mlkit.drift.judging import Found, judged
from mlkit.drift.own import own_statistics
from mlkit.drift.pairs import Pair
from mlkit.drift.performance import (
    Performance,
    PerformanceDrift,
    compare_performance,
)
from mlkit.drift.profiles import ColumnProfile, ReferenceProfile
from mlkit.drift.records import ColumnDrift, DriftReport, State
from mlkit.drift.verdict import judge
from mlkit.params.models import Drift

if TYPE_CHECKING:
    from mlkit.drift.multivariate import Multivariate

# From this share of unreadable values on, a column is said to be of another kind.
MOSTLY = 0.5


def detect(
    reference: ReferenceProfile,
    current: pd.DataFrame | ReferenceProfile,
    schema: Schema,
    *,
    params: Drift,
    predictions: ArrayLike | None = None,
    performance: Performance | None = None,
    broken: Sequence[ColumnDrift] = (),
    importances: Mapping[str, float] | None = None,
    level: float | None = None,
    multivariate: Multivariate | None = None,
    seed: int = 0,
    notes: Sequence[str] = (),
) -> DriftReport:
    """Say whether current rows still look like the reference, and where they do not.

    A column is flagged when a p-value, corrected for all tests of all columns, is below
    ``false_discovery_rate`` and the effect is at least ``min_effect``. Tested are its
    values, its missing values, its new and its vanished levels and what lies beyond the
    reference's range, each on its own. The verdict on the data asks for more: see
    :func:`mlkit.drift.verdict.judge`.

    Parameters
    ----------
    reference : ReferenceProfile
        What the rows are compared with.
    current : DataFrame of shape (n_rows, n_columns), or ReferenceProfile
        Raw or conformed rows. Absent columns and values of another kind are findings,
        not errors; columns that the reference does not know are told and left alone. Or
        what ``count_rows(reference, ...)`` made of them, with the same findings.
    schema : Schema
        What the columns of the reference are.
    params : Drift
        The section ``drift`` of the case.
    predictions : array-like of shape (n, n_classes) or (n,), optional
        The answers, for current rows, of the model whose answers the reference holds;
        a profile has its own.
    performance : Performance, optional
        That model's primary metric on current rows with labels.
    broken : sequence of ColumnDrift
        Columns that the profile does not hold and that broke the schema, such as a
        target none of whose labels is known.
    importances : mapping of str to float, optional
        How much the model uses each column, in any unit; below 0 counts as 0. It
        decides the order of the findings and the score, and no flag.
    level : float, optional
        Chance of a false alarm that this check may take, as one of a series: see
        ``Spending``. It holds the verdict alone; columns are flagged as ever.
    multivariate : Multivariate, optional
        What was found of all columns together, to be told in the report.
    seed : int
        Seed of the tables that are drawn where expected counts are small.
    notes : sequence of str
        What the reader must know of the rows that are compared.

    Raises
    ------
    ValueError
        When a statistic of the user's own cannot be found or used, `level` is no
        chance, or a profile is not counted on the bins of the reference.
    """
    own = own_statistics(params.statistics)
    counted = (
        current
        if isinstance(current, ReferenceProfile)
        else count_rows(reference, current, schema, predictions=predictions)
    )
    report = replace(
        _unjudged(reference, counted, params, notes),
        level=_checked(level),
        multivariate=multivariate,
    )
    if min(reference.rows, counted.rows) < params.min_rows:
        return report
    rng = np.random.default_rng(seed)
    chance = params.false_discovery_rate / max(len(reference.columns), 1)
    tested = _found(reference.columns, counted.columns, rng, chance)
    columns = (*broken, *judged(tested, params, own, rng))
    asked = _found(reference.predictions, counted.predictions, rng, chance)
    found = replace(
        report,
        columns=ranked(importance_shares(columns, importances)),
        predictions=judged(asked, params, own, rng, answers=True),
        performance=_performance(reference, performance, params),
    )
    return judge(found, params)


def _checked(level: float | None) -> float | None:
    if level is not None:
        hint = "give Spending().level(1), or leave it out for a check on its own"
        check_chance("level", level, hint)
    return level


def _unjudged(
    reference: ReferenceProfile,
    current: ReferenceProfile,
    params: Drift,
    notes: Sequence[str],
) -> DriftReport:
    """Return what is known before any column was looked at."""
    return DriftReport(
        verdict="too_few",
        reason=wording.too_few(reference.rows, current.rows, params.min_rows),
        extra=current.extra,
        rows=reference.rows,
        current_rows=current.rows,
        period=reference.period,
        current_period=current.period,
        min_effect=params.min_effect,
        large_effect=params.large_effect,
        false_discovery_rate=params.false_discovery_rate,
        notes=(*notes, *wording.extra_columns(current.extra)),
    )


def _found(
    reference: Iterable[ColumnProfile],
    current: Iterable[ColumnProfile],
    rng: np.random.Generator,
    chance: float,
) -> list[Found]:
    """Return what the tests of each column say, one by one."""
    now = {column.name: column for column in current}
    found = []
    for profile in reference:
        if profile.name in now:
            other = now[profile.name]
            if replace(profile, counts=other.counts) != other:
                raise ValueError(
                    f"column {profile.name!r} of the current profile is counted on "
                    "other bins than the reference's; count its rows with "
                    "count_rows(reference, frame, schema)"
                )
            pair = Pair(profile, other.counts)
            state = _state(pair, chance)
            said = [] if state == "absent" else tests(pair, rng)
            found.append(Found(pair, state, said))
    return found


def _state(pair: Pair, chance: float) -> State:
    if pair.current.all_absent:
        return "absent"
    if _wrong_kind(pair, chance):
        return "wrong kind"
    return "not compared" if not pair.tells or pair.moved_on else "compared"


def _wrong_kind(pair: Pair, chance: float) -> bool:
    """Return whether most values cannot be read, which is more than was usual."""
    before, now = pair.profile.counts, pair.current
    filled = now.unreadable + now.present
    if not now.unreadable or now.unreadable < MOSTLY * filled:
        return False
    # One value more of either sort, so that nothing is impossible.
    usual = (before.unreadable + 1) / (before.unreadable + before.present + 2)
    return bool(special.bdtrc(now.unreadable - 1, filled, usual) < chance)


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
