"""Charts of where a model goes wrong: what it mixes up, and by how much it is off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlkit.report import axes as shared
from mlkit.report import wording
from mlkit.report.figures import Figure, figure
from mlkit.report.palette import Theme
from mlkit.report.tables import table

if TYPE_CHECKING:
    from mlkit.metrics import Scored

MOST_WITH_NUMBERS = 12
MOST_POINTS = 400


def confusion(scored: Scored, classes: Sequence[str]) -> Figure:
    """Show which classes are taken for which; rows are counted without their weights.

    Parameters
    ----------
    scored : Scored
        Predictions of the model on the test rows.
    classes : sequence of str
        Names of the classes, in the order of the codes.
    """
    matrix = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(matrix, (scored.codes, scored.labels), 1)
    rows = [
        {"name": name} | {str(code): int(n) for code, n in enumerate(matrix[true])}
        for true, name in enumerate(classes)
    ]
    headings = {str(code): name for code, name in enumerate(classes)}
    side = 260 + 34 * min(len(classes), 10)
    return figure(
        lambda canvas, theme: _draw_confusion(canvas, theme, matrix, classes),
        alt=_confusion_alt(matrix, classes),
        caption="Rows of the test data by true and predicted class; the shade is the "
        "share of the true class. What is right lies on the diagonal from top left.",
        table=table(
            rows,
            caption="Test rows by true class (down) and predicted class (across)",
            headings={"name": "True class"} | headings,
            limit=60,
        ),
        width=min(660, side + 120),
        height=side,
    )


def _draw_confusion(
    canvas: Any, theme: Theme, matrix: NDArray[np.int64], classes: Sequence[str]
) -> None:
    totals = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.maximum(totals, 1)
    size = len(classes)
    panel = shared.panel(canvas, (1, 1, 1), theme, x="Predicted", y="True class")
    ramp = _ramp(theme.raised, theme.blue)
    panel.imshow(shares, cmap=ramp, vmin=0, vmax=1, aspect="auto")
    panel.set_xticks(range(size), classes)
    panel.set_yticks(range(size), classes)
    panel.grid(visible=False)
    panel.spines["bottom"].set_visible(False)
    panel.tick_params(length=0)
    if size > 6:
        panel.tick_params(axis="x", rotation=90)
    if size > MOST_WITH_NUMBERS:
        return
    for (true, predicted), share in np.ndenumerate(shares):
        text = f"{matrix[true, predicted]:,}"
        if size <= 5:
            text += f"\n{wording.percent(float(share))}"
        ink = theme.surface if share > 0.5 else theme.text
        panel.text(predicted, true, text, ha="center", va="center", color=ink)


def _ramp(low: str, high: str) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("ramp", [low, high])


def _confusion_alt(matrix: Any, classes: Sequence[str]) -> str:
    right, total = int(np.trace(matrix)), int(matrix.sum())
    said = (
        f"{wording.count(right, 'row')} of {total:,} are predicted right "
        f"({wording.percent(right / total)})."
    )
    off = matrix.copy()
    np.fill_diagonal(off, 0)
    if not off.any():
        return f"{said} No class is taken for another."
    true, predicted = np.unravel_index(np.argmax(off), off.shape)
    return (
        f"{said} The most frequent mistake: {wording.count(int(off.max()), 'row')} of "
        f"class {classes[int(true)]} taken for {classes[int(predicted)]}."
    )


def residuals(scored: Scored, *, target: str, points: bool = True) -> Figure:
    """Show predicted against true values, and how far off predictions are.

    Parameters
    ----------
    scored : Scored
        Predictions of the model on the test rows.
    target : str
        What is predicted, with its unit.
    points : bool
        Whether single rows may be shown: not those of a sensitive target.
    """
    true, guess = scored.y, scored.prediction
    off = guess - true

    def draw(canvas: Any, theme: Theme) -> None:
        grid = canvas.add_gridspec(1, 2, width_ratios=[3, 2])
        if points:
            left = shared.panel(
                canvas, grid[0], theme, x=f"True {target}", y="Predicted"
            )
            _scatter(left, true, guess, theme)
            left.locator_params(axis="x", nbins=5)
        spot = grid[1] if points else grid[:]
        right = shared.panel(canvas, spot, theme, x="Predicted − true", y="Rows")
        counts, edges = _histogram(off)
        right.stairs(counts, edges, fill=True, color=theme.blue)
        right.axvline(0, color=theme.text, linewidth=1)
        right.grid(visible=False, axis="x")
        right.locator_params(axis="x", nbins=5)

    caption = "How far predictions are off: right of 0 they are too high."
    if points:
        exact = "Rows on the dashed line are predicted exactly. Beside it: "
        caption = f"{exact}{caption[0].lower()}{caption[1:]}"
    marks = np.quantile(off, [0.05, 0.25, 0.5, 0.75, 0.95])
    names = ["5 %", "25 %", "50 %", "75 %", "95 %"]
    rows = [
        {"share": name, "off": float(mark)}
        for name, mark in zip(names, marks, strict=True)
    ]
    return figure(
        draw,
        alt=_residuals_alt(true, guess, target),
        caption=caption,
        table=table(
            rows,
            caption="Predicted minus true: this share of the rows is at or below",
            headings={"share": "Share of rows", "off": f"Predicted − true {target}"},
        ),
        height=340,
    )


def _scatter(panel: Any, true: Any, guess: Any, theme: Theme) -> None:
    """Draw each row as a point, or how many fall in each hexagon when they are many."""
    low, high = (float(f(np.r_[true, guess])) for f in (np.min, np.max))
    panel.plot([low, high], [low, high], color=theme.muted, linewidth=1, linestyle="--")
    if len(true) <= MOST_POINTS:
        panel.plot(true, guess, "o", color=theme.blue, markersize=3.5, alpha=0.55,
                   markeredgewidth=0)  # fmt: skip
        return
    panel.hexbin(true, guess, gridsize=28, mincnt=1, bins="log", linewidths=0.2,
                 cmap=_ramp(theme.line, theme.blue), zorder=3)  # fmt: skip


def _histogram(values: Any) -> tuple[Any, Any]:
    bins = int(np.clip(np.sqrt(len(values)), 8, 30))
    counts, edges = np.histogram(values, bins=bins)
    return counts, edges


def _residuals_alt(true: Any, guess: Any, target: str) -> str:
    off = guess - true
    spread, widest = (float(q) for q in np.quantile(np.abs(off), [0.5, 0.95]))
    digits = wording.decimals([spread])
    half, most = wording.number(spread, digits), wording.number(widest, digits)
    said = (
        f"Half of the {len(true):,} test rows are predicted within {half} of the true "
        f"{target}, 95 % within {most}."
    )
    too_high = float(np.mean(off > 0) + np.mean(off == 0) / 2)
    # Two standard errors of the sign test's share.
    if abs(too_high - 0.5) <= 1 / np.sqrt(len(off)):
        return f"{said} Predictions lean neither high nor low."
    lean = float(np.median(off))
    word = "high" if too_high > 0.5 else "low"
    by = wording.number(abs(lean), digits)
    return f"{said} Predictions lean {word}, by {by} in the middle."
