"""What a reader of a check asks first: since when, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlkit.report.intervals import plain
from mlkit.report.monitor_drift_next import drift_advice, drift_since
from mlkit.report.monitor_words import AREAS, greater_is_better
from mlkit.report.views import Aside

if TYPE_CHECKING:
    from mlkit.monitor import Check

Found = Mapping[str, Any]
GRAVE = ("critical", "warning")
RETRAIN = "retrain once enough outcomes of such rows are known (mlkit retrain {case})"
MORE = "Ask those who call the service whether they meant to call it so often."
FEWER = (
    "Ask those who call the service whether they meant to call it less; if not, see "
    "that their requests reach it, and that its answers are logged."
)
ADVICE = {
    "performance": f"See below which part of the data it is, then {RETRAIN}.",
    "trend": f"See below which part of the data it is, then {RETRAIN}.",
    "calibration": f"Do not read the probabilities as chances; {RETRAIN}.",
    "expected": "Collect outcomes of the newest rows first: this is an estimate. If "
    f"they bear it out, {RETRAIN}.",
    "quality": "Mend the column where it comes from: the model does not get what it "
    "learned from.",
    "errors": "Look into the log of the service for the requests that failed.",
    "latency": "Look at the load and the machine of the service that answers.",
    "labels": "See that outcomes are delivered, and under the ids that were logged.",
    "log": "See that the services that log can write whole lines to monitor.log.",
    "retrain": "Open the page of that run, and mend what stopped it.",
}


def monitor_next(check: Check | Found, *, case: str) -> list[Aside]:
    """Return since when the gravest issue is seen, where that is known, and what to do.

    Parameters
    ----------
    check : Check or mapping
        What ``mlkit.monitor.check`` returned, or its ``to_dict()``.
    case : str
        Name of the case, for the commands.

    Returns
    -------
    list of Aside
        For the head of the page; empty where nothing is wrong.
    """
    found = plain(check)
    grave = [each for each in found["issues"] if each["severity"] in GRAVE]
    if not grave:
        return []
    cause = grave[0]["cause"]
    area = cause.partition(".")[0]
    tone = {"critical": "bad"}.get(grave[0]["severity"], "caution")
    said = []
    since = _since(cause, found)
    if since:
        said.append(Aside("Since when", since, tone))
    advice = _advice(grave[0], found, case=case)
    if advice:
        about = f"{AREAS[area]}: " if area in AREAS and len(grave) > 1 else ""
        said.append(Aside("What to do", about + advice))
    return said


def _advice(issue: Found, found: Found, *, case: str) -> str:
    """Return what to do about an issue; empty where nothing is known to help."""
    area = issue["cause"].partition(".")[0]
    if area == "drift":
        # Names of columns are no templates.
        return f"{drift_advice(issue, found)}{RETRAIN.format(case=case)}."
    if area == "volume":
        evidence = issue["evidence"]
        fewer = evidence.get("predictions", 0) < evidence.get("usual", 0)
        return FEWER if fewer else MORE
    return ADVICE.get(area, "").format(case=case)


def _since(cause: str, found: Found) -> str:
    area, _, metric = cause.partition(".")
    if area == "drift":
        return drift_since(found)
    if area == "performance":
        return _worse_since(metric, found)
    return ""


def _worse_since(metric: str, found: Found) -> str:
    """Return the first of the newest windows all of which are worse than it was."""
    better = greater_is_better(metric)
    compared = found["performance"]
    if compared is None or better is None or compared["reference"]["value"] is None:
        return ""
    level = compared["reference"]["value"]
    first = _first_of_run(found["windows"], metric, level, better=better)
    return f"Worse than when registered in every window since {first}." if first else ""


def _first_of_run(
    windows: Sequence[Found], metric: str, level: float, *, better: bool
) -> str:
    first = ""
    for window in reversed(windows):
        value = (window["metrics"].get(metric) or {}).get("value")
        if value is None:
            continue
        if not (value < level if better else value > level):
            break
        first = window["label"]
    return first
