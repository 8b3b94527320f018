"""Measures: every statistic of one column, by name; None where it does not apply."""

from __future__ import annotations

import numpy as np

from mlkit.drift import statistics, transport
from mlkit.drift.pairs import Counted, Pair
from mlkit.drift.records import DriftTest
from mlkit.drift.significance import (
    anderson_darling_p,
    cramer_von_mises_p,
    homogeneity,
    kolmogorov_smirnov_p,
    likelihood_ratio_p,
    pooled_cells,
)

# What a date's distances are given in: days, of microseconds.
DAY = 86_400e6
STATISTICS = (
    *("ks", "ks_p", "ad", "ad_p", "cvm", "cvm_p"),
    *("chi_square", "chi_square_p", "g", "g_p"),
    *("psi", "psi_critical", "kl", "js", "js_excess", "hellinger", "total_variation"),
    *("wasserstein", "wasserstein_plain", "wasserstein_sd", "energy", "mmd"),
)


def measures(
    pair: Pair, values: DriftTest | None, rng: np.random.Generator
) -> dict[str, float | None]:
    """Return every statistic of the column, by name.

    A statistic that has no meaning here is None, never 0: all of them where a side has
    no value or every row has the same one, those that need an order where there are
    levels, and distances where the reference does not spread.

    Parameters
    ----------
    pair : Pair
        The column.
    values : DriftTest or None
        The test of its values, whose chi-square is that of a column of levels.
    rng : numpy.random.Generator
        Draws tables where expected counts are small.
    """
    found: dict[str, float | None] = dict.fromkeys(STATISTICS)
    if not pair.differs:
        return found
    reference, current = statistics.in_use(*pair.coarse)
    if len(reference) > 1:
        found |= {
            "psi": statistics.population_stability(reference, current),
            "psi_critical": statistics.critical_stability(reference, current),
            "kl": statistics.kullback_leibler(reference, current),
            "js": statistics.jensen_shannon(reference, current),
            "js_excess": statistics.excess_jensen_shannon(reference, current),
            "hellinger": statistics.hellinger(reference, current),
            "total_variation": statistics.total_variation(reference, current),
        }
        found |= _counted(pair, values, rng)
    return found | _ordered(pair, values) if pair.ordered else found


def _counted(
    pair: Pair, values: DriftTest | None, rng: np.random.Generator
) -> dict[str, float | None]:
    """Return both tests of equal shares; rare cells are joined for them."""
    pooled = pooled_cells(*pair.coarse, rest=not pair.ordered)
    if len(pooled[0]) < 2:
        return {}
    ratio = statistics.likelihood_ratio(*pooled)
    if values is not None and values.method.startswith(("chi-square", "Fisher")):
        chi_square, p = values.statistic, values.p
    else:
        chi_square, p, _ = homogeneity(*pooled, rng)
    found = {"chi_square": chi_square, "chi_square_p": p, "g": ratio}
    return {**found, "g_p": likelihood_ratio_p(ratio, *pooled)}


def _ordered(pair: Pair, values: DriftTest | None) -> dict[str, float | None]:
    fine, sizes, edges = pair.cells, pair.sizes, pair.edges
    # What the test of the values has computed already is not computed again.
    known = None if values is None or values.method != "Anderson-Darling" else values
    largest = statistics.kolmogorov_smirnov(*fine) if values is None else values.effect
    weighted = statistics.anderson_darling(*fine) if known is None else known.statistic
    squared = statistics.cramer_von_mises(*fine)
    found: dict[str, float | None] = {
        "ks": largest,
        "ks_p": kolmogorov_smirnov_p(largest, *sizes),
        "ad": weighted,
        "ad_p": anderson_darling_p(weighted),
        "cvm": squared,
        "cvm_p": cramer_von_mises_p(squared, *sizes),
    }
    line = transport.Line.of(*fine, edges)
    if line is not None:
        found |= {
            "wasserstein": transport.wasserstein(line),
            "energy": transport.energy(line),
            "mmd": transport.mean_discrepancy(line),
        }
    return found | _carried(pair, *fine)


def _carried(
    pair: Pair, reference: Counted, current: Counted
) -> dict[str, float | None]:
    """Return the plain distance, which needs the smallest and the largest values."""
    moments = pair.profile.counts.moments, pair.current.moments
    ends = [
        each
        for side in moments
        if side is not None
        for each in (side.least, side.most)
        if each is not None
    ]
    if len(ends) < 4:
        return {}
    unit = DAY if pair.profile.measure == "date" else 1.0
    limits = min(ends), max(ends)
    plain, _ = transport.carried(reference, current, pair.edges, limits)
    deviation = pair.profile.deviation
    normed = plain / deviation if deviation else None
    return {"wasserstein_plain": plain / unit, "wasserstein_sd": normed}
