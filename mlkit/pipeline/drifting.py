"""Looking for drift: the report of a step, and what is kept of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlkit import drift, label_free, store
from mlkit.data import Dataset
from mlkit.drift import DriftReport, Performance
from mlkit.label_free import LabelledAnswers
from mlkit.pipeline import labelled
from mlkit.pipeline.artifacts import (
    LABEL_FREE,
    PROFILE,
    REFERENCE_ROWS,
    predict_all,
    production_importances,
)
from mlkit.pipeline.compared import Compared
from mlkit.pipeline.steps import Step, reset
from mlkit.pipeline.together import look_together
from mlkit.report import Outcome, summary, wording


def find_drift(step: Step, compared: Compared) -> DriftReport:
    """Say whether the current rows still look like the reference.

    Parameters
    ----------
    step : Step
        The step.
    compared : Compared
        What :func:`compare_rows` returned.
    """
    reference, frame, schema = compared.reference, compared.frame, compared.schema
    if reference is None or frame is None or schema is None:
        return DriftReport("not_applicable", compared.what)
    if compared.same:
        rows = len(frame)
        return DriftReport(
            "none", compared.what, rows=reference.rows, current_rows=rows
        )
    return drift.detect(
        reference,
        frame,
        schema,
        params=step.params.drift,
        predictions=compared.predictions,
        performance=compared.performance,
        broken=compared.broken,
        importances=production_importances(step),
        multivariate=look_together(step, compared),
        seed=step.params.seed,
        notes=(compared.what, *compared.notes),
    )


def save_drift(step: Step, compared: Compared, report: DriftReport) -> dict[str, Any]:
    """Write the report, and the profile of this run's model for later checks.

    Without a model of this run, as in a check of its own, no profile is written.

    Returns
    -------
    dict
        What the run's record keeps of the report, plain JSON data.
    """
    reset(step)
    store.write_json(step.files / "drift.json", report.to_dict())
    if compared.dataset is not None and compared.loaded is not None:
        save_reference(step, compared)
    return report.summary()


def save_reference(step: Step, compared: Compared) -> None:
    """Write the reference profile of this run's model, rows, and labelled answers.

    Features are those of the training rows; predictions and the primary metric those of
    the test rows, since a model is surer of rows that it has learned from.
    """
    dataset, loaded = compared.dataset, compared.loaded
    assert dataset is not None
    assert loaded is not None
    answers = predict_all(loaded, dataset)["model"]
    rows, params = dataset.frame.iloc[dataset.train_rows], step.params
    profile = drift.reference_profile(
        rows,
        dataset.schema,
        predictions=answers,
        performance=labelled.measure(
            labelled.Asked.of_params(params), dataset, dataset.test_rows, answers
        ),
    )
    store.write_json(step.files / PROFILE, profile.to_dict())
    sample = drift.reference_sample(
        rows, dataset.schema, most=params.drift.sample, seed=params.seed
    )
    if sample is not None:
        store.write_atomic(step.files / REFERENCE_ROWS, sample.to_parquet())
    kept = _labelled_answers(step, dataset, answers)
    if kept is not None:
        store.write_json(step.files / LABEL_FREE, kept.to_dict())


def _labelled_answers(
    step: Step, dataset: Dataset, answers: np.ndarray
) -> LabelledAnswers | None:
    """Return what estimates before labels come rest on; None with too few test rows.

    Of a sensitive regression target nothing is kept, for its predictions are values.
    """
    rows, schema = dataset.test_rows, dataset.schema
    hidden = schema.task == "regression" and schema.column(schema.target).sensitive
    if hidden or len(rows) < label_free.FEWEST_ROWS:
        return None
    return label_free.labelled_answers(
        schema.task,
        dataset.target(rows),
        answers,
        features=dataset.X(rows),
        schema=schema,
        threshold=step.params.evaluate.threshold,
        average=step.params.evaluate.average,
        seed=step.params.seed,
    )


def drift_outcome(report: DriftReport) -> Outcome:
    """Say what a drift check came to, for the head of its page."""
    return summary.drift_outcome(report.summary())


def drift_numbers(report: DriftReport) -> list[dict[str, Any]]:
    """Return the few numbers that matter, for :class:`mlkit.report.KeyNumber`."""
    numbers: list[dict[str, Any]] = []
    if report.columns:
        numbers.append(
            {
                "label": "Columns flagged",
                "value": f"{len(report.flagged)} of {len(report.columns)}",
            }
        )
    effects = [c for c in report.columns if c.effect is not None]
    if effects:
        worst = max(effects, key=lambda column: (column.flagged, column.effect or 0))
        numbers.append(
            {
                "label": "Largest effect",
                "value": worst.effect,
                "meaning": f"{worst.name}; 0 is no change, 1 a complete one",
            }
        )
    if report.predictions:
        shifted = max(each.effect or 0.0 for each in report.predictions)
        meaning = "share of predictions that moved across some value"
        numbers.append({"label": "Predictions", "value": shifted, "meaning": meaning})
    if report.performance is not None:
        numbers.append(_performance(report.performance.current))
    if report.current_rows:
        numbers.append(
            {
                "label": "Current rows",
                "value": report.current_rows,
                "meaning": f"against {_rows(report.rows, report.period)}",
                "note": _span(report.current_period),
            }
        )
    return numbers


def _rows(rows: int, period: tuple[str, str] | None) -> str:
    counted = wording.count(rows, "row")
    return f"{counted}, {span}" if (span := _span(period)) else counted


def _span(period: tuple[str, str] | None) -> str:
    """Return the days, or the numbers, between which rows lie."""
    if period is None:
        return ""
    first, last = (moment.split("T")[0] for moment in period)
    return f"{first} to {last}"


def _performance(current: Performance) -> dict[str, Any]:
    return {
        "label": f"{current.label} now",
        "value": current.value,
        "lower": current.lower,
        "upper": current.upper,
        "greater_is_better": current.greater_is_better,
    }
