"""Groups of protected columns: what was found, a chart of their rates, the numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from mlkit.report import axes as shared
from mlkit.report import wording
from mlkit.report.figures import Figure, figure, statement
from mlkit.report.intervals import plain
from mlkit.report.palette import Theme
from mlkit.report.tables import Table, table
from mlkit.report.views import Aside

if TYPE_CHECKING:
    from mlkit.evaluate import Evaluation

MOST_PANELS = 8
ROW_HEIGHT = 23
LONGEST_NAME = 24
FEW = "not enough data"
UNDECLARED = (
    "No groups are compared, as data.protected names no column. List there the columns "
    "by which people must not be treated differently, such as protected: [sex]. A "
    "column that the model must not see can stand in data.ignore as well."
)
Plain = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """What was found between the groups of one protected column.

    Attributes
    ----------
    column : str
        The column.
    label, tone : str
        The finding in a word or two, and its colour.
    sentence, detail : str
        The finding, and what else there is to say of it.
    shown : Figure
        The rates of each group, with their numbers.
    """

    column: str
    label: str
    tone: str
    sentence: str
    detail: str
    shown: Figure

    def to_dict(self) -> dict[str, Any]:
        """Return what is said as plain JSON data."""
        return {
            "column": self.column,
            "label": self.label,
            "sentence": self.sentence,
            "detail": self.detail,
            "figure": self.shown.to_dict(),
        }

    def _repr_html_(self) -> str:
        return (
            f'<h3>{escape(self.column)}</h3><p><span class="badge {self.tone}">'
            f"{escape(self.label)}</span> <strong>{escape(self.sentence)}</strong> "
            f"{escape(self.detail)}</p>{self.shown._repr_html_()}"
        )


@dataclass(frozen=True)
class Findings:
    """What was found between groups, a protected column after the other."""

    findings: Sequence[Finding]

    def to_dict(self) -> dict[str, Any]:
        """Return what is said as plain JSON data."""
        return {"findings": [finding.to_dict() for finding in self.findings]}

    def _repr_html_(self) -> str:
        if not self.findings:
            return f"<p>{escape(UNDECLARED)}</p>"
        return "".join(finding._repr_html_() for finding in self.findings)


def group_rates(evaluation: Evaluation | Plain) -> Findings:
    """Show how the groups of each protected column fare beside the rest of the rows.

    Parameters
    ----------
    evaluation : Evaluation or mapping
        What ``mlkit.evaluate.evaluate`` returned, or its ``to_dict()``.

    Returns
    -------
    Findings
        A sentence, a figure and its numbers for each column; where no column is
        protected, how to declare one.
    """
    found = plain(evaluation)
    level = wording.percent(found["confidence"])
    return Findings([_finding(each, level) for each in found.get("groups") or ()])


def bias_aside(found: Plain) -> Aside | None:
    """Return the first look at bias in a line; None where no column is protected.

    Parameters
    ----------
    found : mapping
        An evaluation as it was recorded.
    """
    comparisons = found.get("groups") or []
    if not comparisons:
        return None
    names = {
        name: [each["column"] for each in comparisons if _label(each)[0] == name]
        for name in LABELS
    }
    differ, alike, unknown = (wording.listing(columns) for columns in names.values())
    if differ:
        return Aside(
            "Bias",
            f"A first look finds that groups of {differ} fare differently, beyond "
            "chance: read “Is it equally good for everyone?” in the evaluation. It has "
            "no part in the verdict.",
            "caution",
        )
    said = []
    if alike:
        said.append(
            f"A first look finds no difference beyond chance between groups of {alike}."
        )
    if unknown:
        said.append(f"There is not enough data to compare groups of {unknown}.")
    return Aside("Bias", " ".join(said), "neutral")


LABELS = {"Differs": "caution", "No difference seen": "neutral", FEW: "neutral"}


def _label(comparison: Plain) -> tuple[str, str]:
    differ, alike, unknown = LABELS.items()
    if comparison["differs"]:
        return differ
    return alike if comparison["compared"] else unknown


def _finding(comparison: Plain, level: str) -> Finding:
    label, tone = _label(comparison)
    return Finding(
        column=comparison["column"],
        label=label.capitalize(),
        tone=tone,
        sentence=comparison["sentence"],
        detail=comparison["detail"],
        shown=_chart(comparison, level),
    )


def _chart(comparison: Plain, level: str) -> Figure:
    numbers = _table(comparison, level)
    rates = [rate for group in comparison["groups"] for rate in group["rates"]]
    if all(rate["group"]["value"] is None for rate in rates):
        return statement("No group has enough rows to be shown.", numbers)
    measures = comparison["measures"][:MOST_PANELS]
    rows = math.ceil(len(measures) / 2)
    groups = comparison["groups"]

    def draw(canvas: Any, theme: Theme) -> None:
        grid = canvas.add_gridspec(rows, 2)
        for place, measure in enumerate(measures):
            spot = divmod(place, 2)
            panel = shared.panel(canvas, grid[spot], theme)
            unit = " (%)" if measure["share"] else ""
            panel.set_title(f"{_cut(measure['label'])}{unit}", fontsize=9)
            rates = [group["rates"][place] for group in groups]
            _panel(panel, rates, theme, scale=100 if measure["share"] else 1)
            names = [f"{_cut(g['value'])} ({g['n']:,})" for g in groups]
            _heights(panel, names if spot[1] == 0 else [""] * len(names))

    more = len(comparison["measures"]) - len(measures)
    left = f" {wording.count(more, 'more measure')} in the table." if more else ""
    return figure(
        draw,
        alt=_alt(comparison),
        caption=f"Test rows by {comparison['column']}, their number in brackets. Dot "
        f"and line: the group with its {level} interval. Upright bar: all other rows. "
        "Diamond: differs from them beyond chance, after allowing for the number of "
        f"comparisons.{left} {comparison['note']}".strip(),
        table=numbers,
        height=rows * (ROW_HEIGHT * max(2, len(groups)) + 52) + 10,
    )


def _panel(panel: Any, rates: Sequence[Plain], theme: Theme, *, scale: float) -> None:
    for height, rate in enumerate(reversed(rates)):
        if rate["group"]["value"] is None:
            panel.annotate(
                f"{FEW} ({wording.count(rate['group']['n'], 'row')})",
                (0.02, height),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=8,
                color=theme.muted,
            )
            continue
        ends = ("value", "lower", "upper")
        estimate = {name: scale * rate["group"][name] for name in ends}
        colour, marker = (theme.blue, "o")
        if rate["differs"]:
            colour, marker = (theme.orange, "D")
        shared.whiskers(panel, height, estimate, colour=colour, marker=marker)
        rest = rate["rest"]["value"]
        if rest is not None:
            panel.plot(
                [scale * rest], [height], "|", color=theme.text, markersize=11,
                markeredgewidth=1.4,
            )  # fmt: skip
    panel.grid(visible=False, axis="y")
    panel.margins(x=0.08)
    if all(rate["group"]["value"] is None for rate in rates):
        panel.set_xticks([])
        return
    panel.locator_params(axis="x", nbins=5 if scale == 100 else 4)


def _heights(panel: Any, names: Sequence[str]) -> None:
    panel.set_yticks(range(len(names)), list(reversed(names)))
    panel.set_ylim(-0.6, max(len(names), 2) - 0.4)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"


def _alt(comparison: Plain) -> str:
    """Say what was found, and where the first measure is lowest and highest."""
    first = comparison["measures"][0]
    known = [
        group
        for group in comparison["groups"]
        if group["rates"][0]["group"]["value"] is not None
    ]
    said = [comparison["sentence"]]
    if len(known) > 1:
        known.sort(key=lambda group: float(group["rates"][0]["group"]["value"]))
        low, high = (
            f"{group['value']} ({_value(group['rates'][0]['group'], first['share'])})"
            for group in (known[0], known[-1])
        )
        said.append(f"{first['label']}: lowest in {low}, highest in {high}.")
    return " ".join(said)


def _table(comparison: Plain, level: str) -> Table:
    rows = [
        {
            "group": group["value"],
            "measure": measure["label"],
            "n": rate["group"]["n"],
            "value": _value(rate["group"], measure["share"]),
            "rest": _value(rate["rest"], measure["share"], ends=False),
            "difference": _gap(rate, measure["share"]),
            "p": None if rate["p_value"] is None else _chance(rate["p_value"]),
            "differs": "yes" if rate["differs"] else "",
        }
        for group in comparison["groups"]
        for measure, rate in zip(comparison["measures"], group["rates"], strict=True)
    ]
    headings = {
        "group": comparison["column"], "measure": "Measure", "n": "Rows",
        "value": "Group", "rest": "Rest", "difference": "Difference", "p": "p",
        "differs": "Differs",
    }  # fmt: skip
    share = any(measure["share"] for measure in comparison["measures"])
    caption = (
        f"Groups of {comparison['column']} beside the rest of the test rows, with "
        f"{level} intervals{'; differences in points' if share else ''}; p is "
        "corrected for the number of comparisons"
    )
    numbers = ["value", "rest", "difference", "p"]
    return table(rows, caption=caption, headings=headings, numbers=numbers, limit=250)


def _value(estimate: Plain, share: bool, *, ends: bool = True) -> str:
    value, lower, upper = (estimate[name] for name in ("value", "lower", "upper"))
    if value is None:
        return wording.ABSENT
    digits = 1 if share else wording.decimals([value, lower, upper])
    value, lower, upper = ((100 * v if share else v) for v in (value, lower, upper))
    said = wording.number(value, digits) + (" %" if share else "")
    return f"{said} ({wording.interval(lower, upper, digits)})" if ends else said


def _gap(rate: Plain, share: bool) -> str:
    if rate["reason"] is not None:
        return FEW if rate["group"]["value"] is None else f"{FEW} in the rest"
    value, lower, upper = (
        rate["difference"][name] for name in ("value", "lower", "upper")
    )
    digits = 1 if share else wording.decimals([value, lower, upper])
    value, lower, upper = ((100 * v if share else v) for v in (value, lower, upper))
    ends = wording.interval(lower, upper, digits)
    return f"{wording.signed(value, digits)} ({ends})"


def _chance(p_value: float) -> str:
    return "<0.001" if p_value < 0.001 else wording.number(p_value, 3)
