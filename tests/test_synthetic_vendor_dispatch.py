"""Repair jobs: what the dials inject is there, and only there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest, chi2_contingency
from sklearn.metrics import accuracy_score, f1_score, log_loss

from mlkit.synthetic import DOMAINS, Truth, generate, truth
from mlkit.synthetic.vendor_dispatch.orders import (
    HARD_SITES,
    hard_given,
    override_chance,
)

CLEAN = {"drift": 0, "bias": 0, "bad_slice": 0, "noise": 0}


def made(seed: int = 0, **options: float) -> tuple[pd.DataFrame, Truth]:
    """Return a table and its truth."""
    return (
        generate("vendor_dispatch", options, seed),
        truth("vendor_dispatch", options, seed),
    )


def surplus(outcome: pd.Series, chance: NDArray[Any], rows: NDArray[Any]) -> float:
    """Return the outcomes beyond what the chances give, in standard errors."""
    p = chance[rows]
    return float((outcome[rows].sum() - p.sum()) / np.sqrt((p * (1 - p)).sum()))


def test_outcomes_follow_the_true_probabilities() -> None:
    frame, known = made(rows=40_000, drift=0.7)
    edges = np.quantile(known.expected, np.linspace(0, 1, 21))
    place = np.clip(np.searchsorted(edges, known.expected) - 1, 0, 19)
    beyond = [surplus(frame.on_time, known.expected, place == bin) for bin in range(20)]
    assert np.sum(np.square(beyond)) < 45  # the 99.9 % point of chi-square with 20


@pytest.mark.parametrize(
    "column", ["tenant_group", "trade", "vendor", "dispatcher_override", "priority"]
)
def test_no_column_knows_more_than_the_true_probabilities(column: str) -> None:
    frame, known = made(rows=40_000)
    groups = frame[column].astype(str).to_numpy()
    beyond = [
        surplus(frame.on_time, known.expected, groups == one)
        for one in np.unique(groups)
    ]
    assert np.abs(beyond).max() < 4


def test_a_good_model_can_reach_the_gates() -> None:
    frame, known = made()
    guess = known.expected >= 0.5
    best = known.to_dict()
    assert 0.84 < best["accuracy"] < 0.90
    assert accuracy_score(frame.on_time, guess) == pytest.approx(
        best["accuracy"], abs=0.015
    )
    assert log_loss(frame.on_time, known.expected) == pytest.approx(
        best["log_loss"], abs=0.02
    )
    assert f1_score(frame.on_time, guess) > 0.85
    assert 0.5 < frame.on_time.mean() < 0.75


def test_bias_touches_only_its_group() -> None:
    fair, _ = made(bias=0)
    biased, known = made(bias=0.8)
    changed = (fair != biased) & ~(fair.isna() & biased.isna())
    assert list(changed.columns[changed.any()]) == ["on_time"]
    assert set(biased.tenant_group[changed.on_time]) == {"C"}
    assert (known.biased == (biased.tenant_group == "C")).all()
    assert (known.unbiased[known.biased] > known.expected[known.biased]).all()
    assert np.array_equal(known.unbiased[~known.biased], known.expected[~known.biased])


def test_bias_is_found_by_a_comparison_of_groups_and_its_clean_twin_is_not() -> None:
    for bias, found in ((0.4, True), (0.0, False)):
        frame, known = made(seed=3, bias=bias)
        rows = (frame.tenant_group == "C").to_numpy()
        assert (surplus(frame.on_time, known.unbiased, rows) < -4) == found
        assert known.biased.any() == found


def test_the_bad_slice_is_a_toss_up() -> None:
    frame, known = made(rows=20_000, bad_slice=1)
    rows = known.bad_slice
    slice_ = (frame.customer_type == "private landlord") & (frame.priority == "urgent")
    assert (rows == slice_).all()
    assert np.allclose(known.expected[rows], 0.5)
    assert 0.4 < frame.on_time[rows].mean() < 0.6
    assert not made(bad_slice=0)[1].bad_slice.any()


def test_drift_leaves_the_older_part_as_it_was() -> None:
    calm, _ = made(drift=0)
    moved, known = made(drift=1)
    old = known.drifted == 0
    assert 0.7 < old.mean() < 0.8
    pd.testing.assert_frame_equal(calm[old], moved[old])
    assert known.drifted[~old].max() == 1
    assert (made(drift=0)[1].drifted == 0).all()


def test_drift_is_found_in_mix_and_odds_and_its_clean_twin_is_not() -> None:
    for drift, found in ((1.0, True), (0.0, False)):
        frame, _ = made(seed=1, drift=drift)
        newest = frame.index >= 0.85 * len(frame)
        # The same months of the years before, so that the season is no drift.
        months = frame.opened_at.dt.month.isin([4, 5, 6])
        then, now = months & (frame.opened_at.dt.year < 2024), newest & months
        storms = pd.crosstab(then[then | now], frame.weather == "storm")
        assert (chi2_contingency(storms).pvalue < 0.001) == found
        late = binomtest(
            int((~frame.on_time[now]).sum()),
            int(now.sum()),
            1 - frame.on_time[then].mean(),
        )
        assert (late.pvalue < 0.001) == found


def test_noise_pulls_every_chance_towards_a_toss_up() -> None:
    quiet, noisy = made(**CLEAN)[1], made(**{**CLEAN, "noise": 0.5})[1]
    assert np.allclose(noisy.expected, 0.5 * quiet.expected + 0.25)


def test_dispatchers_step_in_where_sites_are_hard() -> None:
    frame, known = made(rows=40_000, override_rate=0.3)
    hard = known.extra["hard_site"]
    override = frame.dispatcher_override.to_numpy()
    assert override.mean() == pytest.approx(0.3, abs=0.01)
    assert hard.mean() == pytest.approx(HARD_SITES, abs=0.01)
    for seen in (True, False):
        share = hard[override == seen].mean()
        assert share == pytest.approx(hard_given(np.array([seen]), 0.3)[0], abs=0.02)
    assert made(override_rate=0)[0].dispatcher_override.sum() == 0


def test_the_highest_override_rate_is_a_probability() -> None:
    most = DOMAINS["vendor_dispatch"].options["override_rate"].most
    assert 0 < override_chance(np.array(1.0), most) < 1


def test_gaps_are_where_an_office_would_have_them() -> None:
    frame, _ = made(rows=20_000)
    missing = frame.isna()
    assert set(missing.columns[missing.any()]) == {
        "weather",
        "distance_km",
        "quoted_hours",
        "crew_size",
    }
    assert missing.mean().max() < 0.1
    small = frame.vendor_tier == "bronze"
    assert missing.crew_size[small].mean() > 5 * missing.crew_size[~small].mean()


def test_there_are_forty_vendors_of_different_skill() -> None:
    frame, _ = made(rows=40_000)
    by_vendor = frame.groupby("vendor").on_time.mean()
    assert len(by_vendor) == 40
    assert by_vendor.std() > 0.06
