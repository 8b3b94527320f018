"""A monitor without a case: a few calls, and everything in the model's own folder."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlkit.monitor import ModelMonitor
from mlkit.monitor.journal import Journal
from mlkit.prediction_log import PredictionLogger
from mlkit.registry import RegistryError
from tests.logged_models import make_params

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def rows(n: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {"size": rng.normal(shift, 1, n), "kind": rng.choice(["a", "b"], n)}
    )


def made(root: Path, at: datetime = NOW) -> ModelMonitor:
    return ModelMonitor("prices", root=root, clock=lambda: at)


def log(root: Path, n: int, *, shift: float = 0.0, off: float = 1.0) -> None:
    rng = np.random.default_rng(n)
    frame = rows(n, seed=n, shift=shift)
    with PredictionLogger(root / "data" / "predictions") as logger:
        for features in frame.to_dict("records"):
            truth = 3 * features["size"] + rng.normal(0, off)
            logger.log_prediction(
                "prices", "2.0.0", features, 3 * features["size"], actual=truth,
                latency_ms=5.0, at=NOW - timedelta(minutes=30),
            )  # fmt: skip


def test_a_model_is_watched_from_its_log_alone(tmp_path: Path) -> None:
    monitor = made(tmp_path)
    monitor.set_reference_data(rows(600, 0))
    log(tmp_path, 150)
    found = monitor.generate_monitoring_report()
    assert (found.status, found.version, found.task) == (
        "healthy",
        "2.0.0",
        "regression",
    )
    assert found.primary == "r2"
    (window,) = found.windows
    assert set(window.metrics) == {"r2", "mae", "rmse", "bias"}
    assert window.metrics["rmse"].value == pytest.approx(1, abs=0.2)
    assert found.drift is not None
    assert not found.drift.drifted
    assert found.drift.multivariate is not None
    assert found.drift.multivariate.ran
    assert not any("one by one" in note for note in found.notes)
    assert monitor.active_alerts() == ()


def test_what_drifted_is_an_alert_of_the_model(tmp_path: Path) -> None:
    monitor = made(tmp_path)
    monitor.set_reference_data(rows(600, 0))
    log(tmp_path, 150, shift=1.5)
    assert monitor.check_model_health().status == "degraded"
    assert [alert.cause for alert in monitor.active_alerts()] == ["drift"]


def test_rows_given_by_hand_enter_health_and_alerts(tmp_path: Path) -> None:
    monitor = made(tmp_path)
    monitor.set_reference_data(rows(600, 0))
    found = monitor.detect_data_drift(rows(200, 1, shift=1.5), version="2.0.0")
    assert (found.drifted, found.drifted_columns) == (True, ("size",))
    assert found.model == "prices"
    health = monitor.check_model_health()
    assert health.status == "degraded"
    assert (
        "the rows given on 2026-11-20 12:00 (UTC) have drifted" in health.issues[0].what
    )
    (alert,) = monitor.active_alerts()
    assert (alert.cause, alert.version) == ("drift", "2.0.0")
    assert alert.evidence["columns"] == ["size"]
    # Too few rows judge nothing, and calm ones later close it.
    monitor.detect_data_drift(rows(5, 2))
    assert monitor.check_model_health().status == "degraded"
    later = made(tmp_path, NOW + timedelta(hours=3))
    later.detect_data_drift(rows(200, 3))
    assert later.check_model_health().status == "healthy"
    assert later.active_alerts() == ()


def test_calm_rows_given_by_hand_raise_nothing(tmp_path: Path) -> None:
    monitor = made(tmp_path)
    monitor.set_reference_data(rows(600, 0))
    assert not monitor.detect_data_drift(rows(200, 1)).drifted
    found = monitor.generate_monitoring_report()
    assert (found.status, monitor.active_alerts()) == ("healthy", ())
    assert found.health.reason == "Nothing that was judged is wrong."
    assert "drift" in found.causes_checked


def test_rows_given_by_hand_are_of_a_version_and_of_a_time(tmp_path: Path) -> None:
    early = made(tmp_path, NOW - timedelta(days=2))
    early.set_reference_data(rows(600, 0))
    early.detect_data_drift(rows(200, 1, shift=1.5))
    monitor = made(tmp_path)
    assert monitor.check_model_health().status == "degraded"
    # The log has newer rows, and they are calm.
    log(tmp_path, 150)
    assert monitor.check_model_health().status == "healthy"
    monitor.detect_data_drift(rows(200, 1, shift=1.5), version="1.0.0")
    assert monitor.check_model_health().status == "healthy"
    monitor.detect_data_drift(rows(200, 1, shift=1.5), version="2.0.0")
    assert monitor.check_model_health().status == "degraded"
    late = made(tmp_path, NOW + timedelta(days=60))
    assert late.check_model_health().status == "healthy"


def test_figures_that_were_measured_elsewhere_enter_history_and_health(
    tmp_path: Path,
) -> None:
    monitor = made(tmp_path)
    monitor.record_performance({"r2": 0.8, "bias": 0.1}, version=None)
    assert monitor.check_model_health().status == "healthy"
    later = made(tmp_path, NOW + timedelta(days=1))
    later.record_performance({"r2": 0.6})
    found = later.generate_monitoring_report()
    assert found.status == "degraded"
    assert [each.figures["r2"] for each in found.recorded] == [0.6, 0.8]
    assert [issue.cause for issue in found.health.issues] == ["performance.r2"]
    (alert,) = later.active_alerts()
    assert alert.cause == "performance.r2"
    # It recovers, and the alert is over.
    later.record_performance({"r2": 0.79})
    assert later.check_model_health().status == "healthy"
    assert later.active_alerts() == ()


@pytest.mark.parametrize(
    ("figures", "rule"),
    [
        ({}, "performance is recorded"),
        (None, "performance is recorded"),
        ([0.9], "performance is recorded"),
        ({"r2": float("nan")}, "finite number, got r2 = nan"),
        ({"r2": True}, "finite number, got r2 = True"),
        ({"r2": "x"}, "finite number, got r2 = 'x'"),
        ({"r2": None}, "finite number, got r2 = None"),
        ({"accuracy": 1.5}, "accuracy is from 0 to 1, got 1.5"),
        ({"accuracy": -0.1}, "accuracy is from 0 to 1"),
        ({"r2": 1.1}, "r2 is at most 1, got 1.1"),
        ({"mae": -1}, "mae is 0 or more, got -1"),
    ],
)
def test_figures_that_are_none_are_refused(
    tmp_path: Path, figures: Any, rule: str
) -> None:
    with pytest.raises(ValueError, match=rule):
        made(tmp_path).record_performance(figures)
    made(tmp_path).record_performance({"r2": -3, "bias": -1.5, "lift": 40.0})
    with pytest.raises(ValueError, match="n = 0"):
        made(tmp_path).record_performance({"r2": 0.5}, n=0)
    with pytest.raises(RegistryError, match="letters"):
        ModelMonitor("../x", root=tmp_path)
    with pytest.raises(FileNotFoundError, match="set_reference_data"):
        made(tmp_path).detect_data_drift(rows(60, 0))


def test_a_case_lends_its_bounds(tmp_path: Path) -> None:
    params = make_params(drift={"min_rows": 400})
    monitor = ModelMonitor("prices", root=tmp_path, params=params)
    assert monitor.params.model == "prices"
    monitor.set_reference_data(rows(600, 0))
    assert monitor.detect_data_drift(rows(300, 1)).verdict == "too_few"


def append_many(folder: Path, who: int) -> None:
    journal = Journal(folder, "checks")
    for turn in range(30):
        journal.append([{"who": who, "turn": turn, "pad": "x" * 5000}], now=NOW)


def test_a_journal_stands_many_writers_torn_lines_and_old_days(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [
        context.Process(target=append_many, args=(tmp_path, n)) for n in range(2)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    journal = Journal(tmp_path, "checks")
    entries = journal.read()
    assert len(entries) == 60
    for who in range(2):
        assert [e["turn"] for e in entries if e["who"] == who] == list(range(30))
    (path,) = tmp_path.glob("checks_*.jsonl")
    with path.open("ab") as file:
        file.write(b'{"who": 9, "tu')
    journal.append([{"who": 3}], now=NOW)
    assert (len(journal.read()), journal.latest()) == (61, {"who": 3})
    journal.append([{"who": 4}], now=NOW + timedelta(days=40))
    assert journal.read(since=NOW + timedelta(days=1)) == ({"who": 4},)
    assert journal.prune(now=NOW + timedelta(days=40), keep_days=30) == 1
    assert journal.read() == ({"who": 4},)


def test_detections_are_kept_as_long_as_the_rest_of_the_history(tmp_path: Path) -> None:
    params = make_params(monitor={"keep_history_days": 3})

    def at(days: int) -> ModelMonitor:
        now = NOW + timedelta(days=days)
        return ModelMonitor("prices", root=tmp_path, params=params, clock=lambda: now)

    at(0).set_reference_data(rows(200, 0))
    for day in (0, 1, 4):
        at(day).detect_data_drift(rows(100, 1))
    names = sorted(path.name for path in at(0).folder.glob("detections_*.jsonl"))
    assert names == ["detections_20261121.jsonl", "detections_20261124.jsonl"]
    # A check prunes, too.
    at(9).check_model_health()
    assert not list(at(0).folder.glob("detections_*.jsonl"))
