"""Gates: bounds, directions, baselines and what their sentences say."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from mlkit.evaluate import gate_results
from mlkit.metrics import METRICS, Estimate
from mlkit.params import Gate


def value(number: float, reason: str | None = None) -> Estimate:
    return Estimate(number, number, number, 50, "by hand", reason)


def scores(**metrics: tuple[float, float, float]) -> dict[str, dict[str, Estimate]]:
    """Return estimates of model, linear and dummy for each metric."""
    return {
        model: {name: value(values[i]) for name, values in metrics.items()}
        for i, model in enumerate(("model", "linear", "dummy"))
    }


SCORES = scores(
    roc_auc=(0.8, 0.75, 0.5), log_loss=(0.4, 0.45, 0.69), rmse=(10.0, 12.0, 20.0)
)


@pytest.mark.parametrize(
    ("gate", "passed"),
    [
        ({"metric": "roc_auc", "min": 0.8}, True),
        ({"metric": "roc_auc", "min": 0.81}, False),
        ({"metric": "log_loss", "max": 0.4}, True),
        ({"metric": "log_loss", "max": 0.39}, False),
        ({"metric": "log_loss", "min": 0.5}, False),
        ({"metric": "roc_auc", "min": 0.7, "max": 0.9}, True),
        ({"metric": "roc_auc", "min": 0.7, "max": 0.75}, False),
        ({"metric": "roc_auc", "better_than": "linear"}, True),
        ({"metric": "roc_auc", "better_than": "linear", "by": 0.04}, True),
        ({"metric": "roc_auc", "better_than": "linear", "by": 0.06}, False),
        ({"metric": "log_loss", "better_than": "linear"}, True),
        ({"metric": "log_loss", "better_than": "linear", "by": 0.06}, False),
        ({"metric": "rmse", "better_than": "dummy", "by": 10}, True),
        ({"metric": "rmse", "better_than": "dummy", "by": 10.5}, False),
        ({"metric": "rmse", "max": 9, "better_than": "dummy"}, False),
        ({"metric": "primary", "better_than": "dummy"}, True),
    ],
)
def test_a_gate_holds_the_value_against_its_bounds(
    gate: dict[str, Any], passed: bool
) -> None:
    (found,) = gate_results([Gate(**gate)], SCORES, METRICS, primary="log_loss")
    assert found.passed is passed
    assert found.sentence.endswith("kept." if passed else "broken.")


def test_no_better_than_the_baseline_is_not_better() -> None:
    same = scores(roc_auc=(0.5, 0.5, 0.5))
    gate = Gate(metric="roc_auc", better_than="dummy")
    (found,) = gate_results([gate], same, METRICS, primary="roc_auc")
    assert not found.passed


def test_a_result_tells_the_metric_the_bound_the_value_and_the_outcome() -> None:
    gates = [
        Gate(metric="primary", better_than="dummy", by=0.1),
        Gate(metric="roc_auc", min=0.9),
        Gate(metric="log_loss", min=0.1, max=0.5),
    ]
    first, second, third = gate_results(gates, SCORES, METRICS, primary="rmse")
    assert (first.metric, first.key) == ("rmse", "evaluate.gates[0]")
    assert first.baseline == 20.0
    assert first.sentence == (
        "Root mean squared error is 10.00 and must be better than the dummy baseline "
        "(20.00) by at least 0.1: kept."
    )
    assert second.sentence == "ROC AUC is 0.800 and must be at least 0.9: broken."
    assert (second.value, second.min, second.max) == (0.8, 0.9, None)
    assert third.bound == "at least 0.1 and at most 0.5"
    record = json.loads(json.dumps(second.to_dict(), allow_nan=False))
    assert record["passed"] is False
    assert record["better_than"] is None


def test_a_value_just_below_its_bound_does_not_read_like_it() -> None:
    near = scores(accuracy=(0.74999, 0.7, 0.5))
    (found,) = gate_results(
        [Gate(metric="accuracy", min=0.75)], near, METRICS, primary="accuracy"
    )
    assert found.sentence == "Accuracy is 0.74999 and must be at least 0.75: broken."


def test_an_undefined_metric_breaks_its_gate_and_says_why() -> None:
    nothing = {"model": {"recall": value(math.nan, "no row is positive")}}
    (found,) = gate_results(
        [Gate(metric="recall", min=0.1)], nothing, METRICS, primary="recall"
    )
    assert not found.passed
    assert found.value is None
    assert found.sentence == (
        "Recall must be at least 0.1 and has no value, as no row is positive: broken."
    )


def test_any_value_is_better_than_a_baseline_that_has_none() -> None:
    model = {"precision": value(0.3)}
    dummy = {"precision": value(math.nan, "no row is predicted positive")}
    (found,) = gate_results(
        [Gate(metric="precision", better_than="dummy")],
        {"model": model, "dummy": dummy},
        METRICS,
        primary="precision",
    )
    assert found.passed
    assert "which has no value (no row is predicted positive)" in found.sentence
    assert found.baseline is None


def test_a_baseline_that_was_not_evaluated_is_refused() -> None:
    with pytest.raises(ValueError, match="gates") as error:
        gate_results(
            [Gate(metric="roc_auc", better_than="linear")],
            {"model": SCORES["model"]},
            METRICS,
            primary="roc_auc",
        )
    assert str(error.value) == (
        "evaluate.gates[0].better_than must name a model that was evaluated (model), "
        "got 'linear'. Evaluate it, too."
    )
