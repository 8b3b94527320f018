"""Bins: the cells in which the rows of a column are counted, fixed by the reference.

A number's bins are the pieces between *edges*: bin ``i`` holds the values above
``edges[i - 1]`` and up to ``edges[i]``; the first and the last are open. The edges are
quantiles of the reference alone: edges taken from current rows, or of equal width,
would let a single outlier hide a shift. Fine bins serve what depends on the whole
distribution (Kolmogorov-Smirnov, Wasserstein); *cuts* join them into about ten, for
what compares bin by bin (PSI, KL, JS). All other values are counted by *level*.

What bins cost: the distance of two distribution functions, taken at edges alone, is at
most that of the rows, and below it by no more than the largest share that both sides
have in one bin. That is about 1/256 where values are distinct; nothing is lost where
there are up to 128 of them, for each then has a bin of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlkit.drift.moments import Grid, grid_of

Counted = NDArray[np.int64]
Numbers = NDArray[np.float64]

FINE = 256
COARSE = 10
MOST_LEVELS = 1_000
# Of a sensitive column no edge tells of fewer rows than this, nor more digits.
HIDING_ROWS = 10
HIDING_DIGITS = 3


@dataclass(frozen=True)
class Bins:
    """The cells of one column.

    Attributes
    ----------
    edges : tuple of float
        Edges between the fine bins, ascending; dates as microseconds since 1970. Empty
        where levels are counted.
    cuts : tuple of int
        Fine bin at which each coarse bin starts.
    levels : tuple of str
        The reference's levels, the most frequent first; digests of them where the
        column is sensitive. Another cell follows, for every other level.
    complete : bool
        Whether `levels` are all of the reference's.
    masked : bool
        Whether `levels` are digests.
    grid : Grid or None
        Where sums of numbers are rounded to; None where none are kept.
    rank_error : float
        How far from the quantile that it is meant to be an edge may lie, as a share of
        the reference's rows: 0 where all rows were sorted, more where they were
        sketched. Counts on the edges are exact in any case.
    """

    edges: tuple[float, ...] = ()
    cuts: tuple[int, ...] = ()
    levels: tuple[str, ...] = ()
    complete: bool = True
    masked: bool = False
    grid: Grid | None = None
    rank_error: float = 0.0

    @property
    def by_level(self) -> bool:
        """Whether levels are counted."""
        return not self.cuts

    @property
    def size(self) -> int:
        """Number of cells."""
        return (len(self.levels) if self.by_level else len(self.edges)) + 1

    @cached_property
    def edge_array(self) -> Numbers:
        """The edges as an array of shape (n_edges,)."""
        return np.array(self.edges, dtype=np.float64)

    @cached_property
    def level_array(self) -> Any:
        """The levels as a pyarrow large_string array of shape (n_levels,)."""
        return pa.array(self.levels, pa.large_string())

    def coarse(self, counts: Counted) -> Counted:
        """Return the counts of the coarse bins; of levels, the counts themselves."""
        if self.by_level:
            return counts
        return np.add.reduceat(counts, list(self.cuts))

    def to_dict(self) -> dict[str, Any]:
        """Return the bins as plain JSON data."""
        return {
            "edges": list(self.edges),
            "cuts": list(self.cuts),
            "levels": list(self.levels),
            "complete": self.complete,
            "masked": self.masked,
            "grid": self.grid and self.grid.to_dict(),
            "rank_error": self.rank_error,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the bins that `to_dict` wrote, also those of format 1."""
        grid = stored.get("grid")
        return cls(
            edges=tuple(float(edge) for edge in stored["edges"]),
            cuts=tuple(stored["cuts"]),
            levels=tuple(stored["levels"]),
            complete=stored["complete"],
            masked=stored["masked"],
            grid=grid and Grid.from_dict(grid),
            rank_error=stored.get("rank_error", 0.0),
        )


def number_bins(values: Numbers, *, masked: bool = False, summed: bool = True) -> Bins:
    """Return the bins of numbers.

    Few distinct values, and values that many rows share, get a bin of their own.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        The reference's values, none missing.
    masked : bool
        Show less of the values: no more than the edges of the coarse bins, rounded.
    summed : bool
        Give them a grid for sums, unless they are masked.
    """
    ordered = np.sort(values)
    if masked:
        edges = _hidden_edges(partial(np.quantile, ordered), len(ordered))
    else:
        edges = _edges(ordered)
    counts = count_ordered(ordered, edges)
    grid = grid_of(ordered) if summed and not masked else None
    return Bins(tuple(edges.tolist()), cuts=_cuts(counts), masked=masked, grid=grid)


def sketched_bins(
    distinct: Numbers | None,
    quantiles: Callable[[Numbers], Numbers],
    values: int,
    *,
    masked: bool = False,
    summed: bool = True,
    rank_error: float,
) -> Bins:
    """Return the bins of numbers that were too many to sort, as yet without cuts.

    Parameters
    ----------
    distinct : ndarray of shape (n_distinct,) or None
        Every value that there is, ascending; None of too many.
    quantiles : callable
        Returns about the values of the given ranks, 0 to 1, ascending.
    values : int
        Number of values.
    masked, summed : bool
        As for `number_bins`.
    rank_error : float
        How far a rank may be from the one asked for.
    """
    if not values:
        return Bins(cuts=(0,), masked=masked)
    picked = quantiles(np.linspace(0, 1, FINE + 1))
    if masked:
        edges = _hidden_edges(quantiles, values)
    elif distinct is not None and len(distinct) <= FINE // 2:
        edges, rank_error = _apart(distinct, distinct), 0.0
    else:
        edges = _quantile_edges(picked)
    grid = grid_of(picked) if summed and not masked else None
    return Bins(
        *(tuple(edges.tolist()), (0,)), masked=masked, grid=grid, rank_error=rank_error
    )


def with_cuts(bins: Bins, counts: Counted) -> Bins:
    """Return the bins of numbers with cuts that suit the counts of the reference."""
    return bins if bins.by_level else replace(bins, cuts=_cuts(counts))


def _edges(ordered: Numbers) -> Numbers:
    if not len(ordered):
        return ordered
    distinct = np.unique(ordered)
    if len(distinct) <= FINE // 2:
        return _apart(distinct, distinct)
    places = np.linspace(0, len(ordered) - 1, FINE + 1).round().astype(np.int64)
    return _quantile_edges(ordered[places])


def _quantile_edges(picked: Numbers) -> Numbers:
    distinct, often = np.unique(picked, return_counts=True)
    return _apart(distinct, np.append(distinct[0], distinct[often > 1]))


def _apart(values: Numbers, alone: Numbers) -> Numbers:
    # An edge just below a value parts it from everything smaller.
    return np.unique(np.concatenate([values, np.nextafter(alone, -np.inf)]))


def _hidden_edges(quantiles: Callable[[Numbers], Numbers], values: int) -> Numbers:
    bins = min(COARSE, values // HIDING_ROWS)
    if bins < 2:
        return np.empty(0)
    inner = quantiles(np.arange(1, bins) / bins)
    rounded = [float(f"{edge:.{HIDING_DIGITS}g}") for edge in inner]
    return np.unique(np.array(rounded, dtype=np.float64))


def count_numbers(values: Numbers, edges: Numbers) -> Counted:
    """Return how many values each fine bin holds.

    Examples
    --------
    >>> count_numbers(np.array([1.0, 2.0, 2.5, 9.0]), np.array([1.0, 2.0]))
    array([1, 1, 2])
    """
    return count_ordered(np.sort(values), edges)


def count_ordered(ordered: Numbers, edges: Numbers) -> Counted:
    """Return how many values each fine bin holds, of values that are ascending.

    To sort the values and look the edges up in them takes an eighth of the time of
    looking up each value in the edges.
    """
    below = np.searchsorted(ordered, edges, side="right")
    return np.diff(below, prepend=0, append=len(ordered)).astype(np.int64)


def _cuts(counts: Counted) -> tuple[int, ...]:
    """Return where coarse bins start: a heavy fine bin alone, the others in tenths."""
    total = int(counts.sum())
    if not total:
        return (0,)
    middle = (np.cumsum(counts) - counts / 2) / total
    tenth = np.minimum((COARSE * middle).astype(np.int64), COARSE - 1)
    heavy = counts * COARSE >= total
    starts = np.ones(len(counts), dtype=bool)
    starts[1:] = (np.diff(tenth) > 0) | heavy[1:] | heavy[:-1]
    return tuple(np.flatnonzero(starts).tolist())


def level_bins(texts: Any, often: Counted, name: str, *, masked: bool = False) -> Bins:
    """Return the bins of a column's levels, the most frequent first.

    Parameters
    ----------
    texts : pyarrow large_string array of shape (n_texts,)
        The reference's levels, none missing; one may occur twice.
    often : ndarray of int64 of shape (n_texts,)
        Rows of each.
    name : str
        The column, which goes into the digests.
    masked : bool
        Keep digests in place of the levels.
    """
    table = pa.table({"text": texts, "often": often})
    table = table.group_by("text").aggregate([("often", "sum")])
    ordered = table.sort_by([("often_sum", "descending"), ("text", "ascending")])
    levels = ordered["text"][:MOST_LEVELS].to_pylist()
    if masked:
        levels = [digest(name, level) for level in levels]
    complete = len(ordered) <= MOST_LEVELS
    return Bins(levels=tuple(levels), complete=complete, masked=masked)


def count_levels(texts: Any, often: Counted, name: str, bins: Bins) -> Counted:
    """Return how many rows each level has; those of no level are the last.

    Parameters
    ----------
    texts : pyarrow large_string array of shape (n_texts,)
        Levels, of which one may occur twice.
    often : ndarray of int64 of shape (n_texts,)
        Rows of each.
    name : str
        The column, which goes into the digests.
    bins : Bins
        Whose levels are counted.
    """
    if bins.masked:
        digests = [digest(name, text) for text in texts.to_pylist()]
        texts = pa.array(digests, pa.large_string())
    places = pc.index_in(texts, value_set=bins.level_array).fill_null(len(bins.levels))
    found = np.zeros(len(bins.levels) + 1, dtype=np.int64)
    np.add.at(found, places.to_numpy(zero_copy_only=False), often)
    return found


def digest(name: str, level: str) -> str:
    """Return what stands for a level of a sensitive column.

    It keeps a level from being read, not from being guessed: who knows the possible
    levels can compute theirs.
    """
    text = f"{name}\0{level}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=8).hexdigest()
