"""Drift over time: how far each window has moved, and which columns did it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlkit.report import monitor_time as over_time
from mlkit.report import wording
from mlkit.report.drifting import cut
from mlkit.report.figures import Figure, figure
from mlkit.report.folds import Note
from mlkit.report.intervals import plain
from mlkit.report.palette import Theme
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    from mlkit.monitor import Check

MOST_COLUMNS = 12
LONGEST_NAME = 20
SCORE_HEIGHT = 150
ROW_HEIGHT = 20
LIMIT = 120
# Least height of a bar, as a share of the axis.
STUB = 0.02
Found = Mapping[str, Any]


def monitor_drift(check: Check | Found) -> Figure | Note:
    """Show how far the inputs of each window have moved, and in which columns.

    Parameters
    ----------
    check : Check or mapping
        What ``mlkit.monitor.check`` returned, or its ``to_dict()``.
    """
    found = plain(check)
    windows = found["windows"]
    if not any(_judged(window) for window in windows):
        return Note("No window could be judged for drift." * bool(windows))
    columns = _columns(windows)

    def draw(canvas: Any, theme: Theme) -> None:
        heights = [SCORE_HEIGHT, *([_strip_height(columns)] if columns else [])]
        grid = canvas.add_gridspec(len(heights), 1, height_ratios=heights)
        _scores(canvas, grid[0, 0], windows, theme)
        if columns:
            _strip(canvas, grid[1, 0], windows, columns, theme)

    return figure(
        draw,
        alt=_alt(windows, columns),
        caption=_caption(found, columns),
        table=_table(windows),
        height=SCORE_HEIGHT + 40 + (_strip_height(columns) if columns else 0),
    )


def _judged(window: Found) -> bool:
    return window["drift"] is not None and window["drift"]["score"] is not None


def _columns(windows: Sequence[Found]) -> list[str]:
    """Return the columns that were ever flagged, the most often flagged first."""
    counts: dict[str, int] = {}
    for window in windows:
        for name in (window["drift"] or {}).get("flagged", ()):
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))


def _strip_height(columns: Sequence[str]) -> int:
    return ROW_HEIGHT * max(2, min(len(columns), MOST_COLUMNS)) + 50


def _scores(canvas: Any, place: Any, windows: Sequence[Found], theme: Theme) -> None:
    panel = over_time.panel_of(
        canvas, place, windows, theme, title="Drift score, 0 to 1"
    )
    colours = {"drift": theme.orange, "columns": theme.caution}
    top = max(w["drift"]["score"] for w in windows if _judged(w))
    limit = max(0.1, min(1.0, 1.2 * top))
    scores: dict[str, dict[int, float]] = {}
    for at, window in enumerate(windows):
        if _judged(window):
            colour = colours.get(window["drift"]["verdict"], theme.grey)
            # A bar of no height could not be told from a window without one.
            seen = max(window["drift"]["score"], STUB * limit)
            scores.setdefault(colour, {})[at] = seen
    for colour, heights in scores.items():
        over_time.bars(panel, heights, colour=colour)
    unknown = [at for at, window in enumerate(windows) if not _judged(window)]
    if unknown:
        low = [2 * STUB * limit] * len(unknown)
        panel.plot(unknown, low, "x", color=theme.muted, markersize=4)
    over_time.releases(panel, windows, theme)
    panel.set_ylim(0, limit)
    panel.locator_params(axis="y", nbins=4)


def _strip(
    canvas: Any,
    place: Any,
    windows: Sequence[Found],
    columns: Sequence[str],
    theme: Theme,
) -> None:
    panel = over_time.panel_of(
        canvas, place, windows, theme, title="Columns that were flagged"
    )
    shown = columns[:MOST_COLUMNS]
    places = [
        (at, height)
        for at, window in enumerate(windows)
        for height, name in enumerate(shown)
        if name in (window["drift"] or {}).get("flagged", ())
    ]
    panel.plot(*zip(*places, strict=True), "s", color=theme.orange, markersize=7)
    panel.set_yticks(range(len(shown)), [cut(name, LONGEST_NAME) for name in shown])
    panel.set_ylim(max(len(shown), 2) - 0.4, -0.6)
    panel.grid(visible=False, axis="x")


def _alt(windows: Sequence[Found], columns: Sequence[str]) -> str:
    judged = [window for window in windows if _judged(window)]
    drifted = [w["label"] for w in judged if w["drift"]["verdict"] == "drift"]
    said = (
        f"{len(drifted)} of {wording.count(len(judged), 'judged window')} drifted"
        + (f": {wording.listing(drifted)}." if drifted else ".")
    )
    if not columns:
        return f"{said} No column was flagged."
    return f"{said} Flagged columns: {wording.listing(columns)}."


def _caption(found: Found, columns: Sequence[str]) -> str:
    said = [
        "Orange windows have drifted as a whole; in those of the darker yellow columns "
        "(alone or together) or the predictions are flagged; grey is no drift. A flat "
        "bar is a score at or near 0."
    ]
    if columns:
        more = len(columns) - MOST_COLUMNS
        rest = f"; {wording.count(more, 'more column')} not shown" if more > 0 else ""
        said.append(f"Below, the windows in which a column was flagged{rest}.")
    if any(not _judged(window) for window in found["windows"]):
        said.append("A cross marks a window that could not be judged.")
    if found["drift_began"] is not None:
        said.append(_began(found["drift_began"]))
    return " ".join(said)


def _began(began: Found) -> str:
    """Return where a change began, and how sure that is."""
    said = f"The change of {began['column']} began in {began['window']}"
    first, last = began.get("first"), began.get("last")
    if first is None or first == last:
        return f"{said}."
    return f"{said}, surely between {first} and {last}."


def _table(windows: Sequence[Found]) -> Table:
    rows = [
        {
            "window": window["label"],
            "rows": drift["rows"],
            "score": drift["score"],
            "verdict": drift["verdict"],
            "flagged": wording.listing(drift["flagged"]),
            "reason": drift["reason"],
        }
        for window in windows
        if (drift := window["drift"]) is not None
    ]
    headings = {
        "window": "Window", "rows": "Rows", "score": "Score", "verdict": "Verdict",
        "flagged": "Flagged", "reason": "Why",
    }  # fmt: skip
    return table(
        rows,
        caption="Drift by window",
        headings=headings,
        digits={"score": 3},
        states=["verdict"],
        limit=LIMIT,
    )
