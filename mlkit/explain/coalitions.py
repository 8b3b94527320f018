"""Shapley values of a model that can only be asked.

A coalition is a set of columns whose values are the explained row's; all other columns
have the values of a background row, and the worth of the coalition is the model's mean
answer over the background. With few columns every coalition is asked. With many,
columns join in random orders, each order followed by its reverse, and a column's
contribution is the mean of what its joining changed: their sum is exact whatever the
orders are.

References
----------
Strumbelj and Kononenko (2014), "Explaining prediction models and individual predictions
with feature contributions", Knowledge and Information Systems 41 (random orders).
Mitchell et al. (2022), "Sampling Permutations for Shapley Value Estimation", Journal of
Machine Learning Research 23 (orders with their reverse).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# Worth of coalitions, of shape (n_coalitions, n_columns), as (n_coalitions, n_outputs).
Worth = Callable[[Flags], Floats]

ALL_UP_TO = 8
STEPS = 320
FEWEST_PAIRS = 3
MOST_PAIRS = 20


@dataclass(frozen=True, eq=False)
class Shares:
    """Shapley values of one row.

    Attributes
    ----------
    values : ndarray of shape (n_columns, n_outputs)
    spread : ndarray of shape (n_columns, n_outputs)
        Standard error of each value; 0 where every coalition was asked.
    """

    values: Floats
    spread: Floats


def asked(columns: int) -> int:
    """Return how many coalitions are asked to explain one row.

    Examples
    --------
    >>> asked(4), asked(30), asked(300)
    (16, 292, 1796)
    """
    if columns <= ALL_UP_TO:
        return int(2**columns)
    return 2 * pairs(columns) * (columns - 1) + 2


def pairs(columns: int) -> int:
    """Return how many orders are drawn, each with its reverse."""
    return min(MOST_PAIRS, max(FEWEST_PAIRS, STEPS // (2 * columns)))


def shapley(worth: Worth, columns: int, rng: np.random.Generator) -> Shares:
    """Return the Shapley values of a game."""
    if columns <= ALL_UP_TO:
        return exact(worth, columns)
    return sampled(worth, columns, rng)


def exact(worth: Worth, columns: int) -> Shares:
    """Return Shapley values from all coalitions.

    Examples
    --------
    >>> exact(lambda sets: sets.sum(axis=1, keepdims=True) ** 2.0, 2).values.tolist()
    [[2.0], [2.0]]
    """
    numbers = np.arange(2**columns)
    members = (numbers[:, None] >> np.arange(columns)) & 1 == 1
    worths = worth(members)
    size = members.sum(axis=1)
    values = np.zeros((columns, worths.shape[1]))
    for column in range(columns):
        without = numbers[~members[:, column]]
        weight = np.array(
            [1 / (columns * math.comb(columns - 1, n)) for n in size[without].tolist()]
        )
        values[column] = weight @ (worths[without | (1 << column)] - worths[without])
    return Shares(values, np.zeros_like(values))


def sampled(worth: Worth, columns: int, rng: np.random.Generator) -> Shares:
    """Return Shapley values from random orders, each with its reverse."""
    orders = []
    for _ in range(pairs(columns)):
        order = rng.permutation(columns)
        orders += [order, order[::-1]]
    rank = np.argsort(orders, axis=1)
    # Between nobody and all there are columns - 1 coalitions in each order.
    members = [rank < size for size in range(1, columns)]
    ends = np.repeat([[False], [True]], columns, axis=1)
    worths = worth(np.concatenate([ends, *members]))
    steps = worths[2:].reshape(columns - 1, len(orders), -1)
    none, every = (
        np.repeat(worths[[end]][None], len(orders), axis=1) for end in (0, 1)
    )
    joined = np.diff(np.concatenate([none, steps, every]), axis=0)
    changes = np.take_along_axis(joined, rank.T[:, :, None], axis=0)
    by_pair = changes.reshape(columns, -1, 2, changes.shape[2]).mean(axis=2)
    spread = by_pair.std(axis=1, ddof=1) / math.sqrt(by_pair.shape[1])
    return Shares(by_pair.mean(axis=1), spread)
