"""Health at a glance: everything that is watched, and whether it is as it should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlkit.report import measures, wording
from mlkit.report.folds import Note
from mlkit.report.intervals import plain
from mlkit.report.monitor_words import (
    AREAS,
    HOW_TO_LOG,
    LONGEST_SENTENCE,
    cause_in_words,
    evidence_in_words,
    label_of,
    milliseconds,
    unlogged,
)
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    from mlkit.monitor import Check

JUDGED = ("critical", "warning", "info", "ok", "not judged")
# Shown where there is something to say of them, and not as being in order.
ONLY_FOUND = ("retrain", "trend", "expected", "challenger")
LIMIT = 60
Found = Mapping[str, Any]


def monitor_health(check: Check | Found) -> Table | Note:
    """Show everything that is watched: what is wrong first, with its evidence.

    Parameters
    ----------
    check : Check or mapping
        What ``mlkit.monitor.check`` returned, or its ``to_dict()``.
    """
    found = plain(check)
    if unlogged(found):
        return Note(HOW_TO_LOG)
    rows = [
        {
            "what": cause_in_words(each["cause"]),
            "state": each["severity"],
            "said": wording.capital(each["message"]),
        }
        for each in found["findings"]
    ]
    rows += _quiet(found)
    rows.sort(key=lambda row: JUDGED.index(row["state"]))
    headings = {"what": "What is watched", "state": "Found", "said": "What was seen"}
    return table(
        rows,
        caption=f"Everything that is watched, as of {wording.moment(found['at'])}",
        headings=headings,
        states=["state"],
        limit=LIMIT,
        longest=LONGEST_SENTENCE,
    )


def _quiet(found: Found) -> list[dict[str, str]]:
    """Return a row for each thing that nothing was found of."""
    said = {each["cause"].partition(".")[0] for each in found["findings"]}
    judged = {cause.partition(".")[0] for cause in found["causes_checked"]}
    return [
        {
            "what": name,
            "state": "ok" if area in judged else "not judged",
            "said": wording.capital(_seen(area, found)),
        }
        for area, name in AREAS.items()
        if area not in said and area not in ONLY_FOUND
    ]


def _seen(area: str, found: Found) -> str:
    """Return what was seen of a thing in which nothing is wrong."""
    newest = found["windows"][-1] if found["windows"] else None
    overall = found["overall"]
    match area:
        case "performance":
            return _performance(found)
        case "drift":
            drift = found["drift"]
            given = "the rows that were given to be compared have not drifted"
            judged = "drift" in found["causes_checked"]
            return str(drift["reason"]) if drift else given if judged else ""
        case "volume" if newest is not None:
            count = wording.count(newest["predictions"], "prediction")
            return f"{count} in the newest window, {newest['label']}"
        case "quality":
            return "every column that was logged is as the version knows it"
        case "log":
            return "every line could be read, none is known to be lost"
    return "" if overall is None else _overall(area, overall)


def _performance(found: Found) -> str:
    if found["performance"] is not None:
        return str(found["performance"]["reason"])
    known = (found["overall"] or {}).get("labelled", 0)
    if not known:
        return "no outcome is known yet"
    metric = found["overall"]["metrics"].get(found["primary"])
    counted = wording.count(known, "outcome")
    if metric is None or metric["value"] is None:
        return f"{counted} known, too few to judge"
    value = measures.estimate_text(metric)
    return f"{label_of(found['primary'])} {value} on {counted}"


def _overall(area: str, overall: Found) -> str:
    match area:
        case "latency" if overall["latency"] is not None:
            p95 = milliseconds(overall["latency"]["p95"])
            return f"95 % of answers took no longer than {p95}"
        case "latency":
            return "no latency was logged"
        case "errors":
            asked = overall["predictions"] + overall["errors"]
            return f"{overall['errors']:,} of {wording.count(asked, 'request')} failed"
        case "labels":
            known = wording.count(overall["labelled"], "outcome")
            return f"{known} known, {overall['late_labels']:,} late"
        case "calibration" if overall["calibration"] is not None:
            error, floor = (
                wording.number(overall["calibration"][name], 3)
                for name in ("error", "floor")
            )
            return f"off by {error} on average; by chance alone it would be {floor}"
    return ""


def monitor_evidence(check: Check | Found) -> Table | Note:
    """Show the numbers behind each finding.

    Parameters
    ----------
    check : Check or mapping
        What ``mlkit.monitor.check`` returned, or its ``to_dict()``.
    """
    found = plain(check)
    rows = [
        {
            "what": cause_in_words(each["cause"]),
            "severity": each["severity"],
            "numbers": evidence_in_words(each["evidence"]),
        }
        for each in found["findings"]
    ]
    if not rows:
        return Note()
    headings = {"what": "Finding", "severity": "Severity", "numbers": "Numbers"}
    return table(
        rows,
        caption="The numbers behind the findings",
        headings=headings,
        states=["severity"],
        limit=LIMIT,
    )
