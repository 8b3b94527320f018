"""The tests of one column: its values, what is missing, and levels new and gone."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mlkit.drift import statistics
from mlkit.drift.pairs import Pair
from mlkit.drift.records import DriftTest, Subject
from mlkit.drift.significance import (
    anderson_darling_p,
    beyond_p,
    homogeneity,
    least_p,
    pooled_cells,
)
from mlkit.metrics import compare_shares

Counted = NDArray[np.int64]

CONFIDENCE = 0.95
KOLMOGOROV_95 = 1.358
NORMAL_95 = 1.96
# Where so large a share of the rows has the same value, numbers are tested by bin.
TIED = 0.1
# So small a share of rows beyond all others could not be flagged, and is no test: the
# more tests there are, the less each of them sees.
BEYOND = 0.01


def tests(pair: Pair, rng: np.random.Generator) -> list[DriftTest]:
    """Return the tests of a column, as they apply.

    Parameters
    ----------
    pair : Pair
        The column.
    rng : numpy.random.Generator
        Draws tables where expected counts are small.
    """
    found = [_missing(pair)]
    if pair.differs and not pair.moved_on:
        found = [_values(pair, rng), *found, _vanished(pair), _beyond(pair)]
    if pair.new is not None and pair.sizes[1]:
        found.append(_new_levels(pair))
    return [test for test in found if test is not None]


def _values(pair: Pair, rng: np.random.Generator) -> DriftTest:
    reference, current = pair.cells
    if not pair.ordered:
        return _levels(pair, rng)
    n, m = pair.sizes
    distance = statistics.kolmogorov_smirnov(reference, current)
    if int((reference + current).max()) >= TIED * (n + m):
        statistic, p, method = homogeneity(*pooled_cells(*pair.coarse, rest=False), rng)
    else:
        statistic = statistics.anderson_darling(reference, current)
        p, method = anderson_darling_p(statistic), "Anderson-Darling"
    half = KOLMOGOROV_95 * math.sqrt(1 / n + 1 / m)
    return _valued(pair, method, statistic, p, distance, half)


def _levels(pair: Pair, rng: np.random.Generator) -> DriftTest:
    one, other = pooled_cells(*pair.cells)
    statistic, p, method = homogeneity(one, other, rng)
    effect = statistics.excess_total_variation(one, other)
    before, now = statistics.shares(one), statistics.shares(other)
    more = now > before
    # Of the levels that gained: the total variation is what they gained together.
    held, holds = float(before[more].sum()), float(now[more].sum())
    spread = held * (1 - held) / one.sum() + holds * (1 - holds) / other.sum()
    chance = statistics.chance_total_variation(one, other)
    half = NORMAL_95 * math.sqrt(spread)
    return _valued(pair, method, statistic, p, effect, half, chance)


def _valued(
    pair: Pair,
    method: str,
    statistic: float,
    p: float,
    effect: float,
    half: float,
    chance: float = 0.0,
) -> DriftTest:
    lower, upper = max(0.0, effect - half), min(1.0, effect + half)
    return DriftTest(
        "values",
        method,
        statistic,
        p,
        effect,
        lower,
        upper,
        rows=pair.sizes,
        chance=chance,
    )


def _missing(pair: Pair) -> DriftTest | None:
    sides = (pair.current, pair.profile.counts)
    hits, other_hits = (counts.missing + counts.unreadable for counts in sides)
    rows, other_rows = (counts.rows for counts in sides)
    return _share_test("missing", hits, rows, other_hits, other_rows)


def _new_levels(pair: Pair) -> DriftTest | None:
    # Levels that one row of the reference has would be new without that row: by
    # exchanging rows, current ones are new as often (Good 1953).
    test = _share_test(
        "new levels",
        *(pair.current.cells[-1], pair.current.present),
        *(pair.profile.singletons, pair.profile.counts.present),
    )
    # Only more new levels than expected are drift of their own.
    return test if test is not None and test.statistic > 0 else None


def _vanished(pair: Pair) -> DriftTest | None:
    p, surely = pair.vanishing
    hits = int(surely.sum())
    if not hits:
        return None
    return _one_sided("vanished levels", "hypergeometric", p, hits, *pair.sizes)


def _beyond(pair: Pair) -> DriftTest | None:
    if pair.beyond is None or sum(pair.beyond) < BEYOND * pair.sizes[1]:
        return None
    n, m = pair.sizes
    p = beyond_p(*pair.beyond, n, m)
    return _one_sided("range", "Rosenbaum", p, sum(pair.beyond), m, n)


def _one_sided(
    subject: Subject, method: str, p: float, hits: int, rows: int, other_rows: int
) -> DriftTest:
    """Return the test of something that the other side has none of."""
    found = compare_shares(hits, rows, 0, other_rows, confidence=CONFIDENCE)
    lower, upper = max(0.0, found.lower), min(1.0, found.upper)
    return DriftTest(subject, method, float(hits), p, found.value, lower, upper)


def _share_test(
    subject: Subject, hits: int, rows: int, other_hits: int, other_rows: int
) -> DriftTest | None:
    if not rows or not other_rows or not hits + other_hits:
        return None
    found = compare_shares(hits, rows, other_hits, other_rows, confidence=CONFIDENCE)
    ends = sorted((abs(found.lower), abs(found.upper)))
    crosses = found.lower <= 0 <= found.upper
    return DriftTest(
        subject,
        found.method.split(", ")[-1],
        found.value,
        found.p_value,
        abs(found.value),
        0.0 if crosses else min(1.0, ends[0]),
        min(1.0, ends[1]),
        counts=least_p(hits + other_hits, rows, other_rows) <= 1 - CONFIDENCE,
        rows=(other_rows, rows),
    )
