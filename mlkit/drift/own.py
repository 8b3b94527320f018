"""Drift statistics of the user's own, found by dotted path."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlkit.metrics.own import load_function
from mlkit.params.models import Params, Statistic

Shares = NDArray[np.float64]

SIGNATURE = "f(reference, current) -> float"
EXAMPLE = ([0.5, 0.3, 0.2, 0.0], [0.4, 0.3, 0.2, 0.1])


class OwnStatisticError(ValueError):
    """A statistic of the user's own raised, or returned something that is no number."""


@dataclass(frozen=True)
class OwnStatistic:
    """A statistic of the user's own, ready to be called.

    Attributes
    ----------
    name : str
        How reports call it.
    path : str
        Where it was found.
    threshold : float
        A column with more than this is flagged.
    function : callable
        ``f(reference, current) -> float`` of arrays of shares.
    """

    name: str
    path: str
    threshold: float
    function: Callable[[Shares, Shares], object]

    def __call__(self, reference: Shares, current: Shares, column: str) -> float:
        """Return the statistic of one column.

        Raises
        ------
        OwnStatisticError
            When it raises, or what it returns is not a finite number.
        """
        who = f"The drift statistic {self.name!r} ({self.path})"
        try:
            found = self.function(reference.copy(), current.copy())
        except Exception as error:
            raise OwnStatisticError(
                f"{who} must return a number; for {column} it raised "
                f"{type(error).__name__}: {error}. Shares may be 0, and differ in "
                "number from column to column."
            ) from error
        if not isinstance(found, numbers.Real) or not math.isfinite(float(found)):
            got = repr(found) if isinstance(found, float) else type(found).__name__
            raise OwnStatisticError(
                f"{who} must return one finite number; for {column} it returned {got}. "
                "Return a float, 0 where there is no drift."
            )
        return float(found)


def own_statistics(declared: Sequence[Statistic]) -> tuple[OwnStatistic, ...]:
    """Return the statistics of ``drift.statistics``, loaded.

    Raises
    ------
    ValueError
        When a name is used twice or a path leads to no function; the message begins
        with the key.
    """
    found: list[OwnStatistic] = []
    for position, each in enumerate(declared):
        key = f"drift.statistics[{position}]"
        if any(each.name == other.name for other in found):
            raise ValueError(
                f"{key}.name must differ from every other statistic's, got "
                f"{each.name!r}. Choose another name."
            )
        try:
            function = load_function(each.path, signature=SIGNATURE)
        except ValueError as error:
            raise ValueError(f"{key}.path: {error}") from error
        found.append(OwnStatistic(each.name, each.path, each.threshold, function))
    return tuple(found)


def check_statistics(params: Params) -> None:
    """Check every drift statistic that the params name, by calling it once.

    Raises
    ------
    ValueError
        When one cannot be found, raises, or returns no number; the message names it.
    """
    for each in own_statistics(params.drift.statistics):
        reference, current = (np.array(side) for side in EXAMPLE)
        each(reference, current, "four made-up shares")


def own_values(
    statistics: Sequence[OwnStatistic], reference: Shares, current: Shares, column: str
) -> Mapping[str, float]:
    """Return the user's own statistics of one column, by name."""
    return {each.name: each(reference, current, column) for each in statistics}
