"""Findings: what was seen between the groups of a column, as plain sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlkit.evaluate.slices import MIN_ROWS
from mlkit.metrics import show

if TYPE_CHECKING:
    from mlkit.evaluate.groups import GroupComparison, GroupRate, GroupResult

MOST_GROUPS = 3


def sentence(found: GroupComparison, *, confidence: float) -> str:
    """Return what was found between the groups of a column."""
    groups, column = found.groups, found.column
    if len(groups) == 1:
        return (
            f"There is nothing to compare: all test rows have the same {column} "
            f"({groups[0].value}, {rows_text(groups[0].n)})."
        )
    if not found.compared:
        smallest = min(groups, key=lambda group: group.n)
        return (
            f"There is not enough data to compare the groups of {column}: "
            f"{MIN_ROWS} rows are needed in a group and in the rest, and the smallest "
            f"group ({smallest.value}) has {rows_text(smallest.n)}."
        )
    if not found.differs:
        said = f"No difference beyond chance was seen between the groups of {column}."
        return said + _too_small(groups)
    return _differences(found, confidence) + _too_small(groups)


def _differences(found: GroupComparison, confidence: float) -> str:
    called = [group for group in found.groups if any(r.differs for r in group.rates)]
    if len(found.groups) == 2:
        # Each of two groups is the rest of the other: it is said once, of the smaller.
        called = [min(reversed(found.groups), key=lambda group: group.n)]
    called.sort(key=_surest)
    said = " ".join(
        f"{found.column} = {group.value}: {_clauses(group, confidence)}."
        for group in called[:MOST_GROUPS]
    )
    more = len(called) - MOST_GROUPS
    if more > 0:
        said += f" {more} more group{'s differ' if more > 1 else ' differs'}, too."
    return said


def _surest(group: GroupResult) -> float:
    return min(
        rate.p_value
        for rate in group.rates
        if rate.differs and rate.p_value is not None
    )


def _clauses(group: GroupResult, confidence: float) -> str:
    said: list[str] = []
    for rate in group.rates:
        if not rate.differs:
            continue
        size, ends = _sizes(rate)
        measure = rate.measure
        word = measure.less if rate.difference.value < 0 else measure.more
        first = "" if said else " than in the rest"
        level = "" if said else f"{100 * confidence:g} % interval "
        said.append(f"{measure.subject} {size} {word}{first} ({level}{ends})")
    return "; ".join(said)


def _sizes(rate: GroupRate) -> tuple[str, str]:
    """Return how large a called difference is, whatever its sign, and its interval."""
    found = rate.difference
    size = abs(found.value)
    low, high = sorted((abs(found.lower), abs(found.upper)))
    if not rate.measure.share:
        return show(size), f"{show(low)} to {show(high)}"
    digits = 0 if size >= 0.095 else 1
    points, *ends = (f"{100 * value:.{digits}f}" for value in (size, low, high))
    return f"{points} points", " to ".join(ends)


def _too_small(groups: Sequence[GroupResult]) -> str:
    small = [f"{g.value} ({rows_text(g.n)})" for g in groups if g.n < MIN_ROWS]
    if not small:
        return ""
    more = len(small) - MOST_GROUPS
    names = ", ".join(small[:MOST_GROUPS]) + (f" and {more} more" if more > 0 else "")
    return f" There is not enough data to compare {names}."


def rows_text(n: int) -> str:
    """Return a number of rows in words."""
    return f"{n:,} row{'' if n == 1 else 's'}"
