"""Judging: the tests of all columns corrected together, and what each column is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlkit.drift.bars import bars
from mlkit.drift.findings import finding
from mlkit.drift.measures import measures
from mlkit.drift.own import OwnStatistic, own_values
from mlkit.drift.pairs import Pair
from mlkit.drift.records import ColumnDrift, DriftTest, State
from mlkit.drift.significance import corrected
from mlkit.drift.statistics import shares
from mlkit.params.models import Drift


@dataclass(frozen=True, eq=False)
class Found:
    """A column before all tests are corrected together."""

    pair: Pair
    state: State
    tests: Sequence[DriftTest]


def judged(
    found: Sequence[Found],
    params: Drift,
    own: Sequence[OwnStatistic],
    rng: np.random.Generator,
    *,
    answers: bool = False,
) -> tuple[ColumnDrift, ...]:
    """Correct the tests of one family together, and say of each column what it is.

    Parameters
    ----------
    found : sequence of Found
        The columns.
    params : Drift
        The section ``drift`` of the case.
    own : sequence of OwnStatistic
        Statistics of the user's own.
    rng : numpy.random.Generator
        Draws tables where expected counts are small.
    answers : bool
        Whether they are the answers of the model, which are flagged from
        ``prediction_effect`` on in place of ``min_effect``.
    """
    least = params.prediction_effect if answers else params.min_effect
    family = [test for each in found for test in each.tests if test.counts]
    adjusted = iter(corrected([test.p for test in family]))
    columns = []
    for each in found:
        tests = []
        for test in each.tests:
            p = next(adjusted) if test.counts else 1.0
            surely = test.counts and p < params.false_discovery_rate
            flagged = surely and test.effect >= least
            tests.append(replace(test, corrected=p, flagged=flagged))
        columns.append(_column(each, tuple(tests), own, params, rng))
    return tuple(columns)


def _column(
    found: Found,
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
        statistics=measures(pair, values, rng),
        own=mine,
        missing=pair.missing,
        new=pair.new if pair.current.present else None,
        vanished=pair.vanished,
        outside=pair.outside,
        constant=pair.constant,
        bars=() if gone else bars(pair),
    )
    return replace(column, reason=finding(column, pair, above, params))


def _own(pair: Pair, own: Sequence[OwnStatistic]) -> dict[str, float]:
    if not own or not pair.current.rows or pair.profile.measure == "none":
        return {}
    sides = zip(pair.coarse, (pair.profile.counts, pair.current), strict=True)
    reference, current = (
        shares(np.append(cells, counts.missing + counts.unreadable))
        for cells, counts in sides
    )
    return dict(own_values(own, reference, current, f"column {pair.profile.name!r}"))
