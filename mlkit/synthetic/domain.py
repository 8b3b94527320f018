"""What a domain is: its dials, its table and the truth behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.params.models import Task
from mlkit.params.problems import nearest, shown

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Option:
    """A dial of a generator: its default and the range it may be set to.

    Attributes
    ----------
    default : int or float
        A whole number means that only whole numbers are taken.
    """

    default: float
    least: float
    most: float
    meaning: str

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are taken."""
        return isinstance(self.default, int)


@dataclass(frozen=True, eq=False)
class Truth:
    """What a model could know at best about each row, and which rows were touched.

    Attributes
    ----------
    expected : ndarray of shape (n_rows,) or (n_rows, n_classes)
        Probability of the positive class (binary) or of each class (multiclass, in the
        alphabetical order of the classes), or the expected value (regression), given
        every column before values went missing.
    unbiased : ndarray of the same shape
        The same without the injected bias.
    biased, bad_slice : ndarray of bool of shape (n_rows,)
        Rows that the injected bias and the bad slice touch; none when the dial is 0.
    drifted : ndarray of shape (n_rows,)
        How far each row has drifted, from 0 to the dial's value.
    extra : mapping of str to ndarray
        Columns of truth that only this domain has.
    """

    expected: Floats
    unbiased: Floats
    biased: Flags
    bad_slice: Flags
    drifted: Floats
    extra: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return sizes and the best possible scores as plain JSON data."""
        return {
            "rows": len(self.expected),
            "biased_rows": int(self.biased.sum()),
            "bad_slice_rows": int(self.bad_slice.sum()),
            "drifted_rows": int((self.drifted > 0).sum()),
            **best_scores(self.expected),
        }


class Sample(NamedTuple):
    """A generated table and its truth, row by row."""

    frame: pd.DataFrame
    truth: Truth


@dataclass(frozen=True)
class Domain:
    """A made-up trade.

    Attributes
    ----------
    description : str
        A paragraph for people from that trade.
    options : mapping of str to Option
    make : callable
        Given every option's value and a seed, returns the table and its truth.
    """

    name: str
    description: str
    task: Task
    target: str
    options: Mapping[str, Option]
    make: Callable[[Mapping[str, float], int], Sample]


def settings(domain: Domain, asked: Mapping[str, Any]) -> dict[str, float]:
    """Return a value for every option of a domain: the one asked for, or the default.

    Raises
    ------
    ValueError
        An option that the domain does not have, or a value out of range.
    """
    for name, value in asked.items():
        if name not in domain.options:
            near = nearest(name, list(domain.options))
            hint = f"did you mean {near!r}?" if near else "it has none like it"
            raise ValueError(
                f"data.options.{name}: {domain.name} has no option {name!r}; "
                f"{hint} Known: {', '.join(domain.options)}."
            )
        option = domain.options[name]
        if not suits(option, value):
            kind = "a whole number" if option.whole else "a number"
            raise ValueError(
                f"data.options.{name}: must be {kind} from {option.least:g} to "
                f"{option.most:g} ({option.meaning}), got {shown(value)}"
            )
    return {name: asked.get(name, o.default) for name, o in domain.options.items()}


def suits(option: Option, value: Any) -> bool:
    """Return whether a value is a number of the right kind and within the range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if option.whole and value != int(value):
        return False
    return bool(option.least <= value <= option.most)


def best_scores(expected: Floats) -> dict[str, float]:
    """Return the scores of a model that knows the probabilities.

    Parameters
    ----------
    expected : ndarray of shape (n_rows,) or (n_rows, n_classes)
        Probabilities; anything else (a regression's values) has no best scores.

    Returns
    -------
    dict
        ``accuracy``, the mean probability of the likeliest class, and ``log_loss``, the
        mean entropy; empty when the values are no probabilities.

    Examples
    --------
    >>> best_scores(np.array([0.5, 1.0]))["accuracy"]
    0.75
    """
    if expected.min(initial=0) < 0 or expected.max(initial=0) > 1:
        return {}
    classes = expected if expected.ndim == 2 else np.stack([1 - expected, expected], 1)
    chances = np.where(classes > 0, classes, 1.0)
    return {
        "accuracy": float(classes.max(axis=1).mean()),
        "log_loss": float(-(classes * np.log(chances)).sum(axis=1).mean()),
    }
