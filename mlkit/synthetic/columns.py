"""From draws to the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlkit.synthetic.draws import Floats, Places


def words(names: Sequence[str], places: Places) -> pd.Series:
    """Return names as a text column."""
    return pd.Series(np.array(names, dtype=object)[places], dtype="str")


def numbered(prefix: str, rows: int) -> list[str]:
    """Return identifiers in order, with gaps as a register has them."""
    return [f"{prefix}{number:07d}" for number in 1000 + np.arange(rows) * 3]


def with_gaps(
    frame: pd.DataFrame, gaps: Mapping[str, NDArray[np.bool_]]
) -> pd.DataFrame:
    """Return the table without the cells of each column that are flagged as missing."""
    for column, missing in gaps.items():
        frame.loc[missing, column] = np.nan
    return frame


def rounded(
    values: NDArray[np.floating[Any]],
    digits: int,
    low: float = -np.inf,
    high: float = np.inf,
) -> Floats:
    """Return numbers as they are written down: within limits, to so many digits."""
    return np.asarray(np.round(np.clip(values, low, high), digits), dtype=np.float64)


def towards(chance: Floats, share: ArrayLike, even: float) -> Floats:
    """Return chances moved by a share of the way to an even one."""
    return np.asarray(chance + np.asarray(share) * (even - chance))
