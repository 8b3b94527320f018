"""Champion and challenger: two versions that were asked about the same requests."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from mlkit.alerts import Finding
from mlkit.data.wording import counted
from mlkit.metrics import MetricSpec, PairedTest, Scored, paired_test, show
from mlkit.monitor.answers import Answers
from mlkit.monitor.figures import Measures
from mlkit.monitor.found import Found
from mlkit.monitor.performance import scored_for
from mlkit.monitor.records import Challenger


def compare_versions(
    frame: pd.DataFrame,
    answers: Answers,
    version: str,
    challenger: str,
    spec: MetricSpec,
    measures: Measures,
    *,
    min_gain: float,
) -> Challenger | None:
    """Return how the version in staging does on requests that both answered.

    Requests are the same where their ids are.

    Parameters
    ----------
    frame : DataFrame of shape (n, n_columns)
        ``id``, ``version`` and ``error``.
    answers : Answers
        The predictions and outcomes of these rows.
    version, challenger : str
        The version that is judged, and the other.
    spec : MetricSpec
        The primary metric.
    measures : Measures
        How many outcomes are needed.
    min_gain : float
        The smallest gain that matters, in the metric's unit.

    Returns
    -------
    Challenger or None
        None where the log has no answer of the other version.
    """
    by_chance = spec.needs == "probability"
    usable = answers.by_probability if by_chance else answers.known
    sides = [_places(frame, name, usable) for name in (version, challenger)]
    if not (frame["version"] == challenger).any():
        return None
    both = sides[0].index.intersection(sides[1].index)
    if len(both) < measures.min_labels:
        reason = (
            f"version {challenger} is in staging; {counted(len(both), 'request')} that "
            f"both answered have an outcome, and {measures.min_labels} are needed "
            "(monitor.min_labels)"
        )
        return Challenger(challenger, len(both), None, "undecided", reason)
    scored = [_same(answers, spec, side[both].to_numpy()) for side in sides]
    test = paired_test(
        spec,
        *scored,
        min_gain=min_gain,
        confidence=measures.confidence,
        resamples=measures.resamples,
        seed=measures.seed,
    )
    return _told(test, spec, version, challenger)


def _same(answers: Answers, spec: MetricSpec, places: np.ndarray) -> Scored:
    """Return rows in the order of their ids, which both sides share."""
    scored = scored_for(spec, answers.take(places), np.ones(len(places), dtype=bool))
    assert scored is not None
    return scored


def _told(
    test: PairedTest, spec: MetricSpec, version: str, challenger: str
) -> Challenger:
    verdict: Literal["better", "not better", "undecided"] = "undecided"
    if test.defined:
        verdict = "better" if test.better else verdict
        verdict = "not better" if test.not_better else verdict
    gain = test.reason or f"gains {show(test.gain)}, at least {show(test.lower)}"
    reason = (
        f"version {challenger} {gain} in {spec.label} over {version} on "
        f"{counted(test.n, 'request')}: {verdict}"
    )
    return Challenger(challenger, test.n, test.to_dict(), verdict, reason)


def _places(frame: pd.DataFrame, version: str, usable: np.ndarray) -> pd.Series:
    """Return the last row of each id that a version answered."""
    rows = (frame["version"] == version).to_numpy() & usable
    places = pd.Series(np.flatnonzero(rows), index=frame["id"].to_numpy()[rows])
    return places[~places.index.duplicated(keep="last")]


def judge_challenger(found: Challenger | None) -> Found:
    """Return whether another version is better, as a finding."""
    if found is None or found.test is None:
        return Found()
    if found.verdict != "better":
        return Found(checked=("challenger",))
    evidence = {name: found.test[name] for name in ("gain", "lower", "p_value", "n")}
    told = Finding("challenger", "info", found.reason, evidence, found.version)
    return Found((told,), ("challenger",))
