"""Performance in production: by window with its intervals, and beside its reference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlkit.report import measures, wording
from mlkit.report import monitor_time as over_time
from mlkit.report.figures import Figure, figure
from mlkit.report.folds import Note
from mlkit.report.intervals import plain
from mlkit.report.monitor_words import greater_is_better, label_of
from mlkit.report.palette import Theme
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    from mlkit.monitor import Check

MOST_OTHERS = 4
FIRST_HEIGHT = 230
OTHER_HEIGHT = 165
LIMIT = 120
Found = Mapping[str, Any]
NO_OUTCOMES = (
    "No window has enough outcomes to measure performance. Outcomes are logged with "
    "log_actual, or come as a file (mlkit monitor --data, or monitor.outcomes)."
)


def monitor_performance(check: Check | Found) -> Figure | Note:
    """Show performance by window, the primary metric first.

    Parameters
    ----------
    check : Check or mapping
        What ``mlkit.monitor.check`` returned, or its ``to_dict()``.
    """
    found = plain(check)
    windows = found["windows"]
    names = _metrics(windows, found["primary"])
    if not names:
        return Note(NO_OUTCOMES if windows else "")
    levels = _levels(found)

    def draw(canvas: Any, theme: Theme) -> None:
        others = math.ceil((len(names) - 1) / 2)
        heights = [FIRST_HEIGHT, *[OTHER_HEIGHT] * others]
        grid = canvas.add_gridspec(1 + others, 2, height_ratios=heights)
        places = [grid[0, :], *(grid[1 + n // 2, n % 2] for n in range(len(names) - 1))]
        for name, place in zip(names, places, strict=True):
            wide = name == names[0]
            _panel(canvas, place, windows, name, levels.get(name), theme, wide=wide)

    return figure(
        draw,
        alt=_alt(found, names[0], levels),
        caption=_caption(found, levels),
        table=_table(windows, names),
        height=FIRST_HEIGHT + OTHER_HEIGHT * math.ceil((len(names) - 1) / 2),
    )


def _metrics(windows: Sequence[Found], primary: str) -> list[str]:
    """Return the metrics that are known of some window, the primary one first."""
    known = {
        name
        for window in windows
        for name, each in window["metrics"].items()
        if each["value"] is not None
    }
    if any(window["calibration"] for window in windows):
        known.add("calibration_error")
    ranked = [n for n in dict.fromkeys([primary, *measures.FILLERS]) if n in known]
    rest = sorted(known - set(ranked))
    return [*ranked, *rest][: 1 + MOST_OTHERS]


def _levels(found: Found) -> dict[str, float]:
    """Return what each metric was when the version was registered."""
    compared = found["performance"]
    if compared is None or compared["reference"]["value"] is None:
        return {}
    return {compared["reference"]["metric"]: compared["reference"]["value"]}


def _estimate(window: Found, name: str) -> Found | None:
    estimate: Found | None = window["metrics"].get(name)
    if estimate is None and name == "calibration_error" and window["calibration"]:
        error = window["calibration"]["error"]
        n = window["calibration"]["n"]
        return {"value": error, "lower": None, "upper": None, "n": n}
    return estimate


def _worse(estimate: Found | None, name: str, level: float | None) -> bool:
    """Return whether an interval lies on the worse side of a level as a whole."""
    better = greater_is_better(name)
    if estimate is None or level is None or better is None:
        return False
    end = estimate["upper"] if better else estimate["lower"]
    if end is None:
        return False
    return bool(end < level if better else end > level)


def _panel(
    canvas: Any,
    place: Any,
    windows: Sequence[Found],
    name: str,
    level: float | None,
    theme: Theme,
    *,
    wide: bool,
) -> None:
    panel = over_time.panel_of(
        canvas, place, windows, theme, title=label_of(name), most=10 if wide else 5
    )
    estimates = [_estimate(window, name) for window in windows]
    colours = [
        theme.orange if _worse(each, name, level) else theme.blue for each in estimates
    ]
    over_time.spans(panel, estimates, colours)
    if wide:
        over_time.releases(panel, windows, theme)
    if level is not None:
        text = f"when registered {wording.number(level)}"
        over_time.bound(panel, level, text, theme)
    note = {True: "better ↑", False: "better ↓", None: ""}[greater_is_better(name)]
    panel.set_title(
        note, loc="right", fontsize=8, fontweight="normal", color=theme.muted
    )
    panel.margins(y=0.18)
    if name == "calibration_error":
        panel.set_ylim(bottom=0)
    panel.locator_params(axis="y", nbins=4)


def _alt(found: Found, name: str, levels: Mapping[str, float]) -> str:
    windows = found["windows"]
    known = [
        (window["label"], each)
        for window in windows
        if (each := _estimate(window, name)) is not None and each["value"] is not None
    ]
    label, newest = known[-1]
    said = (
        f"{label_of(name)} by window, known of {len(known)} of {len(windows)}; in the "
        f"newest of them, {label}, it is {measures.estimate_text(newest)}."
    )
    level = levels.get(name)
    if level is None:
        return said
    worse = [label for label, each in known if _worse(each, name, level)]
    below = (
        f"Worse beyond the interval: {wording.listing(worse)}."
        if worse
        else "No window is worse beyond its interval."
    )
    return f"{said} It was {wording.number(level)} when registered. {below}"


def _caption(found: Found, levels: Mapping[str, float]) -> str:
    said = "The dot is the value in a window, the line its interval."
    if levels:
        said += (
            " The dashed line is the value when the version was registered; orange is "
            "worse than that beyond the interval of this one window."
        )
    told = [trend["reason"] for trend in found["trends"][:1]]
    return " ".join([said, *(f"{text.rstrip('.')}." for text in told if text)])


def _table(windows: Sequence[Found], names: Sequence[str]) -> Table:
    rows = [
        {"window": window["label"], "n": window["labelled"]}
        | {
            name: wording.ABSENT
            if (each := _estimate(window, name)) is None
            else measures.estimate_text(each)
            for name in names
        }
        for window in windows
    ]
    headings = {"window": "Window", "n": "Outcomes"}
    headings |= {name: label_of(name) for name in names}
    caption = "Performance by window, with intervals"
    return table(rows, caption=caption, headings=headings, numbers=names, limit=LIMIT)
