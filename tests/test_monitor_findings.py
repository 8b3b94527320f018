"""Findings and health: each rule of the table, on either side of its bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from scipy import stats

from mlkit.alerts import Finding
from mlkit.drift import Performance, PerformanceDrift
from mlkit.metrics import Estimate
from mlkit.monitor.found import Found
from mlkit.monitor.health import judge_health
from mlkit.monitor.performance import judge_calibration, judge_performance, judge_trend
from mlkit.monitor.recorded import judge_recorded
from mlkit.monitor.records import Recorded
from mlkit.monitor.traffic import judge_traffic
from mlkit.monitor.trends import find_trend
from mlkit.monitor.window_records import Latency, WindowCalibration, WindowFigures
from mlkit.params.models import Monitor

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEVEL = 0.05 / 365


def days(counts: Sequence[int], **newest: object) -> list[WindowFigures]:
    """Return a window a day with so many predictions; the newest has not ended."""
    midnight = NOW.replace(hour=0)
    found = []
    for back, count in zip(reversed(range(len(counts))), counts, strict=True):
        start = midnight - timedelta(days=back)
        end = start + timedelta(days=1)
        found.append(
            WindowFigures(
                f"{start:%Y-%m-%d}",
                start.isoformat(),
                end.isoformat(),
                end <= NOW,
                count,
            )
        )
    return [*found[:-1], replace(found[-1], **newest)]  # type: ignore[arg-type]


def traffic(
    windows: Sequence[WindowFigures], slow: tuple[int, int] = (0, 0), **bounds: object
) -> Found:
    asked = Monitor(**bounds)  # type: ignore[arg-type]
    each = [(0, 0)] * (len(windows) - 1) + [slow]
    return judge_traffic(windows, each, asked, now=NOW, level=LEVEL)


def severities(found: Found) -> dict[str, str]:
    return {each.cause: each.severity for each in found.findings}


@pytest.mark.parametrize("errors", [0, 1, 5, 12, 60, 400, 500])
def test_errors_count_when_they_are_more_than_the_bound_explains(errors: int) -> None:
    found = traffic(days([0, 500 - errors], errors=errors))
    p = stats.binomtest(errors, 500, 0.01, alternative="greater").pvalue
    expected = {} if p >= LEVEL else {"errors": "warning"}
    if errors >= 250:
        expected = {"errors": "critical"}
    assert severities(found) == expected
    assert "errors" in found.checked


def test_latency_counts_when_more_than_one_in_twenty_is_slow() -> None:
    took = Latency(30.0, 120.0, 200.0, 400)
    windows = days([400], latency=took)
    assert severities(traffic(windows, (25, 400), latency_ms=100)) == {}
    slow = severities(traffic(windows, (80, 400), latency_ms=100))
    assert slow == {"latency": "warning"}
    half = days([400], latency=replace(took, p50=130.0))
    assert severities(traffic(half, (230, 400), latency_ms=100)) == {
        "latency": "critical"
    }
    assert "latency" not in traffic(windows, (80, 400)).checked


def test_volume_is_held_against_what_is_usual() -> None:
    usual = [90, 1000, 1010, 990, 1005]
    assert severities(traffic(days([*usual, 980, 10]))) == {}
    assert severities(traffic(days([*usual, 300, 10]))) == {"volume": "warning"}
    assert severities(traffic(days([*usual, 2900, 10]))) == {"volume": "warning"}
    assert severities(traffic(days([*usual, 0, 0]))) == {"volume": "critical"}
    # A service that has just begun has nothing usual yet.
    assert "volume" not in traffic(days([1000, 1000, 0, 0])).checked
    # Few requests scatter.
    assert severities(traffic(days([2, 4, 3, 5, 4, 1, 0]))) == {}
    # By count, a window is as large as it is.
    assert "volume" not in traffic(days([*usual, 0, 0]), window=100).checked


def test_a_quiet_weekend_is_usual() -> None:
    # 2026-11-20 is a Friday: five weeks, the newest ended window is a Sunday.
    sunday = NOW.replace(hour=0) - timedelta(days=5)
    counts = [40 if (sunday - timedelta(days=back)).weekday() >= 5 else 1000
              for back in reversed(range(35))]  # fmt: skip
    windows = []
    for back, count in zip(reversed(range(35)), counts, strict=True):
        start = sunday - timedelta(days=back)
        end = start + timedelta(days=1)
        windows.append(
            WindowFigures(str(start), start.isoformat(), end.isoformat(), True, count)
        )
    assert severities(traffic(windows)) == {}
    assert severities(
        traffic([*windows[:-1], replace(windows[-1], predictions=5)])
    ) == {"volume": "warning"}


def test_outcomes_are_asked_for_when_they_are_due() -> None:
    windows = days([50] * 12)
    late = [replace(each, late_labels=50, missing_labels=50) for each in windows[:4]]
    rest = [replace(each, missing_labels=50) for each in windows[4:]]
    assert severities(traffic([*late, *rest])) == {"labels": "warning"}
    known = [replace(each, labelled=40, late_labels=10) for each in windows[:4]]
    found = traffic([*known, *rest])
    assert (severities(found), "labels" in found.checked) == ({}, True)
    assert "labels" not in traffic(rest).checked


def compared(*, dropped: bool) -> PerformanceDrift:
    was = Performance("roc_auc", "ROC AUC", True, 0.9, 0.88, 0.92, 1000)
    now = replace(was, value=0.7, lower=0.66, upper=0.74, n=300)
    return PerformanceDrift(was, now, 0.2, 0.15, 0.25, dropped, "worse by 0.2")


def test_performance_that_dropped_is_critical() -> None:
    found = judge_performance(compared(dropped=True))
    assert severities(found) == {"performance.roc_auc": "critical"}
    assert found.findings[0].evidence["reference"] == 0.9
    calm = judge_performance(compared(dropped=False))
    assert (calm.findings, calm.checked) == ((), ("performance.roc_auc",))
    assert judge_performance(None).checked == ()


def test_a_trend_counts_when_it_is_sure_and_large() -> None:
    def found(step: float) -> Found:
        values = [Estimate(0.9 - step * i, 0, 1, 9, "") for i in range(9)]
        narrow = [
            replace(v, lower=v.value - 1e-4, upper=v.value + 1e-4) for v in values
        ]
        trend = find_trend("roc_auc", narrow, greater_is_better=True)
        return judge_trend(trend, max_loss=0.02)

    assert severities(found(0.01)) == {"trend.roc_auc": "warning"}
    assert severities(found(0.001)) == {}
    assert severities(found(-0.01)) == {}


def test_calibration_counts_beyond_chance_and_beyond_the_bound() -> None:
    def found(error: float, p: float) -> Found:
        figures = WindowCalibration(error, 0.02, p, 500)
        return judge_calibration(figures, bound=0.05, level=LEVEL)

    assert severities(found(0.12, 0.001)) == {"calibration": "warning"}
    assert severities(found(0.06, 0.001)) == {}
    assert severities(found(0.12, 0.2)) == {}
    assert judge_calibration(None, bound=0.05, level=LEVEL).checked == ()


def recorded(
    *figures: tuple[float, int | None], name: str = "accuracy"
) -> list[Recorded]:
    """Return figures in the order they were recorded, the newest first in the list."""
    made = [Recorded(NOW.isoformat(), None, n, {name: value}) for value, n in figures]
    return made[::-1]


def test_recorded_figures_are_held_against_the_first_or_the_registered() -> None:
    def found(entries: list[Recorded], reference: Performance | None = None) -> Found:
        return judge_recorded(entries, reference, version="1.0.0", max_loss=0.02)

    fell = {"performance.accuracy": "warning"}
    assert severities(found(recorded((0.9, None), (0.8, None)))) == fell
    assert severities(found(recorded((0.9, None), (0.89, None)))) == {}
    assert severities(found(recorded((0.9, 30), (0.8, 30)))) == {}
    assert severities(found(recorded((0.9, 900), (0.8, 900)))) == fell
    assert severities(found(recorded((2.0, None), (9.0, None), name="rmse"))) == {
        "performance.rmse": "warning"
    }
    # A metric nobody knows has no direction.
    assert found(recorded((2.0, None), (9.0, None), name="happiness")).checked == ()
    was = Performance("accuracy", "Accuracy", True, 0.95, 0.94, 0.96, 4000)
    assert severities(found(recorded((0.8, 900)), was)) == fell


def test_health_is_as_bad_as_its_worst_issue_and_names_what_weighs_most() -> None:
    calm = judge_health([])
    assert (calm.status, calm.reason) == (
        "healthy",
        "Nothing that was judged is wrong.",
    )
    info = judge_health([Finding("retrain.done", "info", "a retrain was done")])
    assert (info.status, len(info.issues)) == ("healthy", 1)
    found = [
        Finding("latency", "critical", "it is slow"),
        Finding("drift", "warning", "it drifted"),
        Finding("performance.f1", "critical", "F1 fell"),
        Finding("log.clock", "info", "a clock went back"),
    ]
    health = judge_health(found)
    assert health.status == "critical"
    assert health.reason == "F1 fell, and 2 more issues."
    assert [issue.cause for issue in health.issues] == [
        "performance.f1",
        "latency",
        "drift",
        "log.clock",
    ]
    warned = judge_health(found[1:2])
    assert (warned.status, warned.reason) == ("degraded", "It drifted.")
