"""LIME as it is shown: what it is worth first, then its weights with their spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from mlkit.report import axes as shared
from mlkit.report import wording
from mlkit.report.attribution_rows import axis_name
from mlkit.report.attributions import short
from mlkit.report.figures import Figure, figure, statement
from mlkit.report.intervals import plain
from mlkit.report.palette import Theme
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    from mlkit.explain import LimeExplanation

MOST = 8
ROW_HEIGHT = 27


@dataclass(frozen=True)
class Weighed:
    """LIME for one row: whether it can be used, and what it says."""

    title: str
    usable: bool
    sentence: str
    shown: Figure

    def _repr_html_(self) -> str:
        tone, word = ("good", "usable") if self.usable else ("caution", "unstable")
        opened = " open" if self.usable else ""
        return (
            f'<p><span class="badge {tone}">{word}</span> '
            f"<strong>{escape(self.title)}.</strong> {escape(self.sentence)}</p>"
            f"<details{opened}><summary>LIME's weights: {escape(self.title)}</summary>"
            f"{self.shown._repr_html_()}</details>"
        )


@dataclass(frozen=True)
class WeighedRows:
    """LIME for several rows, one below the other."""

    rows: Sequence[Weighed]

    def to_dict(self) -> dict[str, Any]:
        """Return what is said of each row as plain JSON data."""
        return {"rows": [[row.title, row.usable, row.sentence] for row in self.rows]}

    def _repr_html_(self) -> str:
        return "".join(row._repr_html_() for row in self.rows)


def lime_rows(
    found: Sequence[LimeExplanation | Mapping[str, Any]], *, target: str
) -> WeighedRows:
    """Show LIME's weights for some rows, folded away where they cannot be used.

    Parameters
    ----------
    found : sequence of LimeExplanation or mapping
        What ``explain_prediction(row, method="lime")`` returned, or their
        ``to_dict()``.
    target : str
        Name of the target.
    """
    return WeighedRows([weighed(plain(each), target) for each in found])


def weighed(found: Mapping[str, Any], target: str) -> Weighed:
    """Return LIME for one row as it is shown."""
    name = found["name"] or "this row"
    title = f"{name[:1].upper()}{name[1:]}"
    if found["reason"]:
        title += f", {found['reason']}"
    return Weighed(
        title,
        found["usable"],
        found["sentence"],
        lime_weights(found, target=target),
    )


def lime_weights(found: Mapping[str, Any], *, target: str) -> Figure:
    """Show the largest weights as dots with their spread over the repetitions."""
    if not found["columns"]:
        return statement(found["sentence"])
    shown = min(MOST, len(found["columns"]))
    labels = [
        f"{short(name, 24)} = {short(value, 18)}"
        for name, value in zip(
            found["columns"][:shown], found["values"][:shown], strict=True
        )
    ]

    def draw(canvas: Any, theme: Theme) -> None:
        name = f"weight: change in {axis_name(found, target)}"
        panel = shared.panel(canvas, (1, 1, 1), theme, x=name)
        panel.axvline(0, color=theme.grey, linewidth=0.9)
        for height in range(shown):
            weight, spread = found["weights"][height], found["spread"][height]
            estimate = {
                "value": weight,
                "lower": weight - 2 * spread,
                "upper": weight + 2 * spread,
            }
            colour = theme.blue if weight > 0 else theme.orange
            shared.whiskers(panel, height, estimate, colour=colour, marker="o")
        panel.set_yticks(range(shown), labels)
        panel.set_ylim(shown - 0.4, -0.6)
        panel.grid(visible=False, axis="y")
        panel.margins(x=0.08)

    return figure(
        draw,
        alt=_alt(found),
        caption=_caption(found, len(found["columns"]) - shown),
        table=weights_table(found),
        height=ROW_HEIGHT * max(3, shown) + 70,
    )


def _caption(found: Mapping[str, Any], rest: int) -> str:
    repeats = wording.count(found["seeds"], "repetition")
    said = (
        f"LIME's weights over {repeats} with {found['samples']:,} made-up neighbours "
        "each; the line is two standard deviations between repetitions. A number's "
        "weight is the effect of one standard deviation more, a category's that of "
        "having this value."
    )
    if rest > 0:
        said += f" {wording.count(rest, 'column')} of less weight are in the table."
    return " ".join([said, *found["notes"]])


def _alt(found: Mapping[str, Any]) -> str:
    top = [
        f"{name} = {value} {wording.signed(weight)}"
        for name, value, weight in zip(
            found["columns"][:3], found["values"][:3], found["weights"][:3], strict=True
        )
    ]
    return f"{found['sentence']} The largest weights: {wording.listing(top)}."


def weights_table(found: Mapping[str, Any]) -> Table:
    """Return every column's weight, its spread and what it means."""
    parts = ("columns", "values", "meaning", "weights", "spread")
    names = ("column", "value", "meaning", "weight", "spread")
    rows = [
        dict(zip(names, each, strict=True))
        for each in zip(*(found[part] for part in parts), strict=True)
    ]
    headings = {
        "column": "Column",
        "value": "Value",
        "weight": "Weight",
        "spread": "Standard deviation",
        "meaning": "Is the effect of",
    }
    title = f"LIME's weights: {found['name']}" if found["name"] else "LIME's weights"
    return table(rows, caption=title, headings=headings, limit=100)
