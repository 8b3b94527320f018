"""Weights of classes and of rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mlkit.params.problems import nearest
from mlkit.train.examples import Examples

ClassWeight = Mapping[str, float] | str | None


def class_weights(asked: ClassWeight, examples: Examples) -> dict[int, float] | None:
    """Return the weight of each class's index.

    Parameters
    ----------
    asked : "balanced", mapping of label to weight, or None
        ``balanced`` gives each class the same total weight, sample weights included,
        and keeps the sum of all; None weighs no class.

    Raises
    ------
    ValueError
        A label that is no class, a class that is not weighed, or a class whose rows all
        have sample weight 0.
    """
    if asked is None or not examples.classes:
        return None
    if isinstance(asked, Mapping):
        return named_weights(asked, examples.classes)
    own = np.ones(len(examples)) if examples.weight is None else examples.weight
    totals = np.bincount(examples.y, weights=own, minlength=len(examples.classes))
    if not totals.all():
        empty = examples.classes[int(np.argmin(totals))]
        raise ValueError(
            f"train.class_weight: balanced cannot weigh class {empty!r}, whose rows "
            "all have sample weight 0; leave the class out or give its rows a weight"
        )
    balanced = totals.sum() / (len(totals) * totals)
    return {code: float(weight) for code, weight in enumerate(balanced)}


def named_weights(
    asked: Mapping[str, float], classes: tuple[str, ...]
) -> dict[int, float]:
    """Return weights given by label, by index."""
    for label in asked:
        if label not in classes:
            near = nearest(label, classes)
            hint = (
                f"did you mean {near!r}?" if near else f"classes: {', '.join(classes)}"
            )
            raise ValueError(
                f"train.class_weight.{label}: {label!r} is not a class; {hint}"
            )
    absent = [name for name in classes if name not in asked]
    if absent:
        raise ValueError(
            f"train.class_weight must weigh every class, and {absent[0]!r} is not "
            "there; add it, with 1 for no change"
        )
    return {code: float(asked[name]) for code, name in enumerate(classes)}


def row_weights(
    examples: Examples, class_weight: Mapping[int, float] | None
) -> NDArray[np.float64] | None:
    """Return the sample weights times those of the rows' classes; None for all 1."""
    if class_weight is None:
        return examples.weight
    factors = np.array([class_weight[code] for code in range(len(examples.classes))])
    own = np.ones(len(examples)) if examples.weight is None else examples.weight
    return np.asarray(own * factors[examples.y], dtype=np.float64)
