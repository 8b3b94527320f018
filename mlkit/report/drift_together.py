"""Drift of all columns together: what no chart of one column shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlkit.report import wording
from mlkit.report.folds import Note
from mlkit.report.intervals import plain
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    from mlkit.drift import DriftReport

Found = Mapping[str, Any]


def drift_together(report: DriftReport | Found | None) -> Table | Note:
    """Show whether the columns, looked at together, are still what they were.

    Parameters
    ----------
    report : DriftReport, mapping or None
        What ``mlkit.drift.detect`` returned, or its ``to_dict()``; None where no window
        was judged, of which nothing is said here.
    """
    together = None if report is None else plain(report).get("multivariate")
    if together is None:
        return Note()
    rows = list(_rows(together))
    if not rows:
        return Note(str(together["reason"]))
    headings = {
        "what": "Looked at", "state": "Found", "value": "Value (interval)",
        "meaning": "What it is",
    }  # fmt: skip
    return table(
        rows,
        caption=str(together["reason"]),
        headings=headings,
        states=["state"],
        numbers=["value"],
        limit=60,
    )


def _rows(together: Found) -> Iterator[dict[str, str]]:
    domain, left = together["domain"], together["reconstruction"]
    if domain is not None:
        causes = wording.listing([cause["column"] for cause in domain["causes"]], 2)
        by = f"; by {causes}" if causes else ""
        yield _row(
            "All columns",
            domain["separable"],
            _spread(domain, "auc"),
            f"told apart by a classifier (0.5: not){by}",
        )
    if left is not None:
        yield _row(
            "How they hang together",
            left["flagged"],
            wording.number(left["ratio"], 2),
            "error of principal components, 1: as it was",
        )
    for each in together["embeddings"]:
        columns = wording.count(len(each["columns"]), "column")
        effect = wording.number(each["effect"], 2)
        meaning = f"energy distance, {columns}, 0 to 1"
        yield _row(each["name"], each["flagged"], effect, meaning)
    for each in together["texts"]:
        unknown = wording.percent(each["unknown"])
        yield _row(
            each["column"],
            each["flagged"],
            _spread(each, "auc"),
            f"told apart by words (0.5: not); {unknown} new",
        )


def _row(what: str, flagged: bool, value: str, meaning: str) -> dict[str, str]:
    state = "drift" if flagged else "ok"
    return {"what": what, "state": state, "value": value, "meaning": meaning}


def _spread(found: Found, name: str) -> str:
    ends = wording.interval(found["lower"], found["upper"], 2)
    return f"{wording.number(found[name], 2)} ({ends})"
