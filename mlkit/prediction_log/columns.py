"""Lists of values become columns with one type each, piece by piece.

A column of one kind of value gets the type that a reader of a CSV file would give it:
int64, float64 (also integers with gaps), bool, str. Integers and floats together are
float64. Anything else, such as lists or texts beside numbers, is kept as it is
(object), and a column without any value is float64.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

MOST_EXACT = 2**53


class Columns:
    """Columns that grow by pieces of rows; what a piece lacks is missing there."""

    def __init__(self) -> None:
        self.rows = 0
        self._pieces: dict[str, list[tuple[int, Any]]] = {}

    def add(self, named: Iterable[tuple[str, Any]], rows: int) -> None:
        """Add a piece: `rows` values of each column, a list or an Arrow array."""
        for name, values in named:
            piece = packed(values) if isinstance(values, list) else values
            self._pieces.setdefault(name, []).append((self.rows, piece))
        self.rows += rows

    def order(self, name: str) -> NDArray[np.intp] | None:
        """Return the places of the rows sorted by a column, None if they are so."""
        import numpy as np

        values = to_series(self._filled(name))
        if values.is_monotonic_increasing:
            return None
        return np.asarray(values.argsort(kind="stable"), dtype=np.intp)

    def frame(
        self,
        order: Sequence[str] | None = None,
        *,
        places: NDArray[np.intp] | None = None,
    ) -> pd.DataFrame:
        """Return the columns, and keep none of them.

        Parameters
        ----------
        order : sequence of str, optional
            The columns; None takes all as they came.
        places : ndarray of int of shape (n,), optional
            The rows; None takes all as they came.
        """
        import pandas as pd

        names = list(self._pieces) if order is None else order
        found = {}
        for name in names:
            values = to_series(self._filled(name))
            # A column at a time is there twice, and not all of them.
            self._pieces.pop(name, None)
            if places is not None:
                values = values.take(places).reset_index(drop=True)
            found[name] = values
        frame = pd.DataFrame(found, index=pd.RangeIndex(self.rows), copy=False)
        return frame if found else frame.set_axis(pd.Index([], dtype="str"), axis=1)

    def _filled(self, name: str) -> list[Any]:
        """Return the pieces of a column without holes between them."""
        pieces: list[Any] = []
        here = 0
        for start, piece in self._pieces.get(name, []):
            pieces += [[None] * (start - here)] if start > here else []
            pieces.append(piece)
            here = start + len(piece)
        return [*pieces, [None] * (self.rows - here)]


def feature_columns(rows: Sequence[dict[str, Any]]) -> Iterable[tuple[str, list[Any]]]:
    """Yield the values of each name that any row has."""
    names = list(rows[0]) if rows else []
    if len(names) > 1 and set(map(len, rows)) == {len(names)}:
        with contextlib.suppress(KeyError):
            columns = zip(*map(itemgetter(*names), rows), strict=True)
            yield from zip(names, map(list, columns), strict=True)
            return
    for name in dict.fromkeys(chain.from_iterable(rows)):
        yield name, [row.get(name) for row in rows]


def to_list(values: Any) -> list[Any]:
    """Return a column, a list or an Arrow array, as a list."""
    return values if isinstance(values, list) else list(values.to_pylist())


def packed(values: list[Any]) -> pa.Array | list[Any]:
    """Return values of one kind as an Arrow array, others as they are."""
    import pyarrow as pa

    try:
        array = pa.array(values)
    except (pa.ArrowException, OverflowError, UnicodeError, TypeError, ValueError):
        return values
    kept = (
        pa.types.is_null(array.type)
        or pa.types.is_integer(array.type)
        or pa.types.is_floating(array.type)
        or pa.types.is_boolean(array.type)
        or pa.types.is_string(array.type)
        or pa.types.is_timestamp(array.type)
    )
    return array if kept else values


def to_series(pieces: Sequence[Any]) -> pd.Series:
    """Return pieces of one column as a Series of one type."""
    import pandas as pd
    import pyarrow as pa

    arrays: list[Any] = [
        packed(piece) if isinstance(piece, list) else piece
        for piece in pieces
        if len(piece)
    ]
    kind = _common_type(arrays)
    if kind is None:
        return _objects(arrays)
    try:
        whole = pa.chunked_array([array.cast(kind) for array in arrays], kind)
    except pa.ArrowInvalid:  # An integer that no float is equal to.
        return _objects(arrays)
    if pa.types.is_string(kind):
        return pd.Series(whole.to_pandas(), dtype="str")
    if pa.types.is_integer(kind) and whole.null_count and _too_large(whole):
        return _objects(arrays)
    found: pd.Series = whole.to_pandas()
    return found


def _objects(arrays: Sequence[Any]) -> pd.Series:
    import pandas as pd

    values: list[Any] = []
    for array in arrays:
        values += array if isinstance(array, list) else array.to_pylist()
    return pd.Series(values, dtype=object)


def _too_large(whole: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pc

    ends = pc.min_max(whole).as_py()
    return bool(max(-ends["min"], ends["max"]) > MOST_EXACT)


def _common_type(arrays: Sequence[Any]) -> pa.DataType | None:
    """Return the one type that holds all pieces, None for Python's objects."""
    import pyarrow as pa

    if any(isinstance(array, list) for array in arrays):
        return None
    kinds = {array.type for array in arrays if not pa.types.is_null(array.type)}
    if not kinds:
        return pa.float64()
    if len(kinds) == 1:
        return kinds.pop()
    return pa.float64() if kinds == {pa.int64(), pa.float64()} else None
