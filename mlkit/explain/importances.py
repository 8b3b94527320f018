"""Importance: what each column does to predictions, and what the model is worth of it.

Two questions that are often taken for one. How much a column *moves predictions* is the
mean size of its contributions. How much the model *needs* it is what the metric loses
when the column's values are shuffled among the test rows (Breiman, 2001, "Random
Forests", Machine Learning 45; here of the fitted model, as Fisher, Rudin and Dominici,
2019, do). A column that moves predictions the wrong way is high in the first only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit import train
from mlkit.data import Dataset
from mlkit.data.markup import table
from mlkit.explain.contributed import Contributions, Space
from mlkit.explain.explainers import Explainer, contributions
from mlkit.explain.rows import spread_rows
from mlkit.metrics import MetricSpec, Scored, Undefined
from mlkit.train.pipelines import steady

Floats = NDArray[np.float64]

RESAMPLES = 1000
PLAIN = 0.5
NOTHING = (None, None)
EXPENSIVE = (
    "The model is expensive to explain, so the contributions are those of {few} test "
    "rows instead of explain.global_rows = {rows}."
)
# Rows that are predicted for the permutation importance, in all.
ROWS_PREDICTED = 2_000_000
MOST_SHUFFLED = 60
FEWEST_ROWS = 200


@dataclass(frozen=True)
class Importances:
    """How much each raw column moves predictions, and how much the model needs it.

    Attributes
    ----------
    columns : tuple of str
        The raw columns, the one that moves predictions most first.
    moves, lower, upper : tuple of float
        Mean absolute contribution with its bootstrap interval, in units of `space`;
        over the classes where there are several.
    needs, spread : tuple of float or None
        How much worse `metric` becomes when the column is shuffled: mean and standard
        deviation over the repeats. None where the metric has no meaning.
    space : {"log-odds", "score", "probability", "value"}
    direction : tuple of {"up", "down", ""}
        Where more of a column moves predictions, by Spearman's rank correlation of at
        least 0.5 between a number or date and its contribution; empty where that is not
        plain.
    metric : str
        What people call the metric.
    greater_is_better : bool
        The metric's direction of goodness.
    rows, shuffled_rows, repeats : int
        Test rows behind `moves` and behind `needs`, and how often columns are shuffled.
    confidence : float
        Level of the interval.
    max_error : float
        Largest distance of a sum of contributions from the fitted model's answer, as a
        share of the answer where that is above 1.
    notes : tuple of str
        What a reader must know.
    """

    columns: tuple[str, ...]
    moves: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    needs: tuple[float | None, ...]
    spread: tuple[float | None, ...]
    direction: tuple[str, ...]
    space: Space
    metric: str
    greater_is_better: bool
    rows: int
    shuffled_rows: int
    repeats: int
    confidence: float
    max_error: float
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
        }

    def _repr_html_(self) -> str:
        head = ["column", f"mean contribution ({self.space})", f"{self.metric} lost"]
        rows = [
            (
                name,
                f"{move:.3g} ({low:.3g} to {high:.3g})",
                None if need is None else f"{need:.3g}",
            )
            for name, move, low, high, need in zip(
                self.columns,
                self.moves,
                self.lower,
                self.upper,
                self.needs,
                strict=True,
            )
        ]
        return table("Importances", head, rows)


@dataclass(frozen=True)
class Measure:
    """The metric that a shuffled column is held to, and how it is computed."""

    spec: MetricSpec
    threshold: float = 0.5
    average: Any = "binary"


def global_importance(
    explained: Explainer,
    dataset: Dataset,
    measure: Measure,
    *,
    rows: int = 300,
    repeats: int = 5,
    confidence: float = 0.95,
    seed: int = 0,
) -> Importances:
    """Return the importances of all columns on the test rows.

    Parameters
    ----------
    explained : Explainer
        The model's explainer.
    dataset : Dataset
        The data.
    measure : Measure
        The metric of the permutation importance.
    rows : int
        Test rows that are explained; fewer where the model is expensive to explain, and
        the notes say so.
    repeats : int
        How often each column is shuffled.
    confidence : float
        Level of the bootstrap interval.
    seed : int
        Seed of everything drawn.

    Raises
    ------
    AdditivityError
        A row's contributions do not add up to what the model says.
    """
    most = min(rows, explained.method.most)
    chosen = spread_rows(dataset.test_rows, most, seed=seed)
    found = contributions(explained, dataset.X(chosen))
    moves, lower, upper = mean_sizes(found, confidence=confidence, seed=seed)
    order = np.argsort(-moves, kind="stable")
    columns = tuple(found.columns[at] for at in order)
    lost, n, note = shuffling(
        explained, dataset, measure, columns[:MOST_SHUFFLED], repeats=repeats, seed=seed
    )
    where = directions(found, dataset.X(chosen), explained)
    if len(chosen) < min(rows, len(dataset.test_rows)):
        note = (*note, EXPENSIVE.format(few=len(chosen), rows=rows))
    return Importances(
        columns=columns,
        moves=tuple(moves[order].tolist()),
        lower=tuple(lower[order].tolist()),
        upper=tuple(upper[order].tolist()),
        needs=tuple(lost.get(name, NOTHING)[0] for name in columns),
        spread=tuple(lost.get(name, NOTHING)[1] for name in columns),
        direction=tuple(where[at] for at in order),
        space=found.space,
        metric=measure.spec.label,
        greater_is_better=measure.spec.greater_is_better,
        rows=len(chosen),
        shuffled_rows=n,
        repeats=repeats,
        confidence=confidence,
        max_error=found.max_error,
        notes=(*found.notes, *note),
    )


def mean_sizes(
    found: Contributions, *, confidence: float, seed: int
) -> tuple[Floats, Floats, Floats]:
    """Return each column's mean absolute contribution and its percentile interval.

    Rows are resampled (Efron and Tibshirani, 1993, "An Introduction to the Bootstrap",
    chapter 13).
    """
    sizes = np.abs(found.values).mean(axis=2)
    n = len(sizes)
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    means = draws @ sizes / n
    tail = (1 - confidence) / 2
    lower, upper = np.quantile(means, [tail, 1 - tail], axis=0)
    return sizes.mean(axis=0), lower, upper


def directions(
    found: Contributions, rows: pd.DataFrame, explained: Explainer
) -> list[str]:
    """Return where more of each column moves predictions, if that is plain."""
    said = []
    for place, name in enumerate(found.columns):
        ordered = explained.schema.column(name).kind in ("number", "date")
        if not ordered or len(found.outputs) > 1:
            said.append("")
            continue
        ranks = rows[name].rank().to_numpy()
        parts = pd.Series(found.values[:, place, 0]).rank().to_numpy()
        there = ~np.isnan(ranks)
        varied = there.any() and np.ptp(ranks[there]) > 0 and np.ptp(parts[there]) > 0
        rho = np.corrcoef(ranks[there], parts[there])[0, 1] if varied else 0.0
        said.append("up" if rho >= PLAIN else "down" if rho <= -PLAIN else "")
    return said


def shuffling(
    explained: Explainer,
    dataset: Dataset,
    measure: Measure,
    columns: Sequence[str],
    *,
    repeats: int,
    seed: int,
) -> tuple[dict[str, tuple[float, float]], int, tuple[str, ...]]:
    """Return what the metric loses by each shuffled column, rows used and notes."""
    from sklearn.inspection import permutation_importance

    task = dataset.schema.task
    most = max(FEWEST_ROWS, ROWS_PREDICTED // (len(columns) * repeats))
    rows = spread_rows(dataset.test_rows, most, seed=seed)
    whole = dataset.X(rows)
    weight = None if dataset.weight is None else dataset.weight.iloc[rows]

    def score(model: Any, X: pd.DataFrame, y: NDArray[Any]) -> float:
        said = train.predict(model, whole.assign(**{n: X[n] for n in columns}), task)
        how = {"threshold": measure.threshold, "average": measure.average}
        scored = Scored(task, y, said, weight, **how)
        return measure.spec.sign * measure.spec.function(scored)

    X, y = whole[list(columns)], dataset.target(rows)
    options = {"scoring": score, "n_repeats": repeats, "random_state": seed}
    try:
        with steady(len(rows)):
            found = permutation_importance(explained.model, X, y, **options)
    except Undefined as error:
        note = f"{measure.spec.label} has no meaning on these rows: {error}"
        return {}, len(rows), (note,)
    means, spreads = found.importances_mean.tolist(), found.importances_std.tolist()
    pairs = zip(means, spreads, strict=True)
    lost = dict(zip(columns, pairs, strict=True))
    rest = len(dataset.schema.features) - len(columns)
    note = f"Of {rest:,} columns of less effect it was not tried what shuffling costs."
    return lost, len(rows), (note,) if rest else ()
