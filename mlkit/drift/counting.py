"""Counting: a table's rows as a profile, on bins of its own or on a reference's."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from numpy.typing import ArrayLike

from mlkit.data import Column, Schema
from mlkit.drift.bins import Bins, level_bins, number_bins
from mlkit.drift.counts import count
from mlkit.drift.performance import Performance
from mlkit.drift.profiles import (
    MEASURES,
    ColumnProfile,
    ReferenceProfile,
    answers,
    period,
)
from mlkit.drift.tallies import Tally, tally_column, tally_numbers


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
    profile = ReferenceProfile(
        rows=len(frame),
        columns=tuple(
            profile_column(column, tally_column(frame, column))
            for column in compared(schema)
        ),
        performance=performance,
        period=period(frame, schema),
    )
    if predictions is None:
        return profile
    return profile.answered(predictions, schema, performance=performance)


def count_rows(
    reference: ReferenceProfile,
    frame: pd.DataFrame,
    schema: Schema,
    *,
    predictions: ArrayLike | None = None,
) -> ReferenceProfile:
    """Count other rows on the bins of a reference.

    Profiles that were counted so add up: their sum is the profile of all their rows.

    Parameters
    ----------
    reference : ReferenceProfile
        Whose columns and bins they are; its own counts do not matter.
    frame : DataFrame of shape (n_rows, n_columns)
        Raw or conformed rows, also none. Rows of an absent column are missing
        (`Counts.absent`), values of another kind are unreadable, columns that the
        schema does not know are named in `extra`.
    schema : Schema
        What the columns of the reference are.
    predictions : array-like of shape (n, n_classes) or (n,), optional
        The answers, for these rows, of the model whose answers the reference holds.
    """
    columns = tuple(
        replace(
            column,
            counts=count(
                tally_column(frame, schema.column(column.name)),
                column.bins,
                column.name,
            ),
        )
        for column in reference.columns
    )
    known = set(schema.names)
    return ReferenceProfile(
        rows=len(frame),
        columns=columns,
        predictions=_answered(reference, predictions, schema),
        period=period(frame, schema),
        extra=tuple(sorted({str(name) for name in frame.columns} - known)),
    )


def compared(schema: Schema) -> tuple[Column, ...]:
    """Return the columns that a profile holds: the features, but the time.

    A time column moves by itself, also where a model learns from it.
    """
    features = [schema.column(name) for name in schema.features]
    return tuple(column for column in features if column.role != "time")


def profile_column(column: Column, tally: Tally) -> ColumnProfile:
    """Return the profile of a column on bins of its own."""
    measure = MEASURES[column.kind]
    hidden = column.sensitive
    if measure == "level":
        bins = level_bins(tally.texts, tally.often, column.name, masked=hidden)
    elif measure == "none":
        bins = Bins(cuts=(0,))
    else:
        masked = hidden and measure != "length"
        bins = number_bins(tally.numbers, masked=masked, summed=not hidden)
    counts = count(tally, bins, column.name)
    return ColumnProfile(column.name, column.kind, hidden, measure, bins, counts)


def _answered(
    reference: ReferenceProfile, predictions: ArrayLike | None, schema: Schema
) -> tuple[ColumnProfile, ...]:
    if predictions is None:
        return ()
    now = answers(predictions, schema)
    return tuple(
        replace(
            column,
            counts=count(tally_numbers(now[column.name]), column.bins, column.name),
        )
        for column in reference.predictions
    )
