"""Repeated rows: copies of one row tell no more than the row itself.

Where an entity is logged several times, its rows are equal. A classifier that learned
from one of them knows the others, and intervals that take them for independent are too
narrow. But in a table of a few categories many rows are equal by chance, and how often
each occurs is what there is to compare.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlkit.drift.matrix import Numbers, Side

Rows = NDArray[np.int64]

# A row is rare where chance makes fewer others than this in a window, both as often as
# the reference has it and were columns independent. Only of rare ones are equal rows
# copies; of others nobody can tell.
BY_CHANCE = 0.5
# With fewer rare rows than this share of the reference, a table has so few different
# ones that rare ones say nothing of the others.
LEAST_RARE = 0.25
# Equal rows beyond this multiple of what the reference makes expect are copies.
MORE_THAN_EXPECTED = 2
# Where no more than this share of the rare current rows is in the reference, entities
# are others on either side, and equal rows of the reference are copies, too.
SHARED = 0.1


def distinct(columns: Sequence[Side]) -> tuple[Rows, Rows]:
    """Return the rows of the reference and the current ones that are no copies.

    Parameters
    ----------
    columns : sequence of Side
        At least one, with at least one row on each side.

    Returns
    -------
    reference, current : ndarray of int of shape (n_kept,)
        Which rows to look at, ascending. Of rare rows one of each; of frequent ones as
        many fewer as there are copies of a rare row on average, so that the shares of
        both stay what they are. All rows where nothing is repeated, and in a table
        that has few different rows.
    """
    n, m = len(columns[0].reference), len(columns[0].current)
    everything = np.arange(n), np.arange(m)
    keys, chance = _keys(columns)
    before, now = keys[:n], keys[n:]
    had = np.bincount(before, minlength=len(chance))
    counts = np.bincount(now, minlength=len(chance))
    others = np.count_nonzero(counts) - 1, m - 1
    rare = np.maximum(others[0] * _again(had), others[1] * chance) < BY_CHANCE
    if rare[before].mean() < LEAST_RARE:
        return everything
    seen = (counts[now] - 1)[rare[now]].sum()
    expected = (m - 1) * had[now][rare[now]].sum() / n
    current = everything[1]
    if seen > MORE_THAN_EXPECTED * expected:
        current = _thinned(now, rare)
    different = rare & (counts > 0)
    reference = everything[0]
    if np.count_nonzero(had[different]) <= SHARED * np.count_nonzero(different):
        reference = _thinned(before, rare)
    return reference, current


def _thinned(keys: Rows, rare: NDArray[np.bool_]) -> Rows:
    """Return rows without copies of rare ones, and of the others in proportion."""
    counts = np.bincount(keys, minlength=len(rare))
    there = counts[rare & (counts > 0)]
    if not len(there):
        return np.arange(len(keys))
    fewer = np.maximum(np.round(counts / there.mean()), 1)
    kept = np.where(rare, 1, fewer)
    order = np.argsort(keys, kind="stable")
    starts = np.cumsum(counts) - counts
    which = np.arange(len(keys)) - starts[keys[order]]
    return np.sort(order[which < kept[keys[order]]])


def _again(counts: Rows) -> Numbers:
    """Return how likely one more is, by how many there are besides the first.

    What is there once says nothing: every value of a number is there once.
    """
    return np.asarray(np.maximum(counts - 1, 0) / counts.sum())


def _keys(columns: Sequence[Side]) -> tuple[Rows, Numbers]:
    """Return a number for each row, equal where rows are, and each number's chance.

    Rows of the reference come first. The chance is that of a row whose columns are
    independent, each with its values as often as the reference has them.
    """
    n, m = len(columns[0].reference), len(columns[0].current)
    keys = np.zeros(n + m, dtype=np.int64)
    chances = np.ones(n + m)
    for each in columns:
        both = np.concatenate([each.reference, each.current])
        values, codes = np.unique(both, return_inverse=True)
        chances *= _again(np.bincount(codes[:n], minlength=len(values)))[codes]
        keys = np.unique(keys * len(values) + codes, return_inverse=True)[1]
    return keys, chances[np.unique(keys, return_index=True)[1]]
