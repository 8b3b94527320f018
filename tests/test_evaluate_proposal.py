"""Proposals: each row of the table of decisions, its stage and its sentence."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlkit.data import Check, prepare
from mlkit.evaluate import (
    ChampionEvidence,
    Evaluation,
    Proposal,
    compare,
    evaluate,
    propose,
)
from mlkit.evaluate.gates import gate_results
from mlkit.metrics import Estimate, PairedTest, metrics_for
from mlkit.params import Gate, Params, params_from_dict

CHAMPION = ChampionEvidence(version="1.2.0", digest="a" * 64, rows=500)


def case(**sections: Any) -> Params:
    data = {"source": "toy.csv", "target": "y", "positive": "yes"}
    return params_from_dict({"case": "toy", "task": "binary", "data": data, **sections})


def paired(
    gain: float, lower: float, upper: float, *, n: int = 500, **changes: Any
) -> PairedTest:
    found = PairedTest(
        metric="roc_auc",
        gain=gain,
        lower=lower,
        upper=upper,
        interval=(lower - 0.001, upper + 0.001),
        p_value=0.04,
        n=n,
        method="DeLong",
        rows_to_decide=None,
        champion=0.85,
        challenger=0.85 + gain,
        min_gain=0.01,
        confidence=0.95,
    )
    return replace(found, **changes)


BEATEN = paired(0.35, 0.31, 0.39, champion=0.5, challenger=0.85, min_gain=0.0)


def evaluation(*, gates: tuple[Gate, ...] = (), **changes: Any) -> Evaluation:
    def scores(value: float) -> dict[str, Estimate]:
        return {
            name: Estimate(value, value - 0.05, value + 0.05, 500, "by hand")
            for name in specs
        }

    specs = metrics_for("binary")
    metrics = {"model": scores(0.85), "dummy": scores(0.5)}
    found = Evaluation(
        task="binary",
        primary="roc_auc",
        n_test=500,
        classes=("no", "yes"),
        confidence=0.95,
        specs=specs,
        metrics=metrics,
        gates=gate_results(gates, metrics, specs, primary="roc_auc"),
        slices=(),
        against_dummy=BEATEN,
        calibration=None,
        confusion=None,
        roc=(),
        pr=(),
        residuals=None,
    )
    return replace(found, **changes)


def leak(column: str) -> Check:
    return Check("leakage", "warning", column, "must not tell", "tells all", "drop it")


# --- a gate fails ------------------------------------------------------------


def test_a_broken_gate_rejects() -> None:
    gates = (Gate(metric="accuracy", min=0.9), Gate(metric="f1", min=0.7))
    found = propose(
        evaluation(gates=gates),
        case(),
        champion=CHAMPION,
        leakage=[leak("x")],
        paired=paired(0.1, 0.05, 0.15),
    )
    assert (found.verdict, found.stage) == ("reject", "failed")
    assert found.reason == (
        "1 of 2 gates is broken: Accuracy is 0.850 and must be at least 0.9 "
        "(evaluate.gates[0], 500 rows)."
    )
    assert found.failed_gates == (
        "Accuracy is 0.850 and must be at least 0.9: broken.",
    )
    assert found.champion_digest == CHAMPION.digest


def test_every_broken_gate_is_told_and_the_same_champion_too() -> None:
    gates = (Gate(metric="accuracy", min=0.9), Gate(metric="log_loss", max=0.7))
    found = propose(evaluation(gates=gates), case(), champion=CHAMPION, same_model=True)
    assert found.verdict == "reject"
    assert found.reason.startswith("2 of 2 gates are broken: Accuracy is 0.850 and")
    assert (
        "Log loss is 0.850 and must be at most 0.7 (evaluate.gates[1]" in found.reason
    )
    assert found.reason.endswith("version 1.2.0 in production is the same model.")


# --- no champion -------------------------------------------------------------


def test_a_first_model_that_beats_the_dummy_is_promoted() -> None:
    found = propose(evaluation(), case(), champion=None)
    assert (found.verdict, found.stage) == ("promote", "production")
    assert found.reason == (
        "It is the first model to be good enough: every gate is kept, no leakage is "
        "suspected and the dummy baseline is beaten: ROC AUC is 0.850 against 0.500 of "
        "the dummy baseline on 500 rows, with 95 % confidence better by at least "
        "0.310, where the rule asks for more than 0."
    )
    assert found.champion is found.champion_digest is None
    assert found.rows == 500


def test_a_first_model_that_may_be_no_better_than_the_dummy_is_undecided() -> None:
    weak = paired(
        0.04, -0.02, 0.1, champion=0.5, challenger=0.54, n=80, rows_to_decide=410
    )
    found = propose(evaluation(against_dummy=weak), case(), champion=None)
    assert (found.verdict, found.stage) == ("undecided", "staging")
    assert "the gain is with 95 % confidence at least -0.020, and" in found.reason
    assert found.reason.endswith("about 410 rows would decide.")
    assert (found.rows, found.rows_to_decide) == (80, 410)


def test_without_a_test_against_the_dummy_nothing_is_promoted() -> None:
    nothing = paired(math.nan, math.nan, math.nan, reason="only one class has rows")
    for test, why in (
        (None, "no dummy baseline was evaluated"),
        (nothing, "one class"),
    ):
        found = propose(evaluation(against_dummy=test), case(), champion=None)
        assert found.verdict == "undecided"
        assert why in found.reason


@pytest.mark.parametrize("champion", [None, CHAMPION])
def test_suspected_leakage_is_never_promoted(champion: ChampionEvidence | None) -> None:
    found = propose(
        evaluation(),
        case(),
        champion=champion,
        leakage=[leak("job_id"), leak("closed_at")],
        paired=None if champion is None else paired(0.1, 0.05, 0.15),
    )
    assert (found.verdict, found.stage) == ("undecided", "staging")
    assert found.reason == (
        "Leakage is suspected in 'job_id', 'closed_at', and a suspected model is not "
        "promoted: add what is not known when a prediction is made to data.ignore, or "
        "what is to data.accept_leakage, and train again."
    )
    assert found.leakage == ("job_id", "closed_at")


# --- a champion --------------------------------------------------------------


def test_an_identical_model_is_kept() -> None:
    found = propose(
        evaluation(), case(), champion=CHAMPION, same_model=True, leakage=[leak("x")]
    )
    assert (found.verdict, found.stage) == ("keep", "development")
    assert found.reason.startswith("The model is identical to version 1.2.0")


def test_another_input_schema_is_undecided_without_a_test() -> None:
    found = propose(
        evaluation(), case(), champion=CHAMPION, same_schema=False,
        paired=paired(0.1, 0.05, 0.15),
    )  # fmt: skip
    assert (found.verdict, found.stage) == ("undecided", "staging")
    assert "takes other input columns" in found.reason


@pytest.mark.parametrize("rows", [0, 1, 29])
def test_below_30_rows_nothing_is_compared(rows: int) -> None:
    test = None if rows == 0 else paired(0.1, 0.05, 0.15, n=rows)
    found = propose(
        evaluation(), case(), champion=replace(CHAMPION, rows=rows), paired=test
    )
    assert (found.verdict, found.stage) == ("undecided", "staging")
    verb = "1 row was" if rows == 1 else f"{rows} rows were"
    assert found.reason == (
        f"Only {verb} seen by neither this model nor version 1.2.0 in training, and a "
        f"paired test needs at least 30: gather {30 - rows} more."
    )
    assert (found.rows, found.rows_to_decide) == (rows, 30)


def test_a_test_that_is_missing_or_undefined_is_undecided() -> None:
    nothing = paired(math.nan, math.nan, math.nan, reason="a class has only one row")
    for test, why in ((None, "it was not made"), (nothing, "a class has only one row")):
        found = propose(evaluation(), case(), champion=CHAMPION, paired=test)
        assert found.verdict == "undecided"
        assert f"({why})" in found.reason


def test_a_sure_gain_of_at_least_min_gain_promotes() -> None:
    found = propose(
        evaluation(), case(), champion=CHAMPION, paired=paired(0.021, 0.008, 0.034)
    )
    assert (found.verdict, found.stage) == ("promote", "production")
    assert found.reason == (
        "ROC AUC is 0.871 against 0.850 of version 1.2.0 on 500 rows that neither was "
        "trained on: a gain of 0.021, with 95 % confidence at least 0.0080, where the "
        "rule asks for a gain of at least 0.01 that is above 0 with that confidence."
    )
    assert found.champion == "1.2.0"
    assert found.auto_promote


def test_auto_promote_false_stops_at_staging_and_says_so() -> None:
    params = case(registry={"auto_promote": False})
    for champion, test in ((CHAMPION, paired(0.021, 0.008, 0.034)), (None, None)):
        found = propose(evaluation(), params, champion=champion, paired=test)
        assert (found.verdict, found.stage) == ("promote", "staging")
        assert not found.auto_promote
        assert found.reason.endswith(
            "; it waits in staging, as registry.auto_promote is false."
        )
    undecided = propose(
        evaluation(), params, champion=CHAMPION, paired=paired(0.02, -0.01, 0.05)
    )
    assert "auto_promote" not in undecided.reason


@pytest.mark.parametrize(
    ("gain", "lower", "upper", "says"),
    [
        (0.002, -0.004, 0.008, "a gain of 0.0020; the gain is with 95 % confidence at "
         "most 0.0080, and min_gain asks for 0.01."),
        (0.004, 0.002, 0.006, "and min_gain asks for 0.01."),
        (-0.0048, -0.014, 0.0042, "a loss of 0.0048; the gain is with 95 % confidence "
         "at most 0.0042, and min_gain asks for 0.01."),
        (-0.02, -0.03, -0.01, "a loss of 0.020; the gain is with 95 % confidence at "
         "most -0.010, and min_gain asks for 0.01."),
        (0.0, 0.0, 0.0, "no gain; the gain is with 95 % confidence at most 0.000"),
    ],
)  # fmt: skip
def test_what_is_surely_not_better_by_min_gain_is_kept(
    gain: float, lower: float, upper: float, says: str
) -> None:
    found = propose(
        evaluation(), case(), champion=CHAMPION, paired=paired(gain, lower, upper)
    )
    assert (found.verdict, found.stage) == ("keep", "development")
    assert says in found.reason
    assert found.rows_to_decide is None


@pytest.mark.parametrize(
    ("gain", "lower", "upper"),
    [
        (0.02, -0.01, 0.05),
        (0.004, -0.02, 0.03),
        (-0.01, -0.04, 0.02),
        (0.008, 0.001, 0.015),
    ],
)
def test_thin_evidence_is_undecided_and_names_the_rows(
    gain: float, lower: float, upper: float
) -> None:
    test = paired(gain, lower, upper, rows_to_decide=2312)
    found = propose(evaluation(), case(), champion=CHAMPION, paired=test)
    assert (found.verdict, found.stage) == ("undecided", "staging")
    assert found.reason.endswith("; about 2,312 rows would decide.")
    assert found.rows_to_decide == 2312
    assert found.reason.count(".") >= 1
    assert "\n" not in found.reason


def test_min_gain_0_promotes_by_the_bound_alone() -> None:
    params = case(evaluate={"min_gain": 0.0})
    better = paired(0.002, 0.0005, 0.0035, min_gain=0.0)
    thin = paired(0.002, -0.0005, 0.0045, min_gain=0.0, rows_to_decide=900)
    worse = paired(-0.002, -0.0045, -0.0005, min_gain=0.0)
    verdicts = [
        propose(evaluation(), params, champion=CHAMPION, paired=test).verdict
        for test in (better, thin, worse)
    ]
    assert verdicts == ["promote", "undecided", "keep"]


def test_a_test_of_another_metric_or_min_gain_is_refused() -> None:
    for test in (
        paired(0.1, 0.05, 0.15, metric="f1"),
        paired(0.1, 0.05, 0.15, min_gain=0.0),
    ):
        with pytest.raises(
            ValueError, match=r"primary metric 'roc_auc' with min_gain 0.01"
        ):
            propose(evaluation(), case(), champion=CHAMPION, paired=test)


# --- the record --------------------------------------------------------------


def test_a_proposal_survives_strict_json() -> None:
    found = propose(
        evaluation(gates=(Gate(metric="f1", min=0.7),)),
        case(),
        champion=CHAMPION,
        leakage=[leak("x")],
        paired=paired(0.02, -0.01, 0.05, rows_to_decide=900),
    )
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert Proposal.from_dict(record) == found
    assert record["paired"]["gain"] == 0.02
    first = propose(evaluation(), case(), champion=None)
    assert Proposal.from_dict(json.loads(json.dumps(first.to_dict()))) == first


def test_a_proposal_shows_itself_escaped() -> None:
    found = propose(evaluation(), case(), champion=None, leakage=[leak("<b>")])
    html = found._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


def test_a_real_challenger_replaces_a_weaker_champion_and_not_the_reverse() -> None:
    raw = load_breast_cancer(as_frame=True).frame
    params = params_from_dict(
        {
            "case": "cancer",
            "task": "binary",
            "data": {"source": "sklearn:breast_cancer", "target": "target",
                     "positive": 0, "split": {"test_share": 0.4}},
            "evaluate": {"primary": "log_loss", "resamples": 200},
        }
    )  # fmt: skip
    dataset = prepare(raw, params)
    train, test = dataset.train_rows, dataset.test_rows
    y = dataset.target(train)

    def predictions(columns: list[str]) -> np.ndarray:
        model = make_pipeline(StandardScaler(), LogisticRegression())
        x: pd.DataFrame = dataset.frame[columns].astype(float)
        return model.fit(x.iloc[train], y).predict_proba(x.iloc[test])

    strong = predictions(list(dataset.schema.features))
    weak = predictions(["mean texture", "mean compactness"])
    share = np.tile(np.bincount(y) / len(y), (len(test), 1))
    champion = ChampionEvidence("1.0.0", "d" * 64, len(test))
    verdicts = []
    for old, new in ((weak, strong), (strong, weak)):
        found = evaluate(dataset, {"model": new, "dummy": share}, params)
        duel = compare(dataset, params, rows=test, champion=old, challenger=new)
        verdicts.append(propose(found, params, champion=champion, paired=duel).verdict)
        first = propose(found, params, champion=None, leakage=dataset.leakage)
        assert first.verdict == "promote", first.reason
    assert verdicts == ["promote", "keep"]
