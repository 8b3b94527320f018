"""How a model is explained: read where its class is known, asked otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from mlkit.data import Schema
from mlkit.explain import coalitions
from mlkit.explain.answers import (
    Answer,
    Reading,
    as_outputs,
    find_reading,
    outputs_of,
)
from mlkit.explain.contributed import ExplainError, Floats, Game, Space
from mlkit.explain.leaf_shapley import MOST_PLAYERS
from mlkit.explain.path_dependent import PathSums
from mlkit.explain.players import filled_by_blocks, find_owners, owner_matrix
from mlkit.explain.readers import dense

# What one explanation of many rows may cost: leaves met by rows, leaves by depths
# by rows (see PathSums), and rows answered.
LEAVES_BY_ROWS = 12_000_000
PATHS_BY_ROWS = 900_000_000
ROWS_ASKED = 2_000_000
FEWEST_ROWS = 20
ROWS_AT_ONCE = 200_000
WIDEST = 2_000
MANY = (
    "More than {few:,} rows of this model are explained by what its trees learnt, and "
    "fewer against the background rows: a row's contributions can differ."
)


@dataclass(frozen=True, eq=False)
class Parts:
    """Contributions before they are checked.

    Attributes
    ----------
    base : ndarray of shape (n_outputs,), or None
        None is the average answer for the background.
    values : ndarray of shape (n_rows, n_columns, n_outputs)
    spread : float
        Largest standard error of a value; 0 where nothing was drawn.
    """

    base: Floats | None
    values: Floats
    spread: float = 0.0


@dataclass(frozen=True, eq=False)
class Method:
    """How one model is explained.

    Attributes
    ----------
    name : str
        In words.
    space, game : str
        See :class:`mlkit.explain.Contributions`.
    answer : callable
        What the fitted model says of raw rows, of shape (n_rows, n_outputs).
    attribute : callable
        ``attribute(rows)`` returns the parts.
    affordable : int
        Rows that can be explained together in some ten to twenty seconds.
    single : bool
        Whether the model computes in float32.
    read_off : bool
        Whether the answer is read off a probability.
    many : Method or None
        How more rows than `affordable` are explained.
    notes : tuple of str
        What a reader of the contributions must know.
    """

    name: str
    space: Space
    game: Game
    answer: Answer
    attribute: Callable[[pd.DataFrame], Parts]
    affordable: int
    single: bool = False
    read_off: bool = False
    many: Method | None = None
    notes: tuple[str, ...] = ()

    @property
    def most(self) -> int:
        """Rows that can be explained together, by whichever way."""
        return self.affordable if self.many is None else self.many.affordable

    def for_rows(self, rows: int) -> Method:
        """Return how so many rows are explained together."""
        many = self.many
        return self if many is None or rows <= self.affordable else many


def find_method(
    model: Any, background: pd.DataFrame, schema: Schema, *, seed: int
) -> Method:
    """Return how a model is explained.

    Raises
    ------
    ExplainError
        A classifier without probabilities.
    """
    check_probabilities(model, schema)
    reading = find_reading(model, background, schema)
    if reading is not None and fits(reading, background):
        return reading_method(model, reading, background)
    return asking_method(model, background, schema, seed=seed)


def fits(reading: Reading, background: pd.DataFrame) -> bool:
    """Return whether each encoded column has one owner, and paths are not too long."""
    short = min(background.shape[1], reading.reader.depth) <= MOST_PLAYERS
    return short and find_owners(reading.encode, background) is not None


def check_probabilities(model: Any, schema: Schema) -> None:
    """Refuse a classifier that gives no probabilities."""
    if schema.task == "regression" or hasattr(model, "predict_proba"):
        return
    last = model[-1] if isinstance(model, Pipeline) else model
    what = "classifier" if is_classifier(last) else "model"
    raise ExplainError(
        f"explain: a classification is explained by its probabilities, and the {what} "
        f"{type(last).__name__} has none (no predict_proba). Set train.calibration: "
        "sigmoid, which gives it probabilities, or choose another train.estimator"
    )


def reading_method(
    model: Pipeline, reading: Reading, background: pd.DataFrame
) -> Method:
    """Return the method for a model whose contributions follow from what it learnt."""
    reader = reading.reader

    def attribute(rows: pd.DataFrame) -> Parts:
        pool = pd.concat([background, rows])
        owners = find_owners(reading.encode, pool)
        if owners is None:
            raise ExplainError(
                "explain: the encoder mixes raw columns in these rows, so that what "
                "belongs to one of them cannot be told; use an encoder whose every "
                "output looks at one column"
            )
        owners = filled_by_blocks(owners, model[0], list(rows.columns))
        seen = reading.encode(pool)
        encoded, split = reader.matrix(seen), len(background)
        base, values = reader.attribute(
            encoded[split:], encoded[:split], owners, rows.shape[1]
        )
        if base is not None:
            base = base * reading.scale + reading.shift
        elif reading.origin is not None:
            base = reading.origin(seen[:split]).mean(axis=0)
        return Parts(base, values * reading.scale)

    most = LEAVES_BY_ROWS // reader.leaves if reader.leaves else ROWS_ASKED
    own = Method(
        name=reader.name,
        space=reading.space,
        game=reader.game,
        answer=reading.answer,
        attribute=attribute,
        affordable=max(FEWEST_ROWS, most),
        single=reader.single,
        read_off=reading.origin is not None,
    )
    many = many_method(own, model, reading, background, few=most)
    return own if many is None else replace(own, affordable=most, many=many)


def many_method(
    own: Method,
    model: Pipeline,
    reading: Reading,
    background: pd.DataFrame,
    *,
    few: int,
) -> Method | None:
    """Return how more rows than `few` are explained; None where nothing is gained.

    Every encoded column that the trees test must have a known owner, also one that is
    the same in all rows: it counts in the path-dependent game.
    """
    paths = reading.reader.paths
    if paths is None or not len(paths.used):
        return None
    affordable = max(FEWEST_ROWS, PATHS_BY_ROWS // paths.cost)
    if affordable <= few:
        return None
    owners = owners_of_all(model, reading, background)
    if owners is None or (owners[paths.used] < 0).any():
        return None
    to_columns = owner_matrix(owners, background.shape[1])
    return replace(
        own,
        name="shap's path-dependent tree Shapley values, summed over encoded columns",
        game="path-dependent",
        attribute=path_attribute(reading, paths, to_columns),
        affordable=affordable,
        notes=(MANY.format(few=few),),
    )


def owners_of_all(
    model: Pipeline, reading: Reading, background: pd.DataFrame
) -> NDArray[np.int64] | None:
    """Return the raw column behind each encoded column, as far as it can be told.

    A row of which everything is missing moves the flags of what is seldom missing.
    """
    pool = background.reindex([*background.index, len(background)])
    owners = find_owners(reading.encode, pool)
    if owners is None:
        return None
    return filled_by_blocks(owners, model[0], list(background.columns))


def path_attribute(
    reading: Reading, paths: PathSums, to_columns: Any
) -> Callable[[pd.DataFrame], Parts]:
    """Return the function that sums a forest's values of encoded columns."""

    def attribute(rows: pd.DataFrame) -> Parts:
        base, found = paths.attribute(reading.reader.matrix(reading.encode(rows)))
        values = np.stack(
            [found[:, :, k] @ to_columns for k in range(found.shape[2])], axis=2
        )
        return Parts(base * reading.scale + reading.shift, values * reading.scale)

    return attribute


def asking_method(
    model: Any, background: pd.DataFrame, schema: Schema, *, seed: int
) -> Method:
    """Return the method for a model that can only be asked."""
    columns = background.shape[1]
    regression = schema.task == "regression"
    answer = answer_function(model, regression=regression)

    def attribute(rows: pd.DataFrame) -> Parts:
        mixture = find_mixture(model, background, rows, regression=regression)
        found = [
            coalitions.shapley(mixture(row), columns, np.random.default_rng(seed))
            for row in range(len(rows))
        ]
        spread = max((float(each.spread.max()) for each in found), default=0.0)
        return Parts(None, np.stack([each.values for each in found]), spread)

    every = columns <= coalitions.ALL_UP_TO
    how = "every coalition of columns" if every else "columns joining in random orders"
    cost = coalitions.asked(columns) * len(background)
    return Method(
        name=f"Shapley values by asking the model, {how}",
        space="value" if regression else "probability",
        game="interventional",
        answer=answer,
        attribute=attribute,
        affordable=max(FEWEST_ROWS, ROWS_ASKED // cost),
    )


def answer_function(estimator: Any, *, regression: bool) -> Answer:
    """Return what is asked of a model, or of the last step of one."""
    if regression:
        return lambda X: as_outputs(estimator.predict(X))
    return lambda X: outputs_of(estimator.predict_proba(X))


def find_mixture(
    model: Any, background: pd.DataFrame, rows: pd.DataFrame, *, regression: bool
) -> Callable[[int], coalitions.Worth]:
    """Return the function that gives, for a row, the worth of coalitions.

    Rows are encoded once and mixed afterwards where each encoded column has one owner;
    else the raw rows are mixed.
    """
    pool = pd.concat([background, rows])
    split = len(background)
    if isinstance(model, Pipeline) and len(model) > 1:
        owners = find_owners(model[:-1].transform, pool)
        if owners is not None and len(owners) <= WIDEST:
            matrix = dense(model[:-1].transform(pool))
            answer = answer_function(model[-1], regression=regression)
            return lambda row: mixed_arrays(
                answer, matrix[:split], matrix[split + row], owners
            )
    answer = answer_function(model, regression=regression)
    return lambda row: mixed_frames(answer, pool, split, split + row)


def mixed_arrays(
    answer: Answer, background: Floats, row: Floats, owners: NDArray[np.int64]
) -> coalitions.Worth:
    """Return the worth of coalitions, mixing encoded rows."""

    def worth(members: NDArray[np.bool_]) -> Floats:
        chosen = members[:, owners]
        parts = []
        for some in in_portions(chosen, len(background)):
            mixed = np.where(some[:, None], row, background)
            said = answer(mixed.reshape(-1, background.shape[1]))
            parts.append(said.reshape(len(some), len(background), -1).mean(axis=1))
        return np.concatenate(parts)

    return worth


def mixed_frames(
    answer: Answer, pool: pd.DataFrame, split: int, row: int
) -> coalitions.Worth:
    """Return the worth of coalitions, mixing raw rows."""

    def worth(members: NDArray[np.bool_]) -> Floats:
        parts = []
        for some in in_portions(members, split):
            taken = np.where(some[:, None, :], row, np.arange(split)[None, :, None])
            places = taken.reshape(-1, pool.shape[1])
            mixed = {
                name: pool[name].take(places[:, at]).reset_index(drop=True)
                for at, name in enumerate(pool.columns)
            }
            said = answer(pd.DataFrame(mixed))
            parts.append(said.reshape(len(some), split, -1).mean(axis=1))
        return np.concatenate(parts)

    return worth


def in_portions(members: NDArray[np.bool_], rows: int) -> Iterator[NDArray[np.bool_]]:
    """Yield coalitions in portions that are answered at once."""
    step = max(1, ROWS_AT_ONCE // rows)
    for start in range(0, len(members), step):
        yield members[start : start + step]
