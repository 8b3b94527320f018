"""Statistics of drift: how far two sets of counts on the same bins lie apart.

All are 0 for equal shares. What each of them does without drift is known too: distances
between samples are never 0, and grow as samples shrink and bins multiply.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

Counted = NDArray[np.int64]
Shares = NDArray[np.float64]

CRITICAL = 0.95


def shares(counts: Counted) -> Shares:
    """Return counts as shares of their sum, zeros where there is none.

    Examples
    --------
    >>> shares(np.array([1, 3]))
    array([0.25, 0.75])
    """
    return np.asarray(counts / max(int(counts.sum()), 1))


def smoothed(counts: Counted) -> Shares:
    """Return shares after half a count was added to each bin.

    A bin that is empty by chance then weighs little, whereas a fixed tiny share in its
    place would decide a sum of logarithms (Krichevsky and Trofimov 1981).
    """
    return np.asarray((counts + 0.5) / (counts.sum() + 0.5 * len(counts)))


def in_use(one: Counted, other: Counted) -> tuple[Counted, Counted]:
    """Return the counts without bins that are empty on both sides."""
    used = (one + other) > 0
    return one[used], other[used]


def population_stability(reference: Counted, current: Counted) -> float:
    """Return the population stability index.

    Notes
    -----
    The sum of both divergences of one side's shares from the other's: J of Jeffreys,
    Proceedings of the Royal Society A 186 (1946), 453-461. Under its present name it
    comes from Lewis, An Introduction to Credit Scoring (1994).

    Examples
    --------
    >>> population_stability(np.array([5, 5]), np.array([5, 5]))
    0.0
    """
    p, q = (smoothed(counts) for counts in in_use(reference, current))
    return float(np.sum((q - p) * np.log(q / p)))


def critical_stability(reference: Counted, current: Counted) -> float:
    """Return what the index stays below in 95 % of samples without drift.

    Notes
    -----
    Without drift the index over B bins is (1/n + 1/m) times a chi-square of B - 1
    degrees of freedom: Yurdakul, Statistical Properties of Population Stability Index
    (2018), Western Michigan University, dissertation 3208. A fixed bound such as 0.1
    has no such meaning.

    Examples
    --------
    >>> tens = np.full(10, 10)
    >>> round(critical_stability(1000 * tens, tens), 3)
    0.169
    """
    one, other = in_use(reference, current)
    scale = 1 / max(int(one.sum()), 1) + 1 / max(int(other.sum()), 1)
    return float(scale * special.chdtri(max(len(one) - 1, 1), 1 - CRITICAL))


def kullback_leibler(reference: Counted, current: Counted) -> float:
    """Return the divergence of the current shares from the reference's, in nats.

    It is never below 0, which rounding alone would not see to.

    Notes
    -----
    Kullback and Leibler, Annals of Mathematical Statistics 22 (1951), 79-86: the sum of
    q ln(q / p), q the current shares.

    Examples
    --------
    >>> kullback_leibler(np.array([3, 1, 1]), np.array([3, 1, 1]))
    0.0
    """
    p, q = (smoothed(counts) for counts in in_use(reference, current))
    return round(max(0.0, float(np.sum(q * np.log(q / p)))), 15)


def jensen_shannon(reference: Counted, current: Counted) -> float:
    """Return the Jensen-Shannon distance, between 0 and 1.

    Notes
    -----
    The square root of the divergence in bits: Endres and Schindelin, IEEE Transactions
    on Information Theory 49 (2003), 1858-1860.
    """
    return math.sqrt(max(0.0, _divergence(shares(reference), shares(current))))


def excess_jensen_shannon(reference: Counted, current: Counted) -> float:
    """Return the distance that is left after what chance alone would show is taken off.

    Notes
    -----
    Without drift the divergence over K bins is (K - 1)(1/n + 1/m)/8 nats on average, so
    that of two samples of 5,000 rows with 200 levels lies near 0.1 for nothing. This is
    the first term of the entropies' bias: Miller (1955), Note on the bias of
    information estimates.
    """
    one, other = in_use(reference, current)
    n, m = max(int(one.sum()), 1), max(int(other.sum()), 1)
    chance = max(len(one) - 1, 0) * (1 / n + 1 / m) / 8 / math.log(2)
    return math.sqrt(max(0.0, _divergence(shares(one), shares(other)) - chance))


def _divergence(p: Shares, q: Shares) -> float:
    middle = (p + q) / 2

    def from_middle(part: Shares) -> float:
        some = part > 0
        return float(np.sum(part[some] * np.log2(part[some] / middle[some])))

    return min(1.0, (from_middle(p) + from_middle(q)) / 2)


def hellinger(reference: Counted, current: Counted) -> float:
    """Return the Hellinger distance, between 0 and 1.

    Notes
    -----
    The square root of 1 less the Bhattacharyya coefficient: Cieslak and Chawla,
    Knowledge and Information Systems 18 (2009), 83-108. Without drift its square is
    about (K - 1)(1/n + 1/m)/8 over K bins, as that of Jensen-Shannon in nats.

    Examples
    --------
    >>> hellinger(np.array([4, 0]), np.array([0, 9]))
    1.0
    """
    roots = (np.sqrt(shares(counts)) for counts in (reference, current))
    one, other = roots
    return min(1.0, math.sqrt(float(np.sum((one - other) ** 2)) / 2))


def likelihood_ratio(reference: Counted, current: Counted) -> float:
    """Return the statistic of the G-test of equal shares.

    Notes
    -----
    Twice the log of the likelihood ratio of two shares to one (Wilks, Annals of
    Mathematical Statistics 9 (1938), 60-62): a chi-square of K - 1 degrees of freedom
    over K bins, where every expected count is large.
    """
    one, other = in_use(reference, current)
    n, m = max(int(one.sum()), 1), max(int(other.sum()), 1)
    total = one + other
    parts = (
        special.xlogy(counts, counts * ((n + m) / size) / total).sum()
        for counts, size in ((one, n), (other, m))
    )
    return max(0.0, 2 * float(sum(parts)))


def total_variation(reference: Counted, current: Counted) -> float:
    """Return the share of rows that would need another level: half the sum of gaps.

    Notes
    -----
    The total variation distance: Levin, Peres and Wilmer, Markov Chains and Mixing
    Times (2009), proposition 4.2. As a distance of tables it is the index of
    dissimilarity of Duncan and Duncan, American Sociological Review 20 (1955), 210-217.

    Examples
    --------
    >>> total_variation(np.array([8, 2]), np.array([50, 50]))
    0.3
    """
    gaps = np.abs(shares(reference) - shares(current))
    return min(1.0, round(float(gaps.sum()) / 2, 15))


def chance_total_variation(reference: Counted, current: Counted) -> float:
    """Return the total variation that chance alone would show, on average.

    Notes
    -----
    Without drift each gap is the absolute value of a nearly normal number, with mean
    sqrt(2 v / pi), v = p (1 - p)(1/n + 1/m). Their sum grows with the number of levels.
    """
    one, other = in_use(reference, current)
    n, m = max(int(one.sum()), 1), max(int(other.sum()), 1)
    pooled = (one + other) / (n + m)
    spread = np.sqrt(2 / math.pi * pooled * (1 - pooled) * (1 / n + 1 / m))
    return float(spread.sum()) / 2


def excess_total_variation(reference: Counted, current: Counted) -> float:
    """Return the total variation beyond what chance alone would show.

    What chance shows is taken off as the mean of a noisy length is, by squares.
    """
    chance = chance_total_variation(reference, current)
    return math.sqrt(max(0.0, total_variation(reference, current) ** 2 - chance**2))


def kolmogorov_smirnov(reference: Counted, current: Counted) -> float:
    """Return the largest gap between the two distribution functions at the edges.

    It is at most the statistic of the rows themselves, and less than that by no more
    than the share of the fullest bin that holds more than one value.

    Notes
    -----
    Of two samples: Smirnov, Bulletin Mathematique de l'Universite de Moscou 2 (1939),
    fascicle 2. Of one: Kolmogorov, Giornale dell'Istituto Italiano degli Attuari 4
    (1933), 83-91.
    """
    largest = float(np.max(np.abs(_gaps(reference, current)), initial=0.0))
    # Shares that are added up one by one may end a little above 1.
    return min(1.0, largest)


def _gaps(reference: Counted, current: Counted) -> Shares:
    one, other = (np.cumsum(shares(counts)) for counts in (reference, current))
    return np.asarray(one - other)[:-1]


def anderson_darling(reference: Counted, current: Counted) -> float:
    """Return the two-sample statistic of rows that are known by their bin.

    It weighs gaps by how sure one can be of them, and so sees shifts, and changes of
    spread, that the largest gap alone does not (Engmann and Cousineau, Journal of
    Applied Quantitative Methods 6 (2011), 1-17).

    Notes
    -----
    Equation 7 of Scholz and Stephens, Journal of the American Statistical Association
    82 (1987), 918-924, where rows of a bin share a midrank.
    """
    one, other = in_use(reference, current)
    n, m = int(one.sum()), int(other.sum())
    both, total = (one + other).astype(np.float64), n + m
    if len(both) < 2 or not n or not m:
        return 0.0
    below = np.cumsum(both) - both / 2
    weight = both / total / (below * (total - below) - total * both / 4)
    parts = (
        np.sum(weight * (total * (np.cumsum(own) - own / 2) - size * below) ** 2) / size
        for own, size in ((one, n), (other, m))
    )
    return float(sum(parts)) * (total - 1) / total


def cramer_von_mises(reference: Counted, current: Counted) -> float:
    """Return the two-sample statistic: the mean squared gap, over all rows, scaled.

    Notes
    -----
    Equation 3 of Anderson, Annals of Mathematical Statistics 33 (1962), 1148-1159,
    with the gaps at the upper ends of the bins: exact where each bin holds one value.
    Otherwise the gap at a row is off by less than the share of its bin.
    """
    n, m = int(reference.sum()), int(current.sum())
    if not n or not m:
        return 0.0
    gaps = _gaps(reference, current)
    return float(np.sum((reference + current)[:-1] * gaps**2)) * n * m / (n + m) ** 2
