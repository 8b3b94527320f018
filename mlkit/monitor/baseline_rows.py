"""Rows of a baseline that are kept beside it, by which columns are seen together."""

from __future__ import annotations

import io
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from mlkit import store
from mlkit.drift import Multivariate, multivariate, not_looked, reference_sample
from mlkit.monitor.baselines import SAMPLE, Baseline, plain_frame
from mlkit.monitor.overall import one_by_one
from mlkit.params.models import Drift


def draw_sample(
    frame: pd.DataFrame, baseline: Baseline, params: Drift, sensitive: Collection[str]
) -> bytes | None:
    """Return the file of the rows that are kept; None where none are.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        The rows that the baseline was made of.
    baseline : Baseline
        The baseline.
    params : Drift
        How many rows.
    sensitive : collection of str
        Columns whose values are not kept.
    """
    sample = reference_sample(
        plain_frame(frame), baseline.schema, most=params.sample, sensitive=sensitive
    )
    return None if sample is None else sample.to_parquet()


def read_sample(folder: Path, baseline: Baseline) -> pd.DataFrame | str:
    """Return the rows that are kept of a baseline, or why there are none."""
    path = folder / SAMPLE
    if baseline.sample_digest is None or not path.exists():
        return "no rows of the baseline are kept (drift.sample); set it again to do so"
    content = path.read_bytes()
    if store.sha256_bytes(content) != baseline.sample_digest:
        return f"{path.name} has other rows than the baseline was made of; set it again"
    return pd.read_parquet(io.BytesIO(content))


def look_at_rows(
    folder: Path, baseline: Baseline, rows: pd.DataFrame, params: Drift
) -> Multivariate:
    """Say whether all columns of some rows together still look like the baseline's."""
    if not params.multivariate:
        return not_looked()
    kept = read_sample(folder, baseline)
    if isinstance(kept, str):
        return Multivariate(one_by_one(kept))
    return multivariate(kept, rows, baseline.schema, params=params)
