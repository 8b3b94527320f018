"""What else bears on performance: slices, what is expected, another version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlkit.report import intervals, measures, wording
from mlkit.report.figures import Figure
from mlkit.report.folds import Note
from mlkit.report.intervals import plain
from mlkit.report.monitor_words import LONGEST_SENTENCE, label_of
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    from mlkit.monitor import Check

Found = Mapping[str, Any]


def monitor_slices(check: Check | Found) -> Figure | Note:
    """Show the primary metric by slice of the predictions whose outcome is known.

    Parameters
    ----------
    check : Check or mapping
        What ``mlkit.monitor.check`` returned, or its ``to_dict()``.
    """
    found = plain(check)
    primary, overall = found["primary"], found["overall"]
    if overall is None or primary not in overall["metrics"]:
        return Note()
    if not found["slices"]:
        return Note("No slices are compared: evaluate.slices names no column.")
    evaluation = {
        "slices": found["slices"],
        "primary": primary,
        "labels": {primary: label_of(primary)},
        "metrics": {"model": {primary: overall["metrics"][primary]}},
    }
    return intervals.slices(evaluation, of="predictions whose outcome is known")


def monitor_expected(check: Check | Found) -> Table | Note:
    """Show what performance is to be expected where outcomes are not known yet.

    Parameters
    ----------
    check : Check or mapping
        What ``mlkit.monitor.check`` returned, or its ``to_dict()``.
    """
    expected = plain(check)["expected"]
    if not expected:
        return Note("Performance was not estimated without outcomes.")
    rows = [
        {
            "metric": label_of(each["metric"]),
            "value": measures.estimate_text(each)
            if each["value"] is not None
            else wording.ABSENT,
            "reference": wording.number(each["reference"]),
            "state": _expected_state(each),
            "reason": "" if _expected_state(each) == "ok" else _first(each["reason"]),
        }
        for each in expected
    ]
    headings = {
        "metric": "Metric", "value": "Expected (interval)", "reference": "Was",
        "state": "Found", "reason": "Why",
    }  # fmt: skip
    if not any(row["reason"] for row in rows):
        del headings["reason"]
    shown = table(
        rows,
        caption="Performance as it is to be expected without outcomes",
        headings=headings,
        states=["state"],
        numbers=["value", "reference"],
        longest=LONGEST_SENTENCE,
    )
    # What holds for all metrics is said once.
    said = dict.fromkeys(_rest(each["reason"]) for each in expected)
    assumed = dict.fromkeys(each["assumption"] for each in expected)
    return _noted(shown, " ".join(filter(None, [*said, *assumed])))


def _first(text: str) -> str:
    return text.partition(". ")[0]


def _rest(text: str) -> str:
    return text.partition(". ")[2]


def _expected_state(each: Found) -> str:
    if each["value"] is None:
        return "not judged"
    return "warning" if each["dropped"] else "ok"


def _noted(shown: Table, note: str) -> Table:
    return replace(shown, note=f"{shown.note} {note}".strip())


def monitor_challenger(check: Check | Found) -> Table | Note:
    """Show whether another version would have answered better, on the same requests.

    Parameters
    ----------
    check : Check or mapping
        What ``mlkit.monitor.check`` returned, or its ``to_dict()``.
    """
    found = plain(check)
    other = found["challenger"]
    if other is None:
        return Note("No other version was asked about the same requests.")
    test = other["test"]
    if test is None:
        return Note(f"Version {other['version']}: {other['reason']}")
    rows = [
        {"name": f"Version {found['version']}", "value": test["champion"]},
        {"name": f"Version {other['version']}", "value": test["challenger"]},
        {"name": "Gain of the other", "value": test["gain"]},
    ]
    words = [wording.number(row["value"]) for row in rows]
    words[2] = f"{words[2]} ({wording.interval(test['lower'], test['upper'])})"
    shown = [
        {"name": row["name"], "value": text}
        for row, text in zip(rows, words, strict=True)
    ]
    heading = {"name": "", "value": label_of(test["metric"])}
    caption = f"On {wording.count(other['n'], 'request')} that both versions answered"
    made = table(shown, caption=caption, headings=heading, numbers=["value"])
    return _noted(made, other["reason"])
