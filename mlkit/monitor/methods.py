"""Methods: the usual statistics of drift under their usual names and usual bounds.

A fixed bound on a statistic does not know how many rows there are: few rows reach it by
chance. The usual bounds are raised where they do (:mod:`mlkit.monitor.calm`); a bound
that a caller gives stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from mlkit.drift import ColumnDrift
from mlkit.monitor.detected import ColumnVerdict

AUTO = "auto"


@dataclass(frozen=True)
class Method:
    """A statistic with the bound that is usual for it.

    Attributes
    ----------
    name : str
        How callers name it.
    label : str
        How people call it.
    statistic : str
        Its key in :attr:`mlkit.drift.ColumnDrift.statistics`.
    p_value : str or None
        The key of its p-value.
    threshold : float
        A column drifted from this on; of a test, with a p-value below it.
    levels : str or None
        The method that stands for it where levels are counted; None where it is itself
        defined there.
    by_p : bool
        Whether the p-value is held against the threshold, for want of a statistic that
        can be compared between columns.
    """

    name: str
    label: str
    statistic: str
    threshold: float
    p_value: str | None = None
    levels: str | None = None
    by_p: bool = False

    def held(self, column: ColumnDrift) -> float | None:
        """Return what is held against the threshold; None where it does not apply."""
        key = self.p_value if self.by_p else self.statistic
        return None if key is None else column.statistics.get(key)


_ROWS = (
    Method("ks", "Kolmogorov-Smirnov distance", "ks", 0.1, "ks_p", "total_variation"),
    Method("psi", "population stability index", "psi", 0.2),
    Method("kl", "Kullback-Leibler divergence", "kl", 0.3),
    Method("js", "Jensen-Shannon distance", "js", 0.1),
    Method("hellinger", "Hellinger distance", "hellinger", 0.1),
    Method(
        "wasserstein",
        "Wasserstein distance in robust standard deviations",
        "wasserstein",
        0.1,
        levels="total_variation",
    ),
    Method("energy", "energy distance", "energy", 0.1, levels="total_variation"),
    Method("mmd", "maximum mean discrepancy", "mmd", 0.1, levels="total_variation"),
    Method("total_variation", "total variation", "total_variation", 0.1),
    Method("chi_square", "chi-square", "chi_square", 0.05, "chi_square_p", by_p=True),
    Method("g", "G-test", "g", 0.05, "g_p", by_p=True),
    Method(
        "anderson_darling", "Anderson-Darling", "ad", 0.05, "ad_p", "chi_square", True
    ),
    Method(
        "cramer_von_mises", "Cramer-von Mises", "cvm", 0.05, "cvm_p", "chi_square", True
    ),
)
METHODS: Mapping[str, Method] = MappingProxyType({row.name: row for row in _ROWS})


# These are never above 1.
SHARES = frozenset({"ks", "js", "hellinger", "total_variation"})


def check_method(method: str, threshold: float | None) -> None:
    """Check what a caller asks for.

    Raises
    ------
    ValueError
        When there is no such method, or the threshold is no number that its statistic
        could reach.
    """
    if method != AUTO and method not in METHODS:
        raise ValueError(
            f"method must be one of {AUTO}, {', '.join(METHODS)}, got {method!r}"
        )
    if threshold is None:
        return
    rule, most = "above 0", math.inf
    if method == AUTO:
        rule, most = "a share of the columns, above 0 and at most 1", 1
    elif METHODS[method].by_p:
        rule, most = "a p-value, above 0 and at most 1", 1
    elif method in SHARES:
        rule, most = "above 0 and at most 1, which the statistic never exceeds", 1
    number: object = threshold
    real = isinstance(number, (int, float, np.number)) and not isinstance(number, bool)
    if not real or not 0 < threshold <= most or math.isinf(threshold):
        raise ValueError(
            f"threshold of the method {method!r} must be a number {rule}, got "
            f"{threshold!r}; None takes the usual one"
        )


def stand_in(column: ColumnDrift, method: Method) -> Method:
    """Return the method, or the one that stands for it where levels are counted."""
    if method.levels is not None and column.statistics.get("ks") is None:
        return METHODS[method.levels]
    return method


def by_method(column: ColumnDrift, method: Method, threshold: float) -> ColumnVerdict:
    """Return a column judged by one statistic and a bound.

    Missing values and new levels, which the statistic does not see, count as `mlkit`
    finds them: with a test, corrected for all that was tested. Vanished levels and the
    range are in the statistic, and do not count by themselves.
    """
    method = stand_in(column, method)
    value, held = column.statistics.get(method.statistic), method.held(column)
    p_value = None
    if method.p_value is not None:
        p_value = column.statistics.get(method.p_value)
    above = held is not None and (
        held < threshold if method.by_p else held >= threshold
    )
    drifted = above or bool(unseen(column)) or column.broken
    return ColumnVerdict(
        statistic=value,
        p_value=p_value,
        effect=column.effect,
        verdict=_verdict(column, drifted=drifted, known=held is not None),
        method=method.label,
        threshold=threshold,
        drifted=drifted,
        reason=_reason(column, method, held, threshold, above=above),
    )


def unseen(column: ColumnDrift) -> list[str]:
    """Return what is drift of a column and no statistic of its values can see."""
    return [
        test.subject
        for test in column.tests
        if test.flagged and test.subject in ("missing", "new levels")
    ]


def _verdict(column: ColumnDrift, *, drifted: bool, known: bool) -> str:
    if column.broken:
        return column.state
    if drifted:
        return "drift"
    return "none" if known else "not compared"


def _reason(
    column: ColumnDrift,
    method: Method,
    held: float | None,
    threshold: float,
    *,
    above: bool,
) -> str:
    if column.broken:
        return column.reason
    if held is None:
        return f"{method.label} does not apply here; {column.reason}"
    what = "its p-value" if method.by_p else method.label
    word = "below" if (held < threshold) else "not below"
    said = f"{what} {held:.3g} is {word} {threshold:.3g}"
    return f"{said}; {column.reason}" if above or unseen(column) else said


def by_tests(column: ColumnDrift) -> ColumnVerdict:
    """Return a column judged by its tests and its effect, as `mlkit.drift` does it."""
    values = next((test for test in column.tests if test.subject == "values"), None)
    flagged = [test for test in column.tests if test.flagged]
    lead = max(flagged, key=lambda test: test.effect, default=values)
    drifted = column.flagged
    verdict = "drift" if drifted else "none"
    if column.broken or (column.state == "not compared" and not drifted):
        verdict = column.state
    return ColumnVerdict(
        statistic=None if lead is None else lead.statistic,
        p_value=None if lead is None else lead.p,
        effect=column.effect,
        verdict=verdict,
        method="none" if lead is None else f"{lead.method} ({lead.subject})",
        threshold=None,
        drifted=drifted,
        reason=column.reason,
    )


def of_bound(own: Method, threshold: float | None) -> str:
    """Say what the bound of a statistic has to do with the number of rows."""
    if threshold is not None:
        return (
            f"The bound {threshold:g} of {own.label} is the same for any number of "
            "rows and columns: few rows reach it by chance. Without a threshold, and "
            "with the method 'auto', their number counts."
        )
    if own.by_p:
        return (
            f"The p-value of {own.label} is held against {own.threshold:g} divided by "
            "the number of columns."
        )
    return (
        f"The bound {own.threshold:g} of {own.label} is raised for columns that reach "
        "it, to what all columns stay below in 95 % of checks without drift at these "
        "numbers of rows."
    )
