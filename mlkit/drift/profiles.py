"""Profiles: what is kept of the rows that a model learned from, to compare with later.

A profile holds counts and no rows. Its bins are fixed, so the counts of two tables on
them add up to the counts of both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mlkit.data import Column, Schema
from mlkit.drift.bins import (
    Bins,
    count_levels,
    count_numbers,
    digest,
    level_bins,
    number_bins,
)
from mlkit.drift.performance import Performance
from mlkit.drift.reading import Read, read_column
from mlkit.params.models import Kind

FORMAT = 1
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
class Counts:
    """How many rows of a table fell where.

    Attributes
    ----------
    cells : tuple of int
        Rows in each cell of the bins.
    missing : int
        Rows without a value.
    unreadable : int
        Rows whose value is not of the column's kind.
    """

    cells: tuple[int, ...]
    missing: int = 0
    unreadable: int = 0

    @property
    def present(self) -> int:
        """Rows with a value of the column's kind."""
        return sum(self.cells)

    @property
    def rows(self) -> int:
        """All rows."""
        return self.present + self.missing + self.unreadable

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            tuple(a + b for a, b in zip(self.cells, other.cells, strict=True)),
            self.missing + other.missing,
            self.unreadable + other.unreadable,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain JSON data."""
        return {
            "cells": list(self.cells),
            "missing": self.missing,
            "unreadable": self.unreadable,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the counts that `to_dict` wrote."""
        return cls(tuple(stored["cells"]), stored["missing"], stored["unreadable"])


@dataclass(frozen=True)
class ColumnProfile:
    """One column of the reference.

    Attributes
    ----------
    measure : str
        What is counted: ``number``, ``date``, ``level``, ``length`` (characters of a
        text) or ``none`` (identifiers, of which only the missing are).
    singletons : int
        Levels that occur in one row: as many as one may expect to be new in as many
        further rows (Good, Biometrika 40 (1953), 237-264).
    """

    name: str
    kind: Kind
    sensitive: bool
    measure: Measure
    bins: Bins
    counts: Counts
    singletons: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the column as plain JSON data."""
        return {
            "name": self.name,
            "kind": self.kind,
            "sensitive": self.sensitive,
            "measure": self.measure,
            "bins": self.bins.to_dict(),
            "counts": self.counts.to_dict(),
            "singletons": self.singletons,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the column that `to_dict` wrote."""
        return cls(
            name=stored["name"],
            kind=stored["kind"],
            sensitive=stored["sensitive"],
            measure=stored["measure"],
            bins=Bins.from_dict(stored["bins"]),
            counts=Counts.from_dict(stored["counts"]),
            singletons=stored["singletons"],
        )


@dataclass(frozen=True)
class ReferenceProfile:
    """What current rows are compared with.

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
    """

    rows: int
    columns: tuple[ColumnProfile, ...]
    predictions: tuple[ColumnProfile, ...] = ()
    performance: Performance | None = None
    period: tuple[str, str] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the profile as plain JSON data."""
        return {
            "format": FORMAT,
            "rows": self.rows,
            "columns": [column.to_dict() for column in self.columns],
            "predictions": [column.to_dict() for column in self.predictions],
            "performance": self.performance and self.performance.to_dict(),
            "period": None if self.period is None else list(self.period),
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
        profiles = tuple(
            _answer(name, values, masked=masked)
            for name, values in answers(predictions, schema).items()
        )
        return replace(self, predictions=profiles, performance=performance)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the profile that `to_dict` wrote.

        Raises
        ------
        ValueError
            When it has a format that this version does not know.
        """
        if stored.get("format") != FORMAT:
            raise ValueError(
                f"a reference profile of format {FORMAT} is needed, got format "
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
        )


def reference_profile(
    frame: pd.DataFrame,
    schema: Schema,
    *,
    predictions: ArrayLike | None = None,
    performance: Performance | None = None,
) -> ReferenceProfile:
    """Count the rows that later ones are to be compared with.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        The rows a model was trained on, conformed or raw; every feature of the schema.
    schema : Schema
        What the columns are. Of sensitive ones no level and no exact number is kept.
    predictions : array-like of shape (n, n_classes) or (n,), optional
        The model's answers for rows that it was *not* trained on.
    performance : Performance, optional
        The primary metric on such rows.

    Raises
    ------
    ValueError
        When the frame lacks a feature or has no rows.
    """
    absent = [name for name in schema.features if name not in frame.columns]
    if absent or not len(frame):
        lacks = f"lacks {', '.join(absent)}" if absent else "has no rows"
        raise ValueError(
            f"a reference profile needs rows with every feature, and the frame {lacks}"
        )
    # A time column moves by itself, also where a model learns from it.
    features = [schema.column(name) for name in schema.features]
    compared = [column for column in features if column.role != "time"]
    profile = ReferenceProfile(
        rows=len(frame),
        columns=tuple(_profile(column, frame) for column in compared),
        performance=performance,
        period=period(frame, schema),
    )
    if predictions is None:
        return profile
    return profile.answered(predictions, schema, performance=performance)


def _profile(column: Column, frame: pd.DataFrame) -> ColumnProfile:
    read = read_column(frame, column)
    measure = MEASURES[column.kind]
    hidden = column.sensitive
    if measure == "level":
        bins = level_bins(read.texts, column.name, masked=hidden)
    elif measure == "none":
        bins = Bins(cuts=(0,))
    else:
        bins = number_bins(read.numbers, masked=hidden and measure != "length")
    return ColumnProfile(
        name=column.name,
        kind=column.kind,
        sensitive=hidden,
        measure=measure,
        bins=bins,
        counts=count(read, bins, column.name),
        singletons=int((read.texts.value_counts() == 1).sum())
        if measure == "level"
        else 0,
    )


def count(read: Read, bins: Bins, name: str) -> Counts:
    """Count the rows of a column on bins that are there."""
    if bins.by_level:
        cells = count_levels(read.texts, name, bins)
    else:
        cells = count_numbers(read.numbers, np.array(bins.edges, dtype=np.float64))
    return Counts(tuple(cells.tolist()), read.missing, read.unreadable)


def _answer(name: str, values: ArrayLike, *, masked: bool) -> ColumnProfile:
    numbers = np.asarray(values, dtype=np.float64)
    bins = number_bins(numbers, masked=masked)
    cells = count_numbers(numbers, np.array(bins.edges, dtype=np.float64))
    counts = Counts(tuple(cells.tolist()))
    return ColumnProfile(name, "number", masked, "number", bins, counts)


def _hidden(column: ColumnProfile) -> ColumnProfile:
    bins = column.bins
    if bins.masked:
        return column
    levels = tuple(digest(column.name, level) for level in bins.levels)
    return replace(
        column, sensitive=True, bins=replace(bins, levels=levels, masked=True)
    )


def hides_target(schema: Schema) -> bool:
    """Return whether the target, and so what is predicted, is sensitive."""
    return schema.column(schema.target).sensitive


def answers(predictions: ArrayLike, schema: Schema) -> dict[str, Any]:
    """Return the columns of a model's answers under the names people know them by.

    Parameters
    ----------
    predictions : array-like of shape (n, n_classes) or (n,)
        Probabilities in the order of ``schema.classes``, or values.
    """
    values = np.asarray(predictions, dtype=np.float64)
    target, classes = schema.target, schema.classes
    if classes is None:
        return {f"predicted {target}": values}
    hidden = hides_target(schema)
    names = [f"class {i + 1}" if hidden else c for i, c in enumerate(classes)]
    shown = {1: names[1]} if schema.task == "binary" else dict(enumerate(names))
    return {f"probability of {name}": values[:, i] for i, name in shown.items()}


def period(frame: pd.DataFrame, schema: Schema) -> tuple[str, str] | None:
    """Return the first and the last moment of the rows; None where none is told."""
    for column in schema.columns:
        if column.role != "time" or column.sensitive or column.name not in frame:
            continue
        return read_column(frame, column).ends
    return None
