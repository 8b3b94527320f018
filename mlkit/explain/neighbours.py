"""LIME: a linear model of the predictions around one row, with what it is worth.

Neighbours of the row are made up, the model is asked about them, and a linear model is
fitted to its answers, near ones counting more (Ribeiro et al., 2016, "Why Should I
Trust You?", KDD). Another draw of neighbours gives other weights, so it is repeated:
what differs between the repetitions is chance and not the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data.markup import table
from mlkit.data.records import MASK
from mlkit.explain.contributed import ExplainError, Space
from mlkit.explain.explanation import Explanation
from mlkit.explain.vicinity import Vicinity, make_vicinity
from mlkit.train.pipelines import steady

if TYPE_CHECKING:
    from mlkit.explain.explainers import Explainer

Floats = NDArray[np.float64]

ENOUGH_FIT = 0.3
ENOUGH_AGREEMENT = 0.6
MOST_TOP = 5
# More columns than this cannot be told apart by some thousand neighbours.
MOST_MOVED = 50
# The kernel's width over the root of the number of columns: LIME's own default.
WIDTH = 0.75
# Log-odds of a probability that is 0 or 1 to the last digit.
FARTHEST = 36.0


@dataclass(frozen=True)
class LimeExplanation:
    """What a linear model says of the predictions around one row.

    Attributes
    ----------
    outcome, space, name, reason
        As in :class:`mlkit.explain.Explanation`.
    columns : tuple of str
        The raw columns, largest weight first.
    values : tuple of str
        Their values in this row, masked where sensitive.
    meaning : tuple of str
        What a column's weight is the effect of.
    weights, spread : tuple of float
        Mean weight over the repetitions, and its standard deviation between them.
    fit : float
        R² of the linear model on the neighbours of another repetition, nearer ones
        counting more, averaged.
    agreement : float
        How many of the `top` columns two repetitions share, of all that either names
        (Jaccard index), averaged over pairs.
    top : int
        How many columns are compared for that.
    seeds, samples : int
        Repetitions, and neighbours in each.
    usable : bool
        Whether fit and agreement are good enough.
    sentence : str
        What it is worth, in plain words.
    """

    outcome: str
    space: Space
    columns: tuple[str, ...]
    values: tuple[str, ...]
    meaning: tuple[str, ...]
    weights: tuple[float, ...]
    spread: tuple[float, ...]
    fit: float
    agreement: float
    top: int
    seeds: int
    samples: int
    usable: bool
    sentence: str
    name: str = ""
    reason: str = ""
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; sensitive values are masked in it."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
        }

    def _repr_html_(self) -> str:
        parts = zip(
            self.columns,
            self.values,
            self.meaning,
            self.weights,
            self.spread,
            strict=True,
        )
        rows = [
            (name, value, meaning, f"{weight:+.3g} ± {spread:.2g}")
            for name, value, meaning, weight, spread in parts
        ]
        head = ["column", "value", "the weight is the effect of", "weight"]
        return f"<p>{self.sentence}</p>" + table("LIME", head, rows)


@dataclass(frozen=True, eq=False)
class Draw:
    """One repetition: its weights, its neighbours and the model's answers."""

    weights: Floats
    intercept: float
    neighbours: Floats
    answers: Floats
    nearness: Floats


def lime_explanation(
    explained: Explainer,
    row: pd.DataFrame,
    shap: Explanation,
    *,
    seeds: int,
    samples: int,
) -> LimeExplanation:
    """Return LIME's weights for one row, and how far to trust them.

    Parameters
    ----------
    explained : Explainer
        The model's explainer.
    row : DataFrame of shape (1, n_features)
        The conformed row.
    shap : Explanation
        The row's explanation, which says what is explained.
    seeds, samples : int
        Repetitions (at least 2), and neighbours in each.

    Raises
    ------
    ExplainError
        Fewer than 2 repetitions.
    """
    if seeds < 2:
        raise ExplainError(f"lime: at least 2 seeds show a spread, got {seeds}")
    vicinity = make_vicinity(
        *(explained.background, row, explained.schema), among=shap.columns[:MOST_MOVED]
    )
    if not vicinity.moved:
        return immovable(shap, seeds=seeds, samples=samples)
    place = explained.outputs.index(shap.outcome)
    with steady(samples):
        draws = [
            draw(explained, vicinity, place, seed=explained.seed + at, samples=samples)
            for at in range(seeds)
        ]
    return judged(draws, vicinity, shap, samples=samples)


def judged(
    draws: Sequence[Draw], vicinity: Vicinity, shap: Explanation, *, samples: int
) -> LimeExplanation:
    """Return what several repetitions say together, and what it is worth."""
    weights = np.array([each.weights for each in draws])
    fit = float(np.mean([r_squared(one, two) for one, two in neighbouring(draws)]))
    top = min(MOST_TOP, (weights.shape[1] + 1) // 2)
    agreement = shared_tops(weights, top)
    order = np.argsort(-np.abs(weights.mean(axis=0)), kind="stable")
    names = vicinity.moved
    values = dict(zip(shap.columns, shap.values, strict=True))
    return LimeExplanation(
        outcome=shap.outcome,
        space=shap.space,
        columns=tuple(names[at] for at in order),
        values=tuple(values[names[at]] for at in order),
        meaning=tuple(meaning(vicinity, at, values[names[at]]) for at in order),
        weights=tuple(float(w) for w in weights.mean(axis=0)[order]),
        spread=tuple(float(s) for s in weights.std(axis=0, ddof=1)[order]),
        fit=fit,
        agreement=agreement,
        top=top,
        seeds=len(draws),
        samples=samples,
        usable=fit >= ENOUGH_FIT and agreement >= ENOUGH_AGREEMENT,
        sentence=worth(fit, agreement, top),
        name=shap.name,
        reason=shap.reason,
        notes=(*shap.notes, *held_note(vicinity)),
    )


def neighbouring(draws: Sequence[Draw]) -> list[tuple[Draw, Draw]]:
    """Return each repetition with the next, whose neighbours it was not fitted to."""
    return list(zip(draws, [*draws[1:], draws[0]], strict=True))


def draw(
    explained: Explainer, vicinity: Vicinity, place: int, *, seed: int, samples: int
) -> Draw:
    """Run LIME once; its random state lives in its explainer, so that is a new one."""
    from lime.lime_tabular import LimeTabularExplainer

    rng = np.random.default_rng(seed)
    asked: list[tuple[Floats, Floats]] = []

    def answer(numbers: Floats) -> Floats:
        said = explained.method.answer(vicinity.decoded(numbers, rng))[:, place]
        said = np.clip(said, -FARTHEST, FARTHEST) if odds else said
        asked.append((numbers, said))
        return np.asarray(said)

    odds = explained.method.space == "log-odds"
    columns = len(vicinity.row)
    lime = LimeTabularExplainer(
        vicinity.background,
        mode="regression",
        categorical_features=list(vicinity.coded),
        discretize_continuous=False,
        feature_selection="none",
        kernel_width=WIDTH * np.sqrt(columns),
        random_state=np.random.RandomState(seed % 2**32),
    )
    found = lime.explain_instance(
        vicinity.row, answer, num_features=columns, num_samples=samples
    )
    weights = np.zeros(columns)
    for at, weight in found.local_exp[1]:
        weights[at] = weight
    ((numbers, said),) = asked
    scaled = (numbers - lime.scaler.mean_) / lime.scaler.scale_
    coded = list(vicinity.coded)
    scaled[:, coded] = numbers[:, coded] == vicinity.row[coded]
    apart = ((scaled - scaled[0]) ** 2).sum(axis=1)
    nearness = np.sqrt(np.exp(-apart / (WIDTH**2 * columns)))
    return Draw(weights, float(found.intercept[1]), scaled, said, nearness)


def r_squared(fitted: Draw, other: Draw) -> float:
    """Return how well one repetition's weights fit another one's neighbours."""
    said = fitted.intercept + other.neighbours @ fitted.weights
    middle = np.average(other.answers, weights=other.nearness)
    left = np.sum(other.nearness * (other.answers - said) ** 2)
    all_of_it = np.sum(other.nearness * (other.answers - middle) ** 2)
    return float(1 - left / all_of_it) if all_of_it > 0 else 1.0


def shared_tops(weights: Floats, top: int) -> float:
    """Return the mean Jaccard index of the `top` columns of all pairs of repetitions.

    Examples
    --------
    >>> shared_tops(np.array([[3.0, 2.0, 0.1], [3.0, 0.1, 2.0]]), 2)
    0.3333333333333333
    """
    order = np.argsort(-np.abs(weights), axis=1, kind="stable")[:, :top]
    tops = [set(row.tolist()) for row in order]
    return float(np.mean([len(a & b) / len(a | b) for a, b in combinations(tops, 2)]))


def meaning(vicinity: Vicinity, place: int, value: str) -> str:
    """Return what a column's weight is the effect of."""
    kind = vicinity.kinds[vicinity.moved[place]]
    if kind == "text":
        return "this text, against another row's"
    if place in vicinity.coded:
        return f"being {value}, against any other value"
    if value == MASK:
        return "a standard deviation more"
    size = float(f"{vicinity.background[:, place].std():.3g}")
    shown = f"{size:,.0f}" if size >= 100 else f"{size:g}"
    return f"{shown} {'days ' if kind == 'date' else ''}more (a standard deviation)"


def immovable(shap: Explanation, *, seeds: int, samples: int) -> LimeExplanation:
    """Return what is said of a row none of whose columns can be moved."""
    return LimeExplanation(
        outcome=shap.outcome,
        space=shap.space,
        columns=(),
        values=(),
        meaning=(),
        weights=(),
        spread=(),
        fit=0.0,
        agreement=0.0,
        top=0,
        seeds=seeds,
        samples=samples,
        usable=False,
        sentence="LIME cannot be used here: every column is missing in this row, or "
        "the same in every background row. Go by the SHAP contributions instead.",
        name=shap.name,
        reason=shap.reason,
        notes=shap.notes,
    )


def worth(fit: float, agreement: float, top: int) -> str:
    """Return in plain words how far LIME's weights can be trusted."""
    bad_fit = (
        f"a linear model fits the predictions around this row badly (R² {fit:.2f}, "
        f"{ENOUGH_FIT} would do)"
    )
    bad_tops = (
        f"its top {top} columns change from one repetition to the next (they share "
        f"{100 * agreement:.0f} %, {100 * ENOUGH_AGREEMENT:.0f} % would do)"
    )
    wrong = [bad_fit] * (fit < ENOUGH_FIT) + [bad_tops] * (agreement < ENOUGH_AGREEMENT)
    if wrong:
        return (
            f"LIME is too unstable to use here: {' and '.join(wrong)}. Go by the SHAP "
            "contributions instead."
        )
    return (
        f"LIME can be used here: R² {fit:.2f} on neighbours it was not fitted to, and "
        f"the repetitions share {100 * agreement:.0f} % of their top {top} columns."
    )


def held_note(vicinity: Vicinity) -> tuple[str, ...]:
    """Return which columns LIME did not move."""
    held = [name for name in vicinity.pool.columns if name not in vicinity.moved]
    if not held:
        return ()
    more = f" and {len(held) - MOST_TOP:,} more" if len(held) > MOST_TOP else ""
    return (
        f"LIME holds as they are: {', '.join(held[:MOST_TOP])}{more} (missing in this "
        "row, the same in every background row, or of little effect).",
    )
