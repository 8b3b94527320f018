"""How well one column alone predicts the target, measured in a few milliseconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlkit.data.distinct import find_distinct

FOLDS = 3
LEAF = 3
LEAVES = 64
BINS = 128
RARE = 5
KNOWN = 0.5

Numbers = NDArray[np.float64]


def make_folds(target: NDArray[Any]) -> NDArray[np.int64]:
    """Return the fold of each row, each with the same share of low and high targets."""
    folds = np.empty(len(target), dtype=np.int64)
    folds[np.argsort(target, kind="stable")] = np.arange(len(target)) % FOLDS
    return folds


def rough_strength(values: pd.Series, target: NDArray[Any], *, classes: int) -> float:
    """Return how well the outcomes of a column's bins or levels describe the target.

    It is measured on the rows themselves, so it is quick and too high: a column that is
    weak by this measure is weak by :func:`strength`, and is not looked at again.
    """
    codes = _bins(values)
    wanted = _one_hot(target, classes) if classes else target[:, None].astype(float)
    everything = np.zeros(len(codes), dtype=bool)
    predicted = _level_means(codes, wanted, everything)
    score = _mean_auc(wanted, predicted) if classes else r2(target, predicted[:, 0])
    return max(score, _direct(values, target, classes))


def strength(
    values: pd.Series, target: NDArray[Any], folds: NDArray[np.int64], *, classes: int
) -> float:
    """Return how well one column alone predicts the target.

    Parameters
    ----------
    values : Series of shape (n_rows,)
        A conformed column.
    target : ndarray of shape (n_rows,)
        Class indices, or values of a size that can be squared where `classes` is 0.
    folds : ndarray of int64 of shape (n_rows,)
        Each row is predicted from the rows of the other folds.
    classes : int
        Number of classes, 0 for regression.

    Returns
    -------
    float
        AUC or R2 of a small tree (numbers, dates) or of the outcome of each level
        (categories, texts); for numbers and dates at least the AUC of the values, or
        the squared correlation of the values or of their ranks where at least half of
        them are known.
    """
    wanted = _one_hot(target, classes) if classes else target[:, None].astype(float)
    if values.dtype.kind in "fM":
        predicted = _by_tree(as_numbers(values), target, folds, classes)
    else:
        predicted = _by_level(find_distinct(values).codes, wanted, folds)
    score = _mean_auc(wanted, predicted) if classes else r2(target, predicted[:, 0])
    return max(score, _direct(values, target, classes))


def _direct(values: pd.Series, target: NDArray[Any], classes: int) -> float:
    """Return what the order or the size of numbers says, with nothing fitted."""
    if values.dtype.kind not in "fM" or classes > 2:
        return 0.0
    numbers = as_numbers(values)
    if classes:
        area = area_under_curve(target == 1, np.nan_to_num(numbers, nan=-np.inf))
        return max(area, 1 - area)
    known = ~np.isnan(numbers)
    if known.mean() < KNOWN:
        return 0.0
    numbers, target = numbers[known], target[known]
    ranked = _squared_correlation(rankdata(numbers), rankdata(target))
    return max(ranked, _squared_correlation(scaled(numbers), target))


def scaled(numbers: Numbers) -> Numbers:
    """Return numbers of at most 1, so that no square of them overflows."""
    top = np.abs(numbers).max(initial=0.0)
    return numbers / top if top else numbers


def area_under_curve(positive: NDArray[np.bool_], score: Numbers) -> float:
    """Return the area under the ROC curve, the Mann-Whitney statistic of the ranks."""
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return 0.5
    ranks = rankdata(score)
    above = ranks[positive].sum() - count * (count + 1) / 2
    return float(above / (count * others))


def as_numbers(values: pd.Series) -> Numbers:
    """Return numbers as they are, dates as days since 1970; NaN where missing."""
    if values.dtype.kind == "f":
        return values.to_numpy(dtype=np.float64)
    moments = values.to_numpy().astype("datetime64[us]")
    days = moments.astype(np.int64) / 86_400e6
    return np.where(np.isnat(moments), np.nan, days)


def _by_tree(
    numbers: Numbers, target: NDArray[Any], folds: NDArray[np.int64], classes: int
) -> Numbers:
    tree = DecisionTreeClassifier if classes else DecisionTreeRegressor
    leaves = max(LEAVES, 4 * classes)
    numbers = _order(numbers)
    predicted = np.zeros((len(numbers), max(1, classes)))
    for fold in range(FOLDS):
        held = folds == fold
        model = tree(max_leaf_nodes=leaves, min_samples_leaf=LEAF, random_state=0)
        model.fit(numbers[~held, None], target[~held])
        if classes:
            predicted[np.ix_(held, model.classes_)] = model.predict_proba(
                numbers[held, None]
            )
        else:
            predicted[held, 0] = model.predict(numbers[held, None])
    return predicted


def _order(numbers: Numbers) -> Numbers:
    """Return the place of each number in their order: small, as trees need them."""
    missing = np.isnan(numbers)
    places = np.searchsorted(np.unique(numbers[~missing]), numbers)
    return np.where(missing, np.nan, places)


def _by_level(
    codes: NDArray[np.int64], wanted: Numbers, folds: NDArray[np.int64]
) -> Numbers:
    """Predict each row by the mean outcome of its level in the other folds."""
    predicted = np.empty_like(wanted)
    for fold in range(FOLDS):
        held = folds == fold
        predicted[held] = _level_means(codes, wanted, held)[held]
    return predicted


def _level_means(
    codes: NDArray[np.int64], wanted: Numbers, held: NDArray[np.bool_]
) -> Numbers:
    """Return for each row the mean outcome of its level over the rows not held out."""
    levels = codes + 1
    seen = levels[~held]
    counts = np.bincount(seen, minlength=int(levels.max()) + 1)
    predicted = np.empty_like(wanted)
    for column in range(wanted.shape[1]):
        outcome = wanted[~held, column]
        sums = np.bincount(seen, outcome, minlength=len(counts))
        means = np.where(counts, sums / np.maximum(counts, 1), outcome.mean())
        predicted[:, column] = means[levels]
    return predicted


def _bins(values: pd.Series) -> NDArray[np.int64]:
    """Return a code for each row, -1 where missing: levels, sizes or ranges of them."""
    if values.dtype.kind not in "fM":
        return find_distinct(values).codes
    numbers = as_numbers(values)
    missing = np.isnan(numbers)
    edges = np.unique(numbers[~missing])
    if len(edges) > BINS:
        edges = np.unique(np.quantile(numbers[~missing], np.arange(1, BINS) / BINS))
    codes = np.searchsorted(edges, numbers, side="right")
    return np.where(missing, -1, codes).astype(np.int64)


def _one_hot(target: NDArray[Any], classes: int) -> Numbers:
    return np.asarray(target[:, None] == np.arange(classes), dtype=np.float64)


def _mean_auc(wanted: Numbers, predicted: Numbers) -> float:
    if wanted.shape[1] == 2:
        return area_under_curve(wanted[:, 1] == 1, predicted[:, 1])
    areas = [
        area_under_curve(wanted[:, column] == 1, predicted[:, column])
        for column in range(wanted.shape[1])
        if wanted[:, column].sum() >= RARE
    ]
    return float(np.mean(areas)) if areas else 0.5


def r2(target: NDArray[Any], predicted: Numbers) -> float:
    """Return the coefficient of determination, 0 for a target that does not vary."""
    total = float(((target - target.mean()) ** 2).sum())
    return 1 - float(((target - predicted) ** 2).sum()) / total if total else 0.0


def _squared_correlation(first: Numbers, second: Numbers) -> float:
    """Return the square of Pearson's correlation; of ranks it is Spearman's."""
    first, second = first - first.mean(), second - second.mean()
    spread = float((first**2).sum() * (second**2).sum())
    return float((first * second).sum()) ** 2 / spread if spread else 0.0
