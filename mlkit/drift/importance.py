"""Importance: how much a finding matters to the model that uses the columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mlkit.drift.records import ColumnDrift

# A column with less than this part of an even share is hardly used by the model.
HARDLY = 0.1


def importance_shares(
    columns: Sequence[ColumnDrift], importances: Mapping[str, float] | None
) -> tuple[ColumnDrift, ...]:
    """Return the columns with their shares of the model's importance.

    Parameters
    ----------
    columns : sequence of ColumnDrift
        The columns.
    importances : mapping of str to float or None
        Importance by name, in any unit; what is below 0 counts as 0. Names of no
        column are passed over, for a model may use more than is compared.

    Raises
    ------
    ValueError
        When an importance is no finite number.

    Notes
    -----
    Where all importances are 0 nothing is known, as without any.
    """
    if not importances:
        return tuple(columns)
    wrong = [name for name, value in importances.items() if not math.isfinite(value)]
    if wrong:
        raise ValueError(
            "importances must be finite numbers, 0 for a column that is not used, got "
            f"{importances[wrong[0]]!r} for {wrong[0]!r}"
        )
    known = {
        each.name: max(0.0, importances[each.name])
        for each in columns
        if each.name in importances
    }
    total = sum(known.values())
    if total <= 0:
        return tuple(columns)
    return tuple(
        replace(each, importance=known[each.name] / total)
        if each.name in known
        else each
        for each in columns
    )


def weights(columns: Sequence[ColumnDrift]) -> list[float]:
    """Return what each column weighs: its importance, the mean of all if not known."""
    known = [each.importance for each in columns if each.importance is not None]
    mean = sum(known) / len(known) if known else 1.0
    return [mean if each.importance is None else each.importance for each in columns]


def score(columns: Sequence[ColumnDrift]) -> float | None:
    """Return the share of the columns' weight that is flagged, from 0 to 1.

    None where no column was compared. Columns that were not, such as identifiers, do
    not count unless something about them is flagged.
    """
    judged = [each for each in columns if counts(each)]
    total = sum(weights(judged))
    if total <= 0:
        return None
    pairs = zip(judged, weights(judged), strict=True)
    return min(1.0, sum(weight for each, weight in pairs if each.flagged) / total)


def counts(column: ColumnDrift) -> bool:
    """Return whether a column is one of those of which a share has drifted."""
    return column.flagged or column.state != "not compared"


def hardly_used(columns: Iterable[ColumnDrift]) -> frozenset[str]:
    """Return the names of the columns that the model hardly uses, where it is known."""
    known = [each for each in columns if each.importance is not None]
    least = HARDLY / max(len(known), 1)
    return frozenset(each.name for each in known if (each.importance or 0.0) < least)


def ranked(columns: Sequence[ColumnDrift]) -> tuple[ColumnDrift, ...]:
    """Return the columns in order: broken and flagged first, then by what they matter.

    That is the effect times the weight: a change in a column that the model does not
    use ranks low.
    """
    pairs = sorted(zip(weights(columns), columns, strict=True), key=_place)
    return tuple(column for _, column in pairs)


def _place(weighed: tuple[float, ColumnDrift]) -> tuple[bool, bool, float, float, str]:
    weight, column = weighed
    size = -1.0 if column.effect is None else column.effect
    matters = size if size < 0 else size * weight
    return not column.broken, not column.flagged, -matters, -size, column.name
