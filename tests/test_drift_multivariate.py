"""Many columns at once: what is told apart, what hangs together, and on whose rows."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from mlkit import drift, pipeline, store
from mlkit.data import Column, Schema
from mlkit.drift import EmbeddingError, Multivariate, multivariate
from mlkit.drift.bearing import bearing
from mlkit.drift.domain_classifier import MARGIN, separate
from mlkit.drift.embeddings import energy_test
from mlkit.drift.matrix import Side, in_order, scaled, sides
from mlkit.drift.out_of_fold import FOLDS, area, folds, scores
from mlkit.drift.reconstruction import Reconstruction, _components, reconstruct
from mlkit.params.models import Drift
from mlkit.report import Table, drift_together
from tests.played import open_record, play, settle
from tests.workspace import make_workspace, toy_table

NUMBERS = ("a", "b", "c", "d")
PARAMS = Drift()


def schema(**kinds: Any) -> Schema:
    """Return a schema of these columns, a kind or a whole column each."""
    columns = [
        kind if isinstance(kind, Column) else Column(name, kind)
        for name, kind in kinds.items()
    ]
    target = Column("y", "number", "target")
    return Schema((*columns, target), "regression", "y")


PLAIN = schema(**dict.fromkeys(NUMBERS, "number"))


def rows(seed: int, n: int, correlation: float = 0.8) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(n, len(NUMBERS)))
    drawn[:, 1] *= np.sqrt(1 - correlation**2)
    drawn[:, 1] += correlation * drawn[:, 0]
    return pd.DataFrame(drawn, columns=NUMBERS)


def look(one: pd.DataFrame, other: pd.DataFrame, **kwargs: Any) -> Multivariate:
    return multivariate(one, other, PLAIN, params=PARAMS, **kwargs)


def test_without_drift_nothing_is_flagged() -> None:
    found = [look(rows(seed, 200), rows(seed + 500, 100)) for seed in range(15)]
    assert sum(each.flagged for each in found) <= 1
    areas = [each.domain_auc for each in found]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.03)


def test_columns_that_no_longer_hang_together_are_seen_though_none_has_changed() -> (
    None
):
    one, other = rows(1, 800), rows(2, 800, correlation=0.0)
    for name in NUMBERS:
        assert stats.ks_2samp(one[name], other[name]).pvalue > 0.01
    found = look(one, other)
    assert found.separable
    assert {each.column for each in found.causes} == {"a", "b"}
    assert found.domain_interval is not None
    assert found.domain_interval[0] > 0.5 + MARGIN
    left = found.reconstruction
    assert left is not None
    assert left.flagged
    assert left.ratio > 1.1
    assert "hang together" in found.reason
    assert "a" in found.findings[0]


def test_columns_that_hang_together_more_than_they_did_are_seen_too() -> None:
    found = look(rows(1, 800, correlation=0.2), rows(2, 800, correlation=0.98))
    assert found.reconstruction is not None
    assert found.reconstruction.flagged
    assert found.reconstruction.ratio < 0.95


def test_the_cause_of_a_shift_is_named_first() -> None:
    other = rows(2, 400).assign(c=lambda frame: frame["c"] + 1)
    found = look(rows(1, 400), other)
    assert found.causes[0].column == "c"
    assert found.reason.startswith("Current rows can be told")
    assert json.loads(json.dumps(found.to_dict()))["domain"]["separable"]
    assert "c" in found._repr_html_()


def test_the_order_of_rows_and_columns_changes_nothing() -> None:
    one, other = rows(1, 300), rows(2, 200, correlation=0.3)
    found = look(one, other)
    rng = np.random.default_rng(0)
    mixed = [
        each.iloc[rng.permutation(len(each)), rng.permutation(4)]
        for each in (one, other)
    ]
    assert look(*mixed) == found
    assert look(one, other, seed=1) != found


def test_rows_beyond_the_cap_are_sampled_and_nothing_outside_is_touched() -> None:
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    found = look(rows(1, 12_000), rows(2, 200))
    assert found.domain is not None
    assert found.domain.rows == 10 * found.domain.current_rows == 2_000
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_ids_and_time_have_no_part_and_gaps_categories_and_dates_do() -> None:
    rng = np.random.default_rng(0)

    def frame(n: int, start: str, hour: int) -> pd.DataFrame:
        days = pd.to_timedelta(rng.integers(0, 28, n), unit="D")
        at = pd.Timestamp(start) + days
        return pd.DataFrame(
            {
                "id": [f"{start}-{i}" for i in range(n)],
                "when": at,
                "kind": np.where(rng.random(n) < 0.1, None, rng.choice(list("xyz"), n)),
                "seen": at
                + pd.to_timedelta(rng.integers(hour, hour + 12, n), unit="h"),
                "n": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            }
        )

    known = schema(
        id="identifier",
        when=Column("when", "date", "time"),
        kind="category",
        seen="date",
        n="number",
    )
    old, new = frame(300, "2024-01-01", 0), frame(300, "2025-06-02", 0)
    names = [each.name for each in sides(old, new, known)]
    # Of a date that moved on, weekday and hour; not the day itself.
    assert names == ["kind", "n", "seen", "seen"]
    assert not multivariate(old, new, known, params=PARAMS).separable
    late = multivariate(old, frame(300, "2025-06-02", 12), known, params=PARAMS)
    assert late.causes[0].column == "seen"
    other = frame(300, "2025-06-02", 0).assign(kind="w")
    assert multivariate(old, other, known, params=PARAMS).causes[0].column == "kind"
    gone = new.drop(columns="kind").assign(n=np.nan)
    assert [each.name for each in sides(old, gone, known)] == ["seen", "seen"]


def dated(seed: int, n: int, start: str, minutes: int, **fields: Any) -> pd.DataFrame:
    """Return rows with moments that are spread over so many minutes."""
    at = np.random.default_rng(seed).integers(0, minutes, n)
    moments = pd.Timestamp(start) + pd.to_timedelta(at, unit="min")
    return rows(seed, n).assign(seen=moments, **fields)


DAY = 24 * 60
DATED = schema(**dict.fromkeys(NUMBERS, "number"), seen="date")


@pytest.mark.parametrize("minutes", [60, DAY])
def test_dates_that_went_on_by_an_hour_or_a_day_are_no_change(
    minutes: int,
) -> None:
    reference = dated(0, 600, "2025-01-01", 365 * DAY)
    found = []
    for step in range(20):
        start = pd.Timestamp("2026-01-01") + pd.Timedelta(minutes=step * minutes)
        window = dated(50 + step, 120, str(start), minutes)
        found.append(multivariate(reference, window, DATED, params=PARAMS))
    assert not any(each.separable for each in found)


def test_weekdays_that_changed_over_many_weeks_are_seen() -> None:
    reference = dated(0, 600, "2025-01-01", 365 * DAY)
    now = dated(1, 900, "2026-01-01", 120 * DAY)
    calm = multivariate(reference, now, DATED, params=PARAMS)
    assert not calm.separable
    working = now[now["seen"].dt.day_of_week < 4]
    found = multivariate(reference, working, DATED, params=PARAMS)
    assert [each.column for each in found.causes] == ["seen"]
    # A reference of one day has no weekdays to compare either.
    one_day = dated(2, 600, "2025-01-01", DAY)
    names = [each.name for each in sides(one_day, now, DATED)]
    assert names == [*NUMBERS]


def test_too_few_rows_and_no_columns_say_so() -> None:
    assert "drift.min_rows" in look(rows(1, 300), rows(2, 20)).reason
    off = multivariate(
        rows(1, 99), rows(2, 99), PLAIN, params=Drift(multivariate=False)
    )
    assert not off.ran
    assert "drift.multivariate" in off.reason
    empty = rows(1, 60).drop(columns=list(NUMBERS))
    assert not look(empty, empty).ran
    one_row = sides(rows(1, 1), rows(2, 300), PLAIN)
    rng = np.random.default_rng(0)
    assert separate(one_row, rng=rng) is None
    assert reconstruct(one_row, rng=rng) is None
    constant = [
        Side("k", np.ones(60), np.ones(60)),
        Side("l", np.ones(60), np.ones(60)),
    ]
    assert reconstruct(constant, rng=rng) is None
    found = separate(constant, rng=rng)
    assert found is not None
    assert found.auc == 0.5
    assert not found.separable


def test_each_row_is_scored_by_a_model_that_has_not_seen_it() -> None:
    current = np.repeat([False, True], [63, 41])
    fold = folds(current, np.random.default_rng(3))
    for side in (True, False):
        sizes = np.bincount(fold[current == side], minlength=FOLDS)
        assert np.ptp(sizes) <= 1

    def remember(learnt: Any, held_out: Any) -> Any:
        assert not set(learnt) & set(held_out)
        assert len(learnt) + len(held_out) == len(current)
        return current[held_out].astype(float)

    score = scores(fold, remember)
    found = area(current, score, confidence=0.95)
    assert found.value == pytest.approx(roc_auc_score(current, score)) == 1.0


def test_components_are_those_of_scikit_learn() -> None:
    columns = in_order(sides(rows(1, 300), rows(2, 50), PLAIN))
    standard, _ = scaled(columns)
    kept = _components(standard)
    expected = PCA(len(kept)).fit(standard)
    assert expected.explained_variance_ratio_.sum() >= 0.65
    assert expected.explained_variance_ratio_[:-1].sum() < 0.65
    projections = [each.T @ each for each in (kept, expected.components_)]
    np.testing.assert_allclose(*projections, atol=1e-9)


def test_one_outlier_hides_nothing() -> None:
    one, other = rows(1, 600), rows(2, 600, correlation=0.0)
    one.loc[0, "a"] = other.loc[0, "a"] = 1e12
    found = look(one, other)
    assert found.separable
    assert found.reconstruction is not None
    assert found.reconstruction.flagged


def energy_by_hand(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Return the unbiased energy distance and its root share, pair by pair."""
    n, m = len(one), len(other)
    across = np.mean([np.linalg.norm(x - y) for x in one for y in other])
    within = sum(np.linalg.norm(x - y) for x in one for y in one) / (n * (n - 1))
    other_within = sum(np.linalg.norm(x - y) for x in other for y in other)
    distance = 2 * across - within - other_within / (m * (m - 1))
    return distance, np.sqrt(max(0.0, distance / (2 * across)))


def test_the_energy_distance_is_that_of_all_pairs() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(14, 3)), rng.normal(size=(9, 3)) + 0.5
    distance, effect, _ = energy_test(one, other, rng)
    assert (distance, effect) == pytest.approx(energy_by_hand(one, other))


def test_the_permutation_p_value_is_exact_for_few_points() -> None:
    # Of the 20 ways to divide six points, two are as far apart as these.
    points = np.array([[0.0], [1.0], [2.1], [10.0], [11.0], [12.3]])
    _, _, p = energy_test(points[:3], points[3:], np.random.default_rng(0))
    assert p == pytest.approx(0.1, abs=0.04)
    same = np.zeros((20, 2))
    assert energy_test(same, same, np.random.default_rng(0)) == (0.0, 0.0, 1.0)


def test_p_values_of_points_that_have_not_moved_are_even() -> None:
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        found.append(
            energy_test(rng.normal(size=(30, 2)), rng.normal(size=(20, 2)), rng)
        )
    p_values = np.array([p for _, _, p in found])
    assert (p_values >= 1 / 500).all()
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


GROUPED = Drift.model_validate({"embeddings": [{"name": "pair", "columns": "[ab]"}]})


def test_a_group_of_columns_is_compared_as_one_point() -> None:
    one, other = rows(1, 300), rows(2, 300)
    calm = multivariate(one, other, PLAIN, params=GROUPED).embeddings
    assert [each.flagged for each in calm] == [False]
    assert calm[0].columns == ("a", "b")
    moved = other.assign(a=other["a"] + 0.5)
    found = multivariate(one, moved, PLAIN, params=GROUPED)
    assert found.embeddings[0].flagged
    assert found.embeddings[0].p == pytest.approx(1 / 500)
    assert "pair" in found.reason
    gaps = moved.assign(b=np.nan)
    assert multivariate(one, gaps, PLAIN, params=GROUPED).embeddings == ()


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("vector_*", "matches none"), ("*", r"'kind'.*kind category"), ("A", "none")],
)
def test_a_pattern_that_does_not_fit_is_an_error_that_names_the_key(
    pattern: str, message: str
) -> None:
    params = Drift.model_validate(
        {"embeddings": [{"name": "pair", "columns": pattern}]}
    )
    known = schema(a="number", kind="category")
    frame = rows(1, 60)[["a"]].assign(kind="x")
    with pytest.raises(EmbeddingError, match=rf"drift.embeddings, 'pair'.*{message}"):
        multivariate(frame, frame, known, params=params)


def test_no_value_of_a_column_is_in_the_record() -> None:
    known = schema(
        secret=Column("secret", "category", sensitive=True),
        note=Column("note", "text", sensitive=True),
    )
    one = pd.DataFrame({"secret": ["Aramis"] * 80, "note": ["Porthos sleeps"] * 80})
    other = one.assign(secret="Athos", note="D'Artagnan wakes")
    found = multivariate(one, other, known, params=PARAMS)
    assert found.flagged
    said = (
        json.dumps(found.to_dict()) + found.reason + found._repr_html_() + repr(found)
    )
    for value in ("Aramis", "Athos", "Porthos", "Artagnan", "wakes"):
        assert value not in said
    assert "secret" in said


def test_distances_are_taken_once_for_all_permutations() -> None:
    # 499 permutations of 1,000 points: seconds if distances were taken for each.
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(60, 5)), rng.normal(size=(60, 5))
    whole = cdist(np.vstack([one, other]), np.vstack([one, other]))
    distance, _, _ = energy_test(one, other, rng)
    across, inside = whole[:60, 60:], whole[:60, :60]
    by_hand = 2 * across.mean() - (inside.sum() + whole[60:, 60:].sum()) / (60 * 59)
    assert distance == pytest.approx(by_hand)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_workspace(tmp_path, rows=600)
    monkeypatch.setenv("MLKIT_ROOT", str(tmp_path))
    return tmp_path


def check(run: str, **section: Any) -> drift.DriftReport:
    step = pipeline.open_step("drift", "toy", run, drift=section or None)
    compared = pipeline.compare_rows(step)
    report = pipeline.find_drift(step, compared)
    pipeline.save_drift(step, compared, report)
    pipeline.finish(step, compared, inputs=compared.inputs, results=report.summary())
    return report


def retrain(root: Path, **section: Any) -> drift.DriftReport:
    record = play(root)
    report = check(record.folder.run, **section)
    settle(root, record)
    record.end("ok")
    record.save()
    return report


def test_a_check_of_a_file_looks_at_the_rows_that_the_version_learned_from(
    root: Path,
) -> None:
    retrain(root, sample=200)
    moved = toy_table(400, seed=3).assign(age=lambda frame: frame["age"] + 12)
    moved.to_csv(root / "data" / "current.csv", index=False)
    record = open_record(root)
    record.update(kind="drift")
    found = check(record.folder.run, current="data/current.csv").multivariate
    assert found is not None
    assert found.causes[0].column == "age"
    assert found.domain is not None
    assert found.domain.rows > 200
    (root / "data" / "toy.csv").unlink()
    # The sample that is kept with the version stands for rows that are gone.
    found = check(record.folder.run, current="data/current.csv").multivariate
    assert found is not None
    assert found.domain is not None
    assert found.domain.rows == 200
    assert found.causes[0].column == "age"
    report = check(record.folder.run, current="data/current.csv", multivariate=False)
    assert report.multivariate is not None
    assert "drift.multivariate" in report.multivariate.reason


def test_without_a_sample_it_is_said_why_columns_are_not_looked_at_together(
    root: Path,
) -> None:
    retrain(root, sample=0)
    record = open_record(root)
    record.update(kind="drift")
    (root / "data" / "toy.csv").rename(root / "data" / "current.csv")
    report = check(record.folder.run, current="data/current.csv")
    assert report.multivariate is not None
    assert not report.multivariate.ran
    assert "could not be read" in report.multivariate.reason
    assert "drift.sample" in report.multivariate.reason


def test_rows_that_came_since_are_compared_with_those_learned_from(root: Path) -> None:
    retrain(root)
    grown = pd.concat([toy_table(600), toy_table(200, seed=5).assign(visits=9)])
    grown.to_csv(root / "data" / "toy.csv", index=False)
    found = retrain(root).multivariate
    assert found is not None
    assert found.separable
    assert found.causes[0].column == "visits"
    toy_table(600, seed=8).to_csv(root / "data" / "toy.csv", index=False)
    lost = retrain(root).multivariate
    assert lost is not None
    assert lost.domain is not None
    assert lost.domain.current_rows > 500
    assert not lost.separable


def test_findings_are_the_same_after_they_were_kept() -> None:
    one = rows(1, 300).assign(words="some words", kind=["a", "b"] * 150)
    other = rows(2, 300, 0.0).assign(words="other words", kind="a")
    known = schema(**dict.fromkeys(NUMBERS, "number"), words="text", kind="category")
    for each in (multivariate(one, other, known, params=GROUPED), look(one[:3], one)):
        kept = Multivariate.from_dict(json.loads(store.canonical_json(each.to_dict())))
        assert kept == each
    no_ratio = Reconstruction(math.nan, 0.5, 0.4, 0.6, 1.0, False, 1, 2)
    plain = json.loads(store.canonical_json(no_ratio.to_dict()))
    assert math.isnan(Reconstruction.from_dict(plain).ratio)


@given(
    n=st.integers(0, 60),
    most=st.integers(0, 80),
    seed=st.integers(0, 5),
    hidden=st.sets(st.sampled_from(["a", "b", "c"])),
)
def test_a_sample_has_rows_of_the_reference_and_nothing_that_is_sensitive(
    n: int, most: int, seed: int, hidden: set[str]
) -> None:
    frame = rows(3, n).assign(key=range(n), y=1.0, at="2026-01-01", own=2.0)
    known = schema(
        **dict.fromkeys(NUMBERS, "number"),
        key="identifier",
        at=Column("at", "date", "time"),
        own=Column("own", "number", sensitive=True),
    )
    drawn = drift.reference_sample(frame, known, most=most, seed=seed, sensitive=hidden)
    if not min(n, most):
        assert drawn is None
        return
    assert drawn is not None
    assert list(drawn) == [name for name in NUMBERS if name not in hidden]
    assert len(drawn) == min(n, most)
    known_rows = frame["d"].tolist()
    at = [known_rows.index(value) for value in drawn["d"]]
    assert at == sorted(set(at))
    pd.testing.assert_frame_equal(
        drawn, frame.iloc[at][list(drawn)].reset_index(drop=True)
    )
    again = drift.reference_sample(frame, known, most=most, seed=seed, sensitive=hidden)
    assert again is not None
    assert again.to_parquet() == drawn.to_parquet()


def judged(one: pd.DataFrame, other: pd.DataFrame, **kwargs: Any) -> drift.DriftReport:
    together = look(one, other)
    profile = drift.reference_profile(one, PLAIN)
    return drift.detect(
        profile, other, PLAIN, params=PARAMS, multivariate=together, **kwargs
    )


def test_columns_that_come_apart_are_drift_of_the_data_though_none_is_flagged() -> None:
    alike, apart = rows(2, 800), rows(2, 800, correlation=0.0)
    calm, report = judged(rows(1, 800), alike), judged(rows(1, 800), apart)
    assert calm.verdict == "none"
    assert report.flagged == ()
    assert report.verdict == "drift"
    assert report.reason.startswith("Current rows can be told from the reference's")
    assert report.error_rate is not None
    assert "all columns together" in report.error_rate.words
    # In a series the same finding has to be surer, and this one is.
    assert judged(rows(1, 800), apart, level=1e-3).verdict == "drift"
    assert judged(rows(1, 800), apart, level=1e-90).verdict != "drift"


def test_in_a_series_groups_are_told_and_leave_the_level_to_the_others() -> None:
    one, other = rows(1, 300), rows(2, 300).assign(a=lambda frame: frame["a"] + 1)
    found = multivariate(one, other, PLAIN, params=GROUPED)
    assert found.embeddings[0].reason in found.findings
    assert found.embeddings[0].reason in bearing(found, GROUPED, None)
    assert found.embeddings[0].reason not in bearing(found, GROUPED, 0.5)
    alone = replace(found, embeddings=())

    def least(heard: Multivariate) -> float:
        levels = np.geomspace(1e-300, 1e-3, 20_000)
        return float(
            levels[[bool(bearing(heard, GROUPED, x)) for x in levels].index(True)]
        )

    assert 1e-300 < least(found) == least(alone) < 1e-3
    only = replace(found, domain=None, reconstruction=None)
    assert bearing(only, GROUPED, 1e-5) == ()


def test_in_a_series_areas_out_of_fold_are_as_wide_as_they_spread() -> None:
    found = multivariate(rows(1, 800), rows(2, 800, 0.0), PLAIN, params=PARAMS)
    only = replace(found, reconstruction=None)
    assert only.domain is not None
    middle, low = (
        np.log(each / (1 - each)) for each in (only.domain.auc, only.domain.lower)
    )
    sure = middle / (1.4 * (middle - low) / stats.norm.isf(0.025))
    least = stats.norm.sf(sure)
    assert 0 < least < 1e-4
    assert bearing(only, PARAMS, 1.01 * least) == (only.told,)
    assert bearing(only, PARAMS, 0.99 * least) == ()


def test_a_small_change_together_is_told_and_no_drift_of_the_data() -> None:
    report = judged(rows(1, 3000), rows(2, 3000, correlation=0.54))
    assert report.multivariate is not None
    assert report.multivariate.separable
    assert report.verdict == "columns"
    assert report.reason == report.multivariate.reason


def test_the_page_says_what_each_number_is_in_few_words() -> None:
    rng = np.random.default_rng(0)

    def drawn(n: int, shift: float, words: list[str]) -> pd.DataFrame:
        frame = pd.DataFrame(rng.normal(shift, 1, (n, 3)), columns=["u", "v", "w"])
        return frame.assign(note=rng.choice(words, n))

    params = Drift.model_validate({"embeddings": [{"name": "p", "columns": "[uv]"}]})
    kinds = {**dict.fromkeys("uvw", "number"), "note": "text"}
    found = multivariate(
        drawn(200, 0, ["red house", "green tree"]),
        drawn(120, 1, ["red house", "blue sea"]),
        schema(**kinds),
        params=params,
    )
    shown = drift_together({"multivariate": found.to_dict()})
    assert isinstance(shown, Table)
    assert [row[0] for row in shown.rows] == [
        *("All columns", "How they hang together", "p", "note")
    ]
    # A page 1,000 px wide has room for 80 letters here.
    assert all(20 < len(row[3]) <= 60 for row in shown.rows)
