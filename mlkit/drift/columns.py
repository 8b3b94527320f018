"""One column against its reference: statistics, tests and what to show of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data.distinct import number_text
from mlkit.drift import statistics
from mlkit.drift.bins import Bins
from mlkit.drift.profiles import ColumnProfile, Counts
from mlkit.drift.records import Bar, DriftTest, Subject
from mlkit.drift.significance import (
    anderson_darling_p,
    homogeneity,
    kolmogorov_smirnov_p,
    least_p,
    pooled_cells,
)
from mlkit.metrics import compare_shares

Counted = NDArray[np.int64]

CONFIDENCE = 0.95
KOLMOGOROV_95 = 1.358
NORMAL_95 = 1.96
TAILS = 0.005
MOST_BARS = 10
DIGITS = 3
# Where so large a share of the rows has the same value, numbers are tested by bin.
TIED = 0.1
# More than this share of rows outside the reference's dates: time went on.
OUTSIDE = 0.5


@dataclass(frozen=True, eq=False)
class Pair:
    """The counts of one column on both sides, on the same bins.

    Attributes
    ----------
    profile : ColumnProfile
        The reference.
    current : Counts
        The current rows.
    """

    profile: ColumnProfile
    current: Counts

    @property
    def bins(self) -> Bins:
        """The bins of both."""
        return self.profile.bins

    @property
    def cells(self) -> tuple[Counted, Counted]:
        """Counts of the fine bins or levels, reference and current."""
        return (
            np.array(self.profile.counts.cells, dtype=np.int64),
            np.array(self.current.cells, dtype=np.int64),
        )

    @property
    def coarse(self) -> tuple[Counted, Counted]:
        """Counts of the coarse bins or levels, reference and current."""
        reference, current = self.cells
        return self.bins.coarse(reference), self.bins.coarse(current)

    @property
    def tells(self) -> bool:
        """Whether there are values on both sides that can be compared."""
        both = self.profile.counts.present > 0 and self.current.present > 0
        return both and self.profile.measure != "none"

    @property
    def missing(self) -> tuple[float, float]:
        """Share of rows without a value of the column's kind."""
        sides = (self.profile.counts, self.current)
        reference, current = (
            (counts.missing + counts.unreadable) / max(counts.rows, 1)
            for counts in sides
        )
        return reference, current

    @property
    def new(self) -> float | None:
        """Share of current rows with a new level; None where it cannot be told."""
        if self.profile.measure != "level" or not self.bins.complete:
            return None
        return self.current.cells[-1] / max(self.current.rows, 1)

    @property
    def moved_on(self) -> bool:
        """Whether most current dates lie outside the reference's."""
        if self.profile.measure != "date" or not self.bins.edges or self.bins.masked:
            return False
        outside = self.current.cells[0] + self.current.cells[-1]
        return outside > OUTSIDE * max(self.current.present, 1)


def tests(pair: Pair, rng: np.random.Generator) -> list[DriftTest]:
    """Return the tests of a column: values, missing and new levels, as they apply."""
    values = _values(pair, rng) if pair.tells and not pair.moved_on else None
    news = pair.new is not None and pair.current.present
    found = [values, _missing(pair), _new_levels(pair) if news else None]
    return [test for test in found if test is not None]


def _values(pair: Pair, rng: np.random.Generator) -> DriftTest:
    reference, current = pair.cells
    if pair.profile.measure == "level":
        return _levels(reference, current, rng)
    n, m = int(reference.sum()), int(current.sum())
    distance = statistics.kolmogorov_smirnov(reference, current)
    if int((reference + current).max()) >= TIED * (n + m):
        statistic, p, method = homogeneity(*pooled_cells(*pair.coarse), rng)
    else:
        statistic = statistics.anderson_darling(reference, current)
        p, method = anderson_darling_p(statistic), "Anderson-Darling"
    half = KOLMOGOROV_95 * math.sqrt(1 / n + 1 / m)
    return _valued(method, statistic, p, distance, half)


def _levels(
    reference: Counted, current: Counted, rng: np.random.Generator
) -> DriftTest:
    one, other = pooled_cells(reference, current)
    statistic, p, method = homogeneity(one, other, rng)
    effect = statistics.excess_total_variation(one, other)
    before, now = statistics.shares(one), statistics.shares(other)
    more = now > before
    # Of the levels that gained: the total variation is what they gained together.
    held, holds = float(before[more].sum()), float(now[more].sum())
    spread = held * (1 - held) / one.sum() + holds * (1 - holds) / other.sum()
    return _valued(method, statistic, p, effect, NORMAL_95 * math.sqrt(spread))


def _valued(
    method: str, statistic: float, p: float, effect: float, half: float
) -> DriftTest:
    lower, upper = max(0.0, effect - half), min(1.0, effect + half)
    return DriftTest("values", method, statistic, p, effect, lower, upper)


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
    )


def measures(
    pair: Pair, values: DriftTest | None, rng: np.random.Generator
) -> dict[str, float | None]:
    """Return every statistic of the column, by name.

    Parameters
    ----------
    values : DriftTest or None
        The test of its values, whose chi-square is that of a column of levels.
    """
    if not pair.tells:
        return {}
    reference, current = pair.coarse
    found: dict[str, float | None] = {
        "psi": statistics.population_stability(reference, current),
        "psi_critical": statistics.critical_stability(reference, current),
        "kl": statistics.kullback_leibler(reference, current),
        "js": statistics.jensen_shannon(reference, current),
        "js_excess": statistics.excess_jensen_shannon(reference, current),
        "total_variation": statistics.total_variation(reference, current),
    }
    if pair.profile.measure == "level" and values is not None:
        return found | {"chi_square": values.statistic, "chi_square_p": values.p}
    if pair.profile.measure != "level":
        chi_square, p, _ = homogeneity(*pooled_cells(reference, current), rng)
        found |= {"chi_square": chi_square, "chi_square_p": p}
        fine = pair.cells
        distance = statistics.kolmogorov_smirnov(*fine)
        sizes = (int(counts.sum()) for counts in fine)
        edges = np.array(pair.bins.edges, dtype=np.float64)
        found |= {
            "ks": distance,
            "ks_p": kolmogorov_smirnov_p(distance, *sizes),
            "wasserstein": statistics.wasserstein(*fine, edges, TAILS),
        }
    return found


def bars(pair: Pair) -> tuple[Bar, ...]:
    """Return what is drawn of a column: shares by bin or level, and of the missing."""
    if pair.profile.measure == "none":
        return ()
    labels = _labels(pair)
    reference, current = pair.coarse
    rows = max(pair.profile.counts.rows, 1), max(pair.current.rows, 1)
    found = [
        Bar(label, int(before) / rows[0], int(now) / rows[1])
        for label, before, now in zip(labels, reference, current, strict=True)
        if before or now
    ]
    if pair.bins.by_level and len(found) > MOST_BARS:
        changes = sorted(abs(bar.current - bar.reference) for bar in found)
        least = changes[-MOST_BARS]
        found = [bar for bar in found if abs(bar.current - bar.reference) >= least]
    if max(pair.missing) > 0:
        found.append(Bar("missing", *pair.missing))
    return tuple(found)


def _labels(pair: Pair) -> list[str]:
    bins = pair.bins
    if bins.by_level:
        return level_names(bins)
    if bins.masked:
        return [f"bin {i + 1}" for i in range(len(bins.cuts))]
    ends = (*bins.cuts[1:], len(bins.edges) + 1)
    return [_between(pair, *span) for span in zip(bins.cuts, ends, strict=True)]


def level_names(bins: Bins) -> list[str]:
    """Return what the levels are called where people read it, one for each cell."""
    shown = [
        f"level {i + 1}" if bins.masked else level
        for i, level in enumerate(bins.levels)
    ]
    return [*shown, "new levels" if bins.complete else "other levels"]


def _between(pair: Pair, start: int, end: int) -> str:
    """Return the name of the fine bins from `start` up to `end`."""
    edges = pair.bins.edges
    low = edges[start - 1] if start else None
    high = edges[end - 1] if end <= len(edges) else None
    if low is None or high is None:
        edge = high if low is None else low
        word = "up to" if low is None else "above"
        return "all" if edge is None else f"{word} {written(pair, edge)}"
    if np.nextafter(high, -np.inf) <= low:
        return written(pair, high)
    return f"{written(pair, low)} to {written(pair, high)}"


def written(pair: Pair, edge: float) -> str:
    """Return an edge as people write it."""
    if pair.profile.measure == "date":
        return f"{pd.Timestamp(int(edge), unit='us'):%Y-%m-%d}"
    return number_text(float(f"{edge:.{DIGITS}g}")) or ""
