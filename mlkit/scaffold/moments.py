"""Which column says when a row happened, and whether the newest rows are the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlkit.data.conformance import conform_column
from mlkit.data.records import Column
from mlkit.data.split import find_cutoff
from mlkit.scaffold import meanings

KNOWN = 0.95
MOMENTS = 10
SHARE = 0.2
LEAST, MOST = 0.05, 0.5
CLASS_ROWS = 10
SIDE_ROWS = 30


@dataclass(frozen=True)
class Moment:
    """The time column, whether rows are split by it, and why.

    Attributes
    ----------
    others : tuple of str
        Date columns that were not taken.
    """

    column: str
    why: str
    split: bool
    why_split: str
    others: tuple[str, ...] = ()


def decide_moment(
    frame: pd.DataFrame, dates: Sequence[Column], labels: pd.Series | None
) -> Moment | None:
    """Return the time column of a table, None where there is none.

    A date column stands for the row when at least 95 % of it are known and it has at
    least 10 moments; a day of birth never does. Of several, one that is called after
    time itself (``date``, ``timestamp``) is taken, else the earliest, else one whose
    name sounds late (``closed_at``).

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    dates : sequence of Column
        The date columns.
    labels : Series of shape (n_rows,) or None
        The classes; None for regression.
    """
    moments = {
        column.name: conform_column(frame, column)[0]
        for column in dates
        if not meanings.is_birth(column.name)
    }
    moments = {
        name: values
        for name, values in moments.items()
        if values.notna().mean() >= KNOWN and values.nunique() >= MOMENTS
    }
    if not moments:
        return None
    early = [name for name in moments if not meanings.is_after(name)] or [*moments]
    called = [name for name in early if meanings.is_moment(name)]
    name = called[0] if called else min(early, key=lambda each: moments[each].median())
    why = "the only date column"
    if len(moments) > 1:
        why = "it is called so" if called else "the earliest of the date columns"
    others = tuple(other for other in moments if other != name)
    split, why_split = _split(moments[name], labels)
    return Moment(name, why, split, why_split, others)


def _split(times: pd.Series, labels: pd.Series | None) -> tuple[bool, str]:
    known = times.notna().to_numpy()
    cutoff = find_cutoff(times.to_numpy()[known], SHARE)
    newest = times.to_numpy() >= cutoff
    share = float(newest.mean())
    if not LEAST <= share <= MOST or min(newest.sum(), (~newest).sum()) < SIDE_ROWS:
        return False, f"no moment leaves about {SHARE:.0%} of the rows behind it"
    if labels is not None:
        sides = [labels[side].value_counts() for side in (newest, ~newest)]
        least = min(
            int(side.get(label, 0))
            for side in sides
            for label in labels.dropna().unique()
        )
        if least < CLASS_ROWS:
            why = (
                f"the newest {share:.0%} of the rows, or those before, hold fewer than "
                f"{CLASS_ROWS} rows of some class"
            )
            return False, why
    day = np.datetime_as_string(np.datetime64(cutoff, "D"))
    why = f"the newest {share:.0%} of the rows, from {day} on, test what was learnt "
    return True, f"{why}before"
