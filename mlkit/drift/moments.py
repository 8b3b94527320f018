"""Moments: the sum and the sum of squares of numbers, exactly, so that they add up.

A sum of floats depends on their order; a sum of integers does not. So each number is
first rounded to whole steps on a *grid* that the reference fixes. Rounding moves a
number by at most half a step, and so does it the mean and the standard deviation (which
is a seminorm): half of ``Grid.unit``, besides the rounding of floats themselves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

# Steps in the median distance from the median: powers of two, which floats hold well.
STEPS = 2**16
# Below it a square fits into 46 bits, and a block's sum of squares into 62.
NEAR = 2.0**23
BLOCK = 2**16
# Halves of a float's 53 bits, and how many of their products fit into 63 bits.
HALF = 27
PRODUCTS = 256
# The largest values of a column, in so small steps, are floats still.
FINEST = -800


@dataclass(frozen=True)
class Grid:
    """Where numbers are rounded to before they are summed.

    Attributes
    ----------
    origin : float
        Where steps are counted from: the reference's median.
    unit : float
        Length of a step, a power of two.
    """

    origin: float
    unit: float

    def to_dict(self) -> dict[str, Any]:
        """Return the grid as plain JSON data."""
        return {"origin": self.origin, "unit": self.unit}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the grid that `to_dict` wrote."""
        return cls(float(stored["origin"]), float(stored["unit"]))


@dataclass(frozen=True)
class Moments:
    """Sums over the values of a column, in steps of a grid.

    Attributes
    ----------
    total, squares : int
        Sum of the steps from the origin, and of their squares.
    least, most : float or None
        Smallest and largest value, as they are; None of no values.
    """

    total: int = 0
    squares: int = 0
    least: float | None = None
    most: float | None = None

    def __add__(self, other: Moments) -> Moments:
        least = [each for each in (self.least, other.least) if each is not None]
        most = [each for each in (self.most, other.most) if each is not None]
        return Moments(
            self.total + other.total,
            self.squares + other.squares,
            min(least, default=None),
            max(most, default=None),
        )

    def mean(self, grid: Grid, values: int) -> float | None:
        """Return the mean of the values; None of no values."""
        if not values:
            return None
        return grid.origin + grid.unit * (self.total / values)

    def deviation(self, grid: Grid, values: int) -> float | None:
        """Return the standard deviation, as of a whole population; None of none."""
        if not values:
            return None
        spread = values * self.squares - self.total**2
        root = math.isqrt(spread << 2 * STEPS.bit_length())
        return grid.unit * (root / (values << STEPS.bit_length()))

    def to_dict(self) -> dict[str, Any]:
        """Return the sums as plain JSON data; as text, for they may pass 64 bits."""
        return {
            "total": str(self.total),
            "squares": str(self.squares),
            "least": self.least,
            "most": self.most,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the sums that `to_dict` wrote."""
        return cls(
            int(stored["total"]),
            int(stored["squares"]),
            stored["least"],
            stored["most"],
        )


def grid_of(ordered: Numbers) -> Grid | None:
    """Return the grid that suits the values of a reference; None where there are none.

    Parameters
    ----------
    ordered : ndarray of shape (n_values,)
        The values, ascending.
    """
    if not len(ordered):
        return None
    middle = float(ordered[len(ordered) // 2])
    away = np.abs(ordered - middle)
    away = away[away > 0]
    # Of a constant, what other values there will be is told by its size at best.
    scale = float(np.median(away)) if len(away) else abs(middle) or 1.0
    unit = 2.0 ** max(math.frexp(scale)[1] - 1, FINEST) / STEPS
    return Grid(middle + 0.0, unit)


def moments_of(ordered: Numbers, grid: Grid) -> Moments:
    """Return the sums over values, whatever rows they come from and in what order.

    Parameters
    ----------
    ordered : ndarray of shape (n_values,)
        The values, ascending.
    grid : Grid
        The reference's.
    """
    if not len(ordered):
        return Moments()
    total = squares = 0
    for start in range(0, len(ordered), BLOCK):
        steps = np.rint((ordered[start : start + BLOCK] - grid.origin) / grid.unit)
        low, high = np.searchsorted(steps, (-NEAR, NEAR))
        near = steps[low:high].astype(np.int64)
        total += int(near.sum())
        squares += int(np.dot(near, near))
        for far in (steps[:low], steps[high:]):
            if len(far):
                sums = _far(far)
                total, squares = total + sums[0], squares + sums[1]
    # Of two zeros with different signs either could be the first.
    return Moments(total, squares, float(ordered[0]) + 0.0, float(ordered[-1]) + 0.0)


def _far(steps: Numbers) -> tuple[int, int]:
    """Return both sums over steps that 64 bits do not hold, as whole numbers."""
    fraction, exponent = np.frexp(steps)
    whole = np.ldexp(fraction, 53).astype(np.int64)
    total = squares = 0
    for power in np.unique(exponent).tolist():
        part = whole[exponent == power]
        high, low = part >> HALF, part & ((1 << HALF) - 1)
        sums = (_exact(high) << HALF) + _exact(low)
        products = _exact(high * high) << 2 * HALF
        products += (_exact(high * low) << HALF + 1) + _exact(low * low)
        total += _shifted(sums, power - 53)
        squares += _shifted(products, 2 * (power - 53))
    return total, squares


def _exact(values: NDArray[np.int64]) -> int:
    starts = np.arange(0, len(values), PRODUCTS)
    return sum(np.add.reduceat(values, starts).tolist())


def _shifted(value: int, places: int) -> int:
    # Steps are whole, so that what is shifted out is zeros.
    return value << places if places >= 0 else value >> -places
