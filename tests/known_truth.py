"""What each domain promises, and simple statistics that need none of mlkit's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, ks_2samp

from mlkit.synthetic import DOMAINS, Truth, generate, truth

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Promise:
    """Where a domain's dials are to be seen.

    Attributes
    ----------
    outcome : str or None
        The value of the target that counts; None for a number.
    group : tuple of str
        Column and value of the group that the bias touches.
    down : bool
        Whether the bias lowers the outcome of that group.
    bad : dict of str to str
        Columns and values of the bad slice.
    time : str
        The column that says when a row happened.
    """

    outcome: object
    group: tuple[str, str]
    down: bool
    bad: dict[str, str]
    time: str


PROMISES = {
    "vendor_dispatch": Promise(
        True,
        ("tenant_group", "C"),
        True,
        {"customer_type": "private landlord", "priority": "urgent"},
        "opened_at",
    ),
    "future_skills": Promise(
        "LOW", ("staff_age", "over 50"), False, {"skill_type": "green"}, "rated_on"
    ),
    "scheme_success": Promise(
        True,
        ("contact_language", "other"),
        True,
        {"strand": "pilot project"},
        "submitted_on",
    ),
    "levy_impact": Promise(
        None,
        ("owner_group", "65 and over"),
        False,
        {"land_use": "under conversion"},
        "notice_on",
    ),
    "fashion": Promise(
        True, ("size_range", "plus"), True, {"category": "accessories"}, "shown_at"
    ),
}
NAMES = list(DOMAINS)


def made(name: str, seed: int = 0, **options: float) -> tuple[pd.DataFrame, Truth]:
    """Return a table of a domain and its truth."""
    return generate(name, options, seed), truth(name, options, seed)


def outcomes(name: str, frame: pd.DataFrame) -> Floats:
    """Return 1 where the target has the value that counts, or the target's numbers."""
    target = frame[DOMAINS[name].target]
    wanted = PROMISES[name].outcome
    values = target if wanted is None else target == wanted
    return values.to_numpy(dtype=np.float64)


def in_group(name: str, frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Return the rows of the group that the bias touches."""
    column, value = PROMISES[name].group
    return (frame[column] == value).to_numpy()


def in_bad_slice(name: str, frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Return the rows of the bad slice."""
    rows = np.ones(len(frame), dtype=bool)
    for column, value in PROMISES[name].bad.items():
        rows &= (frame[column] == value).to_numpy()
    return rows


def chances(known: Floats) -> Floats:
    """Return probabilities as one column a class."""
    return known if known.ndim == 2 else np.stack([1 - known, known], axis=1)


def labels(name: str, frame: pd.DataFrame) -> NDArray[np.int64]:
    """Return the classes of the rows, by place in their alphabetical order."""
    found = pd.Categorical(frame[DOMAINS[name].target].astype(str))
    return np.asarray(found.codes, dtype=np.int64)


def gap(values: Floats, rows: NDArray[np.bool_]) -> tuple[float, float]:
    """Return mean of some rows minus mean of the others, and its standard error."""
    one, other = values[rows], values[~rows]
    error = np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
    return float(one.mean() - other.mean()), float(error)


def shift(values: pd.Series, newest: NDArray[np.bool_]) -> tuple[float, float]:
    """Return p-value and effect size of a difference between newest and older rows.

    Numbers and dates: the two-sample Kolmogorov-Smirnov test and its D. Others: the
    chi-square test of homogeneity and half the sum of the differences of the shares.
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        values = values.astype("int64")
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > 15:
        known = values.notna().to_numpy()
        found = ks_2samp(values[known & newest], values[known & ~newest])
        return float(found.pvalue), float(found.statistic)
    counts = pd.crosstab(newest, values.astype(str)).to_numpy(dtype=np.float64)
    shares = counts / counts.sum(axis=1, keepdims=True)
    effect = float(np.abs(shares[0] - shares[1]).sum() / 2)
    return float(chi2_contingency(counts).pvalue), effect


def shifts(name: str, frame: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Return p-value and effect size of each column but identifiers and the time."""
    newest = np.arange(len(frame)) >= 0.8 * len(frame)
    skipped = {PROMISES[name].time, *(c for c in frame if c.endswith("_id"))}
    return {
        str(column): shift(frame[column], newest)
        for column in frame
        if column not in skipped
    }


def changed_cells(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return which cells of two tables differ; two missing cells do not."""
    both: Any = (one != other) & ~(one.isna() & other.isna())
    return pd.DataFrame(both)
