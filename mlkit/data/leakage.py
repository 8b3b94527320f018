"""Suspicions that a feature gives the target away.

A single column is suspected when, alone and cross-validated, it predicts the target
almost perfectly: an area under the ROC curve of at least 0.985 (the mean over classes,
one against the rest) or a coefficient of determination of at least 0.98. The bounds lie
above what the strongest genuine columns of well-known tables reach (0.976 in
breast_cancer, 0.95 in wine, 0.34 in diabetes, 0.49 in kc_house) and below a copy of the
target with one label in a hundred wrong, or with noise of a tenth of its spread.

Several number columns together are suspected when a weighted sum of them is the target:
a coefficient of determination of at least 0.9999 on rows not used for the weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlkit.data.distinct import find_distinct
from mlkit.data.fingerprints import Hashes
from mlkit.data.inference import suspect
from mlkit.data.records import Check, Schema
from mlkit.params.models import Params

AUC_BOUND = 0.985
R2_BOUND = 0.98
SUM_BOUND = 0.9999
ROWS = 5_000
CELLS = 2_000_000
FEWEST_ROWS = 500
FOLDS = 3
LEAF = 3
LEAVES = 64
PART = 0.01
RARE = 5

Numbers = NDArray[np.float64]


def find_leakage(
    features: pd.DataFrame,
    target: NDArray[Any],
    hashes: Hashes,
    schema: Schema,
    params: Params,
) -> list[Check]:
    """Return a check for each feature that is suspected of giving the target away.

    Parameters
    ----------
    features : DataFrame of shape (n_rows, n_features)
        Training rows; the 5,000 with the lowest hashes are looked at, fewer where there
        are more than 400 columns.
    target : ndarray of shape (n_rows,)
        Class indices, or values.
    hashes : ndarray of uint64 of shape (n_rows,)
        Hashes of the rows.
    """
    size = max(FEWEST_ROWS, min(ROWS, CELLS // max(1, features.shape[1])))
    size = max(FEWEST_ROWS, min(ROWS, CELLS // max(1, features.shape[1])))
    rows = np.argsort(hashes, kind="stable")[:size]
    features, target = features.iloc[rows], target[rows]
    classes = 0 if schema.classes is None else len(schema.classes)
    measure, bound = ("AUC", AUC_BOUND) if classes else ("R2", R2_BOUND)
    folds = make_folds(target)
    scores = {
        str(name): strength(features[name], target, folds, classes=classes)
        for name in features
    }
    found = {
        name: f"alone it predicts the target almost perfectly: {measure} {score:.4f} "
        f"by cross-validation, where {bound} is suspicious"
        for name, score in scores.items()
        if score >= bound
    }
    if not classes:
        for name, words in parts_of_target(features, target, folds).items():
            found.setdefault(name, words)
    if found:
        return [suspect(name, words, params) for name, words in found.items()]
    best = max(scores, key=lambda name: scores[name])
    words = f"the strongest, {best!r}, reaches {measure} {scores[best]:.4f} alone"
    rule = f"no feature should give the target away ({measure} of {bound})"
    return [Check("leakage", "ok", None, rule, words)]


def make_folds(target: NDArray[Any]) -> NDArray[np.int64]:
    """Return the fold of each row, each with the same share of low and high targets."""
    folds = np.empty(len(target), dtype=np.int64)
    folds[np.argsort(target, kind="stable")] = np.arange(len(target)) % FOLDS
    return folds


def strength(
    values: pd.Series, target: NDArray[Any], folds: NDArray[np.int64], *, classes: int
) -> float:
    """Return how well one column alone predicts the target.

    Parameters
    ----------
    values : Series of shape (n_rows,)
        A conformed column.
    target : ndarray of shape (n_rows,)
        Class indices, or values where `classes` is 0.
    folds : ndarray of int64 of shape (n_rows,)
        Each row is predicted from the rows of the other folds.
    classes : int
        Number of classes, 0 for regression.

    Returns
    -------
    float
        AUC or R2 of a small tree (numbers, dates) or of the outcome of each level
        (categories, texts); for numbers at least that of their ranks.
    """
    wanted = _one_hot(target, classes) if classes else target[:, None].astype(float)
    numeric = values.dtype.kind in "fM"
    if numeric:
        numbers = _numbers(values)
        predicted = _by_tree(numbers, target, folds, classes)
    else:
        predicted = _by_level(find_distinct(values).codes, wanted, folds)
    score = _mean_auc(wanted, predicted) if classes else _r2(target, predicted[:, 0])
    if not numeric or classes > 2:
        return score
    ranks = np.nan_to_num(numbers, nan=-np.inf)
    if classes == 2:
        auc = area_under_curve(target == 1, ranks)
        return max(score, auc, 1 - auc)
    return max(score, _r2_of_ranks(target, ranks))


def area_under_curve(positive: NDArray[np.bool_], score: Numbers) -> float:
    """Return the area under the ROC curve, the Mann-Whitney statistic of the ranks."""
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return 0.5
    ranks = rankdata(score)
    above = ranks[positive].sum() - count * (count + 1) / 2
    return float(above / (count * others))


def parts_of_target(
    features: pd.DataFrame, target: NDArray[Any], folds: NDArray[np.int64]
) -> dict[str, str]:
    """Return the number columns of which a weighted sum is the target, with the reason.

    Weights come from least squares on the rows of all folds but the first; the rows of
    the first must be met.
    """
    names = [name for name in features if features[name].dtype == np.float64]
    numbers = features[names].to_numpy(dtype=np.float64)
    whole = ~np.isnan(numbers).any(axis=1)
    numbers, wanted, folds = numbers[whole], target[whole].astype(float), folds[whole]
    if len(names) < 2 or len(wanted) < 4 * len(names) or np.ptp(wanted) == 0:
        return {}
    weights, score = _weighted_sum(numbers, wanted, folds)
    spread = numbers.std(axis=0) * np.abs(weights) / wanted.std()
    parts = np.flatnonzero(spread > PART)
    if score < SUM_BOUND or len(parts) < 2:
        return {}
    weights, score = _weighted_sum(numbers[:, parts], wanted, folds)
    if score < SUM_BOUND:
        return {}
    chosen = [str(names[part]) for part in parts]
    words = _sum_words(chosen, weights)
    return dict.fromkeys(chosen, words)


def _weighted_sum(
    numbers: Numbers, wanted: Numbers, folds: NDArray[np.int64]
) -> tuple[Numbers, float]:
    centre, scale = numbers.mean(axis=0), numbers.std(axis=0)
    scale[scale == 0] = 1
    scaled = np.column_stack([(numbers - centre) / scale, np.ones(len(numbers))])
    held = folds == 0
    fitted, *_ = np.linalg.lstsq(scaled[~held], wanted[~held])
    return fitted[:-1] / scale, _r2(wanted[held], scaled[held] @ fitted)


def _sum_words(names: list[str], weights: Numbers) -> str:
    if np.allclose(np.abs(weights), 1, atol=0.001):
        signs = ["+" if weight > 0 else "-" for weight in weights]
        terms = [f"{sign} {name!r}" for sign, name in zip(signs, names, strict=True)]
        return f"parts that add up to the target: {' '.join(terms).removeprefix('+ ')}"
    terms = [
        f"{weight:.4g} x {name!r}" for weight, name in zip(weights, names, strict=True)
    ]
    return f"parts of the target, which is {' + '.join(terms)} but for a constant"


def _numbers(values: pd.Series) -> Numbers:
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


def _by_level(
    codes: NDArray[np.int64], wanted: Numbers, folds: NDArray[np.int64]
) -> Numbers:
    """Predict each row by the mean outcome of its level in the other folds."""
    levels = codes + 1
    predicted = np.empty_like(wanted)
    for fold in range(FOLDS):
        held = folds == fold
        counts = np.bincount(levels[~held], minlength=levels.max() + 1)
        for column in range(wanted.shape[1]):
            outcome = wanted[~held, column]
            sums = np.bincount(levels[~held], outcome, minlength=len(counts))
            means = np.where(counts, sums / np.maximum(counts, 1), outcome.mean())
            predicted[held, column] = means[levels[held]]
    return predicted


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


def _r2(target: NDArray[Any], predicted: Numbers) -> float:
    total = float(((target - target.mean()) ** 2).sum())
    return 1 - float(((target - predicted) ** 2).sum()) / total if total else 0.0


def _r2_of_ranks(target: NDArray[Any], ranks: Numbers) -> float:
    """Return the square of Spearman's rank correlation."""
    if np.ptp(target) == 0 or (ranks == ranks[0]).all():
        return 0.0
    return float(np.corrcoef(rankdata(target), rankdata(ranks))[0, 1] ** 2)
