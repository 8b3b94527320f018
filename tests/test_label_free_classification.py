"""A classifier's metrics before labels come, against the truth of made-up worlds."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression

from mlkit import label_free, synthetic
from mlkit.data import Column, Schema
from mlkit.label_free import (
    ESTIMABLE,
    Expected,
    LabelledAnswers,
    estimate_classification,
    labelled_answers,
)
from mlkit.label_free.calibrating import calibrator, drawn_curves, together
from mlkit.label_free.curves import curve
from mlkit.label_free.weighted import Rows, weighted_metrics
from mlkit.metrics import METRICS as METRICS_OF
from mlkit.metrics import Scored, compute

METRICS = ("accuracy", "precision", "recall", "f1", "roc_auc")


def binary(
    rng: np.random.Generator, n: int, *, shift: float = 0, turn: float = 0
) -> Any:
    """Return probabilities a model gives, labels, and the true probabilities.

    Rows move with `shift`; with `turn` the outcome follows another rule than the model.
    """
    score = rng.normal(size=n) + shift
    truth = expit((1 - 2 * turn) * 1.5 * score - 0.5)
    said = expit(1.5 * score - 0.5)
    return np.column_stack([1 - said, said]), (rng.random(n) < truth).astype(int), truth


def three(rng: np.random.Generator, n: int, *, shift: float = 0) -> Any:
    scores = rng.normal(size=(n, 3)) * 1.5 + np.array([shift, 0, 0])
    said = np.exp(scores)
    said /= said.sum(axis=1, keepdims=True)
    chance = rng.random((n, 1))
    return said, (chance > said.cumsum(axis=1)[:, :-1]).sum(axis=1)


def by_name(found: tuple[Expected, ...]) -> dict[str, Expected]:
    return {each.metric: each for each in found}


@pytest.mark.parametrize("average", ["binary", "macro", "weighted"])
@pytest.mark.parametrize("classes", [2, 3])
def test_metrics_of_rows_in_parts_are_those_of_weighted_rows(
    classes: int, average: Any
) -> None:
    # Each row once a class, weighed by how much of it is of the class: sklearn's sums.
    if classes == 3 and average == "binary":
        return
    rng = np.random.default_rng(classes)
    given = rng.dirichlet(np.ones(classes), 60).round(2)
    given[:, -1] = 1 - given[:, :-1].sum(axis=1)
    given = np.clip(given, 0, 1)
    parts = rng.dirichlet(np.ones(classes), 60)
    rows = Rows.of(given, 0.4, average)
    names = [name for name in ESTIMABLE if name != "roc_auc"]
    found = weighted_metrics(rows, parts[None], names)[0]
    scored = Scored(
        "binary" if classes == 2 else "multiclass",
        np.tile(np.arange(classes), 60),
        np.repeat(given, classes, axis=0),
        parts.ravel(),
        threshold=0.4,
        average=average,
    )
    expected = [compute(name, scored) for name in names]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_the_area_of_rows_in_parts_is_that_of_all_pairs_of_rows() -> None:
    rng = np.random.default_rng(5)
    said, parts = rng.random(12).round(1), rng.random(12)
    pairs = [(i, j) for i in range(12) for j in range(12) if i != j]
    weight = [parts[i] * (1 - parts[j]) for i, j in pairs]
    above = [(said[i] > said[j]) + (said[i] == said[j]) / 2 for i, j in pairs]
    rows = Rows.of(np.column_stack([1 - said, said]), 0.5, "binary")
    whole = np.column_stack([1 - parts, parts])[None]
    (found,) = weighted_metrics(rows, whole, ["roc_auc"])[0]
    assert found == pytest.approx(np.average(above, weights=weight))


def test_metrics_of_drawn_labels_are_those_of_the_labels() -> None:
    rng = np.random.default_rng(1)
    given = rng.dirichlet(np.ones(3), 40)
    labels = rng.integers(0, 2, size=(5, 40))  # the third class never happens
    weights = (labels[:, :, None] == np.arange(3)).astype(float)
    found = weighted_metrics(Rows.of(given, 0.5, "macro"), weights, ESTIMABLE)
    for codes, values in zip(labels, found, strict=True):
        scored = Scored("multiclass", codes, given, average="macro")
        np.testing.assert_allclose(
            values, [compute(name, scored) for name in ESTIMABLE], rtol=1e-9
        )


def test_under_covariate_shift_the_labels_fall_into_the_interval() -> None:
    repeats, hits = 30, dict.fromkeys(METRICS, 0)
    nearer = 0
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)
        said, labels, _ = binary(rng, 800)
        answers = labelled_answers("binary", labels, said)
        new, truth, _ = binary(rng, 400, shift=0.8)
        found = by_name(estimate_classification(answers, new, seed=repeat))
        scored = Scored("binary", truth, new)
        for name, each in found.items():
            hits[name] += each.lower <= compute(name, scored) <= each.upper
        recall = compute("recall", scored)
        estimate = found["recall"]
        nearer += abs(estimate.value - recall) < abs(estimate.reference - recall)
    assert min(hits.values()) >= 0.9 * repeats
    assert nearer >= 0.9 * repeats


def test_three_classes_keep_their_coverage_under_shift() -> None:
    hits = dict.fromkeys(METRICS, 0)
    for repeat in range(20):
        rng = np.random.default_rng([repeat, 3])
        said, labels = three(rng, 600)
        answers = labelled_answers("multiclass", labels, said, average="macro")
        new, truth = three(rng, 250, shift=1.0)
        scored = Scored("multiclass", truth, new, average="macro")
        for each in estimate_classification(answers, new, seed=repeat):
            hits[each.metric] += (
                each.lower <= compute(each.metric, scored) <= each.upper
            )
    assert min(hits.values()) >= 18


def test_probabilities_that_are_off_are_corrected_and_told() -> None:
    rng = np.random.default_rng(0)
    _, labels, truth = binary(rng, 2000)
    sure = expit(3 * logit(truth))
    answers = labelled_answers("binary", labels, np.column_stack([1 - sure, sure]))
    assert answers.calibration is not None
    assert answers.calibration["p_value"] < 0.01
    found = calibrator(answers.curves[0])
    assert np.abs(found.probability(sure) - truth).mean() < 0.03
    _, new, chance = binary(rng, 1500, shift=0.5)
    said = expit(3 * logit(chance))
    given = np.column_stack([1 - said, said])
    estimates = estimate_classification(
        answers, given, metrics=["log_loss", "accuracy"]
    )
    for each in estimates:
        assert (
            each.lower
            <= compute(each.metric, Scored("binary", new, given))
            <= each.upper
        )
        assert "are off on the labelled rows" in each.reason
    # Taken at its word, the model would look far better than it is.
    own = -(said * np.log(said) + (1 - said) * np.log(1 - said)).mean()
    assert own < estimates[0].lower


def test_concept_drift_is_not_seen_and_every_estimate_says_so() -> None:
    rng = np.random.default_rng(0)
    said, labels, _ = binary(rng, 1000)
    answers = labelled_answers("binary", labels, said)
    new, truth, _ = binary(rng, 1000, turn=0.5)
    scored = Scored("binary", truth, new)
    for each in estimate_classification(answers, new):
        assert each.value == pytest.approx(each.reference, abs=0.05)
        assert compute(each.metric, scored) < each.lower
        assert not each.dropped
        assert "No concept drift" in each.assumption
        assert "does not see it" in each.assumption


def test_rows_near_the_border_are_expected_to_go_worse() -> None:
    rng = np.random.default_rng(0)
    said, labels, _ = binary(rng, 1000)
    answers = labelled_answers("binary", labels, said)
    score = 0.3 + 0.2 * rng.normal(size=800)
    hard = expit(1.5 * score - 0.5)
    (found,) = estimate_classification(
        answers, np.column_stack([1 - hard, hard]), metrics=["accuracy"]
    )
    assert found.dropped
    assert "worse by" in found.reason
    assert found.effective_rows < 500
    assert "are worth" in found.reason
    (allowed,) = estimate_classification(
        answers, np.column_stack([1 - hard, hard]), metrics=["accuracy"], max_loss=0.5
    )
    assert not allowed.dropped
    assert "allowed" in allowed.reason


def test_the_interval_widens_with_fewer_labels_fewer_rows_and_other_rows() -> None:
    rng = np.random.default_rng(0)
    said, labels, _ = binary(rng, 4000)
    new, _, _ = binary(rng, 4000)

    def width(n: int, given: Any) -> float:
        answers = labelled_answers("binary", labels[:n], said[:n])
        (found,) = estimate_classification(answers, given, metrics=["accuracy"])
        return found.upper - found.lower

    assert width(4000, new) < width(200, new)
    assert width(4000, new) < width(4000, new[:200])
    far = new[new[:, 1] > 0.8]
    answers = labelled_answers("binary", labels[:400], said[:400])
    (near,) = estimate_classification(answers, new[: len(far)], metrics=["precision"])
    (shifted,) = estimate_classification(answers, far, metrics=["precision"])
    assert shifted.effective_rows < near.effective_rows / 2


def test_the_effective_rows_are_those_of_the_density_ratio() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(1000)
    along = curve(score, [score])
    assert along.effective_rows(score) == pytest.approx(1000, rel=0.01)
    # Only a quarter of the bins: a quarter of the rows.
    assert along.effective_rows(score[score < 0.25]) == pytest.approx(250, rel=0.05)
    # Few scores are no shift.
    few = [along.effective_rows(rng.random(30)) for _ in range(50)]
    assert np.median(few) > 700


def test_the_calibration_is_that_of_a_logistic_regression_where_it_is_one() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=5000)
    said = expit(x)
    labels = rng.random(5000) < expit(0.7 * x + 0.4)
    found = calibrator(curve(said, [labels.astype(float)]))
    plain = LogisticRegression(C=1e6).fit(x[:, None], labels)
    expected = plain.predict_proba(x[:, None])[:, 1]
    assert np.abs(found.probability(said) - expected).max() < 0.05
    (drawn,) = drawn_curves([found], [said[:50]], None, 1.0, 400, rng)
    # Around the mean the binomial error of an intercept and a slope.
    spread = drawn.std(axis=0)[np.abs(x[:50]) < 0.5].mean()
    assert 0.004 < spread < 0.02
    (wide,) = drawn_curves([found], [said[:50]], None, 4.0, 400, rng)
    wider = wide.std(axis=0)
    assert wider.mean() == pytest.approx(2 * drawn.std(axis=0).mean(), rel=0.2)


def test_the_generators_truth_is_met() -> None:
    options = {"rows": 3000, "drift": 0.0}
    truth = synthetic.truth("vendor_dispatch", options, seed=4).expected
    if truth.ndim == 1:
        truth = np.column_stack([1 - truth, truth])
    rng = np.random.default_rng(0)
    labels = (rng.random((len(truth), 1)) > truth.cumsum(axis=1)[:, :-1]).sum(axis=1)
    task: Any = "binary" if truth.shape[1] == 2 else "multiclass"
    average: Any = "binary" if task == "binary" else "macro"
    # The model knows the truth; the newer rows are the ones it is sure of.
    sure = truth.max(axis=1)
    new = sure > np.quantile(sure, 0.6)
    old = ~new | (rng.random(len(new)) < 0.3)
    answers = labelled_answers(task, labels[old], truth[old], average=average)
    (found,) = estimate_classification(answers, truth[new], metrics=["accuracy"])
    spread = binom(new.sum(), sure[new].mean()).std() / new.sum()
    assert found.value == pytest.approx(sure[new].mean(), abs=3 * spread)
    assert found.lower <= sure[new].mean() <= found.upper


def test_the_record_survives_json_and_gives_the_same_estimates() -> None:
    rng = np.random.default_rng(0)
    said, labels = three(rng, 300)
    answers = labelled_answers("multiclass", labels, said, average="weighted")
    text = json.dumps(answers.to_dict())
    again = label_free.from_dict(json.loads(text))
    assert again == answers
    assert isinstance(again, LabelledAnswers)
    assert len(text) < 12_000
    new, _ = three(rng, 200)
    found = estimate_classification(again, new, metrics=ESTIMABLE, seed=3)
    assert found == estimate_classification(answers, new, metrics=ESTIMABLE, seed=3)
    json.dumps([each.to_dict() for each in found])
    assert str(found[0]).startswith("Accuracy 0.")


def test_another_threshold_is_estimated_and_compared_with_nothing() -> None:
    rng = np.random.default_rng(0)
    said, labels, _ = binary(rng, 600)
    answers = labelled_answers("binary", labels, said)
    (found,) = estimate_classification(
        answers, said, metrics=["recall"], threshold=0.2, seed=1
    )
    truth = compute("recall", Scored("binary", labels, said, threshold=0.2))
    assert found.lower <= truth <= found.upper
    assert np.isnan(found.reference)
    assert found.to_dict()["reference"] is None
    assert not found.dropped


def test_a_class_that_never_happened_and_a_single_row_are_answered() -> None:
    rng = np.random.default_rng(0)
    said, labels, _ = binary(rng, 100)
    never = labelled_answers("binary", np.zeros(100), said)
    found = by_name(estimate_classification(never, said[:1]))
    assert 0 <= found["accuracy"].value <= 1
    assert np.isnan(found["roc_auc"].upper)
    assert "no meaning on these rows" in found["roc_auc"].reason
    assert np.isnan(found["roc_auc"].reference)
    assert not any(each.dropped for each in found.values())
    many = np.tile(said, (300, 1))
    (found_many,) = estimate_classification(
        labelled_answers("binary", labels, said), many, metrics=["roc_auc"]
    )
    assert found_many.rows == 30_000


def test_what_cannot_be_estimated_says_what_can() -> None:
    rng = np.random.default_rng(0)
    said, labels, _ = binary(rng, 100)
    answers = labelled_answers("binary", labels, said)
    with pytest.raises(
        ValueError, match=r"one of accuracy, .* got 'average_precision'"
    ):
        estimate_classification(answers, said, metrics=["average_precision"])
    with pytest.raises(ValueError, match=r"shape \(n_rows, 2\).*got \(100,\)"):
        estimate_classification(answers, said[:, 1])
    with pytest.raises(ValueError, match="sum to 1"):
        estimate_classification(answers, np.full((3, 2), np.nan))
    with pytest.raises(ValueError, match="at least 50 labelled rows, got 20"):
        labelled_answers("binary", labels[:20], said[:20])
    with pytest.raises(ValueError, match="must have format 2 or an older one, got 9"):
        label_free.from_dict(answers.to_dict() | {"format": 9})
    for threshold, error in ((5, ValueError), (-0.1, ValueError), ("0.5", TypeError)):
        with pytest.raises(error, match=rf"from 0 to 1, .* got {threshold!r}; None"):
            estimate_classification(answers, said, threshold=threshold)
    with pytest.raises(ValueError, match="got nan; None takes"):
        estimate_classification(answers, said, threshold=float("nan"))
    plain = labelled_answers("regression", np.arange(60.0), np.arange(60.0))
    with pytest.raises(ValueError, match="use estimate_regression"):
        estimate_classification(plain, said)


def test_the_interval_of_other_rows_is_that_of_as_many_labels_as_they_are_worth() -> (
    None
):
    rng = np.random.default_rng(4)
    said, labels, _ = binary(rng, 400)
    many, _, _ = binary(rng, 40_000)
    far = many[many[:, 1] > 0.8]
    answers = labelled_answers("binary", labels, said)
    (found,) = estimate_classification(answers, far, metrics=["accuracy"])
    (along,) = answers.curves
    fit = calibrator(along)
    worth = found.effective_rows
    assert worth < 100
    # Of curves drawn apart from it, as uncertain as so few labels leave them; all rows
    # are called positive, so that their accuracy is the mean probability.
    curves = rng.multivariate_normal(fit.coefficients, 400 / worth * fit.spread, 3000)
    p = far[::20, 1]
    terms = np.column_stack([np.log(p), -np.log1p(-p), np.ones(len(p))])
    chance = expit(curves @ terms.T).mean(axis=1)
    to_come = float(np.mean(far[:, 1] * far[:, 0])) / len(far)
    half = 1.96 * np.sqrt(chance.var() + to_come)
    assert found.value - found.lower == pytest.approx(half, rel=0.15)


COLUMNS = Schema(
    (Column("x", "number"), Column("y", "category", "target")),
    "binary",
    "y",
    ("0", "1"),
)


def seen(rng: np.random.Generator, n: int, shift: float = 0) -> Any:
    """Return features, probabilities and labels; x is the score of `binary`."""
    said, labels, truth = binary(rng, n, shift=shift)
    return pd.DataFrame({"x": (logit(truth) + 0.5) / 1.5}), said, labels


def test_with_some_rows_beyond_the_interval_holds_all_they_could_be() -> None:
    rng = np.random.default_rng(0)
    frame, said, labels = seen(rng, 1000)
    answers = labelled_answers("binary", labels, said, features=frame, schema=COLUMNS)
    new, given, _ = seen(rng, 1000)
    some = new.assign(x=new["x"].mask(np.arange(1000) < 80, 50.0))
    (near,) = estimate_classification(answers, given, new, metrics=["accuracy"])
    (far,) = estimate_classification(answers, given, some, metrics=["accuracy"])
    assert far.value == near.value
    assert "(by 'x'), where nothing is known of the outcome" in far.reason
    assert "lie beyond" not in near.reason
    share = (some["x"] > answers.support.high[0]).mean()
    share += (some["x"] < answers.support.low[0]).mean() - answers.support.outside[0]
    # At best each of them is right; at worst they are guessed.
    best = share * (1 - near.value)
    assert far.upper - near.upper == pytest.approx(best, abs=0.003)
    assert 0.5 * share * near.value > near.lower - far.lower > 0.2 * share * near.value


def test_with_many_rows_beyond_nothing_is_said_in_either_direction() -> None:
    rng = np.random.default_rng(0)
    frame, said, labels = seen(rng, 1000)
    answers = labelled_answers("binary", labels, said, features=frame, schema=COLUMNS)
    new, given, _ = seen(rng, 500, shift=2)
    for each in estimate_classification(answers, given, new, metrics=ESTIMABLE):
        assert np.isnan([each.value, each.lower, each.upper]).all()
        assert not each.dropped
        assert each.withheld is not None
        assert "beyond what the labelled rows cover (by 'x'), and at most 10%" in (
            each.withheld
        )
        assert each.reason.startswith(
            f"{METRICS_OF[each.metric].label} cannot be estimated: {each.withheld}"
        )
    for each in estimate_classification(answers, given):
        assert each.withheld is None
        assert "is not known, for the features" in each.reason


def test_the_curves_of_classes_vary_together_as_over_new_labels() -> None:
    # Labels drawn anew and fitted again are the independent computation.
    rng = np.random.default_rng(3)
    said, labels = three(rng, 600)

    def fitted(codes: Any) -> Any:
        return [
            calibrator(curve(said[:, k], [(codes == k).astype(float)]))
            for k in range(3)
        ]

    def rates(spread: Any) -> Any:
        drawn = drawn_curves(found, list(said.T), spread, 1.0, 2000, rng)
        return np.cov(drawn.mean(axis=2))

    new = []
    for _ in range(300):
        chance = rng.random((600, 1))
        codes = (chance > said.cumsum(axis=1)[:, :-1]).sum(axis=1)
        pairs = zip(fitted(codes), said.T, strict=True)
        new.append([each.probability(column).mean() for each, column in pairs])
    truth = np.cov(np.transpose(new))
    found = fitted(labels)
    spread = together(found, said)
    assert (np.linalg.eigvalsh(spread) > 0).all()
    scale = np.sqrt(np.outer(truth.diagonal(), truth.diagonal()))
    np.testing.assert_allclose(rates(spread) / scale, truth / scale, atol=0.3)
    # What is more of one class is less of the others, which curves apart do not know.
    assert (truth / scale)[0, 1] < -0.3
    assert abs((rates(None) / scale)[0, 1]) < 0.1


def test_answers_of_the_older_format_are_read() -> None:
    rng = np.random.default_rng(0)
    said, labels = three(rng, 300)
    answers = labelled_answers("multiclass", labels, said, average="macro")
    stored = answers.to_dict() | {"format": 1}
    del stored["spread"], stored["support"]
    old = label_free.from_dict(json.loads(json.dumps(stored)))
    assert old.spread is None
    found = by_name(estimate_classification(old, said, seed=1))
    again = by_name(estimate_classification(answers, said, seed=1))
    for name in METRICS:
        assert found[name].value == again[name].value
        assert "is not known, for the features" in found[name].reason
