"""A regression's errors before values come, against the truth of made-up worlds."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.isotonic import isotonic_regression

from mlkit import label_free
from mlkit.data import Column, Schema
from mlkit.label_free import Expected, estimate_regression, labelled_answers
from mlkit.label_free.features import matrix_of
from mlkit.label_free.loss_model import _tree, fit_loss
from mlkit.metrics import Scored, compute

SCHEMA = Schema(
    (
        Column("x", "number"),
        Column("noisy", "category"),
        Column("at", "date"),
        Column("id", "identifier"),
        Column("y", "number", "target"),
    ),
    "regression",
    "y",
)


def world(
    rng: np.random.Generator, n: int, *, noisy: float = 0.3, concept: float = 0.0
) -> tuple[pd.DataFrame, Any, Any]:
    """Return rows, predictions and values; those of "yes" are three times as noisy."""
    yes = rng.random(n) < noisy
    x = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, x),
            "noisy": np.where(yes, "yes", "no"),
            "at": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "id": [f"r{i}" for i in range(n)],
        }
    )
    noise = rng.normal(size=n) * np.where(yes, 3.0, 1.0)
    return frame, 2 * x, 2 * x + noise + concept


def kept(rng: np.random.Generator, n: int = 800, **kwargs: Any) -> Any:
    frame, given, values = world(rng, n)
    return labelled_answers(
        "regression", values, given, features=frame, schema=SCHEMA, **kwargs
    )


def by_name(found: tuple[Expected, ...]) -> dict[str, Expected]:
    return {each.metric: each for each in found}


def test_under_covariate_shift_the_errors_fall_into_the_interval() -> None:
    hits = {"mae": 0, "rmse": 0}
    repeats = 12
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)
        answers = kept(rng)
        frame, given, values = world(rng, 400, noisy=0.8)
        found = by_name(estimate_regression(answers, given, frame))
        for name, each in found.items():
            truth = compute(name, Scored("regression", values, given))
            hits[name] += each.lower <= truth <= each.upper
            assert each.dropped
            assert each.lower > each.reference
    assert min(hits.values()) >= repeats - 1


def test_without_shift_the_errors_are_those_of_the_labelled_rows() -> None:
    rng = np.random.default_rng(2)
    answers = kept(rng)
    frame, given, _ = world(rng, 400)
    for each in estimate_regression(answers, given, frame):
        assert each.value == pytest.approx(each.reference, rel=0.1)
        assert not each.dropped
        assert "not worse beyond chance" in each.reason


def test_concept_drift_is_not_seen_and_every_estimate_says_so() -> None:
    rng = np.random.default_rng(3)
    answers = kept(rng)
    frame, given, values = world(rng, 400, concept=4.0)
    for each in estimate_regression(answers, given, frame):
        truth = compute(each.metric, Scored("regression", values, given))
        assert truth > each.upper
        assert not each.dropped
        assert "No concept drift" in each.assumption
        assert "does not see it" in each.assumption


def test_the_stored_trees_answer_as_scikit_learn_does() -> None:
    rng = np.random.default_rng(4)
    frame, given, values = world(rng, 500)
    frame.loc[::7, "noisy"] = None
    errors = np.abs(values - given)
    model, held_out = fit_loss(frame, SCHEMA, given, errors, seed=5)
    matrix = matrix_of(model.features, frame, given)
    assert np.isnan(matrix).any()
    forest = RandomForestRegressor(
        n_estimators=40,
        max_leaf_nodes=32,
        min_samples_leaf=10,
        max_samples=1.0,
        oob_score=True,
        random_state=5,
    ).fit(matrix, errors)
    np.testing.assert_allclose(model.expected(frame, given), forest.predict(matrix))
    np.testing.assert_allclose(held_out, forest.oob_prediction_)
    stump = _tree(RandomForestRegressor(1, max_depth=1).fit(matrix[:9], errors[:9])[0])
    assert len(stump.feature) <= 3
    assert [each.name for each in model.features] == ["x", "noisy", "at"]


def test_the_interval_widens_with_fewer_rows_and_fewer_labels() -> None:
    rng = np.random.default_rng(12)
    frame, given, _ = world(rng, 2000)

    def width(labels: int, rows: int) -> float:
        answers = kept(np.random.default_rng(1), labels)
        (mae, _) = estimate_regression(answers, given[:rows], frame[:rows])
        return mae.value - mae.lower

    assert width(2000, 20) > 3 * width(2000, 2000)
    assert width(100, 2000) > 2 * width(2000, 2000)


def some_beyond(frame: pd.DataFrame, share: float) -> pd.DataFrame:
    """Return the rows, of which this share of x lies beyond those of the world."""
    count = round(share * len(frame))
    return frame.assign(x=np.r_[np.full(count, 30.0), np.zeros(len(frame) - count)])


def test_rows_beyond_the_labelled_ones_raise_the_upper_end_and_are_told() -> None:
    rng = np.random.default_rng(11)
    answers = kept(rng)
    frame, given, _ = world(rng, 300)
    near = by_name(estimate_regression(answers, given, frame))["mae"]
    some = some_beyond(frame, 0.08)
    far = by_name(estimate_regression(answers, given, some))["mae"]
    assert far.withheld is None
    assert "(by 'x'), where nothing is known of errors" in far.reason
    assert "lie beyond" not in near.reason
    # By at least the worst mean of a bin, of the share beyond.
    (along,) = answers.curves
    worst = max(np.array(along.sums[0]) / np.array(along.counts))
    share = 0.08 - answers.support.outside[1]
    assert far.upper - far.value > far.value - far.lower + share * worst
    assert far.upper - far.value < far.value - far.lower + 2 * share * worst


@pytest.mark.parametrize(
    ("share", "withheld"), [(0.0, ()), (0.08, ("rmse",)), (0.2, ("mae", "rmse"))]
)
def test_with_many_rows_beyond_the_errors_are_withheld_those_of_squares_first(
    share: float, withheld: tuple[str, ...]
) -> None:
    rng = np.random.default_rng(11)
    answers = kept(rng)
    frame, given, _ = world(rng, 300)
    found = estimate_regression(answers, given, some_beyond(frame, share))
    assert tuple(each.metric for each in found if each.withheld) == withheld
    for each in found:
        if each.withheld is not None:
            assert np.isnan([each.value, each.lower, each.upper]).all()
            assert not each.dropped
            assert "of the rows lie beyond" in each.withheld
            assert f"cannot be estimated: {each.withheld}" in each.reason
            assert each.to_dict()["value"] is None
            assert each.to_dict()["withheld"] == each.withheld


def test_what_is_beyond_is_a_share_of_one_column() -> None:
    rng = np.random.default_rng(13)
    frame, given, values = world(rng, 2000)
    answers = labelled_answers(
        "regression", values, given, features=frame, schema=SCHEMA
    )
    support = answers.support
    # The prediction, x and noisy: of dates the newer ones are always beyond.
    assert [each.name for each in support.features] == ["x", "noisy"]
    low, high = np.nanquantile(frame["x"], [0.01, 0.99])
    new, told, _ = world(rng, 1000)
    moved = new.assign(x=new["x"] + 1.0)
    inside = moved["x"].between(low, high) | moved["x"].isna()
    found = support.beyond(moved, told)
    assert found.column == "x"
    assert found.share == pytest.approx(1 - inside.mean() - 0.018, abs=0.01)
    # A column that is not there is not looked at; nothing moved in the others.
    assert support.beyond(moved.drop(columns="x"), told).share < 0.02
    later = new.assign(at=new["at"] + pd.Timedelta(days=3000))
    assert support.beyond(later, told).share < 0.02
    # A missing value is beyond where hardly a labelled row had one.
    gone = new.assign(noisy=None)
    assert support.beyond(gone, told).column == "noisy"
    assert support.beyond(gone, told).share == pytest.approx(1, abs=0.001)
    assert support.beyond(new.assign(x=np.nan), told).share < 0.02


def test_rows_as_they_were_read_give_the_same_as_conformed_ones() -> None:
    rng = np.random.default_rng(5)
    answers = kept(rng)
    frame, given, _ = world(rng, 100)
    raw = frame.astype(object).assign(x=frame["x"].map(str), at=frame["at"].map(str))
    found = estimate_regression(answers, given, frame)
    assert estimate_regression(answers, given, raw) == found
    assert estimate_regression(answers, given, frame[frame.columns[::-1]]) == found


def test_rows_without_features_or_new_levels_are_answered() -> None:
    rng = np.random.default_rng(6)
    answers = kept(rng)
    frame, given, _ = world(rng, 100)
    for other in (None, frame[["x"]]):
        found = estimate_regression(answers, given, other)
        assert all(each.lower <= each.value <= each.upper for each in found)
    for each in estimate_regression(answers, given, frame.assign(noisy="maybe")):
        assert each.withheld is not None
        assert "100% of the rows" in each.withheld
        assert "(by 'noisy')" in each.withheld
    alone = labelled_answers("regression", given + 1, given)
    (mae, rmse) = estimate_regression(alone, given[:1])
    assert (mae.value, rmse.value) == pytest.approx((1, 1))
    assert "could not be told from the row" in mae.reason


def test_the_record_survives_json_and_gives_the_same_estimates() -> None:
    rng = np.random.default_rng(7)
    answers = kept(rng)
    text = json.dumps(answers.to_dict())
    again = label_free.from_dict(json.loads(text))
    assert again == answers
    assert len(text) < 200_000
    frame, given, _ = world(rng, 50)
    found = estimate_regression(again, given, frame)
    assert found == estimate_regression(answers, given, frame)
    json.dumps([each.to_dict() for each in found])


def test_answers_of_the_older_format_are_read_and_withheld_alike() -> None:
    rng = np.random.default_rng(7)
    answers = kept(rng)
    stored = answers.to_dict()
    support = stored.pop("support")
    del stored["spread"]
    ends = {  # Of the prediction, x, noisy and the date.
        end: [*support[end], days]
        for end, days in (("low", 19_700.0), ("high", 20_000.0))
    }
    stored["loss"] |= ends | {"beyond": 0.05}
    old = label_free.from_dict(json.loads(json.dumps(stored | {"format": 1})))
    frame, given, _ = world(rng, 200)
    for rows in (frame, frame.assign(x=frame["x"] + 9)):
        found = estimate_regression(answers, given, rows)
        again = estimate_regression(old, given, rows)
        for one, other in zip(found, again, strict=True):
            assert one.value == pytest.approx(other.value, nan_ok=True)
            assert (one.withheld is None) == (other.withheld is None)
    later = frame.assign(at=frame["at"] + pd.Timedelta(days=900))
    assert estimate_regression(old, given, later)[0].withheld is None


def test_a_sensitive_column_is_left_out_and_counted() -> None:
    rng = np.random.default_rng(8)
    frame, given, values = world(rng, 300)
    columns = (*SCHEMA.columns[:1], Column("noisy", "category", sensitive=True))
    schema = Schema((*columns, *SCHEMA.columns[2:]), "regression", "y")
    answers = labelled_answers(
        "regression", values, given, features=frame, schema=schema
    )
    assert "noisy" not in json.dumps(answers.to_dict())
    (mae, _) = estimate_regression(answers, given, frame)
    assert "1 sensitive column" in mae.reason


def test_what_does_not_fit_says_what_does() -> None:
    rng = np.random.default_rng(9)
    answers = kept(rng, 100)
    frame, given, _ = world(rng, 20)
    with pytest.raises(ValueError, match="one of mae, rmse, got 'r2'"):
        estimate_regression(answers, given, frame, metrics=["r2"])
    with pytest.raises(ValueError, match="1 that are not finite"):
        estimate_regression(answers, [1.0, np.nan])
    with pytest.raises(ValueError, match="each of the 20 predictions, got 5"):
        estimate_regression(answers, given, frame[:5])
    both = np.column_stack([np.full(60, 0.4), np.full(60, 0.6)])
    labels = labelled_answers("binary", np.arange(60) % 2, both)
    with pytest.raises(ValueError, match="use estimate_classification"):
        estimate_regression(labels, given)


def test_the_interval_of_other_rows_is_that_of_as_many_labels_as_they_are_worth() -> (
    None
):
    answers = kept(np.random.default_rng(3), 800)
    frame, _, _ = world(np.random.default_rng(4), 1)
    frame = frame.assign(noisy="yes", x=0.5)
    # One row so often that nothing is left to chance: all lie in one bin of the curve,
    # and are worth the labelled rows of that bin.
    rows = frame.loc[[0] * 20_000].reset_index(drop=True)
    (mae,) = estimate_regression(answers, np.ones(len(rows)), rows, metrics=["mae"])
    (along,) = answers.curves
    score = answers.loss.expected(rows[:1], np.ones(1))
    place = int(np.searchsorted(along.edges, score[0]))
    size = along.counts[place]
    assert mae.effective_rows == pytest.approx(size)
    mean, square = (along.sums[each][place] / size for each in (0, 1))
    spread = square - mean**2
    # What each tree says of the row, at the mean errors of the bins, in order.
    scores, means = np.array(along.scores), np.array(along.sums[0]) / along.counts
    means = isotonic_regression(means, sample_weight=along.counts)
    trees = np.interp(answers.loss.by_tree(rows[:1], np.ones(1))[:, 0], scores, means)
    known = spread / (size - 1) * 800 / size + trees.var()
    half = 1.96 * np.sqrt(known + spread / len(rows))
    assert mae.upper - mae.value == pytest.approx(half, rel=0.01)
