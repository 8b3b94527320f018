"""Profiling: counting the rows of tables that do not fit into memory, partition by partition."""

__all__ = ()
