"""Wording: what was found, in sentences for those who have to act on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mlkit.data.wording import counted
from mlkit.drift.columns import level_names, written
from mlkit.drift.statistics import shares

if TYPE_CHECKING:
    from mlkit.drift.columns import Pair
    from mlkit.drift.records import ColumnDrift, DriftReport, DriftTest, Subject
    from mlkit.params.models import Drift

SHOWN = 5
FEW = 3
KINDS = {"number": "numbers", "date": "dates", "boolean": "true or false"}


def percent(share: float) -> str:
    """Return a share in percent, with digits only where there are few percent.

    Examples
    --------
    >>> percent(0.4), percent(0.012), percent(0.0002)
    ('40 %', '1.2 %', '<0.1 %')
    """
    if 0 < share < 0.0005:
        return "<0.1 %"
    return f"{100 * share:.{0 if share >= 0.1 else 1}f}".removesuffix(".0") + " %"


def points(share: float) -> str:
    """Return a difference of two shares, in percentage points.

    Examples
    --------
    >>> points(0.36), points(0.01), points(0.0002)
    ('36 points', '1 point', '<0.1 points')
    """
    text = percent(share).removesuffix(" %")
    return f"{text} point" if text == "1" else f"{text} points"


def names(columns: Sequence[str]) -> str:
    """Return names as a phrase, the rest counted."""
    shown = [repr(name) for name in columns[:SHOWN]]
    rest = len(columns) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest:,} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def sentence_start(text: str) -> str:
    """Return a text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def too_few(rows: int, least: int) -> str:
    """Say that nothing was judged."""
    if not rows:
        return "The current table has no rows."
    return (
        f"The current table has {counted(rows, 'row')}, and at least {least:,} are "
        "needed to judge (drift.min_rows)."
    )


def extra_columns(extra: Sequence[str]) -> tuple[str, ...]:
    """Say which columns the reference does not know; nothing where there are none."""
    if not extra:
        return ()
    return (
        f"Not compared, for the model was not shown them: {names(sorted(set(extra)))}.",
    )


def finding(
    column: ColumnDrift, pair: Pair, above: Sequence[str], params: Drift
) -> str:
    """Return what was found of a column, as a sentence without a full stop.

    Parameters
    ----------
    column : ColumnDrift
        The column, judged.
    pair : Pair
        Its counts.
    above : sequence of str
        Statistics of the user's own that are above their threshold.
    params : Drift
        The bounds.
    """
    if column.state == "absent":
        return "the current table has no such column"
    if column.state == "wrong kind":
        kind = KINDS.get(column.kind, column.kind)
        return f"{counted(pair.current.unreadable, 'value')} cannot be read as {kind}"
    if column.state == "all missing":
        return f"every value is missing; {percent(column.missing[0])} were"
    flagged = {test.subject for test in column.tests if test.flagged}
    parts = [
        _flagged(test, pair)
        for test in column.tests
        if test.flagged and not _said_twice(test, flagged, pair)
    ]
    parts += [f"{name} is above its threshold" for name in above]
    if not parts:
        parts = [_quiet(column, pair, params)]
    return "; ".join(filter(None, [*parts, _aside(column, pair)]))


def _said_twice(test: DriftTest, flagged: set[Subject], pair: Pair) -> bool:
    """Return whether the values changed by nothing but their new levels."""
    if test.subject != "values" or "new levels" not in flagged:
        return False
    before, now = (shares(counts) for counts in pair.cells)
    return int(np.argmax(np.abs(now - before))) == len(before) - 1


def _flagged(test: DriftTest, pair: Pair) -> str:
    if test.subject == "missing":
        before, now = pair.missing
        what = "missing or unreadable" if pair.current.unreadable else "missing"
        return f"{what} in {percent(now)} of the rows, was {percent(before)}"
    if test.subject == "new levels":
        share = pair.current.cells[-1] / pair.current.present
        return f"{percent(share)} of the values are levels that the reference lacks"
    return _levels(pair) if pair.profile.measure == "level" else _numbers(test, pair)


def _numbers(test: DriftTest, pair: Pair) -> str:
    before, now = (np.cumsum(shares(counts))[:-1] for counts in pair.cells)
    gaps = before - now
    place = int(np.argmax(np.abs(gaps)))
    edges = pair.bins.edges
    # An edge just below a value parts that value from the smaller ones.
    value = edges[min(place + 1, len(edges) - 1)]
    beside = bool(np.nextafter(edges[place], np.inf) == value)
    words = ("at or above", "below") if beside else ("above", "at or below")
    word = words[0 if gaps[place] > 0 else 1]
    shown = written(pair, value if beside else edges[place])
    edge = "one value" if pair.bins.masked else shown
    if pair.profile.measure == "length":
        longer = "longer" if gaps[place] > 0 else "no longer"
        return (
            f"{points(test.effect)} more of the texts are {longer} than {edge} letters"
        )
    shift = "higher" if gaps[place] > 0 else "lower"
    return f"{shift} values: {points(test.effect)} more of the rows lie {word} {edge}"


def _levels(pair: Pair) -> str:
    before, now = (shares(counts) for counts in pair.cells)
    place = int(np.argmax(np.abs(now - before)))
    level = level_names(pair.bins)[place]
    name = level if pair.bins.masked or place == len(before) - 1 else repr(level)
    return (
        f"{name} has {percent(now[place])} of the values, had {percent(before[place])}"
    )


def _quiet(column: ColumnDrift, pair: Pair, params: Drift) -> str:
    measure = pair.profile.measure
    if measure == "none":
        return "an identifier: only its missing values are looked at"
    if pair.moved_on:
        return (
            "most dates lie outside those of the reference, as time goes on: only "
            "missing values are looked at"
        )
    if not pair.profile.counts.present:
        return "the reference has no values to compare with"
    if not pair.current.present:
        return "no value is there, which may be chance"
    surely = [
        test
        for test in column.tests
        if test.counts and test.corrected < params.false_discovery_rate
    ]
    if surely:
        return "differs by more than chance, and too little to matter"
    return "no more difference than chance would make"


def _aside(column: ColumnDrift, pair: Pair) -> str:
    """Return what is worth a word though it is not drift."""
    flagged = {test.subject for test in column.tests if test.flagged}
    new = pair.current.cells[-1] if column.new is not None else 0
    parts = []
    if new and "new levels" not in flagged:
        parts.append(f"{counted(new, 'row')} with a level that the reference lacks")
    unreadable = pair.current.unreadable
    if unreadable and "missing" not in flagged:
        parts.append(f"{counted(unreadable, 'value')} cannot be read")
    return "; ".join(parts)


def broken(columns: Sequence[ColumnDrift]) -> str:
    """Say which columns do not keep the schema."""
    said = [f"{each.name!r} ({each.reason})" for each in columns[:SHOWN]]
    rest = len(columns) - len(said)
    more = f" and {rest:,} more" if rest else ""
    return f"The current table lacks what the model needs: {', '.join(said)}{more}"


def predictions(shifted: Sequence[ColumnDrift], params: Drift) -> str:
    """Say that the model's answers have drifted."""
    worst = max(shifted, key=lambda each: each.effect or 0.0)
    return (
        f"The predictions have drifted: {worst.name}, {worst.reason} (effect "
        f"{worst.effect or 0.0:.2f}, drift from {params.prediction_effect:.2f} on)"
    )


def large(columns: Sequence[ColumnDrift], params: Drift) -> str:
    """Say which columns changed so much that one would do."""
    said = [f"{each.name!r} ({each.effect or 0.0:.2f})" for each in columns[:FEW]]
    rest = len(columns) - len(said)
    more = f" and {rest:,} more" if rest else ""
    return (
        f"Large changes, with an effect of {params.large_effect:.2f} or more: "
        f"{', '.join(said)}{more}"
    )


def many(flagged: int, judged: int, params: Drift) -> str:
    """Say that many columns drifted together."""
    return (
        f"{flagged:,} of {counted(judged, 'column')} are flagged, at least the "
        f"{percent(params.drift_share)} that make drift of the data"
    )


def some_columns(report: DriftReport) -> str:
    """Say that columns are flagged, and the data as a whole are not."""
    flagged = report.flagged
    verb = "is" if len(flagged) == 1 else "are"
    return (
        f"{len(flagged):,} of {counted(len(report.columns), 'column')} {verb} flagged "
        f"({names(flagged)}), too few and too little for drift of the data as a whole."
    )


def no_drift(report: DriftReport) -> str:
    """Say that nothing was found, and in what."""
    also = []
    if report.predictions:
        also.append("the predictions")
    performance = report.performance
    if performance is not None and performance.loss is not None:
        also.append("the performance")
    more = f", nor {' and '.join(also)}" if also else ""
    columns = counted(len(report.columns), "column")
    return f"None of {columns} has drifted{more}."
