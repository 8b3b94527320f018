"""What a fitted model says of rows: the numbers that contributions must add up to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from mlkit.data import Schema
from mlkit.explain.contributed import AdditivityError, Contributions, Floats, Space
from mlkit.explain.readers import Reader, find_reader

Answer = Callable[[Any], Floats]

RELATIVE = 1e-6
RELATIVE_SINGLE = 1e-5
EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Reading:
    """A model whose contributions follow from what it learnt.

    Attributes
    ----------
    encode : callable
        Turns raw rows into encoded ones.
    reader : Reader
        Reads the estimator behind the encoder.
    answer : callable
        What the fitted model says of raw rows, of shape (n_rows, n_outputs).
    scale, shift : float
        The answer is `scale` times what the estimator says, plus `shift`.
    space : {"log-odds", "score", "probability", "value"}
    origin : callable or None
        What the estimator itself says of encoded rows, scaled; where the answer is read
        off a probability, which near 0 and 1 tells less.
    """

    encode: Callable[[pd.DataFrame], Any]
    reader: Reader
    answer: Answer
    scale: float
    shift: float
    space: Space
    origin: Answer | None = None


def find_reading(
    model: Any, background: pd.DataFrame, schema: Schema
) -> Reading | None:
    """Return how a model is read; None for a model that can only be asked."""
    if not isinstance(model, Pipeline) or len(model) < 2:
        return None
    inner, scale, shift = unwrapped(model[-1])
    reader = None if inner is None else find_reader(inner)
    if reader is None:
        return None
    calibrated = isinstance(model[-1], CalibratedClassifierCV)
    if calibrated and reader.response == "margin":
        # Their calibration looks at the probability, which is no sum of contributions.
        return None
    answer = answer_of(model, reader, calibrated=calibrated)
    space = space_of(model, answer, reader, background, schema)
    if space is None:
        return None
    encode = model[:-1].transform
    if not calibrated:
        return Reading(encode, reader, answer, scale, shift, space)
    respond = getattr(inner, reader.response)
    shares = reader.response == "predict_proba"

    def origin(encoded: Any) -> Floats:
        said = respond(encoded)
        return (outputs_of(said) if shares else as_outputs(said)) * scale + shift

    return Reading(encode, reader, answer, scale, shift, space, origin)


def unwrapped(last: Any) -> tuple[Any, float, float]:
    """Return the estimator inside a last step, and how its answer is scaled.

    A sigmoid calibration of two classes is linear in the log-odds: the probability is
    ``expit(-(a f + b))`` (Platt, 1999). None where the step does more than scale.
    """
    if isinstance(last, CalibratedClassifierCV):
        (first, *others) = last.calibrated_classifiers_
        if others or first.method != "sigmoid" or len(last.classes_) != 2:
            return None, 1.0, 0.0
        (sigmoid,) = first.calibrators
        return first.estimator, -float(sigmoid.a_), -float(sigmoid.b_)
    if isinstance(last, TransformedTargetRegressor):
        scaler = last.transformer_
        if type(scaler) is not StandardScaler or scaler.scale_ is None:
            return None, 1.0, 0.0
        return last.regressor_, float(scaler.scale_[0]), float(scaler.mean_[0])
    return last, 1.0, 0.0


def answer_of(model: Pipeline, reader: Reader, *, calibrated: bool) -> Answer:
    """Return the function that asks a fitted model for what is explained."""
    if calibrated:
        return lambda X: log_odds(model.predict_proba(X))
    if reader.margin is not None:
        margin = reader.margin
        return lambda X: as_outputs(margin(reader.matrix(model[:-1].transform(X))))
    respond = getattr(model, reader.response)
    if reader.response == "predict_proba":
        return lambda X: outputs_of(respond(X))
    return lambda X: as_outputs(respond(X))


def space_of(
    model: Pipeline,
    answer: Answer,
    reader: Reader,
    background: pd.DataFrame,
    schema: Schema,
) -> Space | None:
    """Return the unit of an answer; None when it is not what the model predicts."""
    if schema.task == "regression":
        near = np.allclose(answer(background)[:, 0], model.predict(background))
        return "value" if near else None
    if reader.response == "predict_proba" and not isinstance(
        model[-1], CalibratedClassifierCV
    ):
        return "probability"
    found = answer(background)
    if found.shape[1] > 1:
        return "score"
    positive = outputs_of(model.predict_proba(background))
    return "log-odds" if np.allclose(expit(found), positive, atol=1e-6) else "score"


def as_outputs(values: Any) -> Floats:
    """Return values of shape (n_rows,) or (n_rows, n_outputs) as the latter."""
    array = np.asarray(values, dtype=np.float64)
    return array[:, None] if array.ndim == 1 else array


def outputs_of(probabilities: Any) -> Floats:
    """Return the probabilities that are explained: of two classes only the second."""
    found = np.asarray(probabilities, dtype=np.float64)
    return found[:, 1:] if found.shape[1] == 2 else found


def log_odds(probabilities: Any) -> Floats:
    """Return the log-odds of the second of two classes."""
    found = np.asarray(probabilities, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(found[:, 1:]) - np.log(found[:, :1]))


def check_sums(
    found: Contributions, *, single: bool = False, read: bool = False
) -> None:
    """Hold contributions to what the fitted model says.

    Parameters
    ----------
    found : Contributions
        With `output` as the fitted model gave it.
    single : bool
        Whether the model computes in float32.
    read : bool
        Whether the output was read off a probability near 0 or 1, whose rounding then
        counts.

    Raises
    ------
    AdditivityError
        A row's sum is further off than 1e-6 of its size (1e-5 with float32).
    """
    sums = found.base + found.values.sum(axis=1)
    size = np.maximum(1.0, np.abs(found.output))
    if single:
        # Addends of float32 carry an error of their own size into a small sum.
        size = np.maximum(size, np.abs(found.values).max(axis=1, initial=0.0))
    allowed = (RELATIVE_SINGLE if single else RELATIVE) * size
    if read:
        allowed = allowed + 4 * EPS / np.maximum(expit(sums) * expit(-sums), EPS**2)
    off = distance(sums, found.output)
    wrong = np.argwhere(~(off <= allowed))
    if not len(wrong):
        return
    row, output = wrong[np.argmax((off / allowed)[tuple(wrong.T)])]
    raise AdditivityError(
        f"explain: the contributions to {found.outputs[output]!r} must add up to what "
        f"the fitted model says. In row {row + 1} of the {len(sums)} explained they "
        f"add up to {sums[row, output]:.9g} and the model says "
        f"{found.output[row, output]:.9g} ({found.space}; method: {found.method}). "
        f"{len(np.unique(wrong[:, 0]))} rows are wrong, so none is shown. The "
        "estimator computes something else than its class promises; a class of your "
        "own that is not derived from it is explained by asking it"
    )


def relative_error(sums: Floats, output: Floats) -> float:
    """Return the largest distance of a sum, as a share of the output where above 1."""
    size = np.maximum(1.0, np.abs(output))
    return float((distance(sums, output) / size).max())


def distance(sums: Floats, output: Floats) -> Floats:
    """Return how far sums are off; saturated probabilities have infinite log-odds."""
    sure = np.isinf(output) & (np.sign(sums) == np.sign(output)) & (np.abs(sums) > 30)
    with np.errstate(invalid="ignore"):
        return np.where(sure, 0.0, np.abs(sums - output))
