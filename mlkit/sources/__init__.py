"""Sources: where the rows of a case come from, and what was found there.

A *source* is a text or Parquet file (a path or any fsspec address), a table that comes
with scikit-learn, a generator, or a DuckDB query over files. A text file is read cell
by cell as text: what a column means is decided later, by :mod:`mlkit.data`, so that no
code loses its leading zeros and no gap appears that was not declared one.

Names are imported when they are first used: whether a source has changed can be told
without what reads one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlkit import lazy

if TYPE_CHECKING:
    from mlkit.sources.digests import content_digests, current_digests
    from mlkit.sources.errors import SourceError
    from mlkit.sources.looks import FileLook, look
    from mlkit.sources.reading import Raw, check_source, read, read_table

__all__ = [
    "FileLook",
    "Raw",
    "SourceError",
    "check_source",
    "content_digests",
    "current_digests",
    "look",
    "read",
    "read_table",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "FileLook": "looks",
        "Raw": "reading",
        "SourceError": "errors",
        "check_source": "reading",
        "content_digests": "digests",
        "current_digests": "digests",
        "look": "looks",
        "read": "reading",
        "read_table": "reading",
    },
)
