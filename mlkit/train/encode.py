"""The step that turns a raw frame into what an estimator can take.

``native`` keeps categories as integer codes and missing values as they are, for
estimators that split on both by themselves; ``ordinal`` does the same for estimators
that see the codes as numbers; ``scaled`` fills, flags, scales and one-hot encodes, for
estimators that need numbers of one size; ``dense`` does so for those that take no
sparse matrix, or learn badly from one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from mlkit.train.dates import PARTS, DateParts
from mlkit.train.text import TextVectors

Encoding = Literal["native", "ordinal", "scaled", "dense"]

LEVELS = 255  # histogram estimators have 255 bins, so no more levels of a category
TOPICS = 20
RARE = 5
SPARSE_WORTH = 0.3


def make_encoder(
    kinds: Mapping[str, str], encoding: Encoding, *, seed: int = 0
) -> ColumnTransformer:
    """Return an unfitted encoder for a frame's feature columns.

    Parameters
    ----------
    kinds : mapping
        Kind of each feature column; columns not named here are dropped.
    encoding : {"native", "ordinal", "scaled", "dense"}
        What the estimator can take. Columns come in the order categories, numbers,
        dates, text; only ``scaled`` may give a sparse matrix.
    seed : int
        Seed of the text components.

    Returns
    -------
    ColumnTransformer
        Categories that ``fit`` did not see are treated as missing or as rare ones.
    """
    scaled = encoding in ("scaled", "dense")
    sparse = encoding == "scaled"
    by_kind = [
        ("category", one_hot() if scaled else level_codes(), categories(kinds)),
        ("number", scaled_numbers() if scaled else "passthrough", of(kinds, "number")),
        ("date", scaled_dates() if scaled else DateParts(), of(kinds, "date")),
    ]
    steps: list[tuple[str, Any, Any]] = [step for step in by_kind if step[2]]
    for name in of(kinds, "text"):
        text = TextVectors(None if sparse else TOPICS, seed=seed)
        steps.append((f"text_{name}", text, name))
    return ColumnTransformer(steps, sparse_threshold=SPARSE_WORTH if sparse else 0)


def of(kinds: Mapping[str, str], *wanted: str) -> list[str]:
    """Return the columns of the wanted kinds, in the frame's order."""
    return [name for name, kind in kinds.items() if kind in wanted]


def categories(kinds: Mapping[str, str]) -> list[str]:
    """Return the columns that are treated as categories."""
    return of(kinds, "category", "boolean")


def width(kinds: Mapping[str, str]) -> int:
    """Return how many columns a ``native`` or ``ordinal`` encoder gives."""
    plain = len(of(kinds, "category", "boolean", "number"))
    return plain + len(PARTS) * len(of(kinds, "date")) + TOPICS * len(of(kinds, "text"))


def level_codes() -> OrdinalEncoder:
    """Return an encoder to 0..254: missing and new levels NaN, rarest ones together."""
    return OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=LEVELS,
    )


def one_hot() -> OneHotEncoder:
    """Return a one-hot encoder; missing is a level, new levels count as rare."""
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=RARE, max_categories=LEVELS
    )


def scaled_numbers() -> Pipeline:
    """Return steps that fill with the median, flag what was missing, and scale."""
    fill = SimpleImputer(
        strategy="median", add_indicator=True, keep_empty_features=True
    )
    return Pipeline([("fill", fill), ("scale", StandardScaler())])


def scaled_dates() -> Pipeline:
    """Return steps that take dates apart and treat the parts as numbers."""
    return Pipeline([("parts", DateParts()), *scaled_numbers().steps])
