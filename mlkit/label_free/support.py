"""Support: where there are labelled rows to tell of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.label_free.features import Feature, Numbers, matrix_of

# Beyond these quantiles of a number there are few labelled rows to learn from.
ENDS = (0.01, 0.99)
# Where so few labelled rows lack a number, little is known of rows that lack it.
FEW = ENDS[0]

# More rows beyond than this, and none of the estimates rests on what was seen.
MOST_BEYOND = 0.1
# Of the mean of squares, which the few largest errors decide: those lie at the ends.
MOST_BEYOND_OF_SQUARES = 0.03


@dataclass(frozen=True)
class Beyond:
    """How many rows lie beyond the labelled ones.

    Attributes
    ----------
    share : float
        Of the column that has most of them: the share of rows beyond, less that which
        lies there of rows like the labelled ones.
    column : str or None
        That column; None stands for the prediction, and for no column at all.
    """

    share: float = 0.0
    column: str | None = None

    def __str__(self) -> str:
        where = "the prediction" if self.column is None else repr(self.column)
        return (
            f"{self.share:.0%} of the rows lie beyond what the labelled rows cover "
            f"(by {where})"
        )


@dataclass(frozen=True)
class Support:
    """What labelled rows cover, column by column.

    Dates are not among the columns: those of newer rows are always beyond.

    Attributes
    ----------
    features : tuple of Feature
        The columns.
    low, high : tuple of float
        Of the prediction, if it is looked at, and of each feature: between which most
        labelled rows lie. A level that the labelled rows do not have lies beyond.
    outside : tuple of float
        Share of rows like the labelled ones that lies beyond, likewise.
    lacking : tuple of bool
        Whether a missing value is beyond, because hardly a labelled row has one.
    """

    features: tuple[Feature, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    outside: tuple[float, ...]
    lacking: tuple[bool, ...]

    def beyond(
        self, frame: pd.DataFrame | None, prediction: Numbers | None = None
    ) -> Beyond:
        """Return how many rows lie beyond, by the column that has most of them.

        Parameters
        ----------
        frame : DataFrame of shape (n_rows, n_columns) or None
            The rows; a column that is not there is not looked at. None needs a
            prediction.
        prediction : ndarray of shape (n_rows,), optional
            Given if, and only if, the labelled rows were looked at with it.

        Notes
        -----
        The labelled range of each column is the simplest of the tests for a question
        that the data cannot answer: King and Zeng, Political Analysis 14 (2006),
        131-159. One column at a time, because among many columns every row is at the
        end of some.
        """
        matrix = matrix_of(self.features, frame, prediction)
        names = [*([] if prediction is None else [None]), *map(_name, self.features)]
        there = [
            name is None or (frame is not None and name in frame.columns)
            for name in names
        ]
        out = _outside(matrix, self.low, self.high, np.array(self.lacking, bool))
        excess = np.where(there, out - np.array(self.outside), 0.0)
        if not len(excess) or excess.max() <= 0:
            return Beyond()
        place = int(excess.argmax())
        return Beyond(float(excess[place]), names[place])

    def to_dict(self) -> dict[str, Any]:
        """Return the support as plain JSON data."""
        return {
            "features": [each.to_dict() for each in self.features],
            "low": list(self.low),
            "high": list(self.high),
            "outside": list(self.outside),
            "lacking": list(self.lacking),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the support that `to_dict` wrote."""
        numbers = (
            tuple(stored[name]) for name in ("low", "high", "outside", "lacking")
        )
        return cls(tuple(map(Feature.from_dict, stored["features"])), *numbers)

    @classmethod
    def of_loss(cls, stored: Mapping[str, Any]) -> Self:
        """Return the support that format 1 kept inside the model of the loss."""
        features = tuple(map(Feature.from_dict, stored["features"]))
        kept = [place for place, each in enumerate(features) if _stays(each)]
        places = [0, *(place + 1 for place in kept)]
        return cls(
            tuple(features[place] for place in kept),
            tuple(stored["low"][place] for place in places),
            tuple(stored["high"][place] for place in places),
            (2 * FEW,) * len(places),
            (False,) * len(places),
        )


def unsupported(beyond: Beyond, most: float = MOST_BEYOND) -> str | None:
    """Return why no estimate can be given with so many rows beyond; None where it can.

    Parameters
    ----------
    beyond : Beyond
    most : float
        The largest share of rows beyond that is allowed.
    """
    return f"{beyond}, and at most {most:.0%} may" if beyond.share > most else None


def support_of(
    features: Sequence[Feature],
    frame: pd.DataFrame | None,
    prediction: Numbers | None = None,
) -> Support:
    """Return what these rows cover, with `prediction` as a column of its own.

    Parameters
    ----------
    features : sequence of Feature
    frame : DataFrame of shape (n_rows, n_columns) or None
    prediction : ndarray of shape (n_rows,), optional
    """
    kept = tuple(filter(_stays, features))
    matrix = matrix_of(kept, frame, prediction)
    levels = [*([] if prediction is None else [()]), *(each.levels for each in kept)]
    ends = [_ends(each, column) for each, column in zip(levels, matrix.T, strict=True)]
    low, high = tuple(low for low, _ in ends), tuple(high for _, high in ends)
    lacking = np.isnan(matrix).mean(axis=0) < FEW
    outside = _outside(matrix, low, high, lacking)
    numbers = np.array([not each for each in levels], dtype=bool)
    # The rows that set the ends of a number are not beyond them, others like them are.
    outside = np.where(numbers, np.maximum(outside, 2 * FEW), outside)
    return Support(
        features=kept,
        low=low,
        high=high,
        outside=tuple(outside.tolist()),
        lacking=tuple(lacking.tolist()),
    )


def _name(feature: Feature) -> str:
    return feature.name


def _stays(feature: Feature) -> bool:
    return bool(feature.kind != "date")


def _ends(levels: Sequence[str], column: NDArray[np.float32]) -> tuple[float, float]:
    """Return between which numbers most rows lie."""
    there = column[~np.isnan(column)]
    if levels:
        return 0.0, len(levels) - 1.0
    if not len(there):
        return 0.0, 0.0
    # Of new rows like these, that share lies beyond such a quantile, however few.
    low, high = np.quantile(there, ENDS, method="weibull")
    return float(low), float(high)


def _outside(
    matrix: NDArray[np.float32],
    low: Sequence[float],
    high: Sequence[float],
    lacking: NDArray[np.bool_],
) -> Numbers:
    """Return the share of rows beyond, column by column."""
    out = (matrix < np.array(low, np.float32)) | (matrix > np.array(high, np.float32))
    out |= np.isnan(matrix) & lacking
    return np.asarray(out.mean(axis=0), dtype=np.float64)
