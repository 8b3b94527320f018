"""Sparkline: the history of one number as a word-sized drawing inside a page."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from mlkit.report import wording

WIDTH, HEIGHT, PAD = 120, 32, 4
Place = tuple[float, float]


def sparkline(values: Sequence[float | None], label: str) -> Markup:
    """Return the history of a number as an inline SVG; nothing for fewer than two.

    Parameters
    ----------
    values : sequence of float or None
        Oldest first; None where there was none, which leaves a gap.
    label : str
        What the number is.

    Returns
    -------
    Markup
        Coloured by the page's style sheet; its words say first, last and range.
    """
    points = [
        (index, value)
        for index, value in enumerate(values)
        if value is not None and math.isfinite(value)
    ]
    if len(points) < 2:
        return Markup("")
    numbers = [value for _, value in points]
    low, high = min(numbers), max(numbers)
    left, right = points[0][0], points[-1][0]

    def place(index: int, value: float) -> Place:
        x = PAD + (index - left) / (right - left) * (WIDTH - 2 * PAD)
        share = (value - low) / (high - low) if high > low else 0.5
        return round(x, 1), round(HEIGHT - PAD - share * (HEIGHT - 2 * PAD), 1)

    pieces = _pieces([(index, place(index, value)) for index, value in points])
    x, y = pieces[-1][-1]
    digits = wording.decimals(numbers)
    texts = [wording.number(n, digits) for n in (numbers[0], numbers[-1], low, high)]
    words = "{} over {}: from {} to {}, lowest {}, highest {}".format(
        label, wording.count(len(points), "run"), *texts
    )
    return Markup(
        '<svg class="spark" viewBox="0 0 {w} {h}" role="img" aria-label="{words}">'
        '{pieces}<circle cx="{x}" cy="{y}" r="2.5"/></svg>'
    ).format(
        w=WIDTH,
        h=HEIGHT,
        words=words,
        pieces=Markup("").join(_drawn(piece) for piece in pieces),
        x=x,
        y=y,
    )


def _pieces(points: Sequence[tuple[int, Place]]) -> list[list[Place]]:
    """Return the runs of neighbouring points: a gap ends a line."""
    found: list[list[Place]] = []
    last = None
    for index, where in points:
        if last is None or index > last + 1:
            found.append([])
        found[-1].append(where)
        last = index
    return found


def _drawn(piece: Sequence[Place]) -> Markup:
    if len(piece) == 1:
        return Markup('<circle cx="{}" cy="{}" r="1.5"/>').format(*piece[0])
    line = " ".join(f"{x},{y}" for x, y in piece)
    return Markup('<polyline points="{}"/>').format(line)
