"""Evidently as an engine: its own numbers where it is there, ours where it is not."""

from __future__ import annotations

import shutil
from pathlib import Path

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


def test_without_its_environment_our_own_statistics_run_and_the_record_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidently_engine, "FOLDER", ".not-built")
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
