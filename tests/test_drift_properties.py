"""What must hold of drift for any data: order, sameness, growth, and profiles."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlkit.data import Column, Schema
from mlkit.drift import (
    DriftReport,
    count_rows,
    detect,
    drift_began,
    reference_profile,
)
from mlkit.drift.significance import homogeneity
from mlkit.params.models import Drift

RNG = np.random.default_rng
SCHEMA = Schema(
    (
        Column("x", "number"),
        Column("k", "number"),
        Column("c", "category"),
        Column("b", "boolean"),
        Column("d", "date"),
        Column("t", "text"),
        Column("y", "category", "target"),
    ),
    *("binary", "y", ("no", "yes"), "yes"),
)
SEEDS = st.integers(0, 2**32 - 1)
MANY = settings(max_examples=100, deadline=None)


def rows(seed: int, *, n: int = 120) -> pd.DataFrame:
    """Return rows of odd distributions: ties, outliers, missing values, rare levels."""
    rng = RNG(seed)
    days = rng.integers(0, 400, n).astype("timedelta64[D]")
    frame = pd.DataFrame(
        {
            "x": rng.standard_t(1.5, n) * rng.choice([0, 1, 1000]) + rng.normal(),
            "k": rng.poisson(rng.choice([0, 0.1, 3]), n).astype(float),
            "c": rng.zipf(1.5, n).astype(str),
            "b": rng.choice(["True", "False"], n),
            "d": np.datetime64("2020-01-01", "us") + days,
            "t": ["w" * k for k in rng.integers(1, 30, n)],
        }
    )
    for name in frame:
        gone = rng.random(n) < rng.choice([0, 0.1, 1], p=[0.6, 0.3, 0.1])
        frame[name] = frame[name].mask(gone)
    return frame


def other_rows(seed: int, *, n: int, apart: bool) -> pd.DataFrame:
    """Return rows like the others, or such that no value is one of theirs."""
    frame = rows(seed, n=n)
    if not apart:
        return frame
    return frame.assign(
        x=frame["x"] + 1e15,
        k=-1 - frame["k"],
        c="other " + frame["c"],
        t=frame["t"] + "w" * 40,
    )


def report(reference: pd.DataFrame, current: pd.DataFrame) -> DriftReport:
    profile = reference_profile(reference, SCHEMA)
    return detect(profile, current, SCHEMA, params=Drift())


@given(SEEDS)
@MANY
def test_the_same_data_never_drift(seed: int) -> None:
    frame = rows(seed)
    found = report(frame, frame)
    assert found.verdict == "none"
    assert found.score in (0, None)
    for column in found.columns:
        assert not column.flagged
        assert column.effect in (None, 0)
        for name, value in column.statistics.items():
            if value is not None and not name.endswith(("_p", "critical")):
                assert value == pytest.approx(0, abs=1e-7), (column.name, name)
            if value is not None and name.endswith("_p"):
                assert value == pytest.approx(1)


@given(SEEDS, SEEDS)
@MANY
def test_the_order_of_rows_and_columns_changes_nothing(one: int, two: int) -> None:
    reference, current = rows(one), rows(two)
    shuffled = current.sample(frac=1, random_state=two % 1000)[[*"tdbckx"]]
    assert report(reference, current).to_dict() == report(reference, shuffled).to_dict()


@given(
    SEEDS,
    SEEDS,
    st.lists(st.integers(0, 3), min_size=60, max_size=60).map(np.array),
    st.permutations(range(4)),
)
@MANY
def test_a_current_profile_gives_the_verdict_of_its_rows(
    one: int, two: int, part: np.ndarray, order: list[int]
) -> None:
    profile, current = reference_profile(rows(one), SCHEMA), rows(two, n=60)
    counted = count_rows(profile, current, SCHEMA)
    parts = [count_rows(profile, current[part == i], SCHEMA) for i in order]
    expected = detect(profile, current, SCHEMA, params=Drift()).to_dict()
    assert expected["verdict"] != "too_few"
    in_pairs = (parts[0] + parts[1]) + (parts[2] + parts[3])
    found = detect(profile, in_pairs, SCHEMA, params=Drift())
    assert found.to_dict() == expected
    assert counted == sum(parts) == in_pairs
    json.dumps(expected, allow_nan=False)


@given(SEEDS, st.lists(st.floats(0, 5), min_size=2, max_size=6).map(sorted))
@MANY
def test_a_shift_that_grows_never_lowers_ks_or_wasserstein(
    seed: int, shifts: list[float]
) -> None:
    schema = replace(SCHEMA, columns=(SCHEMA.column("x"), SCHEMA.column("y")))
    values = pd.DataFrame({"x": RNG(seed).normal(size=120)})
    profile = reference_profile(values, schema)
    found = [
        detect(profile, values + shift, schema, params=Drift()).columns[0].statistics
        for shift in shifts
    ]
    for name in ("ks", "wasserstein", "wasserstein_plain", "energy"):
        sizes = [each[name] for each in found]
        assert None not in sizes
        assert all(b >= a - 1e-9 for a, b in itertools.pairwise(sizes)), name


@given(SEEDS, SEEDS, st.integers(50, 400), st.booleans())
@MANY
def test_whatever_is_compared_every_number_is_in_its_range(
    one: int, two: int, n: int, apart: bool
) -> None:
    found = report(rows(one, n=n), other_rows(two, n=n, apart=apart))
    assert found.score is None or 0 <= found.score <= 1
    for column in found.columns:
        for share in (column.effect, column.vanished, column.outside, column.new):
            assert share is None or 0 <= share <= 1
        for test in column.tests:
            assert 0 <= test.lower <= test.upper <= 1
            assert 0 <= test.p <= 1
            assert 0 <= test.effect <= min(1, test.upper + 1e-12)
        bounded = ("ks", "js", "js_excess", "hellinger", "total_variation")
        for name in (*bounded, "ks_p", "ad_p", "cvm_p", "g_p", "chi_square_p"):
            value = column.statistics[name]
            assert value is None or 0 <= value <= 1, name


def test_counts_on_other_bins_are_refused() -> None:
    profile = reference_profile(rows(1), SCHEMA)
    other = reference_profile(rows(2), SCHEMA)
    with pytest.raises(ValueError, match=r"count_rows\(reference, frame, schema\)"):
        detect(profile, other, SCHEMA, params=Drift())


def moved(current: pd.DataFrame) -> pd.DataFrame:
    rng = RNG(9)
    return current.assign(x=rng.normal(2, 1, len(current)), b="True")


def calm(seed: int) -> pd.DataFrame:
    rng = RNG(seed)
    return pd.DataFrame(
        {
            "x": rng.normal(size=900),
            "k": rng.poisson(3, 900).astype(float),
            "c": rng.choice(["a", "b"], 900),
            "b": rng.choice(["True", "False"], 900),
            "d": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 9, 900)),
            "t": "word",
        }
    )


def test_a_column_that_the_model_does_not_use_ranks_low() -> None:
    profile = reference_profile(calm(1), SCHEMA)
    found = [
        detect(profile, moved(calm(2)), SCHEMA, params=Drift(), importances=importances)
        for importances in (None, {"x": 0.0, "b": 3.0, "k": 1.0}, {"x": 0.0, "b": 0.0})
    ]
    plain, weighed, unknown = found
    assert plain.flagged == ("x", "b")
    assert weighed.flagged == ("b", "x")
    assert plain.score == pytest.approx(2 / 6)
    # What has no importance weighs what the others do on average: c, d and t.
    assert weighed.score == pytest.approx(0.75 / (1 + 3 / 3))
    shares = {each.name: each.importance for each in weighed.columns}
    assert shares == {"x": 0, "b": 0.75, "k": 0.25, "c": None, "d": None, "t": None}
    assert unknown.flagged == plain.flagged
    assert unknown.score == plain.score
    alone = calm(2).assign(x=moved(calm(2))["x"])
    unused = detect(
        profile, alone, SCHEMA, params=Drift(), importances={"x": 0.0, "b": 1.0}
    )
    assert "which the model hardly uses" in unused.reason


def test_an_importance_is_a_finite_number() -> None:
    profile = reference_profile(calm(1), SCHEMA)
    with pytest.raises(ValueError, match="finite numbers, 0 for a column"):
        detect(
            profile, calm(2), SCHEMA, params=Drift(), importances={"x": float("nan")}
        )


def test_more_rows_than_can_be_dealt_are_no_error() -> None:
    one = np.array([3 * 10**9, 10**9, 40])
    _, p, method = homogeneity(one, np.array([300, 100, 6]), RNG(0))
    assert method == "chi-square, Monte Carlo"
    assert p < 0.01
    series = np.array([[10**9, 10**9]] * 5 + [[10**9, 2 * 10**9]] * 5)
    found = drift_began(series)
    assert found is not None
    assert found.window == 5


def test_a_report_without_columns_has_no_score() -> None:
    profile = reference_profile(calm(1), SCHEMA)
    short = detect(profile, calm(2).head(3), SCHEMA, params=Drift())
    assert (short.verdict, short.score, short.error_rate) == ("too_few", None, None)
    assert replace(short, score=0.5).to_dict()["score"] == 0.5
