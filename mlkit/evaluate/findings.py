"""Findings: what was seen between the groups of a column, as plain sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mlkit.evaluate.slices import MIN_ROWS
from mlkit.metrics import show

if TYPE_CHECKING:
    from mlkit.evaluate.groups import GroupComparison, GroupRate, GroupResult

MOST_NAMED = 3


class Finding(NamedTuple):
    """What was found, in a sentence, and what else there is to say; may be empty."""

    sentence: str
    detail: str


def finding(found: GroupComparison, *, confidence: float) -> Finding:
    """Return what was found between the groups of a column."""
    groups, column = found.groups, found.column
    if len(groups) == 1:
        return Finding(
            f"There is nothing to compare: all test rows have the same {column} "
            f"({groups[0].value}, {rows_text(groups[0].n)}).",
            "",
        )
    if not found.compared:
        smallest = min(groups, key=lambda group: group.n)
        return Finding(
            f"There is not enough data to compare the groups of {column}.",
            f"{MIN_ROWS} rows are needed in a group and in the rest; the smallest "
            f"group ({smallest.value}) has {rows_text(smallest.n)}.",
        )
    few = _too_small(groups)
    if not found.differs:
        said = f"No difference beyond chance was seen between the groups of {column}."
        return Finding(said, " ".join(few))
    sentence, more = _differences(found, confidence)
    return Finding(sentence, " ".join([*more, *few]))


def _differences(found: GroupComparison, confidence: float) -> tuple[str, list[str]]:
    called = [group for group in found.groups if any(r.differs for r in group.rates)]
    if len(found.groups) == 2:
        # Each of two groups is the rest of the other: it is said once, of the smaller.
        called = [min(reversed(found.groups), key=lambda group: group.n)]
    first, *others = sorted(called, key=_surest)
    lead, *rest = [rate for rate in first.rates if rate.differs]
    size, ends = _sizes(lead)
    level = f"{100 * confidence:g} % interval"
    subject, word = lead.measure.subject, _word(lead)
    sentence = (
        f"{found.column} = {first.value}: {subject} {size} {word} than in the rest "
        f"({level} {ends})."
    )
    more = []
    if rest:
        clauses = [f"{r.measure.subject} {_sizes(r)[0]} {_word(r)}" for r in rest]
        more.append(f"Also, {'; '.join(clauses)}.")
    if others:
        verb = "differs" if len(others) == 1 else "differ"
        names = _listing([group.value for group in others])
        more.append(f"{found.column} = {names} {verb}, too.")
    return sentence, more


def _surest(group: GroupResult) -> float:
    return min(
        rate.p_value
        for rate in group.rates
        if rate.differs and rate.p_value is not None
    )


def _word(rate: GroupRate) -> str:
    return rate.measure.less if rate.difference.value < 0 else rate.measure.more


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


def _too_small(groups: Sequence[GroupResult]) -> list[str]:
    small = [f"{g.value} ({rows_text(g.n)})" for g in groups if g.n < MIN_ROWS]
    return [f"There is not enough data for {_listing(small)}."] if small else []


def _listing(names: Sequence[str]) -> str:
    shown = list(names[:MOST_NAMED])
    if len(names) > MOST_NAMED:
        shown.append(f"{len(names) - MOST_NAMED} more")
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def rows_text(n: int) -> str:
    """Return a number of rows in words."""
    return f"{n:,} row{'' if n == 1 else 's'}"
