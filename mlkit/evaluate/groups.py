"""Groups: whether rows of one group fare otherwise than the rest, beyond chance.

A first look at bias, not a verdict: nothing that is found here changes a proposal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from mlkit.evaluate import findings
from mlkit.evaluate.rates import MOST_CLASSES, Measure, Measured, measured
from mlkit.evaluate.slices import MIN_ROWS, Rows, parts
from mlkit.metrics import (
    Contrast,
    Estimate,
    Scored,
    compare_means,
    compare_shares,
    holm,
    mean_interval,
    number_or_none,
    wilson,
)
from mlkit.metrics.scored import Array

METHODS = {True: "Wilson score interval", False: "Student t interval"}


@dataclass(frozen=True)
class GroupRate:
    """One measure of a group, beside that of the rest of the rows.

    Attributes
    ----------
    measure
        What is measured.
    group, rest, difference
        Its value in the group, in all other rows, and the first minus the second, with
        intervals; ``n`` is the number of rows the value is taken of. With fewer than 30
        such rows the value is undefined and ``reason`` says so.
    p_value
        Of the difference, corrected for every difference that is tested in the column;
        None where this one is not.
    differs
        Whether the difference is called: a corrected p-value of at most 1 minus the
        confidence, and an interval that leaves out 0.
    """

    measure: Measure
    group: Estimate
    rest: Estimate
    difference: Estimate
    p_value: float | None = None
    differs: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; None stands for a number that does not exist."""
        return {
            "measure": self.measure.name,
            "group": _plain(self.group),
            "rest": _plain(self.rest),
            "difference": _plain(self.difference),
            "reason": self.difference.reason,
            "p_value": self.p_value,
            "differs": self.differs,
        }


@dataclass(frozen=True)
class GroupResult:
    """The measures of the rows with one value, or a band of values.

    ``positives`` and ``negatives`` count rows by their true class in a binary task and
    are None in others.
    """

    value: str
    n: int
    positives: int | None
    negatives: int | None
    rates: tuple[GroupRate, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "value": self.value,
            "n": self.n,
            "positives": self.positives,
            "negatives": self.negatives,
            "rates": [rate.to_dict() for rate in self.rates],
        }


@dataclass(frozen=True)
class GroupComparison:
    """The groups of a protected column, each against the rest of the rows.

    Attributes
    ----------
    column
        The protected column.
    measures
        What is compared, in the order of each group's rates.
    groups
        Every value, or band of values, of the column; missing values are a group.
    sentence, detail
        What was found, and what else there is to say of it; may be empty.
    note
        What a reader must know of the numbers; empty where there is nothing.
    """

    column: str
    measures: tuple[Measure, ...]
    groups: tuple[GroupResult, ...]
    sentence: str = ""
    detail: str = ""
    note: str = ""

    @property
    def compared(self) -> bool:
        """Whether any difference could be tested."""
        return any(rate.p_value is not None for _, rate in self.rates())

    @property
    def differs(self) -> bool:
        """Whether any difference is called."""
        return any(rate.differs for _, rate in self.rates())

    def rates(self) -> Iterable[tuple[GroupResult, GroupRate]]:
        """Yield every rate with its group."""
        return ((group, rate) for group in self.groups for rate in group.rates)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "column": self.column,
            "sentence": self.sentence,
            "detail": self.detail,
            "compared": self.compared,
            "differs": self.differs,
            "note": self.note,
            "measures": [measure.to_dict() for measure in self.measures],
            "groups": [group.to_dict() for group in self.groups],
        }


def group_comparisons(
    columns: pd.DataFrame,
    scored: Scored,
    *,
    target: str,
    classes: tuple[str, ...] | None,
    masked: Sequence[str] = (),
    confidence: float = 0.95,
) -> tuple[GroupComparison, ...]:
    """Compare the groups of each protected column with the rest of the rows.

    Parameters
    ----------
    columns : DataFrame of shape (n_samples, n_columns)
        The protected columns of the scored rows, divided as slices are: numbers and
        dates of more than 10 distinct values into 4 bands.
    scored
        Truth and predictions of the same rows. Rows are counted, not weighted.
    target
        Name of the target.
    classes
        Names of the classes, as they may be shown; None for a regression.
    masked
        Columns whose values are not told.
    confidence
        Level of the intervals. At most 1 minus this is the chance that any difference
        is called in a column that has none, over its groups and measures together.

    Raises
    ------
    ValueError
        When ``columns`` has not one row for each row of ``scored``.

    Notes
    -----
    Each group is held against the rest and not against the luckiest group: the largest
    difference between two groups grows with the number of small groups. Shares have
    Wilson intervals and their differences Newcombe's; means have Student's and their
    differences Welch's. The tests of a column are corrected by Holm's method.
    """
    if len(columns) != scored.n:
        raise ValueError(
            f"columns must have one row for each of the {scored.n} scored rows, got "
            f"{len(columns)}. Rows of weight 0 are not scored: leave them out."
        )
    found = measured(scored, target=target, classes=classes)
    raw = [
        GroupComparison(
            column=str(column),
            measures=tuple(each.measure for each in found),
            groups=tuple(
                _group(value, rows, scored, found, confidence)
                for value, rows in parts(columns[column], masked=column in masked)
            ),
            note=_note(scored, target, classes),
        )
        for column in columns.columns
    ]
    called = [_corrected(each, alpha=1 - confidence) for each in raw]
    return tuple(
        replace(each, **findings.finding(each, confidence=confidence)._asdict())
        for each in called
    )


def _note(scored: Scored, target: str, classes: tuple[str, ...] | None) -> str:
    notes = []
    if scored.task == "binary" and classes is not None:
        notes.append(
            f"Rates are of {target} = {classes[1]}: the actual one is what the data "
            "say, the others what the model makes of it."
        )
    if scored.weight is not None:
        notes.append("Rows are counted alike: sample weights are not used here.")
    if scored.task == "multiclass" and scored.n_classes > MOST_CLASSES:
        notes.append(
            f"Recall is compared for the {MOST_CLASSES} most frequent of "
            f"{scored.n_classes} classes."
        )
    return " ".join(notes)


def _group(
    value: str,
    rows: Rows,
    scored: Scored,
    found: Sequence[Measured],
    confidence: float,
) -> GroupResult:
    n = int(rows.sum())
    positives = int(scored.codes[rows].sum()) if scored.task == "binary" else None
    return GroupResult(
        value=value,
        n=n,
        positives=positives,
        negatives=None if positives is None else n - positives,
        rates=tuple(_rate(each, rows, confidence) for each in found),
    )


def _rate(each: Measured, rows: Rows, confidence: float) -> GroupRate:
    inside = each.values[each.rows & rows]
    outside = each.values[each.rows & ~rows]
    share = each.measure.share
    group = _estimate(inside, share, confidence, "")
    rest = _estimate(outside, share, confidence, "the rest has ")
    reason = group.reason or rest.reason
    if reason is not None:
        return GroupRate(each.measure, group, rest, _absent(len(inside), reason))
    contrast = _contrast(inside, outside, share, confidence)
    value, lower, upper, p_value, method = contrast
    difference = Estimate(value, lower, upper, len(inside), method)
    return GroupRate(each.measure, group, rest, difference, p_value)


def _contrast(
    inside: Array, outside: Array, share: bool, confidence: float
) -> Contrast:
    if not share:
        return compare_means(inside, outside, confidence=confidence)
    return compare_shares(
        int(inside.sum()),
        len(inside),
        int(outside.sum()),
        len(outside),
        confidence=confidence,
    )


def _estimate(values: Array, share: bool, confidence: float, who: str) -> Estimate:
    n = len(values)
    if n < MIN_ROWS:
        rows = findings.rows_text(n)
        return _absent(
            n, f"not enough data: {who}{rows}, at least {MIN_ROWS} are needed"
        )
    mean = float(values.mean())
    if share:
        lower, upper = wilson(mean, n, confidence=confidence)
    else:
        lower, upper = mean_interval(values, confidence=confidence)
    return Estimate(mean, lower, upper, n, METHODS[share])


def _absent(n: int, reason: str) -> Estimate:
    return Estimate(math.nan, math.nan, math.nan, n, "none", reason)


def _corrected(found: GroupComparison, *, alpha: float) -> GroupComparison:
    """Replace the p-values by corrected ones and call the differences."""
    # Each of two groups is the rest of the other: both tell of the same test.
    mirrored = len(found.groups) == 2
    tests = {
        (0 if mirrored else position, number): rate.p_value
        for position, group in enumerate(found.groups)
        for number, rate in enumerate(group.rates)
        if rate.p_value is not None
    }
    known = dict(zip(tests, holm(list(tests.values())), strict=True))
    groups = [
        replace(
            group,
            rates=tuple(
                _called(rate, known.get((0 if mirrored else position, number)), alpha)
                for number, rate in enumerate(group.rates)
            ),
        )
        for position, group in enumerate(found.groups)
    ]
    return replace(found, groups=tuple(groups))


def _called(rate: GroupRate, p_value: float | None, alpha: float) -> GroupRate:
    if p_value is None:
        return rate
    apart = rate.difference.lower > 0 or rate.difference.upper < 0
    return replace(rate, p_value=p_value, differs=apart and p_value <= alpha)


def _plain(estimate: Estimate) -> dict[str, float | int | None]:
    return {
        "value": number_or_none(estimate.value),
        "lower": number_or_none(estimate.lower),
        "upper": number_or_none(estimate.upper),
        "n": estimate.n,
    }
