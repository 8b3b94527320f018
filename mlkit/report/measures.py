"""Measures: the metrics of a run, read from the evaluation that it recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlkit.report import wording
from mlkit.report.axes import NAMES
from mlkit.report.summary import Run, scraps
from mlkit.report.tables import Table, table
from mlkit.report.views import KeyNumber

MOST = 5
# JSON with sorted keys forgets the order; metrics not named here come last.
ORDER = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier",
    "calibration_error",
    "mae",
    "rmse",
    "r2",
    "mape",
)
FILLERS = (
    "roc_auc",
    "accuracy",
    "f1",
    "calibration_error",
    "log_loss",
    "r2",
    "rmse",
    "mae",
)

METHODS = {
    "paired t": "paired t-test",
    "Tango score interval and exact McNemar test": "exact McNemar test",
}
MEANINGS = {
    "accuracy": "share of rows that are right; 1 is perfect",
    "precision": "share of those called positive that are; 1 is perfect",
    "recall": "share of the positives that are found; 1 is perfect",
    "f1": "precision and recall in one; 1 is perfect",
    "roc_auc": "how well it ranks: 0.5 is guessing, 1 is perfect",
    "average_precision": "how well positives rank first; 1 is perfect",
    "log_loss": "how far probabilities are off; 0 is perfect",
    "brier": "squared distance of probabilities from what happens; 0 is perfect",
    "calibration_error": "how far probabilities are from shares seen; 0 is perfect",
    "mae": "how far off on average, in the target's unit; 0 is perfect",
    "rmse": "as MAE, large errors counting more; 0 is perfect",
    "r2": "share of the variance explained; 0 is guessing the mean, 1 is perfect",
    "mape": "how far off on average, as a share of the value; 0 is perfect",
}


def evaluation(run: Run) -> dict[str, Any]:
    """Return what the step ``evaluate`` found, or nothing."""
    return dict(scraps(run, "evaluate").get("evaluation") or {})


def label(found: Mapping[str, Any], name: str) -> str:
    """Return how people call a metric of an evaluation.

    Examples
    --------
    >>> label({"labels": {"roc_auc": "ROC AUC"}}, "roc_auc"), label({}, "cost")
    ('ROC AUC', 'cost')
    """
    return str((found.get("labels") or {}).get(name, name))


def direction(found: Mapping[str, Any], name: str) -> bool | None:
    """Return whether greater is better; None when the evaluation does not say."""
    known = (found.get("greater_is_better") or {}).get(name)
    return None if known is None else bool(known)


def scores(found: Mapping[str, Any], model: str = "model") -> dict[str, Any]:
    """Return the estimates of a model by metric, in the order of their showing."""
    known = dict((found.get("metrics") or {}).get(model) or {})
    names = dict.fromkeys([name for name in ORDER if name in known] + [*known])
    return {name: known[name] for name in names}


def key_numbers(run: Run, previous: Run | None = None) -> tuple[KeyNumber, ...]:
    """Return the primary metric, those with a gate, and a few more: three to five.

    Parameters
    ----------
    run : dict
        The record of a run.
    previous : dict, optional
        The record of the one before, for the changes.
    """
    found = evaluation(run)
    now, before = scores(found), scores(evaluation(previous or {}))
    gates = {gate["metric"]: gate for gate in found.get("gates") or ()}
    wanted = dict.fromkeys([found.get("primary"), *gates, *FILLERS, *now])
    names = [str(name) for name in wanted if name in now][:MOST]
    return tuple(
        KeyNumber(
            label=label(found, name),
            value=now[name]["value"],
            lower=now[name]["lower"],
            upper=now[name]["upper"],
            confidence=found.get("confidence") or 0.95,
            previous=(before.get(name) or {}).get("value"),
            greater_is_better=direction(found, name),
            bound=gates[name]["bound"] if name in gates else "",
            kept=gates[name]["passed"] if name in gates else None,
            meaning=MEANINGS.get(name, ""),
            note=_by_chance(found) if name == "calibration_error" else "",
        )
        for name in names
    )


def calibration_floor(found: Mapping[str, Any]) -> float | None:
    """Return the calibration error that chance alone would show; None if unknown."""
    floor = found.get("calibration_floor")
    return None if floor is None else float(floor)


def _by_chance(found: Mapping[str, Any]) -> str:
    floor = calibration_floor(found)
    if floor is None:
        return ""
    return f"by chance alone {wording.number(floor, 3)} would be seen"


def gates_table(found: Mapping[str, Any]) -> Table:
    """Return the gates: what each asks for, what was found, whether it is kept."""
    rows = [
        {
            "metric": label(found, gate["metric"]),
            "bound": gate["bound"],
            "value": gate["value"],
            "status": "passed" if gate["passed"] else "failed",
        }
        for gate in found["gates"]
    ]
    headings = {"metric": "Metric", "bound": "Must be", "value": "Is", "status": "Gate"}
    caption = "What the model must keep"
    return table(rows, caption=caption, headings=headings, states=["status"])


def metrics_table(found: Mapping[str, Any]) -> Table:
    """Return every metric of the model beside its baselines, with intervals."""
    present = {name: scores(found, name) for name in NAMES if scores(found, name)}
    rows = [
        {"metric": label(found, metric)}
        | {name: estimate_text(each.get(metric)) for name, each in present.items()}
        for metric in present.get("model", {})
    ]
    floor = calibration_floor(found)
    if floor is not None and "calibration_error" in present.get("model", {}):
        after = list(present["model"]).index("calibration_error") + 1
        said = f"{label(found, 'calibration_error')} by chance alone"
        rows.insert(after, {"metric": said, "model": wording.number(floor, 3)})
    headings = {"metric": "Metric"} | {name: NAMES[name] for name in present}
    n = found.get("n_test")
    rows_words = f" on {wording.count(n, 'test row')}" if n else ""
    level = wording.percent(found.get("confidence") or 0.95)
    caption = f"Model and baselines{rows_words}, with {level} intervals"
    return table(rows, caption=caption, headings=headings, numbers=present, limit=40)


def comparison_table(proposal: Mapping[str, Any], found: Mapping[str, Any]) -> Table:
    """Return the paired test behind a verdict, a line each fact.

    Parameters
    ----------
    proposal : dict
        The proposal with its paired test against the champion, or without a champion
        against the dummy baseline.
    found : dict
        The evaluation.
    """
    test = proposal.get("paired")
    other, unseen = f"Version {proposal.get('champion')}, in production", True
    if test is None:
        test, other, unseen = proposal["against_dummy"], NAMES["dummy"], False
    digits = max(3, wording.decimals([abs(test["gain"] or 0)]))
    metric = label(found, test["metric"])
    facts = {
        other: wording.number(test["champion"], digits),
        "New model": wording.number(test["challenger"], digits),
        "Gain of the new model": _change(test["gain"], digits),
        "Gain, with 95 % confidence at least": _change(test["lower"], digits),
        "Gain, with 95 % confidence at most": _change(test["upper"], digits),
        "Rows compared": f"{test['n']:,}",
        "Rows that would decide": f"{test['rows_to_decide']:,}"
        if test.get("rows_to_decide")
        else "",
        "Test": short_method(test["method"]),
    }
    rows = [{"fact": name, "is": text} for name, text in facts.items() if text]
    where = " on rows that neither was trained on" if unseen else ""
    return table(
        rows,
        caption=f"{metric} of both{where}; a gain above 0 is better",
        headings={"fact": "", "is": metric},
        numbers=["is"],
    )


def short_method(method: str) -> str:
    """Return what people call a test, of the name that says all that was done.

    Examples
    --------
    >>> short_method("paired t, with and without Hall's correction for skewness")
    'paired t-test'
    """
    head = method.split(",")[0]
    return METHODS.get(head, head)


def _change(value: float | None, digits: int) -> str:
    return wording.ABSENT if value is None else wording.signed(value, digits)


def estimate_text(estimate: Mapping[str, Any] | None) -> str:
    """Return a metric's value with its interval as text.

    Examples
    --------
    >>> estimate_text({"value": 0.91, "lower": 0.88, "upper": 0.93})
    '0.910 (0.880 to 0.930)'
    """
    if estimate is None or estimate.get("value") is None:
        return wording.ABSENT
    digits = wording.decimals([estimate["value"]])
    value = wording.number(estimate["value"], digits)
    if estimate.get("lower") is None or estimate.get("upper") is None:
        return value
    return f"{value} ({wording.interval(estimate['lower'], estimate['upper'], digits)})"
