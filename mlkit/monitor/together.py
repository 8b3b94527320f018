"""Columns together: the rows of a window against those of the reference that are kept.

A classifier takes a hundred times as long as counting, so what the last check found of
the same rows is taken from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit import store
from mlkit.drift import EmbeddingError, Multivariate, multivariate, not_looked
from mlkit.drift.matrix import sample_rows
from mlkit.monitor.history import Past
from mlkit.monitor.looking import Look
from mlkit.monitor.overall import one_by_one
from mlkit.monitor.watched import Sample
from mlkit.params.models import Drift


def look_together(looked: Look, places: NDArray[np.intp], past: Past) -> Multivariate:
    """Say whether all columns together still look like the reference.

    Only columns that the log keeps with their values take part.

    Parameters
    ----------
    looked : Look
        The rows of the check.
    places : ndarray of shape (n,)
        Which of them are judged; of more than the reference has, a part is drawn.
    past : Past
        The last check: what it said of the same rows still holds.

    Returns
    -------
    Multivariate
        Its reason says why nothing was looked at, where nothing was.
    """
    params, watched = looked.params.drift, looked.watched
    if not params.multivariate:
        return not_looked()
    if isinstance(watched.sample, str):
        return Multivariate(one_by_one(watched.sample))
    features = looked.gathered.features
    names = sorted(name for name in features.columns if name not in watched.hidden)
    compared = _digest(looked, watched.sample, places, names)
    known = past.together(compared)
    if known is not None:
        return known
    found = _found(looked, watched.sample.read(), features[names], places)
    return replace(found, compared=compared)


def _found(
    looked: Look, kept: pd.DataFrame, logged: pd.DataFrame, places: NDArray[np.intp]
) -> Multivariate:
    seed, watched = looked.params.seed, looked.watched
    assert watched.schema is not None
    chosen = sample_rows(len(places), len(kept), np.random.default_rng(seed))
    try:
        return multivariate(
            kept[kept.columns.intersection(logged.columns)],
            logged.iloc[places[chosen]],
            watched.schema,
            params=_without(looked.params.drift, watched.hidden),
            seed=seed,
        )
    except EmbeddingError as error:
        # A check must not end because the columns are other ones by now.
        return not_looked(str(error))


def _without(params: Drift, hidden: Sequence[str]) -> Drift:
    """Return the params without groups of columns some of which are hidden."""
    groups = [
        each
        for each in params.embeddings
        if not any(fnmatchcase(name, each.columns) for name in hidden)
    ]
    return params.model_copy(update={"embeddings": groups})


def _digest(
    looked: Look, kept: Sample, places: NDArray[np.intp], names: Sequence[str]
) -> str:
    """Return a digest of what is compared; the settings are the history's to compare.

    A row of the log never changes, so its id stands for it.
    """
    ids = looked.frame["id"].iloc[places]
    parts = [kept.digest, *names, "", *map(str, ids)]
    return store.sha256_bytes("\n".join(parts).encode())
