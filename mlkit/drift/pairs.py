"""Pairs: the counts of one column on both sides, and what they say by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data.distinct import number_text
from mlkit.drift.bins import Bins
from mlkit.drift.profiles import ColumnProfile, Counts
from mlkit.drift.significance import vanished_p

Counted = NDArray[np.int64]

DIGITS = 3
# More than this share of rows outside the reference's dates: time went on.
OUTSIDE = 0.5


@dataclass(frozen=True, eq=False)
class Pair:
    """The counts of one column on both sides, on the same bins.

    Attributes
    ----------
    profile : ColumnProfile
        The reference.
    current : Counts
        The current rows.
    """

    profile: ColumnProfile
    current: Counts

    @property
    def bins(self) -> Bins:
        """The bins of both."""
        return self.profile.bins

    @cached_property
    def cells(self) -> tuple[Counted, Counted]:
        """Counts of the fine bins or levels, reference and current."""
        return (
            np.array(self.profile.counts.cells, dtype=np.int64),
            np.array(self.current.cells, dtype=np.int64),
        )

    @cached_property
    def coarse(self) -> tuple[Counted, Counted]:
        """Counts of the coarse bins or levels, reference and current."""
        reference, current = self.cells
        return self.bins.coarse(reference), self.bins.coarse(current)

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """The edges of the fine bins."""
        return np.array(self.bins.edges, dtype=np.float64)

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """Rows with a value, reference and current."""
        return self.profile.counts.present, self.current.present

    @property
    def ordered(self) -> bool:
        """Whether values stand in an order: numbers, dates and lengths."""
        return self.profile.measure in ("number", "date", "length")

    @property
    def tells(self) -> bool:
        """Whether there are values on both sides that can be compared."""
        return min(self.sizes) > 0 and self.profile.measure != "none"

    @cached_property
    def rows(self) -> tuple[int, int]:
        """All rows, reference and current; 1 where there are none, to divide by."""
        reference, current = (
            max(present + counts.missing + counts.unreadable, 1)
            for present, counts in zip(
                self.sizes, (self.profile.counts, self.current), strict=True
            )
        )
        return reference, current

    @property
    def missing(self) -> tuple[float, float]:
        """Share of rows without a value of the column's kind."""
        reference, current = (
            (counts.missing + counts.unreadable) / rows
            for rows, counts in zip(
                self.rows, (self.profile.counts, self.current), strict=True
            )
        )
        return reference, current

    @property
    def new(self) -> float | None:
        """Share of current rows with a new level; None where it cannot be told."""
        if not self.profile.lists_all:
            return None
        return self.current.cells[-1] / self.rows[1]

    @cached_property
    def gone(self) -> Counted | None:
        """Rows of the reference in each level that no current row has.

        None where there are no levels on both sides.
        """
        if self.profile.measure != "level" or not self.tells:
            return None
        reference, current = self.cells
        return np.where(current == 0, reference, 0)[:-1]

    @cached_property
    def vanishing(self) -> tuple[float, Counted]:
        """P-value of the levels that vanished, and those of `gone` that surely did."""
        if self.gone is None or not self.gone.any():
            return 1.0, np.zeros(self.bins.size - 1, dtype=np.int64)
        reference, current = self.cells
        return vanished_p(self.gone, (reference + current)[:-1], *self.sizes)

    @property
    def vanished(self) -> float | None:
        """Share of the reference's rows whose level no current row has."""
        if self.gone is None:
            return None
        return int(self.gone.sum()) / self.rows[0]

    @cached_property
    def beyond(self) -> tuple[int, int] | None:
        """Current rows below and above all of the reference's; None if not known.

        A reference that was put together from several tables may have rows in its outer
        bins: of what lies there, none is taken to be outside.
        """
        if not self.ordered or not self.tells or not self.bins.edges:
            return None
        if self.bins.masked:
            return None
        reference, current = self.profile.counts.cells, self.current.cells
        below = 0 if reference[0] else current[0]
        return below, 0 if reference[-1] else current[-1]

    @property
    def outside(self) -> float | None:
        """Share of current values outside the reference's range; None if not known."""
        return None if self.beyond is None else sum(self.beyond) / self.sizes[1]

    @cached_property
    def constant(self) -> bool:
        """Whether the reference has one value only; False where it cannot be told."""
        reference = self.cells[0]
        used = np.flatnonzero(reference)
        if len(used) != 1 or self.profile.measure == "none":
            return False
        if self.bins.by_level:
            return bool(used[0] < len(reference) - 1)
        place, edges = int(used[0]), self.edges
        if self.bins.masked or not 0 < place < len(edges):
            return False
        return bool(np.nextafter(edges[place - 1], np.inf) == edges[place])

    @cached_property
    def differs(self) -> bool:
        """Whether rows are told apart at all: there are values in two cells or more."""
        if not self.tells:
            return False
        reference, current = self.cells
        return int(np.count_nonzero(reference + current)) > 1

    @property
    def moved_on(self) -> bool:
        """Whether most current dates lie outside the reference's."""
        if self.profile.measure != "date" or not self.bins.edges or self.bins.masked:
            return False
        outside = self.current.cells[0] + self.current.cells[-1]
        return outside > OUTSIDE * max(self.sizes[1], 1)

    def written(self, edge: float) -> str:
        """Return an edge as people write it."""
        if self.profile.measure == "date":
            return f"{pd.Timestamp(int(edge), unit='us'):%Y-%m-%d}"
        return number_text(float(f"{edge:.{DIGITS}g}")) or ""

    def level_names(self) -> list[str]:
        """Return what the levels are called where people read it, one for each cell."""
        bins = self.bins
        shown = [
            f"level {i + 1}" if bins.masked else level
            for i, level in enumerate(bins.levels)
        ]
        return [*shown, "new levels" if bins.complete else "other levels"]
