"""The newest rows of a dataset, and the older ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlkit.data import Dataset
from mlkit.params import Params


@dataclass(frozen=True, eq=False)
class Newest:
    """Rows divided by time; all are positions in the data.

    Attributes
    ----------
    older, newest : ndarray of int64
        Rows of the reference, and current ones.
    order : ndarray of int64
        All rows that have a time, the oldest first.
    by_split : bool
        Whether the newest rows are the test rows.
    """

    older: np.ndarray
    newest: np.ndarray
    order: np.ndarray
    by_split: bool

    @property
    def which(self) -> str:
        """Which rows the newest are, in words."""
        return "the test rows" if self.by_split else "the newest of all rows"

    def parted(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
        """Divide rows that a model has not learned from into older and newer ones.

        Where the newest rows are the test rows, no older row is left that the model has
        not learned from; then the test rows themselves are divided in half.
        """
        ordered = self.order[np.isin(self.order, rows)]
        if self.by_split:
            before, after = np.array_split(ordered, 2)
            words = "the newer half of the test rows is compared with the older half"
            return before, after, words
        new = np.isin(ordered, self.newest)
        words = "the newest of the test rows are compared with the older ones"
        return ordered[~new], ordered[new], words


def newest_rows(dataset: Dataset, params: Params) -> Newest:
    """Return the newest rows by ``data.time``, and the older ones.

    The newest are the test rows where these were split off by time, else the share
    ``drift.newest_share`` of the rows. Rows without a time are older ones.
    """
    times = dataset.frame[str(params.data.time)]
    known = np.flatnonzero(times.notna().to_numpy())
    order = known[np.argsort(times.to_numpy()[known], kind="stable")]
    by_split = params.data.split.by == "time"
    share = round(params.drift.newest_share * len(order))
    newest = dataset.test_rows if by_split else np.sort(order[len(order) - share :])
    older = np.setdiff1d(np.arange(len(dataset.frame)), newest)
    return Newest(older, newest, order, by_split)
