"""Profiles: what is kept of the rows that a model learned from, to compare with later.

A profile holds counts and no rows. Its bins are fixed, so the counts of two tables on
them add up to the counts of both: ``profile + profile`` is exact, in any order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mlkit.data import Schema
from mlkit.drift.bins import Bins, digest, number_bins
from mlkit.drift.counts import Counts, count
from mlkit.drift.performance import Performance
from mlkit.drift.tallies import ends, tally_numbers
from mlkit.params.models import Kind

__all__ = [
    "ColumnProfile",
    "Counts",
    "ReferenceProfile",
    "answers",
    "hides_target",
    "period",
]

FORMAT = 2
READABLE = (1, FORMAT)
Measure = Literal["number", "date", "level", "length", "none"]
MEASURES: dict[Kind, Measure] = {
    "number": "number",
    "date": "date",
    "category": "level",
    "boolean": "level",
    "text": "length",
    "identifier": "none",
}


@dataclass(frozen=True)
class ColumnProfile:
    """One column of the reference.

    Attributes
    ----------
    measure : str
        What is counted: ``number``, ``date``, ``level``, ``length`` (characters of a
        text) or ``none`` (identifiers, of which only the missing are).
    """

    name: str
    kind: Kind
    sensitive: bool
    measure: Measure
    bins: Bins
    counts: Counts

    @property
    def singletons(self) -> int:
        """Listed levels that occur in one row.

        As many as one may expect to be new in as many further rows (Good, Biometrika 40
        (1953), 237-264), where all levels are listed. Where they are not, those in the
        last cell are unknown, and this is too low.
        """
        return self.counts.cells[:-1].count(1) if self.measure == "level" else 0

    @property
    def lists_all(self) -> bool:
        """Whether every level of the counted rows is one of the bins' own."""
        listed = self.measure == "level" and self.bins.complete
        return listed and not self.counts.cells[-1]

    @property
    def mean(self) -> float | None:
        """Mean of the values, within half of ``bins.grid.unit``; None if not kept."""
        moments, grid = self.counts.moments, self.bins.grid
        if moments is None or grid is None:
            return None
        return moments.mean(grid, self.counts.present)

    @property
    def deviation(self) -> float | None:
        """Standard deviation, within half of ``bins.grid.unit``; None if not kept."""
        moments, grid = self.counts.moments, self.bins.grid
        if moments is None or grid is None:
            return None
        return moments.deviation(grid, self.counts.present)

    def __add__(self, other: ColumnProfile) -> ColumnProfile:
        if replace(self, counts=other.counts) != other:
            raise ValueError(
                f"profiles add up only on the same edges, and column {self.name!r} "
                f"has {_described(self)} in one and {_described(other)} in the other; "
                "count both tables with count_rows on one reference"
            )
        return replace(self, counts=self.counts + other.counts)

    def to_dict(self) -> dict[str, Any]:
        """Return the column as plain JSON data."""
        return {
            "name": self.name,
            "kind": self.kind,
            "sensitive": self.sensitive,
            "measure": self.measure,
            "bins": self.bins.to_dict(),
            "counts": self.counts.to_dict(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the column that `to_dict` wrote, also one of format 1."""
        return cls(
            name=stored["name"],
            kind=stored["kind"],
            sensitive=stored["sensitive"],
            measure=stored["measure"],
            bins=Bins.from_dict(stored["bins"]),
            counts=Counts.from_dict(stored["counts"]),
        )


@dataclass(frozen=True)
class ReferenceProfile:
    """What current rows are compared with; or those rows, counted on the same bins.

    Attributes
    ----------
    rows : int
        Rows that were counted.
    columns : tuple of ColumnProfile
        The features, as they stand in the user's table.
    predictions : tuple of ColumnProfile
        What the model answers: the probability of the positive class, of each class, or
        the value.
    performance : Performance or None
        The primary metric of the model.
    period : (str, str) or None
        First and last moment of the rows, where there is a time column.
    extra : tuple of str
        Columns of the tables that the schema does not know, sorted.
    """

    rows: int
    columns: tuple[ColumnProfile, ...]
    predictions: tuple[ColumnProfile, ...] = ()
    performance: Performance | None = None
    period: tuple[str, str] | None = None
    extra: tuple[str, ...] = ()

    def __add__(self, other: ReferenceProfile) -> ReferenceProfile:
        """Return the profile of the rows of both.

        It is the one that counting all rows at once gives, whatever the order. A metric
        does not add up: `performance` is left out.

        Raises
        ------
        ValueError
            When the profiles are not of the same columns on the same edges.
        """
        return ReferenceProfile(
            rows=self.rows + other.rows,
            columns=_added(self.columns, other.columns, "columns"),
            predictions=_added(self.predictions, other.predictions, "predictions"),
            period=_both_periods(self.period, other.period),
            extra=tuple(sorted({*self.extra, *other.extra})),
        )

    def __radd__(self, other: int) -> ReferenceProfile:
        """Return the profile itself where it is added to 0, from which `sum` starts."""
        if isinstance(other, int) and other == 0:
            return self
        return NotImplemented

    def to_dict(self) -> dict[str, Any]:
        """Return the profile as plain JSON data."""
        return {
            "format": FORMAT,
            "rows": self.rows,
            "columns": [column.to_dict() for column in self.columns],
            "predictions": [column.to_dict() for column in self.predictions],
            "performance": self.performance and self.performance.to_dict(),
            "period": None if self.period is None else list(self.period),
            "extra": list(self.extra),
        }

    def hiding(self, names: Collection[str]) -> ReferenceProfile:
        """Return the profile with the values of columns masked that are so by now."""
        columns = tuple(
            _hidden(column) if column.name in names else column
            for column in self.columns
        )
        return replace(self, columns=columns)

    def answered(
        self,
        predictions: ArrayLike,
        schema: Schema,
        *,
        performance: Performance | None = None,
    ) -> ReferenceProfile:
        """Return the profile with a model's answers for rows it has not learned from.

        Parameters
        ----------
        predictions : array-like of shape (n, n_classes) or (n,)
            The answers: what a model says of its training rows is surer than anything
            it will ever say of others.
        schema : Schema
            The target and its classes.
        performance : Performance, optional
            The primary metric on those rows.
        """
        masked = hides_target(schema)
        profiles = []
        for name, values in answers(predictions, schema).items():
            tally = tally_numbers(values)
            bins = number_bins(tally.numbers, masked=masked)
            counts = count(tally, bins, name)
            profiles.append(
                ColumnProfile(name, "number", masked, "number", bins, counts)
            )
        return replace(self, predictions=tuple(profiles), performance=performance)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the profile that `to_dict` wrote, now or in format 1.

        Raises
        ------
        ValueError
            When it has a format that this version does not know.
        """
        if stored.get("format") not in READABLE:
            known = " or ".join(map(str, READABLE))
            raise ValueError(
                f"a reference profile of format {known} is needed, got format "
                f"{stored.get('format')!r}; use the version of mlkit that wrote it, or "
                "train again"
            )
        performance, period = stored["performance"], stored["period"]
        return cls(
            rows=stored["rows"],
            columns=tuple(map(ColumnProfile.from_dict, stored["columns"])),
            predictions=tuple(map(ColumnProfile.from_dict, stored["predictions"])),
            performance=performance and Performance.from_dict(performance),
            period=None if period is None else (period[0], period[1]),
            extra=tuple(stored.get("extra", ())),
        )


def _described(column: ColumnProfile) -> str:
    bins = column.bins
    if bins.by_level:
        return f"{len(bins.levels):,} levels"
    rounded = "" if bins.grid is None else f", steps of {bins.grid.unit:g}"
    return f"{len(bins.edges):,} edges{rounded} ({column.measure})"


def _added(
    ours: Sequence[ColumnProfile], theirs: Sequence[ColumnProfile], what: str
) -> tuple[ColumnProfile, ...]:
    sides = [[column.name for column in side] for side in (ours, theirs)]
    if sides[0] != sides[1]:
        one, other = (", ".join(side) or "none" for side in sides)
        raise ValueError(
            f"profiles add up only when they are of the same {what}, got {one} and "
            f"{other}; count both tables with count_rows on one reference"
        )
    return tuple(a + b for a, b in zip(ours, theirs, strict=True))


def _both_periods(
    one: tuple[str, str] | None, other: tuple[str, str] | None
) -> tuple[str, str] | None:
    if one is None or other is None:
        return one or other
    return min(one[0], other[0], key=_moment), max(one[1], other[1], key=_moment)


def _moment(text: str) -> tuple[float, str]:
    """Return what sorts moments: times that are numbers, and dates as ISO has them."""
    try:
        return float(text), ""
    except ValueError:
        return 0.0, text


def _hidden(column: ColumnProfile) -> ColumnProfile:
    bins = column.bins
    if bins.masked:
        return column
    levels = tuple(digest(column.name, level) for level in bins.levels)
    return replace(
        column,
        sensitive=True,
        bins=replace(bins, levels=levels, masked=True, grid=None),
        counts=replace(column.counts, moments=None),
    )


def hides_target(schema: Schema) -> bool:
    """Return whether the target, and so what is predicted, is sensitive."""
    return schema.column(schema.target).sensitive


def answers(predictions: ArrayLike, schema: Schema) -> dict[str, Any]:
    """Return the columns of a model's answers under the names people know them by.

    Parameters
    ----------
    predictions : array-like of shape (n, n_classes) or (n,)
        Probabilities in the order of ``schema.classes``, or of the positive class
        alone; or values.

    Raises
    ------
    ValueError
        When there are not as many columns as the target has classes.
    """
    values = np.asarray(predictions, dtype=np.float64)
    target, classes = schema.target, schema.classes
    if classes is None:
        return {f"predicted {target}": values.reshape(len(values))}
    if values.ndim == 1 and schema.task == "binary":
        values = np.column_stack([1 - values, values])
    if values.ndim != 2 or values.shape[1] != len(classes):
        raise ValueError(
            f"predictions must have a column for each of {len(classes)} classes of "
            f"{target!r}, got an array of shape {values.shape}; give the "
            "probabilities of all classes, in the order of the schema"
        )
    hidden = hides_target(schema)
    names = [f"class {i + 1}" if hidden else c for i, c in enumerate(classes)]
    shown = {1: names[1]} if schema.task == "binary" else dict(enumerate(names))
    return {f"probability of {name}": values[:, i] for i, name in shown.items()}


def period(frame: pd.DataFrame, schema: Schema) -> tuple[str, str] | None:
    """Return the first and the last moment of the rows; None where none is told."""
    for column in schema.columns:
        if column.role != "time" or column.sensitive or column.name not in frame:
            continue
        return ends(frame, column)
    return None
