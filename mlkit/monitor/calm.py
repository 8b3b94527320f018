"""Calm data: what a statistic of drift shows by chance, at the rows that there are.

The usual bounds of the usual statistics were chosen for many rows. Fifty rows without
drift are beyond most of them, so a bound is raised to what calm data stay below.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mlkit.drift import ColumnDrift, statistics, transport
from mlkit.drift.pairs import Pair
from mlkit.drift.significance import MOST_DEALT
from mlkit.monitor.detected import ColumnVerdict
from mlkit.monitor.methods import Method, by_method, stand_in

Counted = NDArray[np.int64]

# Share of checks of calm data in which some column reaches its bound.
FALSE_ALARMS = 0.05
DRAWS = 399
# Beyond the largest draws of this share, the tail is taken to fall off exponentially.
TAIL = 0.2

COUNTED: Mapping[str, Callable[[Counted, Counted], float]] = {
    "psi": statistics.population_stability,
    "kl": statistics.kullback_leibler,
    "js": statistics.jensen_shannon,
    "hellinger": statistics.hellinger,
    "total_variation": statistics.total_variation,
}
ON_LINE: Mapping[str, Callable[[transport.Line], float]] = {
    "wasserstein": transport.wasserstein,
    "energy": transport.energy,
    "mmd": transport.mean_discrepancy,
}
# These grow as squares of differences do; of the others the squares do.
SQUARES = frozenset({"psi", "kl"})


def judge_columns(
    columns: Mapping[str, ColumnDrift],
    pairs: Mapping[str, Pair],
    method: Method,
    threshold: float | None,
) -> dict[str, ColumnVerdict]:
    """Return each column judged by one statistic.

    Parameters
    ----------
    columns : mapping of str to ColumnDrift
        What was found of the columns.
    pairs : mapping of str to Pair
        Their counts.
    method : Method
        The statistic.
    threshold : float or None
        A bound that stays as it is. None takes the usual one, raised for each column to
        what chance alone reaches at its rows; in 5 % of checks without drift or fewer,
        the statistic of some column is beyond that (Bonferroni).
    """
    own = {name: stand_in(column, method) for name, column in columns.items()}
    known = [
        name for name, column in columns.items() if own[name].held(column) is not None
    ]
    level = FALSE_ALARMS / max(len(known), 1)
    return {
        name: by_method(
            column,
            method,
            _bound(column, pairs.get(name), own[name], level)
            if threshold is None
            else threshold,
        )
        for name, column in columns.items()
    }


def _bound(
    column: ColumnDrift, pair: Pair | None, method: Method, level: float
) -> float:
    if method.by_p:
        return min(method.threshold, level)
    value = method.held(column)
    # What does not reach the usual bound needs no other.
    if value is None or pair is None or value < method.threshold:
        return method.threshold
    return max(method.threshold, calm_quantile(method.statistic, pair, level))


def calm_quantile(statistic: str, pair: Pair, level: float, *, seed: int = 0) -> float:
    """Return what a statistic exceeds with a small chance where nothing has drifted.

    Parameters
    ----------
    statistic : str
        ``ks``, ``psi``, ``kl``, ``js``, ``hellinger``, ``total_variation``,
        ``wasserstein``, ``energy`` or ``mmd``.
    pair : Pair
        The column; of its counts only the sums of both sides and their rows matter.
    level : float
        The chance, below 0.2.
    seed : int
        Of the draws.

    Returns
    -------
    float
        The quantile; 0 of a billion rows or more, where chance plays no part.

    Notes
    -----
    Of ``ks`` it is the inverse of
    :func:`mlkit.drift.significance.kolmogorov_smirnov_p`. The others are computed of
    399 tables with the same sums, as if both sides were dealt from the same rows (a
    permutation test: Fisher, The Design of Experiments (1935), section 21). Beyond the
    largest fifth of them, the tail falls off exponentially in the statistic, or in its
    square where that is a length: so do sums of squares of normal numbers, which these
    are in the limit. For several squares this is a little too far out.
    """
    n, m = pair.sizes
    if statistic == "ks":
        return _kolmogorov_quantile(level, n, m)
    if n + m >= MOST_DEALT:
        return 0.0
    power = 1 if statistic in SQUARES else 2
    values = np.array(_dealt(statistic, pair, seed)) ** power
    cut = float(np.quantile(values, 1 - TAIL))
    beyond = values[values > cut] - cut
    excess = float(beyond.mean()) if len(beyond) else 0.0
    return float((cut + excess * math.log(TAIL / level)) ** (1 / power))


def _dealt(statistic: str, pair: Pair, seed: int) -> list[float]:
    """Return the statistic of tables that chance alone tells apart."""
    on_line = ON_LINE.get(statistic)
    one, other = pair.coarse if on_line is None else pair.cells
    total = one + other
    # Other draws for each column: they must not all be off in the same direction.
    own = zlib.crc32(pair.profile.name.encode("utf-8", "surrogatepass"))
    tables = np.random.default_rng([seed, own]).multivariate_hypergeometric(
        total, pair.sizes[1], size=DRAWS, method="marginals"
    )
    if on_line is None:
        return [COUNTED[statistic](total - table, table) for table in tables]
    lines = (transport.Line.of(total - table, table, pair.edges) for table in tables)
    return [0.0 if line is None else on_line(line) for line in lines]


def _kolmogorov_quantile(level: float, n: int, m: int) -> float:
    effective = n * m / (n + m)
    root = math.sqrt(effective)
    x = float(special.kolmogi(level)) - 1 / (6 * root) + 1 / (4 * effective)
    return x / (1 + 1 / (4 * effective)) / root
