"""Outlines: what is kept of a column to fix its edges, when its values are too many.

Numbers go into a KLL sketch (Karnin, Lang and Liberty, FOCS 2016), levels into counts
of which the rarest are given up when they become too many (Misra and Gries, Science of
Computer Programming 2 (1982), 143-152). Outlines of partitions merge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from mlkit.data import Column
from mlkit.drift.bins import FINE, Bins, level_bins, sketched_bins
from mlkit.drift.profiles import MEASURES
from mlkit.drift.tallies import Counted, Numbers, Tally

# Ranks are within 0.1 % with a probability of 99 %, in about 100 kB.
KLL_SIZE = 4096
FEW = FINE // 2
MOST_KEPT = 1 << 17


@dataclass(frozen=True, eq=False)
class Outline:
    """What is known of a column of some rows.

    Attributes
    ----------
    sketch : bytes
        A KLL sketch of its numbers; empty of none.
    distinct : ndarray of shape (n_distinct,) or None
        Its distinct numbers; None of more than 128.
    texts, often : pyarrow large_string array, ndarray of int64
        Its levels and in how many rows they are, or a little fewer.
    whole : bool
        Whether those are all levels.
    """

    sketch: bytes = b""
    distinct: Numbers | None = field(default_factory=lambda: np.empty(0))
    texts: Any = field(default_factory=lambda: pa.array([], pa.large_string()))
    often: Counted = field(default_factory=lambda: np.empty(0, np.int64))
    whole: bool = True

    @staticmethod
    def of(tallies: Iterable[Tally]) -> Outline:
        """Return the outline of a column of several tables."""
        found, sketch = Outline(), _sketch()
        for tally in tallies:
            sketch.update(tally.numbers)
            distinct = _few(found.distinct, tally.numbers)
            found = replace(found, distinct=distinct)._with(tally.texts, tally.often)
        return replace(found, sketch=sketch.serialize())

    def __add__(self, other: Outline) -> Outline:
        sketch = _sketch(self.sketch)
        sketch.merge(_sketch(other.sketch))
        distinct = (
            None if other.distinct is None else _few(self.distinct, other.distinct)
        )
        both = self._with(other.texts, other.often)
        return replace(
            both,
            sketch=sketch.serialize(),
            distinct=distinct,
            whole=both.whole and other.whole,
        )

    def bins(self, column: Column) -> Bins:
        """Return the bins of the column, as yet without cuts."""
        measure = MEASURES[column.kind]
        if measure == "none":
            return Bins(cuts=(0,))
        hidden = column.sensitive
        if measure == "level":
            bins = level_bins(self.texts, self.often, column.name, masked=hidden)
            return replace(bins, complete=bins.complete and self.whole)
        sketch = _sketch(self.sketch)
        return sketched_bins(
            self.distinct,
            partial(_quantiles, sketch),
            sketch.n,
            masked=hidden and measure != "length",
            summed=not hidden,
            rank_error=sketch.normalized_rank_error(False),
        )

    def _with(self, texts: Any, often: Counted) -> Outline:
        if not len(texts):
            return self
        all_texts = pa.concat_arrays([self.texts, texts])
        table = pa.table({"text": all_texts, "often": np.append(self.often, often)})
        table = table.group_by("text").aggregate([("often", "sum")])
        table = table.sort_by([("often_sum", "descending"), ("text", "ascending")])
        merged = table["text"].combine_chunks()
        counts = table["often_sum"].to_numpy()
        if len(merged) <= MOST_KEPT:
            return replace(self, texts=merged, often=counts)
        counts = counts - counts[MOST_KEPT]
        kept = int((counts > 0).sum())
        return replace(self, texts=merged[:kept], often=counts[:kept], whole=False)


def _few(known: Numbers | None, ordered: Numbers) -> Numbers | None:
    """Return the distinct numbers of both; None of too many."""
    if known is None or not len(ordered):
        return known
    first = np.append(True, ordered[1:] != ordered[:-1])
    if int(first.sum()) > FEW:
        return None
    both = np.union1d(known, ordered[first])
    return None if len(both) > FEW else both


def _quantiles(sketch: Any, ranks: Numbers) -> Numbers:
    # The ends are known exactly, and may be none of the values that a sketch holds.
    inner = np.array(sketch.get_quantiles(ranks.tolist()))
    low = np.where(ranks <= 0, sketch.get_min_value(), inner)
    return np.where(ranks >= 1, sketch.get_max_value(), low)


def _sketch(stored: bytes = b"") -> Any:
    try:
        from datasketches import kll_doubles_sketch
    except ImportError as error:
        raise ImportError(
            "edges for more rows than exact_rows are taken from sketches, and the "
            "package datasketches is not installed; add the extra: "
            "pip install 'mlkit[sketches]', or raise exact_rows"
        ) from error
    if stored:
        return kll_doubles_sketch.deserialize(stored)
    return kll_doubles_sketch(KLL_SIZE)
