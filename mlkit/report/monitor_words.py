"""The words of a check of a model in production: verdict, causes, metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlkit.report import wording
from mlkit.report.views import Outcome

HEADLINES = {
    "healthy": "The model in production is healthy",
    "degraded": "The model in production needs a look",
    "critical": "The model in production is not to be relied on",
}
UNLOGGED = "unlogged"
# Of what is said in a cell of a table.
LONGEST_SENTENCE = 600
HOW_TO_LOG = (
    "The prediction log holds no answer of this model. Let the service that answers "
    "call log_prediction of mlkit.prediction_log.PredictionLogger, with the folder "
    "that monitor.log names, and check again."
)


def health_outcome(found: Mapping[str, Any]) -> Outcome:
    """Return what a check of a model in production came to.

    Parameters
    ----------
    found : mapping
        ``status``, ``reason``, ``issues``, ``predictions`` and ``version``, as
        ``Check.summary()`` of :mod:`mlkit.monitor` gives them.

    Examples
    --------
    >>> health_outcome({"status": "healthy", "reason": "", "predictions": 0}).headline
    'Nothing is logged yet'
    """
    status = str(found.get("status"))
    if unlogged(found):
        return Outcome(UNLOGGED, "Nothing is logged yet", HOW_TO_LOG)
    headline = HEADLINES.get(status, "It is not known whether the model is healthy")
    version = found.get("version")
    if version:
        headline = headline.replace("The model", f"Version {version}")
    return Outcome(status, headline, wording.capital(str(found.get("reason") or "")))


def unlogged(found: Mapping[str, Any]) -> bool:
    """Return whether nothing was there to be judged, and nothing was found wrong."""
    grave = (each for each in found.get("issues") or () if each["severity"] != "info")
    return not found.get("predictions") and not any(grave)


def label_of(metric: str) -> str:
    """Return how people call a metric.

    Examples
    --------
    >>> label_of("roc_auc"), label_of("cost")
    ('ROC AUC', 'cost')
    """
    from mlkit.metrics import METRICS

    return METRICS[metric].label if metric in METRICS else metric


def greater_is_better(metric: str) -> bool | None:
    """Return the direction of a metric; None for one of the user's own."""
    from mlkit.metrics import METRICS

    return METRICS[metric].greater_is_better if metric in METRICS else None


def cause_in_words(cause: str) -> str:
    """Return what an alert is about, as a reader says it.

    Examples
    --------
    >>> cause_in_words("performance.roc_auc"), cause_in_words("labels")
    ('Performance: ROC AUC', 'Outcomes')
    >>> cause_in_words("quality.age"), cause_in_words("retrain.failed")
    ('Data quality: age', 'Retrain failed')
    """
    area, _, detail = cause.partition(".")
    if area == "retrain":
        return f"Retrain {detail}".strip()
    name = AREAS.get(area, wording.capital(area))
    if not detail:
        return name
    return f"{name}: {label_of(detail) if area in OF_A_METRIC else detail}"


AREAS = {
    "performance": "Performance",
    "calibration": "Calibration",
    "drift": "Drift",
    "quality": "Data quality",
    "errors": "Errors",
    "latency": "Latency",
    "volume": "Volume",
    "labels": "Outcomes",
    "log": "Prediction log",
    "trend": "Trend",
    "expected": "Expected performance",
    "challenger": "Another version",
}
# What follows the point in their causes is a metric.
OF_A_METRIC = ("performance", "trend", "expected")


def evidence_in_words(evidence: Mapping[str, Any]) -> str:
    """Return the numbers behind a finding as a phrase.

    Examples
    --------
    >>> evidence_in_words({"value": 0.8123, "max_loss": 0.02, "n": 1200})
    'value 0.812, max loss 0.020, n 1,200'
    """
    told = []
    for name, value in evidence.items():
        text = _value(value)
        if text:
            told.append(f"{name.replace('_', ' ')} {text}")
    return ", ".join(told)


def _value(value: Any) -> str:
    match value:
        case None | bool():
            return ""
        case int() | float():
            return wording.number(value)
        case str():
            return value
        case [*items] if all(isinstance(item, str) for item in items):
            return wording.listing(list(items))
        case [int() | float() as low, int() | float() as high]:
            return wording.interval(low, high)
    return ""


def milliseconds(value: float) -> str:
    """Return how long an answer took.

    Examples
    --------
    >>> milliseconds(11.03), milliseconds(0.42), milliseconds(2500.0)
    ('11 ms', '0.4 ms', '2.5 s')
    """
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"
