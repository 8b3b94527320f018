"""A first look at a file of which nothing is known yet.

Whether the first line names the columns is decided by the lines below it. Each column
that holds numbers, dates or truth values below votes: for a line of names where its
first cell is something else, for a line of values where it is one of them. Where these
columns are divided or absent, the columns of a few repeated texts vote the same way: by
whether their first cell is one of the texts below. Whole numbers in equal steps, such
as years, are names; so is a line that holds the name asked for. Of equal votes, the
first line names the columns. Of a wide table 200 columns vote, evenly spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data.kinds import guess_kind
from mlkit.data.wording import counted
from mlkit.params.models import Data
from mlkit.sources.arrow import to_frame
from mlkit.sources.contents import is_parquet, read_text
from mlkit.sources.delimited import clean, parse
from mlkit.sources.errors import SourceError
from mlkit.sources.names import distinct_names, no_rows
from mlkit.sources.parquet import read_parquet
from mlkit.sources.places import find_place, measure

SAMPLE_ROWS = 5_000
TYPED = ("number", "date", "boolean")
REPEATED = 0.5
STEPS = 3
VOTERS = 200
# Keys that must be given, but are not heeded here.
PLAIN = Data.model_validate({"source": "-", "target": "-", "header": False})


@dataclass(frozen=True, eq=False)
class FileLook:
    """What a file turned out to be.

    Attributes
    ----------
    path : str
        The file, as messages name it.
    encoding : str or None
        How its text is encoded; None for Parquet.
    separator : str or None
        What stands between its columns; None for Parquet.
    header : bool
        Whether the first line names the columns.
    names : tuple of str of shape (n_columns,)
        The names, distinct: ``column_1``, ``column_2``, ... where the file has none,
        ``_1`` behind one that is used a second time.
    repeated : tuple of str
        Names that the file uses more than once; such a file is read only by a query.
    rows : int
        How many rows the file has.
    why : str
        Why the first line is taken for names or for values.
    sample : DataFrame of shape (at most 5,000, n_columns)
        Rows from the whole file in their order, evenly spread. Every cell of a text
        file is text without outer blanks, or missing.
    """

    path: str
    encoding: str | None
    separator: str | None
    header: bool
    names: tuple[str, ...]
    repeated: tuple[str, ...]
    rows: int
    why: str
    sample: pd.DataFrame = field(repr=False)

    @property
    def settings(self) -> dict[str, Any]:
        """Keys of ``data`` without which the file would not be read like this."""
        return {} if self.header else {"header": False, "names": list(self.names)}

    def to_dict(self) -> dict[str, Any]:
        """Return what was found as plain JSON data, without the sample."""
        return {
            "path": self.path,
            "encoding": self.encoding,
            "separator": self.separator,
            "header": self.header,
            "names": list(self.names),
            "repeated": list(self.repeated),
            "rows": self.rows,
            "why": self.why,
        }


def look(
    path: str | Path, root: Path | None = None, *, target: str | None = None
) -> FileLook:
    """Return how a file is written: encoding, separator, names, and some of its rows.

    Parameters
    ----------
    path : str or Path
        A CSV, TSV or Parquet file, packed by gzip or zip or not, or its URI.
    root : Path, optional
        Where a relative path starts; None takes the workspace root.
    target : str, optional
        A column that is looked for: a first line that holds it names the columns.

    Raises
    ------
    SourceError
        The file cannot be read as a table, or has no rows.
    """
    place = find_place(str(path), root)
    measure(place)
    name = str(place)
    if is_parquet(place):
        table = read_parquet(place)
        why = "a Parquet file brings its names along"
        return _found(name, table, tuple(table.column_names), (None, None), why=why)
    text, encoding = read_text(place, None)
    table, layout = parse(name, text, PLAIN)
    first = tuple(cell.strip() for cell in layout.first)
    below = _sample(name, table.slice(1))
    header, why = _is_header(first, below, target)
    written = (encoding, layout.separator)
    if not header:
        return _found(name, table, None, written, why=why)
    names = [cell or f"column_{place}" for place, cell in enumerate(first, start=1)]
    return _found(name, table.slice(1), tuple(names), written, why=why)


def _found(
    name: str,
    table: Any,
    names: tuple[str, ...] | None,
    written: tuple[str | None, str | None],
    *,
    why: str,
) -> FileLook:
    if not table.num_rows:
        raise SourceError(no_rows(name, header=written[0] is not None))
    own = names or tuple(f"column_{k}" for k in range(1, table.num_columns + 1))
    distinct = tuple(distinct_names(own))
    return FileLook(
        path=name,
        encoding=written[0],
        separator=written[1],
        header=names is not None,
        names=distinct,
        repeated=tuple(dict.fromkeys(n for n in own if own.count(n) > 1)),
        rows=table.num_rows,
        why=why,
        sample=_sample(name, table.rename_columns(list(distinct))),
    )


def _sample(name: str, table: Any) -> pd.DataFrame:
    if table.num_rows > SAMPLE_ROWS:
        table = table.take(_spread(table.num_rows, SAMPLE_ROWS))
    return to_frame(name, clean(table, PLAIN.missing))


def _spread(count: int, most: int) -> NDArray[np.int64]:
    """Return at most so many positions, evenly spread from the first to the last."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def _is_header(
    first: Sequence[str], below: pd.DataFrame, target: str | None
) -> tuple[bool, str]:
    """Return whether the first line names the columns, and why."""
    if target is not None and target in first:
        return True, "the first line holds the name of the target"
    if not len(below):
        return True, "there is no line below the first"
    voters = _spread(len(first), VOTERS)
    cells = [None if first[k] in PLAIN.missing else first[k] for k in voters]
    typed, texts = _votes(cells, below.iloc[:, voters])
    names, values = typed.count("names"), typed.count("values")
    if values > names:
        numbers = [cell for cell, vote in zip(cells, typed, strict=True)
                   if vote == "values" and cell is not None]  # fmt: skip
        if _in_steps(numbers) and "values" not in texts:
            return True, "the first line holds whole numbers in equal steps"
        return False, _reason("values", values, texts.count("values"))
    if names > values:
        return True, _reason("names", names, 0)
    names, values = texts.count("names"), texts.count("values")
    if values > names:
        return False, _reason("values", 0, values)
    if names > values:
        return True, _reason("names", 0, names)
    return True, "nothing in the lines below says that it is one of them"


def _votes(
    cells: Sequence[str | None], below: pd.DataFrame
) -> tuple[list[str], list[str]]:
    """Return what each column says by its type and by its texts; empty says nothing."""
    typed, texts = [], []
    for place, cell in enumerate(cells):
        values = below.iloc[:, place].dropna()
        by_type = by_text = ""
        if cell is not None and len(values):
            kind = guess_kind(values, identifiers=False).kind
            if kind in TYPED:
                own = guess_kind(pd.Series([cell], dtype="str"), identifiers=False)
                by_type = "values" if own.kind == kind else "names"
            elif (values == cell).any():
                by_text = "values"
            elif values.nunique() <= REPEATED * len(values):
                by_text = "names"
        typed.append(by_type)
        texts.append(by_text)
    return typed, texts


def _in_steps(cells: Sequence[str]) -> bool:
    """Return whether cells are whole numbers in equal steps upwards, such as years."""
    if len(cells) < STEPS or not all(cell.isdecimal() for cell in cells):
        return False
    steps = np.diff([int(cell) for cell in cells])
    return bool(steps[0] > 0 and (steps == steps[0]).all())


def _reason(what: str, typed: int, texts: int) -> str:
    parts = []
    if typed:
        parts.append(
            f"numbers, dates or truth values in {counted(typed, 'column')} of them"
            if what == "values"
            else f"words above {counted(typed, 'column')} of numbers, dates or truth "
            "values"
        )
    if texts:
        parts.append(
            f"texts that are repeated below in {counted(texts, 'column')}"
            if what == "values"
            else f"texts that none of {counted(texts, 'column')} of repeated texts has"
        )
    return f"the first line holds {' and '.join(parts)}"
