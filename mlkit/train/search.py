"""A random search for hyper-parameters, within a time budget.

Settings are tried in an order that only the seed decides, the usual options first, so
that a search that ran out of time is replayed by naming the number of settings it
tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from mlkit.params.models import Search
from mlkit.train.estimators import load_class, recipe_for
from mlkit.train.examples import Examples
from mlkit.train.folds import Folds
from mlkit.train.pipelines import Plan
from mlkit.train.validation import Candidate, cross_validate

Stop = Literal["candidates", "seconds", "space"]


@dataclass(frozen=True)
class SearchRecord:
    """What a search tried.

    Attributes
    ----------
    stopped_by : {"candidates", "seconds", "space"}
        The limit on settings, the time budget, or nothing left to try.
    """

    tried: tuple[Candidate, ...]
    best: int
    stopped_by: Stop

    def to_dict(self) -> dict[str, Any]:
        """Return the search as plain JSON data; ``candidates`` is what replays it."""
        return {
            "candidates": len(self.tried),
            "best": self.best,
            "stopped_by": self.stopped_by,
            "tried": [candidate.to_dict() for candidate in self.tried],
        }


def random_search(
    plan: Plan,
    examples: Examples,
    folds: Folds,
    *,
    limits: Search,
    clock: Callable[[], float],
) -> SearchRecord:
    """Try settings until the budget is spent; at least one is tried.

    Parameters
    ----------
    limits : Search
        The budget, and the values to try for each option.
    clock : callable
        Returns seconds; only differences count. A setting that was begun is finished.
    """
    start = clock()
    tried: list[Candidate] = []
    stopped_by: Stop = "space"
    for options in settings(plan, examples, limits.space):
        if len(tried) == limits.candidates:
            stopped_by = "candidates"
            break
        if tried and clock() - start >= limits.seconds:
            stopped_by = "seconds"
            break
        tried.append(cross_validate(replace(plan, options=options), examples, folds))
    best = int(np.argmin([candidate.mean for candidate in tried]))
    return SearchRecord(tuple(tried), best, stopped_by)


def settings(
    plan: Plan, examples: Examples, space: Mapping[str, Sequence[Any]]
) -> Iterator[dict[str, Any]]:
    """Yield the usual options, then the settings of the space in random order."""
    usual = dict(plan.options)
    values = space_of(plan, examples, space)
    yield usual
    sizes = [len(choices) for choices in values.values()]
    total = math.prod(sizes) if sizes else 0
    for number in shuffled(total, plan.seed):
        places = np.unravel_index(number, sizes)
        chosen = {
            name: choices[int(place)]
            for (name, choices), place in zip(values.items(), places, strict=True)
        }
        yield {**usual, **chosen}


def space_of(
    plan: Plan, examples: Examples, space: Mapping[str, Sequence[Any]]
) -> dict[str, Sequence[Any]]:
    """Return the values to try, in the order of the options' names.

    The estimator's usual space leaves out what the plan's options already fix.
    """
    recipe = recipe_for(plan.estimator)
    if space:
        return {name: list(space[name]) for name in sorted(space)}
    known = load_class(recipe.path(examples.task))().get_params()
    free = [name for name in recipe.space if name in known and name not in plan.options]
    return {name: recipe.space[name] for name in sorted(free)}


def shuffled(total: int, seed: int) -> Iterator[int]:
    """Yield the numbers below `total` in an order that only the seed decides.

    Examples
    --------
    >>> sorted(shuffled(4, 0))
    [0, 1, 2, 3]
    """
    draws = np.random.Generator(np.random.PCG64(seed))
    seen: set[int] = set()
    while len(seen) < total:
        number = int(draws.random() * total)
        if number not in seen:
            seen.add(number)
            yield number
