"""Performance then and now, where current rows have labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlkit.report import axes as shared
from mlkit.report import wording
from mlkit.report.figures import Figure, figure
from mlkit.report.folds import Note
from mlkit.report.intervals import plain
from mlkit.report.palette import Theme

if TYPE_CHECKING:
    from mlkit.drift import DriftReport


def drift_performance(report: DriftReport | Mapping[str, Any]) -> Figure | Note:
    """Show the primary metric then and now, each with its interval.

    Parameters
    ----------
    report : DriftReport or mapping
        What ``mlkit.drift.detect`` returned, or its ``to_dict()``.
    """
    found = plain(report)
    performance = found["performance"]
    if performance is None:
        compared = bool(found["columns"])
        return Note("Performance was not compared, for want of labels." * compared)
    sides = {"Then": performance["reference"], "Now": performance["current"]}
    if any(side["value"] is None for side in sides.values()):
        return Note(f"{wording.capital(performance['reason'])}.")
    label = performance["current"]["label"]

    def draw(canvas: Any, theme: Theme) -> None:
        panel = shared.panel(canvas, (1, 1, 1), theme, x=label)
        colours = (theme.blue, theme.orange)
        for height, (side, colour) in enumerate(
            zip(sides.values(), colours, strict=True)
        ):
            shared.whiskers(panel, height, side, colour=colour, marker="o")
        names = [f"{name}, {side['n']:,} rows" for name, side in sides.items()]
        panel.set_yticks([0, 1], names)
        panel.set_ylim(1.6, -0.6)
        panel.margins(x=0.12)
        panel.grid(visible=False, axis="y")

    reason = wording.capital(performance["reason"])
    return figure(draw, alt=f"{reason}.", caption=f"{reason}.", height=130)
