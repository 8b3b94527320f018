"""Single predictions: from the base value, column by column, to what the model said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from mlkit.report import axes as shared
from mlkit.report import wording
from mlkit.report.attributions import UNITS, short
from mlkit.report.figures import Figure, figure
from mlkit.report.intervals import plain
from mlkit.report.palette import Theme
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    from mlkit.explain import Explanation

MOST = 10
ROW_HEIGHT = 27
LONGEST_LABEL = 40
PERCENTS = (0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999)


@dataclass(frozen=True)
class Step:
    """One bar: its label, where it starts and where it ends."""

    label: str
    start: float
    end: float

    @property
    def change(self) -> float:
        """How far it moves the prediction."""
        return self.end - self.start


@dataclass(frozen=True)
class Walk:
    """One prediction: in a sentence, then step by step."""

    title: str
    sentence: str
    shown: Figure

    def to_dict(self) -> dict[str, Any]:
        """Return what is said and shown as plain JSON data."""
        return {"title": self.title, "sentence": self.sentence} | self.shown.to_dict()

    def _repr_html_(self) -> str:
        return (
            f"<p><strong>{escape(self.title)}.</strong> {escape(self.sentence)}</p>"
            f"{self.shown._repr_html_()}"
        )


@dataclass(frozen=True)
class Walks:
    """Several predictions, one below the other."""

    rows: Sequence[Walk]

    def to_dict(self) -> dict[str, Any]:
        """Return what is said and shown as plain JSON data."""
        return {"rows": [row.to_dict() for row in self.rows]}

    def _repr_html_(self) -> str:
        if not self.rows:
            return "<p>There is no row whose prediction is explained.</p>"
        return "".join(row._repr_html_() for row in self.rows)


def explained_rows(
    explanations: Sequence[Explanation | Mapping[str, Any]], *, target: str
) -> Walks:
    """Show what moved each of some predictions.

    Parameters
    ----------
    explanations : sequence of Explanation or mapping
        What ``explain_prediction`` returned, or their ``to_dict()``.
    target : str
        Name of the target.
    """
    walks = []
    for each in explanations:
        found = plain(each)
        sentence = f"{predicted(found, target)} {_moves(walk(found))}"
        walks.append(Walk(row_title(found), sentence, waterfall(found, target=target)))
    return Walks(walks)


def waterfall(explanation: Explanation | Mapping[str, Any], *, target: str) -> Figure:
    """Show a prediction as a walk from the base value, the largest step first.

    Parameters
    ----------
    explanation : Explanation or mapping
        What ``explain_prediction`` returned, or its ``to_dict()``.
    target : str
        Name of the target.
    """
    found = plain(explanation)
    steps = walk(found)

    def draw(canvas: Any, theme: Theme) -> None:
        panel = shared.panel(canvas, (1, 1, 1), theme, x=axis_name(found, target))
        _walk(panel, steps, found, theme)
        if found["space"] == "log-odds":
            _percents(panel, theme)

    return figure(
        draw,
        alt=f"{row_title(found)}. {predicted(found, target)} {_moves(steps)}",
        caption=caption(found),
        table=steps_table(found),
        height=ROW_HEIGHT * (len(steps) + 2) + 110,
    )


def walk(found: Mapping[str, Any]) -> list[Step]:
    """Return the bars: the largest contributions, and the rest in one."""
    parts = list(
        zip(found["columns"], found["values"], found["contributions"], strict=True)
    )
    moving = [part for part in parts if part[2]]
    single = moving if len(moving) <= MOST else moving[: MOST - 1]
    labels = [f"{short(name, 24)} = {short(value, 18)}" for name, value, _ in single]
    changes = [change for _, _, change in single]
    rest = moving[len(single) :]
    if rest:
        labels.append(wording.count(len(rest), "other column"))
        changes.append(sum(change for _, _, change in rest))
    steps, at = [], found["base"]
    for label, change in zip(labels, changes, strict=True):
        steps.append(Step(label, at, at + change))
        at += change
    return steps


def _walk(
    panel: Any, steps: Sequence[Step], found: Mapping[str, Any], theme: Theme
) -> None:
    base, output = found["base"], found["output"]
    ends = [base, output, *(step.end for step in steps)]
    room = 0.14 * ((max(ends) - min(ends)) or 1.0)
    panel.set_xlim(min(ends) - room, max(ends) + room)
    for place, step in enumerate(steps, 1):
        _bar(panel, place, step, digits(found), theme)
    panel.plot([base] * 2, [-0.35, 1.31], color=theme.grey, linewidth=0.8)
    last = len(steps) + 1
    for at, height, name in ((base, 0, "base"), (output, last, "output")):
        panel.plot([at], [height], "o", color=theme.text, markersize=6)
        panel.annotate(
            said(found, at) + (chance(found) if name == "output" else ""),
            (at, height),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            fontweight="bold" if name == "output" else "normal",
        )
    labels = [start_name(found), *(step.label for step in steps), "this prediction"]
    panel.set_yticks(range(last + 1), labels)
    panel.set_ylim(last + 0.6, -0.6)
    panel.grid(visible=False, axis="y")
    panel.locator_params(axis="x", nbins=6)


def _bar(panel: Any, place: int, step: Step, places: int, theme: Theme) -> None:
    """Draw a step with its size, and the line on which the next one starts."""
    right = step.change > 0
    colour = theme.blue if right else theme.orange
    panel.barh(place, step.change, left=step.start, height=0.62, color=colour)
    panel.annotate(
        wording.signed(step.change, places),
        (step.end, place),
        xytext=(4 if right else -4, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center",
        fontsize=8,
        color=colour,
    )
    ends = [place - 0.31, place + 1.31]
    panel.plot([step.end] * 2, ends, color=theme.grey, linewidth=0.8)


def _percents(panel: Any, theme: Theme) -> None:
    """Show along the top which probability the log-odds are."""
    low, high = panel.get_xlim()
    top = panel.secondary_xaxis("top")
    places, last = [], -math.inf
    for share in PERCENTS:
        at = math.log(share / (1 - share))
        if low <= at <= high and at - last > (high - low) / 12:
            places.append((at, wording.percent(share)))
            last = at
    top.set_xticks([at for at, _ in places], [text for _, text in places])
    top.tick_params(colors=theme.line, labelcolor=theme.muted, labelsize=8)
    top.spines["top"].set_visible(False)


def start_name(found: Mapping[str, Any]) -> str:
    """Return what stands where the walk begins."""
    interventional = found["game"] == "interventional"
    return "average of the background" if interventional else "before any column"


def digits(found: Mapping[str, Any]) -> int:
    """Return the digits that suit all steps of a walk."""
    largest = max((abs(each) for each in found["contributions"]), default=0.0)
    return max(wording.decimals([largest]), 3 if found["space"] == "probability" else 0)


def said(found: Mapping[str, Any], at: float) -> str:
    """Return a point of the walk in words, as a probability where it is log-odds."""
    if found["space"] == "log-odds":
        chance = 1 / (1 + math.exp(-at)) if at > -700 else 0.0
        return f"{wording.number(at, 2)}  ({wording.percent(chance)})"
    if found["space"] == "probability":
        return wording.percent(min(1.0, max(0.0, at)))
    return wording.number(at)


def chance(found: Mapping[str, Any]) -> str:
    """Return the probability that a score stands for; nothing in other units."""
    if found["space"] != "score":
        return ""
    return f"  ({wording.percent(found['prediction'][found['outcome']])})"


def axis_name(found: Mapping[str, Any], target: str) -> str:
    """Return what the horizontal axis shows."""
    if found["space"] == "value":
        return target
    return f"{UNITS[found['space']]} of {target} = {found['outcome']}"


def row_title(found: Mapping[str, Any]) -> str:
    """Return which row it is and why it was chosen."""
    name = found["name"] or "this row"
    reason = f", {found['reason']}" if found["reason"] else ""
    return f"{name[:1].upper()}{name[1:]}{reason}"


def predicted(found: Mapping[str, Any], target: str) -> str:
    """Return the prediction and what really was, in a sentence."""
    truth = f"; really {found['truth']}" if found["truth"] is not None else ""
    value = found["prediction"][found["outcome"]]
    if found["space"] == "value":
        return f"{target} is predicted as {wording.number(value)}{truth}."
    shown = wording.percent(value)
    return f"{target} = {found['outcome']} is predicted at {shown}{truth}."


def caption(found: Mapping[str, Any]) -> str:
    """Return how to read the chart and what else must be known."""
    unit = " Top scale: the probability." if found["space"] == "log-odds" else ""
    colours = f"Blue moves it up, orange down, the largest step first.{unit}"
    return " ".join([colours, *found["notes"]])


def _moves(steps: Sequence[Step]) -> str:
    """Return what moves a prediction most, up and down, in a sentence."""
    up = [step.label for step in steps if step.change > 0][:2]
    down = [step.label for step in steps if step.change < 0][:2]
    if not up and not down:
        return "No column moves it."
    parts = [f"up most by {wording.listing(up)}"] * bool(up)
    parts += [f"down most by {wording.listing(down)}"] * bool(down)
    return f"It is moved {', and '.join(parts)}."


def steps_table(found: Mapping[str, Any]) -> Table:
    """Return every column's contribution, from the base value to the prediction."""
    places = digits(found) + 1
    rows = [{"column": start_name(found), "value": "", "change": found["base"]}]
    rows += [
        {"column": name, "value": value, "change": change}
        for name, value, change in zip(
            found["columns"], found["values"], found["contributions"], strict=True
        )
    ]
    rows.append({"column": "this prediction", "value": "", "change": found["output"]})
    headings = {
        "column": "Column",
        "value": "Value",
        "change": f"Contribution ({UNITS[found['space']]})",
    }
    title = "From the base value to the prediction"
    return table(
        rows,
        caption=f"{title}: {found['name']}" if found["name"] else title,
        headings=headings,
        digits={"change": places},
        limit=100,
    )
