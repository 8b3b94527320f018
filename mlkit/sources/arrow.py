"""From Arrow tables to data frames: types kept, odd ones made plain or refused."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlkit.data.conformance import TEXT
from mlkit.sources.errors import SourceError


def to_frame(name: str, table: Any) -> pd.DataFrame:
    """Return an Arrow table as a data frame.

    Texts become ``str`` columns, whole numbers with missing values ``Int64``, decimals
    float64, dates and times datetime64 (UTC where a zone was given), durations seconds.

    Raises
    ------
    SourceError
        A column holds lists, records or bytes.
    """
    columns = {}
    for place, column in enumerate(table.columns):
        field = table.field(place)
        plain = _plain(name, field.name, column)
        mapper = _with_gaps if plain.null_count else _without_gaps
        columns[field.name] = plain.to_pandas(types_mapper=mapper)
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))


def _without_gaps(kind: Any) -> Any:
    return TEXT if pa.types.is_large_string(kind) else None


def _with_gaps(kind: Any) -> Any:
    return pd.Int64Dtype() if pa.types.is_integer(kind) else _without_gaps(kind)


def _plain(name: str, column_name: str, column: Any) -> Any:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(name, column_name, column.cast(kind.value_type))
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return column.cast(pa.float64())
    if pa.types.is_date(kind):
        return column.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us"), safe=False)
    if pa.types.is_duration(kind):
        micro = column.cast(pa.duration("us"), safe=False).cast(pa.int64())
        return pc.divide(micro.cast(pa.float64()), 1e6)
    if _is_text(kind):
        return column.cast(pa.large_string())
    if pa.types.is_nested(kind) or _is_bytes(kind):
        raise SourceError(
            f"{name}: column {column_name!r} holds {kind} values, which no kind of "
            "column fits. Take it apart or leave it out by data.query"
        )
    if pa.types.is_integer(kind):
        return column.cast(pa.int64()) if kind != pa.uint64() else _unsigned(column)
    return column


def _is_text(kind: Any) -> bool:
    strings = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    tests = (*strings, pa.types.is_time, pa.types.is_null)
    return any(test(kind) for test in tests)


def _is_bytes(kind: Any) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _unsigned(column: Any) -> Any:
    top = pc.max(column).as_py()
    return column.cast(pa.int64() if top is None or top < 2**63 else pa.float64())
