"""Tables in Parquet files."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlkit.sources import memory
from mlkit.sources.errors import SourceError
from mlkit.sources.places import Place, one_line, opened

NEED = 3.0


def read_parquet(place: Place) -> Any:
    """Return a Parquet file as an Arrow table.

    Raises
    ------
    SourceError
        The file is damaged, empty, or larger than memory by its own metadata.
    """
    with opened(place) as stream:
        try:
            file = pq.ParquetFile(stream)
            refuse_large(place, file.metadata)
            return file.read()
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"{place}: the Parquet file is damaged or cut short: "
                f"{one_line(error)}. Copy it again from where it came"
            ) from error


def refuse_large(place: Place, metadata: Any) -> None:
    """Raise when the metadata of a Parquet file say that it does not fit into memory.

    The size is that of the unpacked pages, or eight bytes a cell where that is more:
    repeated texts are stored once in a page and stand in full in memory. Three times
    as much is needed, for the cells as they are read, typed and looked at.
    """
    pages = sum(
        metadata.row_group(group).total_byte_size
        for group in range(metadata.num_row_groups)
    )
    cells = 8 * metadata.num_rows * metadata.num_columns
    how = "by the file's metadata"
    memory.refuse_too_large(str(place), max(pages, cells), need=NEED, how=how)
