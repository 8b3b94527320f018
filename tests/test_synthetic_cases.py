"""The cases of the domains: gates are kept, and reports show what the dials inject."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import r2_score, roc_auc_score

from mlkit.data import Dataset, prepare
from mlkit.drift import detect, reference_profile
from mlkit.evaluate import Evaluation, evaluate
from mlkit.params import Params, load_params
from mlkit.synthetic import DOMAINS, generate, truth
from mlkit.train import fit, predict
from tests.known_truth import NAMES, PROMISES
from tests.played import retrain
from tests.workspace import PROJECT, make_workspace

LEAST_ACCURACY, BEST_ACCURACY = 0.85, 0.90
SHARE = {  # of the best possible score beyond chance, that each model reaches at least
    "vendor_dispatch": 0.75,
    "future_skills": 0.5,
    "scheme_success": 0.85,
    "levy_impact": 0.8,
    "fashion": 0.55,
}


@dataclass(frozen=True)
class Learnt:
    """A case, its models' predictions of the test rows, and the truth of these rows."""

    params: Params
    data: Dataset
    predictions: dict[str, NDArray[np.float64]]
    expected: NDArray[np.float64]

    @property
    def y(self) -> NDArray[Any]:
        """Return the outcomes of the test rows."""
        return np.asarray(self.data.target(self.data.test_rows))

    def evaluation(self) -> Evaluation:
        """Return what a report would show of the model."""
        return evaluate(self.data, self.predictions, self.params)


def learn(name: str, *turned: str, seed: int = 0) -> Learnt:
    """Fit the models of a bundled case with some params turned."""
    overrides = [f"seed={seed}", "evaluate.resamples=100", *turned]
    params = load_params(name, PROJECT, overrides=overrides)
    options = params.data.options
    data = prepare(generate(name, options, seed), params)
    found, X = fit(data, params), data.X(data.test_rows)
    models = {"model": found.model, **found.baselines}
    predictions = {n: predict(model, X, params.task) for n, model in models.items()}
    expected = truth(name, options, seed).expected[data.test_rows]
    return Learnt(params, data, predictions, expected)


@pytest.fixture(scope="module", params=NAMES)
def bundled(request: pytest.FixtureRequest) -> tuple[Learnt, Evaluation]:
    """Return each bundled case as it is, and its evaluation."""
    learnt = learn(request.param)
    return learnt, learnt.evaluation()


def called_groups(found: Evaluation) -> set[str]:
    """Return the groups of the protected column that differ from the rest."""
    (comparison,) = found.groups
    return {group.value for group, rate in comparison.rates() if rate.differs}


def worse_columns(found: Evaluation, bad: dict[str, str]) -> set[str]:
    """Return the columns of the bad slice whose value does worse, beyond chance."""
    overall = found.metrics["model"][found.primary].value
    upward = found.specs[found.primary].greater_is_better
    return {
        each.column
        for each in found.slices
        if bad.get(each.column) == each.value
        and (each.estimate.upper < overall if upward else each.estimate.lower > overall)
    }


def test_the_model_keeps_its_gates_and_nothing_gives_the_target_away(
    bundled: tuple[Learnt, Evaluation],
) -> None:
    learnt, found = bundled
    assert len(found.gates) >= 2
    assert all(gate.passed for gate in found.gates)
    assert any(gate.better_than for gate in learnt.params.evaluate.gates)
    leakage = [c.status for c in learnt.data.checks if c.name == "leakage"]
    assert leakage == ["ok"]
    assert {c.status for c in learnt.data.checks} <= {"ok", "warning"}


def test_the_model_does_not_see_the_group_that_the_bias_touches(
    bundled: tuple[Learnt, Evaluation],
) -> None:
    learnt, _ = bundled
    column, _ = PROMISES[learnt.params.case].group
    assert learnt.data.schema.column(column).protected
    assert column not in learnt.data.schema.features
    assert DOMAINS[learnt.params.case].target == learnt.params.data.target
    assert set(PROMISES[learnt.params.case].bad) <= set(learnt.params.evaluate.slices)


def test_the_model_finds_much_of_what_can_be_known(
    bundled: tuple[Learnt, Evaluation],
) -> None:
    learnt, _ = bundled
    y, model, best = learnt.y, learnt.predictions["model"], learnt.expected
    if learnt.params.task == "regression":
        scores = [r2_score(y, each) for each in (model, best)]
    elif learnt.params.task == "binary":
        scores = [2 * roc_auc_score(y, p) - 1 for p in (model[:, 1], best)]
    else:
        ranked = [roc_auc_score(y, p, multi_class="ovr") for p in (model, best)]
        scores = [2 * auc - 1 for auc in ranked]
    assert SHARE[learnt.params.case] < scores[0] / scores[1] < 1


def test_the_report_shows_the_bias(bundled: tuple[Learnt, Evaluation]) -> None:
    learnt, found = bundled
    column, value = PROMISES[learnt.params.case].group
    assert found.groups[0].column == column
    assert value in called_groups(found)


def test_the_report_shows_the_bad_slice(bundled: tuple[Learnt, Evaluation]) -> None:
    learnt, found = bundled
    assert worse_columns(found, PROMISES[learnt.params.case].bad)


@pytest.mark.parametrize("name", NAMES)
def test_the_report_of_the_clean_twin_shows_neither(name: str) -> None:
    clean = ["data.options.bias=0.0", "data.options.bad_slice=0.0"]
    found = learn(name, *clean, "train.estimator=linear").evaluation()
    assert called_groups(found) == set()
    assert worse_columns(found, PROMISES[name].bad) == set()


@pytest.mark.parametrize("name", NAMES)
def test_drift_is_the_verdict_when_its_dial_is_turned_and_else_not(name: str) -> None:
    for dial, verdict in (("0.8", "drift"), ("0.0", "none")):
        params = load_params(
            name, PROJECT, overrides=["seed=0", f"data.options.drift={dial}"]
        )
        data = prepare(generate(name, params.data.options, 0), params)
        times = data.frame[PROMISES[name].time].to_numpy()
        older = times < np.sort(times)[int(0.8 * len(times))]
        profile = reference_profile(data.frame[older], data.schema)
        found = detect(profile, data.frame[~older], data.schema, params=params.drift)
        assert found.verdict == verdict


def test_a_scheme_can_be_foreseen_nine_times_in_ten_and_nearly_is() -> None:
    best, reached = [], []
    for seed in range(5):
        learnt = learn("scheme_success", seed=seed)
        assert learnt.params.train.estimator == "sgd"
        options = learnt.params.data.options
        best.append(truth("scheme_success", options, seed).to_dict()["accuracy"])
        called = learnt.predictions["model"][:, 1] >= 0.5
        reached.append(np.mean(called == learnt.y))
        hits = int(((learnt.expected >= 0.5) == learnt.y).sum())
        assert binomtest(hits, len(learnt.y), BEST_ACCURACY).pvalue > 0.001
    assert np.mean(best) == pytest.approx(BEST_ACCURACY, abs=0.01)
    assert np.ptp(best) < 0.01
    assert min(reached) >= LEAST_ACCURACY


def test_the_first_run_of_a_scheme_is_promoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_workspace(tmp_path)
    text = (PROJECT / "params" / "scheme_success.yaml").read_text()
    (tmp_path / "params" / "scheme_success.yaml").write_text(text)
    monkeypatch.setenv("MLKIT_ROOT", str(tmp_path))
    decision = retrain(tmp_path, "evaluate.resamples=100", case="scheme_success")
    assert (decision.verdict, decision.stage) == ("promote", "production")
