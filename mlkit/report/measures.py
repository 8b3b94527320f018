"""Measures: the metrics of a run, read from the evaluation it recorded."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from mlkit.report import wording
from mlkit.report.summary import Run, scraps
from mlkit.report.tables import Table, table
from mlkit.report.views import KeyNumber

MODEL_NAMES = {"model": "Model", "linear": "Linear baseline", "dummy": "Dummy baseline"}
MOST = 5
FILLERS = (
    "roc_auc", "accuracy", "f1", "calibration_error", "log_loss", "r2", "rmse", "mae"
)  # fmt: skip


def evaluation(run: Run) -> dict[str, Any]:
    """Return what the step ``evaluate`` found, or nothing."""
    return dict(scraps(run, "evaluate").get("evaluation") or {})


def metric_label(name: str) -> str:
    """Return how people call a metric.

    Examples
    --------
    >>> metric_label("roc_auc"), metric_label("cost_per_job")
    ('ROC AUC', 'cost_per_job')
    """
    spec = _metrics().get(name)
    return name if spec is None else str(spec.label)


def greater_is_better(
    name: str, params: Mapping[str, Any] | None = None
) -> bool | None:
    """Return a metric's direction; None for one that nobody declared.

    Parameters
    ----------
    name : str
        The metric.
    params : mapping, optional
        The params of the case, which declare metrics of the user's own.
    """
    for own in ((params or {}).get("evaluate") or {}).get("metrics") or ():
        if own["name"] == name:
            return bool(own["greater_is_better"])
    spec = _metrics().get(name)
    return None if spec is None else bool(spec.greater_is_better)


@functools.cache
def _metrics() -> Mapping[str, Any]:
    # scikit-learn takes its second to import only where a page shows metrics.
    from mlkit.metrics import METRICS

    return METRICS


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
    scores = (found.get("metrics") or {}).get("model") or {}
    before = (evaluation(previous or {}).get("metrics") or {}).get("model") or {}
    gates = {gate["metric"]: gate for gate in found.get("gates") or ()}
    wanted = dict.fromkeys([found.get("primary"), *gates, *FILLERS, *scores])
    names = [name for name in wanted if name in scores][:MOST]
    params = run.get("params") or {}
    confidence = (params.get("evaluate") or {}).get("confidence", 0.95)
    return tuple(
        KeyNumber(
            label=metric_label(name),
            value=scores[name]["value"],
            lower=scores[name]["lower"],
            upper=scores[name]["upper"],
            confidence=confidence,
            previous=(before.get(name) or {}).get("value"),
            greater_is_better=greater_is_better(name, params),
            bound=gate_rule(gates[name]) if name in gates else "",
            kept=gates[name]["passed"] if name in gates else None,
        )
        for name in names
    )


def primary(run: Run) -> tuple[str, dict[str, Any]] | None:
    """Return the name and the estimate of the primary metric; None without one."""
    found = evaluation(run)
    name = found.get("primary")
    estimate = ((found.get("metrics") or {}).get("model") or {}).get(name)
    return None if name is None or estimate is None else (name, dict(estimate))


def gate_rule(gate: Mapping[str, Any]) -> str:
    """Return what a gate asks for, such as ``at least 0.75``."""
    parts = []
    if gate.get("min") is not None:
        parts.append(f"at least {gate['min']:g}")
    if gate.get("max") is not None:
        parts.append(f"at most {gate['max']:g}")
    if gate.get("better_than") is not None:
        by = f" by {gate['by']:g}" if gate.get("by") else ""
        parts.append(f"better than the {gate['better_than']} baseline{by}")
    return " and ".join(parts)


def gates_table(gates: Sequence[Mapping[str, Any]]) -> Table:
    """Return the gates: what each asks for, what was found, whether it is kept."""
    rows = [
        {
            "metric": metric_label(gate["metric"]),
            "rule": gate_rule(gate),
            "value": gate["value"],
            "status": "passed" if gate["passed"] else "failed",
        }
        for gate in gates
    ]
    headings = {"metric": "Metric", "rule": "Must be", "value": "Is", "status": "Gate"}
    return table(
        rows, caption="What the model must keep", headings=headings, states=["status"]
    )


def metrics_table(found: Mapping[str, Any]) -> Table:
    """Return every metric of the model beside its baselines, with intervals."""
    models = {name: found["metrics"].get(name) for name in MODEL_NAMES}
    present = {name: scores for name, scores in models.items() if scores}
    rows = [
        {"metric": metric_label(metric)}
        | {name: estimate_text(scores.get(metric)) for name, scores in present.items()}
        for metric in present.get("model", {})
    ]
    headings = {"metric": "Metric"} | {name: MODEL_NAMES[name] for name in present}
    n = found.get("n_test")
    rows_words = f" on {wording.count(n, 'test row')}" if n else ""
    caption = f"Model and baselines{rows_words}, with intervals"
    return table(rows, caption=caption, headings=headings, numbers=present, limit=40)


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
