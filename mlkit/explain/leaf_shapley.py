"""Exact Shapley values of trees, with raw columns as players, one leaf at a time.

A leaf is reached when every raw column on its path passes all tests made of it. Mix a
row with a background row: the leaf is reached exactly when each column that one of them
*fails* is taken from the other, and no column is failed by both. With ``a`` the columns
that the background row fails and ``c`` those that the row fails, the Shapley value of
this game of the leaf's value ``v`` is::

    + v (|a| - 1)! |c|! / (|a| + |c|)!    for each column of a
    - v |a|! (|c| - 1)! / (|a| + |c|)!    for each column of c

and 0 where ``a`` and ``c`` share a column. The contributions are its mean over the
background rows, summed over leaves and trees. Rows that fail the same columns of a leaf
are counted once, which is what makes it fast.

References
----------
Lundberg et al. (2020), "From local explanations to global understanding with
explainable AI for trees", Nature Machine Intelligence 2 (the interventional game).
Nadel and Wettenstein (2025), "From Decision Trees to Boolean Logic: A Fast and Unified
SHAP Algorithm", arXiv 2511.09376 (counting patterns instead of rows).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mlkit.explain.trees import Tree

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Failed columns of a path are bits of an int64.
MOST_PLAYERS = 60
PAIRS = 2_000_000


@dataclass(frozen=True, eq=False)
class Leaves:
    """The leaves of one tree.

    Attributes
    ----------
    failed : ndarray of shape (n_leaves, n_rows)
        Columns of the path that a row fails, as bits.
    players : ndarray of shape (n_leaves, most_players)
        The raw column behind each bit; -1 where a path has fewer.
    value : ndarray of shape (n_leaves, n_own_outputs)
    """

    failed: Ints
    players: Ints
    value: Floats


def tree_contributions(
    trees: Iterable[Tree],
    rows: NDArray[Any],
    background: NDArray[Any],
    owners: Ints,
    *,
    columns: int,
    outputs: int,
) -> Floats:
    """Return exact interventional Shapley values of a sum of trees.

    Parameters
    ----------
    trees : iterable of Tree
    rows, background : ndarray of shape (n_rows, n_encoded), (n_background, n_encoded)
        What the trees are given.
    owners : ndarray of shape (n_encoded,)
        Raw column of each encoded column; -1 for those that are the same in all rows.
    columns, outputs : int
        Number of raw columns and of outputs. No path may test more than 60 columns.

    Returns
    -------
    ndarray of shape (n_rows, columns, outputs)
    """
    found = np.zeros((len(rows), columns + 1, outputs))
    both = np.concatenate([rows, background])
    for tree in trees:
        leaves = read_leaves(tree, both, owners)
        found[:, :, tree.outputs] += leaves_shapley(leaves, len(rows), columns + 1)
    # Column -1 gathers what tests of constant columns would contribute: nothing.
    return found[:, :columns] / len(background)


def read_leaves(tree: Tree, matrix: NDArray[Any], owners: Ints) -> Leaves:
    """Return a tree's leaves and who fails what on the way to them."""
    inner = np.flatnonzero(tree.left >= 0)
    at = np.full(len(tree.left), -1)
    at[inner] = np.arange(len(inner))
    goes_left = tree.goes_left(inner, matrix) if len(inner) else None
    failed = np.zeros((len(tree.left), len(matrix)), dtype=np.int64)
    paths: list[tuple[int, ...]] = [()] * len(tree.left)
    lefts, rights = tree.left.tolist(), tree.right.tolist()
    players = owners[tree.column].tolist()
    for node in inner.tolist():
        path, player = paths[node], players[node]
        if player not in path:
            path = (*path, player)
        bit = path.index(player)
        left = goes_left[at[node]]  # type: ignore[index]  # there are inner nodes
        for child, passes in ((lefts[node], left), (rights[node], ~left)):
            paths[child] = path
            np.bitwise_or(failed[node], ~passes * np.int64(1 << bit), failed[child])
    leaf = np.flatnonzero(tree.left < 0)
    longest = max(len(paths[node]) for node in leaf.tolist())
    table = np.full((len(leaf), longest), -1)
    for place, node in enumerate(leaf.tolist()):
        table[place, : len(paths[node])] = paths[node]
    return Leaves(failed[leaf], table, tree.value[leaf])


def leaves_shapley(leaves: Leaves, rows: int, columns: int) -> Floats:
    """Return the Shapley values of a tree, summed over the background rows.

    Returns
    -------
    ndarray of shape (rows, columns, n_own_outputs)
        Bits without a player count for the last column.
    """
    found = np.zeros((rows, columns, leaves.value.shape[1]))
    size = leaves.players.shape[1]
    if not size:
        return found
    for part in portions(leaves, rows):
        table = pattern_values(part, rows)
        places = np.arange(table.shape[1] * size)
        for output in range(part.value.shape[1]):
            weights = np.repeat(part.value[:, output], size)
            to_players = sparse.csr_matrix(
                (weights, (places, part.players.ravel() % columns)),
                shape=(len(places), columns),
            )
            found[:, :, output] += table.reshape(rows, -1) @ to_players
    return found


def portions(leaves: Leaves, rows: int) -> Iterator[Leaves]:
    """Yield the leaves in portions whose pairs of rows fit into memory."""
    pairs = rows * (leaves.failed.shape[1] - rows)
    step = max(1, PAIRS // max(1, pairs)) * 4
    for start in range(0, len(leaves.value), step):
        part = slice(start, start + step)
        yield Leaves(leaves.failed[part], leaves.players[part], leaves.value[part])


def pattern_values(leaves: Leaves, rows: int) -> Floats:
    """Return the Shapley values of leaves of value 1, by bit of their paths.

    Returns
    -------
    ndarray of shape (rows, n_leaves, most_players)
    """
    size = leaves.players.shape[1]
    mine, which = patterns(leaves.failed[:, :rows])
    theirs, which_theirs = patterns(leaves.failed[:, rows:])
    counts = np.bincount(which_theirs.ravel(), minlength=len(theirs.bits))
    row, other = pairs_of(mine, theirs)
    free = np.flatnonzero((mine.bits[row] & theirs.bits[other]) == 0)
    row, other = row[free], other[free]
    lacks, gains = sizes(mine.bits)[row], sizes(theirs.bits)[other]
    plus, minus = WEIGHTS[gains, lacks], WEIGHTS[lacks, gains]
    share = sparse.csr_matrix(
        (counts[other] * plus, (row, other)),
        shape=(len(mine.bits), len(theirs.bits)),
    )
    values = share @ as_flags(theirs.bits, size)
    loss = np.bincount(row, weights=counts[other] * minus, minlength=len(mine.bits))
    values -= loss[:, None] * as_flags(mine.bits, size)
    return np.asarray(values[which.T])


@dataclass(frozen=True, eq=False)
class Patterns:
    """The different patterns of each leaf: leaf by leaf, and how many each has."""

    bits: Ints
    counts: Ints


def patterns(failed: Ints) -> tuple[Patterns, Ints]:
    """Return the distinct patterns of each leaf, and which one each row has.

    Examples
    --------
    >>> found, which = patterns(np.array([[3, 0, 3], [1, 1, 1]]))
    >>> found.bits.tolist(), found.counts.tolist(), which.tolist()
    ([0, 3, 1], [2, 1], [[1, 0, 1], [2, 2, 2]])
    """
    order = np.argsort(failed, axis=1)
    ranked = np.take_along_axis(failed, order, axis=1)
    new = np.ones(ranked.shape, dtype=bool)
    new[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    number = np.cumsum(new.ravel()).reshape(new.shape) - 1
    which = np.empty_like(number)
    np.put_along_axis(which, order, number, axis=1)
    return Patterns(ranked[new], new.sum(axis=1)), which


def pairs_of(mine: Patterns, theirs: Patterns) -> tuple[Ints, Ints]:
    """Return every pair of a pattern of `mine` with one of `theirs` at its leaf."""
    repeats = np.repeat(theirs.counts, mine.counts)
    starts = np.repeat(np.cumsum(theirs.counts) - theirs.counts, mine.counts)
    row = np.repeat(np.arange(len(mine.bits)), repeats)
    first = np.cumsum(repeats) - repeats
    other = np.arange(len(row)) - np.repeat(first - starts, repeats)
    return row, other


def sizes(bits: Ints) -> Ints:
    """Return how many bits are set."""
    return np.bitwise_count(bits).astype(np.int64)


def as_flags(bits: Ints, size: int) -> Floats:
    """Return bits as zeros and ones, of shape (n, size)."""
    return ((bits[:, None] >> np.arange(size)) & 1).astype(np.float64)


def _weights() -> Floats:
    """Return (k - 1)! l! / (k + l)! at [k, l], which is 1 / (k C(k + l, k))."""
    table = np.zeros((MOST_PLAYERS + 2, MOST_PLAYERS + 2))
    for k in range(1, len(table)):
        for other in range(len(table)):
            table[k, other] = 1 / (k * math.comb(k + other, k))
    return table


WEIGHTS = _weights()
