"""Text files whose cells are separated, read block by block; every cell is text."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv

from mlkit.profiling.files import said
from mlkit.sources.arrow import to_frame
from mlkit.sources.errors import SourceError
from mlkit.sources.places import Place, one_line, opened

BLOCK = 1 << 24


@dataclass(frozen=True)
class TextFile:
    """A text file.

    Attributes
    ----------
    place : Place
        Where it is.
    separator : str
        What stands between cells.
    names : tuple of str
        Its first line.
    said : dict of str to str
        Columns that the names of its folders give.
    """

    place: Place
    separator: str
    names: tuple[str, ...]
    said: dict[str, str]

    @property
    def known(self) -> frozenset[str]:
        """Names of all columns."""
        return frozenset({*self.names, *self.said})


def look_at(place: Place, separator: str) -> TextFile:
    """Return a text file with the names that its first line gives.

    Raises
    ------
    SourceError
        The file cannot be read or parsed.
    """
    with _reader(place, separator, None) as reader:
        names = tuple(str(name) for name in reader.schema.names)
    return TextFile(place, separator, names, said(place))


def read_texts(file: TextFile, wanted: Collection[str]) -> Iterator[pd.DataFrame]:
    """Yield the rows of a text file as frames of the wanted columns that it has."""
    given = {
        name: value
        for name, value in file.said.items()
        if name in wanted and name not in file.names
    }
    # Of repeated names the first counts.
    kept = [i for i, name in enumerate(file.names)
            if name in wanted and name not in file.names[:i]]  # fmt: skip
    with _reader(file.place, file.separator, file.names) as reader:
        for batch in reader:
            table = pa.Table.from_batches([batch]).select(kept)
            frame = to_frame(str(file.place), table)
            yield frame.set_axis(pd.RangeIndex(batch.num_rows)).assign(**given)


@contextmanager
def _reader(
    place: Place, separator: str, names: Collection[str] | None
) -> Iterator[Any]:
    kinds = None if names is None else dict.fromkeys(names, pa.large_string())
    with opened(place) as stream:
        try:
            yield pacsv.open_csv(
                stream,
                pacsv.ReadOptions(block_size=BLOCK),
                pacsv.ParseOptions(delimiter=separator, newlines_in_values=True),
                pacsv.ConvertOptions(column_types=kinds, strings_can_be_null=False),
            )
        except pa.ArrowException as error:
            raise SourceError(
                f"{place}: the file cannot be parsed: {one_line(error)}. Check the "
                "separator, the quotes and that it is UTF-8"
            ) from error
