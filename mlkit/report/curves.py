"""Charts of probabilities: how well they rank, and whether they come true."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlkit.report import axes as shared
from mlkit.report import wording
from mlkit.report.figures import Figure, figure
from mlkit.report.palette import Theme
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    from mlkit.metrics import Calibration, Curve, Scored

SIDE = 430
TIE = 1e-9
TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1]
SHOWN_AT = np.linspace(0, 1, 11)


def roc(scored: Mapping[str, Scored], classes: Sequence[str]) -> Figure:
    """Show the ROC curves: what share of each class is found at which false alarms.

    Parameters
    ----------
    scored : mapping of str to Scored
        Predictions of ``model`` and of its baselines on the test rows.
    classes : sequence of str
        Names of the classes, in the order of the codes.

    Returns
    -------
    Figure
        Binary: one curve a model. Multiclass: the model's curve of each class against
        the rest.
    """
    from mlkit.metrics import roc_curves

    return _curves(
        scored, classes, roc_curves, metric="roc_auc",
        x="False positive rate: share of the other rows taken for {name}",
        y="True positive rate: share of {rows} found",
        caption="The closer a curve comes to the top left corner, the better the "
        "ranking; the dotted diagonal is guessing.",
    )  # fmt: skip


def precision_recall(scored: Mapping[str, Scored], classes: Sequence[str]) -> Figure:
    """Show the precision-recall curves: how right alarms are, by how many are found.

    Parameters
    ----------
    scored, classes
        As for :func:`roc`.
    """
    from mlkit.metrics import pr_curves

    return _curves(
        scored, classes, pr_curves, metric="average_precision",
        x="Recall: share of {rows} found",
        y="Precision: share right among the rows called {name}",
        caption="The closer a curve comes to the top right corner, the better; the "
        "dotted line is guessing.",
    )  # fmt: skip


def _curves(
    scored: Mapping[str, Scored],
    classes: Sequence[str],
    trace: Callable[[Scored], tuple[Curve, ...]],
    *,
    metric: str,
    x: str,
    y: str,
    caption: str,
) -> Figure:
    binary = scored["model"].task == "binary"
    lines = _lines(scored, classes, trace, metric)
    name = f"“{classes[1]}”" if binary else "the class"
    words = {"name": name, "rows": f"{name} rows" if binary else "the class's rows"}
    stepped = metric == "average_precision"

    def draw(canvas: Any, theme: Theme) -> None:
        panel = shared.panel(
            canvas, (1, 1, 1), theme, x=x.format(**words), y=y.format(**words)
        )
        panel.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=TICKS, yticks=TICKS)
        _guessing(panel, [line.curve.chance for line in lines], theme)
        for line in lines:
            dash = shared.STYLES[line.series] if binary else "-"
            # Between two thresholds precision holds; a straight line would promise more
            # (Davis and Goadrich, ICML 2006).
            panel.plot(line.curve.x, line.curve.y, dash, label=line.label,
                       color=shared.colour(line.series, theme),
                       drawstyle="steps-pre" if stepped else "default",
                       linewidth=2 if line.strong else 1.3)  # fmt: skip
        if lines:
            panel.legend(loc="lower left" if stepped else "lower right")

    return figure(
        draw,
        alt=_ranking_alt(scored, classes, lines, metric),
        caption=caption,
        table=_curve_table(lines, x.split(":")[0], y.split(":")[0], stepped=stepped),
        width=560,
        height=SIDE,
    )


@dataclass(frozen=True)
class Line:
    """A curve as it is drawn: what it is called, its key in the chart and its looks."""

    name: str
    curve: Curve
    label: str | None
    series: str
    strong: bool = False


def _lines(
    scored: Mapping[str, Scored],
    classes: Sequence[str],
    trace: Callable[[Scored], tuple[Curve, ...]],
    metric: str,
) -> list[Line]:
    """Return the lines in the order in which they are drawn."""
    from mlkit.metrics import compute

    if scored["model"].task == "binary":
        order = sorted(scored, key=[*shared.NAMES, *scored].index)
        named = [(name, shared.NAMES.get(name, name)) for name in order]
        return [
            Line(words, curve, f"{words} {compute(metric, scored[name]):.3f}", name,
                 strong=name == "model")
            for name, words in named
            for curve in trace(scored[name])
        ]  # fmt: skip
    curves = trace(scored["model"])
    areas = [float(np.trapezoid(curve.y, curve.x)) for curve in curves]
    best_first = np.argsort(areas)[::-1]
    found = [
        Line(classes[curves[i].code], curves[i], None, "model") for i in best_first
    ]
    if not found:
        return []
    if max(areas) - min(areas) < TIE:
        return [replace(found[0], label="every class", strong=True), *found[1:]]
    others = "other class" if len(found) == 2 else "other classes"
    found[0] = replace(found[0], label=others)
    weakest = f"{found[-1].name}, the weakest"
    found[-1] = replace(found[-1], label=weakest, series="linear", strong=True)
    return found


def _guessing(panel: Any, chance: Sequence[float | None], theme: Theme) -> None:
    if not chance or chance[0] is None:
        panel.plot([0, 1], [0, 1], ":", color=theme.muted, linewidth=1)
    elif len(set(chance)) == 1:
        panel.axhline(chance[0], linestyle=":", color=theme.muted, linewidth=1)


def _ranking_alt(
    scored: Mapping[str, Scored],
    classes: Sequence[str],
    lines: Sequence[Line],
    metric: str,
) -> str:
    from mlkit.metrics import METRICS, compute

    label = METRICS[metric].label
    if not lines:
        return (
            f"There is no curve: only one class has test rows, so {label} is undefined."
        )
    value = compute(metric, scored["model"])
    said = f"{label} of the model is {wording.number(value, 3)}"
    others = [
        f"{shared.NAMES.get(name, name).lower()} "
        f"{wording.number(compute(metric, rows), 3)}"
        for name, rows in scored.items()
        if name != "model"
    ]
    said += f"; {wording.listing(others)}." if others else "."
    if metric == "roc_auc" and scored["model"].task == "binary":
        said += (
            f" Of a random {classes[1]} and a random {classes[0]} row the model ranks "
            f"the {classes[1]} one higher in {wording.percent(value)} of cases."
        )
    elif scored["model"].task == "multiclass":
        tied = lines[-1].label is None
        worst = "all are ranked alike" if tied else f"{lines[-1].name} is ranked worst"
        said += f" Of {len(lines)} classes {worst}."
    return said


def _curve_table(lines: Sequence[Line], x: str, y: str, *, stepped: bool) -> Table:
    """Return each curve's height at ten even steps."""
    named = {line.name: _heights(line.curve, stepped=stepped) for line in lines}
    rows = [
        {x: float(at)} | {name: float(heights[i]) for name, heights in named.items()}
        for i, at in enumerate(SHOWN_AT)
    ]
    digits = {x: 1} | dict.fromkeys(named, 3)
    return table(rows, caption=f"{y} by {x.lower()}", digits=digits)


def _heights(curve: Curve, *, stepped: bool) -> Any:
    if not stepped:
        return np.interp(SHOWN_AT, curve.x, curve.y)
    return np.asarray(curve.y)[np.searchsorted(curve.x, SHOWN_AT)]


def calibration(scored: Scored, classes: Sequence[str], *, seed: int = 0) -> Figure:
    """Show whether probabilities come true, and how often which ones are given.

    Parameters
    ----------
    scored : Scored
        Predictions of the model on the test rows.
    classes : sequence of str
        Names of the classes, in the order of the codes.
    seed : int
        Seed of the simulation behind the floor.
    """
    from mlkit.metrics import calibration as measure

    found = measure(scored, seed=seed)
    binary = scored.task == "binary"
    given = scored.prediction[:, 1] if binary else scored.prediction.max(axis=1)
    event = f"Rows that are {classes[1]}" if binary else "Rows predicted right"

    def draw(canvas: Any, theme: Theme) -> None:
        grid = canvas.add_gridspec(2, 1, height_ratios=[4, 1])
        above = shared.panel(canvas, grid[0], theme, y=f"{event}, share")
        above.plot([0, 1], [0, 1], ":", color=theme.muted, linewidth=1)
        for part in found.bins:
            above.plot([part.predicted] * 2, [part.lower, part.upper],
                       color=theme.blue, linewidth=1.4)  # fmt: skip
        above.plot([part.predicted for part in found.bins],
                   [part.observed for part in found.bins],
                   "o-", color=theme.blue, markersize=5, linewidth=1)  # fmt: skip
        above.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=TICKS, yticks=TICKS)
        above.tick_params(labelbottom=False)
        below = shared.panel(
            canvas, grid[1], theme, x="Predicted probability", y="Rows"
        )
        counts, edges = np.histogram(given, bins=20, range=(0, 1))
        below.stairs(counts, edges, fill=True, color=theme.grey)
        below.set(xlim=(-0.02, 1.02), xticks=TICKS)
        below.locator_params(axis="y", nbins=3)
        below.grid(visible=False, axis="x")

    return figure(
        draw,
        alt=_calibration_alt(found),
        caption="Points on the dotted diagonal are probabilities that come true; lines "
        "are 95 % intervals. Below, how many rows are given which probability.",
        table=_bins_table(found, event),
        width=560,
        height=SIDE + 40,
    )


def _calibration_alt(found: Calibration) -> str:
    off = [
        part for part in found.bins if not part.lower <= part.predicted <= part.upper
    ]
    error, floor = wording.number(found.error, 3), wording.number(found.floor, 3)
    said = (
        f"Probabilities are off by {error} on average (calibration error); a perfectly "
        f"calibrated model would show {floor} on {wording.count(found.n, 'row')} by "
        "chance. "
    )
    if not off:
        return f"{said}In all {len(found.bins)} bins the interval holds the diagonal."
    worst = max(off, key=lambda part: abs(part.observed - part.predicted))
    return (
        f"{said}In {len(off)} of {len(found.bins)} bins the interval misses the "
        f"diagonal; most where {wording.percent(worst.predicted)} is predicted and "
        f"{wording.percent(worst.observed)} happens."
    )


def _bins_table(found: Calibration, event: str) -> Table:
    rows = [
        {
            "predicted": part.predicted,
            "observed": part.observed,
            "interval": wording.interval(part.lower, part.upper, 3),
            "n": part.n,
        }
        for part in found.bins
    ]
    headings = {
        "predicted": "Mean predicted probability", "observed": f"{event}, share",
        "interval": "95 % interval", "n": "Rows",
    }  # fmt: skip
    caption = (
        f"Calibration error {wording.number(found.error, 3)}, by chance alone "
        f"{wording.number(found.floor, 3)}"
    )
    return table(rows, caption=caption, headings=headings, numbers=["interval"])
