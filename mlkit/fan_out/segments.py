"""From a case and a column to segments: its table, read once, and put in parts.

However many notebooks of however many segments read their rows, the table itself is
read once: each segment's rows go into a Parquet file of their own, every cell as it was
read. All segments are so of the same moment, also where the source is a database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlkit import sources
from mlkit.data.distinct import find_distinct, label_text
from mlkit.data.wording import counted, listed
from mlkit.fan_out.errors import SegmentsError
from mlkit.fan_out.names import segment_name
from mlkit.fan_out.parts import PARTS, write_part
from mlkit.fan_out.units import NOT_ENOUGH, Unit
from mlkit.params import Params
from mlkit.sources.only import find_column

MOST = 500


@dataclass(frozen=True)
class Divided:
    """A case in segments.

    Attributes
    ----------
    units : tuple of Unit
        One a segment, in the order of their names.
    rows : int
        Rows of the table.
    missing : int
        Rows without a value in the column, which are in no segment.
    """

    units: tuple[Unit, ...]
    rows: int
    missing: int

    @property
    def note(self) -> str:
        """What is to be said of rows that are in no segment; empty without any."""
        if not self.missing:
            return ""
        verb = "is" if self.missing == 1 else "are"
        return (
            f"{counted(self.missing, 'row')} of {self.rows:,} without a value in the "
            f"segments column {verb} in no segment"
        )


@dataclass(frozen=True)
class _Table:
    """A table, and the rows of each value of the column."""

    frame: pd.DataFrame
    rows: dict[str, Any]
    missing: int

    @classmethod
    def of(cls, frame: pd.DataFrame, column: str, name: str) -> _Table:
        found = find_distinct(find_column(frame, column, name, key="segments"))
        order = np.argsort(found.codes, kind="stable")
        missing = int((found.codes < 0).sum())
        ends = missing + np.cumsum(found.counts)
        parts = np.split(order[missing:], ends[:-1] - missing)
        texts = [str(text) for text in found.texts.to_pylist()]
        return cls(frame, dict(zip(texts, parts, strict=False)), missing)

    def part(self, value: str) -> pd.DataFrame:
        found: pd.DataFrame = self.frame.iloc[self.rows[value]]
        return found.reset_index(drop=True)


def divide(params: Params, root: Path) -> Divided:
    """Read the table of a case and write each segment's rows into a file.

    Parameters
    ----------
    params : Params
        ``segments`` names the column.
    root : Path
        The workspace; parts go to ``data/parts/<case>/``.

    Raises
    ------
    SourceError
        The table can not be read, or has no such column.
    SegmentsError
        The column has no values, more than 500, or two that differ in capitals alone.
    """
    column = str(params.segments)
    raw = sources.read(params, root=root)
    table = _Table.of(raw.frame, column, raw.origin)
    _check_values(column, list(table.rows))
    tests = None if raw.test is None else _Table.of(raw.test, column, "data.test")
    current = _current(params, column, root)
    folder = root / PARTS / params.case
    units = [
        _unit(params, value, folder, root, (table, tests, current))
        for value in sorted(table.rows)
    ]
    return Divided(tuple(units), len(raw.frame), table.missing)


def _check_values(column: str, values: Sequence[str]) -> None:
    if not values:
        raise SegmentsError(
            f"segments: {column!r} must have a value in some row, and has none; name "
            "another column"
        )
    if len(values) > MOST:
        raise SegmentsError(
            f"segments: {column!r} must have at most {MOST} values, and has "
            f"{len(values):,}: {listed(values)}; a model is made of each, so name a "
            "column of few values, or make one by data.query"
        )
    folded = Counter(segment_name(value).casefold() for value in values)
    alike = [v for v in values if folded[segment_name(v).casefold()] > 1]
    if alike:
        raise SegmentsError(
            f"segments: values of {column!r} must differ in more than capitals, which "
            f"many disks do not tell apart, and these do not: {listed(sorted(alike))}; "
            "write them alike, for example by data.query"
        )


def _current(params: Params, column: str, root: Path) -> _Table | None:
    """Return the current rows of drift checks, None where a step has to tell why."""
    if params.drift.current is None:
        return None
    try:
        frame = sources.read_table(
            params.drift.current, params.data, root=root, scoring=True
        )
        return _Table.of(frame, column, params.drift.current)
    except sources.SourceError:
        # The drift step reads the file itself and says what is wrong with it.
        return None


def _unit(
    params: Params,
    value: str,
    folder: Path,
    root: Path,
    tables: tuple[_Table, _Table | None, _Table | None],
) -> Unit:
    name = segment_name(value)
    case = f"{params.case}.{name}"
    table, tests, current = tables
    plain = params.to_dict()
    plain |= {"case": case, "segments": None}
    plain["registry"]["model"] = f"{params.model}.{name}"
    plain["data"] |= {"query": None, "files": {}, "connection": None, "options": {}}
    plain["data"]["only"][params.segments] = value
    rows, stop = len(table.rows[value]), None
    part = table.part(value)
    path = folder / f"{name}.parquet"
    plain["data"]["source"] = write_part(part, path, root, case)
    plain["explain"] |= _explained(params, part)
    if tests is not None and value in tests.rows:
        rows += len(tests.rows[value])
        path = folder / f"{name}.test.parquet"
        plain["data"]["test"] = write_part(tests.part(value), path, root, case)
    elif tests is not None:
        stop = _without_tests(params)
    if current is not None and value in current.rows:
        path = folder / f"{name}.current.parquet"
        plain["drift"]["current"] = write_part(current.part(value), path, root, case)
    return Unit(case, plain, value, rows, stop)


def _without_tests(params: Params) -> dict[str, Any]:
    return {
        "status": NOT_ENOUGH,
        "type": "DataError",
        "message": f"the test file {params.data.test} has no row of this segment",
        "advice": "Put rows of it there, or leave data.test out",
    }


def _explained(params: Params, part: pd.DataFrame) -> dict[str, Any]:
    """Return which of the rows to explain are in a part.

    Row numbers are those of the whole table: a part has others.
    """
    key = params.explain.key
    if key is None or key not in part.columns:
        return {"rows": [], "key": None}
    there = set(find_distinct(part[key]).texts.to_pylist())
    rows = [row for row in params.explain.rows if label_text(row) in there]
    return {"rows": rows, "key": key if rows else None}


def names_taken(units: Sequence[Unit], known: Sequence[str]) -> Iterator[str]:
    """Yield the names of units that are names of cases, too."""
    yield from sorted({unit.case for unit in units} & set(known))
