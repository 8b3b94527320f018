"""What a step came to, in a sentence and a few numbers: what its page begins with."""

from __future__ import annotations

from typing import Any

import pandas as pd

from mlkit.data import Dataset
from mlkit.report import Outcome, wording
from mlkit.train import Trained


def data_outcome(dataset: Dataset) -> Outcome:
    """Say whether the data can be trained on without a second look.

    Parameters
    ----------
    dataset : Dataset
        Data that passed every check that would stop a run.
    """
    suspects = [check.column for check in dataset.leakage if check.column]
    if dataset.leakage:
        names = wording.listing(suspects) or "a set of columns"
        return Outcome(
            "warning",
            f"The answer may stand in the data: look at {names}",
            "A model that knows the answer looks perfect and is useless. Nothing is "
            "promoted until the suspects are ignored, or accepted in "
            "data.accept_leakage.",
        )
    warnings = len(dataset.warnings)
    checks = wording.count(len(dataset.checks), "check")
    if warnings:
        return Outcome(
            "warning",
            f"The data can be trained on; {wording.count(warnings, 'warning')} to read",
            f"Of {checks}, none failed.",
        )
    return Outcome("ok", "The data can be trained on", f"All {checks} passed.")


def data_numbers(dataset: Dataset) -> list[dict[str, Any]]:
    """Return the sizes of the data, for :class:`mlkit.report.KeyNumber`."""
    cells = dataset.X()
    missing = float(cells.isna().to_numpy().mean()) if cells.size else 0.0
    return [
        {"label": "Rows", "value": len(dataset.frame)},
        {"label": "Training rows", "value": len(dataset.train_rows)},
        {"label": "Test rows", "value": len(dataset.test_rows)},
        {"label": "Features", "value": len(dataset.schema.features)},
        {"label": "Missing cells", "value": wording.percent(missing)},
    ]


def data_facts(dataset: Dataset) -> dict[str, Any]:
    """Return what the run's record says of the data."""
    facts: dict[str, Any] = {
        "rows": len(dataset.frame),
        "train_rows": len(dataset.train_rows),
        "test_rows": len(dataset.test_rows),
        "features": len(dataset.schema.features),
        "cutoff": dataset.cutoff,
        "leakage": [check.to_dict() for check in dataset.leakage],
    }
    time = [c.name for c in dataset.schema.columns if c.role == "time"]
    if time and dataset.frame[time[0]].notna().any():
        moments = dataset.frame[time[0]]
        facts |= {"first": moment(moments.min()), "last": moment(moments.max())}
    return facts


def moment(at: pd.Timestamp | float) -> str:
    """Return a moment of the time column as text: a date, or a number such as a year.

    Examples
    --------
    >>> moment(pd.Timestamp("2026-01-02")), moment(2026.0)
    ('2026-01-02T00:00:00', '2026')
    """
    return at.isoformat() if isinstance(at, pd.Timestamp) else f"{at:.12g}"


def train_outcome(trained: Trained) -> Outcome:
    """Say what was fitted and why."""
    convergence = trained.convergence
    if convergence is not None and not convergence["converged"]:
        return Outcome(
            "warning",
            f"{trained.estimator} was fitted, and stopped before it converged",
            f"It made {convergence['passes']} of at most {convergence['limit']} "
            "passes; train.options.max_iter allows more.",
        )
    rows = wording.count(trained.n_train, "row")
    return Outcome(
        "ok",
        f"{trained.estimator} was fitted on {rows}",
        f"Chosen because: {trained.reason}.",
    )


def train_numbers(trained: Trained) -> list[dict[str, Any]]:
    """Return the sizes of the training, for :class:`mlkit.report.KeyNumber`."""
    numbers: list[dict[str, Any]] = [
        {"label": "Training rows", "value": trained.n_train},
        {"label": "Model", "value": trained.estimator},
        {"label": "Digest", "value": trained.digest[:12]},
    ]
    if trained.candidates:
        best = min(trained.candidates, key=lambda candidate: candidate.mean)
        numbers.append({"label": "Cross-validated loss", "value": float(best.mean)})
    return numbers
