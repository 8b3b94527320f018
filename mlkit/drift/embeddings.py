"""Embeddings: groups of numeric columns that are compared as one point each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, Self

import numpy as np
import pandas as pd

from mlkit.data import Schema
from mlkit.drift.matrix import Numbers, sample_rows, values
from mlkit.params.models import Drift

# Of either side: all distances between them are kept at once, 8 MB of them.
MOST_ROWS = 500
FEWEST_ROWS = 10
PERMUTATIONS = 499
LEVEL = 0.01


class EmbeddingError(ValueError):
    """A group of ``drift.embeddings`` does not fit the columns."""


@dataclass(frozen=True)
class EmbeddingDrift:
    """What became of a group of columns.

    Attributes
    ----------
    name : str
        How the params call it.
    columns : tuple of str
        Its columns.
    distance : float
        Energy distance of both sides, 2 E|X - Y| - E|X - X'| - E|Y - Y'|, unbiased.
    effect : float
        Square root of its share of 2 E|X - Y|, from 0 to 1: about half the shift, in
        standard deviations, where every column shifts by the same.
    p : float
        Of the permutation test, corrected for the number of groups.
    flagged : bool
        Whether p is at most 0.01 and the effect at least ``drift.min_effect``.
    rows, current_rows : int
        Rows without a missing value that were looked at.
    reason : str
        The finding in a sentence.
    """

    name: str
    columns: tuple[str, ...]
    distance: float
    effect: float
    p: float
    flagged: bool
    rows: int
    current_rows: int
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain JSON data."""
        return asdict(self) | {"columns": list(self.columns)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the finding that `to_dict` made plain."""
        return cls(**{**stored, "columns": tuple(stored["columns"])})


def embedding_columns(params: Drift, schema: Schema) -> dict[str, tuple[str, ...]]:
    """Return the columns of each group of ``drift.embeddings``, by its name.

    Raises
    ------
    EmbeddingError
        A pattern that matches no feature, or one that is not a number.
    """
    return {
        each.name: _matching(each.name, each.columns, schema)
        for each in params.embeddings
    }


def _matching(name: str, pattern: str, schema: Schema) -> tuple[str, ...]:
    key = f"drift.embeddings, {name!r}: columns"
    found = tuple(each for each in schema.features if fnmatchcase(each, pattern))
    if not found:
        raise EmbeddingError(
            f"{key} must be a pattern of feature names, and {pattern!r} matches "
            f"none of the {len(schema.features)} features; `vector_*` matches every "
            "name that starts with vector_"
        )
    odd = [each for each in found if schema.column(each).kind != "number"]
    if odd:
        raise EmbeddingError(
            f"{key} must match numbers only, and {pattern!r} also matches {odd[0]!r}, "
            f"which is of kind {schema.column(odd[0]).kind}; make the pattern narrower"
        )
    return found


def embedding_drift(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    schema: Schema,
    *,
    params: Drift,
    rng: np.random.Generator,
) -> tuple[EmbeddingDrift, ...]:
    """Compare each group of columns as one point a row.

    Columns are not brought to one scale: those of a group are coordinates of one space.
    A row with a missing coordinate is left out. A group that a table lacks, or that has
    fewer than ten complete rows on a side, is not compared: its columns tell.

    Raises
    ------
    EmbeddingError
        A pattern that matches no feature, or one that is not a number.

    Notes
    -----
    Székely and Rizzo, Energy statistics, Journal of Statistical Planning and Inference
    143 (2013), 1249-1272; it is the maximum mean discrepancy of a distance kernel
    (Sejdinovic et al., Annals of Statistics 41 (2013), 2263-2291). The p-value of 499
    permutations is (b + 1) / (m + 1): Phipson and Smyth, arXiv 1603.05766.
    """
    groups = embedding_columns(params, schema)
    found = []
    for name, columns in groups.items():
        one, other = (
            _points(frame, columns, schema, rng) for frame in (reference, current)
        )
        if min(len(one), len(other)) >= FEWEST_ROWS:
            found.append(_drift(name, columns, one, other, len(groups), params, rng))
    return tuple(found)


def _points(
    frame: pd.DataFrame,
    columns: Sequence[str],
    schema: Schema,
    rng: np.random.Generator,
) -> Numbers:
    """Return complete rows, shape (n_rows, n_columns), none where a column is gone."""
    if not set(columns) <= set(frame.columns):
        return np.empty((0, len(columns)))
    points = np.column_stack(
        [values(frame, schema.column(name)).to_numpy(np.float64) for name in columns]
    )
    points = points[~np.isnan(points).any(axis=1)]
    points = points[sample_rows(len(points), MOST_ROWS, rng)]
    return np.asarray(points[np.lexsort(points.T)])


def _drift(
    name: str,
    columns: tuple[str, ...],
    one: Numbers,
    other: Numbers,
    groups: int,
    params: Drift,
    rng: np.random.Generator,
) -> EmbeddingDrift:
    distance, effect, p = energy_test(one, other, rng)
    p = min(1.0, p * groups)
    # Below this no p-value can fall, so with many groups it is what counts.
    least = max(LEVEL, groups / (PERMUTATIONS + 1))
    flagged = p <= least and effect >= params.min_effect
    change = f"effect {effect:.3f}, p {p:.3f}"
    said = "moved" if flagged else "did not move beyond chance and drift.min_effect"
    return EmbeddingDrift(
        name=name,
        columns=columns,
        distance=distance,
        effect=effect,
        p=p,
        flagged=flagged,
        rows=len(one),
        current_rows=len(other),
        reason=f"the points of {name} {said} ({change})",
    )


def energy_test(
    one: Numbers, other: Numbers, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Return the energy distance of two sets of points, its effect and its p-value.

    Parameters
    ----------
    one, other : ndarray of shape (n_rows, n_columns)
        At least two points each.
    rng : Generator
        Draws the permutations.
    """
    from scipy.spatial.distance import cdist

    n, m = len(one), len(other)
    both = np.concatenate([one, other])
    apart = cdist(both, both)
    sides = np.zeros((n + m, PERMUTATIONS + 1))
    sides[:n, 0] = 1
    for each in range(1, PERMUTATIONS + 1):
        sides[rng.choice(n + m, n, replace=False), each] = 1
    to_one = apart @ sides
    within = np.einsum("ij,ij->j", sides, to_one)
    total = float(apart.sum())
    across = to_one.sum(axis=0) - within
    within_other = total - within - 2 * across
    between = 2 * across / (n * m)
    distances = between - within / (n * (n - 1)) - within_other / (m * (m - 1))
    # Sums in another order differ by rounding; equal statistics must count as equal.
    as_far = distances[1:] >= distances[0] - 1e-12 * total
    p = (1 + int(as_far.sum())) / (PERMUTATIONS + 1)
    share = max(0.0, distances[0] / between[0]) if between[0] > 0 else 0.0
    return float(distances[0]), math.sqrt(share), p
