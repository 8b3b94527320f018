"""The metrics of a case by name: those of its task and those of the user's own."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from mlkit.metrics import METRICS, MetricSpec, metrics_for, own_metric
from mlkit.params import Params

# Names by which people know a metric that is called otherwise here.
ALSO_KNOWN = {
    "acc": "accuracy",
    "ap": "average_precision",
    "auc": "roc_auc",
    "auprc": "average_precision",
    "auroc": "roc_auc",
    "brier_score": "brier",
    "cross_entropy": "log_loss",
    "ece": "calibration_error",
    "f1_score": "f1",
    "logloss": "log_loss",
    "mean_absolute_error": "mae",
    "mean_squared_error": "rmse",
    "mse": "rmse",
    "pr_auc": "average_precision",
    "r_squared": "r2",
}


def metric_specs(params: Params) -> dict[str, MetricSpec]:
    """Return the metrics of a case: those of its task, then the user's own.

    Raises
    ------
    ValueError
        When a metric of the user's own takes the name of another or cannot be imported.
    """
    specs = metrics_for(params.task)
    for position, own in enumerate(params.evaluate.metrics):
        key = f"evaluate.metrics[{position}]"
        if own.name in METRICS or own.name in specs:
            raise ValueError(
                f"{key}.name must differ from every other metric's, got {own.name!r}. "
                "Choose another name."
            )
        try:
            specs[own.name] = own_metric(
                own.name,
                own.path,
                needs=own.needs,
                greater_is_better=own.greater_is_better,
            )
        except ValueError as error:
            raise ValueError(f"{key}.path: {error}") from error
        if params.task not in specs[own.name].tasks:
            raise ValueError(
                f"{key}.needs must fit a {params.task} task, got {own.needs!r}. Write "
                f"{'value' if params.task == 'regression' else 'label or probability'}."
            )
    return specs


def check_metric_names(params: Params) -> None:
    """Check every metric that the params name.

    Raises
    ------
    ValueError
        When the primary metric or a gate names none that exists for the task, or a
        metric of the user's own cannot be used; the message starts with the key's path.
    """
    specs = metric_specs(params)
    _check("evaluate.primary", params.primary, specs, params)
    for position, gate in enumerate(params.evaluate.gates):
        if gate.metric != "primary":
            _check(f"evaluate.gates[{position}].metric", gate.metric, specs, params)


def _check(key: str, name: str, known: Iterable[str], params: Params) -> None:
    names = list(known)
    if name in names:
        return
    rule = f"must be one of {', '.join(names)}"
    if name in METRICS:
        where = " and ".join(METRICS[name].tasks)
        rule = f"{rule} in a {params.task} task ({name} is a metric of {where} tasks)"
    near = nearest(name, names)
    step = f"Did you mean {near!r}?" if near else "Declare it in evaluate.metrics."
    raise ValueError(f"{key} {rule}, got {name!r}. {step}")


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the metric that a name was probably meant to be, None without one."""
    known = list(names)
    folded = name.casefold().replace("-", "_").replace(" ", "_")
    meant = ALSO_KNOWN.get(folded)
    if meant in known:
        return meant
    found = difflib.get_close_matches(folded, known, n=1, cutoff=0.5)
    return found[0] if found else None
