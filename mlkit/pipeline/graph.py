"""The steps of a retrain: which comes after which, and what each is judged against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """What a step needs besides its notebook, its params and the data.

    Attributes
    ----------
    after : tuple of str
        The steps whose outputs it reads.
    champion : bool
        Whether it looks at the version in production.
    current : bool
        Whether it reads the file of current rows, ``drift.current``.
    settings : tuple of str
        Keys of the params that it reads outside the sections its notebook declares,
        besides those that every step reads.
    """

    after: tuple[str, ...] = ()
    champion: bool = False
    current: bool = False
    settings: tuple[str, ...] = ()


# In the order in which they are shown and, one at a time, run.
GRAPH = {
    "data": Node(),
    "train": Node(),
    "evaluate": Node(("train",), champion=True, settings=("registry.auto_promote",)),
    "explain": Node(("train",)),
    "drift": Node(("train",), champion=True, current=True),
}
NOTEBOOKS = tuple(GRAPH)
# What every step may read, whatever its notebook declares; the last four are what the
# checks of the data ask for.
EVERY = (
    "format",
    "case",
    "task",
    "seed",
    "registry.model",
    "registry.allow_pickle",
    "evaluate.slices",
    "train.estimator",
    "train.folds",
    "train.calibration",
)
