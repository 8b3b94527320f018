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
    places = range(len(heights))
    panel.plot(places, heights, style, color=colour, label=label, linewidth=1.6)
    # A line is drawn between neighbours only.
    padded = [math.nan, *heights, math.nan]
    alone = [
        n
        for n, height in enumerate(heights)
        if not math.isnan(height)
        and math.isnan(padded[n])
        and math.isnan(padded[n + 2])
    ]
    if alone:
        panel.plot(alone, [heights[n] for n in alone], "o", color=colour, markersize=4)


def spans(
    panel: Any, estimates: Sequence[Mapping[str, Any] | None], colours: Sequence[str]
) -> None:
    """Draw estimates over the windows: a dot on its interval each."""
    for colour in dict.fromkeys(colours):
        known = [
            (place, each)
            for place, (each, own) in enumerate(zip(estimates, colours, strict=True))
            if own == colour and each is not None and each["value"] is not None
        ]
        ends = [
            [(place, each["lower"]), (place, each["upper"])]
            for place, each in known
            if each["lower"] is not None and each["upper"] is not None
        ]
        _shape(panel, ends, closed=False, edgecolor=colour, linewidth=1.4)
        values = [each["value"] for _, each in known]
        places = [place for place, _ in known]
        panel.plot(places, values, "o", color=colour, markersize=4.5)


def bars(
    panel: Any,
    heights: Mapping[int, float],
    *,
    colour: str,
    below: Sequence[float] | None = None,
    label: str = "",
) -> None:
    """Draw a bar at each of some windows, from the heights in `below` on."""
    corners = []
    for place, height in heights.items():
        low = below[place] if below else 0.0
        left, right = place - 0.36, place + 0.36
        high = low + height
        corners.append([(left, low), (left, high), (right, high), (right, low)])
    _shape(panel, corners, closed=True, facecolor=colour, linewidth=0, label=label)


def _shape(panel: Any, pieces: Sequence[Any], *, closed: bool, **style: Any) -> None:
    """Draw pieces as one shape: as one each they would take ten times the bytes."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not pieces:
        return
    made = [Path([*piece, piece[0]], closed=True) if closed else Path(piece)
            for piece in pieces]  # fmt: skip
    panel.add_patch(PathPatch(Path.make_compound_path(*made), fill=closed, **style))
    panel.autoscale_view(scalex=False)


def bound(panel: Any, value: float, text: str, theme: Theme) -> None:
    """Draw a level that windows are held against, with its name."""
    panel.axhline(value, color=theme.text, linestyle="--", linewidth=1, zorder=0.9)
    panel.annotate(
        text,
        (1, value),
        xytext=(-2, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        fontsize=8,
        color=theme.muted,
        # Above the line and below the data, which it must not hide.
        zorder=0.95,
        bbox={"facecolor": theme.surface, "edgecolor": "none", "pad": 0.8},
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
