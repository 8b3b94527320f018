"""Drift in tables: what was found, and every statistic behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlkit.report import wording
from mlkit.report.intervals import plain
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    from mlkit.drift import DriftReport

LIMIT = 400
STATISTICS = {
    "ks": "KS",
    "ks_p": "KS p",
    "chi_square": "Chi-square",
    "chi_square_p": "Chi-square p",
    "psi": "PSI",
    "psi_critical": "PSI by chance below",
    "kl": "KL (nats)",
    "js": "JS distance",
    "js_excess": "JS beyond chance",
    "wasserstein": "Wasserstein (robust sd)",
    "total_variation": "Total variation",
}


def drift_findings(report: DriftReport | Mapping[str, Any]) -> Table:
    """Return what was found of each column that is flagged or worth a word.

    Parameters
    ----------
    report : DriftReport or mapping
        What ``mlkit.drift.detect`` returned, or its ``to_dict()``.
    """
    found = plain(report)
    parts = [("prediction", each) for each in found["predictions"]]
    parts += [(each["kind"], each) for each in found["columns"]]
    rows = [
        {
            "name": each["name"],
            "kind": kind,
            "effect": _effect(each),
            "p": each["corrected"],
            "state": "drift" if each["flagged"] else "ok",
            "reason": each["reason"],
        }
        for kind, each in parts
        if each["flagged"] or kind == "prediction"
    ]
    headings = {
        "name": "Column", "state": "Found", "reason": "What changed",
        "effect": "Effect (interval)", "p": "Corrected p",
    }  # fmt: skip
    quiet = sum(not each["flagged"] for each in found["columns"])
    caption = f"What has moved; {wording.count(quiet, 'column')} more not flagged"
    shown = table(
        [{**row, "p": _p(row["p"])} for row in rows],
        caption=caption,
        headings=headings,
        states=["state"],
        numbers=["effect", "p"],
        limit=60,
    )
    if not found["extra"]:
        return shown
    extra = wording.listing(found["extra"])
    note = f"Not compared, for the model was not shown them: {extra}."
    return replace(shown, note=f"{shown.note} {note}".strip())


def _effect(column: Mapping[str, Any]) -> str:
    if column["effect"] is None:
        return wording.ABSENT
    value = wording.number(column["effect"], 2)
    lead = [test for test in column["tests"] if test["effect"] == column["effect"]]
    if not lead:
        return value
    return f"{value} ({wording.interval(lead[0]['lower'], lead[0]['upper'], 2)})"


def _p(value: float | None) -> str:
    if value is None:
        return wording.ABSENT
    return "<0.0001" if value < 1e-4 else wording.number(value, 4)


def drift_statistics(report: DriftReport | Mapping[str, Any]) -> Table:
    """Return every statistic of every column.

    Parameters
    ----------
    report : DriftReport or mapping
        What ``mlkit.drift.detect`` returned, or its ``to_dict()``.
    """
    found = plain(report)
    columns = [*found["predictions"], *found["columns"]]
    own = list(dict.fromkeys(name for each in columns for name in each["own"]))
    rows = [
        {
            "name": each["name"],
            "test": _tests(each),
            "missing": _shares(each["missing"]),
            "new": each["new"] and wording.percent(each["new"]),
            **{name: each["own"].get(name) for name in own},
            **{
                name: _p(value) if name.endswith("_p") else value
                for name in STATISTICS
                if (value := each["statistics"].get(name)) is not None
            },
        }
        for each in columns
    ]
    known = {name for row in rows for name in row}
    headings = {
        "name": "Column",
        "test": "Tests (p, corrected)",
        "missing": "Missing then, now",
        "new": "New levels",
        **{name: words for name, words in STATISTICS.items() if name in known},
        **{name: name for name in own},
    }
    return table(
        rows,
        caption="Every statistic; for all of them 0 is no difference",
        headings=headings if rows else {},
        digits=dict.fromkeys(STATISTICS, 3),
        numbers=["missing", "new", "ks_p", "chi_square_p"],
        limit=LIMIT,
    )


def _tests(column: Mapping[str, Any]) -> str:
    said = [
        f"{test['subject']}: {test['method']}, {_p(test['p'])}, {_p(test['corrected'])}"
        for test in column["tests"]
        if test["counts"]
    ]
    return "; ".join(said) or wording.ABSENT


def _shares(pair: Any) -> str:
    then, now = pair
    return f"{wording.percent(then)}, {wording.percent(now)}"
