"""Domain classifier: whether current rows can be told from those of the reference.

A classifier is trained to tell the two sides apart and scores rows that it has not
learned from. Without drift nobody can tell them apart and the area under its ROC curve
is 0.5. It sees what no test of one column does, such as two columns that no longer hang
together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mlkit.drift.matrix import Numbers, Side, sample_rows
from mlkit.drift.out_of_fold import FOLDS, Flags, area, folds, scores

# Of either side; of the reference no more than a multiple of the current rows, for
# further ones hardly help to tell them apart.
MOST_ROWS = 5_000
MOST_TO_ONE = 10
# A difference is stated when the lower end of the area's interval is above this: an
# area of 0.55 is what a shift of 0.18 standard deviations in one column gives.
MARGIN = 0.05
CONFIDENCE = 0.95
# Histogram trees. Few and small ones, for there is mostly nothing to learn, and what
# they learn by chance hides what is there.
TREES = 30
LEAVES = 8
LEAF_ROWS = 20
BINS = 64
# Rows on which the causes are ranked.
RANKED_ROWS = 2_000
MOST_CAUSES = 10
# Of the first cause's importance; less than this is noise beside it.
LEAST_OF_FIRST = 0.1


@dataclass(frozen=True)
class Cause:
    """A column, and how much of the area is lost when its values are shuffled."""

    column: str
    importance: float


@dataclass(frozen=True)
class Separation:
    """How well current rows can be told from those of the reference.

    Attributes
    ----------
    auc, lower, upper : float
        Area under the ROC curve of rows not learned from, with its 95 % interval.
    separable : bool
        Whether the lower end is above 0.5 by more than the margin.
    causes : tuple of Cause
        The columns by which they were told apart, the most important first; empty
        where they cannot be.
    rows, current_rows : int
        Rows that were looked at.
    """

    auc: float
    lower: float
    upper: float
    separable: bool
    causes: tuple[Cause, ...]
    rows: int
    current_rows: int

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain JSON data."""
        return asdict(self) | {"causes": [asdict(cause) for cause in self.causes]}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the finding that `to_dict` made plain."""
        causes = tuple(Cause(**each) for each in stored["causes"])
        return cls(**{**stored, "causes": causes})


def separate(columns: Sequence[Side], *, rng: np.random.Generator) -> Separation | None:
    """Tell current rows from those of the reference.

    Parameters
    ----------
    columns : sequence of Side
        The columns on both sides; at least `FOLDS` rows each, else None is returned.
    rng : Generator
        Draws the rows where there are more than 5,000 of a side, or more than ten of
        the reference for a current one; and the folds.

    Notes
    -----
    Lopez-Paz and Oquab, Revisiting Classifier Two-Sample Tests, arXiv 1610.06545. Both
    sides weigh the same. The scores are those of five folds, ranked within each; the
    interval is DeLong's. Causes are ranked by the loss of area when the values of a
    column are shuffled among held-out rows: Breiman, Machine Learning 45 (2001), 5-32.
    """
    chosen = _sampled(columns, rng)
    if chosen is None:
        return None
    names = tuple(dict.fromkeys(each.name for each in chosen))
    owner = np.array([names.index(each.name) for each in chosen])
    matrix = np.column_stack([_binned(each) for each in chosen])
    categorical = np.array([each.levels > 0 for each in chosen])
    sizes = len(chosen[0].reference), len(chosen[0].current)
    current = np.repeat([False, True], sizes)
    fold = folds(current, rng)
    models: list[tuple[Any, NDArray[np.int64]]] = []

    def fit_and_score(rows: NDArray[np.int64], held_out: NDArray[np.int64]) -> Numbers:
        model = _fitted(matrix[rows], current[rows], categorical)
        models.append((model, held_out))
        return np.asarray(model.decision_function(matrix[held_out]))

    found = area(current, scores(fold, fit_and_score), confidence=CONFIDENCE)
    separable = found.lower > 0.5 + MARGIN
    causes = _causes(models, matrix, current, owner, names, rng) if separable else ()
    return Separation(
        auc=found.value,
        lower=found.lower,
        upper=found.upper,
        separable=bool(separable),
        causes=causes,
        rows=sizes[0],
        current_rows=sizes[1],
    )


def _sampled(columns: Sequence[Side], rng: np.random.Generator) -> list[Side] | None:
    if not columns:
        return None
    n, m = len(columns[0].reference), len(columns[0].current)
    if min(n, m) < FOLDS:
        return None
    current_rows = sample_rows(m, MOST_ROWS, rng)
    most = min(MOST_ROWS, MOST_TO_ONE * len(current_rows))
    rows = sample_rows(n, most, rng)
    return [each.take(rows, current_rows) for each in columns]


def _binned(column: Side) -> Numbers:
    """Return codes, or the bin of each number among quantiles of both sides."""
    both = np.concatenate([column.reference, column.current])
    if column.levels:
        return both
    quantiles = np.nanquantile(both, np.linspace(0, 1, BINS + 1)[1:-1])
    bins = np.searchsorted(np.unique(quantiles), both).astype(np.float64)
    return np.where(np.isnan(both), np.nan, bins)


def _fitted(matrix: Numbers, current: Flags, categorical: Flags) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    share = current.mean()
    weight = np.where(current, 0.5 / share, 0.5 / (1 - share))
    model = HistGradientBoostingClassifier(
        max_iter=TREES,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAF_ROWS,
        categorical_features=categorical if categorical.any() else None,
        early_stopping=False,
        random_state=0,
    )
    return model.fit(matrix, current, sample_weight=weight)


def _causes(
    models: Sequence[tuple[Any, NDArray[np.int64]]],
    matrix: Numbers,
    current: Flags,
    owner: NDArray[np.int64],
    names: tuple[str, ...],
    rng: np.random.Generator,
) -> tuple[Cause, ...]:
    losses = np.zeros(len(names))
    for model, held_out in models:
        most = RANKED_ROWS // len(models)
        rows = held_out[sample_rows(len(held_out), most, rng)]
        truth = current[rows]
        if truth.all() or not truth.any():
            continue
        whole = _area(truth, model.decision_function(matrix[rows]))
        for place in range(len(names)):
            shuffled = matrix[rows]
            own = np.flatnonzero(owner == place)
            order = rng.permutation(len(rows))
            shuffled[:, own] = shuffled[np.ix_(order, own)]
            left = _area(truth, model.decision_function(shuffled))
            losses[place] += (whole - left) / len(models)
    ranked = np.argsort(-losses, kind="stable")[:MOST_CAUSES]
    least = LEAST_OF_FIRST * losses.max()
    return tuple(
        Cause(names[place], float(losses[place]))
        for place in ranked
        if losses[place] > max(0.0, least)
    )


def _area(current: Flags, score: Numbers) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(current, score))
