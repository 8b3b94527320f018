"""Groups of protected columns: rates, guards, corrections, and what is called."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlkit import synthetic, train
from mlkit.data import prepare
from mlkit.evaluate import (
    GroupComparison,
    GroupRate,
    evaluate,
    group_comparisons,
    propose,
    score,
)
from mlkit.metrics import Scored, compare_shares, holm
from mlkit.params import Params, load_params, params_from_dict

PROJECT = Path(__file__).resolve().parents[1]
RATES = ("actual", "predicted", "true_positive", "false_positive")


def binary(y: Any, called: Any, weight: Any = None) -> Scored:
    p = np.where(np.asarray(called) == 1, 0.9, 0.1)
    return Scored("binary", y, np.column_stack([1 - p, p]), weight)


def compare(column: Any, scored: Scored, **options: Any) -> GroupComparison:
    known = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": None}
    options = {"target": "y", "classes": known[scored.task], **options}
    (found,) = group_comparisons(pd.DataFrame({"g": column}), scored, **options)
    return found


def rate(found: GroupComparison, value: str, measure: str) -> GroupRate:
    return next(
        each
        for group, each in found.rates()
        if (group.value, each.measure.name) == (value, measure)
    )


def draws(n: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return groups, truth and calls; in group c more is called than is true."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])
    y = rng.random(n) < 0.4
    called = np.where(rng.random(n) < 0.8, y, ~y) | (
        (group == "c") & (rng.random(n) < 0.3)
    )
    return group, y.astype(int), called.astype(int)


# --- what is measured --------------------------------------------------------


def test_the_rates_of_a_binary_task_are_those_counted_by_hand() -> None:
    group, y, called = draws(900)
    found = compare(group, binary(y, called))
    assert [each.value for each in found.groups] == ["a", "b", "c"]
    for part in found.groups:
        inside = group == part.value
        assert part.n == inside.sum()
        assert (part.positives, part.negatives) == (
            y[inside].sum(),
            (1 - y[inside]).sum(),
        )
        counted = {
            "actual": (y, np.ones(900, bool)),
            "predicted": (called, np.ones(900, bool)),
            "true_positive": (called, y == 1),
            "false_positive": (called, y == 0),
        }
        assert tuple(each.measure.name for each in part.rates) == RATES
        for each in part.rates:
            hits, rows = counted[each.measure.name]
            one, two = hits[rows & inside], hits[rows & ~inside]
            assert each.group.value == pytest.approx(one.mean())
            assert each.rest.value == pytest.approx(two.mean())
            assert (each.group.n, each.rest.n) == (len(one), len(two))
            ends = stats.binomtest(int(one.sum()), len(one)).proportion_ci(
                method="wilson"
            )
            assert (each.group.lower, each.group.upper) == pytest.approx(tuple(ends))
            contrast = compare_shares(
                one.sum(), len(one), two.sum(), len(two), confidence=0.95
            )
            assert each.difference.value == pytest.approx(contrast.value)
            assert each.difference.lower == pytest.approx(contrast.lower)


def test_the_p_values_of_a_column_are_corrected_together() -> None:
    group, y, called = draws(900)
    found = compare(group, binary(y, called))
    tests = []
    for value in "abc":
        for each in next(g for g in found.groups if g.value == value).rates:
            one, two = each.group, each.rest
            tests.append(
                compare_shares(
                    round(one.value * one.n), one.n, round(two.value * two.n), two.n,
                    confidence=0.95,
                ).p_value
            )  # fmt: skip
    assert [each.p_value for _, each in found.rates()] == pytest.approx(holm(tests))
    called_ = {(g.value, r.measure.name) for g, r in found.rates() if r.differs}
    assert ("c", "false_positive") in called_
    assert all(
        r.differs == (r.p_value is not None and r.p_value <= 0.05)
        for _, r in found.rates()
    )


def test_of_two_groups_each_test_counts_once() -> None:
    rng = np.random.default_rng(3)
    sex = rng.choice(["f", "m"], 600, p=[0.3, 0.7])
    found = compare(sex, binary(rng.integers(0, 2, 600), rng.integers(0, 2, 600)))
    raw = [
        stats.chi2_contingency(
            [
                [
                    each.group.value * each.group.n,
                    (1 - each.group.value) * each.group.n,
                ],
                [each.rest.value * each.rest.n, (1 - each.rest.value) * each.rest.n],
            ],
            correction=False,
        ).pvalue
        for each in found.groups[0].rates
    ]
    for part in found.groups:
        assert [each.p_value for each in part.rates] == pytest.approx(holm(raw))


def test_a_regression_compares_means() -> None:
    rng = np.random.default_rng(0)
    group = rng.choice(["a", "b"], 400)
    y = rng.normal(100, 10, 400)
    guess = y + rng.normal(0, 3, 400) - 5 * (group == "b")
    found = compare(group, Scored("regression", y, guess))
    assert [m.name for m in found.measures] == ["actual", "error", "absolute_error"]
    b = group == "b"
    error = rate(found, "b", "error")
    assert error.group.value == pytest.approx((guess - y)[b].mean())
    ends = stats.ttest_1samp((guess - y)[b], 0).confidence_interval()
    assert (error.group.lower, error.group.upper) == pytest.approx(tuple(ends))
    welch = stats.ttest_ind((guess - y)[b], (guess - y)[~b], equal_var=False)
    ends = welch.confidence_interval()
    assert (error.difference.lower, error.difference.upper) == pytest.approx(
        tuple(ends)
    )
    assert error.differs
    assert not rate(found, "b", "actual").differs
    assert rate(found, "b", "absolute_error").group.value == pytest.approx(
        np.abs(guess - y)[b].mean()
    )
    assert "predictions, against the truth, are" in found.sentence + found.detail
    assert found.groups[0].positives is None


def test_exact_predictions_leave_no_error_to_test() -> None:
    rng = np.random.default_rng(2)
    y = rng.normal(3, 1, 300)
    group = np.where(y > 3, "high", "low")
    guess = y * (1 + 1e-15 * rng.normal(size=300))
    found = compare(group, Scored("regression", y, guess))
    assert rate(found, "high", "error").group.value == 0
    assert not rate(found, "high", "error").differs
    assert rate(found, "high", "actual").differs


def test_several_classes_have_shares_accuracy_and_the_recall_of_each() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 900)
    group = rng.choice(["old", "young"], 900)
    guess = np.where((group == "old") & (y == 2) & (rng.random(900) < 0.7), 0, y)
    found = compare(group, Scored("multiclass", y, np.eye(3)[guess], average="macro"))
    assert [m.name for m in found.measures] == [
        "actual:a", "actual:b", "actual:c",
        "accuracy", "recall:a", "recall:b", "recall:c",
    ]  # fmt: skip
    share = rate(found, "old", "actual:c")
    assert share.group.value == pytest.approx((y == 2)[group == "old"].mean())
    assert not share.differs
    recall = rate(found, "old", "recall:c")
    assert recall.group.value == pytest.approx(
        (guess == 2)[(group == "old") & (y == 2)].mean()
    )
    assert recall.differs
    assert not rate(found, "old", "recall:b").differs
    assert "recall of c is" in found.sentence + found.detail


def test_of_many_classes_the_frequent_ones_are_compared_and_the_rest_counted() -> None:
    rng = np.random.default_rng(1)
    y = rng.permutation(np.repeat(np.arange(14), np.arange(30, 44)))
    scored = Scored("multiclass", y, np.eye(14)[y], average="macro")
    names = tuple(f"k{i}" for i in range(14))
    found = compare(np.arange(len(y)) % 2, scored, classes=names)
    assert [m.name for m in found.measures[1:]] == [
        f"recall:k{i}" for i in range(4, 14)
    ]
    assert found.note == "Recall is compared for the 10 most frequent of 14 classes."


def test_weights_are_not_used_and_it_says_so() -> None:
    group, y, called = draws(400)
    plain = compare(group, binary(y, called))
    weighted = compare(group, binary(y, called, np.linspace(0.1, 9, 400)))
    assert weighted.groups == plain.groups
    assert weighted.note.endswith("sample weights are not used here.")
    assert "weights" not in plain.note


# --- too few rows ------------------------------------------------------------


@pytest.mark.parametrize(("n", "known"), [(29, False), (30, True)])
def test_a_group_needs_30_rows(n: int, known: bool) -> None:
    y = np.tile([0, 1], 200)
    group = np.repeat(["big", "small"], [400 - n, n])
    found = compare(group, binary(y, y))
    actual = rate(found, "small", "actual")
    assert actual.group.defined is known
    assert (actual.p_value is not None) is known
    assert actual.difference.defined is known
    # The big group is known, but its rest is the small one.
    big = rate(found, "big", "actual")
    assert big.group.defined
    assert big.difference.defined is known
    assert found.compared is known
    if not known:
        assert actual.difference.reason == (
            "not enough data: 29 rows, at least 30 are needed"
        )
        assert big.difference.reason == (
            "not enough data: the rest has 29 rows, at least 30 are needed"
        )
        assert found.sentence == (
            "There is not enough data to compare the groups of g."
        )
        assert found.detail == (
            "30 rows are needed in a group and in the rest; the smallest group (small) "
            "has 29 rows."
        )


@pytest.mark.parametrize("positives", [29, 30])
def test_a_rate_needs_30_rows_of_its_own(positives: int) -> None:
    y = np.concatenate([np.arange(100) < positives, np.tile([0, 1], 200)]).astype(int)
    group = np.repeat(["x", "y"], [100, 400])
    found = compare(group, binary(y, y))
    assert rate(found, "x", "true_positive").group.defined is (positives == 30)
    assert rate(found, "x", "true_positive").group.n == positives
    assert rate(found, "y", "true_positive").group.defined
    assert rate(found, "y", "true_positive").difference.defined is (positives == 30)
    assert rate(found, "x", "false_positive").difference.defined


def test_a_group_of_one_class_lacks_one_rate_and_keeps_the_others() -> None:
    y = np.concatenate([np.ones(60), np.tile([0, 1], 100)]).astype(int)
    found = compare(np.repeat(["ones", "both"], [60, 200]), binary(y, y))
    assert rate(found, "ones", "actual").differs
    lacking = rate(found, "ones", "false_positive")
    assert lacking.difference.reason == (
        "not enough data: 0 rows, at least 30 are needed"
    )
    assert rate(found, "ones", "true_positive").p_value == 1


def test_a_small_group_is_named_and_never_dropped() -> None:
    group, y, called = draws(900)
    group = group.astype(object)
    group[:12], group[12:17] = "few", None
    found = compare(group, binary(y, called))
    assert {each.value: each.n for each in found.groups}["few"] == 12
    assert {each.value: each.n for each in found.groups}["missing"] == 5
    assert "There is not enough data for few (12 rows) and missing (5 rows)." in (
        found.detail
    )
    assert found.differs


def test_missing_values_are_a_group_that_may_differ() -> None:
    y = np.concatenate([np.ones(90), np.tile([0, 1, 0], 100)]).astype(int)
    column = pd.Series([None] * 90 + ["a", "b"] * 150, dtype="str")
    found = compare(column, binary(y, y))
    assert rate(found, "missing", "actual").differs
    assert found.sentence.startswith("g = missing: y = yes is 67 points more frequent")


@pytest.mark.parametrize("value", ["only", None])
def test_a_group_that_is_everybody_has_nothing_beside_it(value: str | None) -> None:
    y = np.tile([0, 1], 50)
    found = compare(pd.Series([value] * 100, dtype="str"), binary(y, y))
    name = value or "missing"
    assert [(each.value, each.n) for each in found.groups] == [(name, 100)]
    assert rate(found, name, "actual").group.value == 0.5
    assert not found.compared
    assert found.sentence == (
        f"There is nothing to compare: all test rows have the same g ({name}, "
        "100 rows)."
    )


def test_where_every_value_is_rare_nothing_is_compared() -> None:
    y = np.tile([0, 1], 50)
    found = compare([f"p{i:03}" for i in range(100)], binary(y, y))
    assert sum(each.n for each in found.groups) == 100
    assert found.groups[-1].value == "other (80 values)"
    assert not found.compared
    assert "smallest group (p000) has 1 row." in found.detail


# --- what is said ------------------------------------------------------------


def test_a_difference_is_said_in_points_with_its_interval() -> None:
    y = np.concatenate([np.arange(400) < 120, np.arange(600) < 300]).astype(int)
    found = compare(np.repeat(["c", "d"], [400, 600]), binary(y, y))
    contrast = compare_shares(120, 400, 300, 600, confidence=0.95)
    low, high = -100 * contrast.upper, -100 * contrast.lower
    assert found.sentence == (
        "g = c: y = yes is 20 points less frequent than in the rest "
        f"(95 % interval {low:.0f} to {high:.0f})."
    )
    assert found.detail == "Also, y = yes is predicted 20 points less often."


def test_where_nothing_differs_it_says_beyond_chance() -> None:
    y = np.tile([0, 1], 200)
    found = compare(np.repeat(["a", "b"], 200), binary(y, y))
    assert found.sentence == (
        "No difference beyond chance was seen between the groups of g."
    )
    assert found.detail == ""


def test_the_surest_group_is_told_and_the_others_named() -> None:
    y = np.concatenate([np.arange(200) < k for k in (20, 100, 100, 160)]).astype(int)
    found = compare(np.repeat(list("abcd"), 200), binary(y, y))
    assert found.sentence.startswith("g = a: y = yes is")
    assert found.detail.endswith("g = d differs, too.")


def test_numbers_are_banded_as_slices_are() -> None:
    y = np.tile([0, 1], 200)
    found = compare(np.arange(400) / 2, binary(y, y))
    assert [each.value for each in found.groups] == [
        "0 to 49.5", "50 to 99.5", "100 to 149.5", "150 to 199.5",
    ]  # fmt: skip


def test_the_record_is_plain_json() -> None:
    group, y, called = draws(300)
    group = group.astype(object)
    group[:3] = "few"
    record = compare(group, binary(y, called)).to_dict()
    again = json.loads(json.dumps(record, allow_nan=False))
    assert again == record
    few = next(each for each in again["groups"] if each["value"] == "few")
    assert few["rates"][0]["group"] == {
        "value": None, "lower": None, "upper": None, "n": 3,
    }  # fmt: skip
    assert few["rates"][0]["reason"].startswith("not enough data: 3 rows")


def test_columns_of_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="each of the 4 scored rows, got 2"):
        compare(["a", "b"], binary([0, 1, 0, 1], [0, 1, 0, 1]))


# --- properties --------------------------------------------------------------

TRIPLES = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", None]), st.booleans(), st.booleans()),
    min_size=2,
    max_size=60,
)


@given(TRIPLES, st.integers(1, 4))
def test_group_and_rest_are_all_rows(rows: list[Any], times: int) -> None:
    group, y, called = zip(*(rows * times), strict=True)
    scored = binary(np.array(y, int), np.array(called, int))
    found = compare(pd.Series(group, dtype="str"), scored)
    assert sum(each.n for each in found.groups) == scored.n
    positives = int(np.sum(y))
    totals = (scored.n, scored.n, positives, scored.n - positives)
    for part in found.groups:
        for each, total in zip(part.rates, totals, strict=True):
            assert each.group.n + each.rest.n == total
            assert each.group.defined is (each.group.n >= 30)
            assert each.differs <= (each.p_value is not None)
            assert (each.p_value is None) is (min(each.group.n, each.rest.n) < 30)


@given(st.integers(0, 2**32 - 1), st.integers(60, 400))
def test_group_and_rest_changed_over_turn_the_sign(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    y, called = rng.integers(0, 2, n), rng.integers(0, 2, n)
    half = rng.random(n) < 0.5
    found = compare(np.where(half, "in", "out"), binary(y, called))
    for name in RATES:
        one, two = rate(found, "in", name), rate(found, "out", name)
        if one.p_value is None:
            assert two.p_value is None
            continue
        assert one.difference.value == pytest.approx(-two.difference.value)
        assert one.difference.lower == pytest.approx(-two.difference.upper)
        assert (one.p_value, one.differs) == (two.p_value, two.differs)


# --- known truth -------------------------------------------------------------


def fair(task: str, rng: np.random.Generator) -> Scored:
    if task == "binary":
        p = rng.beta(0.8, 1.6, 1200)
        y = rng.random(1200) < p
        return Scored("binary", y.astype(int), np.column_stack([1 - p, p]))
    if task == "multiclass":
        p = rng.dirichlet([0.5, 0.8, 0.2], 1200)
        y = (rng.random((1200, 1)) > p.cumsum(axis=1)).sum(axis=1).clip(0, 2)
        return Scored("multiclass", y, p, average="macro")
    value = rng.lognormal(3, 1, 1200)
    return Scored("regression", value, value * rng.uniform(0.6, 1.4, 1200))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_in_a_fair_world_a_difference_is_rarely_called(task: str) -> None:
    rng, worlds, alarms = np.random.default_rng(7), 200, 0
    for _ in range(worlds):
        group = rng.choice(list("abcd"), 1200, p=[0.55, 0.3, 0.12, 0.03])
        alarms += compare(group, fair(task, rng)).differs
    # At most 5 %, and what chance adds to that in 200 worlds.
    assert alarms <= stats.binom.ppf(0.99, worlds, 0.05)


@pytest.fixture(scope="module")
def dispatch() -> Callable[..., GroupComparison]:
    params = load_params("vendor_dispatch", PROJECT)
    linear = params.train.model_copy(update={"estimator": "linear"})
    params = params.model_copy(update={"train": linear})

    def found(bias: float, seed: int, rows: int) -> GroupComparison:
        options = {"rows": rows, "bias": bias}
        dataset = prepare(synthetic.generate("vendor_dispatch", options, seed), params)
        test = dataset.test_rows
        model = train.fit(dataset, params).model
        predicted = {"model": train.predict(model, dataset.X(test), "binary")}
        return compare(
            dataset.frame["tenant_group"].iloc[test].reset_index(drop=True),
            score(dataset, predicted, params)["model"],
            target="on_time",
            classes=dataset.schema.classes,
        )

    return found


@pytest.mark.parametrize("seed", range(5))
def test_an_injected_bias_is_found(dispatch: Any, seed: int) -> None:
    found = dispatch(0.4, seed, 12_000)
    assert rate(found, "C", "actual").differs
    assert rate(found, "C", "actual").difference.value < -0.08
    assert rate(found, "C", "false_positive").difference.value > 0
    assert found.sentence.startswith("g = C: on_time = True is")
    assert "less frequent than in the rest" in found.sentence


def test_the_clean_twin_has_nothing_to_find(dispatch: Any) -> None:
    called = [dispatch(0.0, seed, 3_000).differs for seed in range(8)]
    # With 5 % each, more than 2 of 8 would be called once in 170 tries.
    assert sum(called) <= 2


# --- as a part of the evaluation ---------------------------------------------


def toy(**data: Any) -> tuple[Any, dict[str, np.ndarray], Params]:
    rng = np.random.default_rng(1)
    group = rng.choice(["old", "young"], 1500)
    y = np.where(rng.random(1500) < np.where(group == "old", 0.2, 0.6), "yes", "no")
    raw = pd.DataFrame({"x": rng.normal(size=1500), "group": group, "y": y})
    if "weight" in data:
        raw["w"] = np.where(np.arange(1500) % 3 == 0, 0.0, 2.0)
    params = params_from_dict(
        {
            "case": "toy",
            "task": "binary",
            "data": {"source": "toy.csv", "target": "y", "positive": "yes", **data},
            "evaluate": {"gates": [], "resamples": 200},
        }
    )
    dataset = prepare(raw, params)
    p = rng.random(len(dataset.test_rows))
    return dataset, {"model": np.column_stack([1 - p, p])}, params


def test_protected_columns_are_compared_and_kept_in_the_record() -> None:
    found = evaluate(*toy(protected=["group"]))
    (comparison,) = found.groups
    assert comparison.column == "group"
    assert comparison.differs
    assert found.to_dict()["groups"] == [comparison.to_dict()]
    assert "Groups, a first look at bias" in found._repr_html_()


def test_without_protected_columns_nothing_is_compared() -> None:
    found = evaluate(*toy())
    assert found.groups == ()
    assert found.to_dict()["groups"] == []


def test_sensitive_values_are_not_told() -> None:
    found = evaluate(*toy(protected=["group"], sensitive=["group", "y"]))
    (comparison,) = found.groups
    assert [each.value for each in comparison.groups] == ["value 1", "value 2"]
    told = json.dumps(comparison.to_dict()) + found._repr_html_()
    assert not any(word in told for word in ("young", "old", "yes"))
    assert "y = class 2" in comparison.sentence


def test_rows_of_weight_0_take_no_part() -> None:
    dataset, predictions, params = toy(protected=["group"], weight="w")
    (comparison,) = evaluate(dataset, predictions, params).groups
    kept = dataset.weight.iloc[dataset.test_rows] > 0
    assert sum(each.n for each in comparison.groups) == kept.sum()
    inside = dataset.frame["group"].iloc[dataset.test_rows][kept] == "old"
    assert {g.value: g.n for g in comparison.groups}["old"] == inside.sum()
    assert "weights are not used" in comparison.note


def test_a_difference_never_changes_the_proposal() -> None:
    with_, without = (evaluate(*toy(**data)) for data in ({"protected": ["group"]}, {}))
    assert with_.groups[0].differs
    params = toy()[2]
    one, other = (propose(e, params, champion=None) for e in (with_, without))
    assert one.to_dict() == other.to_dict()
