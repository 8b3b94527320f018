"""What the values of a column are, found by looking at all of them.

The rules, in order; the first that fits decides:

1. no values at all: a number column, left out;
2. a type the table brings along (booleans, dates, numbers) is kept;
3. ``true`` and ``false`` in any case: boolean;
4. dates in one of the forms of :mod:`mlkit.data.dates`; eight digits in a row count
   only when every value is such a date. Day before month or month before day is decided
   by the column as a whole;
5. numbers in one of the styles of :mod:`mlkit.data.numerals`. A column with leading
   zeros (``007``) holds codes, not numbers. Numbers under a name that speaks of time
   are dates where all of them fit one unit of :mod:`mlkit.data.epochs`. Small whole
   numbers stay numbers, whether they count or code, until a kind is declared;
6. at least 95 % dates, or numbers of more than 20 sizes, beside at most 20 other texts:
   a date or number column with mistakes in it, which validation then names;
7. text of at least 4 words a value, at least 30 % of the values distinct: text;
8. at least 95 % of at least 20 values distinct: identifier;
9. anything else is a category.

Numbers are identifiers when they are whole and at least 95 % distinct, and either count
on without gaps or stand under a name that ends in a word such as ``id`` or ``number``,
or under none (``Unnamed: 0``, the row numbers that a data frame was saved with).
Numbers with a decimal point are never identifiers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pandas.api import types

from mlkit.data.dates import Order, possible_orders, read_dates
from mlkit.data.distinct import Distinct, find_distinct
from mlkit.data.epochs import (
    WORDS,
    compact_dates,
    find_epoch,
    name_words,
)
from mlkit.data.numerals import (
    CODE,
    DIGITS,
    WHOLE,
    find_style,
    matches,
    read_numbers,
    readable,
)
from mlkit.params.models import Kind

MOSTLY = 0.95
MISTAKES = 20
SIZES = 20
TEXT_WORDS = 4
TEXT_DISTINCT = 0.3
FEW_ROWS = 20
GAPS = 1.05
GLANCE = 1_000
COMPACT = r"^\d{8}$"
ORDERED = r"^\d{1,2}[-/.]\d{1,2}[-/.]"
NOTHING = "every value is missing"
ORDERS = {"dmy": "day before month", "mdy": "month before day"}
ID_WORDS = frozenset(
    {"id", "ids", "uuid", "guid", "key", "idx", "index", "no", "nr", "num", "number"}
    | {"code", "row", "record", "serial", "pk", "sno", "rowid", "rownames", "unnamed"}
)


@dataclass(frozen=True)
class Guess:
    """The kind of a column, how its texts are read, and the reason.

    Attributes
    ----------
    undecided : bool
        The dates can be read day first and month first alike.
    """

    kind: Kind
    why: str
    format: str | None = None
    undecided: bool = False


def guess_kind(values: pd.Series, name: str = "", *, identifiers: bool = True) -> Guess:
    """Return the kind of a column by the rules above.

    Parameters
    ----------
    values : Series of shape (n_rows,)
        Texts, or values of any type.
    name : str
        The column's name, which helps to know identifiers.
    identifiers : bool
        False leaves out the rules that find identifiers.
    """
    if not values.notna().any():
        return Guess("number", NOTHING)
    if types.is_bool_dtype(values.dtype):
        return Guess("boolean", "every value is true or false")
    if types.is_datetime64_any_dtype(values.dtype):
        return Guess("date", "every value is a date")
    if types.is_numeric_dtype(values.dtype):
        return _typed_number(values, name, identifiers=identifiers)
    distinct = find_distinct(values)
    if not len(distinct.texts):
        return Guess("number", NOTHING)
    boolean = _boolean(distinct)
    return boolean or _by_text(distinct, name, identifiers=identifiers)


def guess_declared(values: pd.Series, kind: Kind) -> Guess:
    """Return a declared kind with the format that reads most of the column's texts."""
    why = "declared in data.columns"
    typed = types.is_numeric_dtype(values.dtype) or types.is_datetime64_any_dtype(
        values.dtype
    )
    if kind == "date" and types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return Guess(kind, why, find_epoch(numbers))
    if typed or kind not in ("number", "date"):
        return Guess(kind, why)
    distinct = find_distinct(values)
    if kind == "number":
        return Guess(kind, why, find_style(distinct.texts))
    if len(distinct.texts) and readable(distinct.texts, None).all():
        epoch = find_epoch(read_numbers(distinct.texts, None))
        if epoch is not None:
            return Guess(kind, why, epoch)
    return replace(_date(distinct)[0], why=why)


def with_order(guess: Guess, order: str | None) -> Guess:
    """Return a guess whose order of day and month follows the table's other dates."""
    if not guess.undecided or order is None:
        return guess
    why = f"every value is a date, read {ORDERS[order]} as in the other columns"
    return replace(guess, format=order, why=why)


def _boolean(distinct: Distinct) -> Guess | None:
    few = distinct.texts[:FEW_ROWS].to_pylist()
    truth = len(distinct.texts) == len(few)
    if not truth or {text.lower() for text in few} - {"true", "false"}:
        return None
    return Guess("boolean", "every value is true or false")


def _by_text(distinct: Distinct, name: str, *, identifiers: bool) -> Guess:
    texts, counts = distinct.texts, distinct.counts
    if _may_be_dates(texts[:GLANCE]):
        date, dated = _date(distinct)
        if _enough(dated, counts):
            return _with_mistakes(date, dated, counts)
    style = find_style(texts)
    numeric = readable(texts, style)
    varied = numeric.all() or numeric.sum() > SIZES
    if varied and _enough(numeric, counts) and not matches(texts, CODE).any():
        guess = _number(distinct, style, name, identifiers=identifiers)
        return _with_mistakes(guess, numeric, counts)
    return _words(texts, counts, identifiers=identifiers)


def _may_be_dates(glance: Any) -> bool:
    """Return whether few enough of some texts cannot be dates; quick for numbers."""
    number = readable(glance, None) & ~matches(glance, COMPACT)
    never = number | ~matches(glance, DIGITS)
    if never.all() or never.sum() > MISTAKES:
        return False
    return len(glance) - max(possible_orders(glance).values()) <= MISTAKES


def _enough(fits: NDArray[np.bool_], counts: NDArray[np.int64]) -> bool:
    share = counts[fits].sum() / counts.sum()
    return bool(share >= MOSTLY and (~fits).sum() <= MISTAKES)


def _with_mistakes(
    guess: Guess, fits: NDArray[np.bool_], counts: NDArray[np.int64]
) -> Guess:
    if fits.all():
        return guess
    share = counts[fits].sum() / counts.sum()
    why = f"{share:.1%} of the values are {guess.kind}s, the rest are not"
    return Guess(guess.kind, why, guess.format)


def _date(distinct: Distinct) -> tuple[Guess, NDArray[np.bool_]]:
    """Return a date guess and which of the distinct texts it reads."""
    dated = _dated(distinct, "dmy")
    if not matches(distinct.texts, ORDERED).any():
        return Guess("date", "every value is a date"), dated
    swapped = _dated(distinct, "mdy")
    if dated.sum() == swapped.sum():
        why = "every value is a date; nothing tells day from month, so day before month"
        return Guess("date", why, "dmy", undecided=True), dated
    order: Order = "mdy" if swapped.sum() > dated.sum() else "dmy"
    why = f"every value is a date, {ORDERS[order]}: no other order fits all of them"
    return Guess("date", why, order), swapped if order == "mdy" else dated


def _dated(distinct: Distinct, order: Order) -> NDArray[np.bool_]:
    dated = ~np.isnat(read_dates(distinct.texts, order))
    if not dated.all():
        dated &= ~matches(distinct.texts, COMPACT)
    return np.asarray(dated, dtype=bool)


def _typed_number(values: pd.Series, name: str, *, identifiers: bool) -> Guess:
    numbers = values.dropna().to_numpy(dtype=np.float64)
    sizes, whole = np.unique(numbers), types.is_integer_dtype(values.dtype)
    if whole and compact_dates(sizes):
        days = pa.array([f"{size:.0f}" for size in sizes], pa.large_string())
        if not np.isnat(read_dates(days)).any():
            return Guess("date", "every value is a date such as 20160229")
    return _sized(sizes, name, None, len(numbers) if identifiers and whole else 0)


def _number(
    distinct: Distinct, style: str | None, name: str, *, identifiers: bool
) -> Guess:
    numbers = read_numbers(distinct.texts, style)
    sizes = np.unique(numbers[~np.isnan(numbers)])
    named = identifiers and matches(distinct.texts, WHOLE).all()
    return _sized(sizes, name, style, int(distinct.counts.sum()) if named else 0)


def _sized(
    sizes: NDArray[np.float64], name: str, style: str | None, named_rows: int
) -> Guess:
    """Return what numbers are by their distinct sizes and the name above them.

    `named_rows` is how many rows they could be the names of, 0 where they cannot.
    """
    epoch = find_epoch(sizes, name) if style is None else None
    if epoch is not None:
        return Guess("date", f"every value is a date in {WORDS[epoch]}", epoch)
    if named_rows:
        why = _identifier(sizes, named_rows, name)
        if why:
            return Guess("identifier", why)
    written = f", written like {style}" if style else ""
    return Guess("number", f"every value is a number{written}", style)


def _identifier(sizes: NDArray[np.float64], rows: int, name: str) -> str | None:
    """Return why whole numbers name their rows, None when they do not."""
    share = len(sizes) / rows
    if rows < FEW_ROWS or share < MOSTLY:
        return None
    if sizes[-1] - sizes[0] < GAPS * len(sizes):
        return f"{share:.1%} of the values are distinct whole numbers in a row"
    words = name_words(name)
    if words and words[-1] in ID_WORDS:
        says = f"the name says {words[-1]!r}"
        return f"{share:.1%} of the values are distinct and {says}"
    return None


def _words(texts: Any, counts: NDArray[np.int64], *, identifiers: bool) -> Guess:
    total, share = int(counts.sum()), len(texts) / counts.sum()
    blanks = pc.count_substring_regex(texts, r"\s+").to_numpy(zero_copy_only=False)
    words = float(((blanks + 1) * counts).sum() / total)
    if words >= TEXT_WORDS and share >= TEXT_DISTINCT:
        why = (
            f"free text: {words:.1f} words a value, {share:.1%} of the values distinct"
        )
        return Guess("text", why)
    if identifiers and total >= FEW_ROWS and share >= MOSTLY:
        return Guess("identifier", f"{share:.1%} of the values are distinct")
    one = len(texts) == 1
    return Guess("category", f"{len(texts):,} distinct text{'' if one else 's'}")
