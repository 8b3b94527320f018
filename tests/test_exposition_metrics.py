"""Metrics: named and typed as promised, counted once, and given out whole."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from mlkit.exposition import (
    HEALTH_VALUES,
    METRIC_NAMES,
    METRICS,
    Answers,
    CheckMetrics,
    ModelMetrics,
    Totals,
    of_totals,
    serve,
    write_textfile,
)

LABELS = {"model": "churn", "version": "1.2.0"}
NAMES = {
    "ml_predictions_total": "counter",
    "ml_prediction_latency_seconds": "histogram",
    "ml_model_accuracy": "gauge",
    "ml_drift_detections_total": "counter",
    "ml_prediction_errors_total": "counter",
    "ml_drift_score": "gauge",
    "ml_model_health": "gauge",
}
FOUR_PROCESSES = """
import os, sys
from mlkit.exposition import ModelMetrics, write_textfile
metrics = ModelMetrics()
for number in range(int(sys.argv[1])):
    metrics.predicted("churn", "1.2.0", 0.02)
metrics.failed("churn", "1.2.0")
metrics.set_accuracy("churn", "1.2.0", int(sys.argv[1]) / 100)
if len(sys.argv) > 2:
    write_textfile(metrics, sys.argv[2])
"""


def live() -> ModelMetrics:
    metrics = ModelMetrics()
    for seconds in (0.0004, 0.003, 0.02, 70):
        metrics.predicted(**LABELS, latency_seconds=seconds)
    metrics.predicted(**LABELS)
    metrics.failed(**LABELS)
    metrics.drift_found(**LABELS)
    judge(metrics)
    return metrics


def judge(metrics: ModelMetrics | CheckMetrics) -> None:
    metrics.set_accuracy(**LABELS, value=0.91)
    metrics.set_drift_score(**LABELS, value=0.25)
    metrics.set_health(**LABELS, status="degraded")


def rows(*, errors: int = 1) -> pd.DataFrame:
    latencies = [0.4, 3, 20, 70_000, None] + [5.0] * errors
    return pd.DataFrame(
        {
            "at": pd.Timestamp("2026-11-20T09:00Z"),
            "version": "1.2.0",
            "latency_ms": pd.array(latencies, "Float64"),
            "error": [None] * 5 + ["boom"] * errors,
        }
    )


def checked() -> CheckMetrics:
    totals = Totals("churn").with_answers(rows()).with_drift("1.2.0")
    metrics = of_totals(totals)
    judge(metrics)
    return metrics


def samples(text: str) -> dict[str, dict[str, float]]:
    """Return what a parser makes of a text: metric to sample to value."""
    return {
        family.name: {
            sample.name + sample.labels.get("le", ""): sample.value
            for sample in family.samples
        }
        for family in text_string_to_metric_families(text)
    }


@pytest.fixture(params=[live, checked])
def metrics(request: pytest.FixtureRequest) -> ModelMetrics | CheckMetrics:
    made: ModelMetrics | CheckMetrics = request.param()
    return made


def written(metrics: ModelMetrics | CheckMetrics, folder: Path) -> str:
    path = folder / "churn.prom"
    write_textfile(metrics, path)
    return path.read_text()


def test_names_and_types_are_as_promised() -> None:
    assert {name: metric.kind for name, metric in METRICS.items()} == NAMES
    assert sorted(METRIC_NAMES) == sorted(NAMES)


def test_everything_is_exposed_under_its_name_type_and_labels(
    metrics: ModelMetrics | CheckMetrics, tmp_path: Path
) -> None:
    text = written(metrics, tmp_path)
    types = dict(line.split()[2:] for line in text.splitlines() if "# TYPE" in line)
    assert types == NAMES
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {k: v for k, v in sample.labels.items() if k != "le"}
            assert labels == LABELS, sample
    values = samples(text)
    assert values["ml_predictions"] == {"ml_predictions_total": 5}
    assert values["ml_prediction_errors"] == {"ml_prediction_errors_total": 1}
    assert values["ml_drift_detections"] == {"ml_drift_detections_total": 1}
    assert values["ml_model_accuracy"] == {"ml_model_accuracy": 0.91}
    assert values["ml_drift_score"] == {"ml_drift_score": 0.25}
    assert values["ml_model_health"] == {"ml_model_health": 1}
    latency = values["ml_prediction_latency_seconds"]
    name = "ml_prediction_latency_seconds"
    assert latency[f"{name}_count"] == 4
    assert latency[f"{name}_sum"] == pytest.approx(70.0234)
    assert [latency[f"{name}_bucket{le}"] for le in ("0.0005", "0.0025")] == [1, 1]
    assert [latency[f"{name}_bucket{le}"] for le in ("0.005", "0.025")] == [2, 3]
    assert [latency[f"{name}_bucket{le}"] for le in ("10.0", "+Inf")] == [3, 4]


def test_promtool_has_nothing_to_say(
    metrics: ModelMetrics | CheckMetrics, tmp_path: Path
) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (apt-get install prometheus)")
    text = written(metrics, tmp_path)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_endpoint_gives_the_newest_and_ends_when_closed(
    metrics: ModelMetrics | CheckMetrics,
) -> None:
    with serve(metrics, 0) as endpoint:
        assert endpoint.url == f"http://127.0.0.1:{endpoint.port}/metrics"
        assert samples(read(endpoint.url))["ml_model_health"] == {"ml_model_health": 1}
        metrics.set_health(**LABELS, status="critical")
        assert samples(read(endpoint.url))["ml_model_health"] == {"ml_model_health": 0}
        with pytest.raises(OSError, match=rf"port {endpoint.port} .*monitor\.port"):
            serve(metrics, endpoint.port)
    with serve(metrics, endpoint.port) as again:
        assert "ml_model_health" in read(again.url)


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        text: str = answer.read().decode()
    return text


def test_what_is_no_longer_known_is_taken_away(
    metrics: ModelMetrics | CheckMetrics, tmp_path: Path
) -> None:
    metrics.set_accuracy(**LABELS, value=None)
    metrics.set_drift_score("other", "0.1.0", None)
    values = samples(written(metrics, tmp_path))
    assert values["ml_model_accuracy"] == {}
    assert values["ml_drift_score"] == {"ml_drift_score": 0.25}


def test_a_version_that_is_no_longer_judged_is_forgotten(
    metrics: ModelMetrics | CheckMetrics, tmp_path: Path
) -> None:
    metrics.set_health("churn", "2.0.0", "healthy")
    metrics.set_health("price", "1.2.0", "critical")
    metrics.forget("churn", but="2.0.0")
    values = samples_by_version(written(metrics, tmp_path), "ml_model_health")
    assert values == {("churn", "2.0.0"): 2, ("price", "1.2.0"): 0}
    assert samples_by_version(written(metrics, tmp_path), "ml_drift_score") == {}
    predictions = samples_by_version(written(metrics, tmp_path), "ml_predictions")
    assert predictions == {("churn", "1.2.0"): 5}
    metrics.forget("churn")
    values = samples_by_version(written(metrics, tmp_path), "ml_model_health")
    assert values == {("price", "1.2.0"): 0}


def samples_by_version(text: str, name: str) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["model"], sample.labels["version"]): sample.value
        for family in text_string_to_metric_families(text)
        if family.name == name
        for sample in family.samples
    }


@pytest.mark.parametrize("make", [ModelMetrics, CheckMetrics])
def test_two_in_one_process_do_not_collide(
    make: Callable[..., ModelMetrics | CheckMetrics],
) -> None:
    assert make().registry is not make().registry
    registry = CollectorRegistry()
    own = Counter("own", "Of the service itself.", registry=registry)
    judge(make(registry))
    own.inc()
    assert registry.get_sample_value("own_total") == 1
    assert registry.get_sample_value("ml_model_health", LABELS) == 1
    with pytest.raises(ValueError, match="Duplicated"):
        make(registry)


def test_health_is_a_number_that_falls_as_it_gets_worse() -> None:
    ordered = sorted(HEALTH_VALUES, key=lambda status: HEALTH_VALUES[status])
    assert ordered == ["critical", "degraded", "healthy"]
    metrics = ModelMetrics()
    with pytest.raises(ValueError, match="healthy, got 'sick'"):
        metrics.set_health(**LABELS, status="sick")  # type: ignore[arg-type]


def test_all_counters_of_a_version_begin_together(tmp_path: Path) -> None:
    metrics = ModelMetrics()
    metrics.predicted(**LABELS)
    values = samples(written(metrics, tmp_path))
    assert values["ml_prediction_errors"] == {"ml_prediction_errors_total": 0}
    assert values["ml_drift_detections"] == {"ml_drift_detections_total": 0}


def test_odd_names_are_escaped(tmp_path: Path) -> None:
    metrics = CheckMetrics()
    metrics.set_accuracy('a"b\\c\nd', "é", 1)
    (family,) = [
        each
        for each in text_string_to_metric_families(written(metrics, tmp_path))
        if each.name == "ml_model_accuracy"
    ]
    assert family.samples[0].labels == {"model": 'a"b\\c\nd', "version": "é"}


def test_a_textfile_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    written(live(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["churn.prom"]
    with pytest.raises(ValueError, match=r"must end in \.prom.*churn\.txt"):
        write_textfile(live(), tmp_path / "churn.txt")


def test_several_processes_are_summed(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    for arguments in (["3"], ["4", str(tmp_path / "all.prom")]):
        subprocess.run(
            [sys.executable, "-W", "error", "-c", FOUR_PROCESSES, *arguments],
            env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)},
            check=True,
        )
    values = samples((tmp_path / "all.prom").read_text())
    assert values["ml_predictions"] == {"ml_predictions_total": 7}
    assert values["ml_prediction_errors"] == {"ml_prediction_errors_total": 2}
    assert (
        values["ml_prediction_latency_seconds"][
            "ml_prediction_latency_seconds_bucket0.025"
        ]
        == 7
    )
    assert values["ml_model_accuracy"] == {"ml_model_accuracy": 0.04}


def log(n: int, seed: int) -> pd.DataFrame:
    """Return rows of five days and two versions, in no order."""
    rng = np.random.default_rng(seed)
    minutes = rng.integers(0, 5 * 24 * 60, n)
    latency = rng.exponential(30, n).round(1)
    return pd.DataFrame(
        {
            "at": pd.Timestamp("2026-11-15T00:00Z")
            + pd.to_timedelta(minutes, unit="min"),
            "version": np.where(rng.random(n) < 0.7, "1.2.0", "2.0.0"),
            "latency_ms": np.where(rng.random(n) < 0.1, np.nan, latency),
            "error": pd.Series(
                np.where(rng.random(n) < 0.2, "boom", None), dtype=object
            ),
        }
    )


def counted(frame: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Return version to predictions and errors, counted row by row."""
    found: dict[str, tuple[int, int]] = {}
    for version, error in zip(frame["version"], frame["error"], strict=True):
        predictions, errors = found.get(version, (0, 0))
        failed = error is not None
        found[version] = (predictions + (not failed), errors + failed)
    return found


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_no_answer_is_counted_twice_or_lost_and_no_counter_falls(seed: int) -> None:
    frame = log(60, seed)
    frame = frame.sort_values("at", ignore_index=True)
    draw = random.Random(seed)
    totals, before = Totals("churn"), {"1.2.0": 0, "2.0.0": 0}
    for end in (20, 35, 35, 60):
        # A check reads what is there by then; retention may have taken whole days.
        there = frame.iloc[:end]
        days = there["at"].dt.date
        if draw.random() < 0.5:
            there = there[days >= days.iloc[-1] - pd.Timedelta(days=1)]
        shuffled = there.sample(frac=1, random_state=end)
        totals = Totals.from_dict(json.loads(json.dumps(totals.to_dict())))
        totals = totals.with_answers(shuffled)
        for version, answers in totals.by_version().items():
            assert answers.predictions >= before.get(version, 0)
            before[version] = answers.predictions
    # Rows of a day that was gone at every check after they came are not seen by any.
    totals = totals.with_answers(frame).with_answers(frame)
    found = {v: (a.predictions, a.errors) for v, a in totals.by_version().items()}
    assert found == counted(frame)


def test_a_day_that_is_read_in_part_lowers_nothing() -> None:
    frame = rows()
    totals = Totals("churn").with_answers(frame)
    assert totals.with_answers(frame.iloc[:2]) == totals
    assert totals.with_answers(frame.iloc[5:]) == totals


def test_latencies_fall_into_the_buckets_of_prometheus() -> None:
    bounds = [0.5, 1, 2.5, 5, 10_000, 10_000.1]
    frame = rows(errors=0).iloc[[0] * len(bounds)].assign(latency_ms=bounds)
    (answers,) = Totals("churn").with_answers(frame).by_version().values()
    metrics = ModelMetrics()
    for each in bounds:
        metrics.predicted(**LABELS, latency_seconds=each / 1000)
    name = "ml_prediction_latency_seconds"
    for registry in (
        metrics.registry,
        of_totals(Totals("churn").with_answers(frame)).registry,
    ):
        for le, expected in {"0.0005": 1, "0.001": 2, "10.0": 5, "+Inf": 6}.items():
            labels = {**LABELS, "le": le}
            assert registry.get_sample_value(f"{name}_bucket", labels) == expected
    assert sum(answers.buckets) == 6


def test_totals_that_cannot_be_continued_are_refused() -> None:
    with pytest.raises(ValueError, match="missing: version, error"):
        Totals("churn").with_answers(rows().drop(columns=["version", "error"]))
    stored = Answers().to_dict() | {"buckets": [0, 1]}
    with pytest.raises(ValueError, match="15 buckets, got 2"):
        Answers.from_dict(stored)


def test_no_rows_add_nothing() -> None:
    totals = Totals("churn").with_answers(rows().iloc[:0])
    assert totals == Totals("churn")
    assert totals.by_version() == {}
