"""Exposition: a model's figures, as Prometheus reads them.

A service counts its answers as they happen, in :class:`ModelMetrics`. A check counts
those of the log in :class:`Totals`, which it keeps from check to check, and gives them
out as :func:`of_totals`. Either is answered over HTTP by :func:`serve`, or written to a
file by :func:`write_textfile`.
"""

from mlkit.exposition.metrics import CheckMetrics, ModelMetrics, of_totals
from mlkit.exposition.names import HEALTH_VALUES, METRIC_NAMES, METRICS
from mlkit.exposition.outlets import Endpoint, serve, write_textfile
from mlkit.exposition.totals import Answers, Totals

__all__ = [
    "HEALTH_VALUES",
    "METRICS",
    "METRIC_NAMES",
    "Answers",
    "CheckMetrics",
    "Endpoint",
    "ModelMetrics",
    "Totals",
    "of_totals",
    "serve",
    "write_textfile",
]
