"""Support: where there are labelled rows to tell of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from mlkit.label_free.features import MOST_LEVELS, Feature, Numbers, matrix_of

# Beyond these quantiles of a number there are few labelled rows to learn from.
ENDS = (0.01, 0.99)
# Where so few labelled rows lack a number, little is known of rows that lack it.
FEW = ENDS[0]

# A column of more levels is not looked at: those that are not kept would look new.
SEEN_LEVELS = 1_000
# Of rows like the labelled ones: how often any column has more beyond than by chance.
LEVEL = 0.03

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
        lies there of rows like the labelled ones. A column that has more than chance
        brings about goes before the others, if it has more than 3 %.
    column : str or None
        That column; None stands for the prediction, and for no column at all.
    certain : bool
        Whether it is such a column.
    """

    share: float = 0.0
    column: str | None = None
    certain: bool = False

    def __str__(self) -> str:
        where = "the prediction" if self.column is None else repr(self.column)
        return (
            f"{self.share:.0%} of the rows lie beyond what the labelled rows cover "
            f"(by {where})"
        )


@dataclass(frozen=True)
class Support:
    """What labelled rows cover, column by column.

    Dates are not among the columns: those of newer rows are always beyond. Nor are
    categories of more than 1,000 levels.

    Attributes
    ----------
    features : tuple of Feature
        The columns.
    low, high : tuple of float
        Of the prediction, if it is looked at, and of each feature: between which most
        labelled rows lie. A level that the labelled rows do not have lies beyond.
    outside : tuple of float
        Share of rows like the labelled ones that lies beyond, likewise.
    rows : tuple of float
        How many rows that share is as certain as, likewise.
    lacking : tuple of bool
        Whether a missing value is beyond, because hardly a labelled row has one.
    """

    features: tuple[Feature, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    outside: tuple[float, ...]
    rows: tuple[float, ...]
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

        Of new rows like the labelled ones, as many lie beyond two of their order
        statistics as a beta-binomial variable says, whatever their distribution (Wilks,
        Annals of Mathematical Statistics 13 (1942), 400-409). A column has more than by
        chance if so many have a probability of at most 3 %, divided by the columns.
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
        ranked = np.argsort(-excess, kind="stable").tolist()
        level = LEVEL / sum(there)
        for place in ranked:
            if excess[place] <= MOST_BEYOND_OF_SQUARES:
                break
            if self._chance(place, float(out[place]), len(matrix)) <= level:
                return Beyond(float(excess[place]), names[place], certain=True)
        return Beyond(float(excess[ranked[0]]), names[ranked[0]])

    def _chance(self, place: int, share: float, rows: int) -> float:
        """Return how likely that share or more of rows like the labelled ones is."""
        like, certainty = self.outside[place], self.rows[place]
        count = stats.betabinom(rows, like * certainty, (1 - like) * certainty)
        return float(count.pmf(np.arange(round(share * rows), rows + 1)).sum())

    def to_dict(self) -> dict[str, Any]:
        """Return the support as plain JSON data."""
        return {
            "features": [each.to_dict() for each in self.features],
            "low": list(self.low),
            "high": list(self.high),
            "outside": list(self.outside),
            "rows": list(self.rows),
            "lacking": list(self.lacking),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], labelled: int) -> Self:
        """Return the support that `to_dict` wrote.

        Parameters
        ----------
        stored : mapping
        labelled : int
            The labelled rows, for a support that was written without `rows`.
        """
        features = tuple(map(Feature.from_dict, stored["features"]))
        ends = {name: tuple(stored[name]) for name in ("low", "high", "lacking")}
        outside = tuple(stored["outside"])
        if "rows" in stored:
            return cls(features, outside=outside, rows=tuple(stored["rows"]), **ends)
        rows = labelled + 1
        first = len(outside) - len(features)
        levels = [*([()] * first), *(each.levels for each in features)]
        least = [(1 if each else 2) / rows for each in levels]
        whole = cls(
            features,
            outside=tuple(map(max, zip(outside, least, strict=True))),
            rows=(float(rows),) * len(outside),
            **ends,
        )
        # It had no more levels: whether there were more cannot be told.
        return whole.only([len(each) < MOST_LEVELS for each in levels])

    @classmethod
    def of_loss(cls, stored: Mapping[str, Any], labelled: int) -> Self:
        """Return the support that format 1 kept inside the model of the loss."""
        count = len(stored["features"]) + 1
        given = {
            **{name: stored[name] for name in ("features", "low", "high")},
            "outside": [2 * FEW] * count,
            "lacking": [False] * count,
        }
        whole = cls.from_dict(given, labelled)
        return whole.only([True, *map(_stays, whole.features)])

    def only(self, kept: Sequence[bool]) -> Self:
        """Return the support of some of the columns.

        Parameters
        ----------
        kept : sequence of bool
            Of the prediction, which must be kept, if it is looked at, and of each
            feature.
        """
        first = len(self.low) - len(self.features)
        return type(self)(
            tuple(compress(self.features, kept[first:])),
            tuple(compress(self.low, kept)),
            tuple(compress(self.high, kept)),
            tuple(compress(self.outside, kept)),
            tuple(compress(self.rows, kept)),
            tuple(compress(self.lacking, kept)),
        )


def unsupported(beyond: Beyond, most: float = MOST_BEYOND) -> str | None:
    """Return why no estimate can be given with so many rows beyond; None where it can.

    Rows that may lie there by chance are no reason: they tell of no other rows.

    Parameters
    ----------
    beyond : Beyond
    most : float
        The largest share of rows beyond that is allowed.
    """
    if not beyond.certain or beyond.share <= most:
        return None
    return f"{beyond}, and at most {most:.0%} may"


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
    shares = [
        _share(each, column, bool(lacks))
        for each, column, lacks in zip(levels, matrix.T, lacking, strict=True)
    ]
    whole = Support(
        features=kept,
        low=low,
        high=high,
        outside=tuple(share for share, _ in shares),
        rows=tuple(rows for _, rows in shares),
        lacking=tuple(lacking.tolist()),
    )
    # The code after the last one stands for levels that are not kept.
    return whole.only(
        [
            not (each and (column == len(each)).any())
            for each, column in zip(levels, matrix.T, strict=True)
        ]
    )


def _share(
    levels: Sequence[str], column: NDArray[np.float32], lacks: bool
) -> tuple[float, float]:
    """Return which share of rows like these lies beyond, and of how many rows it is.

    Notes
    -----
    Of levels: those that one row has would be new without it (Good, Biometrika 40
    (1953), 237-264), and their share varies with those that two rows have (Esty, Annals
    of Statistics 11 (1983), 905-912).
    """
    there = column[~np.isnan(column)]
    missing = len(column) - len(there) if lacks else 0
    rows = len(column) + 1
    if not levels:
        # The least and the largest number, where there are too few rows for quantiles.
        return (max(2.0, 2 * FEW * (len(there) + 1)) + missing) / rows, float(rows)
    counts = np.bincount(there.astype(np.int64))
    new = 1 + int((counts == 1).sum())
    twice = int((counts == 2).sum())
    return (new + missing) / rows, rows * new / (new + 2 * twice)


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
