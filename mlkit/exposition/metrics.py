"""A model's figures as Prometheus' metrics: as they happen, or from totals."""

from __future__ import annotations

import itertools
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import Metric as Family

from mlkit.exposition.names import (
    ACCURACY,
    BUCKETS,
    DRIFT_SCORE,
    DRIFTS,
    ERRORS,
    HEALTH,
    HEALTH_VALUES,
    LABELS,
    LATENCY,
    METRICS,
    PREDICTIONS,
)
from mlkit.exposition.totals import Answers, Totals

Status = Literal["healthy", "degraded", "critical"]
GAUGES = (ACCURACY, DRIFT_SCORE, HEALTH)


class Registry(CollectorRegistry):
    """Metrics without the moments at which each series was made, one for each other."""

    def collect(self) -> Iterator[Family]:
        """Yield the metrics with their samples."""
        for family in super().collect():
            family.samples = [
                sample
                for sample in family.samples
                if not sample.name.endswith("_created")
            ]
            yield family


class Judged(ABC):
    """The gauges: what a check makes of a model.

    Attributes
    ----------
    registry : prometheus_client.CollectorRegistry
        Where the metrics are.
    """

    registry: CollectorRegistry

    @abstractmethod
    def _set(self, name: str, labels: tuple[str, str], value: float | None) -> None: ...

    @abstractmethod
    def _labelled(self, name: str) -> tuple[tuple[str, str], ...]: ...

    def forget(self, model: str, *, but: str | None = None) -> None:
        """Take the gauges of a model's versions away, but those of one version.

        A version that is no longer judged would keep its last health for ever, and the
        alert that this raised.
        """
        for name in GAUGES:
            for labels in self._labelled(name):
                if labels[0] == model and labels[1] != but:
                    self._set(name, labels, None)

    def set_accuracy(self, model: str, version: str, value: float | None) -> None:
        """Set the accuracy, R2 for a regression; None takes the series away."""
        self._set(ACCURACY, (model, version), value)

    def set_drift_score(self, model: str, version: str, value: float | None) -> None:
        """Set the share of drift, from 0 to 1; None takes the series away."""
        self._set(DRIFT_SCORE, (model, version), value)

    def set_health(self, model: str, version: str, status: Status | None) -> None:
        """Set the health: 0 critical, 1 degraded, 2 healthy; None takes it away.

        Raises
        ------
        ValueError
            When the status is none of the three.
        """
        if status is not None and status not in HEALTH_VALUES:
            raise ValueError(
                f"a model's health must be one of {', '.join(HEALTH_VALUES)}, got "
                f"{status!r}"
            )
        value = None if status is None else HEALTH_VALUES[status]
        self._set(HEALTH, (model, version), value)


class Series(NamedTuple):
    """What is counted of one version of a model."""

    predictions: Counter
    latency: Histogram
    errors: Counter
    drifts: Counter


class ModelMetrics(Judged):
    """Metrics of a service, counted as things happen.

    Methods may be called from any thread. Each instance has a registry of its own, so
    that several in one process do not collide.

    Parameters
    ----------
    registry : CollectorRegistry, optional
        Puts the metrics beside others; a registry can hold them once.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = Registry() if registry is None else registry
        self._predictions = Counter(*_declared(PREDICTIONS), registry=self.registry)
        self._errors = Counter(*_declared(ERRORS), registry=self.registry)
        self._drifts = Counter(*_declared(DRIFTS), registry=self.registry)
        self._latency = Histogram(
            *_declared(LATENCY), registry=self.registry, buckets=BUCKETS
        )
        # Looking a series up by its labels takes longer than counting in it.
        self._counted: dict[tuple[str, str], Series] = {}
        # Of several processes that serve one model, the newest judgement counts.
        self._gauges = {
            name: Gauge(
                *_declared(name),
                registry=self.registry,
                multiprocess_mode="mostrecent",
            )
            for name in GAUGES
        }
        self._set_gauges: dict[str, set[tuple[str, str]]] = {n: set() for n in GAUGES}

    def predicted(
        self, model: str, version: str, latency_seconds: float | None = None
    ) -> None:
        """Count an answer, and how long it took where that is known."""
        series = self._series(model, version)
        series.predictions.inc()
        if latency_seconds is not None:
            series.latency.observe(latency_seconds)

    def failed(self, model: str, version: str) -> None:
        """Count a request that failed; it is none of the predictions."""
        self._series(model, version).errors.inc()

    def drift_found(self, model: str, version: str) -> None:
        """Count a check that found the data drifted."""
        self._series(model, version).drifts.inc()

    def _series(self, model: str, version: str) -> Series:
        """Return the counters of a version, all of which begin at 0 together.

        Prometheus sees how a counter grows only from its second value on.
        """
        labels = (model, version)
        series = self._counted.get(labels)
        if series is None:
            series = Series(
                self._predictions.labels(*labels),
                self._latency.labels(*labels),
                self._errors.labels(*labels),
                self._drifts.labels(*labels),
            )
            self._counted[labels] = series
        return series

    def _set(self, name: str, labels: tuple[str, str], value: float | None) -> None:
        if value is None:
            self._gauges[name].remove(*labels)
            self._set_gauges[name].discard(labels)
        else:
            self._gauges[name].labels(*labels).set(value)
            self._set_gauges[name].add(labels)

    def _labelled(self, name: str) -> tuple[tuple[str, str], ...]:
        return tuple(self._set_gauges[name])


class CheckMetrics(Judged):
    """Metrics of checks: counters are the totals that the last check came to.

    Parameters
    ----------
    registry : CollectorRegistry, optional
        Puts the metrics beside others; None makes one.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = Registry() if registry is None else registry
        self._lock = threading.Lock()
        self._totals: dict[str, Totals] = {}
        self._values: dict[str, dict[tuple[str, str], float]] = {n: {} for n in GAUGES}
        self.registry.register(self)

    def set_totals(self, totals: Totals) -> None:
        """Set the counters of a model."""
        with self._lock:
            self._totals[totals.model] = totals

    def _set(self, name: str, labels: tuple[str, str], value: float | None) -> None:
        with self._lock:
            if value is None:
                self._values[name].pop(labels, None)
            else:
                self._values[name][labels] = float(value)

    def _labelled(self, name: str) -> tuple[tuple[str, str], ...]:
        with self._lock:
            return tuple(self._values[name])

    def describe(self) -> Iterator[Family]:
        """Yield the metrics without samples, by which a registry knows their names."""
        yield from _families((), {name: {} for name in GAUGES})

    def collect(self) -> Iterator[Family]:
        """Yield the metrics as they stand."""
        with self._lock:
            totals = tuple(self._totals.values())
            values = {name: dict(each) for name, each in self._values.items()}
        yield from _families(totals, values)


def of_totals(
    *totals: Totals, registry: CollectorRegistry | None = None
) -> CheckMetrics:
    """Return metrics whose counters are totals; gauges are set afterwards.

    The totals are the state: the caller keeps them from check to check, and
    :meth:`Totals.with_answers` counts no answer twice.

    Examples
    --------
    >>> metrics = of_totals(Totals("churn").with_drift("1.2.0"))
    >>> metrics.registry.get_sample_value(
    ...     "ml_drift_detections_total", {"model": "churn", "version": "1.2.0"})
    1
    """
    metrics = CheckMetrics(registry)
    for each in totals:
        metrics.set_totals(each)
    return metrics


def _declared(name: str) -> tuple[str, str, tuple[str, ...]]:
    return name, METRICS[name].help, LABELS


def _families(
    totals: Iterable[Totals], values: dict[str, dict[tuple[str, str], float]]
) -> Iterator[Family]:
    predictions = CounterMetricFamily(
        PREDICTIONS, METRICS[PREDICTIONS].help, labels=LABELS
    )
    errors = CounterMetricFamily(ERRORS, METRICS[ERRORS].help, labels=LABELS)
    drifts = CounterMetricFamily(DRIFTS, METRICS[DRIFTS].help, labels=LABELS)
    latency = HistogramMetricFamily(LATENCY, METRICS[LATENCY].help, labels=LABELS)
    for each in totals:
        for version, counted in each.by_version().items():
            labels = (each.model, version)
            drifts.add_metric(labels, each.drifts.get(version, 0))
            predictions.add_metric(labels, counted.predictions)
            errors.add_metric(labels, counted.errors)
            latency.add_metric(labels, _cumulated(counted), counted.seconds)
    yield from (predictions, latency, errors, drifts)
    for name, series in values.items():
        gauge = GaugeMetricFamily(name, METRICS[name].help, labels=LABELS)
        for labels, value in series.items():
            gauge.add_metric(labels, value)
        yield gauge


def _cumulated(counted: Answers) -> list[tuple[str, float]]:
    bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
    return list(zip(bounds, itertools.accumulate(counted.buckets), strict=True))
