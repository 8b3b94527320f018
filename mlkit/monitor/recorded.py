"""Figures that were measured elsewhere, and what they say of the model's health."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from mlkit.alerts import Finding
from mlkit.drift import Performance
from mlkit.metrics import METRICS, show
from mlkit.monitor.found import Found
from mlkit.monitor.journal import Journal
from mlkit.monitor.records import Recorded

NAME = "performance"
# Shares of rows, whose scatter follows from their number.
SHARES = frozenset({"accuracy", "precision", "recall"})
# Least and greatest value of the metrics that have any.
UNIT = (0.0, 1.0)
BEYOND_0 = (0.0, math.inf)
RANGES = {
    **dict.fromkeys(("accuracy", "precision", "recall", "f1", "roc_auc"), UNIT),
    **dict.fromkeys(("average_precision", "calibration_error"), UNIT),
    **dict.fromkeys(("mae", "rmse", "mape", "log_loss", "brier"), BEYOND_0),
    "r2": (-math.inf, 1.0),
}
NORMAL_95 = 1.959963984540054


def checked_figures(figures: Mapping[str, float], n: int | None) -> dict[str, float]:
    """Return figures as plain numbers.

    Raises
    ------
    ValueError
        When there is none, one is no finite number or none that its metric could have,
        or `n` is below 1.
    """
    rows = isinstance(n, (int, np.integer)) and not isinstance(n, bool)
    known = isinstance(figures, Mapping) and len(figures)
    if not known or (n is not None and not (rows and n >= 1)):
        raise ValueError(
            "performance is recorded as metric and value, such as {'accuracy': 0.91}, "
            f"of n rows, a whole number of 1 or more; got {figures!r} and n = {n!r}"
        )
    return {str(name): _plain(str(name), value) for name, value in figures.items()}


def _plain(name: str, value: object) -> float:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not math.isfinite(value):  # type: ignore[arg-type]
        raise ValueError(
            f"a figure must be a finite number, got {name} = {value!r}; leave out "
            "what has no value"
        )
    plain = float(value)  # type: ignore[arg-type]
    low, high = RANGES.get(name, (-math.inf, math.inf))
    if not low <= plain <= high:
        reach = f"{low:g} or more" if high == math.inf else f"at most {high:g}"
        rule = reach if math.inf in (high, -low) else f"from {low:g} to {high:g}"
        raise ValueError(
            f"{name} is {rule}, got {plain:g}; figures are as mlkit computes them, "
            "shares not in percent"
        )
    return plain


def read_recorded(folder: Path, *, now: datetime, days: int) -> tuple[Recorded, ...]:
    """Return what was recorded in so many days, the newest first."""
    entries = Journal(folder, NAME).read(since=now - timedelta(days=days))
    found = [
        Recorded(each["at"], each.get("version"), each.get("n"), each["figures"])
        for each in entries
        if isinstance(each.get("figures"), dict) and isinstance(each.get("at"), str)
    ]
    return tuple(reversed(found))


def judge_recorded(
    recorded: Sequence[Recorded],
    reference: Performance | None,
    *,
    version: str | None,
    max_loss: float,
) -> Found:
    """Return which recorded metrics have dropped, as findings.

    The newest figure of each metric of the version is compared with the one from when
    the version was registered, else with the first that was recorded. Where the number
    of rows is known and the metric is a share of them, the loss must be beyond chance;
    else only beyond ``drift.max_loss``.
    """
    mine = [each for each in recorded if each.version in (None, version)]
    names = dict.fromkeys(name for each in mine for name in each.figures)
    findings, checked = [], []
    for name in names:
        spec = METRICS.get(name)
        values = [each for each in mine if name in each.figures]
        newest, first = values[0], values[-1]
        was, of = first.figures[name], first.n
        if reference is not None and reference.metric == name and reference.value:
            was, of = reference.value, reference.n
        elif newest is first:
            continue
        if spec is None:
            continue
        now = newest.figures[name]
        cause = f"performance.{name}"
        checked.append(cause)
        loss = (was - now) * spec.sign
        chance = _chance(name, now, newest.n) + _chance(name, was, of)
        if loss > max_loss and loss > NORMAL_95 * math.sqrt(chance):
            said = (
                f"{spec.label} {show(now)} was recorded, and it was {show(was)}: worse "
                f"by {show(loss)}, and {max_loss:g} is allowed (drift.max_loss)"
            )
            evidence = {"value": now, "reference": was, "loss": loss, "n": newest.n}
            findings.append(Finding(cause, "warning", said, evidence, version))
    return Found(tuple(findings), tuple(checked))


def _chance(name: str, value: float, n: int | None) -> float:
    """Return the variance of a share of rows; 0 where it is not known."""
    if name not in SHARES or not n or not 0 <= value <= 1:
        return 0.0
    return value * (1 - value) / n
