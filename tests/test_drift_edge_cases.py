"""Cases whose right answer is known: what must be flagged, and what must not be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from mlkit.data import Column, Schema
from mlkit.drift import (
    ColumnDrift,
    DriftReport,
    count_rows,
    detect,
    reference_profile,
)
from mlkit.params.models import Drift

RNG = np.random.default_rng
Values = np.ndarray
Draw = Callable[[np.random.Generator], tuple[Values, Values]]
N = 1000


@dataclass(frozen=True)
class Case:
    """One column on both sides, and what should be said of it."""

    name: str
    draw: Draw
    flagged: bool
    words: str = ""
    kind: str = "number"
    state: str = "compared"


def spoilt(values: Values, value: float) -> Values:
    """Return the values with one outlier."""
    return np.append(values[1:], value)


def thinned(values: Values, share: float, rng: np.random.Generator) -> Values:
    """Return the values, some of them missing."""
    return np.where(rng.random(len(values)) < share, np.nan, values)


def levels(k: int, n: int, rng: np.random.Generator) -> Values:
    return rng.integers(0, k, n).astype(str).astype(object)


def without(values: Values, level: str, other: str) -> Values:
    return np.where(values == level, other, values)


CASES = (
    Case(
        "one outlier in the current rows is no drift",
        lambda rng: (rng.normal(size=N), spoilt(rng.normal(size=N), 1e6)),
        False,
    ),
    Case(
        "an outlier in the current rows hides no shift",
        lambda rng: (rng.normal(size=N), spoilt(rng.normal(1, 1, N), 1e6)),
        True,
        "higher values",
    ),
    Case(
        "an outlier in the reference hides no shift",
        lambda rng: (spoilt(rng.normal(size=N), 1e6), rng.normal(1, 1, N)),
        True,
        "higher values",
    ),
    Case(
        "missing values jump from 0 to 40 %",
        lambda rng: (rng.normal(size=N), thinned(rng.normal(size=N), 0.4, rng)),
        True,
        "% of the rows, was 0 %",
    ),
    Case(
        "every value is missing",
        lambda rng: (rng.normal(size=N), np.full(N, np.nan)),
        True,
        "every value is missing",
        state="all missing",
    ),
    Case(
        "one row has a new category",
        lambda rng: (levels(5, N, rng), np.append(levels(5, N - 1, rng), "new")),
        False,
        "1 row with a level that the reference lacks",
        kind="category",
    ),
    Case(
        "there really is a new category",
        lambda rng: (
            levels(5, N, rng),
            np.where(rng.random(N) < 0.1, "new", levels(5, N, rng)),
        ),
        True,
        "% of the values are levels that the reference lacks",
        kind="category",
    ),
    Case(
        "a category is gone",
        lambda rng: (levels(5, N, rng), without(levels(5, N, rng), "3", "1")),
        True,
        "'3' no longer occurs; it had",
        kind="category",
    ),
    Case(
        "200 levels, calm",
        lambda rng: (levels(200, N, rng), levels(200, N, rng)),
        False,
        kind="category",
    ),
    Case(
        "1,000 levels, calm",
        lambda rng: (levels(1000, N, rng), levels(1000, N, rng)),
        False,
        kind="category",
    ),
    Case(
        "a constant changes",
        lambda rng: (np.full(N, 1.0), np.full(N, 1.5)),
        True,
        "1 was the only value, and 0 % of the values are now",
    ),
    Case(
        "a constant stays",
        lambda rng: (np.full(N, 1.0), np.full(N, 1.0)),
        False,
        "the same value in every row, then and now",
    ),
    Case(
        "the variance is 1.5 times as large",
        lambda rng: (rng.normal(size=N), rng.normal(0, np.sqrt(1.5), N)),
        True,
        "values",
    ),
    Case(
        "70 % of zeros become 60 %",
        lambda rng: (
            rng.exponential(size=N) * (rng.random(N) < 0.3),
            rng.exponential(size=N) * (rng.random(N) < 0.4),
        ),
        True,
        "more of the rows lie above 0",
    ),
    Case(
        "a Poisson rate of 2 becomes 2.4",
        lambda rng: (
            rng.poisson(2, N).astype(float),
            rng.poisson(2.4, N).astype(float),
        ),
        True,
        "higher values",
    ),
    Case(
        "a shift by 0.02 deviations in 200,000 rows is nothing",
        lambda rng: (rng.normal(size=200_000), rng.normal(0.02, 1, 200_000)),
        False,
        "too little to matter",
    ),
)


def schema(kind: str) -> Schema:
    columns = Column("x", kind), Column("y", "boolean", "target")
    return Schema(columns, "binary", "y", ("False", "True"), "True")


def checked(one: Values, other: Values, kind: str = "number") -> DriftReport:
    described = schema(kind)
    profile = reference_profile(pd.DataFrame({"x": one}), described)
    return detect(profile, pd.DataFrame({"x": other}), described, params=Drift())


def only(report: DriftReport) -> ColumnDrift:
    (column,) = report.columns
    return column


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_answer_is_right(case: Case, seed: int) -> None:
    found = only(checked(*case.draw(RNG(seed)), case.kind))
    assert found.flagged is case.flagged
    assert found.state == case.state
    assert case.words in found.reason


def test_a_dropped_column_is_drift_and_an_extra_one_is_told() -> None:
    described, rng = schema("number"), RNG(0)
    profile = reference_profile(pd.DataFrame({"x": rng.normal(size=N)}), described)
    lost = detect(
        profile, pd.DataFrame({"z": rng.normal(size=N)}), described, params=Drift()
    )
    assert lost.verdict == "drift"
    assert only(lost).state == "absent"
    more = pd.DataFrame({"x": rng.normal(size=N), "z": 1})
    calm = detect(profile, more, described, params=Drift())
    assert (calm.verdict, calm.extra) == ("none", ("z",))


def test_a_statistic_that_does_not_apply_is_none_and_never_0() -> None:
    rng = RNG(0)
    constant = only(checked(np.ones(N), np.ones(N)))
    assert constant.constant
    assert constant.effect is None
    assert set(constant.statistics.values()) == {None}
    empty = only(checked(np.full(N, np.nan), rng.normal(size=N)))
    assert set(empty.statistics.values()) == {None}
    assert (empty.outside, empty.vanished, empty.constant) == (None, None, False)
    assert "was 100 %" in empty.reason
    both = only(checked(np.full(N, np.nan), np.full(N, np.nan)))
    assert not both.flagged
    assert "no values to compare with" in both.reason
    lettered = only(checked(levels(3, N, rng), levels(3, N, rng), "category"))
    ordered = {"ks", "ad", "cvm", "wasserstein", "wasserstein_plain", "energy", "mmd"}
    assert all(lettered.statistics[name] is None for name in ordered)
    assert lettered.statistics["psi"] is not None
    changed = only(checked(np.ones(N), np.full(N, 1.5)))
    assert changed.constant
    assert changed.statistics["ks"] == 1
    assert changed.statistics["wasserstein"] is None, "the reference does not spread"


def test_a_constant_level_is_known_too() -> None:
    one, other = np.full(N, "a", dtype=object), np.full(N, "b", dtype=object)
    assert only(checked(one, one, "category")).constant
    found = only(checked(one, other, "category"))
    assert found.flagged
    assert found.vanished == 1


def test_values_beyond_the_reference_are_found_where_the_rest_is_calm() -> None:
    rng = RNG(4)
    one, other = rng.normal(size=N), rng.normal(size=N)
    other[:35] = 50.0
    found = only(checked(one, other))
    # One more may lie beyond by chance.
    assert found.outside == pytest.approx(0.035, abs=0.003)
    assert found.flagged
    assert "of the values lie" in found.reason
    assert "all that the reference had" in found.reason
    subjects = {test.subject: test for test in found.tests}
    assert subjects["range"].flagged
    assert subjects["range"].p < 1e-6
    calm = only(checked(one, rng.normal(size=N)))
    assert calm.outside is not None
    assert calm.outside < 0.01
    assert "range" not in {test.subject for test in calm.tests}


def test_the_range_is_told_only_where_it_is_known() -> None:
    described, rng = schema("number"), RNG(8)
    one, other = rng.normal(size=N), rng.normal(size=N)
    other[:50] = -50.0
    low = only(checked(one, other))
    assert low.outside == pytest.approx(0.05, abs=0.003)
    assert "lie below all that the reference had" in low.reason
    # Of a reference put together from tables, outer bins may hold rows of its own.
    profile = reference_profile(pd.DataFrame({"x": one}), described)
    both = profile + count_rows(profile, pd.DataFrame({"x": other}), described)
    (found,) = detect(
        both, pd.DataFrame({"x": other}), described, params=Drift()
    ).columns
    assert found.outside is not None
    assert found.outside < 0.01


def test_a_small_window_lacks_rare_levels_without_drift() -> None:
    rng = RNG(5)
    one, other = levels(40, 5000, rng), levels(40, 60, rng)
    found = only(checked(one, other, "category"))
    assert found.vanished is not None
    assert found.vanished > 0.1
    assert not found.flagged
    assert "vanished levels" not in {test.subject for test in found.tests}


def test_levels_that_vanish_are_counted_where_they_are_many() -> None:
    rng = RNG(6)
    one, other = levels(10, N, rng), levels(4, N, rng)
    found = only(checked(one, other, "category"))
    assert found.flagged
    assert "6 levels no longer occur; they had 6" in found.reason
    assert found.reason.count("no longer") == 1


def test_a_level_too_rare_to_matter_is_told_when_it_vanishes() -> None:
    rng = RNG(7)
    one = np.where(rng.random(4000) < 0.02, "rare", levels(3, 4000, rng))
    found = only(checked(one, levels(3, 4000, rng), "category"))
    assert not found.flagged
    assert "'rare' no longer occurs; it had" in found.reason
