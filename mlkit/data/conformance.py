"""Giving a table the shape of a schema, or saying why it cannot be done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pandas.api import types

from mlkit.data.dates import read_dates
from mlkit.data.distinct import Distinct, find_distinct
from mlkit.data.epochs import EPOCHS, read_epoch
from mlkit.data.numerals import read_numbers
from mlkit.data.records import Check, Column, DataError, Schema
from mlkit.data.wording import (
    SHOWN,
    counted,
    did_you_mean,
    listed,
    row_numbers,
    shown,
)

TEXT = pd.StringDtype(na_value=np.nan)
LARGEST = 1e38  # forests and XGBoost compute in 32 bits, and variances need squares
TRUTH = {
    **{"true": "True", "yes": "True", "y": "True", "t": "True", "1": "True"},
    **{"false": "False", "no": "False", "n": "False", "f": "False", "0": "False"},
}


def conform(
    raw: pd.DataFrame, schema: Schema, *, need_target: bool = True
) -> pd.DataFrame:
    """Return the table with exactly the schema's columns, each of its kind.

    Parameters
    ----------
    raw : DataFrame of shape (n_rows, n_columns)
        Texts, or values of any type; columns the schema does not know are left out.
    schema : Schema
        What :func:`infer_schema` or a dataset says.
    need_target : bool
        False leaves the target out, for rows that are to be predicted.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
        With the index of `raw`. Numbers are float64, dates datetime64[us], all other
        kinds text, booleans ``True`` or ``False``. A column that is neither a feature
        nor the target and is absent is filled with missing values; mistakes in an
        ignored column become missing.

    Raises
    ------
    DataError
        A feature or the target is absent, or a value is not of its column's kind.
    """
    frame, checks = apply_schema(raw, schema, need_target=need_target)
    if any(check.status == "failed" for check in checks):
        raise DataError(checks)
    return frame


def apply_schema(
    raw: pd.DataFrame, schema: Schema, *, need_target: bool = True, table: str = "data"
) -> tuple[pd.DataFrame, list[Check]]:
    """Return what `conform` returns, with mistakes made missing, and the checks."""
    columns = [
        column
        for column in schema.columns
        if need_target or column.name != schema.target
    ]
    checks = repeated_names(raw, table) + absent_columns(raw, columns, table)
    raw = raw.loc[:, ~raw.columns.duplicated()]
    parts = {}
    for column in columns:
        parts[column.name], found = conform_column(raw, column, table=table)
        checks += found if column.role != "ignored" else []
    return pd.DataFrame(parts, index=raw.index), checks


def repeated_names(raw: pd.DataFrame, table: str) -> list[Check]:
    """Return a failed check for each column name that is used twice."""
    names = raw.columns[raw.columns.duplicated()].unique()
    return [
        Check(
            "duplicate names",
            "failed",
            str(name),
            "column names must be distinct",
            f"the {table} has {(raw.columns == name).sum()} columns of this name",
            "Rename them in the file, or name the columns in data.names",
        )
        for name in names
    ]


def absent_columns(
    raw: pd.DataFrame, columns: Iterable[Column], table: str
) -> list[Check]:
    """Return a failed check for each feature or target that is absent."""
    known = [str(name) for name in raw.columns]
    return [
        Check(
            "missing column",
            "failed",
            column.name,
            f"the {column.role} must be a column of the {table}",
            "it is not there",
            did_you_mean(column.name, known),
        )
        for column in columns
        if (column.is_feature or column.role == "target") and column.name not in known
    ]


def conform_column(
    raw: pd.DataFrame, column: Column, *, table: str = "data"
) -> tuple[pd.Series, list[Check]]:
    """Return one column of its kind, with mistakes made missing, and the checks."""
    if column.name not in raw.columns:
        values = pd.Series(np.nan, index=raw.index, name=column.name, dtype=object)
    else:
        values = raw[column.name]
    if column.kind == "number":
        return _numbers(values, column, table)
    if column.kind == "date":
        return _dates(values, column, table)
    distinct = find_distinct(values)
    if column.kind == "boolean":
        return _booleans(distinct, values, column, table)
    return _text(distinct, values), []


def unseen_levels(frame: pd.DataFrame, schema: Schema) -> tuple[Check, ...]:
    """Return a warning for each feature with categories that training never saw.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        As :func:`conform` returns it.
    schema : Schema
        Columns without ``levels`` are not looked at.
    """
    checks = []
    for column in schema.columns:
        if column.is_feature and column.levels is not None:
            checks += new_levels(frame[column.name], column, column.levels)
    return tuple(checks)


def new_levels(values: pd.Series, column: Column, levels: Iterable[str]) -> list[Check]:
    """Return a warning when a column holds values that are not among `levels`."""
    new = values[~values.isin(list(levels)) & values.notna()]
    if not len(new):
        return []
    names = sorted(new.unique())
    found = (
        f"{counted(len(new), 'row')} with {listed(names, sensitive=column.sensitive)}"
    )
    rule = "categories should be known from training"
    advice = "The model treats a category it does not know as missing or rare"
    return [Check("unseen categories", "warning", column.name, rule, found, advice)]


def _numbers(
    values: pd.Series, column: Column, table: str
) -> tuple[pd.Series, list[Check]]:
    checks: list[Check] = []
    if types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        distinct = find_distinct(values)
        read = read_numbers(distinct.texts, column.format)
        numbers = distinct.spread(read, np.nan)
        advice = (
            "Correct them, add them to data.missing if they mean missing, or "
            f"{_other_kind(column)}"
        )
        style = f" written like {column.format}" if column.format else ""
        rule = f"a number column must hold numbers{style}"
        checks += _mistakes(distinct, np.isnan(read), column, rule, advice, table)
    beyond = np.abs(numbers) > LARGEST
    if beyond.any():
        infinite = bool(np.isinf(numbers).any())
        checks.append(_infinite(np.flatnonzero(beyond), column, table, infinite))
        numbers = np.where(beyond, np.nan, numbers)
    return pd.Series(numbers, index=values.index, name=column.name), checks


def _other_kind(column: Column) -> str:
    others = {
        "target": "set task: binary or multiclass if they are classes",
        "time": "name another data.time",
        "weight": "name another data.weight",
    }
    declared = f"declare data.columns: {{{column.name}: category}}"
    return others.get(column.role, declared)


def _infinite(
    rows: NDArray[np.int64], column: Column, table: str, infinite: bool
) -> Check:
    return Check(
        "infinite",
        "failed",
        column.name,
        "numbers must be finite" if infinite else f"no number may pass {LARGEST:g}",
        f"the {table} is {'infinite' if infinite else 'larger'} in {row_numbers(rows)}",
        "Correct them, or add the text to data.missing if it means missing",
    )


def _dates(
    values: pd.Series, column: Column, table: str
) -> tuple[pd.Series, list[Check]]:
    if types.is_datetime64_any_dtype(values.dtype):
        stamps = pd.DatetimeIndex(values)
        stamps = stamps if stamps.tz is None else stamps.tz_convert(None)
        moments = stamps.as_unit("us").to_numpy()
        return pd.Series(moments, index=values.index, name=column.name), []
    distinct = find_distinct(values)
    if column.format in EPOCHS:
        read = read_epoch(read_numbers(distinct.texts, None), column.format)
    else:
        read = read_dates(distinct.texts, "mdy" if column.format == "mdy" else "dmy")
    moments = distinct.spread(read, np.datetime64("NaT", "us"))
    rule = "a date column must hold dates"
    advice = f"Correct them, write them like 2016-02-29 01:16, or {_other_kind(column)}"
    checks = _mistakes(distinct, np.isnat(read), column, rule, advice, table)
    return pd.Series(moments, index=values.index, name=column.name), checks


def _booleans(
    distinct: Distinct, values: pd.Series, column: Column, table: str
) -> tuple[pd.Series, list[Check]]:
    read = [TRUTH.get(text.lower()) for text in distinct.texts.to_pylist()]
    unread = np.array([text is None for text in read], dtype=bool)
    rule = "a boolean column must hold true or false, yes or no, 1 or 0"
    advice = f"Correct them, or {_other_kind(column)}"
    checks = _mistakes(distinct, unread, column, rule, advice, table)
    spread = Distinct(distinct.codes, pa.array(read, pa.large_string()))
    return _text(spread, values), checks


def _text(distinct: Distinct, values: pd.Series) -> pd.Series:
    codes = pa.array(distinct.codes, mask=distinct.codes < 0)
    texts: Any = pd.array(distinct.texts.take(codes), dtype=TEXT)
    return pd.Series(texts, index=values.index, name=values.name)


def _mistakes(
    distinct: Distinct,
    wrong: NDArray[np.bool_],
    column: Column,
    rule: str,
    advice: str,
    table: str,
) -> list[Check]:
    if not wrong.any():
        return []
    codes = np.flatnonzero(wrong)
    texts = [distinct.texts[int(code)].as_py() for code in codes[:SHOWN]]
    quoted = _quoted(texts, codes, distinct, sensitive=column.sensitive)
    rows = int(np.isin(distinct.codes, codes).sum())
    total = f"; {rows:,} rows in all" if rows > 1 else ""
    found = f"the {table} has {quoted}{total}"
    return [Check("wrong kind", "failed", column.name, rule, found, advice)]


def _quoted(
    texts: Sequence[str],
    codes: NDArray[np.int64],
    distinct: Distinct,
    *,
    sensitive: bool,
) -> str:
    parts = [
        f"{shown(text, sensitive=sensitive)} in "
        f"{row_numbers(np.flatnonzero(distinct.codes == code))}"
        for text, code in zip(texts, codes, strict=False)
    ]
    more = len(codes) - len(texts)
    return ", ".join(parts) + (f" and {more:,} more texts" if more > 0 else "")
