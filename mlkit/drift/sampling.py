"""A sample of the reference: what its counts do not show, how columns go together."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from mlkit.data import Schema
from mlkit.drift.matrix import sample_rows, values


def reference_sample(
    rows: pd.DataFrame,
    schema: Schema,
    *,
    most: int,
    seed: int = 0,
    sensitive: Collection[str] = (),
) -> pd.DataFrame | None:
    """Return rows of the reference that may be kept, for :func:`multivariate`.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        Raw or conformed rows.
    schema : Schema
        What the columns are. Only features that are looked at together are kept: no
        target, no identifier, no time column and none that is sensitive.
    most : int
        How many rows are kept at most; 0 keeps none.
    seed : int
        Seed of what is drawn, without replacement. The order stays that of `rows`.
    sensitive : collection of str
        Further columns whose values are not kept.

    Returns
    -------
    DataFrame or None
        None where nothing is kept. Values that cannot be read are missing.
    """
    columns = [schema.column(name) for name in schema.features]
    kept = [
        each
        for each in columns
        if each.kind != "identifier"
        and each.role != "time"
        and not each.sensitive
        and each.name not in sensitive
        and each.name in rows.columns
    ]
    chosen = sample_rows(len(rows), most, np.random.default_rng(seed))
    if not kept or not len(chosen):
        return None
    drawn = rows.iloc[chosen].reset_index(drop=True)
    return pd.DataFrame({each.name: values(drawn, each) for each in kept})
