"""Expectation: how good the predictions without an outcome are likely to be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from mlkit.alerts import Finding
from mlkit.label_free import (
    ESTIMABLE,
    Expected,
    LabelledAnswers,
    estimate_classification,
    estimate_regression,
    labelled_answers,
)
from mlkit.metrics import METRICS
from mlkit.monitor.found import Found
from mlkit.monitor.looking import Look
from mlkit.monitor.trends import NORMAL_95

Rows = NDArray[np.bool_]

# With fewer rows than this neither side says much.
FEWEST = 50
# More than the newest ones say hardly more, and take seconds.
MOST_LABELLED = 50_000


@dataclass(frozen=True)
class Expectation:
    """What is expected, and what the reader must know of it.

    Attributes
    ----------
    expected : tuple of Expected
        Of each metric that can be estimated.
    notes : tuple of str
        Where the labelled answers come from, and what could not be estimated.
    """

    expected: tuple[Expected, ...] = ()
    notes: tuple[str, ...] = ()


def expect(looked: Look) -> Expectation:
    """Return what is to be expected of the answers whose outcome is not known.

    What is known of the version's answers comes from the registry, where it is kept
    with the version; else from the newest logged answers whose outcome is known.
    """
    answers = looked.answers
    classes = answers.asked.classes is not None
    usable = looked.answered & (
        np.isfinite(answers.predicted)
        if answers.probabilities is None
        else np.isfinite(answers.probabilities).all(axis=1)
    )
    waiting = usable & ~np.isfinite(answers.truth)
    if (classes and answers.probabilities is None) or waiting.sum() < FEWEST:
        return Expectation()
    known = looked.watched.labelled or _from_log(looked, usable)
    if known is None or known.task != answers.asked.task:
        return Expectation()
    said = (
        "Without outcomes, performance is estimated from "
        f"{known.rows:,} answers of the log whose outcome is known."
    )
    notes = (said,) if looked.watched.labelled is None else ()
    expected = _estimated(looked, known, waiting)
    return Expectation(expected, (*notes, *_withheld(expected)))


def _withheld(expected: tuple[Expected, ...]) -> tuple[str, ...]:
    why = dict.fromkeys(each.withheld for each in expected if each.withheld is not None)
    named = {
        said: [METRICS[each.metric].label for each in expected if each.withheld == said]
        for said in why
    }
    return tuple(
        f"Without outcomes, {', '.join(labels)} cannot be estimated: {said}."
        for said, labels in named.items()
    )


def _from_log(looked: Look, usable: Rows) -> LabelledAnswers | None:
    answers = looked.answers
    rows = _newest(usable & np.isfinite(answers.truth), MOST_LABELLED)
    schema = looked.watched.schema
    scored = (
        answers.labels(rows) if answers.probabilities is None else answers.scored(rows)
    )
    if scored is None or scored.n < FEWEST:
        return None
    return labelled_answers(
        answers.asked.task,
        scored.y,
        scored.prediction,
        features=None if schema is None else _features(looked, rows),
        schema=schema,
        threshold=answers.asked.threshold,
        average=answers.asked.average,
        seed=looked.params.seed,
    )


def _newest(rows: Rows, most: int) -> Rows:
    """Return the last of the rows, which are in order of time."""
    found = np.zeros_like(rows)
    found[np.flatnonzero(rows)[-most:]] = True
    return found


def _features(looked: Look, rows: Rows) -> pd.DataFrame | None:
    """Return what was logged of the features, but for what the log keeps as hashes."""
    features = looked.gathered.features
    hidden = {*looked.watched.hidden, *looked.params.data.sensitive}
    found = features.loc[rows, [name for name in features if name not in hidden]]
    return found if len(found.columns) else None


def _estimated(
    looked: Look, known: LabelledAnswers, waiting: Rows
) -> tuple[Expected, ...]:
    answers, max_loss = looked.answers, looked.params.drift.max_loss
    wanted = [spec.name for spec in looked.measures.specs]
    features = _features(looked, waiting)
    if answers.probabilities is None:
        return estimate_regression(
            known,
            answers.predicted[waiting],
            features,
            metrics=[name for name in ("mae", "rmse") if name in wanted],
            max_loss=max_loss,
        )
    return estimate_classification(
        known,
        answers.probabilities[waiting],
        features,
        metrics=[name for name in wanted if name in ESTIMABLE],
        max_loss=max_loss,
        seed=looked.params.seed,
    )


def judge_expected(
    expected: tuple[Expected, ...], primary: str, *, max_loss: float, level: float
) -> Found:
    """Return whether the primary metric is expected to have dropped, as a finding.

    Where the primary metric cannot be estimated, the first that can. What is withheld
    is not judged: an alert of it is neither raised nor resolved.
    """
    given = [each for each in expected if each.withheld is None]
    if not given:
        return Found()
    found = next((each for each in given if each.metric == primary), given[0])
    cause = f"expected.{found.metric}"
    half = max(found.upper - found.value, found.value - found.lower)
    loss = METRICS[found.metric].sign * (found.reference - found.value)
    wider = float(stats.norm.isf(level)) / NORMAL_95
    if not found.dropped or loss <= max(max_loss, wider * half):
        return Found(checked=(cause,))
    evidence = {
        "value": found.value,
        "lower": found.lower,
        "upper": found.upper,
        "reference": found.reference,
        "rows": found.rows,
    }
    said = f"without outcomes, {found.reason}"
    return Found((Finding(cause, "warning", said, evidence),), (cause,))
