"""Tallies: the values of one column, put in order, before they are counted in bins.

Columns whose type already is what the schema says are read as they are; of texts only
the distinct ones are looked at. All others take the way of `read_column`, which says
what a value means: a tally is the same on both ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlkit.data import Column
from mlkit.data.conformance import LARGEST, TRUTH
from mlkit.data.distinct import find_distinct, label_text, number_text
from mlkit.drift.reading import Read, first_of, read_column
from mlkit.params.models import Kind

Numbers = NDArray[np.float64]
Counted = NDArray[np.int64]

LEVELS: frozenset[Kind] = frozenset({"category", "boolean"})
# What stands for a missing date among whole microseconds.
NO_MOMENT = np.iinfo(np.int64).min


def _nothing() -> Numbers:
    return np.empty(0)


def _wordless() -> Any:
    return pa.array([], pa.large_string())


def _never() -> Counted:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Tally:
    """One column as it was found.

    Attributes
    ----------
    there : bool
        Whether the table has the column.
    missing, unreadable, present : int
        Rows without a value; rows whose value is not of the column's kind; all others.
    numbers : ndarray of shape (n_present,)
        Numbers, microseconds of dates or characters of texts, ascending.
    texts : pyarrow large_string array of shape (n_texts,)
        Levels of a category or a boolean, of which one may occur twice.
    often : ndarray of int64 of shape (n_texts,)
        Rows of each.
    """

    there: bool
    missing: int
    unreadable: int
    present: int
    numbers: Numbers = field(default_factory=_nothing, repr=False)
    texts: Any = field(default_factory=_wordless, repr=False)
    often: Counted = field(default_factory=_never, repr=False)


def tally_column(raw: pd.DataFrame, column: Column) -> Tally:
    """Return the values of a column of any table.

    Parameters
    ----------
    raw : DataFrame of shape (n_rows, n_columns)
        As for `read_column`, whose findings these are.
    column : Column
        What the values should be.
    """
    if column.name not in raw.columns:
        return Tally(False, len(raw), 0, 0)
    cells = first_of(raw, column.name)
    found = _as_it_is(cells, column)
    if found is not None:
        return found
    return tally_read(read_column(raw, column), column.kind in LEVELS)


def joined(tallies: Sequence[Tally]) -> Tally:
    """Return the tally of a column of several tables, at least one."""
    return Tally(
        any(each.there for each in tallies),
        sum(each.missing for each in tallies),
        sum(each.unreadable for each in tallies),
        sum(each.present for each in tallies),
        np.sort(np.concatenate([each.numbers for each in tallies])),
        pa.concat_arrays([each.texts for each in tallies]),
        np.concatenate([each.often for each in tallies]),
    )


def tally_read(read: Read, by_level: bool) -> Tally:
    """Return the tally of a column that was read."""
    present = len(read.values)
    if not by_level:
        numbers = np.sort(read.numbers)
        return Tally(read.there, read.missing, read.unreadable, present, numbers)
    counts = read.texts.value_counts()
    texts = pa.array([str(text) for text in counts.index], pa.large_string())
    often = np.array(counts, dtype=np.int64)
    lost = read.missing, read.unreadable
    return Tally(read.there, *lost, present, texts=texts, often=often)


def tally_numbers(values: NDArray[Any]) -> Tally:
    """Return the tally of numbers: NaN is missing, infinity is unreadable."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    low = int(np.searchsorted(ordered, -LARGEST, side="left"))
    high = int(np.searchsorted(ordered, LARGEST, side="right"))
    # What is not a number is put last.
    end = int(np.searchsorted(ordered, np.nan, side="left"))
    unreadable = low + end - high
    return Tally(
        True, len(ordered) - end, unreadable, high - low, numbers=ordered[low:high]
    )


def ends(raw: pd.DataFrame, column: Column) -> tuple[str, str] | None:
    """Return the first and the last moment of a time column, as people write them."""
    cells = first_of(raw, column.name)
    if column.kind == "number" and _is_plain(cells):
        numbers = tally_numbers(cells.to_numpy()).numbers
        if not len(numbers):
            return None
        first, last = (number_text(float(numbers[i]) + 0.0) or "" for i in (0, -1))
        return first, last
    if column.kind == "date" and cells.dtype.kind == "M":
        # Turning nanoseconds to microseconds keeps the order: two values do.
        cells = pd.Series([cells.min(), cells.max()], dtype=cells.dtype)
        raw = cells.to_frame(column.name)
    return read_column(raw, column).ends


def _as_it_is(cells: pd.Series, column: Column) -> Tally | None:
    """Return the tally of a column that needs no conversion; None where one is."""
    if column.kind in LEVELS:
        return _levels(cells, column.kind)
    if column.kind == "number":
        return tally_numbers(cells.to_numpy()) if _is_plain(cells) else None
    if column.kind == "date":
        return _dates(cells) if cells.dtype.kind == "M" else None
    if isinstance(cells.dtype, pd.StringDtype):
        return _lengths(cells, ordered=column.kind == "text")
    if column.kind == "identifier" and _is_plain(cells):
        missing = int(cells.isna().sum())
        return Tally(True, missing, 0, len(cells) - missing)
    return None


def _is_plain(cells: pd.Series) -> bool:
    """Whether they are numbers that NumPy holds, each of which a float is near."""
    dtype = cells.dtype
    return isinstance(dtype, np.dtype) and dtype.kind in "iufb" and dtype.itemsize <= 8


def _dates(cells: pd.Series) -> Tally:
    moments = pd.DatetimeIndex(cells).as_unit("us").asi8
    there = moments[moments != NO_MOMENT]
    ordered = np.sort(there).astype(np.float64)
    return Tally(True, len(moments) - len(there), 0, len(there), numbers=ordered)


def _lengths(cells: pd.Series, *, ordered: bool) -> Tally:
    texts = pc.utf8_trim_whitespace(pa.array(cells, from_pandas=True))
    lengths = pc.utf8_length(texts).drop_null().to_numpy()
    lengths = lengths[lengths > 0].astype(np.float64)
    numbers = np.sort(lengths) if ordered else _nothing()
    return Tally(True, len(cells) - len(lengths), 0, len(lengths), numbers=numbers)


def _levels(cells: pd.Series, kind: Kind) -> Tally | None:
    if isinstance(cells.dtype, pd.StringDtype):
        texts, often = _distinct_texts(cells)
    elif isinstance(cells.dtype, pd.CategoricalDtype):
        texts, often = _categories(cells)
    elif _is_plain(cells):
        distinct = find_distinct(cells)
        texts, often = distinct.texts, distinct.counts
    else:
        return None
    missing = len(cells) - int(often.sum())
    if kind == "boolean":
        read = [TRUTH.get(text.lower()) for text in texts.to_pylist()]
        good = np.array([text is not None for text in read], dtype=bool)
        texts = pa.array([text for text in read if text], pa.large_string())
        often = often[good]
    present = int(often.sum())
    unreadable = len(cells) - missing - present
    return Tally(True, missing, unreadable, present, texts=texts, often=often)


def _distinct_texts(cells: pd.Series) -> tuple[Any, Counted]:
    found = pc.value_counts(pa.array(cells, from_pandas=True))
    texts = found.field("values").cast(pa.large_string())
    often = found.field("counts").to_numpy().astype(np.int64)
    trimmed = pc.utf8_trim_whitespace(texts)
    filled = pc.not_equal(trimmed, "").fill_null(False)
    return trimmed.filter(filled), often[filled.to_numpy(zero_copy_only=False)]


def _categories(cells: pd.Series) -> tuple[Any, Counted]:
    labels = [label_text(each) for each in cells.cat.categories]
    codes = cells.cat.codes.to_numpy().astype(np.intp) + 1
    often = np.bincount(codes, minlength=len(labels) + 1)[1:]
    good = np.array([text is not None for text in labels], dtype=bool) & (often > 0)
    texts = [text for text, kept in zip(labels, good, strict=True) if kept]
    return pa.array(texts, pa.large_string()), often[good].astype(np.int64)
