"""The files that hold each segment's rows: written, and removed with their value.

A part says in its schema whose it is, so that it is never taken for a table that
somebody put beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlkit import store
from mlkit.fan_out.units import Unit
from mlkit.pipeline import runs
from mlkit.pipeline.runs import BusyError

PARTS = "data/parts"
# In the schema: the case, segment included, whose rows they are.
MARK = b"mlkit.part_of"


def write_part(frame: pd.DataFrame, path: Path, root: Path, case: str) -> str:
    """Write a part and return its path from the workspace.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        The rows.
    path : Path
        Where they go.
    root : Path
        The workspace.
    case : str
        The case, segment included, whose rows they are.
    """
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table.replace_schema_metadata({MARK: case}), sink)
    store.write_atomic(path, sink.getvalue().to_pybytes())
    return path.relative_to(root).as_posix()


def remove_gone(case: str, units: Sequence[Unit], root: Path, *, beside: str) -> None:
    """Remove the parts of a case that hold rows which its table has no more.

    Parts stay where a run may be about to read them; the next fan-out removes them.

    Parameters
    ----------
    case : str
        The case, whose lock or that of all cases the caller holds.
    units : sequence of Unit
        The segments that there are now.
    root : Path
        The workspace.
    beside : str
        The name under which others divide the case: it must be at rest.
    """
    gone = dict(_gone(case, units, root))
    if not gone:
        return
    try:
        with runs.hold(beside, root):
            for path, segment in gone.items():
                if not runs.is_locked(segment, root):
                    path.unlink(missing_ok=True)
    except BusyError:
        return


def _gone(case: str, units: Sequence[Unit], root: Path) -> Iterator[tuple[Path, str]]:
    """Yield parts that no segment has, and of which segment they were."""
    known = {root / name for unit in units for name in _named(unit) if name}
    for path in sorted((root / PARTS / case).glob("*.parquet")):
        if path not in known and path.is_file() and not path.is_symlink():
            segment = _part_of(path)
            if segment.startswith(f"{case}."):
                yield path, segment


def _named(unit: Unit) -> Iterator[str | None]:
    data = unit.params["data"]
    yield from (data["source"], data["test"], unit.params["drift"]["current"])


def _part_of(path: Path) -> str:
    """Return whose rows a file holds; empty where it is no part."""
    try:
        marks = pq.read_schema(path).metadata or {}
    except (OSError, ValueError):
        return ""
    return str(marks.get(MARK, b"").decode(errors="replace"))
