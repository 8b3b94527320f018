"""Axes: the parts that the charts share."""

from __future__ import annotations

from typing import Any

from mlkit.report.palette import Theme

NAMES = {"model": "Model", "linear": "Linear baseline", "dummy": "Dummy baseline"}
STYLES = {"model": "-", "linear": "--", "dummy": ":"}
MARKERS = {"model": "o", "linear": "D", "dummy": "s"}


def colour(name: str, theme: Theme) -> str:
    """Return the colour of a model: the same one in every chart."""
    known = {"model": theme.blue, "linear": theme.orange, "dummy": theme.grey}
    return known.get(name, theme.purple)


def panel(canvas: Any, place: Any, theme: Theme, *, x: str = "", y: str = "") -> Any:
    """Return new axes; the name of the y-axis stands above it, where it can be read.

    Parameters
    ----------
    canvas : matplotlib.figure.Figure
        Where to draw.
    place : SubplotSpec or tuple of three int
        Where on it.
    theme : Theme
        The colours.
    x, y : str
        Names of the axes, with units.
    """
    spot = place if isinstance(place, tuple) else (place,)
    axes = canvas.add_subplot(*spot)
    if x:
        axes.set_xlabel(x, loc="left")
    if y:
        axes.set_title(y, color=theme.muted, fontsize=9, fontweight="normal")
    return axes


def whiskers(
    axes: Any, height: float, estimate: Any, *, colour: str, marker: str
) -> None:
    """Draw a value as a dot on its interval, at a height of horizontal axes."""
    value, lower, upper = (estimate.get(key) for key in ("value", "lower", "upper"))
    if value is None:
        return
    if lower is not None and upper is not None:
        axes.plot([lower, upper], [height, height], color=colour, linewidth=1.6)
    axes.plot([value], [height], marker, color=colour, markersize=5.5)
