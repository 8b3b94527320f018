"""Files as tables of a query.

Columns of a text file have the types their values show, by the rules of
:mod:`mlkit.data.kinds`: whole numbers BIGINT, other numbers DOUBLE, dates TIMESTAMP,
true and false BOOLEAN, everything else VARCHAR; so have codes with leading zeros, and
columns that mix numbers with other texts. Missing markers are NULL. A column name that
is used twice has ``_1`` behind it the second time.

A text file larger than memory is read piece by piece while the query runs. Its types
come from its first 16 MB, and its dates stay VARCHAR; it must be UTF-8, plain or
packed as ``.gz``. A Parquet file keeps its own types and its texts, and is read where
the query needs it.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.dataset as pads
from fsspec.core import url_to_fs

from mlkit.data.conformance import conform_column
from mlkit.data.kinds import guess_kind
from mlkit.data.records import Column
from mlkit.params.models import Data
from mlkit.sources.arrow import to_frame
from mlkit.sources.contents import GZIP, is_parquet, read_text
from mlkit.sources.delimited import Layout, clean, find_layout, parse
from mlkit.sources.errors import SourceError, TooLargeError
from mlkit.sources.names import distinct_names, hint_at_values
from mlkit.sources.places import Place, measure, one_line, opened

HEAD = 1 << 24
EXACT = 2**53
SQL_TYPES = {"int64": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN"}


@dataclass(frozen=True)
class View:
    """Rows a query can read.

    Attributes
    ----------
    select : str or None
        The SELECT list that types them, where they are not typed already.
    hint : str
        What to say where a column is looked for in vain: whether the file's first line
        seems to hold values; empty where it does not.
    """

    rows: Any = field(repr=False)
    select: str | None = None
    hint: str = ""


def make_view(place: Place, data: Data) -> View:
    """Return a file as a table of a query.

    Raises
    ------
    SourceError
        The file cannot be read as a table.
    """
    measure(place)
    if is_parquet(place):
        return View(_dataset(place, pads.ParquetFileFormat()))
    try:
        text, _ = read_text(place, data.encoding)
    except TooLargeError:
        return _large_view(place, data)
    table, layout = parse(str(place), text, data)
    rows = typed(clean(named(table, layout), data.missing))
    return View(rows, hint=_hint(place, layout, data))


def named(table: Any, layout: Layout) -> Any:
    """Return a table with distinct column names."""
    return table.rename_columns(distinct_names(layout.names))


def typed(table: Any) -> Any:
    """Return a table of strings with the types that its columns show."""
    arrays = [
        typed_column(to_frame("", table.select([place])).iloc[:, 0])
        for place in range(table.num_columns)
    ]
    return pa.table(arrays, names=table.column_names)


def typed_column(values: pd.Series) -> Any:
    """Return a text column as an Arrow array of the type its values show."""
    guess = guess_kind(values, identifiers=False)
    name = str(values.name)
    frame = values.to_frame(name)
    column = Column(name, guess.kind, format=guess.format)
    conformed, mistakes = conform_column(frame, column)
    if mistakes or guess.kind in ("category", "text") or not values.notna().any():
        return pa.array(values, pa.large_string(), from_pandas=True)
    if guess.kind == "boolean":
        return pa.array(conformed.map({"True": True, "False": False}), pa.bool_())
    if guess.kind == "date":
        return pa.array(conformed, pa.timestamp("us"), from_pandas=True)
    numbers = conformed.to_numpy()
    present = numbers[~np.isnan(numbers)]
    whole = bool((present == present.round()).all() and (np.abs(present) < EXACT).all())
    array = pa.array(numbers, from_pandas=True)
    return array.cast(pa.int64()) if whole else array


def _large_view(place: Place, data: Data) -> View:
    with opened(place) as stream:
        packed = stream.read(2) == GZIP
        stream.seek(0)
        if packed and not place.uri.endswith(".gz"):
            raise SourceError(
                f"{place}: a packed file larger than memory must be named .gz"
            )
        source = gzip.GzipFile(fileobj=stream) if packed else stream
        head = source.read(HEAD)
    sample = head[: head.rfind(b"\n") + 1].removeprefix(b"\xef\xbb\xbf")
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{place}: a file larger than memory must be UTF-8: {one_line(error)}. "
            "Turn it into UTF-8 or Parquet first"
        ) from error
    layout = find_layout(str(place), sample, data)
    table, _ = parse(str(place), sample, data)
    types = typed(clean(named(table, layout), data.missing)).schema
    select = ", ".join(
        _cell(position, field, data.missing) for position, field in enumerate(types)
    )
    rows = _dataset(place, _text_format(layout))
    return View(rows, select, _hint(place, layout, data))


def _hint(place: Place, layout: Layout, data: Data) -> str:
    if not layout.header:
        return ""
    return hint_at_values(str(place), layout.names, hide=bool(data.sensitive))


def _text_format(layout: Layout) -> Any:
    positions = [str(position) for position in range(len(layout.names))]
    return pads.CsvFileFormat(
        parse_options=pacsv.ParseOptions(
            delimiter=layout.separator, newlines_in_values=True
        ),
        read_options=pacsv.ReadOptions(
            column_names=positions, skip_rows_after_names=1 if layout.header else 0
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(positions, pa.string()),
            strings_can_be_null=False,
        ),
    )


def _cell(position: int, field: Any, missing: list[str]) -> str:
    """Return the SQL that reads one column of a text file."""
    markers = ", ".join(_literal(marker.strip()) for marker in ("", *missing))
    text = f'trim("{position}")'
    value = f"CASE WHEN {text} IN ({markers}) THEN NULL ELSE {text} END"
    kind = SQL_TYPES.get(str(field.type))
    name = '"' + field.name.replace('"', '""') + '"'
    return f"{f'CAST({value} AS {kind})' if kind else value} AS {name}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _dataset(place: Place, form: Any) -> Any:
    system, path = url_to_fs(place.uri)
    try:
        return pads.dataset(path, format=form, filesystem=system)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            f"{place}: the file is damaged or cut short: {one_line(error)}. Copy it "
            "again from where it came"
        ) from error
