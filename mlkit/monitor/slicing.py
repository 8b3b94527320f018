"""Slices: the primary metric of logged predictions by their features."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlkit.evaluate import SliceResult, slice_results
from mlkit.monitor.looking import Look
from mlkit.monitor.performance import scored_for


def by_slice(looked: Look) -> tuple[SliceResult, ...]:
    """Return the metrics by ``evaluate.slices`` and protected columns that are logged.

    Sensitive columns are known by a hash; their values are numbered instead of named.
    """
    schema, features = looked.watched.schema, looked.gathered.features
    protected = (
        [] if schema is None else [c.name for c in schema.columns if c.protected]
    )
    hidden = [] if schema is None else [c.name for c in schema.columns if c.sensitive]
    asked = dict.fromkeys([*looked.params.evaluate.slices, *protected])
    names = [name for name in asked if name in features.columns]
    spec = looked.spec
    scored = scored_for(spec, looked.answers, looked.answered)
    if not names or scored is None:
        return ()
    answers = looked.answers
    usable = answers.by_probability if spec.needs == "probability" else answers.known
    rows = np.flatnonzero(usable & looked.answered)
    measures = looked.measures
    return slice_results(
        pd.DataFrame({name: _plain(features[name].iloc[rows]) for name in names}),
        scored,
        [each for each in measures.specs if each.needs == spec.needs or each is spec],
        primary=spec.name,
        masked=[*hidden, *looked.params.data.sensitive],
        confidence=measures.confidence,
        resamples=measures.resamples,
        seed=measures.seed,
    )


def _plain(values: pd.Series) -> pd.Series:
    """Return values that can be counted: lists and the like become texts."""
    if values.dtype != object:
        return values
    missing = values.isna()
    texts = pd.Series([str(value) for value in values], index=values.index)
    return texts.where(~missing, None)
