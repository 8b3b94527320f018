"""Reconstruction: whether the columns still hang together as they did.

Principal components of reference rows keep what the columns have in common. What they
leave over of a row is small where its columns hang together as those did, whatever each
column's own values are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from mlkit.drift.matrix import Numbers, Side, sample_rows, scaled
from mlkit.drift.out_of_fold import area

MOST_ROWS = 5_000
# Components are taken until they keep this share of the variance.
KEPT = 0.65
LEVEL = 0.01
# In favour of one side; 0.05 beside 0.5 is an area of 0.55.
MARGIN = 0.05
FEWEST_ROWS = 20


@dataclass(frozen=True)
class Reconstruction:
    """What principal components of the reference leave over of current rows.

    Attributes
    ----------
    ratio : float
        Mean error of current rows as a multiple of that of reference rows which had no
        part in the components; the error is the distance between a row and what the
        components keep of it.
    area, lower, upper : float
        Chance that a current row has a larger error than such a reference row, with
        its 99 % interval; 0.5 without drift.
    p : float
        Of the Mann-Whitney test of both sides' errors.
    flagged : bool
        Whether p is below 0.01 and the interval is off 0.5 by more than the margin.
    components, columns : int
        Components that were kept, and encoded columns they were made of.
    """

    ratio: float
    area: float
    lower: float
    upper: float
    p: float
    flagged: bool
    components: int
    columns: int

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain JSON data; a ratio that is none is None."""
        ratio = self.ratio if math.isfinite(self.ratio) else None
        return asdict(self) | {"ratio": ratio}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the finding that `to_dict` made plain."""
        ratio = math.nan if stored["ratio"] is None else stored["ratio"]
        return cls(**{**stored, "ratio": ratio})


def reconstruct(
    columns: Sequence[Side], *, rng: np.random.Generator
) -> Reconstruction | None:
    """Compare what components of the reference leave over of both sides' rows.

    Parameters
    ----------
    columns : sequence of Side
        The columns on both sides.
    rng : Generator
        Draws the half of the reference that the components are made of, and the rows
        where there are more than 5,000 of a side.

    Returns
    -------
    Reconstruction or None
        None where a side has too few rows, or fewer than two columns vary.

    Notes
    -----
    Without drift, the held-out rows of the reference and the current rows are alike to
    components that were made of neither, so the Mann-Whitney test keeps its level
    whatever the columns are.
    """
    if not columns:
        return None
    n, m = len(columns[0].reference), len(columns[0].current)
    if n < 2 * FEWEST_ROWS or m < FEWEST_ROWS:
        return None
    rows = rng.permutation(sample_rows(n, 2 * MOST_ROWS, rng))
    current_rows = sample_rows(m, MOST_ROWS, rng)
    fitted, held_out = np.array_split(rows, 2)
    learnt, current = scaled([each.take(fitted, current_rows) for each in columns])
    others = scaled([each.take(fitted, held_out) for each in _turned(columns)])[1]
    if learnt.shape[1] < 2:
        return None
    kept = _components(learnt)
    mean = learnt.mean(axis=0)
    return _compared(_errors(others, mean, kept), _errors(current, mean, kept), kept)


def _turned(columns: Sequence[Side]) -> list[Side]:
    """Return the columns with the reference on either side."""
    return [
        Side(each.name, each.reference, each.reference, each.levels) for each in columns
    ]


def _components(rows: Numbers) -> Numbers:
    """Return the directions that keep the share of variance, shape (kept, columns)."""
    _, values, directions = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    shares = np.cumsum(np.square(values)) / np.square(values).sum()
    kept = int(np.searchsorted(shares, KEPT)) + 1
    # All components leave nothing over of any row.
    return np.asarray(directions[: min(kept, rows.shape[1] - 1)])


def _errors(rows: Numbers, mean: Numbers, kept: Numbers) -> Numbers:
    centred = rows - mean
    left = centred - centred @ kept.T @ kept
    # Of rows that are kept entirely, rounding leaves what is no order.
    return np.asarray(np.round(np.linalg.norm(left, axis=1), 9))


def _compared(reference: Numbers, current: Numbers, kept: Numbers) -> Reconstruction:
    from scipy.stats import mannwhitneyu, rankdata

    both = np.concatenate([reference, current])
    truth = np.repeat([False, True], [len(reference), len(current)])
    found = area(truth, (rankdata(both) - 0.5) / len(both), confidence=1 - LEVEL)
    p = float(mannwhitneyu(current, reference).pvalue)
    off = found.lower > 0.5 + MARGIN or found.upper < 0.5 - MARGIN
    mean = float(reference.mean())
    return Reconstruction(
        ratio=float(current.mean()) / mean if mean else float("nan"),
        area=found.value,
        lower=found.lower,
        upper=found.upper,
        p=p,
        flagged=bool(p < LEVEL and off),
        components=len(kept),
        columns=kept.shape[1],
    )
