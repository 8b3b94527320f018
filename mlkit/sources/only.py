"""Of a table only the rows that the params ask for: ``data.only``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data.distinct import find_distinct, label_text
from mlkit.data.wording import counted, did_you_mean
from mlkit.params.values import Scalar
from mlkit.sources.errors import SourceError


def keep_only(
    frame: pd.DataFrame, only: Mapping[str, Scalar], name: str
) -> pd.DataFrame:
    """Return the rows that have all of some values.

    Texts are compared as they stand, numbers by what they mean (``1`` keeps a row of
    ``1.0``), and true and false without heed of capitals.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        The table.
    only : mapping of str to scalar
        Column to the value it must have; without one, all rows are kept.
    name : str
        The table, as messages name it.

    Raises
    ------
    SourceError
        There is no such column, or no row has the values.
    """
    if not only:
        return frame
    kept = np.ones(len(frame), dtype=bool)
    for column, value in only.items():
        kept &= _has(find_column(frame, column, name, key="data.only"), value)
    if not kept.any():
        asked = ", ".join(f"{column}: {value}" for column, value in only.items())
        raise SourceError(
            f"data.only asks for the rows of {name} that have {{{asked}}}, and none "
            f"of its {counted(len(frame), 'row')} has; check the values, capitals and "
            "blanks inside included"
        )
    return frame[kept].reset_index(drop=True)


def find_column(frame: pd.DataFrame, column: str, name: str, *, key: str) -> pd.Series:
    """Return a column that a key of the params names.

    Raises
    ------
    SourceError
        There is no such column.
    """
    names = [str(each) for each in frame.columns]
    if column not in names:
        raise SourceError(
            f"{key} must name a column of {name}, and there is no {column!r}. "
            f"{did_you_mean(column, names)}"
        )
    return frame.iloc[:, names.index(column)]


def _has(values: pd.Series, value: Scalar) -> NDArray[np.bool_]:
    distinct = find_distinct(values)
    texts = [str(text) for text in distinct.texts.to_pylist()]
    same = np.array([_means(text, value) for text in texts], dtype=bool)
    found: NDArray[np.bool_] = distinct.spread(same, False)
    return found


def _means(text: str, value: Scalar) -> bool:
    if isinstance(value, bool):
        return text.casefold() == str(value).casefold()
    if isinstance(value, int | float):
        try:
            return float(text) == value
        except ValueError:
            return False
    return text == label_text(value)
