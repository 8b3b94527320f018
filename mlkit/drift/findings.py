"""Findings: what became of one column, in words for those who have to act on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mlkit.data.wording import counted
from mlkit.drift.statistics import shares
from mlkit.drift.wording import FEW, percent, points

if TYPE_CHECKING:
    from mlkit.drift.pairs import Pair
    from mlkit.drift.records import ColumnDrift, DriftTest, Subject
    from mlkit.params.models import Drift

# From this ratio of the smaller gap to the larger one on, values moved both ways.
BOTH_WAYS = 0.5
KINDS = {"number": "numbers", "date": "dates", "boolean": "true or false"}


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
    """Return whether the values changed by nothing but levels that are new or gone."""
    if test.subject != "values" or pair.profile.measure != "level":
        return False
    place = _most_changed(pair)
    if place == len(pair.cells[0]) - 1:
        return "new levels" in flagged
    return "vanished levels" in flagged and bool(pair.vanishing[1][place])


def _most_changed(pair: Pair) -> int:
    """Return the cell whose share changed most."""
    before, now = (shares(counts) for counts in pair.cells)
    return int(np.argmax(np.abs(now - before)))


def _flagged(test: DriftTest, pair: Pair) -> str:
    if test.subject == "missing":
        before, now = pair.missing
        what = "missing or unreadable" if pair.current.unreadable else "missing"
        return f"{what} in {percent(now)} of the rows, was {percent(before)}"
    if test.subject == "new levels":
        share = pair.current.cells[-1] / pair.current.present
        return f"{percent(share)} of the values are levels that the reference lacks"
    if test.subject == "vanished levels":
        return _vanished(pair)
    if test.subject == "range":
        return _beyond(pair)
    if pair.constant:
        return _no_longer_constant(pair)
    return _numbers(test, pair) if pair.ordered else _levels(pair)


def _vanished(pair: Pair) -> str:
    surely = pair.vanishing[1]
    share = percent(int(surely.sum()) / pair.sizes[0])
    gone = [_level(pair, int(place)) for place in np.argsort(-surely) if surely[place]]
    if len(gone) > FEW:
        return f"{len(gone):,} levels no longer occur; they had {share} of the values"
    verb, had = ("occurs", "it had") if len(gone) == 1 else ("occur", "they had")
    return f"{' and '.join(gone)} no longer {verb}; {had} {share} of the values"


def _beyond(pair: Pair) -> str:
    below, above = pair.beyond or (0, 0)
    words = {(True, False): "below", (False, True): "above"}
    where = words.get((below > 0, above > 0), "outside")
    share = percent((below + above) / pair.sizes[1])
    return f"{share} of the values lie {where} all that the reference had"


def _no_longer_constant(pair: Pair) -> str:
    place = int(np.argmax(pair.cells[0]))
    shown = (
        pair.written(pair.bins.edges[place]) if pair.ordered else _level(pair, place)
    )
    share = pair.cells[1][place] / pair.sizes[1]
    return f"{shown} was the only value, and {percent(share)} of the values are now"


def _numbers(test: DriftTest, pair: Pair) -> str:
    before, now = (np.cumsum(shares(counts))[:-1] for counts in pair.cells)
    gaps = before - now
    most, least = int(np.argmax(gaps)), int(np.argmin(gaps))
    rise, fall = float(gaps[most]), -float(gaps[least])
    if min(rise, fall) >= BOTH_WAYS * max(rise, fall):
        return _spread(pair, most, least, rise, fall)
    place, higher = (most, True) if rise >= fall else (least, False)
    word, edge = _edge(pair, place, above=higher)
    if pair.profile.measure == "length":
        longer = "longer" if higher else "no longer"
        return (
            f"{points(test.effect)} more of the texts are {longer} than {edge} letters"
        )
    shift = "higher" if higher else "lower"
    return f"{shift} values: {points(test.effect)} more of the rows lie {word} {edge}"


def _spread(pair: Pair, most: int, least: int, rise: float, fall: float) -> str:
    """Say that values lie farther out than they did, or closer together."""
    above, high = _edge(pair, most, above=True)
    below, low = _edge(pair, least, above=False)
    if least < most:
        return (
            f"values spread wider: {points(fall)} more of the rows lie {below} {low}, "
            f"{points(rise)} more {above} {high}"
        )
    return (
        f"values spread less: {points(rise + fall)} more of the rows lie {above} "
        f"{high} and {below} {low}"
    )


def _edge(pair: Pair, place: int, *, above: bool) -> tuple[str, str]:
    """Return how to call the rows on one side of an edge, and the edge."""
    edges = pair.bins.edges
    # An edge just below a value parts that value from the smaller ones.
    value = edges[min(place + 1, len(edges) - 1)]
    beside = bool(np.nextafter(edges[place], np.inf) == value)
    words = ("at or above", "below") if beside else ("above", "at or below")
    shown = pair.written(value if beside else edges[place])
    return words[0 if above else 1], "one value" if pair.bins.masked else shown


def _levels(pair: Pair) -> str:
    before, now = (shares(counts) for counts in pair.cells)
    place = _most_changed(pair)
    name = _level(pair, place)
    return (
        f"{name} has {percent(now[place])} of the values, had {percent(before[place])}"
    )


def _level(pair: Pair, place: int) -> str:
    level = pair.level_names()[place]
    last = place == len(pair.cells[0]) - 1
    return level if pair.bins.masked or last else repr(level)


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
    if not pair.differs:
        return "the same value in every row, then and now"
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
    tested = {test.subject for test in column.tests}
    if "vanished levels" in tested - flagged:
        parts.append(_vanished(pair))
    unreadable = pair.current.unreadable
    if unreadable and "missing" not in flagged:
        parts.append(f"{counted(unreadable, 'value')} cannot be read")
    return "; ".join(parts)
