"""Tables in text files: separators found, names read, every cell kept as text."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from mlkit.data.wording import shown
from mlkit.params.models import Data
from mlkit.sources.errors import SourceError
from mlkit.sources.names import given_names, names_to_score, refuse_values_as_names

FIRST_ROW = 2
SEPARATORS = (",", ";", "\t", "|")
SAMPLE_BYTES = 1 << 18
SAMPLE_ROWS = 200
AGREEMENT = 0.8
BLOCK = 1 << 24
FIELD_LIMIT = 1 << 24
# A line by which Excel is told the separator.
SEPARATOR_HINT = re.compile(rb'"?sep=[^\r\n]{1,3}\r?\n', re.IGNORECASE)
DECIMAL = re.compile(r"[+-]?\d+,\d+")
WHOLE = re.compile(r"[+-]?\d*")
WORDS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


@dataclass(frozen=True)
class Layout:
    """How a text file is written: its separator, its first record, its names."""

    separator: str
    first: tuple[str, ...] = field(repr=False)
    names: tuple[str, ...]
    header: bool


def parse(
    name: str,
    text: bytes,
    data: Data,
    *,
    target: str | None = None,
    scoring: bool = False,
) -> tuple[Any, Layout]:
    """Return the cells of a text file.

    Parameters
    ----------
    name : str
        The file, as messages name it.
    text : bytes
        UTF-8 without byte order mark.
    data : Data
        ``separator``, ``header`` and ``names`` are read.
    target : str, optional
        A column that the file must have.
    scoring : bool
        Whether a file without names may lack the target or begin with the names.

    Returns
    -------
    table : pyarrow Table of shape (n_rows, n_columns)
        Strings, as they stand in the file; names may repeat.
    layout : Layout
        What was found about the file.

    Raises
    ------
    SourceError
        The file is not a table, or its lines have different numbers of fields.
    """
    hint = SEPARATOR_HINT.match(text)
    text = text[hint.end() :] if hint else text
    layout = find_layout(name, text, data, target=target, scoring=scoring)
    table = _parse_quickly(text, layout)
    if table is None or _quoted_after_blank(table):
        table = _parse_slowly(name, text, layout)
    return table, layout


def _parse_quickly(text: bytes, layout: Layout) -> Any:
    """Return the cells by Arrow's parser, None where it meets an odd line."""
    positions = [str(position) for position in range(len(layout.first))]
    try:
        return pacsv.read_csv(
            pa.BufferReader(text.lstrip(b"\r\n")),
            pacsv.ReadOptions(
                column_names=positions,
                skip_rows_after_names=1 if layout.header else 0,
                block_size=BLOCK,
            ),
            pacsv.ParseOptions(delimiter=layout.separator, newlines_in_values=True),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(positions, pa.large_string()),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None


def _quoted_after_blank(table: Any) -> bool:
    """Return whether a cell begins with blanks and a quotation mark.

    Arrow takes such a mark for a part of the text, though it quotes the cell.
    """
    return any(
        pc.any(pc.match_substring_regex(column, r'^ +"')).as_py()
        for column in table.columns
    )


def find_layout(
    name: str,
    text: bytes,
    data: Data,
    *,
    target: str | None = None,
    scoring: bool = False,
) -> Layout:
    """Return the separator, the first record and the column names of a text file."""
    sample = text[:SAMPLE_BYTES].decode("utf-8", "ignore")
    hide = bool(data.sensitive)
    separator = find_separator(name, sample, data.separator, hide=hide)
    first = next(records(text, separator))
    names = tuple(cell.strip() for cell in first)
    header = data.header
    if not header and scoring and data.names is not None:
        names, header = names_to_score(name, names, data.names, data.target)
    elif not header:
        names = given_names(name, names, data.names)
    else:
        refuse_values_as_names(name, names, target, hide=hide)
    named = [cell or f"column_{place}" for place, cell in enumerate(names, start=1)]
    return Layout(separator, tuple(first), tuple(named), header)


def find_separator(
    name: str, sample: str, declared: str | None, *, hide: bool = False
) -> str:
    """Return the separator that divides most lines into the same number of fields.

    Of the separators on which at least 80 % of the first 200 records agree, the one
    that gives most fields is taken; those come first that give the first record as many
    fields as the others. The comma is none where another one leaves columns of numbers
    with decimal commas.

    Raises
    ------
    SourceError
        No separator divides the lines, or the declared one does not while another does.
    """
    read = {separator: _first_records(sample, separator) for separator in SEPARATORS}
    widths = {separator: _width(found) for separator, found in read.items()}
    agreed = {
        separator: (len(read[separator][0]) == width, width)
        for separator, (width, share) in widths.items()
        if width > 1 and share >= AGREEMENT
    }
    if any(_has_decimal_commas(read[other]) for other in agreed if other != ","):
        agreed.pop(",", None)
    best = max(agreed, key=lambda separator: agreed[separator], default=None)
    if declared is not None:
        if widths[declared][0] == 1 and best is not None:
            raise SourceError(
                f"{name}: data.separator is {declared!r} ({WORDS[declared]}), which "
                f"does not divide the lines, while {best!r} ({WORDS[best]}) gives "
                f"{widths[best][0]} columns. Correct it, or leave it out"
            )
        return declared
    if best is not None:
        return best
    separator = max(
        SEPARATORS, key=lambda other: (widths[other][0] > 1, widths[other][1])
    )
    if widths[separator][0] == 1:
        raise SourceError(
            f"{name}: the lines are not divided into columns by , ; tab or |; the "
            f"first is {shown(sample.strip().splitlines()[0], sensitive=hide)}. "
            "A table needs at least two columns, with one of these separators"
        )
    return separator


def records(text: bytes, separator: str) -> Iterator[list[str]]:
    """Return the records of a text one by one, blank lines left out."""
    return (record for record, _ in _numbered(text, separator) if record)


def _numbered(text: bytes, separator: str) -> Iterator[tuple[list[str], int]]:
    """Return records with the line each ends in, as an editor counts lines."""
    csv.field_size_limit(FIELD_LIMIT)
    stream = io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", newline="")
    reader = csv.reader(stream, delimiter=separator, skipinitialspace=True)
    for record in reader:
        yield record, reader.line_num


def _first_records(sample: str, separator: str) -> list[list[str]]:
    """Return the first records of a text, none where one cannot be read."""
    stream = io.StringIO(sample, newline="")
    reader = csv.reader(stream, delimiter=separator, skipinitialspace=True)
    try:
        return list(itertools.islice(filter(None, reader), SAMPLE_ROWS))
    except csv.Error:
        return []


def _width(found: Sequence[Sequence[str]]) -> tuple[int, float]:
    """Return the most frequent number of fields and the share of records with it."""
    widths = Counter(map(len, found))
    width, count = widths.most_common(1)[0] if widths else (1, 0)
    return width, count / max(1, widths.total())


def _has_decimal_commas(found: Sequence[Sequence[str]]) -> bool:
    """Return whether a column holds numbers, some of them with a decimal comma."""
    for column in zip(*found[1:], strict=False):
        cells = [cell.strip() for cell in column]
        decimal = [bool(DECIMAL.fullmatch(cell)) for cell in cells]
        whole = sum(bool(WHOLE.fullmatch(cell)) for cell in cells)
        if any(decimal) and sum(decimal) + whole >= AGREEMENT * len(cells):
            return True
    return False


def _parse_slowly(name: str, text: bytes, layout: Layout) -> Any:
    """Parse record by record: for blanks before quotation marks, and to find faults."""
    width, rows, start = len(layout.first), [], 1
    try:
        for record, line in _numbered(text, layout.separator):
            if record and len(record) != width:
                raise SourceError(_ragged(name, record, (start, line), layout))
            if record:
                rows.append(record)
            start = line + 1
    except csv.Error as error:
        raise SourceError(
            f"{name}: the record that starts in line {start:,} cannot be read: "
            f"{error}. A quotation mark is probably never closed"
        ) from error
    columns = zip(*rows[1:] if layout.header else rows, strict=True)
    arrays = [pa.array(cells, pa.large_string()) for cells in columns]
    if not arrays:
        arrays = [pa.array([], pa.large_string())] * width
    return pa.table(arrays, names=[str(position) for position in range(width)])


def _ragged(
    name: str, record: Sequence[str], lines: tuple[int, int], layout: Layout
) -> str:
    expected = "the first line has"
    start, end = lines
    where = f"line {start:,}" if start == end else f"lines {start:,} to {end:,}"
    advice = "Correct the line"
    if end > start:
        advice = "A quotation mark in it is probably never closed"
    elif len(layout.first) == 1:
        advice = "Take the first line out if it is a title or a comment"
    elif len(record) == len(layout.first) + 1 and start == FIRST_ROW:
        advice = (
            "Either the first line lacks a name, such as that of the row numbers, or "
            f"the others end in a {WORDS[layout.separator]} too many"
        )
    elif len(record) == 1:
        advice = "Take it out if it is a comment or a total"
    elif len(record) > len(layout.first):
        advice = (
            f"Quote values that hold a {WORDS[layout.separator]}, or correct "
            "data.separator"
        )
    return (
        f"{name}: every line must have as many fields as the first: {expected} "
        f"{len(layout.first)}, {where} has {len(record)} (separator "
        f"{layout.separator!r}). {advice}"
    )


def clean(table: Any, missing: Sequence[str]) -> Any:
    """Return a table of strings without outer blanks and with missing cells null.

    Parameters
    ----------
    table : pyarrow Table
        Columns that are not strings stay as they are.
    missing : sequence of str
        Texts that mean missing; an empty cell always does.
    """
    markers = pa.array({"", *(marker.strip() for marker in missing)}, pa.large_string())
    columns = [_clean(column, markers) for column in table.columns]
    return pa.table(columns, names=table.column_names)


def _clean(column: Any, markers: Any) -> Any:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    trimmed = pc.utf8_trim_whitespace(column.cast(pa.large_string()))
    return pc.if_else(pc.is_in(trimmed, markers), None, trimmed)
