"""Curves: what came true, or how large errors were, along one score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

MOST_BINS = 40
BIN_ROWS = 20


@dataclass(frozen=True)
class Curve:
    """Rows counted by a score, with sums of what is to be read off it.

    Attributes
    ----------
    edges : tuple of float
        Edges between the bins, ascending; the outer ones are open.
    counts : tuple of int
        Rows in each bin; none is empty.
    scores : tuple of float
        Mean score of each bin.
    sums : tuple of tuple of float
        For each quantity its sum in each bin.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    scores: tuple[float, ...]
    sums: tuple[tuple[float, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as plain JSON data."""
        return {
            "edges": list(self.edges),
            "counts": list(self.counts),
            "scores": list(self.scores),
            "sums": [list(each) for each in self.sums],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the curve that `to_dict` wrote."""
        return cls(
            tuple(stored["edges"]),
            tuple(stored["counts"]),
            tuple(stored["scores"]),
            tuple(tuple(each) for each in stored["sums"]),
        )

    @property
    def rows(self) -> Numbers:
        """Rows in each bin, as numbers."""
        return np.array(self.counts, dtype=np.float64)

    def means(self, quantity: int) -> Numbers:
        """Return the mean of a quantity in each bin."""
        return np.array(self.sums[quantity]) / self.rows

    def bins(self, score: Numbers) -> NDArray[np.int64]:
        """Return the bin of each score."""
        return np.searchsorted(np.array(self.edges), score, side="left")

    def read(self, values: Numbers, score: Numbers) -> Numbers:
        """Return values of the bins between which each score lies, interpolated."""
        return np.interp(score, np.array(self.scores), values)

    def shares(self, score: Numbers) -> Numbers:
        """Return the share of scores in each bin."""
        found = np.bincount(self.bins(score), minlength=len(self.counts))
        return np.asarray(found / max(len(score), 1))

    def effective_rows(self, score: Numbers) -> float:
        """Return the effective sample size of the rows when weighed like these scores.

        Notes
        -----
        (sum w)^2 / sum w^2 of the density ratio w by bin: Kish, Survey Sampling (1965),
        section 11.7. Squares of shares are estimated without bias, so that few scores
        do not look like a shift.
        """
        m, total = len(score), float(self.rows.sum())
        counts = self.shares(score) * m
        squares = counts * (counts - 1) / max(m * (m - 1), 1)
        excess = float((squares / (self.rows / total)).sum())
        return total / max(1.0, excess)


def curve(score: Numbers, quantities: list[Numbers]) -> Curve:
    """Count rows in bins of equal mass; equal scores share a bin.

    Parameters
    ----------
    score : ndarray of shape (n_rows,)
    quantities : list of ndarray of shape (n_rows,)
    """
    wanted = max(1, min(MOST_BINS, len(score) // BIN_ROWS))
    inner = np.linspace(0, 1, wanted + 1)[1:-1]
    edges = np.unique(np.quantile(score, inner, method="inverted_cdf"))
    edges = edges[edges < score.max()]
    found = np.searchsorted(edges, score, side="left")
    size = len(edges) + 1
    counts = np.bincount(found, minlength=size)
    means = np.bincount(found, weights=score, minlength=size) / counts
    sums = [np.bincount(found, weights=each, minlength=size) for each in quantities]
    return Curve(
        tuple(edges.tolist()),
        tuple(counts.tolist()),
        tuple(means.tolist()),
        tuple(tuple(each.tolist()) for each in sums),
    )


def ascending(values: Numbers, rows: Numbers) -> Numbers:
    """Return the ascending values closest to these, by weighted squares.

    Notes
    -----
    Isotonic regression: Barlow et al., Statistical Inference under Order Restrictions
    (1972); for probabilities Zadrozny and Elkan, KDD 2002.
    """
    from sklearn.isotonic import isotonic_regression

    return np.asarray(isotonic_regression(values, sample_weight=rows))
