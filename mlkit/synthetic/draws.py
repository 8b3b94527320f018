"""Random numbers by name.

Every column draws from a stream of its own, known by its name: a dial that changes one
column leaves the draws of all others as they were. Only uniform numbers are drawn, as
NumPy keeps their sequence from version to version; everything else is made from them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Draws:
    """The random numbers of one table.

    Examples
    --------
    >>> one, other = Draws(seed=1, rows=3), Draws(seed=1, rows=3)
    >>> bool((one.uniform("region") == other.uniform("region")).all())
    True
    """

    seed: int
    rows: int

    def uniform(self, name: str, size: int | None = None) -> Floats:
        """Return numbers between 0 and 1, one a row unless a size is given."""
        word = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
        bits = np.random.PCG64(np.random.SeedSequence([self.seed, word]))
        return np.random.Generator(bits).random(self.rows if size is None else size)

    def normal(self, name: str, size: int | None = None) -> Floats:
        """Return numbers of mean 0 and standard deviation 1."""
        smallest = np.finfo(np.float64).tiny
        return np.asarray(ndtri(np.maximum(self.uniform(name, size), smallest)))

    def chance(self, name: str, probability: float | Floats) -> NDArray[np.bool_]:
        """Return true with a probability, or with each row's own."""
        return np.asarray(self.uniform(name) < probability)

    def pick(self, name: str, weights: ArrayLike, row: Places | None = None) -> Places:
        """Return places in a list, by weight.

        Parameters
        ----------
        weights : array-like of shape (n_places,) or (n_lists, n_places)
            Weights of the places, in one list or in several.
        row : ndarray of shape (n_rows,) or None
            Which list each row draws from; None when there is only one.
        """
        table = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        shares = np.cumsum(table, axis=1) / table.sum(axis=1, keepdims=True)
        shares[:, -1] = 1.0
        which = np.zeros(self.rows, dtype=np.int64) if row is None else row
        # One sorted list for all: list number i covers the numbers from i to i + 1.
        joined = (shares + np.arange(len(table))[:, None]).ravel()
        found = np.searchsorted(joined, which + self.uniform(name), side="right")
        place = np.minimum(found - which * table.shape[1], table.shape[1] - 1)
        return np.asarray(place, dtype=np.int64)
