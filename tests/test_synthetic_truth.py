"""All domains: the truth is what happens, and dials do what they say, and no more."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from mlkit.synthetic import DOMAINS, generate, truth
from tests.known_truth import (
    NAMES,
    PROMISES,
    chances,
    changed_cells,
    gap,
    in_bad_slice,
    in_group,
    labels,
    made,
    outcomes,
    shifts,
)

CLASSES = [name for name in NAMES if DOMAINS[name].task != "regression"]
SURE = 4.0  # standard errors


def test_every_domain_has_promises() -> None:
    assert set(NAMES) == set(PROMISES)
    assert len(NAMES) == 5
    for name in NAMES:
        dials = {"rows", "drift", "bias", "bad_slice", "noise"}
        assert dials <= set(DOMAINS[name].options)


@pytest.mark.parametrize("name", CLASSES)
def test_classes_come_as_often_as_the_truth_says(name: str) -> None:
    frame, known = made(name, rows=40_000, drift=0.7)
    expected, found = chances(known.expected), labels(name, frame)
    assert np.allclose(expected.sum(axis=1), 1)
    for place in range(expected.shape[1]):
        p, hit = expected[:, place], found == place
        twentieth = np.argsort(np.argsort(p)) * 20 // len(p)
        beyond = np.bincount(twentieth, hit - p)
        spread = np.bincount(twentieth, p * (1 - p))
        # The 99.99 % point of chi-square with 20 degrees of freedom.
        assert (beyond**2 / spread).sum() < 52.4


def test_changes_of_bills_lie_around_the_truth() -> None:
    frame, known = made("levy_impact", rows=40_000, drift=0.7)
    spread = known.extra["spread"]
    beyond = (frame.change_of_bill - known.expected) / spread
    assert abs(beyond.mean()) < SURE / math.sqrt(len(beyond))
    assert beyond.std() == pytest.approx(1, abs=0.02)
    tenth = np.argsort(np.argsort(known.expected)) * 10 // len(frame)
    assert beyond.groupby(tenth).mean().abs().max() < SURE / math.sqrt(4000)


@pytest.mark.parametrize("name", NAMES)
def test_no_group_or_slice_knows_more_than_the_truth(name: str) -> None:
    frame, known = made(name, rows=40_000)
    if name in CLASSES:
        wanted = PROMISES[name].outcome
        place = sorted(frame[DOMAINS[name].target].astype(str).unique())
        p = chances(known.expected)[:, place.index(str(wanted))]
        spread = p * (1 - p)
    else:
        p, spread = known.expected, known.extra["spread"] ** 2
    beyond = outcomes(name, frame) - p
    for column in [PROMISES[name].group[0], *PROMISES[name].bad]:
        for value in frame[column].unique():
            rows = (frame[column] == value).to_numpy()
            assert abs(beyond[rows].sum()) < SURE * math.sqrt(spread[rows].sum())


@pytest.mark.parametrize("name", NAMES)
def test_every_domain_has_gaps_dates_in_order_and_mixed_kinds(name: str) -> None:
    frame = generate(name, {"rows": 3000}, 2)
    time = frame[PROMISES[name].time]
    assert time.is_monotonic_increasing
    assert pd.api.types.is_datetime64_dtype(time)
    assert frame.iloc[:, 0].is_unique
    assert frame.columns[0].endswith("_id")
    missing = frame.isna().mean()
    assert (missing > 0).any()
    assert (missing < 0.3).all()
    assert not frame[DOMAINS[name].target].isna().any()
    kinds = {dtype.kind for dtype in frame.dtypes if dtype.kind != "i"}
    assert {"f", "M", "b"} <= kinds
    assert (frame.dtypes == "str").sum() >= 4


@pytest.mark.parametrize("name", NAMES)
def test_bias_touches_the_outcomes_of_its_group_and_nothing_else(name: str) -> None:
    fair, calm = made(name, bias=0)
    biased, known = made(name, bias=0.8)
    changed = changed_cells(fair, biased)
    assert list(changed.columns[changed.any()]) == [DOMAINS[name].target]
    group = in_group(name, biased)
    assert group[changed.any(axis=1)].all()
    assert (known.biased == group).all()
    assert not calm.biased.any()
    assert np.array_equal(known.unbiased, calm.expected)
    assert np.array_equal(known.unbiased[~group], known.expected[~group])
    assert np.array_equal(calm.unbiased, calm.expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_fifth_of_the_rows_shows_the_bias_but_not_in_the_fair_twin(name: str) -> None:
    found = {}
    for dial in ("biased", "fair"):
        options = {} if dial == "biased" else {"bias": 0.0}
        z = []
        for seed in range(4):
            frame, _ = made(name, seed, **options)
            test = frame[np.arange(len(frame)) >= 0.8 * len(frame)]
            apart, error = gap(outcomes(name, test), in_group(name, test))
            z.append(apart / error)
        found[dial] = np.array(z)
    sign = -1 if PROMISES[name].down else 1
    assert (sign * found["biased"] > 1.96).all()  # a 95 % interval apart from 0
    assert abs(found["fair"][0]) < 1.96
    assert (found["fair"] ** 2).sum() < 18.5  # 99.9 % of chi-square with 4


@pytest.mark.parametrize("name", NAMES)
def test_the_bad_slice_touches_its_rows_and_nothing_else(name: str) -> None:
    clean, calm = made(name, bad_slice=0)
    bad, known = made(name, bad_slice=1)
    changed = changed_cells(clean, bad)
    assert list(changed.columns[changed.any()]) == [DOMAINS[name].target]
    rows = in_bad_slice(name, bad)
    assert rows[changed.any(axis=1)].all()
    assert (known.bad_slice == rows).all()
    assert not calm.bad_slice.any()
    assert 0.05 < rows.mean() < 0.25
    assert np.ptp(known.expected[rows], axis=0).max() < 1e-9
    assert np.array_equal(known.expected[~rows], calm.expected[~rows])


@pytest.mark.parametrize("name", NAMES)
def test_even_the_truth_fails_in_the_bad_slice_only(name: str) -> None:
    for dial in ({}, {"bad_slice": 0.0}):
        frame, known = made(name, seed=1, **dial)
        rows = in_bad_slice(name, frame)
        if name in CLASSES:
            right = chances(known.expected).argmax(axis=1) == labels(name, frame)
            apart, error = gap(right.astype(np.float64), rows)
            worse = -apart / error
        else:
            off = np.abs(outcomes(name, frame) - known.expected)
            apart, error = gap(off, rows)
            worse = apart / error
        assert (worse > 5) == (not dial)


@pytest.mark.parametrize("name", NAMES)
def test_drift_leaves_the_oldest_three_quarters_as_they_were(name: str) -> None:
    calm, still = made(name, drift=0)
    moved, known = made(name, drift=0.8)
    old = known.drifted == 0
    assert 0.7 < old.mean() < 0.8
    assert old[: old.sum()].all()
    pd.testing.assert_frame_equal(calm[old], moved[old])
    assert known.drifted.max() == 0.8
    assert (np.diff(known.drifted) >= 0).all()
    assert (still.drifted == 0).all()
    assert np.array_equal(known.expected[old], still.expected[old])


@pytest.mark.parametrize("name", NAMES)
def test_drift_shows_in_the_newest_fifth(name: str) -> None:
    for seed in range(2):
        frame, _ = made(name, seed, drift=0.8)
        found = shifts(name, frame)
        target = found.pop(DOMAINS[name].target)
        assert target[0] < 1e-6
        sure = {c: e for c, (p, e) in found.items() if p < 0.001 / len(found)}
        assert max(sure.values()) > 0.2
        assert sum(effect > 0.1 for effect in sure.values()) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_without_drift_the_newest_fifth_is_like_the_rest(name: str) -> None:
    least = []
    for seed in range(5):
        found = shifts(name, made(name, seed)[0])
        p = min(p for p, _ in found.values())
        least.append(min(1.0, p * len(found)))
        assert p > 1e-4 / len(found)
    assert least[0] > 0.05  # the bundled case
    assert sum(p < 0.05 for p in least) <= 2


@pytest.mark.parametrize("name", NAMES)
def test_noise_touches_the_outcomes_alone(name: str) -> None:
    quiet, loud = made(name, noise=0), made(name, noise=0.5)
    changed = changed_cells(quiet[0], loud[0])
    assert list(changed.columns[changed.any()]) == [DOMAINS[name].target]
    if name in CLASSES:
        even = 1 / chances(quiet[1].expected).shape[1]
        half = 0.5 * quiet[1].expected + 0.5 * even
        assert np.allclose(loud[1].expected, half)
    else:
        assert np.array_equal(loud[1].expected, quiet[1].expected)
        off = loud[0].change_of_bill - loud[1].expected
        assert off[~loud[1].bad_slice].std() == pytest.approx(50, rel=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_dials_at_their_ends_and_few_rows_give_a_table(name: str) -> None:
    dials = {n: o for n, o in DOMAINS[name].options.items() if n != "rows"}
    for end in ("least", "most"):
        options = {n: getattr(o, end) for n, o in dials.items() if o.most <= 1}
        frame, known = made(name, rows=10, **options)
        assert len(frame) == len(known.expected) == 10
        assert np.isfinite(known.expected).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_gives_its_table_and_another_seed_another(name: str) -> None:
    one, same, other = (generate(name, {"rows": 200}, seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(one, same)
    assert not one.equals(other)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dial", ["drift", "bias", "bad_slice", "noise"])
def test_a_dial_out_of_range_is_refused(name: str, dial: str) -> None:
    for value in (-0.1, 1.5, "much"):
        rule = rf"data\.options\.{dial}: must be a number from 0 to 1 \(.+\), got "
        with pytest.raises(ValueError, match=rule):
            generate(name, {dial: value})
    with pytest.raises(ValueError, match=r"data\.options\.rows: must be a whole"):
        truth(name, {"rows": 2.5})
    with pytest.raises(ValueError, match=rf"{name} has no option 'row'; did you mean"):
        truth(name, {"row": 50})


def test_the_best_r2_of_the_levy_can_be_told_from_the_truth() -> None:
    frame, known = made("levy_impact", rows=20_000)
    variance = frame.change_of_bill.var()
    best = 1 - np.mean(known.extra["spread"] ** 2) / variance
    off = frame.change_of_bill - known.expected
    assert 1 - (off**2).mean() / variance == pytest.approx(best, abs=0.01)
    assert 0.85 < best < 0.95
    assert known.to_dict().keys() == {
        *("rows", "biased_rows", "bad_slice_rows", "drifted_rows")
    }
