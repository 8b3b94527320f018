"""Refusing what does not fit into memory before it is read."""

from __future__ import annotations

from pathlib import Path

import psutil

from mlkit.sources.errors import TooLargeError

# Peak memory of reading and preparing a table, measured on tables of short and long
# numbers and texts: the text, its cells and the typed columns stand side by side.
BYTES_A_TEXT_BYTE = 4
BYTES_A_CELL = 32
SEPARATORS = (b",", b";", b"\t", b"|")
CONTROL_GROUP = Path("/sys/fs/cgroup")
BY_QUERY = (
    "Take a sample, fewer columns or sums by data.query over data.files, which DuckDB "
    "runs without reading the whole"
)


def available() -> int:
    """Return the bytes of memory this process may still take.

    That is what the machine has left, or what the limit of a container leaves if less.
    """
    free = int(psutil.virtual_memory().available)
    try:
        limit = (CONTROL_GROUP / "memory.max").read_text().strip()
        used = int((CONTROL_GROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return free
    return free if limit == "max" else min(free, max(0, int(limit) - used))


def need_of_text(head: bytes) -> float:
    """Return the bytes of memory needed for each byte of a text file.

    Parameters
    ----------
    head : bytes
        The first part of the file, unpacked, in which cells are counted.
    """
    cells = max(head.count(mark) for mark in SEPARATORS) + head.count(b"\n")
    return BYTES_A_TEXT_BYTE + BYTES_A_CELL * cells / max(1, len(head))


def refuse_too_large(
    name: str, size: int, *, need: float, how: str = "", advice: str = BY_QUERY
) -> None:
    """Raise when a table will not fit into memory.

    Parameters
    ----------
    name : str
        The file, as messages name it.
    size : int
        Bytes of the table once it is unpacked.
    need : float
        Bytes of memory needed for each of them.
    how : str
        How the size is known, where it was not simply measured.
    advice : str
        What else could be read.

    Raises
    ------
    TooLargeError
        With the size, the memory there is and what to do.
    """
    needed, free = size * need, available()
    if needed <= free:
        return
    known = f" ({how})" if how else ""
    raise TooLargeError(
        f"{name}: the table is larger than memory: it holds {readable(size)}{known} "
        f"and needs about {readable(needed)}, while {readable(free)} are free. "
        f"{advice}, or use a machine with more memory"
    )


def readable(size: float) -> str:
    """Return a number of bytes in the unit a person would use.

    Examples
    --------
    >>> readable(512), readable(45_000_000), readable(3.2e12)
    ('512 B', '45.0 MB', '3,200.0 GB')
    """
    if size < 1e3:
        return f"{size:.0f} B"
    for unit, scale in (("kB", 1e3), ("MB", 1e6)):
        if size < scale * 1e3:
            return f"{size / scale:.1f} {unit}"
    return f"{size / 1e9:,.1f} GB"
