"""Columns looked at together in production, by a sample of the reference's rows."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlkit.drift import detect, multivariate, reference_profile
from mlkit.drift.sequential import Spending
from mlkit.monitor import Check, DriftDetector, ModelMonitor, check, commit
from mlkit.monitor.baselines import infer
from mlkit.monitor.history import settings
from mlkit.params import Params
from mlkit.params.models import Drift
from mlkit.prediction_log import PredictionLogger
from mlkit.registry import DamageError, open_registry
from tests.logged_models import (
    NOW,
    candidate,
    chances,
    make_params,
    register,
    rows_of,
    tied,
)

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace whose version in production keeps 1,000 of 2,000 rows."""
    root = tmp_path_factory.mktemp("sampled")
    register(root, make_params(), candidate, sample=1000)
    return root


@pytest.fixture
def root(workspace: Path, tmp_path: Path) -> Path:
    """Return a copy of it that a test may write to."""
    shutil.copytree(workspace / "registry", tmp_path / "registry")
    return tmp_path


def log(root: Path, *days: pd.DataFrame, **options: Any) -> None:
    """Log the rows of some days; the last of them is the day of the check."""
    with PredictionLogger(root / "data" / "predictions", **options) as logger:
        for back, rows in zip(reversed(range(len(days))), days, strict=True):
            end = NOW - timedelta(hours=1) - back * DAY
            said = chances(rows_of(len(rows), seed=7))
            for place, features in enumerate(rows.to_dict("records")):
                logger.log_prediction(
                    "toy", "1.0.0", features, "yes" if said[place] > 0.5 else "no",
                    float(said[place]), id=f"{back}-{place}",
                    at=end - timedelta(seconds=len(rows) - place),
                )  # fmt: skip


def looked(root: Path, params: Params | None = None, **options: Any) -> Check:
    return check(params or make_params(), root, **{"now": NOW, **options})


def found_together(found: Check) -> Any:
    assert found.drift is not None
    assert found.drift.multivariate is not None
    json.dumps(found.to_dict())
    return found.drift.multivariate


def damage(root: Path) -> None:
    """Alter the sample that is kept with the version."""
    record = open_registry("toy", root).show("production")
    digest = record.manifest["artifacts"]["reference_rows.parquet"]["sha256"]
    (blob,) = (root / "registry" / "toy" / "blobs").glob(f"**/{digest}")
    blob.chmod(0o644)
    blob.write_bytes(b"other rows")


def test_a_change_that_is_only_in_how_columns_go_together_is_drift(root: Path) -> None:
    log(root, tied(400, seed=1))
    found = looked(root)
    together = found_together(found)
    assert found.drift is not None
    assert found.drift.flagged == ()
    assert {each.column for each in together.causes[:2]} == {"age", "region"}
    assert (together.domain.rows, together.domain.current_rows) == (1000, 400)
    assert found.drift.verdict == "drift"
    assert found.drift.level is not None
    assert found.drift.level < 1e-3
    assert [each.cause for each in found.findings] == ["drift"]
    assert found.status == "degraded"
    assert not any("one by one" in note for note in found.notes)


def test_rows_like_those_of_the_reference_are_none(root: Path) -> None:
    for seed in range(3):
        days = [rows_of(300, seed=10 * seed + day) for day in range(2)]
        shutil.rmtree(root / "data", ignore_errors=True)
        log(root, *days)
        found = looked(root)
        assert found_together(found).findings == ()
        assert found.findings == ()


def test_a_day_that_has_ended_is_looked_at_once_more_and_stays_what_it_was(
    root: Path,
) -> None:
    params = make_params()
    log(root, rows_of(200, seed=1), tied(400, seed=2), rows_of(200, seed=3))
    found = looked(root)
    verdicts = [each.drift and each.drift.verdict for each in found.windows]
    assert verdicts == ["none", "drift", "none"]
    assert not found_together(found).flagged
    commit(found, params, root, now=NOW)
    later = looked(root, now=NOW + timedelta(minutes=5))
    assert [each.drift for each in later.windows] == [
        each.drift for each in found.windows
    ]


def test_every_window_is_looked_at_together_whenever_it_is_judged(root: Path) -> None:
    log(root, rows_of(200, seed=1), *(tied(300, seed=day) for day in (2, 3, 4)))
    expected = ["none", "drift", "drift", "drift"]
    first = looked(root)
    assert [each.drift and each.drift.verdict for each in first.windows] == expected
    commit(first, make_params(), root, now=NOW)
    other = make_params(drift={"min_effect": 0.04})
    again = looked(root, other)
    assert [each.drift and each.drift.verdict for each in again.windows] == expected


def test_what_a_window_does_not_depend_on_leaves_it_as_it_was() -> None:
    known = settings(make_params())
    for free in ({"latency_ms": 500}, {"every_minutes": 1}, {"keep_days": 30}):
        assert settings(make_params(monitor=free)) == known
    for bound in ({"min_labels": 50}, {"windows_a_year": 52}, {"hide": "drop"}):
        assert settings(make_params(monitor=bound)) != known
    assert settings(make_params(drift={"min_rows": 60})) != known
    assert settings(make_params(evaluate={"threshold": 0.4})) != known


def test_the_same_rows_are_not_looked_at_again(root: Path) -> None:
    params = make_params()
    log(root, tied(200, seed=1))
    found = looked(root)
    commit(found, params, root, now=NOW)
    damage(root)
    again = looked(root, now=NOW + timedelta(minutes=5))
    assert found_together(again) == found_together(found)
    assert again.drift is not None
    assert again.drift.verdict == "drift"
    # By other settings, and with twice the rows, the sample is needed again.
    with pytest.raises(DamageError, match="was altered"):
        looked(root, make_params(seed=5))
    with PredictionLogger(root / "data" / "predictions") as logger:
        for place, row in enumerate(tied(400, seed=4).to_dict("records")):
            logger.log_prediction("toy", "1.0.0", row, "no", 0.4, at=NOW, id=f"{place}")
    with pytest.raises(DamageError, match="was altered"):
        looked(root, now=NOW + timedelta(minutes=5))


@pytest.mark.parametrize("hide", ["hash", "drop"])
def test_a_column_that_the_log_hides_has_no_part(root: Path, hide: str) -> None:
    group = [{"name": "both", "columns": "*"}, {"name": "two", "columns": "[av]*"}]
    params = make_params(
        data={"sensitive": ["region"]},
        monitor={"hide": hide},
        drift={"embeddings": group},
    )
    # Rows that were logged before it was hidden hold its values.
    hidden = ["region"] if hide == "hash" else []
    log(root, tied(200, seed=1), sensitive=hidden)
    found = looked(root, params)
    together = found_together(found)
    assert together.ran
    assert [each.name for each in together.embeddings] == ["two"]
    assert not together.flagged
    assert "north" not in json.dumps(found.to_dict())


def test_a_log_that_lacks_columns_is_compared_by_those_it_has(root: Path) -> None:
    log(root, tied(200, seed=1).drop(columns=["region", "visits"]))
    together = found_together(looked(root))
    assert together.domain.current_rows == 200
    assert together.reconstruction.columns == 2
    assert not together.flagged


def test_groups_that_fit_no_columns_are_told_and_end_no_check(root: Path) -> None:
    log(root, rows_of(100, seed=1))
    params = make_params(drift={"embeddings": [{"name": "v", "columns": "vector_*"}]})
    found = looked(root, params)
    assert not found_together(found).ran
    assert any("matches none of the 4 features" in note for note in found.notes)


@pytest.mark.parametrize(
    ("sample", "drift", "said"),
    [
        (0, {}, "registered without rows of its reference; the next version will"),
        (0, {"sample": 0}, "keeps no rows of its reference (drift.sample)"),
        (500, {"multivariate": False}, "drift.multivariate is false"),
    ],
)
def test_without_a_look_it_is_said_why(
    tmp_path: Path, sample: int, drift: dict[str, Any], said: str
) -> None:
    params = make_params(drift=drift)
    register(tmp_path, params, candidate, sample=sample)
    log(tmp_path, tied(200, seed=1))
    found = looked(tmp_path, params)
    assert not found_together(found).ran
    assert any(said in note for note in found.notes)
    assert found.drift is not None
    assert found.drift.verdict == "none"


def test_a_series_of_calm_looks_is_calm() -> None:
    reference = rows_of(1000, seed=1)
    known = infer(reference)
    profile = reference_profile(reference, known)
    level = Spending(0.05, 365).level(1) / 2
    verdicts = []
    for seed in range(12):
        rows = rows_of(200, seed=50 + seed)
        both = multivariate(reference, rows, known, params=Drift(), seed=seed)
        report = detect(
            profile, rows, known, params=Drift(), multivariate=both, level=level
        )
        verdicts.append(report.verdict)
    assert "drift" not in verdicts


def made(folder: Path, **options: Any) -> DriftDetector:
    clock = datetime(2026, 11, 20, 9, tzinfo=UTC)
    detector = DriftDetector(folder, clock=lambda: clock, **options)
    detector.set_baseline(rows_of(1500, seed=1))
    return detector


def test_the_detector_sees_it_where_it_is_asked_to(tmp_path: Path) -> None:
    detector, rows = made(tmp_path), tied(300, seed=2)
    alone = detector.detect_drift(rows)
    assert (alone.drifted, alone.multivariate) == (False, None)
    assert "together=True was not asked for" in alone.note
    found = detector.detect_drift(rows, together=True)
    assert (found.drifted, found.drifted_columns) == (True, ())
    assert found.multivariate is not None
    assert found.multivariate.separable
    assert found.reason == found.multivariate.reason
    assert "one by one" not in found.note
    kept = json.loads(json.dumps(detector.history()[-1]))
    assert kept["multivariate"]["domain"]["separable"]
    calm = detector.detect_drift(rows_of(300, seed=3), together=True)
    assert (calm.drifted, calm.verdict) == (False, "none")


def test_the_detector_keeps_no_row_of_a_sensitive_column(tmp_path: Path) -> None:
    detector = made(tmp_path, sensitive=["region"], params=Drift(sample=700))
    path = tmp_path / "baseline_sample.parquet"
    stored = pd.read_parquet(path)
    assert list(stored) == ["age", "visits", "spent"]
    assert len(stored) == 700
    assert b"north" not in path.read_bytes()
    found = detector.detect_drift(tied(300, seed=2), together=True)
    assert not found.drifted


def without_digest(folder: Path) -> None:
    path = folder / "baseline.json"
    stored = json.loads(path.read_text())
    del stored["sample_digest"]
    path.write_text(json.dumps(stored))


def with_other_rows(folder: Path) -> None:
    rows_of(5).to_parquet(folder / "baseline_sample.parquet")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_digest, "no rows of the baseline are kept"),
        (with_other_rows, "other rows than the baseline was made of"),
        (lambda folder: made(folder, params=Drift(sample=0)), "no rows of the base"),
    ],
)
def test_without_rows_of_the_baseline_the_detector_says_so(
    tmp_path: Path, spoil: Any, said: str
) -> None:
    detector = made(tmp_path)
    spoil(tmp_path)
    found = detector.detect_drift(tied(300, seed=2), together=True)
    assert (found.drifted, found.verdict) == (False, "none")
    assert said in found.note
    assert "one by one" in found.note


@pytest.mark.parametrize("options", [{"method": "psi"}, {"engine": "evidently"}])
def test_only_the_verdict_of_auto_heeds_columns_together(
    tmp_path: Path, options: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match="together=True goes with method 'auto'"):
        made(tmp_path, **options).detect_drift(rows_of(99), together=True)


def test_reference_data_that_were_set_serve_the_checks_of_the_log(
    tmp_path: Path,
) -> None:
    params = make_params(data={"sensitive": ["spent"]})
    monitor = ModelMonitor("toy", root=tmp_path, params=params, clock=lambda: NOW)
    monitor.set_reference_data(rows_of(1500, seed=1))
    folder = tmp_path / "data" / "monitor" / "toy"
    assert "spent" not in pd.read_parquet(folder / "baseline_sample.parquet")
    log(tmp_path, tied(400, seed=2), sensitive=["spent"])
    found = monitor.generate_monitoring_report()
    assert found_together(found).separable
    by_hand = monitor.detect_data_drift(tied(300, seed=5), together=True)
    assert by_hand.drifted
    # Other reference data make what was found of the old ones void.
    monitor.set_reference_data(tied(1500, seed=6))
    assert not found_together(looked(tmp_path, params)).flagged
