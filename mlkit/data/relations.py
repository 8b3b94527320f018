"""Columns that together are the target: parts of a sum, factors of a product.

Three relations are looked for, on rows not used to find them:

* a weighted sum of number and date columns (parts that add up, a difference of dates);
* a product of powers of positive number columns: a weighted sum of their logarithms
  (price = price per area x area, index = weight / height squared);
* a sum, difference, product or ratio of two columns, which also finds those with zeros
  or many missing values, that logarithms and whole rows leave out.

The coefficient of determination must be at least 0.9999. For two columns nearly every
row must be met as well, since one huge row alone can make it so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data.strengths import Numbers, as_numbers, r2

BOUND = 0.9999
PART = 0.01
WHOLE = 0.9
HUGE = 1e100
ROWS_A_COLUMN = 4
FEWEST_ROWS = 8
PAIRED_COLUMNS = 100
PAIRED_ROWS = 100
KNOWN_PAIRS = 30
MET, NEAR = 0.99, 0.02

Combine = Callable[[Numbers, Numbers], Numbers]
PAIRS: dict[str, Combine] = {
    "{0} + {1}": np.add,
    "{0} - {1}": np.subtract,
    "{0} x {1}": np.multiply,
    "{0} / {1}": np.divide,
    "{1} / {0}": lambda a, b: np.divide(b, a),
}


@dataclass(frozen=True)
class Measured:
    """Number and date columns side by side, dates in days since 1970."""

    names: tuple[str, ...]
    values: Numbers

    def take(self, columns: NDArray[np.bool_]) -> Measured:
        """Return some of the columns."""
        chosen = np.flatnonzero(columns)
        names = tuple(self.names[place] for place in chosen)
        return Measured(names, self.values[:, chosen])

    def without(self, names: frozenset[str]) -> Measured:
        """Return the columns of other names."""
        return self.take(np.array([name not in names for name in self.names], bool))


def parts_of_target(
    features: pd.DataFrame,
    target: NDArray[Any],
    folds: NDArray[np.int64],
    *,
    alone: frozenset[str] = frozenset(),
) -> dict[str, str]:
    """Return the columns that together are the target, each with the reason.

    Parameters
    ----------
    features : DataFrame of shape (n_rows, n_features)
        Conformed columns; texts and categories are not looked at.
    target : ndarray of shape (n_rows,)
    folds : ndarray of int64 of shape (n_rows,)
        Weights come from the rows of all folds but the first; the rows of the first
        must be met.
    alone : frozenset of str
        Columns that are nearly the target by themselves: with a small one beside it,
        each of them would pass for one of a pair.
    """
    wanted = np.asarray(target, dtype=np.float64)
    if not len(wanted) or np.ptp(wanted) == 0 or np.abs(wanted).max() > HUGE:
        return {}
    columns = _measured(features)
    if len(columns.names) < 2:
        return {}
    return (
        _sums(columns, wanted, folds)
        or _products(columns, wanted, folds)
        or _two_columns(columns.without(alone), wanted)
    )


def _measured(features: pd.DataFrame) -> Measured:
    suited = []
    for name in features:
        if features[name].dtype.kind not in "fM":
            continue
        values = as_numbers(features[name])
        known = values[~np.isnan(values)]
        if len(known) and np.ptp(known) > 0 and np.abs(known).max() < HUGE:
            suited.append((str(name), values))
    matrix = np.empty((len(features), len(suited)))
    for place, (_, values) in enumerate(suited):
        matrix[:, place] = values
    return Measured(tuple(name for name, _ in suited), matrix)


def _sums(
    columns: Measured, wanted: Numbers, folds: NDArray[np.int64]
) -> dict[str, str]:
    found = _weighted(columns, wanted, folds)
    return {} if found is None else dict.fromkeys(found[0], _sum_words(*found))


def _products(
    columns: Measured, wanted: Numbers, folds: NDArray[np.int64]
) -> dict[str, str]:
    positive = (columns.values > 0).mean(axis=0) >= WHOLE
    rows = wanted > 0
    if positive.sum() < 2 or rows.mean() < WHOLE:
        return {}
    some = columns.take(positive)
    values = np.where(some.values[rows] > 0, some.values[rows], np.nan)
    found = _weighted(
        Measured(some.names, np.log(values)), np.log(wanted[rows]), folds[rows]
    )
    return {} if found is None else dict.fromkeys(found[0], _product_words(*found))


def _weighted(
    columns: Measured, wanted: Numbers, folds: NDArray[np.int64]
) -> tuple[list[str], Numbers] | None:
    """Return columns whose weighted sum meets the target, and their weights."""
    columns = columns.take((~np.isnan(columns.values)).mean(axis=0) >= WHOLE)
    whole = ~np.isnan(columns.values).any(axis=1)
    numbers, wanted, folds = columns.values[whole], wanted[whole], folds[whole]
    if len(wanted) < FEWEST_ROWS or np.ptp(wanted) == 0 or not (folds == 0).any():
        return None
    names = np.array(columns.names, dtype=object)
    nearest = _nearest(numbers, wanted, len(wanted) // ROWS_A_COLUMN)
    names, numbers = names[nearest], numbers[:, nearest]
    if len(names) < 2:
        return None
    weights, score = _weighted_sum(numbers, wanted, folds)
    spread = numbers.std(axis=0) * np.abs(weights) / wanted.std()
    parts = np.flatnonzero(spread > PART)
    if score < BOUND or len(parts) < 2:
        return None
    weights, score = _weighted_sum(numbers[:, parts], wanted, folds)
    if score < BOUND:
        return None
    return [str(name) for name in names[parts]], weights


def _nearest(numbers: Numbers, wanted: Numbers, limit: int) -> NDArray[np.int64]:
    """Return the columns most correlated with the target, in the table's order."""
    if numbers.shape[1] <= limit:
        return np.arange(numbers.shape[1])
    strength = np.abs(_correlations(numbers, wanted))
    return np.sort(np.argsort(-strength, kind="stable")[:limit])


def _weighted_sum(
    numbers: Numbers, wanted: Numbers, folds: NDArray[np.int64]
) -> tuple[Numbers, float]:
    centre, scale = numbers.mean(axis=0), numbers.std(axis=0)
    scale[scale == 0] = 1
    design = np.column_stack([(numbers - centre) / scale, np.ones(len(numbers))])
    held = folds == 0
    fitted, *_ = np.linalg.lstsq(design[~held], wanted[~held])
    return fitted[:-1] / scale, r2(wanted[held], design[held] @ fitted)


def _two_columns(columns: Measured, wanted: Numbers) -> dict[str, str]:
    """Return two columns of which an operation is the target, but for a scale."""
    limit = _nearest(np.nan_to_num(columns.values), wanted, PAIRED_COLUMNS)
    names = [columns.names[place] for place in limit]
    values = columns.values[:, limit]
    glance = slice(None, None, max(1, len(wanted) // PAIRED_ROWS))
    for first in range(len(names) - 1):
        others = values[:, first + 1 :]
        for words, combine in PAIRS.items():
            for second in _likely(
                values[glance, first], others[glance], wanted[glance], combine
            ):
                made = _combined(values[:, first], others[:, second], combine)
                if _meets(made, wanted):
                    pair = [names[first], names[first + 1 + second]]
                    said = words.format(*map(repr, pair))
                    reason = f"parts of the target, which is {said} but for a scale"
                    return dict.fromkeys(pair, reason)
    return {}


def _likely(
    one: Numbers, others: Numbers, wanted: Numbers, combine: Combine
) -> NDArray[np.int64]:
    made = _combined(one[:, None], others, combine)
    found = np.abs(_correlations(made, wanted)) ** 2 >= BOUND
    return np.flatnonzero(found & ((~np.isnan(made)).sum(axis=0) >= KNOWN_PAIRS))


def _combined(one: Numbers, others: Numbers, combine: Combine) -> Numbers:
    with np.errstate(all="ignore"):
        made = combine(one, others)
    return np.where(np.isfinite(made), made, np.nan)


def _correlations(numbers: Numbers, wanted: Numbers) -> Numbers:
    """Return the correlation of each column with the target over its known rows."""
    known = ~np.isnan(numbers)
    count = np.maximum(known.sum(axis=0), 1)
    target = np.where(known, wanted[:, None], 0.0)
    filled = np.where(known, numbers, 0.0)
    # What is too large to be squared comes out as no correlation.
    with np.errstate(all="ignore"):
        target = np.where(known, target - target.sum(axis=0) / count, 0.0)
        filled = np.where(known, filled - filled.sum(axis=0) / count, 0.0)
        size = np.sqrt((target**2).sum(axis=0) * (filled**2).sum(axis=0))
        found = (target * filled).sum(axis=0) / size
    return np.asarray(np.nan_to_num(found, posinf=0.0, neginf=0.0), np.float64)


def _meets(made: Numbers, wanted: Numbers) -> bool:
    """Return whether a straight line through `made` meets the target in most rows."""
    known = ~np.isnan(made)
    made, wanted = made[known], wanted[known]
    if len(made) < KNOWN_PAIRS or np.ptp(made) == 0 or np.ptp(wanted) == 0:
        return False
    slope, start = np.polyfit(made, wanted, 1)
    rest = np.abs(wanted - slope * made - start)
    middle = float(np.subtract(*np.quantile(wanted, [0.75, 0.25])))
    if r2(wanted, slope * made + start) < BOUND or middle == 0:
        return False
    return bool((rest <= NEAR * middle).mean() >= MET)


def _sum_words(names: list[str], weights: Numbers) -> str:
    if np.allclose(np.abs(weights), 1, atol=0.001):
        signs = ["+" if weight > 0 else "-" for weight in weights]
        terms = [f"{sign} {name!r}" for sign, name in zip(signs, names, strict=True)]
        return f"parts that add up to the target: {' '.join(terms).removeprefix('+ ')}"
    terms = [
        f"{'+' if weight > 0 else '-'} {abs(weight):.4g} x {name!r}"
        for weight, name in zip(weights, names, strict=True)
    ]
    said = " ".join(terms).removeprefix("+ ")
    return f"parts of the target, which is {said} but for a constant"


def _product_words(names: list[str], weights: Numbers) -> str:
    terms = [
        repr(name) if abs(weight - 1) < 0.001 else f"{name!r} to the {weight:.3g}"
        for name, weight in zip(names, weights, strict=True)
    ]
    return f"parts of the target, which is {' x '.join(terms)} but for a scale"
