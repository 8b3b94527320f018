"""A reference out of core: edges fixed once, from all values or from sketches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np

from mlkit.data import Column, Schema
from mlkit.drift.bins import with_cuts
from mlkit.drift.counting import compared, profile_column
from mlkit.drift.counts import Counts
from mlkit.drift.profiles import MEASURES, ColumnProfile, ReferenceProfile
from mlkit.drift.tallies import Tally, joined, tally_column
from mlkit.profiling.crew import each
from mlkit.profiling.current import BATCH_ROWS, Counting
from mlkit.profiling.files import Paths
from mlkit.profiling.outlines import Outline
from mlkit.profiling.partitions import Partition, find_partitions, read_batches
from mlkit.sources.errors import SourceError

# Up to so many rows one column at a time is sorted in memory: 40 MB of numbers.
EXACT_ROWS = 5_000_000


@dataclass(frozen=True)
class Sorting:
    """What a worker is told: profiles a column by all of its values."""

    partitions: Sequence[Partition]
    batch_rows: int

    def __call__(self, column: Column) -> ColumnProfile:
        """Return the profile of a column on its own bins."""
        tallies = [
            tally_column(frame, column)
            for partition in self.partitions
            for frame in read_batches(partition, {column.name}, self.batch_rows)
        ]
        return profile_column(column, joined(tallies))


@dataclass(frozen=True)
class Outlining:
    """What a worker is told: outlines the columns of a partition."""

    columns: Sequence[Column]
    batch_rows: int

    def __call__(self, partition: Partition) -> list[Outline]:
        """Return the outline of each column."""
        return [Outline.of(self._tallies(partition, column)) for column in self.columns]

    def _tallies(self, partition: Partition, column: Column) -> Iterator[Tally]:
        for frame in read_batches(partition, {column.name}, self.batch_rows):
            yield tally_column(frame, column)


def reference_from_parquet(
    paths: Paths,
    schema: Schema,
    *,
    executor: Executor | None = None,
    batch_rows: int = BATCH_ROWS,
    exact_rows: int = EXACT_ROWS,
    root: Path | None = None,
) -> ReferenceProfile:
    """Count the rows of Parquet files that later ones are to be compared with.

    With no more than `exact_rows` rows it is the profile that
    `mlkit.drift.reference_profile` gives of all rows in memory. With more, the edges of
    numbers come from KLL sketches: each is within ``Bins.rank_error`` (0.1 % of the
    rows, with a probability of 99 %) of the quantile that it is meant to be, and
    differs a little each time. All counts are exact, in a second pass over the files.
    A column of more than 131,072 levels lists about the most frequent ones.

    Parameters
    ----------
    paths : path, URI or sequence of them
        As for `profile_parquet`.
    schema : Schema
        What the columns are; of sensitive ones no level and no exact number is kept.
    executor : Executor, optional
        As for `profile_parquet`.
    batch_rows : int
        Rows that a worker holds in memory at a time; of one column up to `exact_rows`.
    exact_rows : int
        Up to so many rows all values of a column are sorted.
    root : Path, optional
        Where relative paths start; None takes the workspace root.

    Raises
    ------
    SourceError
        A file is not there, empty, damaged or lacks a feature.
    ValueError
        The files have no rows.
    ImportError
        Sketches are needed, and datasketches is not installed.
    RuntimeError
        A worker died.
    """
    partitions = find_partitions(paths, root)
    columns = compared(schema)
    _require(partitions, schema)
    rows = sum(partition.rows for partition in partitions)
    bare = Counting(ReferenceProfile(0, ()), schema, (), batch_rows)
    if rows <= exact_rows:
        profile = bare.sum(each(bare, partitions, executor))
        sorting = Sorting(partitions, batch_rows)
        found = tuple(each(sorting, columns, executor))
        return replace(profile, columns=found, extra=())
    outlining = Outlining(columns, batch_rows)
    outlines = reduce(_merged, each(outlining, partitions, executor))
    counting = replace(
        bare, reference=ReferenceProfile(0, tuple(map(_empty, columns, outlines)))
    )
    profile = counting.sum(each(counting, partitions, executor))
    return replace(profile, columns=tuple(map(_cut, profile.columns)), extra=())


def _require(partitions: Sequence[Partition], schema: Schema) -> None:
    for partition in partitions:
        absent = [name for name in schema.features if name not in partition.known]
        if absent:
            raise SourceError(
                f"{partition.place}: a reference profile needs rows with every "
                f"feature, and the file lacks {', '.join(absent)}"
            )
    if not any(partition.rows for partition in partitions):
        raise ValueError(
            "a reference profile needs rows with every feature, and "
            f"{len(partitions):,} files have no rows"
        )


def _merged(one: list[Outline], other: list[Outline]) -> list[Outline]:
    return list(map(add, one, other))


def _empty(column: Column, outline: Outline) -> ColumnProfile:
    measure, bins = MEASURES[column.kind], outline.bins(column)
    counts = Counts((0,) * bins.size)
    return ColumnProfile(
        column.name, column.kind, column.sensitive, measure, bins, counts
    )


def _cut(column: ColumnProfile) -> ColumnProfile:
    if column.measure in ("level", "none"):
        return column
    cells = np.array(column.counts.cells, dtype=np.int64)
    return replace(column, bins=with_cuts(column.bins, cells))
