"""Folds: training rows divided again, to try something out without the test rows.

Folds follow the case's split. Rows are shuffled and stratified by class; groups are
never on both sides; with a time split each fold is one stretch of time. Every class is
in the learning part of every fold; where that needs fewer folds than asked for, a note
says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
)

from mlkit.train.examples import Examples

Split = tuple[NDArray[np.int64], NDArray[np.int64]]


class FoldsImpossible(ValueError):
    """The training rows cannot be divided so that every class is learnt."""


@dataclass(frozen=True, eq=False)
class Folds:
    """Pairs of (rows to learn from, rows held out); each row is held out once."""

    splits: tuple[Split, ...]
    notes: tuple[str, ...] = ()


def make_folds(examples: Examples, folds: int, *, seed: int) -> Folds:
    """Divide training rows into folds.

    Parameters
    ----------
    examples : Examples
        The training rows.
    folds : int
        The number of folds wanted; rare classes and few groups reduce it.
    seed : int
        Seed of the shuffle.

    Raises
    ------
    FoldsImpossible
        Not even two folds leave every class something to learn from.
    """
    possible, reason = most_folds(examples)
    for count in range(min(folds, possible), 1, -1):
        splits = divide(examples, count, seed)
        if all(every_class(examples, learn) for learn, _ in splits):
            fewer = f"{count} folds instead of {folds}: {reason}"
            return Folds(tuple(splits), () if count == folds else (fewer,))
    if examples.division == "time" and possible > 1:
        shuffled = make_folds(replace(examples, division="row"), folds, seed=seed)
        note = "shuffled folds: not every stretch of time leaves every class to learn"
        return Folds(shuffled.splits, (*shuffled.notes, note))
    raise FoldsImpossible(
        "train: cross-validation needs at least 2 folds with every class to learn "
        f"from, and {reason}. Gather more rows, leave a rare class out by a "
        "data.query, or name an estimator without search and calibration."
    )


def most_folds(examples: Examples) -> tuple[int, str]:
    """Return how many folds are possible, and what limits them."""
    limits = [(len(examples), f"there are {len(examples)} training rows")]
    if examples.classes:
        rarest, size = min(examples.class_sizes().items(), key=lambda item: item[1])
        limits.append((size, f"class {rarest!r} has {size} training row(s)"))
    if examples.division == "group" and examples.unit is not None:
        groups = len(np.unique(examples.unit))
        limits.append((groups, f"there are {groups} group(s) among the training rows"))
    return min(limits, key=lambda limit: limit[0])


def divide(examples: Examples, folds: int, seed: int) -> list[Split]:
    """Return the folds that suit the split and the task."""
    rows = np.arange(len(examples))
    if examples.division == "time" and examples.unit is not None:
        order = np.argsort(examples.unit, kind="stable")
        return [
            (np.sort(order[learn]), np.sort(order[held]))
            for learn, held in KFold(folds).split(rows)
        ]
    if examples.division == "group":
        kind = StratifiedGroupKFold if examples.classes else GroupKFold
        grouped = kind(folds, shuffle=True, random_state=seed)
        return list(grouped.split(rows, examples.y, examples.unit))
    kind = StratifiedKFold if examples.classes else KFold
    return list(kind(folds, shuffle=True, random_state=seed).split(rows, examples.y))


def every_class(examples: Examples, rows: NDArray[np.int64]) -> bool:
    """Return whether each class is among these rows; true for regression."""
    if not examples.classes:
        return True
    return len(np.unique(examples.y[rows])) == len(examples.classes)
