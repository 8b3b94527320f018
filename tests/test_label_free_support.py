"""Which rows lie beyond the labelled ones: hardly any column's do without a shift."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, binom

from mlkit import label_free
from mlkit.data import Column, Schema
from mlkit.label_free import (
    estimate_classification,
    estimate_regression,
    labelled_answers,
)
from mlkit.label_free.features import Feature, features_of
from mlkit.label_free.support import (
    MOST_BEYOND,
    MOST_BEYOND_OF_SQUARES,
    SEEN_LEVELS,
    support_of,
    unsupported,
)

REPEATS = 40


def numbers(rng: np.random.Generator, n: int, columns: int) -> pd.DataFrame:
    return pd.DataFrame(rng.normal(size=(n, columns))).rename(columns="x{}".format)


def features(columns: int) -> tuple[Feature, ...]:
    return tuple(Feature(f"x{place}", "number", None) for place in range(columns))


def withheld(labelled: int, current: int, columns: int, shift: float = 0.0) -> float:
    """Return how often the root mean squared error is withheld."""
    found = 0
    for repeat in range(REPEATS):
        rng = np.random.default_rng([repeat, labelled, current, columns])
        support = support_of(features(columns), numbers(rng, labelled, columns))
        new = numbers(rng, current, columns)
        beyond = support.beyond(new.assign(x0=new["x0"] + shift))
        found += unsupported(beyond, MOST_BEYOND_OF_SQUARES) is not None
    return found / REPEATS


@pytest.mark.parametrize(
    ("labelled", "current", "columns"),
    [
        (2000, 50, 5),
        (2000, 50, 20),
        (2000, 200, 20),
        (200, 50, 20),
        (200, 2000, 5),
        (100, 1000, 20),
        (60, 1000, 20),
    ],
)
def test_without_a_shift_hardly_anything_is_withheld(
    labelled: int, current: int, columns: int
) -> None:
    # At a rate of 5 % as many or more happen once in 400 times.
    most = binom(REPEATS, 0.05).isf(0.0025) / REPEATS
    assert withheld(labelled, current, columns) <= most


def test_a_shift_is_withheld_with_few_rows_and_few_labels() -> None:
    assert withheld(1000, 200, 5, shift=1.5) == 1
    assert withheld(200, 1000, 5, shift=1.5) > 0.9
    assert withheld(60, 200, 20, shift=4) > 0.9


@pytest.mark.parametrize(
    ("labelled", "levels"),
    [(200, 30), (200, 60), (500, 200), (2000, 200), (1000, 1000)],
)
def test_without_a_shift_levels_are_no_reason_however_many(
    labelled: int, levels: int
) -> None:
    schema = Schema((Column("c", "category"),), "regression", None)
    hits = {MOST_BEYOND: 0, MOST_BEYOND_OF_SQUARES: 0}
    for repeat in range(REPEATS):
        rng = np.random.default_rng([repeat, labelled, levels])
        rows, new = (
            pd.DataFrame({"c": rng.integers(0, levels, n).astype(str)})
            for n in (labelled, 500)
        )
        kept, _ = features_of(rows, schema, SEEN_LEVELS)
        support = support_of(kept, rows)
        for most in hits:
            hits[most] += unsupported(support.beyond(new), most) is not None
        # Rows of levels that nobody has seen are far beyond at any size.
        other = support.beyond(new.assign(c="z" + new["c"]))
        assert unsupported(other) is not None or levels == 1000
    assert hits[MOST_BEYOND] == 0
    assert hits[MOST_BEYOND_OF_SQUARES] <= binom(REPEATS, 0.05).isf(0.0025)


def test_what_lies_beyond_by_chance_is_what_rows_alike_show() -> None:
    # Labelled and current rows drawn anew are the independent computation.
    rng = np.random.default_rng(5)
    for n, m in ((60, 200), (250, 100), (400, 1000)):
        shares = []
        for _ in range(400):
            support = support_of(features(1), numbers(rng, n, 1))
            low, high = support.low[0], support.high[0]
            new = rng.normal(size=m)
            shares.append(((new < low) | (new > high)).mean())
        assert support.outside[0] == pytest.approx(max(0.02, 2 / (n + 1)))
        assert np.mean(shares) == pytest.approx(support.outside[0], rel=0.15)
        for share in np.quantile(shares, [0.7, 0.9, 0.97]):
            truth = np.mean(np.array(shares) >= share)
            assert support._chance(0, share, m) == pytest.approx(truth, abs=0.06)


def test_chance_is_a_binomial_whose_share_is_uncertain() -> None:
    support = support_of(features(1), numbers(np.random.default_rng(0), 99, 1))
    draws = beta(2, 98).ppf((np.arange(20_000) + 0.5) / 20_000)
    for count in (0, 3, 8, 20):
        expected = binom.sf(count - 1, 150, draws).mean()
        assert support._chance(0, count / 150, 150) == pytest.approx(expected, rel=0.01)


def test_levels_seen_once_are_what_may_be_new() -> None:
    cells = [*("a" * 60), *("b" * 30), "c", "c", "d", "e", "f"]
    schema = Schema((Column("c", "category"),), "regression", None)
    rows = pd.DataFrame({"c": cells})
    kept, _ = features_of(rows, schema, SEEN_LEVELS)
    support = support_of(kept, rows)
    assert support.outside == (4 / 96,)
    # Twice the one level of two rows beside the four.
    assert support.rows == pytest.approx((96 * 4 / 6,))
    new = pd.DataFrame({"c": ["f"] * 80 + ["new"] * 20})
    assert support.beyond(new).share == pytest.approx(0.2 - 4 / 96)
    assert support.beyond(new).certain


def test_a_column_of_too_many_levels_is_not_looked_at() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"c": np.arange(1500).astype(str), "x": rng.normal(size=1500)})
    schema = Schema(
        (Column("c", "category"), Column("x", "number")), "regression", None
    )
    kept, _ = features_of(rows, schema, SEEN_LEVELS)
    support = support_of(kept, rows, rng.normal(size=1500))
    assert [each.name for each in support.features] == ["x"]
    assert len(support.low) == len(support.outside) == len(support.rows) == 2
    new = pd.DataFrame({"c": ["new"] * 300, "x": rng.normal(size=300)})
    assert not support.beyond(new, rng.normal(size=300)).certain


def test_a_certain_column_goes_before_one_of_chance() -> None:
    rng = np.random.default_rng(0)
    whole = support_of(features(2), numbers(rng, 2000, 2))
    # Of the first column little is known, as of one whose levels come and go.
    support = replace(whole, rows=(10.0, 2001.0))
    new = numbers(rng, 1000, 2).clip(-1, 1)
    new = new.assign(x1=new["x1"].mask(np.arange(1000) < 60, 9.0))
    both = new.assign(x0=new["x0"].mask(np.arange(1000) < 80, 9.0))
    assert whole.beyond(both).column == "x0"
    found = support.beyond(both)
    assert (found.column, found.certain) == ("x1", True)
    assert found.share == pytest.approx(0.04)
    assert "at most 3% may" in str(unsupported(found, MOST_BEYOND_OF_SQUARES))
    assert unsupported(found) is None
    # A few rows of many may lie there by chance, and are only told.
    few = numbers(rng, 50, 2)
    few = few.assign(x0=few["x0"].clip(-1, 1).mask(np.arange(50) < 3, 9.0))
    few = few.assign(x1=few["x1"].clip(-1, 1))
    some = whole.beyond(few)
    assert (some.column, some.certain) == ("x0", False)
    assert some.share == pytest.approx(0.04)
    assert unsupported(some, MOST_BEYOND_OF_SQUARES) is None


def answers(task: Any, levels: int) -> tuple[Any, Any, Any]:
    """Return labelled answers on a category, and more rows alike."""
    rng = np.random.default_rng(levels)
    target = Column("y", "number" if task == "regression" else "boolean", "target")
    columns = (Column("x0", "number"), Column("c", "category"), target)
    classes = () if task == "regression" else ("False", "True")
    schema = Schema(columns, task, "y", classes)
    frames = [
        numbers(rng, n, 1).assign(c=rng.integers(0, levels, n).astype(str))
        for n in (400, 300)
    ]
    given = [each["x0"].to_numpy() for each in frames]
    truth = given[0] + rng.normal(size=400)
    if task == "binary":
        given = [
            np.column_stack([1 - p, p]) for p in (1 / (1 + np.exp(-z)) for z in given)
        ]
        truth = (rng.random(400) < given[0][:, 1]).astype(int)
    found = labelled_answers(task, truth, given[0], features=frames[0], schema=schema)
    return found, given[1], frames[1]


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_a_category_of_many_levels_lets_estimates_be(task: Any) -> None:
    known, given, frame = answers(task, 150)
    estimate: Any = (
        estimate_regression if task == "regression" else estimate_classification
    )
    assert all(each.withheld is None for each in estimate(known, given, frame))
    again = label_free.from_dict(json.loads(json.dumps(known.to_dict())))
    assert again == known
    new = estimate(again, given, frame.assign(c="new"))
    assert all("(by 'c')" in str(each.withheld) for each in new)


@pytest.mark.parametrize("levels", [4, 150])
def test_a_support_without_the_certainty_of_its_shares_is_read(levels: int) -> None:
    known, given, frame = answers("regression", levels)
    stored = json.loads(json.dumps(known.to_dict()))
    del stored["support"]["rows"]
    stored["support"]["outside"] = [0.02, 0.02, 0.0]
    column = stored["support"]["features"][1]
    column["levels"] = column["levels"][:50]
    old = label_free.from_dict(stored)
    # Of 50 levels there may have been more, which are not kept.
    names = [each.name for each in old.support.features]
    assert names == (["x0", "c"] if levels == 4 else ["x0"])
    assert set(old.support.rows) == {401.0}
    assert old.support.outside[:2] == (0.02, 0.02)
    found = estimate_regression(old, given, frame)
    assert found == estimate_regression(known, given, frame)
    far = estimate_regression(old, given, frame.assign(x0=9.0))
    assert all(each.withheld for each in far)
