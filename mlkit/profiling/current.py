"""Current rows out of core: counted on the edges of a reference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data import Column, Schema
from mlkit.data.conformance import conform_column
from mlkit.drift import ReferenceProfile, count_rows
from mlkit.drift.reading import first_of
from mlkit.profiling.crew import each
from mlkit.profiling.files import Paths, find_files
from mlkit.profiling.partitions import Partition, find_partitions, read_batches
from mlkit.profiling.texts import TextFile, look_at, read_texts

# Rows that are in memory at a time: a column's fit into the cache of a core.
BATCH_ROWS = 1 << 17


@dataclass(frozen=True)
class Counting:
    """What a worker is told: counts a partition on the edges of a reference."""

    reference: ReferenceProfile
    schema: Schema
    answers: tuple[str, ...]
    batch_rows: int

    def __post_init__(self) -> None:
        if self.batch_rows < 1:
            raise ValueError(f"batch_rows must be at least 1, got {self.batch_rows}")

    @property
    def wanted(self) -> frozenset[str]:
        """Names of the columns that are read."""
        counted = {column.name for column in self.reference.columns}
        times = {column.name for column in self.schema.columns if column.role == "time"}
        return frozenset({*counted, *times, *self.answers})

    def __call__(self, part: Partition | TextFile) -> ReferenceProfile:
        """Return the profile of a partition."""
        if isinstance(part, Partition):
            frames = read_batches(part, self.wanted, self.batch_rows)
        else:
            frames = read_texts(part, self.wanted)
        profile = self.sum(self._counted(frame, str(part.place)) for frame in frames)
        extra = {*part.names} - {*self.schema.names, *self.answers}
        return replace(profile, extra=tuple(sorted(extra)))

    def sum(self, profiles: Iterable[ReferenceProfile]) -> ReferenceProfile:
        """Return the profile of all rows, also of none."""
        return reduce(add, profiles, self._counted(pd.DataFrame(), ""))

    def _counted(self, frame: pd.DataFrame, name: str) -> ReferenceProfile:
        answers = None
        if self.answers:
            absent = [each for each in self.answers if each not in frame]
            if absent and len(frame):
                raise ValueError(
                    f"{name}: the model's answers must be there, and the file lacks "
                    f"{', '.join(absent)}; name the columns that hold them"
                )
            found = [_numbers(frame, each) for each in self.answers]
            answers = found[0] if len(found) == 1 else np.column_stack(found)
        schema = self.schema
        profile = count_rows(self.reference, frame, schema, predictions=answers)
        return replace(profile, extra=())


def profile_parquet(
    reference: ReferenceProfile,
    paths: Paths,
    schema: Schema,
    *,
    answers: Sequence[str] = (),
    executor: Executor | None = None,
    batch_rows: int = BATCH_ROWS,
    root: Path | None = None,
) -> ReferenceProfile:
    """Count the rows of Parquet files on the edges of a reference.

    It is the profile that `mlkit.drift.count_rows` gives of all rows in memory, however
    they are parted and whoever counts them. Of each file only the needed columns are
    read. Rows of a file that lacks a column are missing; values of another type are
    read as the schema says, or are unreadable.

    Parameters
    ----------
    reference : ReferenceProfile
        Whose columns and edges they are.
    paths : path, URI or sequence of them
        Files, or folders of files that end in ``.parquet``; columns that only the names
        of folders give (``day=2024-01-01``) are columns like others.
    schema : Schema
        What the columns of the reference are.
    answers : sequence of str, optional
        Columns that hold the answers of the model whose answers the reference holds:
        the value, the probability of the positive class, or those of all classes.
    executor : Executor, optional
        Such as ``ProcessPoolExecutor()`` on one machine, or the
        ``get_executor(pure=False)`` of a Dask client, whose workers must see the files.
        None counts here.
    batch_rows : int
        Rows that a worker holds in memory at a time.
    root : Path, optional
        Where relative paths start; None takes the workspace root.

    Raises
    ------
    SourceError
        A file is not there, empty or damaged; a needed column holds lists, records or
        bytes.
    ValueError
        A file lacks the answers, or `batch_rows` is below 1.
    RuntimeError
        A worker died.
    """
    counting = Counting(reference, schema, tuple(answers), batch_rows)
    partitions = find_partitions(paths, root)
    return counting.sum(each(counting, partitions, executor))


def profile_csv(
    reference: ReferenceProfile,
    paths: Paths,
    schema: Schema,
    *,
    separator: str = ",",
    answers: Sequence[str] = (),
    executor: Executor | None = None,
    root: Path | None = None,
) -> ReferenceProfile:
    """Count the rows of CSV files, UTF-8 with names in the first line.

    Parameters
    ----------
    reference, schema, answers, executor, root
        As for `profile_parquet`.
    paths : path, URI or sequence of them
        Files, or folders of files that end in ``.csv``; one worker reads a file.
    separator : str
        What stands between cells.

    Raises
    ------
    SourceError
        A file is not there, empty or cannot be parsed.
    ValueError, RuntimeError
        As for `profile_parquet`.
    """
    counting = Counting(reference, schema, tuple(answers), BATCH_ROWS)
    files = [look_at(place, separator) for place in find_files(paths, root, ".csv")]
    return counting.sum(each(counting, files, executor))


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in frame:
        return np.empty(0)
    values = first_of(frame, name)
    if values.dtype != np.float64:
        values, _ = conform_column(values.to_frame(name), Column(name, "number"))
    return values.to_numpy(dtype=np.float64)
