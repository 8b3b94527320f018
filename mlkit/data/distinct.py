"""The distinct texts of a column: what every rule about its values looks at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


@dataclass(frozen=True)
class Distinct:
    """The distinct texts of a column and where each of them stands.

    Attributes
    ----------
    codes : ndarray of int64 of shape (n_rows,)
        Position in `texts` of each row's text; -1 where it is missing.
    texts : pyarrow string array of shape (n_distinct,)
        Texts without outer blanks, none of them empty.
    """

    codes: NDArray[np.int64]
    texts: Any

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of rows of each distinct text."""
        present = self.codes[self.codes >= 0]
        return np.bincount(present, minlength=len(self.texts)).astype(np.int64)

    def spread(self, values: NDArray[Any], missing: object) -> NDArray[Any]:
        """Return one value a row from one value a distinct text."""
        padded = np.append(values, np.array([missing], dtype=values.dtype))
        return padded[self.codes]


def label_text(value: object) -> str | None:
    """Return the text that stands for a value, None where it is missing.

    Examples
    --------
    >>> [label_text(value) for value in (True, 1, 1.0, 2.5, " yes ", float("nan"))]
    ['True', '1', '1', '2.5', 'yes', None]
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (float, np.floating)):
        return number_text(float(value))
    if isinstance(value, (datetime, date, np.datetime64)):
        return None if pd.isna(value) else pd.Timestamp(value).isoformat()
    return str(value).strip() or None


def number_text(value: float) -> str | None:
    """Return the shortest text of a float: whole numbers without a decimal point."""
    if np.isnan(value):
        return None
    if float(value).is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(float(value))


def find_distinct(values: pd.Series) -> Distinct:
    """Return the distinct texts of a column of any type."""
    if isinstance(values.dtype, pd.StringDtype):
        return encode(pa.array(values, from_pandas=True))
    if values.dtype == object:
        return encode(pa.array(map(label_text, values), type=pa.large_string()))
    codes, uniques = pd.factorize(values, use_na_sentinel=True)
    inner = encode(pa.array(map(label_text, uniques), type=pa.large_string()))
    return Distinct(np.append(inner.codes, -1)[codes], inner.texts)


def encode(texts: Any) -> Distinct:
    """Return the distinct texts of an Arrow string array, outer blanks removed."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    trimmed = pc.utf8_trim_whitespace(texts)
    filled = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
    coded = filled.dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return Distinct(codes.astype(np.int64), coded.dictionary)
