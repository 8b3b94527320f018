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

from mlkit.monitor import Detected, DriftDetector
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
    found = detector(tmp_path, method="psi").detect_drift(rows(500, seed=2))
    assert "the same for any number of rows" in found.note
    assert "any number" not in detector(tmp_path).detect_drift(rows(500, seed=2)).note


def test_the_threshold_of_a_method_is_heeded(tmp_path: Path) -> None:
    now = rows(500, seed=1, shift=0.3)
    loose = detector(tmp_path / "a", method="ks", threshold=0.5).detect_drift(now)
    tight = detector(tmp_path / "b", method="ks", threshold=0.01).detect_drift(now)
    assert not loose.drifted_columns
    assert "spent" in tight.drifted_columns
    assert tight.drifted
    assert (loose.threshold, tight.threshold) == (0.5, 0.01)
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
