"""Profiling: counting the rows of tables that do not fit into memory.

A table lies in *partitions*: Parquet files, or row groups of them. Each is read in
batches and counted on the edges of a reference; the counts add up exactly, so neither
the order nor the number of workers matters. Where no reference is there yet, its edges
are fixed once: from all values where they fit into memory, else from sketches of them.
"""

from mlkit.profiling.current import profile_csv, profile_parquet
from mlkit.profiling.reference import EXACT_ROWS, reference_from_parquet

__all__ = [
    "EXACT_ROWS",
    "profile_csv",
    "profile_parquet",
    "reference_from_parquet",
]
