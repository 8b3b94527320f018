"""Suspicions that a feature gives the target away.

A single column is suspected when, alone and cross-validated, it predicts the target
almost perfectly: an area under the ROC curve of at least 0.985 (the mean over classes,
one against the rest) or a coefficient of determination of at least 0.98. The bounds lie
above what the strongest genuine columns of well-known tables reach by this measure
(AUC 0.974 in breast_cancer, 0.89 in wine; R2 0.32 in diabetes, 0.52 in kc_house) and
below a copy of the target with one label in a hundred wrong, or with noise of a tenth
of its spread.

Several columns together are suspected when the target is made of them:
:mod:`mlkit.data.relations`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data.fingerprints import Hashes
from mlkit.data.inference import suspect
from mlkit.data.records import Check, Schema
from mlkit.data.relations import parts_of_target
from mlkit.data.strengths import (
    make_folds,
    rough_strength,
    scaled,
    strength,
)
from mlkit.params.models import Params

AUC_BOUND = 0.985
R2_BOUND = 0.98
ROWS = 5_000
CELLS = 2_000_000
FEWEST_ROWS = 500
SLACK = 0.05


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
        parts = parts_of_target(features, target, folds, alone=frozenset(found))
        found = {**parts, **found}
    if found:
        return [suspect(name, words, params) for name, words in found.items()]
    best = max(scores, key=lambda name: scores[name])
    words = f"the strongest, {best!r}, reaches {measure} {scores[best]:.4f} alone"
    rule = f"no feature should give the target away ({measure} of {bound})"
    return [Check("leakage", "ok", None, rule, words)]
