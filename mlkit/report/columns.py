"""Charts of the data: how the values of columns spread, and where some are missing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlkit.report import axes as shared
from mlkit.report import wording
from mlkit.report.figures import Figure, figure, statement
from mlkit.report.palette import Theme
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    import pandas as pd

    from mlkit.data import Check, Column, Dataset, Profile

ACROSS = 3
MOST_COLUMNS = 12
MOST_LEVELS = 5
MOST_BARS = 20
ROW_HEIGHT = 138
STATUSES = ("failed", "warning", "ok")


def distributions(dataset: Dataset, *, limit: int = MOST_COLUMNS) -> Figure:
    """Show how the target and the first features spread over their values.

    Sensitive columns, texts and identifiers are left out.

    Parameters
    ----------
    dataset : Dataset
        What ``mlkit.data.prepare`` returned.
    limit : int
        At most this many columns.
    """
    schema = dataset.schema
    suited = [
        column
        for column in sorted(schema.columns, key=lambda c: c.role != "target")
        if (column.role == "target" or column.is_feature)
        and not column.sensitive
        and column.kind in ("number", "category", "boolean", "date")
        and dataset.frame[column.name].notna().any()
    ]
    shown = suited[:limit]
    rows = max(1, math.ceil(len(shown) / ACROSS))

    def draw(canvas: Any, theme: Theme) -> None:
        grid = canvas.add_gridspec(rows, ACROSS)
        for position, column in enumerate(shown):
            panel = shared.panel(canvas, grid[divmod(position, ACROSS)], theme)
            target = column.role == "target"
            title = f"{_cut(column.name, 24)} (target)" if target else column.name
            panel.set_title(_cut(title, 30), fontsize=9)
            colour = theme.orange if target else theme.blue
            values = dataset.frame[column.name].dropna()
            if column.kind in ("number", "date"):
                _histogram(panel, values, colour)
            else:
                _bars(panel, values, colour)

    left = len(suited) - len(shown)
    more = f" {wording.count(left, 'more column')} not shown." if left else ""
    return figure(
        draw,
        alt=_spread_alt(dataset, [column.name for column in shown]),
        caption="Rows by value: numbers and dates in equal steps, of other columns the "
        f"most frequent values.{more}",
        table=_spread_table(dataset, shown),
        height=ROW_HEIGHT * rows + 10,
    )


def _spread_table(dataset: Dataset, columns: list[Column]) -> Table:
    rows = [
        {
            "column": column.name,
            "kind": column.kind,
            "values": _spread(dataset.frame[column.name].dropna(), column),
        }
        for column in columns
    ]
    headings = {"column": "Column", "kind": "Kind", "values": "Values"}
    return table(rows, caption="Values of the columns shown", headings=headings)


def _spread(values: pd.Series, column: Column) -> str:
    if column.kind == "date":
        return f"{values.min():%Y-%m-%d} to {values.max():%Y-%m-%d}"
    if column.kind == "number":
        low, middle, high = (float(q) for q in np.quantile(values, [0, 0.5, 1]))
        digits = wording.decimals([low, high])
        ends = wording.interval(low, high, digits)
        return f"{ends}, median {wording.number(middle, digits)}"
    shares = values.value_counts(normalize=True).head(3)
    return ", ".join(
        f"{_cut(str(level), 30)} {wording.percent(float(share))}"
        for level, share in shares.items()
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _histogram(panel: Any, values: pd.Series, colour: str) -> None:
    numbers = values.to_numpy()
    if numbers.dtype.kind == "M":
        from matplotlib import dates

        calendar: Any = dates
        numbers = calendar.date2num(numbers)
        locator = calendar.AutoDateLocator(maxticks=4)
        panel.xaxis.set_major_locator(locator)
        panel.xaxis.set_major_formatter(calendar.ConciseDateFormatter(locator))
    else:
        panel.locator_params(axis="x", nbins=4)
    distinct = len(np.unique(numbers[:5000]))
    counts, edges = np.histogram(numbers, bins=int(np.clip(distinct, 1, 24)))
    panel.stairs(counts, edges, fill=True, color=colour)
    panel.locator_params(axis="y", nbins=3)
    panel.grid(visible=False, axis="x")


def _bars(panel: Any, values: pd.Series, colour: str) -> None:
    counts = values.value_counts()
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
    top = ordered[:MOST_LEVELS]
    rest = sum(count for _, count in ordered[MOST_LEVELS:])
    if rest:
        top.append((f"{len(ordered) - MOST_LEVELS} others", rest))
    heights = range(len(top) - 1, -1, -1)
    panel.barh(list(heights), [count for _, count in top], 0.7, color=colour)
    panel.set_yticks(list(heights), [_cut(str(level), 14) for level, _ in top])
    panel.set_ylim(-0.6, max(len(top), 3) - 0.4)
    panel.locator_params(axis="x", nbins=4)
    panel.grid(visible=False, axis="y")


def _spread_alt(dataset: Dataset, names: list[str]) -> str:
    schema, target = dataset.schema, dataset.y
    if schema.column(schema.target).sensitive:
        said = f"The target “{schema.target}” is masked as sensitive."
    elif schema.classes is None:
        low, middle, high = (float(q) for q in np.quantile(target, [0, 0.5, 1]))
        digits = wording.decimals([low, high])
        said = (
            f"The target “{schema.target}” runs from {wording.number(low, digits)} to "
            f"{wording.number(high, digits)}, half of the rows below "
            f"{wording.number(middle, digits)}."
        )
    else:
        shares = target.value_counts(normalize=True)
        parts = [
            f"{wording.percent(float(shares.get(label, 0.0)))} {label}"
            for label in schema.classes
        ]
        said = f"The target “{schema.target}” is {wording.listing(parts)}."
    others = [name for name in names if name != schema.target]
    return f"{said} Features shown: {wording.listing(others, limit=12) or 'none'}."


def missing(profile: Profile) -> Figure:
    """Show which columns lack values, the emptiest first.

    Parameters
    ----------
    profile : Profile
        What ``mlkit.data.profile`` returned.
    """
    columns = sorted(profile, key=lambda c: (-c.missing, c.name))
    lacking = [column for column in columns if column.missing > 0]
    shown = lacking[:MOST_BARS]
    total = wording.count(len(columns), "column")
    if not lacking:
        return statement(f"No value is missing in any of the {total}.")

    def draw(canvas: Any, theme: Theme) -> None:
        panel = shared.panel(canvas, (1, 1, 1), theme)
        heights = list(range(len(shown) - 1, -1, -1))
        panel.barh(heights, [100 * c.missing for c in shown], 0.6, color=theme.orange)
        for height, column in zip(heights, shown, strict=True):
            share = column.missing
            panel.annotate(wording.percent(share), (100 * share, height), (4, 0),
                           textcoords="offset points", va="center",
                           color=theme.muted)  # fmt: skip
        panel.set_yticks(heights, [_cut(column.name, 30) for column in shown])
        panel.set_ylim(-0.6, len(shown) - 0.4)
        panel.set_xlim(0, max(5, 112 * shown[0].missing))
        panel.set_xlabel("Missing, % of rows", loc="left")
        panel.grid(visible=False, axis="y")

    rows = [{"name": c.name, "missing": 100 * c.missing} for c in lacking]
    worst = [f"{c.name} ({wording.percent(c.missing)})" for c in lacking[:3]]
    said = (
        f"{len(lacking)} of {total} lack values, most of all {wording.listing(worst)}."
    )
    left = len(lacking) - len(shown)
    more = f" {wording.count(left, 'more column')} not shown." if left else ""
    headings = {"name": "Column", "missing": "Missing (% of rows)"}
    return figure(
        draw,
        alt=said,
        caption=f"Share of rows without a value, by column.{more}",
        table=table(rows, caption="Missing values", headings=headings, limit=60),
        height=24 * len(shown) + 70,
    )


def checks(found: tuple[Check, ...], *, name: str | None = None) -> Table:
    """Return the checks of the data as a table: failed ones first, passed ones last.

    Parameters
    ----------
    found : sequence of Check
        ``dataset.checks``.
    name : str, optional
        Only checks of that name, such as ``leakage``.
    """
    chosen = [check for check in found if name in (None, check.name)]
    ordered = sorted(chosen, key=lambda check: STATUSES.index(check.status))
    headings = {
        "column": "Column", "status": "Status", "rule": "Rule", "found": "Found",
        "advice": "What to do",
    }  # fmt: skip
    if not any(check.advice for check in ordered):
        del headings["advice"]
    rows = [check.to_dict() | {"column": check.column or "all"} for check in ordered]
    counts = {status: sum(c.status == status for c in ordered) for status in STATUSES}
    caption = (
        f"{wording.count(len(ordered), 'check')}: {counts['failed']} failed, "
        f"{counts['warning']} with a warning, {counts['ok']} passed"
    )
    return table(rows, caption=caption, headings=headings, states=["status"], limit=60)
