"""Dates written as text.

Forms that are read: year first (``2016-02-29``, ``2016/2/29``, ``2016-02``), compact
(``20160229``, ``20160229T011600``), day or month first (``29/2/2016``, ``2.29.16``),
month and year (``02/2016``) and English month names (``29 Feb 2016``,
``February 29, 2016``, ``29-Feb-16``, ``2016-Feb-29``, ``Feb 2016``), each but the month
alone with or without a time (``01:16``, ``1:16:05.25 PM``, ``T01:16Z``,
``01:16+02:00``), and ``Mon Feb 29 01:16:05 2016`` as C writes it, with or without a
zone before the year. A time with a zone is turned to UTC. Years of two digits are 1969
to 2068, as in POSIX.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Order = Literal["dmy", "mdy"]
Moments = NDArray[np.datetime64]

_TIME = (
    r"(?:(?:T|\s+|,\s+)(?P<H>\d{1,2}):(?P<M>\d{2})"
    r"(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"\s?(?P<half>[AaPp]\.?[Mm]\.?)?\s?(?P<zone>[Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?$"
)
_MONTH = r"(?P<name>[A-Za-z]{3,9})\.?"
_YEAR = r"(?P<y>\d{4}|\d{2})"
FORMS = (
    r"^(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})" + _TIME,
    r"^(?P<y>\d{4})[-/](?P<m>\d{1,2})$",
    r"^(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})"
    r"(?:T(?P<H>\d{2})(?P<M>\d{2})(?P<S>\d{2})?(?P<zone>Z)?)?$",
    r"^(?P<first>\d{1,2})[-/.](?P<second>\d{1,2})[-/.]" + _YEAR + _TIME,
    r"^(?P<m>\d{1,2})[-/](?P<y>\d{4})$",
    r"^(?:[A-Za-z]{3,9},\s)?(?P<d>\d{1,2})[-\s]"
    + _MONTH
    + r"[-,\s]\s?"
    + _YEAR
    + _TIME,
    r"^" + _MONTH + r"\s(?P<d>\d{1,2}),?\s" + _YEAR + _TIME,
    r"^" + _MONTH + r"[-\s](?P<y>\d{4})$",
    r"^(?P<y>\d{4})[-\s]" + _MONTH + r"[-\s](?P<d>\d{1,2})" + _TIME,
    r"^[A-Za-z]{3}\s" + _MONTH + r"\s{1,2}(?P<d>\d{1,2})"
    r"\s(?P<H>\d{2}):(?P<M>\d{2}):(?P<S>\d{2})"
    r"\s(?:(?P<zone>UTC|GMT|[+-]\d{2}:?\d{2})\s)?(?P<y>\d{4})$",
)
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
MONTH_OF = {
    month[:length]: number
    for number, month in enumerate(MONTHS, start=1)
    for length in range(3, len(month) + 1)
}
MICROSECONDS = {
    "D": 86_400_000_000,
    "H": 3_600_000_000,
    "M": 60_000_000,
    "S": 1_000_000,
}


def read_dates(texts: Any, order: Order = "dmy") -> Moments:
    """Return the moments the texts stand for, NaT where a text is not a date.

    Parameters
    ----------
    texts : pyarrow string array of shape (n,)
        Texts without outer blanks.
    order : {"dmy", "mdy"}
        What comes first where both day and month are written as numbers.

    Returns
    -------
    ndarray of datetime64[us] of shape (n,)
    """
    moments = np.full(len(texts), np.datetime64("NaT", "us"))
    for form in FORMS:
        found = pc.extract_regex(texts, form)
        rows = np.flatnonzero(found.is_valid().to_numpy(zero_copy_only=False))
        if len(rows):
            moments[rows] = _moments(_fields(found.take(pa.array(rows))), order)
    return moments


def possible_orders(texts: Any) -> dict[Order, int]:
    """Return how many of the texts are dates under each order of day and month."""
    orders: tuple[Order, ...] = ("dmy", "mdy")
    return {order: int((~np.isnat(read_dates(texts, order))).sum()) for order in orders}


def _fields(found: Any) -> dict[str, Any]:
    names = [field.name for field in found.type]
    return dict(zip(names, found.flatten(), strict=True))


def _moments(fields: Mapping[str, Any], order: Order) -> Moments:
    year = _number(fields, "y")
    short = pc.utf8_length(fields["y"]).to_numpy(zero_copy_only=False) == 2
    year = year + np.where(short, np.where(year < 69, 2000, 1900), 0)
    first, second = _number(fields, "first"), _number(fields, "second")
    if "first" in fields:
        day, month = (first, second) if order == "dmy" else (second, first)
    else:
        month = _month(fields["name"]) if "name" in fields else _number(fields, "m")
        day = _number(fields, "d", absent=1)
    good = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = (year - 1970) * 12 + np.where(good, month, 1) - 1
    start = months.astype("datetime64[M]")
    days = start.astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
    good &= days.astype("datetime64[M]") == start
    time, time_good = _time(fields)
    moments: Moments = days.astype("datetime64[us]") + time.astype("timedelta64[us]")
    moments[~(good & time_good)] = np.datetime64("NaT")
    return moments


def _time(fields: Mapping[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    hour, minute, second = (_number(fields, name) for name in "HMS")
    good = (hour < 24) & (minute < 60) & (second < 60)
    if "half" in fields:
        half = _lower(fields["half"])
        good &= (half == "") | ((hour >= 1) & (hour <= 12))
        hour = np.where(half == "", hour, hour % 12 + 12 * (half == "p"))
    time = (
        hour * MICROSECONDS["H"]
        + minute * MICROSECONDS["M"]
        + second * MICROSECONDS["S"]
        + _fraction(fields)
        - _offset(fields)
    )
    return time, good


def _lower(half: Any) -> NDArray[Any]:
    initial = pc.utf8_lower(pc.utf8_slice_codeunits(half, 0, 1))
    return np.asarray(initial.fill_null("").to_numpy(zero_copy_only=False))


def _fraction(fields: Mapping[str, Any]) -> NDArray[np.int64]:
    if "f" not in fields:
        return np.zeros(len(fields["y"]), dtype=np.int64)
    padded = pc.utf8_rpad(fields["f"].fill_null(""), 6, "0")
    return _number({"f": pc.utf8_slice_codeunits(padded, 0, 6)}, "f")


def _offset(fields: Mapping[str, Any]) -> NDArray[np.int64]:
    length = len(fields["y"])
    if "zone" not in fields:
        return np.zeros(length, dtype=np.int64)
    parts = pc.extract_regex(
        fields["zone"].fill_null(""), r"^(?P<sign>[+-])(?P<H>\d{2}):?(?P<M>\d{2})?$"
    )
    zone = _fields(parts)
    sign = np.asarray(zone["sign"].fill_null("").to_numpy(zero_copy_only=False))
    hours, minutes = _number(zone, "H"), _number(zone, "M")
    offset = hours * MICROSECONDS["H"] + minutes * MICROSECONDS["M"]
    return np.where(sign == "-", -offset, offset)


def _month(names: Any) -> NDArray[np.int64]:
    known = pa.array(MONTH_OF, pa.large_string())
    found = pc.index_in(pc.utf8_lower(names), known)
    months = pc.take(pa.array(MONTH_OF.values(), pa.int64()), found).fill_null(0)
    return np.asarray(months.to_numpy(zero_copy_only=False), dtype=np.int64)


def _number(fields: Mapping[str, Any], name: str, absent: int = 0) -> NDArray[np.int64]:
    if name not in fields:
        length = len(next(iter(fields.values())))
        return np.full(length, absent, dtype=np.int64)
    digits = pc.if_else(pc.equal(fields[name], ""), None, fields[name])
    numbers = pc.cast(digits, pa.int64()).fill_null(absent)
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.int64)
