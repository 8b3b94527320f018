"""Figures that were measured elsewhere, and what they say of the model's health."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from mlkit.alerts import Finding
from mlkit.drift import Performance
from mlkit.metrics import METRICS, show
from mlkit.monitor.found import Found
from mlkit.monitor.journal import Journal
from mlkit.monitor.records import Recorded

NAME = "performance"
# Shares of rows, whose scatter follows from their number.
SHARES = frozenset({"accuracy", "precision", "recall"})
NORMAL_95 = 1.959963984540054


def checked_figures(figures: Mapping[str, float], n: int | None) -> dict[str, float]:
    """Return figures as plain numbers.

    Raises
    ------
    ValueError
        When there is none, one is no finite number, or `n` is below 1.
    """
    plain = {}
    for name, value in figures.items():
        if isinstance(value, bool) or not math.isfinite(float(value)):
            raise ValueError(
                f"a figure must be a finite number, got {name} = {value!r}; leave out "
                "what has no value"
            )
        plain[str(name)] = float(value)
    if not plain or (n is not None and n < 1):
        raise ValueError(
            "performance is recorded as metric and value, such as {'accuracy': 0.91}, "
            f"of n rows, 1 or more; got {len(plain)} figures and n = {n}"
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
