"""Evidently as an engine: its own numbers where it is there, ours where it is not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mlkit.monitor import DriftDetector, evidently_engine

PROJECT = Path(__file__).resolve().parents[1]
built = pytest.mark.skipif(
    not (PROJECT / ".evidently" / ".ready").exists(),
    reason="Evidently's environment is not built here: `make evidently` builds it",
)


def rows(n: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.normal(shift, 1, n),
            "spent": rng.normal(0, 1, n),
            "region": rng.choice(["north", "south"], n),
        }
    )


@built
def test_the_numbers_are_evidentlys_own(tmp_path: Path) -> None:
    made = DriftDetector(tmp_path, engine="evidently")
    before, now = rows(400, 0), rows(300, 1, shift=0.8)
    made.set_baseline(before)
    now = now.assign(spent=None)
    found = made.detect_drift(now, "churn", "1.0.0")
    assert found.engine == "evidently"
    assert "Evidently 0.7.23" in found.note
    age = found.columns["age"]
    known = stats.ks_2samp(before["age"], now["age"]).pvalue
    assert age.method == "K-S p_value"
    assert age.p_value == pytest.approx(known)
    assert found.drifted_columns == ("age", "spent")
    # It has no word for a column without values, and fails on it.
    assert found.columns["spent"].verdict == "all missing"
    assert made.history()[0]["engine"] == "evidently"
    # A share of the score, with its own bounds for the columns.
    assert (found.threshold, found.score) == (0.3, pytest.approx(2 / 3))


ENGINES = ["mlkit", pytest.param("evidently", marks=built)]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_wrong_with_a_column_is_drift_with_every_engine(
    tmp_path: Path, engine: Any
) -> None:
    rng = np.random.default_rng(5)

    def frame(n: int) -> pd.DataFrame:
        names = ("typed", "absent", "empty", "gaps", "listed", "calm")
        numbers = {name: rng.normal(size=n) for name in names}
        levels = rng.choice(["a", "b", "c"], n)
        return pd.DataFrame({**numbers, "level": levels, "id": range(n)})

    made = DriftDetector(tmp_path, engine=engine)
    made.set_baseline(frame(500), predictions=rng.random(500))
    now = frame(300).drop(columns="absent")
    other = np.arange(300) % 4 == 0
    now = now.assign(typed="none of it", empty=None, listed=[[1]] * 300)
    now["gaps"] = now["gaps"].mask(np.arange(300) % 2 == 0)
    now["level"] = now["level"].mask(other, "new")
    found = made.detect_drift(now, predictions=rng.random(300) ** 3)
    assert found.engine == engine
    verdicts = {name: each.verdict for name, each in found.columns.items()}
    assert verdicts == {
        "typed": "wrong kind",
        "absent": "absent",
        "empty": "all missing",
        "gaps": "drift",
        "listed": "wrong kind",
        "calm": "none",
        "level": "drift",
        "id": "not compared",
    }
    assert found.drifted
    assert "missing in 50 % of the rows" in found.columns["gaps"].reason
    assert "the reference lacks" in found.columns["level"].reason
    assert [each.drifted for each in found.predictions.values()] == [True]
    assert "The predictions have drifted" in found.reason
    assert "'id'" in found.note
    assert made.detect_drift(now.iloc[:0]).verdict == "too_few"


@built
def test_drifted_predictions_alone_decide(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    made = DriftDetector(tmp_path, engine="evidently", method="js", threshold=0.3)
    made.set_baseline(rows(400, 0), predictions=rng.random(400))
    found = made.detect_drift(rows(300, 1), predictions=rng.random(300) ** 3)
    assert (found.engine, found.drifted_columns) == ("evidently", ())
    assert (found.drifted, found.threshold) == (True, 0.3)
    assert "The predictions have drifted" in found.reason


def test_rows_of_an_older_baseline_are_never_compared_with(tmp_path: Path) -> None:
    asked = DriftDetector(tmp_path, engine="evidently")
    asked.set_baseline(rows(400, 0))
    older = (tmp_path / "baseline.parquet").read_bytes()
    DriftDetector(tmp_path).set_baseline(rows(400, 0, shift=3))
    assert not (tmp_path / "baseline.parquet").exists()
    found = asked.detect_drift(rows(300, 1, shift=3))
    assert (found.engine, found.drifted) == ("mlkit", False)
    assert "needs the rows of the baseline, which are not kept" in found.note
    # As a process that ended between both files would leave it.
    asked.set_baseline(rows(400, 0, shift=3))
    (tmp_path / "baseline.parquet").write_bytes(older)
    found = asked.detect_drift(rows(300, 1, shift=3))
    assert (found.engine, found.drifted) == ("mlkit", False)
    assert "has other rows than the baseline was made of" in found.note


def test_without_its_environment_our_own_statistics_run_and_the_record_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidently_engine, "FOLDER", ".not-built")
    # Nor is there a workspace.
    monkeypatch.delenv("MLKIT_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    made = DriftDetector(tmp_path, engine="evidently")
    made.set_baseline(rows(400, 0))
    found = made.detect_drift(rows(300, 1, shift=0.8))
    assert found.engine == "mlkit"
    assert found.drifted_columns == ("age",)
    assert "`make evidently` builds it" in found.note


def test_an_environment_that_fails_is_told_and_ours_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project" / ".evidently"
    (folder / "bin").mkdir(parents=True)
    (folder / ".ready").touch()
    (folder / "bin" / "python").write_text("#!/bin/sh\necho no pandas >&2\nexit 3\n")
    (folder / "bin" / "python").chmod(0o755)
    monkeypatch.setenv("MLKIT_ROOT", str(folder.parent))
    made = DriftDetector(tmp_path / "kept", engine="evidently")
    made.set_baseline(rows(400, 0))
    found = made.detect_drift(rows(300, 1))
    assert found.engine == "mlkit"
    assert "ended with code 3 and said: no pandas" in found.note
    shutil.rmtree(folder)
    (tmp_path / "kept" / "baseline.parquet").unlink()
    assert "needs the rows of the baseline" in made.detect_drift(rows(300, 1)).note
