"""Pair chart: two estimates and their intervals on one scale, inside a line of text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from mlkit.report import wording

WIDTH, HEIGHT, PAD = 150, 30, 6
HEIGHTS = {"a": 9, "b": 21}


def pair_chart(
    a: Mapping[str, Any] | None, b: Mapping[str, Any] | None, label: str
) -> Markup:
    """Return A's estimate above B's as an inline SVG; nothing unless both have one.

    Parameters
    ----------
    a, b : mapping or None
        Estimates with ``value``, ``lower`` and ``upper``.
    label : str
        What is measured.

    Returns
    -------
    Markup
        Coloured by the page's style sheet.
    """
    above, below = _ends(a), _ends(b)
    if above is None or below is None:
        return Markup("")
    low, high = min(above[0], below[0]), max(above[2], below[2])

    def across(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return round(PAD + share * (WIDTH - 2 * PAD), 1)

    digits = wording.decimals([low, high])
    drawn = [
        Markup(
            '<g class="{name}"><line x1="{x1}" x2="{x2}" y1="{y}" y2="{y}"/>'
            '<circle cx="{x}" cy="{y}" r="3.2"/></g>'
        ).format(
            name=name,
            x1=across(lower),
            x=across(value),
            x2=across(upper),
            y=HEIGHTS[name],
        )
        for name, (lower, value, upper) in (("a", above), ("b", below))
    ]
    words = f"{label}: A and B from {wording.interval(low, high, digits)}"
    return Markup(
        '<svg class="pair-chart" viewBox="0 0 {w} {h}" role="img" aria-label="{words}">'
        "{drawn}</svg>"
    ).format(w=WIDTH, h=HEIGHT, words=words, drawn=Markup("").join(drawn))


def _ends(estimate: Mapping[str, Any] | None) -> tuple[float, float, float] | None:
    value = (estimate or {}).get("value")
    if estimate is None or value is None:
        return None
    lower, upper = estimate.get("lower"), estimate.get("upper")
    found = (
        value if lower is None else lower, value, value if upper is None else upper
    )  # fmt: skip
    return found if all(map(math.isfinite, found)) else None
