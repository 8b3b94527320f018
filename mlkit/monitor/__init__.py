"""Monitoring: whether a model in production is healthy, and on what evidence.

A *check* reads what a model was asked and what became of it: the prediction log, the
outcomes, and the reference profile of the version. It divides them into *windows* of
time and says of each how many predictions there were, how long they took, how good they
were and whether their features still look like those that the model learned from. From
this follow *issues*, each with its evidence, and the model's *health*: healthy,
degraded or critical.
"""

from mlkit.alerts import alert_book
from mlkit.monitor.check_record import Check
from mlkit.monitor.checking import check
from mlkit.monitor.committing import commit, expose
from mlkit.monitor.detected import ColumnVerdict, Detected
from mlkit.monitor.detector import DriftDetector
from mlkit.monitor.model_monitor import ModelMonitor
from mlkit.monitor.records import (
    Challenger,
    Health,
    Issue,
    LogState,
    Quality,
    Recorded,
    Resources,
    Trend,
)
from mlkit.monitor.watched import monitor_folder
from mlkit.monitor.window_records import (
    Latency,
    WindowCalibration,
    WindowDrift,
    WindowFigures,
)

__all__ = [
    "Challenger",
    "Check",
    "ColumnVerdict",
    "Detected",
    "DriftDetector",
    "Health",
    "Issue",
    "Latency",
    "LogState",
    "ModelMonitor",
    "Quality",
    "Recorded",
    "Resources",
    "Trend",
    "WindowCalibration",
    "WindowDrift",
    "WindowFigures",
    "alert_book",
    "check",
    "commit",
    "expose",
    "monitor_folder",
]
