"""Partitions: stretches of Parquet files, each read by one worker, batch by batch."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlkit.profiling.files import Paths, find_files, said
from mlkit.sources.arrow import to_frame
from mlkit.sources.errors import SourceError
from mlkit.sources.places import Place, one_line, opened

# A worker is given about so many rows at once: enough to be worth sending.
PARTITION_ROWS = 4_000_000
# A megabyte of a column is read ahead: a whole row group may be larger than memory.
# Where pages have checksums they are held to them.
READING: dict[str, Any] = {
    "buffer_size": 1 << 20,
    "pre_buffer": False,
    "page_checksum_verification": True,
}
# What folders of Hive write where there is no value.
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Partition:
    """Some row groups of a Parquet file.

    Attributes
    ----------
    place : Place
        The file.
    groups : tuple of int
        Its row groups.
    rows : int
        Rows in them.
    names : tuple of str
        Columns of the file.
    said : dict of str to str
        Columns that the names of its folders give.
    """

    place: Place
    groups: tuple[int, ...]
    rows: int
    names: tuple[str, ...]
    said: dict[str, str]

    @property
    def known(self) -> frozenset[str]:
        """Names of all columns."""
        return frozenset({*self.names, *self.said})


def find_partitions(paths: Paths, root: Path | None) -> list[Partition]:
    """Return the partitions of a table, by what the files say of themselves.

    Raises
    ------
    SourceError
        A file is not there, empty or no Parquet file.
    """
    partitions = []
    for place in find_files(paths, root, ".parquet"):
        with _parquet(place) as file:
            sizes = [
                file.metadata.row_group(group).num_rows
                for group in range(file.metadata.num_row_groups)
            ]
            names = tuple(str(name) for name in file.schema_arrow.names)
        # Also a file without rows is one: its columns count.
        for groups in _stretches(sizes) or [()]:
            rows = sum(sizes[group] for group in groups)
            partitions.append(Partition(place, groups, rows, names, said(place)))
    return partitions


def _stretches(sizes: list[int]) -> list[tuple[int, ...]]:
    found: list[list[int]] = []
    rows = PARTITION_ROWS
    for group, size in enumerate(sizes):
        if rows >= PARTITION_ROWS:
            found.append([])
            rows = 0
        found[-1].append(group)
        rows += size
    return [tuple(groups) for groups in found]


def read_batches(
    partition: Partition, wanted: Collection[str], batch_rows: int
) -> Iterator[pd.DataFrame]:
    """Yield the rows of a partition as frames of the wanted columns that it has.

    Raises
    ------
    SourceError
        The file is damaged, or a wanted column holds lists, records or bytes.
    """
    there = [name for name in partition.names if name in wanted]
    given = {
        name: None if value == NO_VALUE else value
        for name, value in partition.said.items()
        if name in wanted and name not in there
    }
    if not there or not partition.rows:
        index = pd.RangeIndex(partition.rows)
        frame = pd.DataFrame(index=index, columns=there, dtype=object)
        yield frame.assign(**given)
        return
    with _parquet(partition.place) as file:
        batches = file.iter_batches(
            batch_size=batch_rows, row_groups=list(partition.groups), columns=there
        )
        for batch in batches:
            table = pa.Table.from_batches([batch])
            yield to_frame(str(partition.place), table).assign(**given)


@contextmanager
def _parquet(place: Place) -> Iterator[Any]:
    try:
        if place.is_local:
            with pq.ParquetFile(place.uri, **READING) as file:
                yield file
            return
        with opened(place) as stream:
            yield pq.ParquetFile(stream, **READING)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            f"{place}: the Parquet file is damaged or cut short: {one_line(error)}. "
            "Copy it again from where it came"
        ) from error
