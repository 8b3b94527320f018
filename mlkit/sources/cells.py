"""From the values that a database's driver returns to Arrow columns of one type each.

Every chunk of rows is typed by the values in it; in the end a column has the narrowest
type that fits all of its chunks, so that where the chunks end makes no difference:

| values | column |
|---|---|
| whole numbers | int64; float64 if one is beyond 64 bits |
| floats, decimals, or these and whole numbers | float64; NaN is missing |
| true and false; beside numbers they are 1 and 0 | bool |
| dates, times of day with a date | timestamp, in UTC where a zone is given |
| durations | duration |
| texts, times of day, UUIDs, network addresses | text |
| texts beside anything else | text |
| nothing but missing values | text |
"""

from __future__ import annotations

import datetime
import decimal
import ipaddress
import math
import uuid
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from mlkit.sources.errors import SourceError

MOMENT = pa.timestamp("us", tz="UTC")
SPAN = pa.duration("us")
TEXTS = (
    *(str, uuid.UUID, datetime.time, ipaddress.IPv4Address, ipaddress.IPv6Address),
    *(ipaddress.IPv4Network, ipaddress.IPv6Network),
    *(ipaddress.IPv4Interface, ipaddress.IPv6Interface),
)
FAMILIES: dict[type, str] = {
    **{bool: "truth", int: "whole", float: "number", decimal.Decimal: "number"},
    **{datetime.date: "moment", datetime.timedelta: "span"},
    **dict.fromkeys(TEXTS, "text"),
}
WHOLE, PRECISE = 2**63, 2**53
NUMBERS = frozenset({"truth", "whole", "number"})


def typed(name: str, column: str, values: Sequence[Any]) -> Any:
    """Return values as an Arrow array of the narrowest type.

    Parameters
    ----------
    name : str
        What is read, as messages name it.
    column : str
        The column.
    values : sequence of shape (n_rows,)
        Python objects; None is missing.

    Raises
    ------
    SourceError
        There are bytes, lists, records or other values that no column can have.
    """
    kinds = set(map(type, values)) - {type(None)}
    families = {_family(name, column, kind) for kind in kinds}
    if not families:
        return pa.nulls(len(values))
    if families == {"truth"}:
        return pa.array(values, pa.bool_())
    if families <= NUMBERS:
        return _numbers(values, whole="number" not in families)
    if families == {"moment"}:
        return pa.array(map(_moment, values), MOMENT)
    if families == {"span"}:
        return pa.array(values, SPAN)
    return pa.array(map(_text, values), pa.large_string())


def united(chunks: Sequence[Any]) -> Any:
    """Return the chunks of a column as one column of the narrowest type for all."""
    kinds = {chunk.type for chunk in chunks} - {pa.null()}
    if len(kinds) == 1:
        (kind,) = kinds
    elif kinds and kinds <= {pa.bool_(), pa.int64(), pa.float64()}:
        kind = pa.float64() if pa.float64() in kinds else pa.int64()
    else:
        kind = pa.large_string()
    return pa.chunked_array([_cast(chunk, kind) for chunk in chunks], kind)


def _cast(chunk: Any, kind: Any) -> Any:
    if chunk.type == kind or kind != pa.large_string():
        return chunk.cast(kind, safe=False)
    return pa.array(map(_text, chunk.to_pylist()), kind)


def _family(name: str, column: str, kind: type) -> str:
    for known in kind.__mro__:
        if known in FAMILIES:
            return FAMILIES[known]
    binary = issubclass(kind, bytes | bytearray | memoryview)
    what = "bytes" if binary else f"{kind.__name__} values"
    raise SourceError(
        f"{name}: column {column!r} holds {what}, which no kind of column fits. Cast "
        "it to text or numbers in data.query, take it apart, or leave it out"
    )


def _numbers(values: Sequence[Any], *, whole: bool) -> Any:
    if whole:
        try:
            return pa.array((None if v is None else int(v) for v in values), pa.int64())
        except (OverflowError, pa.ArrowInvalid):
            # Beyond 64 bits there is no whole number; the nearest float stands for it.
            pass
    floats = [None if value is None else float(value) for value in values]
    return pa.array(floats, pa.float64(), from_pandas=True)


def _moment(value: datetime.date | None) -> datetime.datetime | None:
    if value is None or isinstance(value, datetime.datetime):
        return value
    return datetime.datetime(value.year, value.month, value.day)


def _text(value: Any) -> str | None:
    """Return a value as text, the same before and after its chunk had a type."""
    if value is None:
        return None
    if isinstance(value, datetime.date):
        moment = _moment(value)
        return None if moment is None else _zoned(moment).isoformat()
    if isinstance(value, int | float | decimal.Decimal):
        number = float(value)
        if math.isnan(number):
            return None
        exact = isinstance(value, int) and abs(value) < WHOLE
        whole = exact or (number.is_integer() and abs(number) < PRECISE)
        return str(int(value)) if whole else str(number)
    return str(value)


def _zoned(moment: datetime.datetime) -> datetime.datetime:
    """Return a moment in UTC, as it comes back from a typed chunk."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=datetime.UTC)
    return moment.astimezone(datetime.UTC)
