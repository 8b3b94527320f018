"""Drift in tables: what was found, and every statistic behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlkit.report import wording
from mlkit.report.folds import Note
from mlkit.report.intervals import plain
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    from mlkit.drift import DriftReport

LIMIT = 400
STATISTICS = {
    "ks": "KS",
    "ks_p": "KS p",
    "ad": "AD",
    "ad_p": "AD p",
    "cvm": "CvM",
    "cvm_p": "CvM p",
    "chi_square": "Chi²",
    "chi_square_p": "Chi² p",
    "g": "G",
    "g_p": "G p",
    "psi": "PSI",
    "psi_critical": "PSI 95 %",
    "kl": "KL",
    "js": "JS",
    "js_excess": "JS excess",
    "hellinger": "Hellinger",
    "total_variation": "TV",
    "wasserstein": "EMD",
    "wasserstein_sd": "EMD/sd",
    "wasserstein_plain": "EMD plain",
    "energy": "Energy",
    "mmd": "MMD",
}
# The share of a column that a test is about, by the subject of the test.
SHARES = {"new levels": "new", "vanished levels": "vanished", "range": "outside"}
MEANINGS = (
    "KS: largest gap of the distribution functions. AD: Anderson-Darling, CvM: Cramer-"
    "von Mises, the same gaps squared, over all rows. Chi², G: tests of equal shares "
    "by bin or level. PSI: population stability index; 95 % of samples without drift "
    "stay below PSI 95 %. KL: Kullback-Leibler divergence, in nats. JS: Jensen-Shannon "
    "distance, 0 to 1; JS excess is what chance does not explain of it. Hellinger: "
    "distance, 0 to 1. TV: total variation. EMD: Wasserstein or earth mover's "
    "distance, in robust standard deviations with outliers drawn in; EMD/sd: in "
    "standard deviations, outliers and all; EMD plain: in the column's own unit, dates "
    "in days. Energy: energy distance, MMD: maximum mean discrepancy, of values in "
    "robust standard deviations. For PSI and KL half a row is added to each bin. A "
    "statistic that does not apply is left empty. P-values are not corrected here."
)


def drift_findings(report: DriftReport | Mapping[str, Any]) -> Table | Note:
    """Return what was found of each column that is flagged or worth a word.

    Parameters
    ----------
    report : DriftReport or mapping
        What ``mlkit.drift.detect`` returned, or its ``to_dict()``.
    """
    found = plain(report)
    if not found["columns"]:
        return Note()
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
    notes = [shown.note, _error_rate(found)]
    if found["extra"]:
        extra = wording.listing(found["extra"])
        notes.append(f"Not compared, for the model was not shown them: {extra}.")
    return replace(shown, note=" ".join(filter(None, notes)))


def _error_rate(found: Mapping[str, Any]) -> str:
    """Return how often the verdict would be wrong, in a sentence."""
    rate = found.get("error_rate")
    if rate is None:
        return ""
    words = str(rate["words"]).strip().rstrip(".")
    return f"{words[:1].upper()}{words[1:]}."


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


def drift_tests(report: DriftReport | Mapping[str, Any]) -> Table | Note:
    """Return every test of every column: its values, its missing and its new levels.

    Parameters
    ----------
    report : DriftReport or mapping
        What ``mlkit.drift.detect`` returned, or its ``to_dict()``.
    """
    found = plain(report)
    if not found["columns"]:
        return Note()
    rows = [
        {
            "name": each["name"],
            "subject": _subject(each, test),
            "method": test["method"],
            "p": _p(test["p"]),
            "corrected": _p(test["corrected"]) if test["counts"] else wording.ABSENT,
            "effect": wording.number(test["effect"], 3),
            "state": "drift" if test["flagged"] else "ok",
        }
        for each in (*found["predictions"], *found["columns"])
        for test in each["tests"]
    ]
    headings = {
        "name": "Column", "subject": "Of its", "method": "Test", "p": "p",
        "corrected": "Corrected p", "effect": "Effect", "state": "Found",
    }  # fmt: skip
    rate = wording.percent(found["false_discovery_rate"])
    return table(
        rows,
        caption=f"Every test; p-values are corrected for all of them, to {rate} of "
        "false flags",
        headings=headings if rows else {},
        states=["state"],
        numbers=["p", "corrected", "effect"],
        limit=LIMIT,
    )


def _subject(column: Mapping[str, Any], test: Mapping[str, Any]) -> str:
    """Return what a test is about, with the shares that it compares."""
    if test["subject"] == "missing":
        then, now = (wording.percent(share) for share in column["missing"])
        return f"missing: {then}, now {now}"
    share = column.get(SHARES.get(test["subject"], ""))
    said = str(test["subject"])
    return said if share is None else f"{said}: {wording.percent(share)}"


def drift_statistics(report: DriftReport | Mapping[str, Any]) -> Table | Note:
    """Return every statistic of every column.

    Parameters
    ----------
    report : DriftReport or mapping
        What ``mlkit.drift.detect`` returned, or its ``to_dict()``.
    """
    found = plain(report)
    if not found["columns"]:
        return Note()
    columns = [*found["predictions"], *found["columns"]]
    own = list(dict.fromkeys(name for each in columns for name in each["own"]))
    rows = [
        {
            "name": each["name"],
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
        **{name: words for name, words in STATISTICS.items() if name in known},
        **{name: name for name in own},
    }
    shown = table(
        rows,
        caption="Every statistic; 0 is no difference",
        headings=headings if rows else {},
        digits=dict.fromkeys(STATISTICS, 3) | {"chi_square": 1, "g": 1},
        numbers=[name for name in STATISTICS if name.endswith("_p")],
        limit=LIMIT,
    )
    return replace(shown, note=f"{shown.note} {MEANINGS}".strip()) if rows else shown
