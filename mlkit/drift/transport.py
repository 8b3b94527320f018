"""Transport: how far apart two sets of counts lie, by where their bins are.

Rows are taken to lie evenly between the edges of their bin. What that can change is
bounded by the rows that share a bin: every function here has its bound beside it.
Distances between rows of heavy tails are decided by a few of them, so that all but
`carried` draw values in to the reference's outer quantiles first, and divide by its
robust deviation: its distance of quartiles over 1.349, which is the standard deviation
where it is normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mlkit.drift.statistics import Counted, Shares, shares

# Share of the reference's rows beyond which values are drawn in, on either side.
TAILS = 0.005
# Of a normal distribution, the quartiles lie this many standard deviations apart.
NORMAL_QUARTILES = 1.349
# Sums of exponentials are taken one by one up to here, and pair by pair beyond.
STEEP = 500.0

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Line:
    """The places of a column's bins, in robust deviations of the reference.

    Attributes
    ----------
    places : ndarray of shape (n_edges,)
        The edges, drawn in to the outer quantiles.
    gaps : ndarray of shape (n_edges,)
        Gaps of the distribution functions at the edges.
    weights : ndarray of shape (n_edges + 1,)
        Shares of the reference less those of the current rows, bin by bin.
    fullest : ndarray of shape (n_edges - 1,)
        The larger share of each inner bin: as far as a gap in it may be off.
    """

    places: Numbers
    gaps: Shares
    weights: Shares
    fullest: Shares

    @classmethod
    def of(
        cls, reference: Counted, current: Counted, edges: Numbers, tails: float = TAILS
    ) -> Self | None:
        """Return the line; None where the reference does not spread.

        Parameters
        ----------
        reference, current : ndarray of int64 of shape (n_edges + 1,)
            Counts of the fine bins; at least a row each.
        edges : ndarray of shape (n_edges,)
            Their edges.
        tails : float
            Share of the reference's rows beyond which values are drawn in.
        """
        if len(edges) < 2:
            return None
        one, other = shares(reference), shares(current)
        below = np.cumsum(one)[:-1]
        wanted = np.searchsorted(below, (tails, 0.25, 0.75, 1 - tails))
        low, quarter, upper, high = edges[np.minimum(wanted, len(edges) - 1)].tolist()
        scale = (upper - quarter) / NORMAL_QUARTILES or (high - low) / 2
        if scale <= 0:
            return None
        return cls(
            places=np.clip(edges, low, high) / scale - low / scale,
            gaps=below - np.cumsum(other)[:-1],
            weights=one - other,
            fullest=np.maximum(one, other)[1:-1],
        )

    @property
    def widths(self) -> Numbers:
        """Widths of the inner bins."""
        return np.diff(self.places)


def wasserstein(line: Line) -> float:
    """Return how far rows have to be carried on average, in robust deviations.

    Notes
    -----
    The area between both distribution functions (Vallender, Theory of Probability and
    its Applications 18 (1974), 784-786). Of the rows themselves it differs by no more
    than `wasserstein_bound`.
    """
    size = np.abs(line.gaps)
    return float(np.dot(size[1:] + size[:-1], line.widths)) / 2


def wasserstein_bound(line: Line) -> float:
    """Return what the bins can change of `wasserstein` at most.

    Inside a bin, the gap of the rows is off the straight line between its ends by no
    more than the larger share of the bin.
    """
    return float(np.dot(line.fullest, line.widths))


def energy(line: Line) -> float:
    """Return the energy distance, of values in robust deviations.

    Notes
    -----
    In one dimension the square is twice the area under the squared gap (Szekely and
    Rizzo, Journal of Statistical Planning and Inference 143 (2013), 1249-1272), which
    takes one pass over the bins. Of the rows themselves it differs by no more than
    `energy_bound`.
    """
    a, b = line.gaps[:-1], line.gaps[1:]
    thrice = float(np.dot(a * a + a * b + b * b, line.widths))
    return math.sqrt(max(0.0, 2 * thrice / 3))


def energy_bound(line: Line) -> float:
    """Return what the bins can change of `energy` at most: a norm of what is off."""
    return math.sqrt(2 * float(np.dot(line.fullest**2, line.widths)))


def mean_discrepancy(line: Line) -> float:
    """Return the maximum mean discrepancy, with the kernel exp(-|x - y|).

    Distances are in robust deviations of the reference, with which the kernel needs no
    width of its own.

    Notes
    -----
    Gretton et al., Journal of Machine Learning Research 13 (2012), 723-773, equation 5
    (the statistic that counts each row's own pair, and is never below 0). With this
    kernel one pass over the ordered bins is enough: Bodenham and Kawahara, Statistics
    and Computing 33 (2023), 110. Rows stand in the middle of their bins. Of the rows
    themselves it differs by no more than `discrepancy_bound`, and by far less as a
    rule.
    """
    middles, weights = _middles(line), line.weights
    if middles[-1] > STEEP:
        kernel = np.exp(-np.abs(middles[:, None] - middles))
        return math.sqrt(max(0.0, float(weights @ kernel @ weights)))
    rising = np.exp(middles)
    # Of each pair of bins the lower one comes first; its own pair is counted once.
    below = np.cumsum(weights * rising) / rising
    return math.sqrt(max(0.0, float(np.dot(weights, 2 * below - weights))))


def discrepancy_bound(line: Line) -> float:
    """Return what the bins can change of `mean_discrepancy` at most.

    A row that is moved by d moves in the kernel's space by sqrt(2 - 2 exp(-d)), and
    no row of a bin lies farther from its middle than half of its width.
    """
    off = np.sqrt(-2 * np.expm1(-line.widths / 2))
    return float(np.dot(off, 2 * line.fullest))


def _middles(line: Line) -> Numbers:
    # Rows beyond the outer edges are drawn in to them.
    places = line.places
    inner = (places[1:] + places[:-1]) / 2
    return np.concatenate([places[:1], inner, places[-1:]])


def carried(
    reference: Counted, current: Counted, edges: Numbers, ends: tuple[float, float]
) -> tuple[float, float]:
    """Return how far rows have to be carried, in the column's own unit, and its bound.

    The plain Wasserstein distance, outliers and all.

    Parameters
    ----------
    reference, current : ndarray of int64 of shape (n_edges + 1,)
        Counts of the fine bins; at least a row each.
    edges : ndarray of shape (n_edges,)
        Their edges.
    ends : (float, float)
        Smallest and largest value of both sides.

    Returns
    -------
    distance, bound : float
        The distance, and what the bins can change of it at most.
    """
    one, other = shares(reference), shares(current)
    gaps = np.abs(np.cumsum(one) - np.cumsum(other))
    gaps[-1] = 0.0
    low, high = ends
    places = np.clip(np.concatenate([[low], edges, [high]]), low, high)
    widths = np.diff(places)
    ahead = np.concatenate([[0.0], gaps[:-1]])
    distance = float(np.dot(ahead + gaps, widths)) / 2
    return distance, float(np.dot(np.maximum(one, other), widths))
