"""The drift detector: usual names, usual methods, and what bad frames get."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from mlkit.drift import count_rows, reference_profile
from mlkit.drift.pairs import Pair
from mlkit.monitor import Detected, DriftDetector
from mlkit.monitor.baselines import infer
from mlkit.monitor.calm import calm_quantile
from mlkit.monitor.methods import METHODS
from mlkit.params.models import Drift

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
COLUMNS = ["age", "spent", "region", "since", "words", "constant"]


def rows(n: int, *, seed: int = 0, shift: float = 0.0) -> pd.DataFrame:
    """Return columns of every kind; `shift` moves the first, in deviations."""
    rng = np.random.default_rng(seed)
    days = pd.to_timedelta(rng.integers(0, 200, n), "D")
    return pd.DataFrame(
        {
            "age": rng.normal(shift, 1, n),
            "spent": rng.normal(0, 1, n),
            "region": rng.choice(["north", "south", "east"], n),
            "since": pd.Timestamp("2026-01-01") + days,
            "words": [
                " ".join(rng.choice(["a", "few", "words", "or"], 6)) for _ in range(n)
            ],
            "constant": 1.5,
        }
    )


def detector(folder: Path, **options: Any) -> DriftDetector:
    made = DriftDetector(folder, clock=lambda: NOW, **options)
    made.set_baseline(rows(800))
    return made


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_every_method_finds_a_shift_and_leaves_calm_columns_alone(
    tmp_path: Path, method: str
) -> None:
    threshold = 0.1 if method in ("kl", "energy", "mmd") else None
    made = detector(tmp_path, method=method, threshold=threshold)
    found = made.detect_drift(rows(500, seed=4, shift=1.0), "churn", "1.2.0")
    assert list(found.drifted_columns) == ["age"]
    assert set(found.columns) == set(COLUMNS)
    column = found.columns["age"]
    assert (column.verdict, column.drifted) == ("drift", True)
    assert column.statistic is not None
    assert column.effect is not None
    assert 0 < column.effect <= 1
    assert 0 < found.score <= 1
    assert (found.model, found.version, found.engine) == ("churn", "1.2.0", "mlkit")
    calm = made.detect_drift(rows(500, seed=7))
    assert (calm.drifted, calm.drifted_columns, calm.score) == (False, (), 0.0)
    # The record is plain data, and the history holds both.
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["columns"]["age"]["verdict"] == "drift"
    assert [each["drifted_columns"] for each in made.history()] == [["age"], []]


def test_statistics_are_those_of_scipy(tmp_path: Path) -> None:
    before, now = rows(800), rows(500, seed=1, shift=0.5)
    ks = detector(tmp_path / "ks", method="ks").detect_drift(now)
    known = stats.ks_2samp(before["age"], now["age"])
    # Counts on 256 quantiles miss no more than a bin's share of the largest gap.
    assert ks.columns["age"].statistic == pytest.approx(known.statistic, abs=1 / 128)
    chi = detector(tmp_path / "chi", method="chi_square").detect_drift(now)
    table = [before["region"].value_counts(), now["region"].value_counts()]
    levels = pd.concat(table, axis=1).to_numpy().T
    expected = stats.chi2_contingency(levels, correction=False)
    assert chi.columns["region"].p_value == pytest.approx(expected.pvalue)
    js = detector(tmp_path / "js", method="js").detect_drift(now)
    shares = [each / each.sum() for each in levels]
    assert js.columns["region"].statistic == pytest.approx(
        distance.jensenshannon(*shares, base=2)
    )


def test_a_fixed_bound_says_that_it_does_not_know_how_many_rows_there_are(
    tmp_path: Path,
) -> None:
    now = rows(500, seed=2)
    found = detector(tmp_path, method="psi", threshold=0.2).detect_drift(now)
    assert "the same for any number of rows" in found.note
    usual = detector(tmp_path, method="psi").detect_drift(now)
    assert "any number" not in usual.note
    assert "raised for columns that reach it" in usual.note
    p = detector(tmp_path, method="chi_square").detect_drift(now)
    assert "divided by the number of columns" in p.note
    assert p.columns["age"].threshold == pytest.approx(0.05 / 5)
    assert "bound" not in detector(tmp_path).detect_drift(now).note


def test_the_threshold_of_a_method_is_heeded(tmp_path: Path) -> None:
    now = rows(500, seed=1, shift=0.3)
    loose = detector(tmp_path / "a", method="ks", threshold=0.5).detect_drift(now)
    tight = detector(tmp_path / "b", method="ks", threshold=0.01).detect_drift(now)
    assert not loose.drifted_columns
    assert "spent" in tight.drifted_columns
    assert tight.drifted
    assert (loose.threshold, tight.threshold) == (0.5, 0.01)
    assert {each.threshold for each in tight.columns.values()} == {0.01}
    share = detector(tmp_path / "c", threshold=0.1, params=Drift(large_effect=1.0))
    assert share.params.drift_share == 0.1


@pytest.mark.parametrize("engine", ["mlkit"])
@pytest.mark.parametrize("method", ["auto", "ks"])
def test_bad_frames_are_findings_and_never_errors(
    tmp_path: Path, method: str, engine: Any
) -> None:
    made = detector(tmp_path, method=method, engine=engine)
    good = rows(200, seed=1)

    def verdict(frame: pd.DataFrame, column: str = "spent") -> tuple[str, str]:
        found = made.detect_drift(frame)
        assert isinstance(found, Detected)
        json.dumps(found.to_dict())
        assert "<table>" in found._repr_html_()
        return found.verdict, found.columns[column].verdict

    few = ("too_few", "too_few")
    assert verdict(pd.DataFrame()) == few
    assert verdict(good.iloc[:0]) == few
    assert verdict(good.iloc[:1]) == few
    assert verdict(good.drop(columns="spent")) == ("drift", "absent")
    assert verdict(good.assign(spent="none of your business")) == (
        "drift",
        "wrong kind",
    )
    assert verdict(good.assign(spent=[[1]] * 200)) == ("drift", "wrong kind")
    assert verdict(good.assign(spent=None)) == ("drift", "all missing")
    assert verdict(good.assign(spent=np.nan)) == ("drift", "all missing")
    gaps = good["spent"].mask(np.arange(200) % 2 == 0)
    assert verdict(good.assign(spent=gaps))[1] == "drift"
    assert verdict(good.assign(region="west"), "region")[1] == "drift"
    assert verdict(good.set_axis(range(6), axis=1)) == ("drift", "absent")
    twice = pd.concat([good, good[["spent"]]], axis=1)
    assert verdict(twice) == ("none", "none")
    assert "more" in made.detect_drift(good.assign(more=1)).note


def test_what_cannot_be_asked_for_is_refused_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"method must be one of auto, ks, .*'magic'"):
        DriftDetector(tmp_path, method="magic")
    with pytest.raises(ValueError, match=r"threshold of the method 'auto' .* got 2"):
        DriftDetector(tmp_path, threshold=2)
    with pytest.raises(ValueError, match="above 0, got 0"):
        DriftDetector(tmp_path, method="kl", threshold=0)
    for method, threshold, rule in (
        ("auto", "0.3", "a share of the columns, above 0 and at most 1, got '0.3'"),
        ("auto", True, "got True"),
        ("psi", float("nan"), "above 0, got nan"),
        ("psi", float("inf"), "above 0, got inf"),
        ("ks", 5, "at most 1, which the statistic never exceeds, got 5"),
        ("hellinger", 1.01, "at most 1"),
        ("chi_square", 2, "a p-value, above 0 and at most 1, got 2"),
    ):
        with pytest.raises(ValueError, match=rule):
            DriftDetector(tmp_path, method=method, threshold=threshold)  # type: ignore[arg-type]
    assert DriftDetector(tmp_path, method="kl", threshold=np.float64(5)).threshold == 5
    with pytest.raises(ValueError, match="keep_history_days must be 1 or more, got 0"):
        DriftDetector(tmp_path, keep_history_days=0)
    with pytest.raises(ValueError, match="engine must be mlkit or evidently"):
        DriftDetector(tmp_path, engine="warp")  # type: ignore[arg-type]
    made = DriftDetector(tmp_path)
    with pytest.raises(FileNotFoundError, match="call set_baseline"):
        made.detect_drift(rows(100))
    with pytest.raises(ValueError, match="needs rows"):
        made.set_baseline(rows(0))
    with pytest.raises(ValueError, match="a column that can be compared"):
        made.set_baseline(pd.DataFrame({"id": range(100)}))
    with pytest.raises(TypeError, match="got list"):
        made.set_baseline([1, 2])  # type: ignore[arg-type]


def test_another_process_finds_the_baseline(tmp_path: Path) -> None:
    detector(tmp_path)
    rows(300, seed=4, shift=1.0).to_parquet(tmp_path / "now.parquet")
    code = (
        "import sys, pandas as pd; from mlkit.monitor import DriftDetector\n"
        "frame = pd.read_parquet(sys.argv[2])\n"
        "print(DriftDetector(sys.argv[1]).detect_drift(frame).drifted_columns)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), str(tmp_path / "now.parquet")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "('age',)\n"


def test_predictions_are_compared_where_both_sides_have_them(tmp_path: Path) -> None:
    made = DriftDetector(tmp_path)
    rng = np.random.default_rng(0)
    made.set_baseline(rows(500), predictions=rng.random(500))
    calm = made.detect_drift(rows(300, seed=1), predictions=rng.random(300))
    moved = made.detect_drift(rows(300, seed=1), predictions=rng.random(300) ** 3)
    assert not calm.drifted
    assert moved.drifted
    assert not moved.drifted_columns
    (found,) = moved.predictions.values()
    assert found.drifted


@settings(max_examples=12)
@given(seed=st.integers(0, 2**31), method=st.sampled_from(["auto", "ks", "psi"]))
def test_the_same_rows_never_drift_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, seed: int, method: str
) -> None:
    frame = rows(120, seed=seed)
    made = DriftDetector(tmp_path_factory.mktemp("same"), method=method)
    made.set_baseline(frame)
    shuffled = frame.sample(frac=1, random_state=seed % 1000)[COLUMNS[::-1]]
    found = made.detect_drift(shuffled)
    assert not found.drifted_columns
    assert not found.drifted


def normal(n: int, columns: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({f"c{i}": rng.normal(size=n) for i in range(columns)})


@pytest.mark.parametrize("n", [50, 200])
def test_calm_data_of_few_rows_stay_below_every_usual_bound(
    tmp_path: Path, n: int
) -> None:
    flagged = {}
    for seed in range(3):
        DriftDetector(tmp_path).set_baseline(normal(3000, 12, 100 + seed))
        for method in METHODS:
            made = DriftDetector(tmp_path, method=method)
            found = made.detect_drift(normal(n, 12, seed))
            flagged[method, seed] = len(found.drifted_columns)
            assert not found.drifted
    # In 5 % of 78 checks with both sizes; fixed bounds flag almost all.
    assert sum(map(bool, flagged.values())) <= 4
    assert max(flagged.values()) <= 1


@pytest.mark.parametrize("method", METHODS)
def test_a_shift_of_a_deviation_is_found_beyond_the_usual_bound(
    tmp_path: Path, method: str
) -> None:
    made = DriftDetector(tmp_path, method=method)
    made.set_baseline(normal(3000, 12, 0))
    now = normal(1000, 12, 1)
    found = made.detect_drift(now.assign(c3=now["c3"] + 1))
    assert "c3" in found.drifted_columns
    assert len(found.drifted_columns) <= 2


def pair_of(one: pd.DataFrame, other: pd.DataFrame) -> Pair:
    schema = infer(one)
    profile = reference_profile(one, schema)
    now = count_rows(profile, other, schema)
    return Pair(profile.columns[0], now.columns[0].counts)


def test_what_chance_alone_reaches_is_that_of_known_distributions() -> None:
    one, other = normal(4000, 1, 0), normal(1000, 1, 1)
    pair, scale, level = pair_of(one, other), 1 / 4000 + 1 / 1000, 0.01
    chi = stats.chi2.isf(level, 9)
    for statistic, known in (
        ("psi", scale * chi),
        ("kl", scale * chi / 2),
        ("js", np.sqrt(scale * chi / 8 / np.log(2))),
        ("hellinger", np.sqrt(scale * chi / 8)),
        ("ks", stats.kstwobign.isf(level) * np.sqrt(scale)),
    ):
        found = calm_quantile(statistic, pair, level)
        assert found == pytest.approx(known, rel=0.1), statistic
    # Of the rows themselves, dealt anew to both sides.
    few = pair_of(one, other[:60])
    rng, both = np.random.default_rng(2), np.concatenate([one["c0"], other["c0"][:60]])
    robust = stats.iqr(one["c0"]) / 1.349
    dealt = [rng.permutation(both) / robust for _ in range(600)]
    for statistic, distance_of in (
        ("wasserstein", stats.wasserstein_distance),
        ("energy", stats.energy_distance),
    ):
        values = [distance_of(each[60:], each[:60]) for each in dealt]
        known = np.quantile(values, 1 - level)
        assert calm_quantile(statistic, few, level) == pytest.approx(known, rel=0.15)


def test_each_method_holds_its_own_statistic(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    # Each of ten values has a bin of its own, so that nothing is lost by counting.
    x, y = np.repeat(np.arange(10.0), 100), np.minimum(rng.binomial(12, 0.3, 700), 9.0)
    before = pd.DataFrame({"x": x, "kind": np.repeat(["a", "b"], 500)})
    now = pd.DataFrame({"x": y, "kind": ["a"] * 560 + ["b"] * 140})

    def found(method: str, column: str) -> Any:
        made = DriftDetector(tmp_path, method=method)
        made.set_baseline(before)
        return made.detect_drift(now).columns[column]

    scale = 5 / 1.349
    x, y = x / scale, y / scale

    def kernel(one: Any, other: Any) -> float:
        return float(np.exp(-np.abs(np.subtract.outer(one, other))).mean())

    mmd = np.sqrt(kernel(x, x) + kernel(y, y) - 2 * kernel(x, y))
    assert found("mmd", "x").statistic == pytest.approx(mmd)
    energy = stats.energy_distance(x, y)
    assert found("energy", "x").statistic == pytest.approx(energy)
    carried = stats.wasserstein_distance(x, y)
    assert found("wasserstein", "x").statistic == pytest.approx(carried)
    p, q = np.array([0.5, 0.5]), np.array([0.8, 0.2])
    hellinger = np.sqrt(1 - np.sqrt(p * q).sum())
    assert found("hellinger", "kind").statistic == pytest.approx(hellinger)
    kl, psi = stats.entropy(q, p), np.sum((q - p) * np.log(q / p))
    assert found("kl", "kind").statistic == pytest.approx(kl, rel=0.02)
    assert found("psi", "kind").statistic == pytest.approx(psi, rel=0.02)
    g = stats.chi2_contingency([[500, 500], [560, 140]], False, "log-likelihood")
    assert found("g", "kind").statistic == pytest.approx(g.statistic)


def test_tests_of_numbers_are_those_of_scipy(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    one, other = rng.normal(0, 1, 200), rng.normal(0.12, 1.4, 150)
    cvm = stats.cramervonmises_2samp(one, other, method="asymptotic").pvalue
    ks = stats.ks_2samp(one, other, method="asymp").pvalue
    dealing = stats.PermutationMethod(999, rng=1)
    ad = stats.anderson_ksamp([one, other], variant="midrank", method=dealing).pvalue
    assert abs(cvm - ks) > 0.25 * cvm
    for method, known in (("cramer_von_mises", cvm), ("anderson_darling", ad)):
        made = DriftDetector(tmp_path, method=method)
        made.set_baseline(pd.DataFrame({"x": one}))
        column = made.detect_drift(pd.DataFrame({"x": other})).columns["x"]
        assert column.p_value == pytest.approx(known, rel=0.25)


def test_the_usual_bound_of_kl_is_in_force(tmp_path: Path) -> None:
    before = pd.DataFrame({"kind": ["a", "b"] * 1000})
    made = DriftDetector(tmp_path, method="kl")
    made.set_baseline(before)
    # 0.19 and 0.49 nats.
    near = made.detect_drift(pd.DataFrame({"kind": ["a"] * 800 + ["b"] * 200}))
    far = made.detect_drift(pd.DataFrame({"kind": ["a"] * 950 + ["b"] * 50}))
    assert (near.drifted_columns, far.drifted_columns) == ((), ("kind",))
    assert near.threshold == near.columns["kind"].threshold == 0.3


@pytest.mark.parametrize("method", ["auto", "ks", "psi", "chi_square"])
def test_drifted_predictions_decide_whatever_the_method(
    tmp_path: Path, method: str
) -> None:
    made = DriftDetector(tmp_path, method=method)
    rng = np.random.default_rng(0)
    made.set_baseline(rows(500), predictions=rng.random(500))
    moved = made.detect_drift(rows(300, seed=1), predictions=rng.random(300) ** 3)
    assert (moved.drifted, moved.verdict) == (True, "drift")
    assert not moved.drifted_columns
    assert "The predictions have drifted" in moved.reason
    calm = made.detect_drift(rows(300, seed=1), predictions=rng.random(300))
    assert (calm.drifted, calm.verdict) == (False, "none")


def test_predictions_that_cannot_be_compared_are_told(tmp_path: Path) -> None:
    made = DriftDetector(tmp_path)
    rule = r"predictions must be numbers, one for each of 100 rows"
    for wrong, got in (
        (np.zeros(99), r"shape \(99,\)"),
        (np.zeros((100, 2)), r"shape \(100, 2\)"),
        (["yes"] * 100, "'yes'"),
        (0.5, r"shape \(\)"),
    ):
        with pytest.raises(ValueError, match=f"{rule}.*{got}"):
            made.set_baseline(rows(100), predictions=wrong)
    made.set_baseline(rows(100))
    found = made.detect_drift(rows(100, seed=1), predictions=np.zeros(100))
    assert "the baseline has none" in found.note
    made.set_baseline(rows(100), predictions=np.zeros((100, 1)))
    with pytest.raises(ValueError, match=rule):
        made.detect_drift(rows(100, seed=1), predictions=np.zeros(99))
    assert "none were given" in made.detect_drift(rows(100, seed=1)).note


@pytest.mark.parametrize("method", ["auto", "ks"])
def test_columns_that_say_nothing_are_named_and_count_in_no_share(
    tmp_path: Path, method: str
) -> None:
    made = DriftDetector(tmp_path, method=method)
    before, now = normal(500, 3, 0), normal(500, 3, 1)
    extra = {"id": range(500), "empty": None, "took": pd.to_timedelta(range(500), "s")}
    made.set_baseline(before.assign(constant=1.0, **extra))
    found = made.detect_drift(now.assign(constant=1.0, c1=now["c1"] + 0.3, **extra))
    assert set(found.columns) == {"c0", "c1", "c2", "constant", *extra}
    for name in extra:
        assert found.columns[name].verdict == "not compared"
        assert repr(name) in found.note
    assert found.drifted_columns == ("c1",)
    # A statistic does not compare a constant, either; tests would see it change.
    compared = 4 if method == "auto" else 3
    assert found.score == pytest.approx(1 / compared)
    # Of a statistic: a third is beyond 0.30. Of tests: two columns at least.
    assert found.drifted == (method == "ks")
    if method == "ks":
        assert "1 of 3 compared columns" in found.reason


def test_only_what_a_statistic_cannot_see_joins_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = [f"l{i}" for i in range(5)]
    before = pd.DataFrame(
        {"kind": rng.choice(names, 2000), "x": rng.uniform(0, 1, 2000)}
    )
    # A level vanishes and a tenth of the values is out of range.
    now = pd.DataFrame(
        {"kind": rng.choice(names[1:], 500), "x": rng.uniform(0, 1.1, 500)}
    )
    made = DriftDetector(tmp_path, method="total_variation", threshold=0.9)
    made.set_baseline(before)
    by_tests = DriftDetector(tmp_path).detect_drift(now)
    assert set(by_tests.drifted_columns) == {"kind", "x"}
    assert not made.detect_drift(now).drifted_columns
    now["kind"] = now["kind"].mask(now.index % 3 == 0, "other")
    now["x"] = now["x"].mask(now.index % 3 == 0)
    assert set(made.detect_drift(now).drifted_columns) == {"kind", "x"}


def test_that_columns_are_compared_one_by_one_is_said(tmp_path: Path) -> None:
    assert "one by one" in detector(tmp_path).detect_drift(rows(100)).note


@pytest.mark.parametrize("lacks", ["schema", "profile", "set_at"])
def test_a_damaged_baseline_is_refused(tmp_path: Path, lacks: str) -> None:
    made = detector(tmp_path)
    path = tmp_path / "baseline.json"
    stored = json.loads(path.read_text())
    del stored[lacks]
    path.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match=r"a baseline has a schema.*set_baseline"):
        made.detect_drift(rows(100))


def test_old_detections_are_removed(tmp_path: Path) -> None:
    def at(day: int) -> DriftDetector:
        now = NOW.replace(day=day)
        return DriftDetector(tmp_path, keep_history_days=5, clock=lambda: now)

    at(1).set_baseline(rows(100))
    for day in (1, 2, 7):
        at(day).detect_drift(rows(100, seed=day))
    names = sorted(path.name for path in tmp_path.glob("detections_*.jsonl"))
    assert names == ["detections_20261102.jsonl", "detections_20261107.jsonl"]
    assert len(at(7).history()) == 2


def test_a_share_of_columns_that_is_just_the_bound_is_drift(tmp_path: Path) -> None:
    made = DriftDetector(tmp_path, method="ks")
    made.set_baseline(normal(2000, 10, 0))
    now = normal(2000, 10, 1)
    now[["c0", "c1"]] += 0.3
    two = made.detect_drift(now)
    now["c2"] += 0.3
    three = made.detect_drift(now)
    assert (two.score, two.drifted, two.verdict) == (0.2, False, "columns")
    assert (three.score, three.drifted, three.verdict) == (0.3, True, "drift")
