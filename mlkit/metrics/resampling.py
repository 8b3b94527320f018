"""Resampling of rows as matrices of counts.

A resample is a row of counts: how often each row of the data was drawn. A metric that
is a function of weighted sums then takes all resamples in one matrix product, and the
same counts serve every metric.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from mlkit.metrics.scored import Array

Resampler = Callable[[Array], Array]

# Cells of one block of counts: 2 MB of float64, which stay in a processor's cache.
BLOCK = 250_000
# Cells of all blocks together: seconds, not minutes, whatever the number of rows.
BUDGET = 20_000_000
FEWEST = 50
RARE = 8


def draws(n: int, resamples: int) -> int:
    """Return how many resamples of n rows are affordable, at most ``resamples``."""
    return min(resamples, max(FEWEST, BUDGET // n))


def rare_class(codes: NDArray[np.int64]) -> bool:
    """Say whether a class is so rare that a resample could lose it.

    A class of c rows is missing from a plain resample with probability of about
    exp(-c).
    """
    return bool(np.unique(codes, return_counts=True)[1].min() < RARE)


def count_blocks(
    n: int, resamples: int, *, seed: int, strata: NDArray[np.int64] | None = None
) -> Iterator[Array]:
    """Yield bootstrap counts in blocks of shape (size, n).

    A block holds at most 250,000 counts, or one resample of more rows.

    Parameters
    ----------
    n
        Number of rows.
    resamples
        Number of resamples, all blocks together.
    seed
        Seed of the draws.
    strata : array of shape (n,), optional
        Rows are drawn within these groups, each as often as it has rows; None draws
        from all rows.

    Notes
    -----
    The nonparametric bootstrap: Efron and Tibshirani, An Introduction to the Bootstrap
    (1993), chapters 6 and 13.
    """
    rng = np.random.default_rng(seed)
    groups = [np.arange(n)]
    if strata is not None:
        groups = [np.flatnonzero(strata == value) for value in np.unique(strata)]
    for size in block_sizes(n, resamples):
        counts = np.empty((size, n))
        for rows in groups:
            counts[:, rows] = _draw(rng, size, len(rows))
        yield counts


def swap_blocks(n: int, resamples: int, *, seed: int) -> Iterator[Array]:
    """Yield fair coin flips, 0 or 1, in blocks like those of `count_blocks`."""
    rng = np.random.default_rng(seed)
    for size in block_sizes(n, resamples):
        yield rng.integers(0, 2, size=(size, n)).astype(np.float64)


def block_sizes(n: int, resamples: int) -> list[int]:
    """Return how many resamples of n rows each block holds."""
    step = max(1, BLOCK // n)
    return [min(step, resamples - start) for start in range(0, resamples, step)]


def _draw(rng: np.random.Generator, size: int, n: int) -> Array:
    drawn = rng.integers(0, n, size=(size, n))
    drawn += np.arange(size)[:, None] * n
    counts = np.bincount(drawn.ravel(), minlength=size * n)
    return counts.reshape(size, n).astype(np.float64)


def canonical_order(*columns: Array) -> NDArray[np.int64]:
    """Return the order that sorts rows by the columns, the first one weighing most.

    Drawing from rows in this order makes a seeded interval a function of the rows and
    not of the order in which they came.
    """
    return np.lexsort(columns[::-1]).astype(np.int64)
