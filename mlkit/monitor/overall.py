"""The verdict on the data as a whole, from columns that any method or engine judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from mlkit.drift import DriftReport, wording
from mlkit.drift.records import BROKEN
from mlkit.monitor.detected import ColumnVerdict, Detected
from mlkit.params.models import Drift


def one_by_one(why: str) -> str:
    """Say what is not seen where columns are not looked at together, and why."""
    return (
        f"Columns are compared one by one: {why}. A change that is only in how columns "
        "go together is not seen."
    )


def drifted_names(columns: Mapping[str, ColumnVerdict]) -> tuple[str, ...]:
    """Return the names of the columns that drifted."""
    return tuple(name for name, each in columns.items() if each.drifted)


def judge_all(found: Detected, report: DriftReport, params: Drift) -> Detected:
    """Return a detection with score and verdict from its columns and the predictions.

    The data have drifted when ``drift_share`` of the compared columns have, when one is
    absent, of another kind or without values, or when the predictions have, as
    :func:`mlkit.drift.detect` judges them.

    Parameters
    ----------
    found : Detected
        Its columns judged.
    report : DriftReport
        What mlkit's own tests say of the predictions.
    params : Drift
        The bounds.
    """
    compared = [
        each
        for each in found.columns.values()
        if each.drifted or each.verdict != "not compared"
    ]
    flagged = drifted_names(found.columns)
    score = len(flagged) / max(len(compared), 1)
    # A share such as 3 of 10 must not be lost to rounding.
    many = bool(flagged) and score >= params.drift_share - 1e-9
    moved = [
        each
        for each in report.predictions
        if any(t.flagged and t.lower >= params.prediction_effect for t in each.tests)
    ]
    lacking = _broken(found.columns)
    drifted = many or bool(moved) or bool(lacking)
    some = bool(flagged) or any(each.flagged for each in report.predictions)
    parts = [
        f"{len(flagged)} of {len(compared)} compared columns have drifted, "
        f"{wording.percent(score)}, and {wording.percent(params.drift_share)} make "
        "drift of the data"
    ]
    if lacking:
        parts.append(f"The frame lacks what was there: {', '.join(lacking)}")
    if moved:
        parts.append(wording.predictions(moved, params))
    return replace(
        found,
        drifted=drifted,
        drifted_columns=flagged,
        score=score,
        verdict="drift" if drifted else "columns" if some else "none",
        reason=". ".join(parts) + ".",
    )


def _broken(columns: Mapping[str, ColumnVerdict]) -> list[str]:
    return [
        f"{name!r} ({each.verdict})"
        for name, each in columns.items()
        if each.verdict in BROKEN
    ]


def too_few(names: Iterable[str], reason: str) -> dict[str, ColumnVerdict]:
    """Return columns of which there are too few rows to judge them."""
    nothing = ColumnVerdict(None, None, None, "too_few", "none", None, False, reason)
    return dict.fromkeys(names, nothing)
