"""Looking at all columns together, where rows of the reference are at hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlkit import drift
from mlkit.data import DataError, Dataset
from mlkit.drift import Multivariate
from mlkit.pipeline.artifacts import production_rows
from mlkit.pipeline.compared import Compared
from mlkit.pipeline.steps import Step, load_dataset
from mlkit.sources import SourceError

# More training rows are not read again only for this.
MOST_ROWS = 500_000


def look_together(step: Step, compared: Compared) -> Multivariate:
    """Say whether all columns together still look like the reference.

    A stored profile holds no rows, so this takes rows of the reference: the older rows
    of this run; or, of a version in production, the rows that it was trained on, where
    they are all among those of the case's source now, else the sample of them that was
    kept with it.

    Parameters
    ----------
    step : Step
        The step.
    compared : Compared
        What :func:`compare_rows` returned, with a reference and current rows.

    Returns
    -------
    Multivariate
        Its reason says why nothing was looked at, where nothing was.
    """
    params = step.params.drift
    if not params.multivariate:
        return drift.not_looked()
    pair = _rows(step, compared)
    if isinstance(pair, str):
        return drift.not_looked(pair)
    assert compared.schema is not None
    return drift.multivariate(
        *pair, compared.schema, params=params, seed=step.params.seed
    )


def _rows(step: Step, compared: Compared) -> tuple[pd.DataFrame, pd.DataFrame] | str:
    """Return rows of the reference and current ones, or why there are none."""
    assert compared.frame is not None
    if compared.older is not None:
        return compared.older, compared.frame
    pair = _every_row(step, compared)
    if not isinstance(pair, str):
        return pair
    sample = production_rows(step)
    if sample is None:
        return f"{pair}, and no sample of them was kept with it (drift.sample)"
    if step.params.drift.current is not None:
        return sample, compared.frame
    if compared.learnt is None or compared.dataset is None:
        return pair
    known = np.isin(compared.dataset.row_hashes, compared.learnt)
    return sample, compared.dataset.frame[~known]


def _every_row(
    step: Step, compared: Compared
) -> tuple[pd.DataFrame, pd.DataFrame] | str:
    """Return all rows that the version in production learned from, and current ones."""
    assert compared.frame is not None
    if compared.learnt is None:
        return "the model in production cannot be opened to say what it learned from"
    if len(compared.learnt) > MOST_ROWS:
        return f"it would take reading {len(compared.learnt):,} rows again"
    dataset = compared.dataset or _source(step)
    if isinstance(dataset, str):
        return dataset
    hashes = dataset.row_hashes
    if not np.isin(compared.learnt, hashes).all():
        return (
            "the source no longer holds all rows that the version in production "
            "learned from"
        )
    known = np.isin(hashes, compared.learnt)
    if step.params.drift.current is not None:
        return dataset.frame[known], compared.frame
    # Rows on both sides would tell nothing.
    return dataset.frame[known], dataset.frame[~known]


def _source(step: Step) -> Dataset | str:
    try:
        return load_dataset(step)
    except (SourceError, DataError) as error:
        return f"the rows of the reference could not be read: {error}".rstrip(".")
