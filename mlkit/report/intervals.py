"""Charts of metrics as dots on their intervals: beside baselines, and by slice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlkit.report import axes as shared
from mlkit.report import measures, wording
from mlkit.report.figures import Figure, figure, statement
from mlkit.report.palette import Theme
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    from mlkit.evaluate import Evaluation

PANEL_HEIGHT = 100
ROW_HEIGHT = 26


def metric_intervals(evaluation: Evaluation | Mapping[str, Any]) -> Figure:
    """Show every metric of the model with its interval, beside the baselines.

    Parameters
    ----------
    evaluation : Evaluation or mapping
        What ``mlkit.evaluate.evaluate`` returned, or its ``to_dict()``.
    """
    found = plain(evaluation)
    scores = {n: known for n in shared.NAMES if (known := measures.scores(found, n))}
    names = [name for name, e in scores["model"].items() if e["value"] is not None]
    gates = {gate["metric"]: gate for gate in found.get("gates") or ()}

    def draw(canvas: Any, theme: Theme) -> None:
        rows = math.ceil(len(names) / 2)
        grid = canvas.add_gridspec(rows, 2)
        for position, name in enumerate(names):
            column, row = divmod(position, rows)
            panel = shared.panel(canvas, grid[row, column], theme)
            estimates = {model: found[name] for model, found in scores.items()}
            _metric(panel, estimates, theme, gates.get(name))
            # An arrow points to the good side; where nobody declared one, none does.
            note = {True: "better →", False: "← better", None: ""}
            panel.set_title(measures.label(found, name), fontsize=9)
            panel.set_title(
                note[measures.direction(found, name)],
                loc="right",
                fontsize=8,
                fontweight="normal",
                color=theme.muted,
            )

    return figure(
        draw,
        alt=_metrics_alt(found, scores),
        caption="The dot is the value, the line its interval. Each metric has a scale "
        "of its own, better towards the arrow; a dashed line is the bound "
        "of a gate.",
        table=measures.metrics_table(found),
        height=PANEL_HEIGHT * math.ceil(len(names) / 2) + 10,
    )


def plain(record: Any) -> dict[str, Any]:
    """Return a record as the dict it becomes."""
    return dict(record if isinstance(record, Mapping) else record.to_dict())


def _metric(
    panel: Any,
    estimates: Mapping[str, Any],
    theme: Theme,
    gate: Mapping[str, Any] | None,
) -> None:
    names = list(estimates)
    for height, name in enumerate(reversed(names)):
        colour = shared.colour(name, theme)
        marker = shared.MARKERS.get(name, "o")
        shared.whiskers(panel, height, estimates[name], colour=colour, marker=marker)
    panel.set_yticks(range(len(names)), [_short(name) for name in reversed(names)])
    for tick, name in zip(panel.get_yticklabels(), reversed(names), strict=True):
        tick.set_color(shared.colour(name, theme))
    panel.set_ylim(-0.6, len(names) - 0.4)
    panel.grid(visible=False, axis="y")
    panel.margins(x=0.08)
    panel.locator_params(axis="x", nbins=5)
    for bound in (gate.get("min"), gate.get("max")) if gate else ():
        if bound is not None:
            panel.axvline(bound, color=theme.text, linestyle="--", linewidth=1)


def _short(name: str) -> str:
    return shared.NAMES.get(name, name).split()[0]


def _metrics_alt(
    found: Mapping[str, Any],
    scores: Mapping[str, Any],
) -> str:
    name = found["primary"]
    label = measures.label(found, name)
    values = {model: estimates.get(name) for model, estimates in scores.items()}
    said = f"{label} of the model is {measures.estimate_text(values['model'])}"
    others = [
        f"{shared.NAMES[model].lower()} {measures.estimate_text(estimate)}"
        for model, estimate in values.items()
        if model != "model"
    ]
    if others:
        said += f"; {wording.listing(others)}"
    best = _best_in(found, scores)
    return f"{said}. The model is the best of them in {best} metrics."


def _best_in(found: Mapping[str, Any], scores: Mapping[str, Any]) -> str:
    best = total = 0
    for name, estimate in scores["model"].items():
        better = measures.direction(found, name)
        others = [
            other[name]["value"]
            for model, other in scores.items()
            if model != "model" and (other.get(name) or {}).get("value") is not None
        ]
        if better is None or estimate["value"] is None or not others:
            continue
        total += 1
        sign = 1 if better else -1
        best += all(sign * estimate["value"] > sign * value for value in others)
    return f"{best} of {total}"


def slices(
    evaluation: Evaluation | Mapping[str, Any], *, of: str = "test rows"
) -> Figure:
    """Show the primary metric by slice of the test rows.

    Parameters
    ----------
    evaluation : Evaluation or mapping
        What ``mlkit.evaluate.evaluate`` returned, or its ``to_dict()``.
    of : str
        What the rows are.
    """
    found = plain(evaluation)
    parts, metric = found["slices"], found["primary"]
    overall = found["metrics"]["model"][metric]
    label = measures.label(found, metric)
    if not parts or overall["value"] is None:
        return statement("No slices are compared: evaluate.slices names no column.")
    shown = [part for part in parts if part["estimate"]["value"] is not None]
    if not shown:
        said = f"{label} by slice cannot be shown: no slice has enough rows."
        return statement(said, _slices_table(parts, label))
    return figure(
        lambda canvas, theme: _draw_slices(
            shared.panel(canvas, (1, 1, 1), theme, x=label), shown, overall, theme
        ),
        alt=_slices_alt(shown, label, overall, of),
        caption=f"{label} by slice with its interval. The dashed line is all {of}. "
        "An interval that does not reach it is a hint, not a proof: of many "
        "slices some are off by chance.",
        table=_slices_table(parts, label),
        height=ROW_HEIGHT * max(3, len(shown)) + 70,
    )


def _draw_slices(
    panel: Any,
    shown: Sequence[Mapping[str, Any]],
    overall: Mapping[str, Any],
    theme: Theme,
) -> None:
    for height, part in enumerate(reversed(shown)):
        shared.whiskers(panel, height, part["estimate"], colour=theme.blue, marker="o")
        panel.annotate(
            wording.count(part["n"], "row"),
            (1.01, height),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            color=theme.muted,
        )
    panel.axvline(overall["value"], color=theme.orange, linestyle="--", linewidth=1.2)
    panel.annotate(
        f"all rows {wording.number(overall['value'])}",
        (overall["value"], 1),
        xytext=(0, 4),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="center",
        color=theme.orange,
    )
    panel.set_yticks(range(len(shown)), [_slice(part) for part in reversed(shown)])
    panel.set_ylim(-0.6, len(shown) - 0.4)
    panel.grid(visible=False, axis="y")


def _slices_table(parts: Sequence[Mapping[str, Any]], label: str) -> Table:
    rows = [
        {
            "slice": _slice(part),
            "n": part["n"],
            "value": part.get("note") or measures.estimate_text(part["estimate"]),
        }
        for part in parts
    ]
    headings = {"slice": "Slice", "n": "Rows", "value": f"{label} (interval)"}
    caption = f"{label} by slice"
    return table(rows, caption=caption, headings=headings, numbers=["value"], limit=60)


def _slice(part: Mapping[str, Any]) -> str:
    return f"{part['column']} = {part['value']}"


def _slices_alt(
    shown: Sequence[Mapping[str, Any]],
    label: str,
    overall: Mapping[str, Any],
    of: str,
) -> str:
    said = f"{label} is {wording.number(overall['value'])} on all {of}. "
    by_value = sorted(shown, key=lambda part: part["estimate"]["value"])
    low, high = (
        f"{_slice(part)} ({measures.estimate_text(part['estimate'])})"
        for part in (by_value[0], by_value[-1])
    )
    return f"{said}Lowest in {low}, highest in {high}."
