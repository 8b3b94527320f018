"""Lists of values become columns with one type each, piece by piece.

A column of one kind of value gets the type that a reader of a CSV file would give it:
int64, float64 (also integers with gaps), bool, str. Integers and floats together are
float64. Anything else, such as lists or texts beside numbers, is kept as it is
(object), and a column without any value is float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

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

    def frame(self, order: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the columns, in the order in which they came or as named."""
        import pandas as pd

        names = self._pieces if order is None else order
        found = {name: to_series(self._filled(name)) for name in names}
        frame = pd.DataFrame(found, index=pd.RangeIndex(self.rows))
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
    for name in dict.fromkeys(chain.from_iterable(rows)):
        yield name, [row.get(name) for row in rows]


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
