"""Windows of time from left to right: the parts that charts over time share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from mlkit.report import axes as shared
from mlkit.report import wording
from mlkit.report.palette import Theme

Window = Mapping[str, Any]


def names_of(windows: Sequence[Window]) -> list[str]:
    """Return what windows are called on an axis: days as a reader says them.

    Examples
    --------
    >>> names_of([{"label": "2026-07-04"}, {"label": "rows 1 to 500"}])
    ['4 Jul', 'rows 1 to 500']
    """
    return [_name(str(window["label"])) for window in windows]


def _name(label: str) -> str:
    try:
        day = date.fromisoformat(label)
    except ValueError:
        return label
    return f"{day.day} {wording.MONTHS[day.month - 1]}"


def panel_of(
    canvas: Any,
    place: Any,
    windows: Sequence[Window],
    theme: Theme,
    *,
    title: str,
    most: int = 10,
) -> Any:
    """Return axes with one place for each window.

    Parameters
    ----------
    canvas : matplotlib.figure.Figure
        Where to draw.
    place : SubplotSpec or tuple of three int
        Where on it.
    windows : sequence of mapping
        The windows, the oldest first.
    theme : Theme
        The colours.
    title : str
        What is shown, with its unit.
    most : int
        At most about this many windows are named.
    """
    panel = shared.panel(canvas, place, theme, y=title)
    names = names_of(windows)
    step = max(1, math.ceil(len(names) / most))
    # The newest window is always named: it is the one that is judged.
    ticks = list(range(len(names) - 1, -1, -step))[::-1]
    panel.set_xticks(ticks, [names[tick] for tick in ticks])
    panel.set_xlim(-0.6, len(names) - 0.4)
    panel.grid(visible=False, axis="x")
    return panel


def line(
    panel: Any, values: Sequence[float | None], *, colour: str, label: str, style: str
) -> None:
    """Draw a series over the windows; a window without a value leaves a gap."""
    heights = [math.nan if value is None else value for value in values]
    panel.plot(
        range(len(heights)),
        heights,
        style,
        color=colour,
        label=label,
        linewidth=1.6,
        marker="o",
        markersize=3,
    )


def spans(
    panel: Any, estimates: Sequence[Mapping[str, Any] | None], colours: Sequence[str]
) -> None:
    """Draw estimates over the windows: a dot on its interval each."""
    for place, (each, colour) in enumerate(zip(estimates, colours, strict=True)):
        if each is None or each["value"] is None:
            continue
        if each["lower"] is not None and each["upper"] is not None:
            ends = [each["lower"], each["upper"]]
            panel.plot([place, place], ends, color=colour, linewidth=1.4)
        panel.plot([place], [each["value"]], "o", color=colour, markersize=4.5)


def bound(panel: Any, value: float, text: str, theme: Theme) -> None:
    """Draw a level that windows are held against, with its name."""
    panel.axhline(value, color=theme.text, linestyle="--", linewidth=1, zorder=0.9)
    panel.annotate(
        text,
        (0, value),
        xytext=(3, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        fontsize=8,
        color=theme.muted,
    )


def releases(panel: Any, windows: Sequence[Window], theme: Theme) -> None:
    """Mark where another version began to answer most requests."""
    before = None
    for place, window in enumerate(windows):
        versions = window["versions"]
        most = max(versions, key=lambda name: versions[name]) if versions else before
        if before is not None and most != before:
            panel.axvline(place - 0.5, color=theme.purple, linewidth=1, linestyle=":")
            panel.annotate(
                str(most),
                (place - 0.5, 1),
                xytext=(3, -9),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                fontsize=8,
                color=theme.purple,
            )
        before = most
