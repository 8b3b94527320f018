"""Which raw column each encoded column comes from.

An encoder works row by row and each of its outputs looks at one raw column, as a rule.
Then moving the values of one raw column down by a row moves its encoded columns down by
a row and no others. So the owner of an encoded column is found by moving raw columns
and looking, whatever the encoder is made of: a dozen encodings tell thousands of
columns apart, since each is known by the binary digits of its position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import OneHotEncoder

Encode = Callable[[pd.DataFrame], Any]

SAME = 1e-12


def find_owners(encode: Encode, pool: pd.DataFrame) -> NDArray[np.int64] | None:
    """Return the raw column behind each encoded column, as far as some rows show it.

    Parameters
    ----------
    encode : callable
        Turns a raw frame into a matrix, row by row; sparse or dense.
    pool : DataFrame of shape (n_rows, n_columns)
        All rows whose encodings will be mixed.

    Returns
    -------
    ndarray of shape (n_encoded,) or None
        Positions of raw columns; -1 for encoded columns that are the same in all rows
        of the pool, which no mixture of these rows can tell apart. None where an
        encoded column depends on several raw columns, or rows are not encoded as a
        matrix.

    Examples
    --------
    >>> pool = pd.DataFrame({"a": [1.0, 2.0], "b": [5.0, 3.0]})
    >>> find_owners(lambda frame: frame[["b", "a", "b"]].to_numpy(), pool).tolist()
    [1, 0, 1]
    """
    count = pool.shape[1]
    plain = encode(pool)
    if not sparse.issparse(plain) and not isinstance(plain, np.ndarray):
        return None
    owners = np.zeros(plain.shape[1], dtype=np.int64)
    moved = np.zeros(plain.shape[1], dtype=bool)
    positions = np.arange(count)
    for digit in range(max(1, (count - 1).bit_length())):
        chosen = (positions >> digit) & 1 == 1
        ones = differs(plain, encode(rolled(pool, chosen)))
        zeros = differs(plain, encode(rolled(pool, ~chosen)))
        if digit and not np.array_equal(moved, ones | zeros):
            return None
        if (ones & zeros).any():
            return None
        moved = ones | zeros
        owners += ones.astype(np.int64) << digit
    if (owners[moved] >= count).any():
        return None
    return np.where(moved, owners, -1)


def rolled(pool: pd.DataFrame, chosen: NDArray[np.bool_]) -> pd.DataFrame:
    """Return a frame whose chosen columns are moved down by one row, round the end."""
    below = pool.iloc[np.roll(np.arange(len(pool)), 1)].set_axis(pool.index)
    parts = [pool.loc[:, ~chosen], below.loc[:, chosen]]
    return pd.concat(parts, axis=1)[list(pool.columns)]


def differs(one: Any, other: Any) -> NDArray[np.bool_]:
    """Return which columns of two matrices are not the same."""
    if sparse.issparse(one) or sparse.issparse(other):
        apart = abs(sparse.csc_matrix(one) - sparse.csc_matrix(other))
        return np.asarray(apart.max(axis=0).toarray()[0] > SAME)
    size = np.nanmax(np.abs(one), axis=0, initial=1.0, where=np.isfinite(one))
    with np.errstate(invalid="ignore"):
        equal = (np.abs(one - other) <= SAME * size) | (one == other)
    equal |= np.isnan(one) & np.isnan(other)
    return np.asarray(~equal.all(axis=0))


def filled_by_blocks(
    owners: NDArray[np.int64], encoder: Any, columns: Sequence[str]
) -> NDArray[np.int64]:
    """Return owners of columns that never change too, by their place in the encoder.

    Parameters
    ----------
    owners : ndarray of shape (n_encoded,)
        As :func:`find_owners` returns them.
    encoder : ColumnTransformer or anything else
        A step of it that gives each of its columns as many outputs, one column after
        the other, tells their owners, and so does a one-hot encoder; of other encoders
        nothing is known.
    columns : sequence of str
        The raw columns.
    """
    found = owners.copy()
    for name, _, taken in getattr(encoder, "transformers_", ()):
        names = [taken] if isinstance(taken, str) else list(taken)
        place = encoder.output_indices_[name]
        width = place.stop - place.start
        each = widths_of(encoder.named_transformers_[name], len(names), width)
        if each is None or not set(names) <= set(columns):
            continue
        told = np.repeat([columns.index(column) for column in names], each)
        known = owners[place]
        if np.array_equal(told[known >= 0], known[known >= 0]):
            found[place] = told
    return found


def widths_of(step: Any, columns: int, width: int) -> Sequence[int] | None:
    """Return how many outputs each column of a step has, None where it is not known."""
    if isinstance(step, OneHotEncoder):
        return list(step._n_features_outs)
    if not width or width % columns:
        return None
    return [width // columns] * columns


def owner_matrix(owners: NDArray[np.int64], count: int) -> Any:
    """Return a sparse matrix of shape (n_encoded, count) with a 1 at each owner."""
    known = np.flatnonzero(owners >= 0)
    ones = np.ones(len(known))
    shape = (len(owners), count)
    return sparse.csr_matrix((ones, (known, owners[known])), shape=shape)
