"""Which columns matter: what moves predictions beside what the model needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlkit.report import axes as shared
from mlkit.report import wording
from mlkit.report.figures import Figure, figure, statement
from mlkit.report.intervals import plain
from mlkit.report.palette import Theme
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    from mlkit.explain import Importances

MOST = 15
ROW_HEIGHT = 26
LONGEST_NAME = 30
UNITS = {
    "log-odds": "log-odds",
    "score": "score",
    "probability": "probability",
    "value": "units of the target",
}


def column_importances(importances: Importances | Mapping[str, Any] | None) -> Figure:
    """Show how far each column moves predictions, and what is lost without it.

    Parameters
    ----------
    importances : Importances or mapping, or None
        What ``mlkit.explain.global_importance`` returned, or its ``to_dict()``; None
        where the model cannot be explained.
    """
    if importances is None:
        return statement("The model cannot be explained, so its columns have no rank.")
    found = plain(importances)
    shown = min(MOST, len(found["columns"]))
    lost = any(need is not None for need in found["needs"])

    def draw(canvas: Any, theme: Theme) -> None:
        panels = canvas.add_gridspec(1, 2 if lost else 1)
        unit = UNITS[found["space"]]
        moves = shared.panel(canvas, panels[0, 0], theme, x=f"{unit}, on average")
        moves.set_title("Moves predictions by", fontsize=9)
        _bars(moves, found, "moves", shown, theme.blue)
        _intervals(moves, found, shown, theme)
        moves.set_yticks(range(shown), labels(found)[:shown])
        if lost:
            needs = shared.panel(canvas, panels[0, 1], theme, x=f"{loss(found)} by")
            needs.set_title("Shuffled, it costs the model", fontsize=9)
            _bars(needs, found, "needs", shown, theme.orange)
            _spreads(needs, found, shown, theme)
            needs.set_yticks(range(shown), [""] * shown)
        for panel in canvas.axes:
            panel.set_ylim(shown - 0.4, -0.6)
            panel.grid(visible=False, axis="y")
            panel.locator_params(axis="x", nbins=5)

    return figure(
        draw,
        alt=_alt(found),
        caption=_caption(found, lost),
        table=importances_table(found),
        height=ROW_HEIGHT * max(3, shown) + 84,
    )


def labels(found: Mapping[str, Any]) -> list[str]:
    """Return the columns' names, with an arrow where more of one has a plain effect."""
    arrows = {"up": " ↑", "down": " ↓", "": ""}
    return [
        f"{short(name)}{arrows[direction]}"
        for name, direction in zip(found["columns"], found["direction"], strict=True)
    ]


def loss(found: Mapping[str, Any]) -> str:
    """Return what happens to the metric when the model gets worse.

    Examples
    --------
    >>> loss({"metric": "Log loss", "greater_is_better": False})
    'Log loss grows'
    """
    return f"{found['metric']} {'falls' if found['greater_is_better'] else 'grows'}"


def _bars(
    panel: Any, found: Mapping[str, Any], what: str, shown: int, colour: str
) -> None:
    values = [value or 0.0 for value in found[what][:shown]]
    panel.barh(range(shown), values, height=0.62, color=colour)
    panel.axvline(0, color=colour, linewidth=0.8)


def _intervals(panel: Any, found: Mapping[str, Any], shown: int, theme: Theme) -> None:
    ends = zip(found["lower"][:shown], found["upper"][:shown], strict=True)
    for height, (lower, upper) in enumerate(ends):
        panel.plot([lower, upper], [height, height], color=theme.text, linewidth=1.2)


def _spreads(panel: Any, found: Mapping[str, Any], shown: int, theme: Theme) -> None:
    pairs = zip(found["needs"][:shown], found["spread"][:shown], strict=True)
    for height, (need, spread) in enumerate(pairs):
        if need is not None and spread:
            ends = [need - spread, need + spread]
            panel.plot(ends, [height, height], color=theme.text, linewidth=1.2)


def short(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a text that fits beside a chart.

    Examples
    --------
    >>> short("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def importances_table(found: Mapping[str, Any]) -> Table:
    """Return the importances of all columns."""
    rows = [
        {
            "column": name,
            "moves": wording.number(move),
            "interval": wording.interval(low, high),
            "direction": direction or wording.ABSENT,
            "needs": _with_spread(need, spread),
        }
        for name, move, low, high, direction, need, spread in zip(
            *(found[part] for part in ("columns", "moves", "lower", "upper")),
            *(found[part] for part in ("direction", "needs", "spread")),
            strict=True,
        )
    ]
    level = wording.percent(found["confidence"])
    headings = {
        "column": "Column",
        "moves": f"Moves predictions by ({UNITS[found['space']]})",
        "interval": f"{level} interval",
        "direction": "More of it moves predictions",
        "needs": f"Shuffled, {loss(found)} by",
    }
    return table(
        rows,
        caption="How far each column moves predictions, and what is lost without it",
        headings=headings,
        numbers=["moves", "interval", "needs"],
        limit=60,
    )


def _with_spread(value: float | None, spread: float | None) -> str:
    if value is None:
        return wording.ABSENT
    text = wording.number(value)
    return f"{text} ± {wording.number(spread)}" if spread else text


def _caption(found: Mapping[str, Any], lost: bool) -> str:
    rows = wording.count(found["rows"], "test row")
    level = wording.percent(found["confidence"])
    said = (
        f"Left: how far a column moves a prediction, up or down, on average over "
        f"{rows}; the line is the {level} interval. "
    )
    if lost:
        times = wording.count(found["repeats"], "shuffle")
        said += (
            f"Right: by how much {loss(found)} on "
            f"{wording.count(found['shuffled_rows'], 'test row')} when its values are "
            f"shuffled; the line is one standard deviation over {times}. "
        )
    if any(found["direction"]):
        said += "An arrow says where more of a column moves predictions. "
    more = len(found["columns"]) - MOST
    if more > 0:
        said += f"{wording.count(more, 'column')} with less effect are in the table. "
    return " ".join([said.strip(), *found["notes"]])


def _alt(found: Mapping[str, Any]) -> str:
    top = leading(found["columns"], found["moves"])
    said = f"Predictions are moved most by {wording.listing(top)}"
    needs = [need if need is not None else 0.0 for need in found["needs"]]
    if any(needs):
        needed = leading(found["columns"], needs)
        said += f"; the model needs most {wording.listing(needed)}"
    return f"{said}. {wording.count(len(found['columns']), 'column')} in all."


def leading(columns: Sequence[str], sizes: Sequence[float], most: int = 3) -> list[str]:
    """Return the columns of the largest sizes, largest first.

    Examples
    --------
    >>> leading(["a", "b", "c"], [0.1, 0.5, 0.0])
    ['b', 'a']
    """
    ranked = sorted(zip(columns, sizes, strict=True), key=lambda pair: -pair[1])
    return [name for name, size in ranked[:most] if size > 0]
