"""Trees of scikit-learn, read so that which side a row takes is known at every node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
GoesLeft = Callable[[Ints, NDArray[Any]], NDArray[np.bool_]]

BITS = 32


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree.

    Attributes
    ----------
    column : ndarray of shape (n_nodes,)
        Encoded column each node looks at.
    left, right : ndarray of shape (n_nodes,)
        The children's numbers; those of a leaf are -1. Node 0 is the root, and children
        come after their parents.
    value : ndarray of shape (n_nodes, n_own_outputs)
        What leaves add to the outputs.
    outputs : slice
        The outputs they add to.
    depth : int
        Tests on its longest path.
    goes_left : callable
        ``goes_left(nodes, matrix)`` returns, of shape (n_of_nodes, n_rows), whether
        rows go left at the given inner nodes.
    """

    column: Ints
    left: Ints
    right: Ints
    value: Floats
    outputs: slice
    depth: int
    goes_left: GoesLeft


def hist_trees(estimator: Any) -> Iterator[Tree]:
    """Yield the trees of a fitted histogram gradient boosting.

    Its splits compare float64 with float64, know missing values, and name categories by
    sets of bits; what it looks at has categories that training did not know as missing.
    """
    for predictors in estimator._predictors:
        for output, predictor in enumerate(predictors):
            nodes = predictor.nodes
            leaf = nodes["is_leaf"].astype(bool)
            yield Tree(
                column=nodes["feature_idx"].astype(np.int64),
                left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
                right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
                value=nodes["value"].astype(np.float64)[:, None],
                outputs=slice(output, output + 1),
                depth=int(nodes["depth"].max()),
                goes_left=hist_sides(predictor),
            )


def hist_sides(predictor: Any) -> GoesLeft:
    """Return the function that says who goes left in a tree of histogram boosting."""
    nodes, lefts = predictor.nodes, predictor.raw_left_cat_bitsets

    def goes_left(inner: Ints, matrix: NDArray[Any]) -> NDArray[np.bool_]:
        at = nodes[inner]
        values = matrix[:, at["feature_idx"]].T
        missing = np.isnan(values)
        left = values <= at["num_threshold"][:, None]
        for place in np.flatnonzero(at["is_categorical"]):
            codes = np.where(missing[place], 0, values[place]).astype(np.int64)
            left[place] = has_bit(lefts[at[place]["bitset_idx"]], codes)
        to_left = at["missing_go_to_left"].astype(bool)[:, None]
        return np.asarray(np.where(missing, to_left, left), dtype=bool)

    return goes_left


def has_bit(words: NDArray[np.uint32], codes: Ints) -> NDArray[np.bool_]:
    """Return whether each code is in a set of bits; codes beyond it are not."""
    inside = codes < BITS * len(words)
    safe = np.where(inside, codes, 0)
    bits = words[safe // BITS].astype(np.int64) >> (safe % BITS)
    return np.asarray(inside & (bits & 1 == 1))


def plain_tree(
    estimator: Any, outputs: slice, *, scale: float, column: int | None = None
) -> Tree:
    """Return a decision tree of scikit-learn.

    Its splits compare the row as float32 with a float64 threshold.

    Parameters
    ----------
    scale : float
        Factor of what its leaves say.
    column : int or None
        Which of its values counts; None takes all: the shares of the classes.
    """
    tree = estimator.tree_
    leaf = tree.children_left < 0
    values = tree.value[:, 0, :]
    taken = values if column is None else values[:, column : column + 1]
    to_left = np.asarray(tree.missing_go_to_left, dtype=bool)

    def goes_left(inner: Ints, matrix: NDArray[Any]) -> NDArray[np.bool_]:
        values = matrix[:, tree.feature[inner]].T
        left = values <= tree.threshold[inner][:, None]
        return np.where(np.isnan(values), to_left[inner][:, None], left)

    return Tree(
        column=np.where(leaf, 0, tree.feature).astype(np.int64),
        left=tree.children_left.astype(np.int64),
        right=tree.children_right.astype(np.int64),
        value=np.asarray(taken, dtype=np.float64) * scale,
        outputs=outputs,
        depth=int(tree.max_depth),
        goes_left=goes_left,
    )
