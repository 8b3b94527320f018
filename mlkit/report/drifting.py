"""Drift in charts: how far each column has moved, and how its values spread now."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlkit.report import axes as shared
from mlkit.report import wording
from mlkit.report.figures import Figure, figure
from mlkit.report.folds import Note
from mlkit.report.intervals import plain
from mlkit.report.palette import Theme
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    from mlkit.drift import DriftReport

MOST_COLUMNS = 30
MOST_PANELS = 6
ACROSS = 2
ROW_HEIGHT = 22
PANEL_HEIGHT = 215
LONGEST_NAME = 28
LONGEST_LABEL = 16
LIMIT = 400
BROKEN = ("absent", "wrong kind", "all missing")
NOTHING = "Nothing was compared, so there is nothing to show."


def drift_effects(report: DriftReport | Mapping[str, Any] | None) -> Figure | Note:
    """Show how far each column has moved, the farthest first.

    Where nothing was compared, this says so, and what else is drawn of drift is empty.

    Parameters
    ----------
    report : DriftReport, mapping or None
        What ``mlkit.drift.detect`` returned, or its ``to_dict()``; None where no window
        was judged, of which nothing is said here.
    """
    if report is None:
        return Note()
    found = plain(report)
    ranked = _ranked(found["columns"])
    if not ranked:
        return Note(NOTHING)
    shown = ranked[:MOST_COLUMNS]
    small, large = (
        wording.number(found[key], 2) for key in ("min_effect", "large_effect")
    )
    bounds = {small: found["min_effect"], f"{large}, large": found["large_effect"]}

    def draw(canvas: Any, theme: Theme) -> None:
        panel = shared.panel(canvas, (1, 1, 1), theme, x="Effect, 0 to 1")
        _effects(panel, shown, theme)
        for name, bound in bounds.items():
            panel.axvline(
                bound, color=theme.text, linestyle="--", linewidth=1, zorder=0.9
            )
            panel.annotate(
                name,
                (bound, 1),
                xytext=(-2, 4),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                fontsize=8,
                color=theme.muted,
            )

    left = len(ranked) - len(shown)
    more = f" {wording.count(left, 'more column')} not shown." if left else ""
    return figure(
        draw,
        alt=_effects_alt(ranked),
        caption="The effect is the share of rows that crossed some value, or changed "
        "level, or lost their value. Orange columns are flagged: the change is more "
        f"than chance, and {small} or more. One column alone is drift of the data "
        f"where even the lower end of its interval is {large} or more.{more}",
        table=_effects_table(ranked),
        height=ROW_HEIGHT * max(3, len(shown)) + 90,
    )


def _ranked(columns: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the columns that were compared, the flagged and weightiest first."""
    known = [each for each in columns if each["effect"] is not None]
    return sorted(known, key=lambda each: (not each["flagged"], -_weight(each)))


def _weight(column: Mapping[str, Any]) -> float:
    """Return how much a change matters: less in a column that the model uses less."""
    importance = column.get("importance")
    return float(column["effect"] * (1.0 if importance is None else importance))


def _effects(panel: Any, shown: Sequence[Mapping[str, Any]], theme: Theme) -> None:
    colours = [theme.orange if each["flagged"] else theme.grey for each in shown]
    effects = [each["effect"] for each in shown]
    panel.barh(range(len(shown)), effects, height=0.62, color=colours)
    for height, each in enumerate(shown):
        panel.annotate(
            f"{wording.number(each['effect'], 2)}{_aside(each)}",
            (each["effect"], height),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=colours[height],
            bbox={"facecolor": theme.surface, "edgecolor": "none", "pad": 0.6},
        )
    panel.set_yticks(
        range(len(shown)), [cut(each["name"], LONGEST_NAME) for each in shown]
    )
    for tick, each in zip(panel.get_yticklabels(), shown, strict=True):
        tick.set_color(theme.text if each["flagged"] else theme.muted)
    panel.set_ylim(len(shown) - 0.4, -0.6)
    panel.set_xlim(0, min(1.12, max(0.3, 1.25 * max(effects))))
    panel.grid(visible=False, axis="y")


def _aside(column: Mapping[str, Any]) -> str:
    """Return what is said beside the bar of a column."""
    if column["state"] in BROKEN:
        return f" {column['state']}"
    importance = column.get("importance")
    if not column["flagged"] or importance is None:
        return ""
    return f", {wording.percent(importance)} of what the model uses"


def cut(text: str, length: int) -> str:
    """Return a text of at most `length` characters; what is cut off ends in dots."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _effects_table(ranked: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        {
            "name": each["name"],
            "effect": each["effect"],
            "flagged": each["flagged"],
            "importance": each.get("importance"),
            "reason": each["reason"],
        }
        for each in ranked
    ]
    headings = {
        "name": "Column", "effect": "Effect", "flagged": "Flagged",
        "importance": "Importance", "reason": "Finding",
    }  # fmt: skip
    if all(row["importance"] is None for row in rows):
        del headings["importance"]
    caption = "How far each column has moved"
    return table(
        rows, caption=caption, headings=headings, digits={"effect": 3}, limit=LIMIT
    )


def _effects_alt(ranked: Sequence[Mapping[str, Any]]) -> str:
    flagged = [each for each in ranked if each["flagged"]]
    total = wording.count(len(ranked), "column")
    if not flagged:
        first = ranked[0]
        return (
            f"None of {total} is flagged; the largest effect is "
            f"{wording.number(first['effect'], 2)}, of {first['name']}."
        )
    names = [
        f"{each['name']} ({wording.number(each['effect'], 2)})" for each in flagged
    ]
    verb = "is" if len(flagged) == 1 else "are"
    return f"{len(flagged)} of {total} {verb} flagged: {wording.listing(names)}."


def drift_distributions(
    report: DriftReport | Mapping[str, Any] | None, *, limit: int = MOST_PANELS
) -> Figure | Note:
    """Show how the values of the columns that moved most spread, then and now.

    Flagged columns come first; where none is flagged, those nearest to it are shown.

    Parameters
    ----------
    report : DriftReport, mapping or None
        What ``mlkit.drift.detect`` returned, or its ``to_dict()``; None where no window
        was judged.
    limit : int
        At most this many columns.
    """
    if report is None:
        return Note()
    found = plain(report)
    drawn = [each for each in found["columns"] if each["bars"]]
    flagged = [each for each in drawn if each["flagged"]]
    return _spreads((flagged or drawn[:2])[:limit], "columns")


def drift_predictions(report: DriftReport | Mapping[str, Any]) -> Figure | Note:
    """Show how the model's answers spread, then and now.

    Parameters
    ----------
    report : DriftReport or mapping
        What ``mlkit.drift.detect`` returned, or its ``to_dict()``.
    """
    found = plain(report)
    if not found["predictions"]:
        compared = bool(found["columns"])
        return Note("The model's predictions were not compared." * compared)
    ranked = sorted(found["predictions"], key=lambda each: -(each["effect"] or 0.0))
    return _spreads(ranked[:MOST_PANELS], "predictions")


def _spreads(shown: Sequence[Mapping[str, Any]], what: str) -> Figure | Note:
    if not shown:
        return Note()
    rows = math.ceil(len(shown) / ACROSS)

    def draw(canvas: Any, theme: Theme) -> None:
        grid = canvas.add_gridspec(rows, ACROSS)
        for position, each in enumerate(shown):
            panel = shared.panel(canvas, grid[divmod(position, ACROSS)], theme)
            panel.set_title(cut(each["name"], LONGEST_NAME), fontsize=9)
            _bars(panel, each["bars"], theme)
        handles, labels = canvas.axes[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper left", ncols=2)

    said = [f"{each['name']}: {each['reason']}" for each in shown]
    return figure(
        draw,
        alt=f"Shares of rows by value, reference beside current. {'. '.join(said)}.",
        caption=f"Share of rows by value of the {what}, in percent: the reference in "
        "blue, the current rows in orange. Numbers stand in bins that hold about a "
        "tenth of the reference each; of many levels, those that changed most.",
        table=_spreads_table(shown),
        height=PANEL_HEIGHT * rows + 40,
    )


def _spreads_table(shown: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        {
            "name": each["name"],
            "label": bar["label"],
            "then": _share(bar["reference"]),
            "now": _share(bar["current"]),
        }
        for each in shown
        for bar in each["bars"]
    ]
    headings = {"name": "Column", "label": "Values", "then": "Then", "now": "Now"}
    numbers = ["then", "now"]
    caption = "Share of rows by value"
    return table(rows, caption=caption, headings=headings, numbers=numbers, limit=LIMIT)


def _share(share: float) -> str:
    """Return a share in percent with one digit, as all others of its column."""
    text = wording.percent(share)
    return text if "." in text else text.replace(" %", ".0 %")


def _bars(panel: Any, bars: Sequence[Mapping[str, Any]], theme: Theme) -> None:
    for side, (key, colour, name) in enumerate(
        (("reference", theme.blue, "Reference"), ("current", theme.orange, "Current"))
    ):
        heights = [place + (side - 0.5) * 0.38 for place in range(len(bars))]
        values = [100 * bar[key] for bar in bars]
        panel.barh(heights, values, height=0.36, color=colour, label=name)
    panel.set_yticks(
        range(len(bars)), [cut(bar["label"], LONGEST_LABEL) for bar in bars]
    )
    panel.tick_params(axis="y", labelsize=8)
    panel.set_ylim(max(len(bars), 3) - 0.4, -0.6)
    panel.locator_params(axis="x", nbins=4)
    panel.grid(visible=False, axis="y")
