"""Windows taken together: a small change that lasts is found, and ends when it does."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlkit.data import Column, Schema
from mlkit.drift import (
    DriftReport,
    ReferenceProfile,
    Spending,
    count_rows,
    detect,
    reference_profile,
)
from mlkit.exposition import Totals
from mlkit.monitor import Check, check, commit
from mlkit.monitor.pooling import SIZES, Pool, judge_pools
from mlkit.monitor.shifts import look_at
from mlkit.params.models import Drift
from mlkit.pipeline.monitoring import monitor_numbers
from mlkit.prediction_log import PredictionLogger
from tests.logged_models import (
    NOW,
    Day,
    candidate,
    log_days,
    make_params,
    register,
    rows_of,
)

DAY = timedelta(days=1)
LEVEL = Spending().level(1)
NAMES = [f"n{i}" for i in range(5)]
SCHEMA = Schema(
    (*(Column(name, "number") for name in NAMES), Column("y", "boolean", "target")),
    *("binary", "y", ("False", "True"), "True"),
)


def rows(n: int, seed: int, *, shift: float = 0.0) -> pd.DataFrame:
    values = np.random.default_rng([seed, n]).normal(size=(n, len(NAMES)))
    values[:, 0] += shift
    return pd.DataFrame(values, columns=NAMES)


LABELLED = Schema(
    (*SCHEMA.columns[:-1], Column("c", "category"), SCHEMA.columns[-1]),
    *("binary", "y", ("False", "True"), "True"),
)


def labelled(n: int, seed: int, *, wrong: str = "") -> pd.DataFrame:
    """Return rows with a category; two of five may be wrong in one way."""
    frame = rows(n, seed)
    rng = np.random.default_rng([seed, 5])
    frame["c"] = rng.choice(list("abcd"), n)
    hit = rng.random(n) < 0.4 * bool(wrong)
    column, value = {"new": ("c", "e"), "range": ("n0", 50.0)}.get(wrong, ("n0", None))
    frame.loc[hit, column] = value
    return frame


@pytest.fixture(scope="module")
def reference() -> ReferenceProfile:
    return reference_profile(rows(20_000, 0), SCHEMA)


def pools(
    reference: ReferenceProfile, frames: list[pd.DataFrame], **options: Any
) -> tuple[Pool, ...]:
    counted = [count_rows(reference, frame, SCHEMA) for frame in frames]
    labels = [f"w{place}" for place in range(len(frames))]
    given = {"params": Drift(), "level": LEVEL, "seed": 0} | options
    return judge_pools(labels, counted, reference, SCHEMA, **given)


def on_its_own(
    reference: ReferenceProfile, frame: pd.DataFrame, level: float | None
) -> DriftReport:
    return detect(reference, frame, SCHEMA, params=Drift(), level=level)


@given(st.lists(st.integers(0, 90), min_size=1, max_size=20), st.integers(0, 99))
def test_a_pool_is_what_its_rows_are_together(sizes: list[int], seed: int) -> None:
    known = reference_profile(rows(500, 0), SCHEMA)
    frames = [rows(n, seed + place) for place, n in enumerate(sizes)]
    for pool in pools(known, frames):
        together = pd.concat(frames[-pool.windows :])
        assert pool.drift.rows == len(together)
        assert (pool.first, pool.last) == (
            f"w{len(frames) - pool.windows}",
            f"w{len(frames) - 1}",
        )
        alone = on_its_own(
            known, together.sample(frac=1, random_state=0), pool.drift.level
        )
        assert (pool.report.verdict, pool.report.columns) == (
            alone.verdict,
            alone.columns,
        )
        assert pool.to_dict()["verdict"] == alone.verdict


@given(st.lists(st.integers(0, 60), max_size=20))
def test_pools_are_of_two_windows_and_twice_as_many_each_time(sizes: list[int]) -> None:
    known = reference_profile(rows(500, 0), SCHEMA)
    frames = [rows(n, place) for place, n in enumerate(sizes)]
    found = {pool.windows: pool for pool in pools(known, frames)}
    totals = {1: sizes[-1] if sizes else 0}
    for size in SIZES:
        windows = min(size, len(sizes))
        total = sum(sizes[-size:])
        expected = total >= Drift().min_rows and total > totals[max(totals)]
        if windows not in totals:
            assert (windows in found) == expected
            totals[windows] = total
    assert set(found) <= set(totals) - {1}


def test_all_looks_of_a_window_stay_within_its_share(
    reference: ReferenceProfile,
) -> None:
    found = pools(reference, [rows(60, place) for place in range(16)])
    assert [pool.windows for pool in found] == list(SIZES)
    spent = [pool.drift.level for pool in found]
    looks = {
        look_at(n, complete=False, least=50, level=LEVEL) for n in range(50, 90_000, 9)
    }
    spent += [look.level for look in looks]
    spent.append(look_at(60, complete=True, least=50, level=LEVEL).level)
    assert 0.9 * LEVEL < sum(level for level in spent if level is not None) <= LEVEL


def test_a_change_that_no_window_is_sure_of_is_found_in_several(
    reference: ReferenceProfile,
) -> None:
    frames = [rows(60, place, shift=0.5) for place in range(8)]
    verdicts = {on_its_own(reference, each, LEVEL / 2).verdict for each in frames}
    assert "drift" not in verdicts
    found = {pool.windows: pool for pool in pools(reference, frames)}
    assert found[8].lasts
    assert found[8].drift.flagged == ("n0",)
    assert not any(pool.lasts for pool in pools(reference, frames[:1]))


def test_calm_windows_are_calm_together(reference: ReferenceProfile) -> None:
    for start in range(0, 320, 16):
        frames = [rows(60, 1000 + start + place) for place in range(16)]
        assert all(pool.drift.verdict != "drift" for pool in pools(reference, frames))


class TestWhatIsOver:
    def test_a_pool_is_over_when_the_newest_rows_are_calm(
        self, reference: ReferenceProfile
    ) -> None:
        bad, calm = rows(300, 1, shift=1.0), rows(300, 2)
        newest = on_its_own(reference, calm, LEVEL / 2)
        (told,) = pools(reference, [bad, calm], newest=newest)
        assert (told.drift.verdict, told.over, told.lasts) == ("drift", True, False)
        assert told.to_dict()["over"] is True

    def test_it_lasts_while_the_newest_rows_are_as_bad_or_too_few_to_tell(
        self, reference: ReferenceProfile
    ) -> None:
        bad = [rows(300, place, shift=0.6) for place in range(3)]
        same = on_its_own(reference, rows(60, 9, shift=0.6), LEVEL / 2)
        assert all(pool.lasts for pool in pools(reference, bad, newest=same))
        few = on_its_own(reference, rows(20, 10), LEVEL / 2)
        assert few.verdict == "too_few"
        assert all(pool.lasts for pool in pools(reference, bad, newest=few))

    def test_a_longer_pool_is_over_by_a_shorter_one(
        self, reference: ReferenceProfile
    ) -> None:
        bad = [rows(200, place, shift=1.0) for place in range(4)]
        calm = [rows(45, 50 + place) for place in range(8)]
        found = {pool.windows: pool for pool in pools(reference, bad + calm)}
        assert found[8].drift.verdict != "drift"
        assert (found[12].drift.verdict, found[12].over) == ("drift", True)

    def test_one_column_back_does_not_end_the_drift_of_another(
        self, reference: ReferenceProfile
    ) -> None:
        bad = rows(400, 1, shift=1.0)
        bad["n1"] += 1.0
        half = rows(400, 2, shift=1.0)
        newest = on_its_own(reference, half, LEVEL / 2)
        (pool,) = pools(reference, [bad, half], newest=newest)
        assert set(pool.drift.flagged) == {"n0", "n1"}
        assert pool.lasts

    @pytest.mark.parametrize("what", ["missing", "new", "range"])
    def test_what_left_no_trace_is_over_and_stays_so(self, what: str) -> None:
        known = reference_profile(labelled(20_000, 0), LABELLED)
        bad = [labelled(200, 10 + day, wrong=what) for day in range(8)]
        days = [count_rows(known, each, LABELLED) for each in bad]
        for day in range(12):
            frame = labelled(200, 50 + day)
            days = [*days, count_rows(known, frame, LABELLED)][-16:]
            newest = detect(known, frame, LABELLED, params=Drift(), level=LEVEL / 2)
            labels = [str(place) for place in range(len(days))]
            found = judge_pools(
                *(labels, days, known, LABELLED),
                params=Drift(),
                level=LEVEL,
                seed=0,
                newest=newest,
            )
            assert not any(pool.lasts for pool in found)
            assert day > 5 or any(pool.over for pool in found)

    def test_a_column_that_was_absent_and_is_back_is_over(
        self, reference: ReferenceProfile
    ) -> None:
        bad = [rows(80, place).drop(columns="n3") for place in (1, 2)]
        (pool,) = pools(reference, bad)
        assert pool.lasts
        back = on_its_own(reference, rows(80, 3), LEVEL / 2)
        (pool,) = pools(reference, bad, newest=back)
        assert pool.over
        gone = on_its_own(reference, rows(80, 3).drop(columns="n3"), LEVEL / 2)
        (pool,) = pools(reference, bad, newest=gone)
        assert pool.lasts


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pooled")
    register(root, make_params(), candidate, n=10_000)
    return root


@pytest.fixture
def root(workspace: Path, tmp_path: Path) -> Path:
    shutil.copytree(workspace / "registry", tmp_path / "registry")
    return tmp_path


def drift_of(found: Check) -> Any:
    return next((each for each in found.findings if each.cause == "drift"), None)


def test_an_alert_of_several_days_is_raised_says_which_and_ends(root: Path) -> None:
    params = make_params()
    log_days(root, [Day(50)] * 4 + [Day(50, shift=0.6)] * 5)
    found = check(params, root, now=NOW)
    assert all(w.drift and w.drift.verdict != "drift" for w in found.windows)
    assert found.drift is not None
    assert found.drift.verdict != "drift"
    finding = drift_of(found)
    assert finding.severity == "warning"
    assert finding.message.startswith("the data of 4 windows together (2026-11-16 to ")
    assert finding.evidence["columns"][0] == "age"
    assert finding.evidence["rows"] == 200
    assert found.drift_began is not None
    assert found.drift_began["column"] == "age"
    first, last = found.drift_began["first"], found.drift_began["last"]
    assert first <= "2026-11-16" <= last
    assert found.summary()["drift"] == "drift"
    (number,) = (n for n in monitor_numbers(found) if n["label"] == "Columns flagged")
    assert number["meaning"].startswith("in 4 windows together")
    raised = commit(found, params, root, now=NOW).raised
    assert "drift" in {alert.cause for alert in raised}
    # Counted once for its newest window, however often it is looked at.
    again = check(params, root, now=NOW)
    commit(again, params, root, now=NOW)
    totals = Totals.from_dict(check(params, root, now=NOW).totals)
    assert dict(totals.drifts) == {"1.0.0": 1}
    calm = NOW + DAY
    log_days(root, [Day(400)], last=calm, seed=70)
    after = check(params, root, now=calm)
    assert drift_of(after) is None
    assert any(pool.over for pool in after.pools)
    assert "drift" in {a.cause for a in commit(after, params, root, now=calm).resolved}


def test_days_with_too_few_rows_to_judge_are_judged_together(root: Path) -> None:
    log_days(root, [Day(30, shift=1.0)] * 7)
    found = check(make_params(), root, now=NOW)
    assert found.drift is None
    assert [pool.windows for pool in found.pools] == [2, 4, 6]
    assert drift_of(found).evidence["window"].startswith("2 windows together")
    assert any("No window has the 50 answers" in note for note in found.notes)
    calm = check(make_params(), root, now=NOW + 30 * DAY)
    assert calm.pools == ()


@pytest.mark.parametrize("quiet", [Day(0), Day(0, errors=20)])
@pytest.mark.parametrize("place", [0, 1, 3, 4])
def test_a_day_without_answers_stops_no_check(
    root: Path, quiet: Day, place: int
) -> None:
    days = [Day(60, shift=0.6)] * 4
    log_days(root, [*days[:place], quiet, *days[place:], Day(60)])
    found = check(make_params(), root, now=NOW)
    assert found.pools[-1].drift.rows == 240
    assert found.pools[-1].report.predictions


def test_answers_without_probabilities_are_judged_with_those_that_have_them(
    root: Path,
) -> None:
    log_days(root, [Day(60)] * 3 + [Day(0)] + [Day(60)] * 2)
    with PredictionLogger(root / "data" / "predictions") as log:
        for place, features in enumerate(rows_of(70, seed=5).to_dict("records")):
            moment = NOW - 2 * DAY - place * timedelta(minutes=1)
            log.log_prediction("toy", "1.0.0", features, "yes", at=moment)
    found = check(make_params(), root, now=NOW)
    assert found.pools[-1].drift.rows == 250 + 60
    (answers,) = found.pools[-1].report.predictions
    assert {test.rows[1] for test in answers.tests} == {240}


def test_windows_before_the_version_are_not_its(root: Path) -> None:
    log_days(root, [Day(60)] * 3, version="0.9.0", last=NOW - 3 * DAY)
    log_days(root, [Day(60)] * 3)
    found = check(make_params(), root, now=NOW)
    assert [(pool.windows, pool.drift.rows) for pool in found.pools] == [(2, 120)]
