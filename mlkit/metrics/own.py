"""Metrics of the user's own, found by dotted path."""

from __future__ import annotations

import difflib
import importlib
import math
import numbers
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from mlkit.metrics.catalog import CLASSIFICATION, REGRESSION, MetricSpec
from mlkit.metrics.resampling import Resampler
from mlkit.metrics.scored import Array, Needs, Scored, Undefined

OwnFunction = Callable[[Any, Any], object]


class OwnMetricError(ValueError):
    """A metric of the user's own raised, or returned something that is no number."""


def own_metric(
    name: str, path: str, *, needs: Needs, greater_is_better: bool
) -> MetricSpec:
    """Return the record of a metric found by dotted path.

    Parameters
    ----------
    name
        How params and reports call it.
    path
        ``package.module:function`` with signature ``f(y_true, y_pred) -> float``. In
        binary tasks ``y_true`` is 1 for the positive class and 0 for the other, in
        multiclass tasks the position of the class among the classes. Sample weights are
        not handed over.
    needs
        What ``y_pred`` is: ``label`` (codes like those of ``y_true``), ``probability``
        (of the positive class, or one column a class) or ``value``.
    greater_is_better
        The direction of goodness.

    Raises
    ------
    ValueError
        When the path leads nowhere or to something that cannot be called.
    """
    function = load_function(path, signature="f(y_true, y_pred) -> float")

    def value(scored: Scored) -> float:
        return _call(name, path, function, *_arguments(scored, needs))

    def resampler(scored: Scored) -> Resampler:
        truth, predicted = _arguments(scored, needs)

        def values(counts: Array) -> Array:
            found = []
            for row in counts.astype(np.int64):
                rows = np.repeat(np.arange(len(row)), row)
                found.append(
                    _value_or_nan(name, path, function, truth[rows], predicted[rows])
                )
            return np.array(found)

        return values

    return MetricSpec(
        name=name,
        label=name,
        tasks=REGRESSION if needs == "value" else CLASSIFICATION,
        greater_is_better=greater_is_better,
        needs=needs,
        function=value,
        resampler=resampler,
        own=path,
    )


def load_function(path: str, *, signature: str) -> OwnFunction:
    """Return the function that a dotted path names.

    Parameters
    ----------
    path
        ``package.module:function``.
    signature
        How messages say what the function must look like.

    Raises
    ------
    ValueError
        When the path leads nowhere or to something that cannot be called.
    """
    module_name, _, attribute = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{path!r} must name a function that can be imported; there is no module "
            f"{error.name!r}. Install it, or put its folder on PYTHONPATH."
        ) from error
    except Exception as error:
        raise ValueError(
            f"{path!r} must name a function that can be imported; importing "
            f"{module_name!r} failed with {type(error).__name__}: {error}. Repair that "
            "module."
        ) from error
    function = getattr(module, attribute, None)
    if function is None:
        near = difflib.get_close_matches(attribute, dir(module), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else " Check the spelling."
        raise ValueError(
            f"{path!r} must name a function; module {module_name!r} has no "
            f"{attribute!r}.{hint}"
        )
    if not callable(function):
        raise ValueError(
            f"{path!r} must name a function with signature {signature}, got "
            f"{type(function).__name__}. Point the path at a function."
        )
    return function  # type: ignore[no-any-return]


def _arguments(scored: Scored, needs: Needs) -> tuple[Any, Any]:
    if needs == "value":
        return scored.y, scored.prediction
    if needs == "label":
        return scored.codes, scored.labels
    if scored.task == "binary":
        return scored.codes, scored.prediction[:, 1]
    return scored.codes, scored.prediction


def _call(
    name: str, path: str, function: OwnFunction, truth: Any, predicted: Any
) -> float:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UndefinedMetricWarning)
            result = function(truth, predicted)
    except (Undefined, UndefinedMetricWarning) as error:
        raise Undefined(str(error)) from error
    except Exception as error:
        raise OwnMetricError(
            f"The metric {name!r} ({path}) must return a number; for {len(truth)} rows "
            f"it raised {type(error).__name__}: {error}. Let it return NaN where it "
            "has no meaning."
        ) from error
    if not isinstance(result, numbers.Real):
        raise OwnMetricError(
            f"The metric {name!r} ({path}) must return one number, got "
            f"{type(result).__name__}. Return a float."
        )
    if not math.isfinite(float(result)):
        raise Undefined(f"{path} returned {float(result)}")
    return float(result)


def _value_or_nan(
    name: str, path: str, function: OwnFunction, truth: Any, predicted: Any
) -> float:
    try:
        return _call(name, path, function, truth, predicted)
    except Undefined:
        return math.nan
