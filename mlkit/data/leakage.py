"""Suspicions that a feature gives the target away.

A single column is suspected when, alone and cross-validated, it predicts the target
almost perfectly: an area under the ROC curve of at least 0.985 (the mean over classes,
one against the rest) or a coefficient of determination of at least 0.98. The bounds lie
above what the strongest genuine columns of well-known tables reach by this measure
(AUC 0.974 in breast_cancer, 0.89 in wine; R2 0.32 in diabetes, 0.52 in kc_house) and
below a copy of the target with one label in a hundred wrong, or with noise of a tenth
of its spread.

Several number columns together are suspected when a weighted sum of them is the target:
a coefficient of determination of at least 0.9999 on rows not used for the weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data.fingerprints import Hashes
from mlkit.data.inference import suspect
from mlkit.data.records import Check, Schema
from mlkit.data.strengths import (
    Numbers,
    make_folds,
    r2,
    rough_strength,
    scaled,
    strength,
)
from mlkit.params.models import Params

AUC_BOUND = 0.985
R2_BOUND = 0.98
SUM_BOUND = 0.9999
ROWS = 5_000
CELLS = 2_000_000
FEWEST_ROWS = 500
SLACK = 0.05
PART = 0.01
WHOLE = 0.9
HUGE = 1e100


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
    rows = np.argsort(hashes, kind="stable")[:size]
    features, target = features.iloc[rows], target[rows]
    classes = 0 if schema.classes is None else len(schema.classes)
    measure, bound = ("AUC", AUC_BOUND) if classes else ("R2", R2_BOUND)
    folds = make_folds(target)
    wanted = target if classes else scaled(target)
    rough = {
        str(name): rough_strength(features[name], wanted, classes=classes)
        for name in features
    }
    best = max(rough, key=lambda name: rough[name])
    scores = {
        name: strength(features[name], wanted, folds, classes=classes)
        for name in rough
        if name == best or rough[name] >= bound - SLACK
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


def parts_of_target(
    features: pd.DataFrame, target: NDArray[Any], folds: NDArray[np.int64]
) -> dict[str, str]:
    """Return the number columns of which a weighted sum is the target, with the reason.

    Weights come from least squares on the rows of all folds but the first; the rows of
    the first must be met. Columns of which more than a tenth is missing are left out.
    """
    names = [name for name in features if _is_summand(features[name])]
    numbers = features[names].to_numpy(dtype=np.float64)
    whole = ~np.isnan(numbers).any(axis=1)
    numbers, wanted, folds = numbers[whole], target[whole].astype(float), folds[whole]
    if len(names) < 2 or len(wanted) < 4 * len(names):
        return {}
    if np.ptp(wanted) == 0 or np.abs(wanted).max() > HUGE:
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


def _is_summand(values: pd.Series) -> bool:
    known = values.dtype == np.float64 and values.notna().mean() >= WHOLE
    return bool(known and values.abs().max() < HUGE)


def _weighted_sum(
    numbers: Numbers, wanted: Numbers, folds: NDArray[np.int64]
) -> tuple[Numbers, float]:
    centre, scale = numbers.mean(axis=0), numbers.std(axis=0)
    scale[scale == 0] = 1
    design = np.column_stack([(numbers - centre) / scale, np.ones(len(numbers))])
    held = folds == 0
    fitted, *_ = np.linalg.lstsq(design[~held], wanted[~held])
    return fitted[:-1] / scale, r2(wanted[held], design[held] @ fitted)


def _sum_words(names: list[str], weights: Numbers) -> str:
    if np.allclose(np.abs(weights), 1, atol=0.001):
        signs = ["+" if weight > 0 else "-" for weight in weights]
        terms = [f"{sign} {name!r}" for sign, name in zip(signs, names, strict=True)]
        return f"parts that add up to the target: {' '.join(terms).removeprefix('+ ')}"
    terms = [
        f"{weight:.4g} x {name!r}" for weight, name in zip(weights, names, strict=True)
    ]
    return f"parts of the target, which is {' + '.join(terms)} but for a constant"
