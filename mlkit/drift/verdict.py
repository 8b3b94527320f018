"""The verdict about the data as a whole, and the one reason that decided it."""

from __future__ import annotations

from dataclasses import replace

from mlkit.drift import wording
from mlkit.drift.records import DriftReport
from mlkit.params.models import Drift

# One column of a small table is no large share of it: its own effect has to say so.
FEWEST = 2


def judge(report: DriftReport, params: Drift) -> DriftReport:
    """Return the report with its verdict.

    The data have drifted when the table broke its schema, the predictions drifted, the
    performance dropped, one flagged column has an effect of at least ``large_effect``,
    or at least ``drift_share`` of the columns, and two, are flagged.

    Parameters
    ----------
    report : DriftReport
        Its columns, predictions and performance judged.
    params : Drift
        The section ``drift`` of the case.
    """
    reasons = list(_reasons(report, params))
    if reasons:
        return replace(report, verdict="drift", reason=". ".join(reasons) + ".")
    if report.flagged:
        return replace(report, verdict="columns", reason=wording.some_columns(report))
    return replace(report, verdict="none", reason=wording.no_drift(report))


def _reasons(report: DriftReport, params: Drift) -> list[str]:
    flagged = [column for column in report.columns if column.flagged]
    broken = [column for column in flagged if column.broken]
    large = [
        column
        for column in flagged
        if not column.broken and (column.effect or 0.0) >= params.large_effect
    ]
    judged = [
        column
        for column in report.columns
        if column.flagged or column.state != "not compared"
    ]
    found = []
    if broken:
        found.append(wording.broken(broken))
    if report.performance is not None and report.performance.dropped:
        found.append(wording.sentence_start(report.performance.reason))
    shifted = [each for each in report.predictions if each.flagged]
    if shifted:
        found.append(wording.predictions(shifted, params))
    if large:
        found.append(wording.large(large, params))
    many = len(flagged) >= max(FEWEST, params.drift_share * len(judged))
    if judged and many:
        found.append(wording.many(len(flagged), len(judged), params))
    return found
