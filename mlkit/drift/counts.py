"""Counts: how many rows of a table fell where, on bins that a reference fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from mlkit.drift.bins import Bins, count_levels, count_ordered
from mlkit.drift.moments import Moments, moments_of
from mlkit.drift.tallies import Tally


@dataclass(frozen=True)
class Counts:
    """How many rows of a table fell where.

    Attributes
    ----------
    cells : tuple of int
        Rows in each cell of the bins.
    missing : int
        Rows without a value.
    unreadable : int
        Rows whose value is not of the column's kind.
    absent : int
        Of the missing, rows of tables that lack the column.
    moments : Moments or None
        Sums over the values; None where the bins have no grid.
    """

    cells: tuple[int, ...]
    missing: int = 0
    unreadable: int = 0
    absent: int = 0
    moments: Moments | None = None

    @property
    def present(self) -> int:
        """Rows with a value of the column's kind."""
        return sum(self.cells)

    @property
    def rows(self) -> int:
        """All rows."""
        return self.present + self.missing + self.unreadable

    @property
    def all_absent(self) -> bool:
        """Whether there were rows, and no table had the column."""
        return 0 < self.absent == self.rows

    def __add__(self, other: Counts) -> Counts:
        ours, theirs = self.moments, other.moments
        both = None if ours is None or theirs is None else ours + theirs
        return Counts(
            tuple(a + b for a, b in zip(self.cells, other.cells, strict=True)),
            self.missing + other.missing,
            self.unreadable + other.unreadable,
            self.absent + other.absent,
            both,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain JSON data."""
        return {
            "cells": list(self.cells),
            "missing": self.missing,
            "unreadable": self.unreadable,
            "absent": self.absent,
            "moments": self.moments and self.moments.to_dict(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the counts that `to_dict` wrote, also those of format 1."""
        moments = stored.get("moments")
        return cls(
            tuple(stored["cells"]),
            stored["missing"],
            stored["unreadable"],
            stored.get("absent", 0),
            moments and Moments.from_dict(moments),
        )


def count(tally: Tally, bins: Bins, name: str) -> Counts:
    """Count the rows of a column on bins that are there."""
    moments = None
    if bins.by_level:
        cells = count_levels(tally.texts, tally.often, name, bins).tolist()
    elif not bins.edges:
        cells = [tally.present]
    else:
        cells = count_ordered(tally.numbers, bins.edge_array).tolist()
    if bins.grid is not None:
        moments = moments_of(tally.numbers, bins.grid)
    absent = 0 if tally.there else tally.missing
    return Counts(tuple(cells), tally.missing, tally.unreadable, absent, moments)
