"""Bars: what is drawn of a column, its shares by bin or level on both sides."""

from __future__ import annotations

import numpy as np

from mlkit.drift.pairs import Pair
from mlkit.drift.records import Bar

MOST_BARS = 10


def bars(pair: Pair) -> tuple[Bar, ...]:
    """Return what is drawn of a column: shares by bin or level, and of the missing."""
    if pair.profile.measure == "none":
        return ()
    reference, current = (side.tolist() for side in pair.coarse)
    shown = _shown(reference, current, pair)
    labels = _labels(pair, shown)
    rows = pair.rows
    found = [
        Bar(label, reference[place] / rows[0], current[place] / rows[1])
        for label, place in zip(labels, shown, strict=True)
    ]
    if max(pair.missing) > 0:
        found.append(Bar("missing", *pair.missing))
    return tuple(found)


def _shown(reference: list[int], current: list[int], pair: Pair) -> list[int]:
    """Return the cells that are drawn: of many levels those that changed most."""
    used = [i for i in range(len(reference)) if reference[i] or current[i]]
    if not pair.bins.by_level or len(used) <= MOST_BARS:
        return used
    rows = pair.rows
    changes = {i: abs(current[i] / rows[1] - reference[i] / rows[0]) for i in used}
    least = sorted(changes.values())[-MOST_BARS]
    return [i for i in used if changes[i] >= least]


def _labels(pair: Pair, shown: list[int]) -> list[str]:
    bins = pair.bins
    if bins.by_level:
        names = pair.level_names()
        return [names[place] for place in shown]
    if bins.masked:
        return [f"bin {place + 1}" for place in shown]
    ends = (*bins.cuts[1:], len(bins.edges) + 1)
    return [_between(pair, bins.cuts[place], ends[place]) for place in shown]


def _between(pair: Pair, start: int, end: int) -> str:
    """Return the name of the fine bins from `start` up to `end`."""
    edges = pair.bins.edges
    low = edges[start - 1] if start else None
    high = edges[end - 1] if end <= len(edges) else None
    if low is None or high is None:
        edge = high if low is None else low
        word = "up to" if low is None else "above"
        return "all" if edge is None else f"{word} {pair.written(edge)}"
    if np.nextafter(high, -np.inf) <= low:
        return pair.written(high)
    return f"{pair.written(low)} to {pair.written(high)}"
